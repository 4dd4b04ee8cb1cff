import fs from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { startBroker, type Broker } from "../../src/broker/broker.ts";
import { errorName } from "../../src/kafka-protocol/error-codes.ts";
import { deleteRecordsApi } from "../../src/kafka-protocol/messages/delete-records.ts";
import { deleteTopicsApi } from "../../src/kafka-protocol/messages/delete-topics.ts";
import { describeProducersApi } from "../../src/kafka-protocol/messages/describe-producers.ts";
import { describeTransactionsApi } from "../../src/kafka-protocol/messages/describe-transactions.ts";
import { findCoordinatorApi } from "../../src/kafka-protocol/messages/find-coordinator.ts";
import { listTransactionsApi } from "../../src/kafka-protocol/messages/list-transactions.ts";
import { offsetCommitApi } from "../../src/kafka-protocol/messages/offset-commit.ts";
import { writeTxnMarkersApi } from "../../src/kafka-protocol/messages/write-txn-markers.ts";
import { readTransactionEnd } from "../../src/kafka-protocol/control-marker.ts";
import { isControl, isTransactional, readBatchHeader } from "../../src/kafka-protocol/record-batch.ts";
import { connectForRequests, type RequestConnection } from "../../src/kafka-protocol/request-connection.ts";
import {
  addOffsets,
  addPartitions,
  commitOffset,
  committedOffset,
  createTopic,
  endOffset,
  endTransaction,
  fetchFrom,
  initialized,
  initProducer,
  NO_PRODUCER,
  produce,
  readAll,
  type Producer,
} from "./transaction-client.ts";

let folder: string;
let broker: Broker;
let client: RequestConnection;
let names = 0;
let topic: string;
let id: string;
beforeAll(async () => {
  folder = await fs.mkdtemp(path.join(os.tmpdir(), "transactions-"));
  broker = await startBroker({ dataDir: folder });
  client = await connectForRequests({ host: "127.0.0.1", port: broker.port });
});
afterAll(async () => {
  client.close();
  await broker.close();
  await fs.rm(folder, { recursive: true, force: true });
});
const others: RequestConnection[] = [];
afterEach(() => {
  for (const other of others.splice(0)) other.close();
});

/** A new topic and transactional id, so that tests know nothing of each other. */
async function fresh(partitions: number = 1, configs: Readonly<Record<string, string>> = {}): Promise<void> {
  topic = `topic-${names++}`;
  id = `id-${topic}`;
  await createTopic(client, topic, partitions, configs);
}

/** A producer with a transaction open in the topic's first partition. */
async function begun(values: readonly string[] = []): Promise<Producer> {
  const producer = await initialized(client, id);
  expect(await addPartitions(client, id, producer, topic, [0])).toEqual(["NONE"]);
  if (values.length > 0) expect((await send(producer, 0, values)).error).toBe("NONE");
  return producer;
}

const send = (producer: Producer, sequence: number, values: readonly string[] = ["v"], partition: number = 0) =>
  produce(client, { topic, partition, transactionalId: id }, producer, sequence, values);
const plain = (values: readonly string[]) => produce(client, { topic, transactionalId: null }, NO_PRODUCER, -1, values);
const committed = (maxBytes: number = 1_000_000) => readAll(client, topic, { isCommitted: true, maxBytes });

async function stateOf(transactionalId: string) {
  const [found] = (await client.request(describeTransactionsApi, 0, { transactionalIds: [transactionalId] })).transactionStates;
  return { error: errorName(found?.errorCode ?? -1), state: found?.transactionState, epoch: found?.producerEpoch, topics: found?.topics };
}

test.each([0, 1, 2, 3, 4])("FindCoordinator v%d finds the coordinator of a transactional id here", async (version) => {
  const body = version >= 4 ? { keyType: 1, coordinatorKeys: ["tx"] } : { key: "tx", keyType: 1 };
  const answer = await client.request(findCoordinatorApi, version, body);
  const { errorCode, port } = version >= 4 ? (answer.coordinators[0] ?? { errorCode: -1, port: -1 }) : answer;
  expect([errorCode, port]).toEqual([0, broker.port]);
});

