import { addOffsetsToTxnApi } from "../../../src/kafka-protocol/messages/add-offsets-to-txn.ts";
import { addPartitionsToTxnApi } from "../../../src/kafka-protocol/messages/add-partitions-to-txn.ts";
import { describeProducersApi } from "../../../src/kafka-protocol/messages/describe-producers.ts";
import { describeTransactionsApi } from "../../../src/kafka-protocol/messages/describe-transactions.ts";
import { endTxnApi } from "../../../src/kafka-protocol/messages/end-txn.ts";
import { fetchApi } from "../../../src/kafka-protocol/messages/fetch.ts";
import { initProducerIdApi } from "../../../src/kafka-protocol/messages/init-producer-id.ts";
import { listOffsetsApi } from "../../../src/kafka-protocol/messages/list-offsets.ts";
import { listTransactionsApi } from "../../../src/kafka-protocol/messages/list-transactions.ts";
import { offsetFetchApi } from "../../../src/kafka-protocol/messages/offset-fetch.ts";
import { produceApi } from "../../../src/kafka-protocol/messages/produce.ts";
import { txnOffsetCommitApi } from "../../../src/kafka-protocol/messages/txn-offset-commit.ts";
import { writeTxnMarkersApi } from "../../../src/kafka-protocol/messages/write-txn-markers.ts";
import { readControlMarker } from "../../../src/kafka-protocol/control-marker.ts";
import { BATCH_HEADER_BYTES, encodeBatch, isControl, readBatchHeader } from "../../../src/kafka-protocol/record-batch.ts";
import type { ResponseOf } from "../../../src/kafka-protocol/schema.ts";
import { eventually, record, type Place } from "../harness/place.ts";
import { frames, java, kafkajs, kcat, raw, type Theme } from "../harness/step.ts";
import { said } from "./said.ts";

const T = 1_700_000_000_000;

interface Producer {
  readonly transactionalId: string;
  readonly producerId: number;
  readonly producerEpoch: number;
}

/** CONCURRENT_TRANSACTIONS says "try again": both brokers may be at work on the end of the transaction before. */
const CONCURRENT = 51;

async function init(place: Place, transactionalId: string, transactionTimeoutMs: number = 60_000): Promise<Producer> {
  const { producerId, producerEpoch } = await eventually(`a producer id for ${transactionalId}`, async () => {
    const answer = await place.get(initProducerIdApi, 4, { transactionalId, transactionTimeoutMs, producerId: -1, producerEpoch: -1 });
    if (answer.errorCode === CONCURRENT) return undefined;
    if (answer.errorCode !== 0) throw new Error(`InitProducerId: ${answer.errorCode}`);
    return answer;
  });
  return { transactionalId, producerId, producerEpoch };
}

const added = ({ transactionalId, producerId, producerEpoch }: Producer, topic: string, ...partitions: number[]) => ({
  v3AndBelowTransactionalId: transactionalId,
  v3AndBelowProducerId: producerId,
  v3AndBelowProducerEpoch: producerEpoch,
  v3AndBelowTopics: [{ name: topic, partitions }],
});

async function add(place: Place, producer: Producer, topic: string, partition: number = 0): Promise<unknown> {
  return eventually("a partition is added", async () => {
    const { resultsByTopicV3AndBelow: results } = await place.get(addPartitionsToTxnApi, 3, added(producer, topic, partition));
    return results[0]?.resultsByPartition[0]?.partitionErrorCode === CONCURRENT ? undefined : results;
  });
}

async function send(
  place: Place,
  { transactionalId, producerId, producerEpoch }: Producer,
  topic: string,
  baseSequence: number,
  ...values: readonly string[]
): Promise<unknown> {
  const records = encodeBatch(
    values.map((value) => record(value, T)),
    { producerId, producerEpoch, baseSequence, isTransactional: true },
  );
  const answer = await place.get(produceApi, 9, {
    transactionalId,
    acks: -1,
    timeoutMs: 5000,
    topicData: [{ name: topic, partitionData: [{ index: 0, records }] }],
  });
  return answer.responses[0]?.partitionResponses[0];
}

async function end(place: Place, producer: Producer, committed: boolean): Promise<unknown> {
  return eventually("the transaction ends", async () => {
    const answer = await place.get(endTxnApi, 3, { ...producer, committed });
    return answer.errorCode === CONCURRENT ? undefined : answer;
  });
}

/** Bytes of a control record before its key: length, attributes, both deltas, length of the key. */
const BEFORE_KEY = 5;

