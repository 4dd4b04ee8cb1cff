import { mkdir, readFile, rm } from "node:fs/promises";
import path from "node:path";
import { connectMongo } from "../src/mongo/connect-mongo.ts";
import { connectKafka, parseBrokers, type KafkaClient } from "../src/kafka/connect-kafka.ts";
import { createResourceSampler } from "../src/monitor/resources.ts";
import { configEnvironment } from "../src/stack/process-config.ts";
import { startService, type ServiceProcess } from "../src/stack/service-process.ts";
import { Coverage, type CoverageFaults } from "./coverage.ts";
import type { BatchFigures, LatencyJob, LatencyQuery, LatencyRequest, LatencyResult, LatencySink, WrittenResult } from "./latency-job.ts";
import { alertOf, createLatencyReadings, groupOf, sendAtRate, type LoadFigures } from "./latency-load.ts";
import { percentilesOf, type Percentiles } from "./percentiles.ts";
import { sharedClock } from "./shared-clock.ts";
import { followTopic } from "./topic-follower.ts";

/** What all runs of the benchmark share. */
export interface LatencySetting {
  readonly brokers: string;
  readonly mongoUri: string;
  /** Processes besides the engine whose use is told: broker, document server. */
  readonly services: Readonly<Record<string, number>>;
  readonly folder: string;
  readonly warmUpSeconds: number;
  readonly seconds: number;
  readonly profileFolder?: string;
  readonly signal: AbortSignal;
}

/** One combination to measure. */
export interface LatencyCase {
  readonly queries: readonly LatencyQuery[];
  readonly sink: LatencySink;
  readonly ratePerSecond: number;
}

/** CPU in percent of one core over the measured time, resident memory at its end. */
export interface ProcessFigures {
  readonly cpuPercent: number;
  readonly rssMiB: number;
}

/** One query of a run: how long every single reading took, in milliseconds. */
export interface QueryLatency {
  readonly query: LatencyQuery;
  readonly latencyMs: Percentiles;
  readonly faults: CoverageFaults;
  readonly batches: BatchFigures;
}

/** One run: a fresh engine under one steady load. */
export interface LatencyRun {
  readonly queries: readonly QueryLatency[];
  readonly load: LoadFigures;
  readonly processes: Readonly<Record<string, ProcessFigures>>;
  readonly lost: number;
}

interface ResultRow {
  readonly window: { readonly start: string };
  readonly sensor_type: string;
  readonly location: string;
  readonly message_count: number;
  readonly sensor_id: string;
  readonly timestamp: string;
  readonly value: number;
}

const PARTITIONS = 3;
let runs = 0;

/** Runs the case once: the load begins when the queries run, and is measured after the warm-up. */
export async function runLatency(setting: LatencySetting, one: LatencyCase): Promise<LatencyRun> {
  const name = `bench-latency-${process.pid}-${++runs}`;
  const folder = path.join(setting.folder, name);
  const topics = [name, ...(one.sink === "kafka" ? one.queries.map((query) => `${name}-results-${query}`) : [])];
  await mkdir(folder, { recursive: true });
  const client = await connectKafka({ brokers: parseBrokers(setting.brokers) });
  try {
    for (const topic of topics) await client.topics.create({ topic, partitions: topic === name ? PARTITIONS : 1 });
    const job: LatencyJob = {
      brokers: setting.brokers,
      topic: name,
      queries: one.queries,
      sink: one.sink,
      resultPrefix: `${name}-results`,
      folder,
      ...(one.sink === "mongodb" ? { mongo: { uri: setting.mongoUri, database: name } } : {}),
    };
    const profile = setting.profileFolder === undefined ? [] : ["--cpu-prof", `--cpu-prof-dir=${setting.profileFolder}`];
    const spec = { name: "engine", module: "../bench/latency-engine.ts", args: [], nodeArgs: ["--max-semi-space-size=8", ...profile] };
    const engine = await startService({ ...spec, env: configEnvironment(job) }, { signal: setting.signal, timeoutMs: 60_000 });
    try {
      return await follow(setting, one, job, client, engine);
    } finally {
      await engine.stop();
    }
  } finally {
    await client.topics.delete(topics).catch(() => undefined);
    await client.close();
    if (one.sink === "mongodb") await dropDatabase(setting.mongoUri, name);
    await rm(folder, { recursive: true, force: true });
  }
}