describe("InitProducerId", () => {
  test("gives a transactional id the same producer id again, with the next epoch", async () => {
    await fresh();
    const first = await initProducer(client, id);
    expect([first.error, first.epoch]).toEqual(["NONE", 0]);
    expect(await initProducer(client, id, { version: 0 })).toEqual({ error: "NONE", id: first.id, epoch: 1 });
  });

  test("checks the timeout, the id, and that producer id and epoch come together", async () => {
    await fresh();
    const errors = [
      await initProducer(client, id, { timeoutMs: 0 }),
      await initProducer(client, id, { timeoutMs: 900_001 }),
      await initProducer(client, id, { timeoutMs: 900_000 }),
      await initProducer(client, ""),
      await initProducer(client, id, { from: { id: 5, epoch: -1 } }),
    ].map(({ error }) => error);
    expect(errors).toEqual(["INVALID_TRANSACTION_TIMEOUT", "INVALID_TRANSACTION_TIMEOUT", "NONE", "INVALID_REQUEST", "INVALID_REQUEST"]);
  });

  test("bumps the epoch of a producer that names itself, once however often it asks (KIP-360)", async () => {
    await fresh();
    const first = await initialized(client, id);
    const second = { error: "NONE", id: first.id, epoch: 1 };
    expect(await initProducer(client, id, { from: first })).toEqual(second);
    expect(await initProducer(client, id, { from: first })).toEqual(second);
    expect((await initProducer(client, id)).epoch).toBe(2);
    expect((await initProducer(client, id, { from: first })).error).toBe("PRODUCER_FENCED");
    expect((await initProducer(client, id, { from: first, version: 3 })).error).toBe("INVALID_PRODUCER_EPOCH");
    expect((await initProducer(client, id, { from: { id: first.id + 1000, epoch: 2 } })).error).toBe("PRODUCER_FENCED");
  });

  test("aborts the predecessor's open transaction and fences it", async () => {
    await fresh();
    const first = await begun(["lost"]);
    expect((await initProducer(client, id)).error).toBe("CONCURRENT_TRANSACTIONS");
    const second = await initialized(client, id);
    expect(second).toEqual({ id: first.id, epoch: 2 });
    expect((await send(first, 1)).error).toBe("INVALID_PRODUCER_EPOCH");
    expect(await addPartitions(client, id, first, topic, [0])).toEqual(["PRODUCER_FENCED"]);
    expect(await addPartitions(client, id, first, topic, [0], 1)).toEqual(["INVALID_PRODUCER_EPOCH"]);
    expect(await endTransaction(client, id, first, true)).toBe("PRODUCER_FENCED");
    expect(await endTransaction(client, id, first, true, 1)).toBe("INVALID_PRODUCER_EPOCH");
    expect(await committed()).toEqual([]);
    expect(await endOffset(client, topic, true)).toBe(2);
  });
});

describe("AddPartitionsToTxn", () => {
  test("adds all or none, and only for the producer of the id", async () => {
    await fresh();
    const producer = await initialized(client, id);
    expect(await addPartitions(client, id, producer, topic, [0, 7])).toEqual(["OPERATION_NOT_ATTEMPTED", "UNKNOWN_TOPIC_OR_PARTITION"]);
    expect(await addPartitions(client, id, producer, "__consumer_offsets", [0])).toEqual(["TOPIC_AUTHORIZATION_FAILED"]);
    expect(await addPartitions(client, id, { ...producer, id: producer.id + 1000 }, topic, [0])).toEqual(["INVALID_PRODUCER_ID_MAPPING"]);
    expect(await addPartitions(client, "nobody", producer, topic, [0])).toEqual(["INVALID_PRODUCER_ID_MAPPING"]);
    expect(await addPartitions(client, "", producer, topic, [0])).toEqual(["INVALID_REQUEST"]);
    expect((await stateOf(id)).state).toBe("Empty");
    expect(await addPartitions(client, id, producer, topic, [0])).toEqual(["NONE"]);
    expect(await stateOf(id)).toEqual({ error: "NONE", state: "Ongoing", epoch: 0, topics: [{ topic, partitions: [0] }] });
  });
});

