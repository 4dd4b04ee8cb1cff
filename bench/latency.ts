import path from "node:path";
import { projectRoot } from "../src/base/project.ts";
import { createRunFolder } from "../src/stack/run-folder.ts";
import { stateFolder } from "../src/stack/state-folder.ts";
import { machineLine, runBenchmark, spreadText, type BenchmarkReport } from "./benchmark.ts";
import { isCommand } from "./is-command.ts";
import { KAFKA_CHOICES, startKafkaUnderTest } from "./kafka-under-test.ts";
import { LATENCY_QUERIES, LATENCY_SINKS, type LatencyQuery, type LatencySink } from "./latency-job.ts";
import { runLatency, type LatencyCase, type LatencyRun, type LatencySetting, type ProcessFigures } from "./latency-run.ts";
import { describeMachine, loadNow, spreadOf, type Spread } from "./machine.ts";
import { MONGO_CHOICES, startMongoUnderTest } from "./mongo-under-test.ts";
import { figuresFile, readOptions, someOf, wholeNumber, wholeNumbers } from "./options.ts";

const USAGE = `Measures how long a reading takes to its result: to a topic, and to a document that the server has acknowledged.

  npm run bench:latency -- [options]
    --queries Q1,Q3       which queries, one at a time (Q1 update mode, Q3 append mode; default trigger, checkpoint on)
    --together            all of them in one process at the same time
    --sink kafka,mongodb  where results go
    --rate N,N            readings a second (1000,10000)
    --seconds N           measured time (20)
    --warm-up N           seconds before that, and of a run of the servers before the first (5)
    --repeat N            runs of each, the median counts (3)
    --kafka CHOICE        ${KAFKA_CHOICES} (embedded: the development broker in a process of its own)
    --mongo CHOICE        ${MONGO_CHOICES} (embedded)
    --json FILE           where the figures go (.streamlab/bench/latency-<time>.json)
    --profile FOLDER      CPU profiles of the engine's processes

A reading is due at a fixed time (open loop), and its latency counts from there, not from when it could be sent. It ends when the first result that
covers the reading is here: a result that counts n readings of a window, type and location covers the first n of them. That is exact, because the
load sends all readings of one type and location to one partition in order. For a topic, "here" is when the measurer has the bytes of the result
from a fetch that waits at the broker. For documents it is when the server has acknowledged the whole batch with the result in it, taken in the
engine's process on the clock that all processes of the machine share: the document is visible by then, and nothing polls the server meanwhile.
`;

interface Options {
  readonly queries: readonly LatencyQuery[];
  readonly together: boolean;
  readonly sinks: readonly LatencySink[];
  readonly rates: readonly number[];
  readonly seconds: number;
  readonly warmUpSeconds: number;
  readonly repeat: number;
  readonly kafka: string | undefined;
  readonly mongo: string | undefined;
  readonly json: string;
  readonly profile: string | undefined;
}

/** One query in one case, over its runs. Milliseconds. */
export interface LatencyFigures {
  readonly query: LatencyQuery;
  readonly together: boolean;
  readonly sink: LatencySink;
  readonly ratePerSecond: number;
  readonly p50: Spread;
  readonly p95: Spread;
  readonly p99: Spread;
  readonly max: Spread;
  /** Readings measured in each run. */
  readonly readings: Spread;
  readonly batchesPerSecond: Spread;
  /** Mean of a batch by its part. */
  readonly batchMs: Readonly<Record<string, number>>;
  readonly processes: Readonly<Record<string, { readonly cpuPercent: Spread; readonly rssMiB: Spread }>>;
  /** Medians of the load generator: how late it handed readings over, how long the brokers took to acknowledge them. */
  readonly handedAfterMsP99: Spread;
  readonly acknowledgedAfterMsP50: Spread;
  readonly acknowledgedAfterMsP99: Spread;
  readonly runs: readonly LatencyRun[];
}

export interface LatencyReport extends BenchmarkReport {
  readonly benchmark: "latency";
  readonly broker: string;
  readonly documentServer: string;
  readonly seconds: number;
  readonly warmUpSeconds: number;
  readonly cases: readonly LatencyFigures[];
}

