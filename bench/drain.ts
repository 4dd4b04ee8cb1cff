import { mkdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { parseArgs } from "node:util";
import { projectRoot } from "../src/base/project.ts";
import { reportFailure } from "../src/cli/failure.ts";
import { listenForInterruption } from "../src/cli/interrupt.ts";
import { createStatusLine } from "../src/cli/status-line.ts";
import { connectKafka } from "../src/kafka/connect-kafka.ts";
import { stateFolder } from "../src/stack/state-folder.ts";
import { createRunFolder } from "../src/stack/run-folder.ts";
import type { NaiveResult } from "./drain-job.ts";
import { DRAIN_QUERIES, expectedReadings, type DrainQuery } from "./drain-queries.ts";
import { runEngine, runNaive, type DrainSetting, type EngineRun } from "./drain-runs.ts";
import { KAFKA_CHOICES, startKafkaUnderTest } from "./kafka-under-test.ts";
import { describeMachine, loadNow, spreadOf, type Machine, type Spread } from "./machine.ts";
import { preload, type Loaded } from "./workload.ts";

const USAGE = `Drains workload W through the engine's queries Q1, Q2 and Q3 and through a naive program, and counts the readings in their results.

  npm run bench:drain -- [options]
    --messages N        readings in the topic (5000000)
    --queries Q1,Q2,Q3  which queries
    --repeat N          drains of each, the median counts (3)
    --kafka BACKEND     ${KAFKA_CHOICES} (embedded: the development broker in a process of its own)
    --sink kafka|noop   results to a topic, or nowhere (kafka)
    --batch N           maxOffsetsPerTrigger: readings in a batch, split by partition lag (250000)
    --naive N           readings that the naive program reads; 0 leaves it out (messages, at most 1000000)
    --json FILE         where the figures go (.streamlab/bench/drain-<time>.json)
    --profile FOLDER    CPU profiles of the engine's processes
`;

/** The figures of one query. Rates per second, and per CPU-second of the process. */
export interface QueryFigures {
  readonly query: DrainQuery;
  readonly messagesPerSecond: Spread;
  readonly messagesPerCpuSecond: Spread;
  readonly peakRssMiB: Spread;
  /** Command to first committed row. */
  readonly firstRowMs: Spread;
  /** Readings in the final results, and how many there should be. */
  readonly counted: readonly number[];
  readonly expected: number;
  readonly faults: readonly string[];
  readonly runs: readonly EngineRun[];
  readonly naive?: { readonly messagesPerSecond: Spread; readonly messagesPerCpuSecond: Spread; readonly peakRssMiB: Spread };
}

export interface DrainReport {
  readonly benchmark: "drain";
  readonly time: string;
  readonly broker: string;
  readonly sink: string;
  readonly messages: number;
  readonly maxOffsetsPerTrigger: number;
  readonly load: Loaded & { readonly messagesPerSecond: number };
  readonly machine: Machine;
  readonly queries: readonly QueryFigures[];
}

interface Options {
  readonly messages: number;
  readonly queries: readonly DrainQuery[];
  readonly repeat: number;
  readonly naive: number;
  readonly batch: number;
  readonly sink: "kafka" | "noop";
  readonly kafka: string | undefined;
  readonly json: string;
  readonly profile: string | undefined;
}

const perSecond = (count: number, ms: number): number => (count / ms) * 1000;

function parseOptions(): Options | undefined {
  const { values } = parseArgs({
    options: {
      messages: { type: "string", default: "5000000" },
      queries: { type: "string", default: DRAIN_QUERIES.join(",") },
      repeat: { type: "string", default: "3" },
      kafka: { type: "string" },
      sink: { type: "string", default: "kafka" },
      batch: { type: "string", default: "250000" },
      naive: { type: "string" },
      json: { type: "string" },
      profile: { type: "string" },
      help: { type: "boolean", short: "h" },
    },
  });
  if (values.help) return undefined;
  const whole = (name: string, text: string, least: number): number => {
    const number = Number(text);
    if (!Number.isSafeInteger(number) || number < least) throw new Error(`--${name} must be a whole number from ${least} on, not ${text}.`);
    return number;
  };
  const messages = whole("messages", values.messages, 1);
  const queries = values.queries.split(",").map((name) => {
    const query = DRAIN_QUERIES.find((one) => one === name.trim().toUpperCase());
    if (!query) throw new Error(`--queries must be some of ${DRAIN_QUERIES.join(", ")}, not ${name}.`);
    return query;
  });
  if (values.sink !== "kafka" && values.sink !== "noop") throw new Error(`--sink must be kafka or noop, not ${values.sink}.`);
  const stamp = new Date().toISOString().replace(/\D/g, "").slice(0, 14);
  return {
    messages,
    queries,
    repeat: whole("repeat", values.repeat, 1),
    naive: Math.min(messages, whole("naive", values.naive ?? "1000000", 0)),
    batch: whole("batch", values.batch, 1),
    sink: values.sink,
    kafka: values.kafka,
    json: path.resolve(values.json ?? path.join(stateFolder(projectRoot), "bench", `drain-${stamp}.json`)),
    profile: values.profile === undefined ? undefined : path.resolve(values.profile),
  };
}

async function main(options: Options, signal: AbortSignal): Promise<DrainReport> {
  const say = createStatusLine();
  const loadBefore = loadNow();
  const time = new Date();
  const run = await createRunFolder(path.join(stateFolder(projectRoot), "bench-runs"));
  const topic = `bench-drain-${time.getTime()}`;
  try {
    const kafka = await startKafkaUnderTest(options.kafka, run.path, signal);
    const brokers = kafka.address;
    try {
      const load = await preload({
        brokers: kafka.brokers,
        topic,
        count: options.messages,
        signal,
        onProgress: (sent) => say(`loading: ${millions(sent)} of ${millions(options.messages)} readings`),
      });
      say(`loaded ${millions(load.count)} readings, ${millions(perSecond(load.count, load.elapsedMs))} a second`);
      const setting: DrainSetting = {
        brokers,
        topic,
        messages: load.count,
        sink: options.sink,
        maxOffsetsPerTrigger: options.batch,
        folder: run.path,
        signal,
        ...(options.profile === undefined ? {} : { profileFolder: options.profile }),
      };
      const queries: QueryFigures[] = [];
      for (const query of options.queries) queries.push(await measure(setting, query, load, options, say));
      return {
        benchmark: "drain",
        time: time.toISOString(),
        broker: kafka.description,
        sink: options.sink,
        messages: load.count,
        maxOffsetsPerTrigger: options.batch,
        load: { ...load, messagesPerSecond: perSecond(load.count, load.elapsedMs) },
        machine: describeMachine(loadBefore),
        queries,
      };
    } finally {
      if (kafka.kind === "external") await deleteTopic(kafka.brokers, topic);
      await kafka.stop();
    }
  } finally {
    await run.remove();
  }
}

async function deleteTopic(brokers: readonly string[], topic: string): Promise<void> {
  const client = await connectKafka({ brokers });
  await client.topics.delete([topic]).catch(() => undefined);
  await client.close();
}

/** Warms up with short runs, which show the first row, then drains; the naive program takes turns with the engine. */
async function measure(
  setting: DrainSetting,
  query: DrainQuery,
  load: Loaded,
  options: Options,
  say: (text: string) => void,
): Promise<QueryFigures> {
  const first: number[] = [];
  const runs: EngineRun[] = [];
  const naive: NaiveResult[] = [];
  for (let i = 0; i < options.repeat; i++) {
    say(`${query}: run ${i + 1} of ${options.repeat}`);
    first.push((await runEngine(setting, query, true)).firstRowMs);
    runs.push(await runEngine(setting, query));
    if (options.naive > 0) naive.push(await runNaive(setting, query, options.naive));
  }
  const expected = expectedReadings(query, load);
  return {
    query,
    ...ratesOf(runs),
    firstRowMs: spreadOf(first),
    counted: runs.map(({ counted }) => counted),
    expected,
    faults: [...new Set(runs.flatMap((one) => faultsOf(one, load, expected)))],
    runs,
    ...(naive.length > 0 ? { naive: ratesOf(naive) } : {}),
  };
}

function ratesOf(
  runs: readonly (EngineRun | NaiveResult)[],
): Pick<QueryFigures, "messagesPerSecond" | "messagesPerCpuSecond" | "peakRssMiB"> {
  return {
    messagesPerSecond: spreadOf(runs.map(({ messages, elapsedMs }) => perSecond(messages, elapsedMs))),
    messagesPerCpuSecond: spreadOf(runs.map(({ messages, cpuMs }) => perSecond(messages, cpuMs))),
    peakRssMiB: spreadOf(runs.map(({ peakRssMiB }) => peakRssMiB)),
  };
}

/** What does not add up in a run: every reading is read once, none is late or malformed, and all are in the results. */
function faultsOf(run: EngineRun, load: Loaded, expected: number): string[] {
  const faults: string[] = [];
  if (run.messages !== load.count) faults.push(`${run.messages} of ${load.count} readings were read`);
  if (run.kept + run.filtered + run.late + run.deadLettered !== run.messages)
    faults.push(
      `${run.kept} kept + ${run.filtered} filtered + ${run.late} late + ${run.deadLettered} dead letters are not ${run.messages} readings`,
    );
  if (run.late > 0) faults.push(`${run.late} readings came too late; with smaller batches (--batch) partitions stay closer together`);
  if (run.deadLettered > 0) faults.push(`${run.deadLettered} readings became dead letters`);
  if (run.counted !== expected) faults.push(`the results hold ${run.counted} readings, not ${expected}`);
  return faults;
}

const millions = (count: number): string => (count >= 1e5 ? `${(count / 1e6).toFixed(2)} M` : String(Math.round(count)));
const range = (spread: Spread, text: (value: number) => string): string =>
  `${text(spread.median)} (${text(spread.min)} – ${text(spread.max)})`;

function print(report: DrainReport): void {
  const { machine, load } = report;
  console.log(
    `${millions(report.messages)} readings of ${(load.bytes / load.count).toFixed(0)} bytes from the ${report.broker}, results to ${report.sink === "kafka" ? "a topic" : "nowhere"}`,
  );
  console.log(
    `${machine.cores} cores (${machine.cpu}), ${machine.memoryGiB} GiB, Node ${machine.node}, load ${machine.load.before} – ${machine.load.after}; median (min – max) of ${report.queries[0]?.runs.length} runs`,
  );
  const rows = report.queries.map((one) => ({
    query: one.query,
    "msg/s": range(one.messagesPerSecond, millions),
    "msg/CPU-s": range(one.messagesPerCpuSecond, millions),
    "RSS MiB": one.peakRssMiB.median.toFixed(0),
    "first row s": (one.firstRowMs.median / 1000).toFixed(2),
    "readings counted": [...new Set(one.counted)].join(", "),
    expected: one.expected,
    "naive msg/s": one.naive ? range(one.naive.messagesPerSecond, millions) : "",
    "naive msg/CPU-s": one.naive ? millions(one.naive.messagesPerCpuSecond.median) : "",
    ratio: one.naive ? `${(one.messagesPerSecond.median / one.naive.messagesPerSecond.median).toFixed(1)} ×` : "",
    "per CPU": one.naive ? `${(one.messagesPerCpuSecond.median / one.naive.messagesPerCpuSecond.median).toFixed(1)} ×` : "",
  }));
  console.table(rows);
  for (const { query, runs } of report.queries) {
    const parts = Object.entries(runs[0]?.durationMs ?? {}).map(([part, ms]) => `${part} ${ms}`);
    console.log(`${query}: ${runs[0]?.batches} batches; ms by part in its first run: ${parts.join(", ")}`);
  }
}

async function run(): Promise<number> {
  const interruption = listenForInterruption();
  try {
    const options = parseOptions();
    if (!options) {
      process.stdout.write(USAGE);
      return 0;
    }
    const report = await main(options, interruption.signal);
    print(report);
    await mkdir(path.dirname(options.json), { recursive: true });
    await writeFile(options.json, `${JSON.stringify(report, null, 2)}\n`);
    console.log(`Figures: ${path.relative(process.cwd(), options.json)}`);
    const faults = report.queries.flatMap((one) => one.faults.map((fault) => `${one.query}: ${fault}`));
    for (const fault of faults) console.error(fault);
    return faults.length === 0 ? 0 : 1;
  } catch (thrown) {
    return reportFailure(thrown, false);
  } finally {
    interruption.release();
  }
}

process.exitCode = await run();