describe("Produce in a transaction", () => {
  test("is refused where the partition was not added", async () => {
    await fresh(2);
    const producer = await begun(["a"]);
    expect((await send(producer, 0, ["b"], 1)).error).toBe("INVALID_TXN_STATE");
    expect((await send({ ...producer, epoch: 5 }, 0)).error).toBe("INVALID_PRODUCER_EPOCH");
    expect((await send({ ...producer, id: producer.id + 1000 }, 0)).error).toBe("INVALID_PRODUCER_ID_MAPPING");
    const unnamed = await produce(client, { topic, transactionalId: null, isTransactional: true }, producer, 1, ["c"]);
    expect(unnamed.error).toBe("TRANSACTIONAL_ID_AUTHORIZATION_FAILED");
    const outside = await produce(client, { topic, transactionalId: null }, producer, 1, ["d"]);
    expect(outside.error).toBe("INVALID_TXN_STATE");
    expect(await endTransaction(client, id, producer, true)).toBe("NONE");
    expect((await send(producer, 1)).error).toBe("INVALID_TXN_STATE");
    expect(await committed()).toEqual(["a"]);
  });

  test("a batch does not overtake the one that was to begin the transaction (KIP-890)", async () => {
    await fresh();
    const producer = await initialized(client, id);
    expect((await send(producer, 0)).error).toBe("INVALID_TXN_STATE");
    await addPartitions(client, id, producer, topic, [0]);
    expect((await send(producer, 1)).error).toBe("OUT_OF_ORDER_SEQUENCE_NUMBER");
    expect((await send(producer, 0)).error).toBe("NONE");
    expect((await send(producer, 1)).error).toBe("NONE");
    expect(await send(producer, 1)).toMatchObject({ error: "NONE", baseOffset: 1 });
    expect(await endTransaction(client, id, producer, false)).toBe("NONE");
  });
});

describe("EndTxn", () => {
  test("may come again, but not the other way round", async () => {
    await fresh();
    const producer = await begun(["a"]);
    expect(await endTransaction(client, id, producer, true)).toBe("NONE");
    expect(await endTransaction(client, id, producer, true)).toBe("NONE");
    expect(await endTransaction(client, id, producer, false)).toBe("INVALID_TXN_STATE");
    expect((await stateOf(id)).state).toBe("CompleteCommit");
    await addPartitions(client, id, producer, topic, [0]);
    expect(await endTransaction(client, id, producer, false)).toBe("NONE");
    expect(await endTransaction(client, id, producer, true)).toBe("INVALID_TXN_STATE");
    const unused = await initialized(client, `${id}-unused`);
    expect(await endTransaction(client, `${id}-unused`, unused, true)).toBe("INVALID_TXN_STATE");
    expect(await endTransaction(client, "nobody", producer, true)).toBe("INVALID_PRODUCER_ID_MAPPING");
  });

  test.each([true, false])("writes a control batch of the producer to every partition, used or not (commit: %s)", async (isCommit) => {
    await fresh(2);
    const producer = await begun(["a"]);
    await addPartitions(client, id, producer, topic, [1]);
    await endTransaction(client, id, producer, isCommit);
    for (const [partition, offset] of [
      [0, 1],
      [1, 0],
    ] as const) {
      const { records } = await fetchFrom(client, topic, offset, { isCommitted: false, partition });
      const batch = readBatchHeader(records, 0, records.length);
      if (typeof batch === "string") throw new Error(batch);
      expect([batch.producerId, batch.producerEpoch, batch.baseSequence, batch.count]).toEqual([producer.id, producer.epoch, -1, 1]);
      expect([isControl(batch.attributes), isTransactional(batch.attributes)]).toEqual([true, true]);
      expect(readTransactionEnd(batch, records)).toEqual({ marker: isCommit ? "commit" : "abort", coordinatorEpoch: 0 });
    }
  });

  test("completes although a topic of the transaction was deleted", async () => {
    await fresh();
    const producer = await begun(["a"]);
    const kept = topic;
    await fresh();
    const own = `id-${kept}`;
    await addPartitions(client, own, producer, topic, [0]);
    await client.request(deleteTopicsApi, 3, { topicNames: [topic], timeoutMs: 5000 });
    expect(await endTransaction(client, own, producer, true)).toBe("NONE");
    expect((await stateOf(own)).state).toBe("CompleteCommit");
    topic = kept;
    expect(await committed()).toEqual(["a"]);
  });
});

