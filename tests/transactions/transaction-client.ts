import { errorCodes, errorName } from "../../src/kafka-protocol/error-codes.ts";
import { addOffsetsToTxnApi } from "../../src/kafka-protocol/messages/add-offsets-to-txn.ts";
import { addPartitionsToTxnApi } from "../../src/kafka-protocol/messages/add-partitions-to-txn.ts";
import { createTopicsApi } from "../../src/kafka-protocol/messages/create-topics.ts";
import { endTxnApi } from "../../src/kafka-protocol/messages/end-txn.ts";
import { fetchApi } from "../../src/kafka-protocol/messages/fetch.ts";
import { initProducerIdApi } from "../../src/kafka-protocol/messages/init-producer-id.ts";
import { listOffsetsApi } from "../../src/kafka-protocol/messages/list-offsets.ts";
import { offsetFetchApi } from "../../src/kafka-protocol/messages/offset-fetch.ts";
import { produceApi } from "../../src/kafka-protocol/messages/produce.ts";
import { txnOffsetCommitApi } from "../../src/kafka-protocol/messages/txn-offset-commit.ts";
import { encodeBatch, isControl, readBatchHeader } from "../../src/kafka-protocol/record-batch.ts";
import { decodeRecords } from "../../src/kafka-protocol/record-iteration.ts";
import type { RequestConnection } from "../../src/kafka-protocol/request-connection.ts";
import type { ResponseOf } from "../../src/kafka-protocol/schema.ts";

/** A producer as InitProducerId named it. */
export interface Producer {
  readonly id: number;
  readonly epoch: number;
}

export const NO_PRODUCER: Producer = { id: -1, epoch: -1 };

/** What a broker answered to InitProducerId. */
export interface Initialized extends Producer {
  readonly error: string;
}

export interface InitOptions {
  readonly version?: number;
  readonly timeoutMs?: number;
  /** The producer that asks for its next epoch (KIP-360). */
  readonly from?: Producer;
}

export async function createTopic(
  client: RequestConnection,
  name: string,
  numPartitions: number,
  configs: Readonly<Record<string, string>> = {},
): Promise<void> {
  const entries = Object.entries(configs).map(([key, value]) => ({ name: key, value }));
  const topic = { name, numPartitions, replicationFactor: 1, assignments: [], configs: entries };
  const answer = await client.request(createTopicsApi, 5, { topics: [topic], timeoutMs: 5000, validateOnly: false });
  if (answer.topics[0]?.errorCode !== 0) throw new Error(`cannot create ${name}: ${errorName(answer.topics[0]?.errorCode ?? 0)}`);
}

export async function initProducer(client: RequestConnection, id: string | null, options: InitOptions = {}): Promise<Initialized> {
  const { version = 4, timeoutMs = 60_000, from = NO_PRODUCER } = options;
  const answer = await client.request(initProducerIdApi, version, {
    transactionalId: id,
    transactionTimeoutMs: timeoutMs,
    producerId: from.id,
    producerEpoch: from.epoch,
  });
  return { error: errorName(answer.errorCode), id: answer.producerId, epoch: answer.producerEpoch };
}

/** InitProducerId as clients do it: again while the predecessor's transaction is being aborted. */
export async function initialized(client: RequestConnection, id: string, options: InitOptions = {}): Promise<Producer> {
  for (;;) {
    const answer = await initProducer(client, id, options);
    if (answer.error === "NONE") return { id: answer.id, epoch: answer.epoch };
    if (answer.error !== "CONCURRENT_TRANSACTIONS") throw new Error(`InitProducerId: ${answer.error}`);
  }
}

/** AddPartitionsToTxn; the errors in the order of the partitions. */
export async function addPartitions(
  client: RequestConnection,
  id: string,
  producer: Producer,
  topic: string,
  partitions: readonly number[],
  version: number = 3,
): Promise<string[]> {
  const answer = await client.request(addPartitionsToTxnApi, version, {
    v3AndBelowTransactionalId: id,
    v3AndBelowProducerId: producer.id,
    v3AndBelowProducerEpoch: producer.epoch,
    v3AndBelowTopics: [{ name: topic, partitions }],
  });
  return answer.resultsByTopicV3AndBelow.flatMap((one) => one.resultsByPartition.map((result) => errorName(result.partitionErrorCode)));
}

export async function addOffsets(client: RequestConnection, id: string, producer: Producer, groupId: string): Promise<string> {
  const body = { transactionalId: id, producerId: producer.id, producerEpoch: producer.epoch, groupId };
  return errorName((await client.request(addOffsetsToTxnApi, 3, body)).errorCode);
}

export async function endTransaction(
  client: RequestConnection,
  id: string,
  producer: Producer,
  committed: boolean,
  version: number = 3,
): Promise<string> {
  const body = { transactionalId: id, producerId: producer.id, producerEpoch: producer.epoch, committed };
  return errorName((await client.request(endTxnApi, version, body)).errorCode);
}

export interface ProduceTarget {
  readonly topic: string;
  readonly partition?: number;
  /** Null: a producer without transactions. */
  readonly transactionalId: string | null;
  /** Whether the batch says that it belongs to a transaction; where there is a transactional id unless said otherwise. */
  readonly isTransactional?: boolean;
}

