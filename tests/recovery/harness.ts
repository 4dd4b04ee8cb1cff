import { mkdtemp, readFile, readdir, rm } from "node:fs/promises";
import { enableCompileCache } from "node:module";
import { tmpdir } from "node:os";
import path from "node:path";
import type { MongoClient } from "mongodb";
import { systemClock } from "../../src/base/clock.ts";
import { messageOf } from "../../src/base/errors.ts";
import type { GeneratedRecord } from "../../src/generators/record.ts";
import { createSensorRecords } from "../../src/generators/sensors.ts";
import { type KafkaClient, connectKafka } from "../../src/kafka/connect-kafka.ts";
import type { KafkaProducer } from "../../src/kafka/producer.ts";
import { createDrainTracker } from "../../src/labs/iot/drain-tracker.ts";
import { prepareCollections, prepareTopic } from "../../src/labs/iot/infrastructure.ts";
import { IOT } from "../../src/labs/iot/names.ts";
import type { EngineConfig, EngineMessage } from "../../src/labs/iot/process-messages.ts";
import { type StoredWindow, compareWindows, recountReadings } from "../../src/labs/iot/recount.ts";
import { connectMongo } from "../../src/mongo/connect-mongo.ts";
import { freePort } from "../../src/stack/port.ts";
import { configEnvironment } from "../../src/stack/process-config.ts";
import { addressOf, embeddedService } from "../../src/stack/servers.ts";
import type { ServiceSpec } from "../../src/stack/service-process.ts";
import { type SupervisedService, superviseService } from "../../src/stack/supervisor.ts";

enableCompileCache();

/** How long a recovery may take until the query has caught up; far beyond what it needs, so that only a hang reaches it. */
export const RECOVERY_LIMIT_MS = 30_000;

/** A broker and a document server as supervised processes, on data of their own. */
export interface RecoveryStack {
  readonly folder: string;
  readonly broker: SupervisedService;
  readonly documentServer: SupervisedService;
  readonly brokers: string;
  readonly mongoUri: string;
  readonly kafka: KafkaClient;
  readonly mongo: MongoClient;
  /** Calls `close` when the stack is closed, before anything that was opened earlier. */
  onClose(close: () => Promise<unknown>): void;
  /** Ends every process and removes the folder. Safe to call twice. */
  close(): Promise<void>;
}

export async function startStack(): Promise<RecoveryStack> {
  const folder = await mkdtemp(path.join(tmpdir(), "streamlab-recovery-"));
  const closers: (() => Promise<unknown>)[] = [() => rm(folder, { recursive: true, force: true, maxRetries: 5 })];
  let closing: Promise<void> | undefined;
  const close = (): Promise<void> =>
    (closing ??= (async () => {
      const failures: unknown[] = [];
      for (const closer of closers.reverse()) await closer().catch((thrown: unknown) => failures.push(thrown));
      if (failures.length > 0) throw new AggregateError(failures, "not everything could be closed");
    })());
  try {
    const ports = [await freePort(), await freePort()] as const;
    const [broker, documentServer] = await Promise.all([
      superviseService(embeddedService("kafka", ports[0], folder)),
      superviseService(embeddedService("mongo", ports[1], folder)),
    ]);
    closers.push(() => Promise.all([broker.stop(), documentServer.stop()]));
    const [brokers, mongoUri] = [addressOf("kafka", "127.0.0.1", ports[0]), addressOf("mongo", "127.0.0.1", ports[1])];
    const [kafka, mongo] = await Promise.all([connectKafka({ brokers: [brokers] }), connectMongo(mongoUri)]);
    closers.push(() => Promise.all([kafka.close(), mongo.close()]));
    return { folder, broker, documentServer, brokers, mongoUri, kafka, mongo, onClose: (closer) => void closers.push(closer), close };
  } catch (thrown) {
    await close();
    throw thrown;
  }
}

/** One pipeline on a stack: a topic, a database and checkpoints that no other uses. */
export type Pipeline = EngineConfig & { readonly stack: RecoveryStack };

export async function preparePipeline(
  stack: RecoveryStack,
  name: string,
  options: Pick<EngineConfig, "maxOffsetsPerTrigger" | "bulkSize"> = {},
): Promise<Pipeline> {
  const pipeline: Pipeline = {
    ...options,
    stack,
    brokers: stack.brokers,
    mongoUri: stack.mongoUri,
    topic: `readings-${name}`,
    database: `lab-${name}`,
    checkpointDir: path.join(stack.folder, "checkpoints", name),
    startingOffsets: "earliest",
  };
  await Promise.all([prepareTopic(stack.kafka, pipeline.topic), prepareCollections(stack.mongo.db(pipeline.database))]);
  return pipeline;
}