describe("read_committed", () => {
  test("ends at the first open transaction, whatever comes behind it", async () => {
    await fresh();
    await plain(["before"]);
    const producer = await begun(["open"]);
    await plain(["behind"]);
    const answer = await fetchFrom(client, topic, 0, { isCommitted: true });
    expect([answer.highWatermark, answer.lastStableOffset, answer.abortedTransactions]).toEqual([3, 1, []]);
    expect(await committed()).toEqual(["before"]);
    expect(await readAll(client, topic, { isCommitted: false })).toEqual(["before", "open", "behind"]);
    expect([await endOffset(client, topic, true), await endOffset(client, topic, false)]).toEqual([1, 3]);
    await endTransaction(client, id, producer, true);
    expect(await committed()).toEqual(["before", "open", "behind"]);
    expect(await endOffset(client, topic, true)).toBe(4);
  });

  test("is told the aborted transactions of the range, read_uncommitted is not", async () => {
    await fresh();
    const producer = await begun(["gone"]);
    await plain(["kept"]);
    await endTransaction(client, id, producer, false);
    const aborted = (await fetchFrom(client, topic, 0, { isCommitted: true })).abortedTransactions;
    expect(aborted).toEqual([{ producerId: producer.id, firstOffset: 0 }]);
    expect((await fetchFrom(client, topic, 0, { isCommitted: false })).abortedTransactions).toBeNull();
    expect((await fetchFrom(client, topic, 3, { isCommitted: true })).abortedTransactions).toEqual([]);
    for (const maxBytes of [1, 100, 1_000_000]) expect(await committed(maxBytes)).toEqual(["kept"]);
  });

  test("a waiting fetch is woken by the marker, not by what it may not read", async () => {
    await fresh();
    const producer = await begun(["open"]);
    const reader = await connectForRequests({ host: "127.0.0.1", port: broker.port });
    others.push(reader);
    let isAnswered = false;
    const waiting = fetchFrom(reader, topic, 0, { isCommitted: true, maxWaitMs: 20_000 }).then((answer) => {
      isAnswered = true;
      return answer;
    });
    await send(producer, 1, ["more"]);
    await plain(["plain"]);
    expect(isAnswered).toBe(false);
    const before = performance.now();
    await endTransaction(client, id, producer, true);
    expect((await waiting).lastStableOffset).toBe(4);
    expect(performance.now() - before).toBeLessThan(5000);
  });

  test("DeleteRecords into an open transaction moves the last stable offset along", async () => {
    await fresh();
    const producer = await begun(["a", "b", "c"]);
    await send(producer, 3, ["d"]);
    const partitions = [{ partitionIndex: 0, offset: 3 }];
    await client.request(deleteRecordsApi, 1, { topics: [{ name: topic, partitions }], timeoutMs: 5000 });
    expect(await endOffset(client, topic, true)).toBe(3);
    await endTransaction(client, id, producer, false);
    const { abortedTransactions } = await fetchFrom(client, topic, 3, { isCommitted: true });
    expect(abortedTransactions).toEqual([{ producerId: producer.id, firstOffset: 0 }]);
  });
});

