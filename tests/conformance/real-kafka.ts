import { mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import type { Admin, Kafka } from "kafkajs";
import { projectRoot } from "../../src/base/project.ts";
import { systemClock } from "../../src/base/clock.ts";
import type { StreamingQuery } from "../../src/engine/query/streaming-query.ts";
import { compressionOf, type Compression } from "../../src/kafka-protocol/compression.ts";
import { fetchApi } from "../../src/kafka-protocol/messages/fetch.ts";
import { readBatchHeader } from "../../src/kafka-protocol/record-batch.ts";
import { connectForRequests } from "../../src/kafka-protocol/request-connection.ts";
import { connectKafka, parseBrokers, type KafkaClient } from "../../src/kafka/connect-kafka.ts";
import { createKafkaJs } from "../../src/kafka/kafkajs-adapter.ts";
import { createSession } from "../../src/labs/session.ts";
import { type KafkaCluster, type KafkaClusterOptions, startKafkaCluster } from "../../src/stack/kafka-jvm/kafka-cluster.ts";
import { cacheFolder } from "../../src/stack/state-folder.ts";

/** Fetching the jars on a fresh machine is what takes so long. */
export const START_MS = 300_000;

/** An Apache Kafka of a suite's own, with what suites need around it. */
export interface RealKafka extends KafkaCluster {
  readonly client: KafkaClient;
  readonly kafkaJs: Kafka;
  readonly admin: Admin;
  /** A new topic, whose name is given back. */
  topic(partitions: number, replicationFactor?: number): Promise<string>;
  /** Java's kafka-producer-perf-test: the numbers 0 to count − 1 as values, keyless, acks=all, idempotent. */
  produceNumbers(topic: string, count: number, ...settings: readonly string[]): Promise<void>;
  close(): Promise<void>;
}

/** Starts Apache Kafka with flags for short lives; `close` leaves nothing behind. */
export async function startRealKafka(options: Omit<KafkaClusterOptions, "folder" | "cache" | "quick"> = {}): Promise<RealKafka> {
  const folder = await mkdtemp(path.join(os.tmpdir(), "streamlab-real-kafka-"));
  const removed = (): Promise<void> => rm(folder, { recursive: true, force: true, maxRetries: 5 });
  const cluster = await startKafkaCluster({ heapMiB: 320, ...options, folder, cache: cacheFolder(projectRoot), quick: true }).catch(
    async (thrown: unknown) => {
      await removed();
      throw thrown;
    },
  );
  const brokers = parseBrokers(cluster.address);
  const client = await connectKafka({ brokers });
  const kafkaJs = createKafkaJs({ brokers });
  const admin = kafkaJs.admin();
  await admin.connect();
  let topics = 0;
  return {
    ...cluster,
    client,
    kafkaJs,
    admin,
    topic: async (partitions, replicationFactor = 1) => {
      const topic = `conformance-${++topics}`;
      await client.topics.create({ topic, partitions, replicationFactor });
      return topic;
    },
    produceNumbers: async (topic, count, ...settings) => {
      await cluster.tool("org.apache.kafka.tools.ProducerPerformance", [
        ...["--bootstrap-server", cluster.address, "--topic", topic, "--num-records", String(count), "--throughput", "-1"],
        ...["--payload-monotonic", "--command-property", "acks=all", ...settings],
      ]);
    },
    close: async () => {
      await admin.disconnect().catch(() => undefined);
      await client.close().catch(() => undefined);
      await cluster.kill();
      await removed();
    },
  };
}

/** A record as a query has it. */
export interface ReadRecord {
  readonly partition: number;
  readonly offset: number;
  readonly value: string;
  readonly batchId: number;
}

/** Drains the topic through a query of the engine (availableNow, from earliest unless said otherwise): every record that the sink got. */
export async function drained(options: Readonly<Record<string, string>>, checkpoint?: string): Promise<ReadRecord[]> {
  const read: ReadRecord[] = [];
  const query = await createSession()
    .readStream.format("kafka")
    .options({ startingOffsets: "earliest", ...options })
    .load()
    .select((record) => ({ partition: record.partition, offset: record.offset, value: record.value.cast("string") }))
    .writeStream.options(checkpoint === undefined ? {} : { checkpointLocation: checkpoint })
    .trigger({ availableNow: true })
    .foreachBatch((rows, batchId) => {
      for (const row of rows as readonly Record<string, unknown>[])
        read.push({ partition: Number(row.partition), offset: Number(row.offset), value: String(row.value), batchId: Number(batchId) });
    })
    .start();
  await query.awaitTermination();
  return read;
}

/** A query that runs until it is stopped, and what its sink got so far. */
export interface RunningQuery {
  readonly query: StreamingQuery;
  readonly read: readonly ReadRecord[];
}

/** Reads on and on, from earliest unless said otherwise. `onBatch` is called after each batch, before it is committed. */
export async function following(
  options: Readonly<Record<string, string>>,
  onBatch: (batchId: number) => Promise<void> | void = () => undefined,
): Promise<RunningQuery> {
  const read: ReadRecord[] = [];
  const query = await createSession()
    .readStream.format("kafka")
    .options({ startingOffsets: "earliest", "kafka.metadata.max.age.ms": "200", ...options })
    .load()
    .select((record) => ({ partition: record.partition, offset: record.offset, value: record.value.cast("string") }))
    .writeStream.trigger({ processingTime: "0 seconds" })
    .foreachBatch(async (rows, batchId) => {
      for (const row of rows as readonly Record<string, unknown>[])
        read.push({ partition: Number(row.partition), offset: Number(row.offset), value: String(row.value), batchId: Number(batchId) });
      await onBatch(Number(batchId));
    })
    .start();
  return { query, read };
}

/** Asks again and again until it is so. */
export async function until(what: string, check: () => boolean | Promise<boolean>, withinMs: number = 20_000): Promise<void> {
  const deadline = systemClock.monotonicMs() + withinMs;
  while (!(await check())) {
    if (systemClock.monotonicMs() > deadline) throw new Error(`${what}: not within ${withinMs} ms`);
    await systemClock.sleep(20);
  }
}

/** The codecs of the batches at the beginning of a partition's log, as their headers name them. */
export async function codecsOf(address: string, topic: string): Promise<Set<Compression>> {
  const [host = "", port] = address.split(":");
  const connection = await connectForRequests({ host, port: Number(port) });
  try {
    const partitions = [{ partition: 0, fetchOffset: 0, partitionMaxBytes: 1_000_000 }];
    const answer = await connection.request(fetchApi, 4, {
      maxWaitMs: 500,
      minBytes: 1,
      maxBytes: 1_000_000,
      isolationLevel: 0,
      topics: [{ topic, partitions }],
    });
    const records = answer.responses[0]?.partitions[0]?.records ?? Buffer.alloc(0);
    const codecs = new Set<Compression>();
    for (let at = 0; at < records.length;) {
      const batch = readBatchHeader(records, at, records.length);
      if (typeof batch === "string") break;
      codecs.add(compressionOf(batch.attributes));
      at = batch.end;
    }
    return codecs;
  } finally {
    connection.close();
  }
}

/** Values as sorted numbers. */
export function numbers(records: readonly ReadRecord[]): number[] {
  return records.map(({ value }) => Number(value)).sort((a, b) => a - b);
}

/** 0 to count − 1. */
export function upTo(count: number): number[] {
  return Array.from({ length: count }, (_, i) => i);
}