/** The lab's engine on a pipeline; `armed` is LAB_FAIL, "" for none. */
export function engineService(pipeline: Pipeline, armed: string = ""): ServiceSpec {
  const { stack: _, ...config } = pipeline;
  return { name: "engine", module: "labs/iot/engine-process.ts", args: [], env: { ...configEnvironment(config), LAB_FAIL: armed } };
}

/** What an engine's messages say: how far it is, and what went wrong. */
export interface EngineWatch {
  listen(message: Readonly<Record<string, unknown>>): void;
  readonly failures: readonly string[];
  /** Resolves when both queries have stored all that the topic holds now; rejects after RECOVERY_LIMIT_MS. */
  drained(): Promise<void>;
}

export function watchEngine(pipeline: Pipeline): EngineWatch {
  const tracker = createDrainTracker(pipeline.stack.kafka, pipeline.topic, systemClock);
  const failures: string[] = [];
  return {
    failures,
    listen: (message) => {
      const said = message as unknown as EngineMessage;
      if (said.type === "failed") failures.push(`${said.query}: ${said.message}`);
      else tracker.heard(said);
    },
    drained: async () => {
      if (await tracker.drained(RECOVERY_LIMIT_MS)) return;
      throw new Error(`the queries have not stored the whole topic within ${RECOVERY_LIMIT_MS / 1000} s; ${failures.join("; ")}`);
    },
  };
}

/** The messages of one generator in order; the same seed gives the same messages, one for each `everyMs` of event time. */
export function seededReadings(seed: number, startMs: number, everyMs: number): (count: number) => GeneratedRecord[] {
  const generator = createSensorRecords({ seed });
  let made = 0;
  return (count) => {
    const records: GeneratedRecord[] = [];
    for (let i = 0; i < count; i++) {
      const atMs = startMs + made++ * everyMs;
      generator.next(atMs, atMs, records);
    }
    return records;
  };
}

/** What was sent to one topic and what came of it, message by message. */
export class Ledger {
  readonly #acknowledged = new Map<string, number>();
  readonly #unsure = new Map<string, number>();
  #count = 0;

  /** Messages that the broker has acknowledged. */
  get acknowledged(): number {
    return this.#count;
  }

