import { mkdir, rm } from "node:fs/promises";
import path from "node:path";
import { connectKafka, parseBrokers } from "../src/kafka/connect-kafka.ts";
import { configEnvironment } from "../src/stack/process-config.ts";
import { startService, type ServiceProcess } from "../src/stack/service-process.ts";
import type { DrainJob, EngineJob, EngineResult, NaiveResult } from "./drain-job.ts";
import type { DrainQuery } from "./drain-queries.ts";
import { countResults } from "./drain-results.ts";

/** What all runs of one benchmark share. */
export interface DrainSetting {
  readonly brokers: string;
  readonly topic: string;
  readonly messages: number;
  readonly sink: "kafka" | "noop";
  readonly maxOffsetsPerTrigger: number;
  /** Checkpoints and the like; each run has a folder of its own below it, gone afterwards. */
  readonly folder: string;
  /** Where CPU profiles of the engine are put. */
  readonly profileFolder?: string;
  readonly signal: AbortSignal;
}

/** One run of the engine, and how many readings its final results hold. */
export interface EngineRun extends EngineResult {
  readonly counted: number;
}

const END_GRACE_MS = 10_000;
let runs = 0;

/** A fresh process of the engine drains the topic; `firstRowOnly` ends it after its first, small batch. */
export async function runEngine(setting: DrainSetting, query: DrainQuery, firstRowOnly: boolean = false): Promise<EngineRun> {
  const { brokers, topic, messages, sink } = setting;
  const name = `${query.toLowerCase()}-${++runs}`;
  const folder = path.join(setting.folder, name);
  const resultTopic = `${topic}-${name}`;
  await mkdir(folder, { recursive: true });
  const client = await connectKafka({ brokers: parseBrokers(brokers) });
  try {
    if (sink === "kafka") await client.topics.create({ topic: resultTopic, partitions: 1 });
    const job: EngineJob = {
      brokers,
      topic,
      query,
      messages,
      askedAtMs: Date.now(),
      folder,
      maxOffsetsPerTrigger: firstRowOnly ? 1000 : setting.maxOffsetsPerTrigger,
      firstRowOnly,
      ...(sink === "kafka" ? { resultTopic } : {}),
    };
    const profile = setting.profileFolder === undefined || firstRowOnly ? [] : ["--cpu-prof", `--cpu-prof-dir=${setting.profileFolder}`];
    const result = await answerOf<EngineResult>("engine", "drain-engine.ts", job, ["--max-semi-space-size=8", ...profile], setting.signal);
    return { ...result, counted: result.counted ?? (firstRowOnly ? 0 : await countResults(client, query, resultTopic)) };
  } finally {
    if (sink === "kafka") await client.topics.delete([resultTopic]).catch(() => undefined);
    await client.close();
    await rm(folder, { recursive: true, force: true });
  }
}

/** A fresh process of the naive program reads the first `messages` of the topic. */
export function runNaive(setting: DrainSetting, query: DrainQuery, messages: number): Promise<NaiveResult> {
  const { brokers, topic, signal } = setting;
  return answerOf<NaiveResult>("naive program", "drain-naive.ts", { brokers, topic, query, messages, askedAtMs: Date.now() }, [], signal);
}

/** A process that has answered ends by itself, having written its profile. */
async function endOf(service: ServiceProcess): Promise<void> {
  const timer = setTimeout(() => void service.stop(1000), END_GRACE_MS);
  await service.ended;
  clearTimeout(timer);
}

/** Starts a process with a job, gives its one answer, and sees to its end. */
async function answerOf<Result>(
  name: string,
  file: string,
  job: DrainJob,
  nodeArgs: readonly string[],
  signal: AbortSignal,
): Promise<Result> {
  const spec = { name, module: path.join("../bench", file), args: [], nodeArgs, env: configEnvironment(job) };
  const service = await startService(spec, { signal });
  let onAbort: (() => void) | undefined;
  try {
    return await new Promise<Result>((resolve, reject) => {
      service.onMessage((message) => resolve(message as unknown as Result));
      void service.ended.then((how) => reject(new Error(`the ${name} has ended with ${how} and without a result`)));
      onAbort = () => reject(signal.reason as Error);
      signal.addEventListener("abort", onAbort, { once: true });
      if (signal.aborted) onAbort();
    });
  } finally {
    if (onAbort) signal.removeEventListener("abort", onAbort);
    if (signal.aborted) await service.stop(1000);
    else await endOf(service);
  }
}