describe("offsets in a transaction", () => {
  test("are seen from the commit on; who requires stable ones is told to wait", async () => {
    await fresh();
    const producer = await begun();
    expect(await commitOffset(client, id, producer, "g-early", topic, 5)).toBe("INVALID_TXN_STATE");
    const group = `g-${topic}`;
    expect(await addOffsets(client, id, producer, group)).toBe("NONE");
    expect((await stateOf(id)).topics?.map((one) => one.topic)).toEqual([topic, "__consumer_offsets"]);
    expect(await commitOffset(client, id, producer, group, topic, 5)).toBe("NONE");
    expect(await commitOffset(client, id, producer, group, topic, 6, { version: 0 })).toBe("NONE");
    expect(await committedOffset(client, group, topic, true)).toBe("UNSTABLE_OFFSET_COMMIT");
    expect(await committedOffset(client, group, topic, false)).toBe(-1);
    await endTransaction(client, id, producer, true);
    expect(await committedOffset(client, group, topic, true)).toBe(6);
  });

  test("are dropped on abort", async () => {
    await fresh();
    const producer = await initialized(client, id);
    await addOffsets(client, id, producer, `g-${topic}`);
    await commitOffset(client, id, producer, `g-${topic}`, topic, 5);
    await endTransaction(client, id, producer, false);
    expect(await committedOffset(client, `g-${topic}`, topic, true)).toBe(-1);
  });

  test("do not replace what was committed after them", async () => {
    await fresh();
    const group = `g-${topic}`;
    const producer = await initialized(client, id);
    await addOffsets(client, id, producer, group);
    await commitOffset(client, id, producer, group, topic, 5);
    const partitions = [{ partitionIndex: 0, committedOffset: 9, committedMetadata: "" }];
    await client.request(offsetCommitApi, 5, { groupId: group, topics: [{ name: topic, partitions }] });
    expect(await committedOffset(client, group, topic, false)).toBe(9);
    await endTransaction(client, id, producer, true);
    expect(await committedOffset(client, group, topic, true)).toBe(9);
  });

  test("of two transactions: the later commit of the offset wins, whichever ends first", async () => {
    await fresh();
    const group = `g-${topic}`;
    for (const isLaterFirst of [true, false]) {
      const names = [`${id}-early-${isLaterFirst}`, `${id}-late-${isLaterFirst}`];
      const producers: Producer[] = [];
      for (const name of names) producers.push(await initialized(client, name));
      const end = (which: number) => endTransaction(client, names[which] as string, producers[which] as Producer, true);
      for (const [i, producer] of producers.entries()) {
        await addOffsets(client, names[i] as string, producer, group);
        await commitOffset(client, names[i] as string, producer, group, topic, i + 1);
      }
      expect(await end(isLaterFirst ? 1 : 0)).toBe("NONE");
      expect(await committedOffset(client, group, topic, true)).toBe("UNSTABLE_OFFSET_COMMIT");
      expect(await end(isLaterFirst ? 0 : 1)).toBe("NONE");
      expect(await committedOffset(client, group, topic, true)).toBe(2);
    }
  });

  test("come from the producer of the transaction and a member of the present generation (KIP-447)", async () => {
    await fresh();
    const group = `g-${topic}`;
    const producer = await initialized(client, id);
    await addOffsets(client, id, producer, group);
    const commit = (from: Producer, options = {}) => commitOffset(client, id, from, group, topic, 5, options);
    expect(await commit(producer, { generationId: 3, memberId: "x" })).toBe("ILLEGAL_GENERATION");
    expect(await commit(producer)).toBe("NONE");
    expect(await commit(producer, { generationId: 3, memberId: "x" })).toBe("UNKNOWN_MEMBER_ID");
    expect(await commit({ ...producer, epoch: 7 })).toBe("INVALID_PRODUCER_EPOCH");
    expect(await commit({ ...producer, id: producer.id + 1000 })).toBe("INVALID_PRODUCER_ID_MAPPING");
    expect(await commitOffset(client, id, producer, "", topic, 5)).toBe("INVALID_GROUP_ID");
    expect(await commitOffset(client, id, producer, group, "no-such-topic", 5)).toBe("UNKNOWN_TOPIC_OR_PARTITION");
  });
});