  /** Sends a batch; one that fails may or may not be in the log. */
  async send(producer: KafkaProducer, topic: string, records: readonly GeneratedRecord[]): Promise<void> {
    try {
      await producer.send(topic, records);
    } catch (thrown) {
      for (const record of records) count(this.#unsure, textOf(record));
      throw thrown;
    }
    for (const record of records) count(this.#acknowledged, textOf(record));
    this.#count += records.length;
  }

  /**
   * Every acknowledged message must be in the log as often as it was acknowledged, one without an answer at most once, and no other at all.
   * Messages are compared byte for byte, key and value.
   */
  differences(log: readonly LogRecord[]): string[] {
    const left = new Map<string, number>();
    for (const record of log) count(left, textOf(record));
    const differences: string[] = [];
    for (const [text, times] of this.#acknowledged) {
      const found = left.get(text) ?? 0;
      const most = times + (this.#unsure.get(text) ?? 0);
      if (found < times) differences.push(`acknowledged ${times}×, in the log ${found}×: ${text}`);
      else if (found > most) differences.push(`sent ${most}×, in the log ${found}×: ${text}`);
      left.delete(text);
    }
    for (const [text, found] of left) {
      const most = this.#unsure.get(text) ?? 0;
      if (found > most) differences.push(`sent ${most}× without an answer, in the log ${found}×: ${text}`);
    }
    return differences;
  }
}

function textOf({ key, value }: { readonly key: string | Uint8Array | null; readonly value: string | Uint8Array | null }): string {
  return `${String(key)} ${value === null ? "null" : Buffer.from(value).toString("latin1")}`;
}

function count(counts: Map<string, number>, text: string): void {
  counts.set(text, (counts.get(text) ?? 0) + 1);
}

/** A message as it lies in the topic. */
export interface LogRecord {
  readonly partition: number;
  readonly offset: number;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
}

/** The whole topic as of now, read by kafkajs. Offsets without a gap and without a repetition are part of what is checked. */
export async function readLog(kafka: KafkaClient, topic: string): Promise<LogRecord[]> {
  const ends = new Map((await kafka.topics.offsets(topic)).map(({ partition, latest }) => [partition, latest]));
  const next = new Map([...ends.keys()].map((partition) => [partition, 0]));
  const isDone = (): boolean => [...ends].every(([partition, end]) => (next.get(partition) ?? 0) >= end);
  const records: LogRecord[] = [];
  if (isDone()) return records;
  const consumer = await kafka.consumer({ groupId: `read-${process.pid}-${performance.now()}`, topics: [topic], fromBeginning: true });
  try {
    await new Promise<void>((resolve, reject) => {
      const take = (batch: Parameters<Parameters<typeof consumer.run>[0]>[0]): void => {
        for (const { partition, offset, key, value } of batch) {
          if (offset >= (ends.get(partition) ?? 0)) continue;
          const expected = next.get(partition) ?? 0;
          if (offset !== expected) throw new Error(`${topic}-${partition}: offset ${offset} after ${expected - 1}`);
          next.set(partition, offset + 1);
          records.push({ partition, offset, key, value });
        }
        if (isDone()) resolve();
      };
      const onRecords: Parameters<typeof consumer.run>[0] = async (batch) => {
        try {
          take(batch);
        } catch (thrown) {
          reject(thrown as Error);
        }
      };
      consumer.run(onRecords, reject).catch(reject);
    });
  } finally {
    await consumer.close();
  }
  return records;
}

/** What is stored, compared with a plain recount of the log: one line for each difference. */
export async function storedDifferences(pipeline: Pipeline, log: readonly LogRecord[]): Promise<string[]> {
  const db = pipeline.stack.mongo.db(pipeline.database);
  const windows = (await db.collection(IOT.metricsCollection).find().toArray()) as unknown as StoredWindow[];
  const alerts = await db.collection<{ _id: string }>(IOT.alertsCollection).find().toArray();
  const recount = recountReadings(log.map(({ value }) => value));
  const differences = compareWindows(recount, windows);
  const expected = new Set(log.filter(isAnomaly).map(({ partition, offset }) => `${pipeline.topic}-${partition}-${offset}`));
  const found = new Set(alerts.map(({ _id }) => _id));
  if (found.size !== alerts.length) differences.push(`${alerts.length - found.size} alerts are stored twice`);
  for (const id of expected) if (!found.has(id)) differences.push(`alert ${id}: missing`);
  for (const id of found) if (!expected.has(id)) differences.push(`alert ${id}: stored, but no anomaly belongs to it`);
  for (const collection of [IOT.metricsCollection, IOT.alertsCollection]) {
    const refused = await db.collection(`${collection}_rejected`).countDocuments();
    if (refused > 0) differences.push(`${refused} documents of ${collection} were refused by the document server`);
  }
  return differences;
}

function isAnomaly({ value }: LogRecord): boolean {
  return recountReadings([value]).anomalies === 1;
}

/** The files of a query's `offsets` or `commits` by batch number. */
export async function batchLog(pipeline: Pipeline, query: string, log: "offsets" | "commits"): Promise<Map<number, string>> {
  const folder = path.join(pipeline.checkpointDir, query, log);
  const names = await readdir(folder).catch(() => []);
  const numbers = names.filter((name) => /^\d+$/.test(name)).map(Number);
  return new Map(await Promise.all(numbers.map(async (n) => [n, await readFile(path.join(folder, String(n)), "utf8")] as const)));
}

/** The number of the last batch in a log, −1 for none. */
export function lastBatch(log: ReadonlyMap<number, string>): number {
  return Math.max(-1, ...log.keys());
}

/** How a service that is armed to die before or after it is ready ended. */
export function endOfStart(thrown: unknown): string {
  return /its process ended with (\S+?)[:)]/.exec(messageOf(thrown))?.[1] ?? messageOf(thrown);
}

/** A supervised service that is to be killed at moments of the test's choosing. */
export interface Victim {
  /** SIGKILL as soon as the process is up; resolves when it has been sent. */
  kill(): Promise<void>;
  /** Resolves as soon as the process is up. */
  up(): Promise<void>;
}

export function victimOf(service: SupervisedService): Victim {
  let down: Promise<void> | undefined;
  let onUp = (): void => {};
  service.onEvent(({ state }) => {
    if (state === "up") {
      down = undefined;
      onUp();
    } else markDown();
  });
  void service.gaveUp.then(() => onUp());
  const markDown = (): void => {
    down ??= new Promise((resolve) => (onUp = resolve));
  };
  const up = async (): Promise<void> => {
    while (down) await down;
  };
  return {
    up,
    kill: async () => {
      await up();
      markDown();
      process.kill(service.pid, "SIGKILL");
    },
  };
}
