import { systemClock } from "../src/base/clock.ts";
import { StreamlabError } from "../src/base/errors.ts";
import { errorName, isRetriable } from "../src/kafka-protocol/error-codes.ts";
import { fetchApi } from "../src/kafka-protocol/messages/fetch.ts";
import { produceApi } from "../src/kafka-protocol/messages/produce.ts";
import { encodeBatch } from "../src/kafka-protocol/record-batch.ts";
import { createRecordArrays, readRecords } from "../src/kafka-protocol/record-iteration.ts";
import { connectForRequests, type RequestConnection } from "../src/kafka-protocol/request-connection.ts";
import { type KafkaRecord } from "../src/kafka/producer.ts";

/** What a broker takes and gives when the client does next to nothing: one batch, encoded once, sent again and again; fetched bytes that nobody reads. */
export interface RawClient {
  /** Sends `messages` messages in batches of `records`, in turn to each partition, acks=all. */
  produce(topic: string, partitions: number, records: readonly KafkaRecord[], messages: number): Promise<void>;
  /** Fetches the topic from its beginning until `messages` records have come; only batch headers are read. */
  fetch(topic: string, partitions: number, messages: number): Promise<void>;
  close(): void;
}

const UNDER_WAY = 12;
const PATIENCE_MS = 10_000;
const PAUSE_MS = 20;
const PARTITION_BYTES = 2 * 1024 * 1024;

/** Connects to the first address of a bootstrap list; the topics' partitions have to be led by that broker. */
export async function createRawClient(brokers: readonly string[]): Promise<RawClient> {
  const [host = "", port] = (brokers[0] ?? "").split(/:(?=\d+$)/);
  const connection = await connectForRequests({ host, port: Number(port) });
  return {
    produce: async (topic, partitions, records, messages) => {
      const batch = encodeBatch(
        records.map(({ key, value }) => ({ key: bytesOf(key ?? null), value: bytesOf(value), timestampMs: Date.now() })),
      );
      const underWay = new Set<Promise<void>>();
      for (let sent = 0, turn = 0; sent < messages; sent += records.length, turn++) {
        const one = produceOne(connection, topic, turn % partitions, batch).finally(() => underWay.delete(one));
        underWay.add(one);
        if (underWay.size >= UNDER_WAY) await Promise.race(underWay);
      }
      await Promise.all(underWay);
    },
    fetch: (topic, partitions, messages) => fetchAll(connection, topic, partitions, messages),
    close: () => connection.close(),
  };
}

const bytesOf = (value: string | Uint8Array | null): Uint8Array | null => (typeof value === "string" ? Buffer.from(value) : value);

async function produceOne(connection: RequestConnection, topic: string, index: number, records: Buffer): Promise<void> {
  const topicData = [{ name: topic, partitionData: [{ index, records }] }];
  const deadlineMs = performance.now() + PATIENCE_MS;
  for (;;) {
    const { responses } = await connection.request(produceApi, 7, { acks: -1, timeoutMs: 30_000, topicData });
    if (done("produce", responses[0]?.partitionResponses[0]?.errorCode ?? 0, deadlineMs)) return;
    await systemClock.sleep(PAUSE_MS);
  }
}

async function fetchAll(connection: RequestConnection, topic: string, partitions: number, messages: number): Promise<void> {
  const offsets = Array.from({ length: partitions }, () => 0);
  const arrays = createRecordArrays();
  const deadlineMs = performance.now() + PATIENCE_MS;
  for (let count = 0; count < messages;) {
    const { responses } = await connection.request(fetchApi, 11, {
      maxWaitMs: 500,
      minBytes: 1,
      maxBytes: PARTITION_BYTES * partitions,
      isolationLevel: 0,
      sessionId: 0,
      sessionEpoch: -1,
      forgottenTopicsData: [],
      topics: [
        { topic, partitions: offsets.map((fetchOffset, partition) => ({ partition, fetchOffset, partitionMaxBytes: PARTITION_BYTES })) },
      ],
    });
    for (const { partitionIndex, errorCode, records } of responses[0]?.partitions ?? []) {
      if (!done("fetch", errorCode, deadlineMs)) await systemClock.sleep(PAUSE_MS);
      if (!records) continue;
      const fromOffset = offsets[partitionIndex] as number;
      for (const { nextOffset } of readRecords(records, 0, records.length, { fromOffset, toOffset: Infinity, checkCrc: false }, arrays))
        offsets[partitionIndex] = nextOffset;
      count += (offsets[partitionIndex] as number) - fromOffset;
    }
  }
}

/** False where the same has to be asked again: a real Kafka's partition may be announced a moment before its leader knows of it. */
function done(doing: string, code: number, deadlineMs: number): boolean {
  if (code === 0) return true;
  if (isRetriable(code) && performance.now() < deadlineMs) return false;
  throw new StreamlabError("REQUEST_REFUSED", {
    failed: `Cannot measure: a ${doing} was refused`,
    found: errorName(code),
    remedy: "Look at the broker's log; with several nodes the first does not lead every partition.",
  });
}