export function parseLatencyOptions(args: readonly string[]): Options | undefined {
  const values = readOptions(
    {
      queries: { type: "string", default: LATENCY_QUERIES.join(",") },
      together: { type: "boolean", default: false },
      sink: { type: "string", default: LATENCY_SINKS.join(",") },
      rate: { type: "string", default: "1000,10000" },
      seconds: { type: "string", default: "20" },
      "warm-up": { type: "string", default: "5" },
      repeat: { type: "string", default: "3" },
      kafka: { type: "string" },
      mongo: { type: "string" },
      json: { type: "string" },
      profile: { type: "string" },
      help: { type: "boolean", short: "h" },
    },
    args,
  );
  if (values.help) return undefined;
  return {
    queries: someOf("queries", values.queries, LATENCY_QUERIES),
    together: values.together,
    sinks: someOf("sink", values.sink, LATENCY_SINKS),
    rates: wholeNumbers("rate", values.rate, 1),
    seconds: wholeNumber("seconds", values.seconds, 1),
    warmUpSeconds: wholeNumber("warm-up", values["warm-up"], 0),
    repeat: wholeNumber("repeat", values.repeat, 1),
    kafka: values.kafka,
    mongo: values.mongo,
    json: figuresFile("latency", values.json),
    profile: values.profile === undefined ? undefined : path.resolve(values.profile),
  };
}

async function measure(options: Options, signal: AbortSignal, say: (text: string) => void): Promise<LatencyReport> {
  const loadBefore = loadNow();
  const time = new Date().toISOString();
  const run = await createRunFolder(path.join(stateFolder(projectRoot), "bench-runs"));
  const services: { stop(): Promise<void> }[] = [];
  try {
    const kafka = await startKafkaUnderTest(options.kafka, run.path, signal);
    services.push(kafka);
    const mongo = options.sinks.includes("mongodb") ? await startMongoUnderTest(options.mongo, run.path, signal) : undefined;
    if (mongo) services.push(mongo);
    const setting: LatencySetting = {
      brokers: kafka.address,
      mongoUri: mongo?.uri ?? "",
      services: { ...numbered("broker", kafka.pids), ...numbered("document server", mongo?.pids ?? []) },
      folder: run.path,
      seconds: options.seconds,
      warmUpSeconds: options.warmUpSeconds,
      signal,
      ...(options.profile === undefined ? {} : { profileFolder: options.profile }),
    };
    const cases: LatencyFigures[] = [];
    if (options.warmUpSeconds > 0) await warmServers(setting, options, say);
    for (const sink of options.sinks)
      for (const ratePerSecond of options.rates)
        for (const queries of options.together ? [options.queries] : options.queries.map((query) => [query]))
          cases.push(...(await measureCase(setting, { queries, sink, ratePerSecond }, options.repeat, say)));
    return {
      benchmark: "latency",
      time,
      broker: kafka.description,
      documentServer: mongo?.description ?? "none",
      seconds: options.seconds,
      warmUpSeconds: options.warmUpSeconds,
      machine: describeMachine(loadBefore),
      cases,
      faults: cases.flatMap(faultsOf),
    };
  } finally {
    for (const service of services.reverse()) await service.stop();
    await run.remove();
  }
}

/** A run that nobody looks at: the servers stay for all runs, and the first should not find them cold. */
async function warmServers(setting: LatencySetting, options: Options, say: (text: string) => void): Promise<void> {
  const { profileFolder: _, ...unprofiled } = setting;
  for (const sink of options.sinks) {
    say(`warming the servers up: ${options.queries.join(" and ")} to ${sink}`);
    const ratePerSecond = Math.min(1000, ...options.rates);
    await runLatency(
      { ...unprofiled, warmUpSeconds: 0, seconds: options.warmUpSeconds },
      { queries: options.queries, sink, ratePerSecond },
    );
  }
}

/** Names for the processes of one server. */
function numbered(name: string, pids: readonly number[]): Record<string, number> {
  return Object.fromEntries(pids.map((pid, i) => [pids.length > 1 ? `${name} ${i + 1}` : name, pid]));
}