/** The ends of transactions in fetched batches, "3 abort", and the offset behind the batches. */
function markersIn(records: Buffer): { readonly markers: readonly string[]; readonly next: number } {
  const markers: string[] = [];
  let next = -1;
  for (let at = 0; at < records.length;) {
    const batch = readBatchHeader(records, at, records.length);
    if (typeof batch === "string") break;
    const keyAt = batch.at + BATCH_HEADER_BYTES + BEFORE_KEY;
    if (isControl(batch.attributes)) markers.push(`${batch.baseOffset} ${readControlMarker(records.subarray(keyAt, keyAt + 4))}`);
    next = batch.lastOffset + 1;
    at = batch.end;
  }
  return { markers, next };
}

/** What both kinds of readers get, and where the stable end is, once the markers are there. */
async function seen(place: Place, topic: string, endOffset: number): Promise<unknown> {
  const offsetOf = async (isolationLevel: number) =>
    (
      await place.get(listOffsetsApi, 5, {
        replicaId: -1,
        isolationLevel,
        topics: [{ name: topic, partitions: [{ partitionIndex: 0, timestamp: -1 }] }],
      })
    ).topics[0]?.partitions[0]?.offset;
  const ended = await eventually(
    `${endOffset} in ${topic}`,
    async () => ((await offsetOf(0)) === endOffset ? endOffset : undefined),
    3000,
  ).catch(() => offsetOf(0));
  await eventually("stable", async () => ((await offsetOf(1)) === ended ? true : undefined), 500).catch(() => undefined);
  const aborted = new Map<string, unknown>();
  const markers: string[] = [];
  let partition: ResponseOf<typeof fetchApi>["responses"][number]["partitions"][number] | undefined;
  for (let at = 0; at < (ended ?? 0);) {
    const committed = await place.get(fetchApi, 11, {
      maxWaitMs: 0,
      minBytes: 1,
      maxBytes: 100_000,
      isolationLevel: 1,
      topics: [{ topic, partitions: [{ partition: 0, fetchOffset: at, partitionMaxBytes: 100_000 }] }],
      forgottenTopicsData: [],
    });
    partition = committed.responses[0]?.partitions[0];
    for (const one of partition?.abortedTransactions ?? []) aborted.set(JSON.stringify(one), one);
    const found = markersIn(partition?.records ?? Buffer.alloc(0));
    markers.push(...found.markers);
    if (found.next <= at) break;
    at = found.next;
  }
  return {
    ended,
    stable: await offsetOf(1),
    highWatermark: partition?.highWatermark,
    lastStableOffset: partition?.lastStableOffset,
    aborted: [...aborted.values()],
    markers,
    uncommitted: (await place.read(topic)).map(({ offset, value }) => `${offset} ${value}`),
    fetched: (await place.read(topic, 0, 0, 1)).map(({ offset, value }) => `${offset} ${value}`),
  };
}

const unknown = { transactionalId: "n-nobody", producerId: 4711, producerEpoch: 0 };
const offsetsOf = (producer: Producer, groupId: string, committedOffset: number) => ({
  ...producer,
  groupId,
  topics: [{ name: "n-offsets", partitions: [{ partitionIndex: 0, committedOffset, committedMetadata: "of a transaction" }] }],
});