test("a transaction that takes too long is aborted, its producer fenced; it may go on in a new epoch (KIP-588)", async () => {
  await fresh();
  const producer = await initialized(client, id, { timeoutMs: 300 });
  await addPartitions(client, id, producer, topic, [0]);
  await send(producer, 0, ["late"]);
  await expect.poll(async () => (await stateOf(id)).state, { timeout: 10_000 }).toBe("CompleteAbort");
  expect(await endTransaction(client, id, producer, true)).toBe("PRODUCER_FENCED");
  expect((await send(producer, 1)).error).toBe("INVALID_PRODUCER_EPOCH");
  expect(await committed()).toEqual([]);
  expect(await initProducer(client, id, { from: producer })).toEqual({ error: "NONE", id: producer.id, epoch: 1 });
});

describe("for administrators", () => {
  test("ListTransactions filters by state, producer, duration and pattern", async () => {
    await fresh();
    const producer = await begun();
    const list = async (body: object, version: number = 2) => {
      const answer = await client.request(listTransactionsApi, version, { stateFilters: [], producerIdFilters: [], ...body });
      const found = answer.transactionStates.filter((one) => one.transactionalId === id).map((one) => one.transactionState);
      return [errorName(answer.errorCode), found, answer.unknownStateFilters];
    };
    expect(await list({}, 0)).toEqual(["NONE", ["Ongoing"], []]);
    expect(await list({ stateFilters: ["Ongoing", "Odd"] })).toEqual(["NONE", ["Ongoing"], ["Odd"]]);
    expect(await list({ stateFilters: ["Odd"] })).toEqual(["NONE", [], ["Odd"]]);
    expect(await list({ producerIdFilters: [producer.id] })).toEqual(["NONE", ["Ongoing"], []]);
    expect(await list({ producerIdFilters: [producer.id + 1000] })).toEqual(["NONE", [], []]);
    expect(await list({ durationFilter: 600_000 })).toEqual(["NONE", [], []]);
    expect(await list({ transactionalIdPattern: `id-.*` })).toEqual(["NONE", ["Ongoing"], []]);
    expect(await list({ transactionalIdPattern: `id` })).toEqual(["NONE", [], []]);
    expect((await list({ transactionalIdPattern: `(` }))[0]).toBe("INVALID_REGULAR_EXPRESSION");
    expect((await stateOf("nobody")).error).toBe("TRANSACTIONAL_ID_NOT_FOUND");
    await endTransaction(client, id, producer, false);
  });

  test("DescribeProducers tells sequence, epoch and open transaction; WriteTxnMarkers ends it", async () => {
    await fresh();
    const producer = await begun(["a", "b"]);
    const active = async () => {
      const answer = await client.request(describeProducersApi, 0, { topics: [{ name: topic, partitionIndexes: [0] }] });
      return answer.topics[0]?.partitions[0]?.activeProducers.map((one) => [
        one.producerId,
        one.producerEpoch,
        one.lastSequence,
        one.currentTxnStartOffset,
        one.coordinatorEpoch,
      ]);
    };
    expect(await active()).toEqual([[producer.id, 0, 1, 0, -1]]);
    const mark = async (producerEpoch: number, coordinatorEpoch: number) => {
      const topics = [{ name: topic, partitionIndexes: [0] }];
      const marker = { producerId: producer.id, producerEpoch, transactionResult: false, topics, coordinatorEpoch };
      const answer = await client.request(writeTxnMarkersApi, 1, { markers: [marker] });
      return errorName(answer.markers[0]?.topics[0]?.partitions[0]?.errorCode ?? -1);
    };
    expect(await mark(0, 2)).toBe("NONE");
    expect(await active()).toEqual([[producer.id, 0, 1, -1, 2]]);
    expect(await mark(0, 1)).toBe("TRANSACTION_COORDINATOR_FENCED");
    expect(await endOffset(client, topic, true)).toBe(3);
  });
});