async function follow(
  setting: LatencySetting,
  one: LatencyCase,
  job: LatencyJob,
  client: KafkaClient,
  engine: ServiceProcess,
): Promise<LatencyRun> {
  const failed = new AbortController();
  const signal = AbortSignal.any([setting.signal, failed.signal]);
  const answered = answerOf(engine, signal).catch((thrown: unknown) => {
    failed.abort(thrown);
    throw thrown;
  });
  answered.catch(() => undefined);
  const brokers = parseBrokers(setting.brokers);
  const followers = one.sink === "kafka" ? one.queries.map((query) => followTopic(brokers, `${job.resultPrefix}-${query}`, signal)) : [];
  const producer = await client.producer();
  try {
    const coverage = one.queries.map(() => new Coverage());
    const sampler = createResourceSampler(sharedClock);
    for (const [name, pid] of Object.entries({ engine: engine.pid, ...setting.services, measurer: process.pid })) sampler.watch(name, pid);
    const startMs = sharedClock.monotonicMs();
    const fromMs = startMs + setting.warmUpSeconds * 1000;
    const loading = sendAtRate({
      producer,
      topic: job.topic,
      next: createLatencyReadings(runs, PARTITIONS),
      ratePerSecond: one.ratePerSecond,
      seconds: setting.warmUpSeconds + setting.seconds,
      clock: sharedClock,
      signal,
      onReading: ({ group, alert }, dueMs) => {
        for (const [i, query] of one.queries.entries()) {
          if (query === "Q1") coverage[i]?.sent(group, dueMs);
          else if (alert !== undefined) coverage[i]?.sent(alert, dueMs);
        }
      },
    });
    const marked = sharedClock.sleep(setting.warmUpSeconds * 1000, signal).then(async () => {
      engine.send({ type: "mark" } satisfies LatencyRequest);
      await sampler.sample();
    });
    const [load] = await Promise.all([loading, marked]);
    const used = await sampler.sample();
    engine.send({ type: "finish" } satisfies LatencyRequest);
    const result = await answered;
    for (const [i, query] of one.queries.entries()) {
      const covered = coverage[i] as Coverage;
      const follower = followers[i];
      const results = follower
        ? await fromTopic(client, query, `${job.resultPrefix}-${query}`, follower)
        : (JSON.parse(await readFile(path.join(job.folder, `written-${query}.json`), "utf8")) as WrittenResult[]);
      for (const [group, readings, atMs] of results) covered.result(group, readings, atMs);
    }
    return {
      queries: one.queries.map((query, i) => ({
        query,
        latencyMs: percentilesOf((coverage[i] as Coverage).latencies(fromMs, Infinity)),
        faults: (coverage[i] as Coverage).faults(),
        batches: result.batches[query] ?? { batches: 0, readings: 0, durationMs: {} },
      })),
      load,
      lost: result.lost,
      processes: Object.fromEntries(used.map(({ process: name, cpuPercent, rssMb }) => [name, { cpuPercent, rssMiB: rssMb }])),
    };
  } finally {
    await Promise.all(followers.map((follower) => follower.close()));
    await producer.close().catch(() => undefined);
  }
}

/** The results of a topic in the order in which they came. */
async function fromTopic(
  client: KafkaClient,
  query: LatencyQuery,
  topic: string,
  follower: ReturnType<typeof followTopic>,
): Promise<WrittenResult[]> {
  const end = (await client.topics.offsets(topic))[0]?.latest ?? 0;
  return (await follower.upTo(end)).map(({ value, atMs }) => {
    const row = JSON.parse(value) as ResultRow;
    return query === "Q1"
      ? [groupOf(Date.parse(row.window.start), row.sensor_type, row.location), row.message_count, atMs]
      : [alertOf(row.sensor_id, Date.parse(row.timestamp), row.value), 1, atMs];
  });
}

/** The engine's one answer, or why there is none. */
function answerOf(engine: ServiceProcess, signal: AbortSignal): Promise<LatencyResult> {
  return new Promise((resolve, reject) => {
    engine.onMessage((message) => resolve(message as unknown as LatencyResult));
    void engine.ended.then((how) => reject(new Error(`the engine has ended with ${how} and without a result`)));
    signal.addEventListener("abort", () => reject(signal.reason as Error), { once: true });
  });
}

async function dropDatabase(uri: string, name: string): Promise<void> {
  const client = await connectMongo(uri, { appName: "streamlab bench" });
  await client
    .db(name)
    .dropDatabase()
    .catch(() => undefined);
  await client.close();
}
