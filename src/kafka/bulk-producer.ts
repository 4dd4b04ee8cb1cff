import type { Clock } from "../base/clock.ts";
import { errorName } from "../kafka-protocol/error-codes.ts";
import { produceApi } from "../kafka-protocol/messages/produce.ts";
import { encodeBatch, type RecordToWrite } from "../kafka-protocol/record-batch.ts";
import { KafkaError } from "./kafka-error.ts";
import type { KafkaConnection } from "./kafkajs-adapter.ts";
import { createPartitioner } from "./partitioner.ts";
import { Cluster, LATEST } from "./wire/cluster.ts";

export type BulkProducerOptions = {
  readonly connection: KafkaConnection;
  readonly topic: string;
  readonly clock: Clock;
  /** Bytes of keys and values in a batch; 512 KiB if not given. */
  readonly batchBytes?: number;
  /** Requests under way at a time; 3 if not given. */
  readonly maxInFlight?: number;
};

/**
 * Fills one topic as fast as brokers take it: encodes record batches itself and sends them ahead over our own connections, acks=all. Neither
 * idempotent nor retrying: for loading workloads of benchmarks and tests, where a failure ends the load.
 */
export interface BulkProducer {
  /** Takes one message; a promise comes back where the caller has to wait before the next. */
  add(key: string | null, value: string | Uint8Array | null, timestampMs: number): Promise<void> | undefined;
  /** Sends what is left and resolves when everything has been acknowledged. @throws KafkaError */
  flush(): Promise<void>;
  close(): Promise<void>;
}

interface Batch {
  records: RecordToWrite[];
  bytes: number;
}

/** The leaders by partition, each of which has answered that it leads: that of a new topic is told of before it knows itself. */
async function settledLeaders(cluster: Cluster, topic: string): Promise<number[]> {
  const partitions = await cluster.partitions([topic]);
  await cluster.listOffsets(partitions.map(({ partition }) => ({ topic, partition, timestamp: LATEST })));
  return (await cluster.partitions([topic])).map(({ leader }) => leader);
}

/** Opens a bulk producer for a topic that is there. @throws KafkaError KAFKA_UNREACHABLE, KAFKA_TOPIC */
export async function createBulkProducer(options: BulkProducerOptions): Promise<BulkProducer> {
  const { topic, batchBytes = 512 * 1024, maxInFlight = 3 } = options;
  const cluster = new Cluster(options.connection, options.clock);
  const leaders = await settledLeaders(cluster, topic);
  const choose = createPartitioner(1000);
  const keys = new Map<string, Buffer>();
  const batches: Batch[] = leaders.map(() => ({ records: [], bytes: 0 }));
  const inFlight = new Set<Promise<void>>();
  let failure: unknown;

  const keyBytes = (key: string): Buffer => {
    let bytes = keys.get(key);
    if (!bytes) {
      bytes = Buffer.from(key);
      if (keys.size >= 100_000) keys.clear();
      keys.set(key, bytes);
    }
    return bytes;
  };
  const send = async (partition: number, records: readonly RecordToWrite[]): Promise<void> => {
    const connection = await cluster.connection(leaders[partition] ?? -1, "ask");
    const topicData = [{ name: topic, partitionData: [{ index: partition, records: encodeBatch(records) }] }];
    const answer = await connection.request(produceApi, { acks: -1, timeoutMs: 30_000, topicData });
    const { errorCode = 0 } = answer.responses[0]?.partitionResponses[0] ?? {};
    if (errorCode === 0) return;
    throw new KafkaError("KAFKA_REQUEST", {
      failed: `Cannot load ${records.length} messages into ${topic}-${partition}`,
      found: errorName(errorCode),
      remedy: "Look at the broker's log, and load into a new topic.",
    });
  };
  const launch = (partition: number): void => {
    const batch = batches[partition] as Batch;
    if (batch.records.length === 0) return;
    const sending = send(partition, batch.records)
      .catch((thrown: unknown) => {
        failure ??= thrown;
      })
      .finally(() => inFlight.delete(sending));
    inFlight.add(sending);
    batch.records = [];
    batch.bytes = 0;
  };
  const room = async (): Promise<void> => {
    while (inFlight.size >= maxInFlight) await Promise.race(inFlight);
    if (failure) throw failure;
  };
  return {
    add: (key, value, timestampMs) => {
      const partition = choose(key, leaders.length);
      const batch = batches[partition] as Batch;
      const bytes = typeof value === "string" ? Buffer.from(value) : value;
      batch.records.push({ key: key === null ? null : keyBytes(key), value: bytes, timestampMs });
      batch.bytes += (bytes?.length ?? 0) + (key?.length ?? 0) + 16;
      if (batch.bytes < batchBytes) return undefined;
      launch(partition);
      return inFlight.size >= maxInFlight || failure ? room() : undefined;
    },
    flush: async () => {
      for (const partition of batches.keys()) {
        launch(partition);
        await room();
      }
      await Promise.all(inFlight);
      if (failure) throw failure;
    },
    close: () => cluster.close(),
  };
}