/** Transactions, and what readers see of them. */
export const transactionsTheme: Theme = {
  name: "transactions",
  title: "Transactions and read_committed",
  before: (place) =>
    place.topics("n-commit", "n-abort", "n-mixed", "n-fenced", "n-offsets", "n-js", "n-java", "n-open", "n-late", "n-kcat", "n-none"),
  steps: [
    ...frames(
      initProducerIdApi,
      {
        title: "of a transactional id",
        body: (v) => ({ transactionalId: `n-init-v${v}`, transactionTimeoutMs: 60_000, producerId: -1, producerEpoch: -1 }),
      },
      {
        title: "the same again: the epoch grows",
        body: (v) => ({ transactionalId: `n-init-v${v}`, transactionTimeoutMs: 60_000, producerId: -1, producerEpoch: -1 }),
      },
      {
        title: "a timeout of 0",
        body: (v) => ({ transactionalId: `n-init-zero-v${v}`, transactionTimeoutMs: 0, producerId: -1, producerEpoch: -1 }),
      },
      {
        title: "a timeout longer than the broker's",
        body: (v) => ({ transactionalId: `n-init-long-v${v}`, transactionTimeoutMs: 900_001, producerId: -1, producerEpoch: -1 }),
      },
      {
        title: "with an id and epoch that are not its own",
        from: 3,
        body: (v) => ({ transactionalId: `n-init-v${v}`, transactionTimeoutMs: 60_000, producerId: 999_999, producerEpoch: 0 }),
      },
    ),
    ...frames(
      addPartitionsToTxnApi,
      { title: "of a producer that nobody knows", body: () => added(unknown, "n-commit", 0) },
      {
        title: "of a topic that is not there, beside one that is",
        body: async (v, place) => ({
          ...added(await init(place, `n-add-v${v}`), "n-commit", 0),
          v3AndBelowTopics: [
            { name: "n-commit", partitions: [0] },
            { name: "n-nowhere", partitions: [0] },
          ],
        }),
      },
      {
        title: "with an old epoch",
        body: async (v, place) => {
          const old = await init(place, `n-add-old-v${v}`);
          await init(place, `n-add-old-v${v}`);
          return added(old, "n-commit", 0);
        },
      },
      {
        title: "with another's id",
        body: async (v, place) => added({ ...(await init(place, `n-add-other-v${v}`)), producerId: 777_777 }, "n-commit", 0),
      },
    ),
    ...frames(
      addOffsetsToTxnApi,
      { title: "of a producer that nobody knows", body: () => ({ ...unknown, groupId: "n-group" }) },
      { title: "of a producer", body: async (v, place) => ({ ...(await init(place, `n-offsets-v${v}`)), groupId: "n-group" }) },
      {
        title: "with an old epoch",
        body: async (v, place) => {
          const old = await init(place, `n-offsets-old-v${v}`);
          await init(place, `n-offsets-old-v${v}`);
          return { ...old, groupId: "n-group" };
        },
      },
    ),
    ...frames(
      txnOffsetCommitApi,
      {
        title: "of a producer with an open transaction",
        body: async (v, place) => {
          const producer = await init(place, `n-toc-v${v}`);
          await place.get(addOffsetsToTxnApi, 3, { ...producer, groupId: `n-toc-v${v}` });
          return offsetsOf(producer, `n-toc-v${v}`, 5);
        },
        shown: async (answer, v, place) => ({
          answer,
          pending: await place.get(offsetFetchApi, 7, {
            groupId: `n-toc-v${v}`,
            topics: [{ name: "n-offsets", partitionIndexes: [0] }],
            requireStable: true,
          }),
          unstable: await place.get(offsetFetchApi, 7, {
            groupId: `n-toc-v${v}`,
            topics: [{ name: "n-offsets", partitionIndexes: [0] }],
            requireStable: false,
          }),
        }),
      },
      {
        title: "with a member that nobody knows",
        from: 3,
        body: async (v, place) => ({
          ...offsetsOf(await init(place, `n-toc-member-v${v}`), `n-toc-member-v${v}`, 5),
          memberId: "nobody",
          generationId: 4,
        }),
      },
    ),
    ...frames(
      endTxnApi,
      { title: "of a producer that nobody knows", body: () => ({ ...unknown, committed: true }) },
      { title: "without a transaction", body: async (v, place) => ({ ...(await init(place, `n-end-v${v}`)), committed: true }) },
      {
        title: "with an old epoch",
        body: async (v, place) => {
          const old = await init(place, `n-end-old-v${v}`);
          await init(place, `n-end-old-v${v}`);
          return { ...old, committed: false };
        },
      },
    ),
    ...frames(
      describeTransactionsApi,
      { title: "one that is not there", body: () => ({ transactionalIds: ["n-nobody"] }) },
      {
        title: "one that is open",
        body: async (v, place) => {
          const producer = await init(place, `n-described-v${v}`);
          await add(place, producer, "n-none");
          return { transactionalIds: [`n-described-v${v}`] };
        },
        shown: (answer) =>
          answer === "closed"
            ? answer
            : {
                ...answer,
                transactionStates: answer.transactionStates.map((one) => ({
                  ...one,
                  transactionStartTimeMs: one.transactionStartTimeMs > 0,
                })),
              },
      },
      { title: "no name", body: () => ({ transactionalIds: [""] }) },
    ),
    ...frames(
      listTransactionsApi,
      {
        title: "this theme's",
        body: () => ({ stateFilters: [], producerIdFilters: [] }),
        shown: (answer) =>
          answer === "closed"
            ? answer
            : {
                ...answer,
                transactionStates: answer.transactionStates.filter(({ transactionalId }) => transactionalId === "n-described-v0"),
              },
      },
      { title: "of states that there are not", body: () => ({ stateFilters: ["Sleepy", "Ended"], producerIdFilters: [] }) },
      { title: "by a pattern", from: 2, body: () => ({ stateFilters: [], producerIdFilters: [], transactionalIdPattern: "n-descr.*" }) },
      {
        title: "by a pattern that is none",
        from: 2,
        body: () => ({ stateFilters: [], producerIdFilters: [], transactionalIdPattern: "(" }),
      },
    ),
    ...frames(describeProducersApi, {
      title: "a partition that one wrote to, one that is not there",
      before: async (_, place) => {
        await place.topics("n-producers");
        const producer = await init(place, "n-producers");
        await add(place, producer, "n-producers");
        await send(place, producer, "n-producers", 0, "a", "b");
      },
      body: () => ({
        topics: [
          { name: "n-producers", partitionIndexes: [0, 7] },
          { name: "n-nowhere", partitionIndexes: [0] },
        ],
      }),
    }),
    ...frames(
      writeTxnMarkersApi,
      { title: "no markers", body: () => ({ markers: [] }) },
      {
        title: "of a producer that nobody knows, in a topic that is not there",
        body: () => ({
          markers: [
            {
              producerId: 4711,
              producerEpoch: 0,
              transactionResult: false,
              coordinatorEpoch: 0,
              topics: [{ name: "n-nowhere", partitionIndexes: [0] }],
            },
          ],
        }),
      },
    ),
    raw("a committed transaction: what was sent, then its marker", async (place) => {
      const producer = await init(place, "n-commit");
      return [
        await add(place, producer, "n-commit"),
        await send(place, producer, "n-commit", 0, "a", "b"),
        await end(place, producer, true),
        await seen(place, "n-commit", 3),
      ];
    }),
    raw("committed again is no error; aborted afterwards is one", async (place) => {
      const producer = await init(place, "n-again");
      await add(place, producer, "n-none");
      return [await end(place, producer, true), await end(place, producer, true), await end(place, producer, false)];
    }),
    raw("an aborted transaction is left out of what is committed", async (place) => {
      const producer = await init(place, "n-abort");
      return [
        await add(place, producer, "n-abort"),
        await send(place, producer, "n-abort", 0, "a", "b"),
        await end(place, producer, false),
        await seen(place, "n-abort", 3),
      ];
    }),
    raw("two transactions side by side, with plain records between them", async (place) => {
      const [one, two] = [await init(place, "n-mixed-1"), await init(place, "n-mixed-2")];
      await add(place, one, "n-mixed");
      await add(place, two, "n-mixed");
      await send(place, one, "n-mixed", 0, "one a");
      await place.append("n-mixed", 0, [record("plain a", T)]);
      await send(place, two, "n-mixed", 0, "two a");
      await end(place, two, false);
      const open = await seen(place, "n-mixed", 4);
      await send(place, one, "n-mixed", 1, "one b");
      await end(place, one, true);
      return { open, ended: await seen(place, "n-mixed", 6) };
    }),
    raw("an open transaction holds back the stable offset", async (place) => {
      const producer = await init(place, "n-open");
      await place.append("n-open", 0, [record("before", T)]);
      await add(place, producer, "n-open");
      await send(place, producer, "n-open", 0, "open");
      await place.append("n-open", 0, [record("behind", T)]);
      return seen(place, "n-open", 3);
    }),
    raw("a new producer of the same id fences the old one and aborts its transaction", async (place) => {
      const old = await init(place, "n-fenced");
      await add(place, old, "n-fenced");
      await send(place, old, "n-fenced", 0, "lost");
      const fresh = await init(place, "n-fenced");
      return {
        same: old.producerId === fresh.producerId,
        sent: await send(place, old, "n-fenced", 1, "late"),
        added: await add(place, old, "n-fenced"),
        ended: await end(place, old, true),
        seen: await seen(place, "n-fenced", 2),
      };
    }),
    raw("a batch of a partition that was not added to the transaction", async (place) =>
      send(place, await init(place, "n-not-added"), "n-none", 0, "x"),
    ),
    raw("a transaction that takes too long is aborted", async (place) => {
      const producer = await init(place, "n-late", 300);
      await add(place, producer, "n-late");
      const sent = await send(place, producer, "n-late", 0, "late");
      const endOf = async () =>
        (
          await place.get(listOffsetsApi, 5, {
            replicaId: -1,
            isolationLevel: 0,
            topics: [{ name: "n-late", partitions: [{ partitionIndex: 0, timestamp: -1 }] }],
          })
        ).topics[0]?.partitions[0]?.offset;
      await eventually("the marker of the abort", async () => ((await endOf()) === 2 ? true : undefined), 13_000);
      return {
        sent,
        seen: await seen(place, "n-late", 2),
        late: await send(place, producer, "n-late", 1, "too late"),
        ended: await end(place, producer, true),
      };
    }),
    raw("offsets within a transaction count when it is committed", async (place) => {
      const producer = await init(place, "n-offsets");
      const fetched = async () =>
        (
          await place.get(offsetFetchApi, 8, {
            groups: [{ groupId: "n-group-2", topics: [{ name: "n-offsets", partitionIndexes: [0] }] }],
            requireStable: false,
          })
        ).groups[0]?.topics;
      const done = [
        await place.get(addOffsetsToTxnApi, 3, { ...producer, groupId: "n-group-2" }),
        await place.get(txnOffsetCommitApi, 3, offsetsOf(producer, "n-group-2", 9)),
        await fetched(),
        await end(place, producer, true),
      ];
      const after = await eventually(
        "the offset",
        async () => {
          const topics = await fetched();
          return topics?.[0]?.partitions[0]?.committedOffset === 9 ? topics : undefined;
        },
        3000,
      ).catch(fetched);
      return { done, after };
    }),
    kafkajs("transactions: sent, aborted, with offsets", async (place) => {
      const producer = place.kafkajs.producer({ transactionalId: "n-js", idempotent: true, maxInFlightRequests: 1 });
      await producer.connect();
      try {
        const one = await producer.transaction();
        await one.send({ topic: "n-js", messages: [{ value: "kept", timestamp: String(T) }] });
        await one.sendOffsets({ consumerGroupId: "n-js", topics: [{ topic: "n-offsets", partitions: [{ partition: 0, offset: "4" }] }] });
        await one.commit();
        const two = await producer.transaction();
        await two.send({ topic: "n-js", messages: [{ value: "dropped", timestamp: String(T) }] });
        await two.abort();
        const three = await producer.transaction();
        await three.send({ topic: "n-js", messages: [{ value: "kept too", timestamp: String(T) }] });
        await three.commit();
        const admin = place.kafkajs.admin();
        await admin.connect();
        const offsets = await admin.fetchOffsets({ groupId: "n-js", topics: ["n-offsets"] });
        await admin.disconnect();
        return { seen: await seen(place, "n-js", 6), offsets };
      } finally {
        await producer.disconnect();
      }
    }),
    kcat("-P with a transactional id, read by -C read_committed and read_uncommitted", async (place) => {
      const sent = await place.kcat(["-P", "-t", "n-kcat", "-X", "transactional.id=n-kcat"], "a\nb\n");
      const aborted = await init(place, "n-kcat-aborted");
      await add(place, aborted, "n-kcat");
      await send(place, aborted, "n-kcat", 0, "dropped");
      await end(place, aborted, false);
      await seen(place, "n-kcat", 5);
      const read = (isolation: string): Promise<unknown> =>
        place.kcat(["-C", "-t", "n-kcat", "-o", "beginning", "-e", "-q", "-X", `isolation.level=${isolation}`, "-f", "%o %s\n"]).then(said);
      return { exit: sent.exit, committed: await read("read_committed"), all: await read("read_uncommitted") };
    }),
    java("kafka-producer-perf-test with transactions, kafka-console-consumer --isolation-level", async (place) => {
      const produced = await place.java("ProducerPerformance", [
        "--bootstrap-server",
        "@",
        "--topic",
        "n-java",
        "--num-records",
        "500",
        "--record-size",
        "10",
        "--throughput",
        "-1",
        "--transactional-id",
        "n-java",
        "--transaction-duration-ms",
        "50",
      ]);
      const consumed = await place.java("consumer.ConsoleConsumer", [
        "--bootstrap-server",
        "@",
        "--topic",
        "n-java",
        "--from-beginning",
        "--isolation-level",
        "read_committed",
        "--max-messages",
        "500",
        "--timeout-ms",
        "10000",
      ]);
      return {
        produced: { exit: produced.exit, sent: /^(\d+) records sent/m.exec(produced.out)?.[1] },
        consumed: { exit: consumed.exit, lines: consumed.out.trim().split("\n").length },
      };
    }),
    ...(
      [
        ["list", ["list"]],
        ["describe of an id that is not there", ["describe", "--transactional-id", "n-nobody"]],
      ] as const
    ).map(([title, args]) =>
      java(`kafka-transactions ${title}`, async (place) => {
        const { exit, out } = said(await place.java("TransactionsCommand", ["--bootstrap-server", "@", ...args]));
        return {
          exit,
          lines: out
            .filter((line) => /n-java|Exception|not/.test(line))
            .map((line) =>
              line
                .trim()
                .replace(/\s+/g, " ")
                .replace(/^(n-\S+ \d+) \d+/, "$1 <id>"),
            ),
        };
      }),
    ),
  ],
};