async function measureCase(
  setting: LatencySetting,
  one: LatencyCase,
  repeat: number,
  say: (text: string) => void,
): Promise<LatencyFigures[]> {
  const runs: LatencyRun[] = [];
  for (let i = 0; i < repeat; i++) {
    say(`${one.queries.join(" and ")} to ${one.sink}, ${one.ratePerSecond} readings/s: run ${i + 1} of ${repeat}`);
    runs.push(await runLatency(setting, one));
  }
  return one.queries.map((query, i) => {
    const own = runs.map((run) => ({ ...run, queries: run.queries.filter((_, index) => index === i) }));
    const latencies = own.flatMap((run) => run.queries);
    const spread = (figure: (one: (typeof latencies)[number]) => number): Spread => spreadOf(latencies.map(figure));
    const processes = (name: string, figure: (one: ProcessFigures) => number): Spread =>
      spreadOf(runs.map((run) => figure(run.processes[name] ?? { cpuPercent: Number.NaN, rssMiB: Number.NaN })));
    return {
      query,
      together: one.queries.length > 1,
      sink: one.sink,
      ratePerSecond: one.ratePerSecond,
      p50: spread(({ latencyMs }) => latencyMs.p50),
      p95: spread(({ latencyMs }) => latencyMs.p95),
      p99: spread(({ latencyMs }) => latencyMs.p99),
      max: spread(({ latencyMs }) => latencyMs.max),
      readings: spread(({ latencyMs }) => latencyMs.count),
      batchesPerSecond: spread(({ batches }) => batches.batches / setting.seconds),
      batchMs: meanBatch(latencies.map(({ batches }) => batches)),
      processes: Object.fromEntries(
        Object.keys(runs[0]?.processes ?? {}).map((name) => [
          name,
          { cpuPercent: processes(name, (use) => use.cpuPercent), rssMiB: processes(name, (use) => use.rssMiB) },
        ]),
      ),
      handedAfterMsP99: spreadOf(runs.map(({ load }) => load.handedAfterMs.p99)),
      acknowledgedAfterMsP50: spreadOf(runs.map(({ load }) => load.acknowledgedAfterMs.p50)),
      acknowledgedAfterMsP99: spreadOf(runs.map(({ load }) => load.acknowledgedAfterMs.p99)),
      runs: own,
    };
  });
}

/** The parts of a batch that are told, in their order; `sink` lies within addBatch. */
const PARTS = ["latestOffset", "walCommit", "addBatch", "sink", "stateCommit", "commitOffsets", "triggerExecution"] as const;

/** Milliseconds of the mean batch by part. */
function meanBatch(
  runs: readonly { readonly batches: number; readonly durationMs: Readonly<Record<string, number>> }[],
): Record<string, number> {
  const batches = runs.reduce((sum, run) => sum + run.batches, 0);
  return Object.fromEntries(PARTS.map((part) => [part, runs.reduce((sum, run) => sum + (run.durationMs[part] ?? 0), 0) / batches]));
}

function faultsOf(one: LatencyFigures): string[] {
  const label = `${one.query} to ${one.sink} at ${one.ratePerSecond} readings/s`;
  return one.runs.flatMap(({ queries, lost }) => {
    const { missing = 0, excess = 0, backwards = 0 } = queries[0]?.faults ?? {};
    return [
      ...(missing > 0 ? [`${label}: no result covers ${missing} readings`] : []),
      ...(excess > 0 ? [`${label}: ${excess} results count readings that were not sent`] : []),
      ...(backwards > 0 ? [`${label}: ${backwards} results count fewer readings than one before`] : []),
      ...(lost > 0 ? [`${label}: ${lost} readings came too late or became dead letters`] : []),
    ];
  });
}

const ms = (value: number): string => value.toFixed(value < 100 ? 1 : 0);

function print(report: LatencyReport): void {
  console.log(
    `Reading → result through the ${report.broker}${report.documentServer === "none" ? "" : ` and the ${report.documentServer}`}; ${report.seconds} s after ${report.warmUpSeconds} s of warm-up`,
  );
  console.log(`${machineLine(report)}; median (min – max) of ${report.cases[0]?.runs.length} runs, milliseconds`);
  console.table(
    report.cases.map((one) => ({
      query: one.together ? `${one.query} (together)` : one.query,
      to: one.sink,
      "readings/s": one.ratePerSecond,
      p50: spreadText(one.p50, ms),
      p95: spreadText(one.p95, ms),
      p99: spreadText(one.p99, ms),
      max: spreadText(one.max, ms),
      "batches/s": one.batchesPerSecond.median.toFixed(0),
      "engine CPU %": one.processes.engine?.cpuPercent.median.toFixed(0),
      "RSS MiB": one.processes.engine?.rssMiB.median.toFixed(0),
    })),
  );
  for (const one of report.cases) {
    const parts = Object.entries(one.batchMs).map(([part, value]) => `${part} ${value.toFixed(2)}`);
    const others = Object.entries(one.processes).map(([name, use]) => `${name} ${use.cpuPercent.median.toFixed(0)} %`);
    const load = `handed over ${ms(one.handedAfterMsP99.median)} ms after its time (p99), acknowledged after ${ms(one.acknowledgedAfterMsP50.median)} (p50), ${ms(one.acknowledgedAfterMsP99.median)} ms (p99)`;
    console.log(`${one.query} to ${one.sink} at ${one.ratePerSecond}/s: mean batch ${parts.join(", ")} ms`);
    console.log(`  CPU ${others.join(", ")}; load ${load}`);
  }
}

if (isCommand(import.meta.filename)) process.exitCode = await runBenchmark({ usage: USAGE, parse: parseLatencyOptions, measure, print });