export async function produce(
  client: RequestConnection,
  target: ProduceTarget,
  producer: Producer,
  sequence: number,
  values: readonly string[],
): Promise<{ readonly error: string; readonly baseOffset: number }> {
  const { topic, partition = 0, transactionalId, isTransactional = transactionalId !== null } = target;
  const records = encodeBatch(
    values.map((value) => ({ key: null, value: Buffer.from(value), timestampMs: Date.now() })),
    { producerId: producer.id, producerEpoch: producer.epoch, baseSequence: sequence, isTransactional },
  );
  const topicData = [{ name: topic, partitionData: [{ index: partition, records }] }];
  const answer = await client.request(produceApi, 9, { transactionalId, acks: -1, timeoutMs: 5000, topicData });
  const result = answer.responses[0]?.partitionResponses[0];
  return { error: errorName(result?.errorCode ?? errorCodes.UNKNOWN_SERVER_ERROR), baseOffset: result?.baseOffset ?? -1 };
}

export interface CommitOptions {
  readonly partition?: number;
  readonly version?: number;
  readonly generationId?: number;
  readonly memberId?: string;
}

/** TxnOffsetCommit of one partition. */
export async function commitOffset(
  client: RequestConnection,
  id: string,
  producer: Producer,
  groupId: string,
  topic: string,
  offset: number,
  options: CommitOptions = {},
): Promise<string> {
  const { partition = 0, version = 3, generationId = -1, memberId = "" } = options;
  const one = { partitionIndex: partition, committedOffset: offset, committedLeaderEpoch: -1, committedMetadata: "m" };
  const answer = await client.request(txnOffsetCommitApi, version, {
    transactionalId: id,
    groupId,
    producerId: producer.id,
    producerEpoch: producer.epoch,
    generationId,
    memberId,
    groupInstanceId: null,
    topics: [{ name: topic, partitions: [one] }],
  });
  return errorName(answer.topics[0]?.partitions[0]?.errorCode ?? errorCodes.UNKNOWN_SERVER_ERROR);
}

/** The offset that a group has committed, −1 without one, or the error. */
export async function committedOffset(
  client: RequestConnection,
  groupId: string,
  topic: string,
  requireStable: boolean = true,
  partition: number = 0,
): Promise<number | string> {
  const body = { groupId, topics: [{ name: topic, partitionIndexes: [partition] }], requireStable };
  const found = (await client.request(offsetFetchApi, 7, body)).topics[0]?.partitions[0];
  return found?.errorCode === 0 ? found.committedOffset : errorName(found?.errorCode ?? errorCodes.UNKNOWN_SERVER_ERROR);
}

export async function endOffset(client: RequestConnection, topic: string, isCommitted: boolean, partition: number = 0): Promise<number> {
  const partitions = [{ partitionIndex: partition, currentLeaderEpoch: -1, timestamp: -1 }];
  const body = { replicaId: -1, isolationLevel: isCommitted ? 1 : 0, topics: [{ name: topic, partitions }] };
  return (await client.request(listOffsetsApi, 7, body)).topics[0]?.partitions[0]?.offset ?? -1;
}

export interface FetchOptions {
  readonly partition?: number;
  readonly isCommitted: boolean;
  readonly maxBytes?: number;
  readonly maxWaitMs?: number;
}

type FetchedPartition = Omit<ResponseOf<typeof fetchApi>["responses"][number]["partitions"][number], "records"> & {
  readonly records: Buffer;
};

/** One fetch of one partition. */
export async function fetchFrom(
  client: RequestConnection,
  topic: string,
  offset: number,
  options: FetchOptions,
): Promise<FetchedPartition> {
  const { partition = 0, isCommitted, maxBytes = 1_000_000, maxWaitMs = 0 } = options;
  const partitions = [{ partition, fetchOffset: offset, partitionMaxBytes: maxBytes }];
  const answer = await client.request(fetchApi, 11, {
    maxWaitMs,
    minBytes: maxWaitMs === 0 ? 0 : 1,
    maxBytes,
    isolationLevel: isCommitted ? 1 : 0,
    sessionId: 0,
    sessionEpoch: -1,
    forgottenTopicsData: [],
    topics: [{ topic, partitions }],
  });
  const found = answer.responses[0]?.partitions[0];
  if (!found || found.errorCode !== 0) throw new Error(`Fetch: ${errorName(found?.errorCode ?? errorCodes.UNKNOWN_SERVER_ERROR)}`);
  return { ...found, records: found.records ?? Buffer.alloc(0) };
}

/**
 * What a consumer gets of a partition, by the rules that the clients of Kafka follow: with read_committed it passes over the records of a
 * producer from the first offset of its aborted transaction to its marker. `maxBytes` makes it fetch again and again.
 */
export async function readAll(client: RequestConnection, topic: string, options: FetchOptions): Promise<string[]> {
  const values: string[] = [];
  for (let offset = 0; ;) {
    const { records, abortedTransactions } = await fetchFrom(client, topic, offset, options);
    const waiting = [...(abortedTransactions ?? [])].sort((a, b) => a.firstOffset - b.firstOffset);
    const aborted = new Set<number>();
    const before = offset;
    for (let at = 0; at < records.length;) {
      const batch = readBatchHeader(records, at, records.length);
      if (typeof batch === "string") break;
      while (waiting[0] && waiting[0].firstOffset <= batch.lastOffset) aborted.add((waiting.shift() as { producerId: number }).producerId);
      if (isControl(batch.attributes)) aborted.delete(batch.producerId);
      else if (!aborted.has(batch.producerId) || !options.isCommitted) {
        const decoded = decodeRecords(records.subarray(at, batch.end), { fromOffset: offset });
        values.push(...decoded.map((record) => record.value?.toString() ?? ""));
      }
      offset = batch.lastOffset + 1;
      at = batch.end;
    }
    if (offset === before) return values;
  }
}
