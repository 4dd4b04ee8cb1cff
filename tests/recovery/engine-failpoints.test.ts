import { readdir } from "node:fs/promises";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { KafkaProducer } from "../../src/kafka/producer.ts";
import { IOT } from "../../src/labs/iot/names.ts";
import { type ServiceProcess, startService } from "../../src/stack/service-process.ts";
import {
  type EngineWatch,
  type Pipeline,
  type RecoveryStack,
  batchLog,
  endOfStart,
  engineService,
  lastBatch,
  Ledger,
  preparePipeline,
  readLog,
  seededReadings,
  startStack,
  storedDifferences,
  watchEngine,
} from "./harness.ts";

const BATCH_ROWS = 300;
const QUERIES = [IOT.metricsQuery, IOT.alertsQuery] as const;

let stack: RecoveryStack;
let producer: KafkaProducer;
beforeAll(async () => {
  stack = await startStack();
  producer = await stack.kafka.producer();
});
afterAll(() => stack.close());

/** Runs an engine that is armed to die, until it is dead; how it ended. An engine that survives is a failure: it stores everything and is stopped. */
async function runUntilDead(pipeline: Pipeline, armed: string): Promise<string> {
  let engine: ServiceProcess;
  try {
    engine = await startService(engineService(pipeline, armed));
  } catch (thrown) {
    return endOfStart(thrown);
  }
  try {
    const watch = watchEngine(pipeline);
    engine.onMessage(watch.listen);
    return await Promise.race([engine.ended, watch.drained().then(() => `survived ${armed}`)]);
  } finally {
    await engine.stop();
  }
}

/** Runs an engine until it has stored all that is in the topic. */
async function runUntilDrained(pipeline: Pipeline): Promise<void> {
  const engine = await startService(engineService(pipeline));
  const watch: EngineWatch = watchEngine(pipeline);
  engine.onMessage(watch.listen);
  try {
    await Promise.race([watch.drained(), engine.ended.then((how) => Promise.reject(new Error(`the engine ended with ${how}`)))]);
    expect(watch.failures).toEqual([]);
  } finally {
    await engine.stop();
  }
}

interface Traces {
  readonly offsets: boolean;
  readonly state: boolean;
  readonly commit: boolean;
}

/** What a query that died in batch N must have left of it: `offsets/N`, state version N+1, `commits/N`. */
const POINTS: readonly (readonly [name: string, point: (batch: number) => string, left: Traces])[] = [
  ["before W1", (n) => `w1.before:${n}`, { offsets: false, state: false, commit: false }],
  ["after W1", (n) => `w1.after:${n}`, { offsets: true, state: false, commit: false }],
  ["before W2", (n) => `w2.before:${n}`, { offsets: true, state: false, commit: false }],
  ["after W2", (n) => `w2.after:${n}`, { offsets: true, state: true, commit: false }],
  ["before W3", (n) => `w3.before:${n}`, { offsets: true, state: true, commit: false }],
  ["after the first request of W3", (n) => `w3.mid:${n}:1`, { offsets: true, state: true, commit: false }],
  ["after the second request of W3", (n) => `w3.mid:${n}:2`, { offsets: true, state: true, commit: false }],
  ["after W3", (n) => `w3.after:${n}`, { offsets: true, state: true, commit: false }],
  ["before W4", (n) => `w4.before:${n}`, { offsets: true, state: true, commit: false }],
  ["after W4", (n) => `w4.after:${n}`, { offsets: true, state: true, commit: true }],
  ["before W5", (n) => `w5.before:${n}`, { offsets: true, state: true, commit: true }],
  ["after W5", (n) => `w5.after:${n}`, { offsets: true, state: true, commit: true }],
];

async function tracesOf(pipeline: Pipeline, query: string, batch: number): Promise<Traces> {
  const offsets = (await batchLog(pipeline, query, "offsets")).has(batch);
  const commit = (await batchLog(pipeline, query, "commits")).has(batch);
  const state = await readdir(path.join(pipeline.checkpointDir, query, "state"), { recursive: true }).catch(() => []);
  return {
    offsets,
    commit,
    state: state.some(
      (file) => /^\d+\.(delta|snapshot)$/.test(path.basename(file)) && Number.parseInt(path.basename(file), 10) === batch + 1,
    ),
  };
}

test.each(POINTS)("killed %s: both queries run the same range again, nothing is missing and nothing doubled", async (name, point, left) => {
  const seed = POINTS.findIndex(([other]) => other === name) + 1;
  const pipeline = await preparePipeline(stack, `failpoint-${seed}`, { maxOffsetsPerTrigger: BATCH_ROWS, bulkSize: 5 });
  const ledger = new Ledger();
  const next = seededReadings(seed, Date.UTC(2026, 0, 1, 12), 60);
  const planned = new Map<string, ReadonlyMap<number, string>>();

  await ledger.send(producer, pipeline.topic, next(6 * BATCH_ROWS));
  for (const query of QUERIES) {
    const begun = lastBatch(await batchLog(pipeline, query, "offsets"));
    const batch = begun + 3;
    if (begun >= 0) await ledger.send(producer, pipeline.topic, next(3 * BATCH_ROWS));
    expect(await runUntilDead(pipeline, `${query}/${point(batch)}`), `seed ${seed}, ${query} in batch ${batch}`).toBe("SIGKILL");
    const expected = query === IOT.metricsQuery ? left : { ...left, state: false };
    expect(await tracesOf(pipeline, query, batch), `what ${query} left of batch ${batch}`).toEqual(expected);
    for (const other of QUERIES) planned.set(`${query} killed: ${other}`, await batchLog(pipeline, other, "offsets"));
  }
  await runUntilDrained(pipeline);

  for (const [when, offsets] of planned) {
    const query = when.split(": ")[1] ?? "";
    const now = await batchLog(pipeline, query, "offsets");
    for (const [batch, text] of offsets) expect(now.get(batch), `${when}, range of batch ${batch}`).toBe(text);
  }
  const log = await readLog(stack.kafka, pipeline.topic);
  expect(ledger.differences(log), `seed ${seed}`).toEqual([]);
  expect(log.length).toBe(ledger.acknowledged);
  expect(await storedDifferences(pipeline, log), `seed ${seed}`).toEqual([]);
  for (const query of QUERIES) expect(lastBatch(await batchLog(pipeline, query, "commits"))).toBeGreaterThanOrEqual(5);
});
