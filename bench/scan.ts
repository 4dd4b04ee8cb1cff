import { mkdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { parseArgs } from "node:util";
import { projectRoot } from "../src/base/project.ts";
import { reportFailure } from "../src/cli/failure.ts";
import { createSession } from "../src/engine/api/session.ts";
import { compile } from "../src/engine/operators/compile.ts";
import { DeadLetterBatch } from "../src/engine/operators/dead-letters.ts";
import { BatchRun } from "../src/engine/operators/stage.ts";
import { analyze } from "../src/engine/plan/analyze.ts";
import { optimize } from "../src/engine/plan/optimize.ts";
import type { RecordBlock } from "../src/engine/sources/source.ts";
import { StateFiles } from "../src/engine/state/state-files.ts";
import { recordSchema } from "../src/kafka/record-schema.ts";
import { stateFolder } from "../src/stack/state-folder.ts";
import { describeMachine, loadNow, spreadOf, type Machine, type Spread } from "./machine.ts";
import { SCAN_CASES, type ScanCase } from "./scan-cases.ts";

const USAGE = `Reads records that lie in memory through generated stages: from their bytes, and by the full rules over texts (spark.sql.codegen.byteScanners=false).

  npm run bench:scan -- [options]
    --records N         records of each format, in blocks of 10000 (200000)
    --rounds N          times that they are read each way, in turns; the median counts (7)
    --cases a,b         which of ${SCAN_CASES.map(({ name }) => name).join(", ")}
    --code              print the generated code
    --json FILE         where the figures go (.streamlab/bench/scan-<time>.json)
`;

/** The figures of one case: records per second. */
interface ScanFigures {
  readonly name: string;
  readonly reads: string;
  readonly bytesPerRecord: number;
  readonly fromBytes: Spread;
  readonly fullRules: Spread;
  readonly sameAnswer: boolean;
}

interface ScanReport {
  readonly benchmark: "scan";
  readonly time: string;
  readonly records: number;
  readonly machine: Machine;
  readonly cases: readonly ScanFigures[];
}

interface Options {
  readonly records: number;
  readonly rounds: number;
  readonly cases: readonly ScanCase[];
  readonly code: boolean;
  readonly json: string;
}

const BLOCK = 10_000;

function parseOptions(): Options | undefined {
  const { values } = parseArgs({
    options: {
      records: { type: "string", default: "200000" },
      rounds: { type: "string", default: "7" },
      cases: { type: "string", default: SCAN_CASES.map(({ name }) => name).join(",") },
      code: { type: "boolean", default: false },
      json: { type: "string" },
      help: { type: "boolean", short: "h" },
    },
  });
  if (values.help) return undefined;
  const whole = (name: string, text: string): number => {
    const number = Number(text);
    if (!Number.isSafeInteger(number) || number < 1) throw new Error(`--${name} must be a whole number from 1 on, not ${text}.`);
    return number;
  };
  const cases = values.cases.split(",").map((name) => {
    const found = SCAN_CASES.find((one) => one.name === name.trim());
    if (!found) throw new Error(`--cases must be some of ${SCAN_CASES.map((one) => one.name).join(", ")}, not ${name}.`);
    return found;
  });
  const stamp = new Date().toISOString().replace(/\D/g, "").slice(0, 14);
  return {
    records: whole("records", values.records),
    rounds: whole("rounds", values.rounds),
    cases,
    code: values.code,
    json: path.resolve(values.json ?? path.join(stateFolder(projectRoot), "bench", `scan-${stamp}.json`)),
  };
}

/** The values as the blocks of one partition, without keys. */
function blocksOf(values: readonly string[]): RecordBlock[] {
  const blocks: RecordBlock[] = [];
  for (let from = 0; from < values.length; from += BLOCK) {
    const bytes = values.slice(from, from + BLOCK).map((text) => Buffer.from(text));
    const positions = new Int32Array(bytes.length * 4);
    let at = 0;
    bytes.forEach((one, i) => {
      positions.set([-1, -1, at, at + one.length], i * 4);
      at += one.length;
    });
    blocks.push({
      kind: "records",
      topic: "records",
      partition: 0,
      buffer: Buffer.concat(bytes),
      count: bytes.length,
      positions,
      offsets: Float64Array.from(bytes, (_, i) => from + i),
      timestampsMs: new Float64Array(bytes.length),
      timestampType: 0,
    });
  }
  return blocks;
}

/** A query that is compiled once; what it answers to the blocks, as text. */
function reader(one: ScanCase, byteScanners: boolean): { read(blocks: readonly RecordBlock[]): string; code(): string } {
  const session = createSession({ conf: { "spark.sql.codegen.byteScanners": String(byteScanners) } });
  session.memoryStream(recordSchema(false)).toDF().createOrReplaceTempView("records");
  const { context } = session.internals;
  const compiled = compile(optimize(analyze(session.sql(one.sql).plan, context)), {
    mode: "complete",
    settings: { ...context.settings, keepDeadLetters: false },
    stateFiles: () => new StateFiles(""),
  });
  const run = new BatchRun();
  const leaf = compiled.leaves[0];
  if (!leaf) throw new Error("the query reads nothing");
  return {
    read: (blocks) => {
      run.begin(0, new DeadLetterBatch(0));
      compiled.begin(
        run,
        compiled.operators.map(() => -Infinity),
        compiled.operators.map(() => -Infinity),
      );
      for (const block of blocks) compiled.process(leaf, block);
      const rows = compiled.finish();
      for (const { store } of compiled.operators) void store.load(0);
      return JSON.stringify(
        rows.map((row) => JSON.stringify(row, (_key, value: unknown) => (typeof value === "bigint" ? String(value) : value))).sort(),
      );
    },
    code: () => compiled.stages.flatMap((stage) => stage.code).join("\n\n"),
  };
}

function measure(one: ScanCase, options: Options): ScanFigures {
  const values = one.values(options.records);
  const blocks = blocksOf(values);
  const ways = [reader(one, true), reader(one, false)] as const;
  const rates: [number[], number[]] = [[], []];
  const answers = new Set<string>();
  for (let round = -1; round < options.rounds; round++) {
    ways.forEach((way, i) => {
      const started = performance.now();
      answers.add(way.read(blocks));
      const seconds = (performance.now() - started) / 1000;
      if (round >= 0) rates[i as 0 | 1].push(values.length / seconds);
    });
  }
  if (options.code) console.log(`${ways[0].code()}\n`);
  return {
    name: one.name,
    reads: one.reads,
    bytesPerRecord: Math.round(blocks.reduce((sum, block) => sum + block.buffer.length, 0) / values.length),
    fromBytes: spreadOf(rates[0]),
    fullRules: spreadOf(rates[1]),
    sameAnswer: answers.size === 1,
  };
}

const millions = (rate: number): string => `${(rate / 1e6).toFixed(2)} M`;
const range = ({ median, min, max }: Spread): string => `${millions(median)} (${millions(min)} – ${millions(max)})`;

function print(report: ScanReport): void {
  const { machine } = report;
  console.log(`${report.records} records of each format in memory; records per second, median (min – max)`);
  console.log(
    `${machine.cores} cores (${machine.cpu}), ${machine.memoryGiB} GiB, Node ${machine.node}, load ${machine.load.before} – ${machine.load.after}`,
  );
  console.table(
    report.cases.map((one) => ({
      format: one.name,
      reads: one.reads,
      bytes: one.bytesPerRecord,
      "from bytes": range(one.fromBytes),
      "full rules": range(one.fullRules),
      ratio: `${(one.fromBytes.median / one.fullRules.median).toFixed(1)} ×`,
    })),
  );
}

async function run(): Promise<number> {
  try {
    const options = parseOptions();
    if (!options) {
      process.stdout.write(USAGE);
      return 0;
    }
    const before = loadNow();
    const time = new Date().toISOString();
    const cases = options.cases.map((one) => measure(one, options));
    const report: ScanReport = { benchmark: "scan", time, records: options.records, machine: describeMachine(before), cases };
    print(report);
    await mkdir(path.dirname(options.json), { recursive: true });
    await writeFile(options.json, `${JSON.stringify(report, null, 2)}\n`);
    console.log(`Figures: ${path.relative(process.cwd(), options.json)}`);
    const wrong = cases.filter((one) => !one.sameAnswer);
    for (const one of wrong) console.error(`${one.name}: both ways gave different answers`);
    return wrong.length === 0 ? 0 : 1;
  } catch (thrown) {
    return reportFailure(thrown, false);
  }
}

process.exitCode = await run();
