import { fetchApi } from "../../../src/kafka-protocol/messages/fetch.ts";
import { readBatchHeader } from "../../../src/kafka-protocol/record-batch.ts";
import type { ResponseOf } from "../../../src/kafka-protocol/schema.ts";
import { record } from "../harness/place.ts";
import { frames, java, kafkajs, kcat, raw, type Theme } from "../harness/step.ts";
import { said } from "./said.ts";

const T = 1_700_000_000_000;

interface Wanted {
  readonly topic?: string;
  readonly partition?: number;
  readonly at: number;
  readonly maxBytes?: number;
  readonly partitionMaxBytes?: number;
  readonly minBytes?: number;
  readonly maxWaitMs?: number;
  readonly isolationLevel?: number;
  readonly epoch?: number;
}

const fetching = ({
  topic = "f-ten",
  partition = 0,
  at,
  maxBytes = 1_000_000,
  partitionMaxBytes = 1_000_000,
  minBytes = 1,
  maxWaitMs = 0,
  isolationLevel = 0,
  epoch = -1,
}: Wanted) => ({
  maxWaitMs,
  minBytes,
  maxBytes,
  isolationLevel,
  topics: [{ topic, partitions: [{ partition, fetchOffset: at, partitionMaxBytes, currentLeaderEpoch: epoch }] }],
  forgottenTopicsData: [],
});

/** Batches by their offsets: "0–9", one cut off at the end as "cut". */
function batches(records: Buffer | null): string[] | null {
  if (records === null) return null;
  const found: string[] = [];
  for (let at = 0; at < records.length;) {
    const batch = readBatchHeader(records, at, records.length);
    if (typeof batch === "string") {
      found.push(batch);
      break;
    }
    found.push(`${batch.baseOffset}–${batch.lastOffset} epoch ${batch.leaderEpoch}`);
    at = batch.end;
  }
  return found;
}

/** Partitions by topic, in order: Kafka lists those that failed apart from those that did not. */
const shown = (answer: ResponseOf<typeof fetchApi> | "closed"): unknown => {
  if (answer === "closed") return answer;
  const partitions = answer.responses.flatMap((one) =>
    one.partitions.map((partition) => ({ name: one.topic, ...partition, records: batches(partition.records) })),
  );
  return { ...answer, sessionId: answer.sessionId === 0 ? 0 : "<session>", responses: partitions };
};

/** Reading from anywhere. */
export const fetchTheme: Theme = {
  name: "fetch",
  title: "Fetch, in the middle of a batch too",
  before: async (place) => {
    await place.topics("f-ten", { name: "f-two", partitions: 2 }, "f-empty", "f-lines");
    const ten = (from: number) => Array.from({ length: 10 }, (_, i) => record(`value ${from + i}`, T + from + i));
    for (const from of [0, 10, 20]) await place.append("f-ten", 0, ten(from));
    await place.append("f-two", 1, ten(0));
    for (const from of [0, 10]) await place.append("f-lines", 0, ten(from));
  },
  steps: [
    ...frames(
      fetchApi,
      { title: "from the start", shown, body: () => fetching({ at: 0 }) },
      { title: "inside a batch: the whole batch comes", shown, body: () => fetching({ at: 15 }) },
      { title: "at least one batch comes over every limit", shown, body: () => fetching({ at: 3, maxBytes: 1, partitionMaxBytes: 1 }) },
      { title: "as many bytes as the partition's limit allows", shown, body: () => fetching({ at: 0, partitionMaxBytes: 600 }) },
      { title: "at the end", shown, body: () => fetching({ at: 30 }) },
      { title: "beyond the end", shown, body: () => fetching({ at: 31 }) },
      { title: "before the start", shown, body: () => fetching({ at: -5 }) },
      { title: "a topic that is not there", shown, body: () => fetching({ topic: "f-nowhere", at: 0 }) },
      { title: "a partition that is not there", shown, body: () => fetching({ partition: 5, at: 0 }) },
      { title: "an empty partition", shown, body: () => fetching({ topic: "f-empty", at: 0 }) },
      { title: "waits for bytes that do not come", shown, body: () => fetching({ at: 30, minBytes: 100, maxWaitMs: 60 }) },
      { title: "read_committed", shown, body: () => fetching({ at: 20, isolationLevel: 1 }) },
      { title: "an isolation level that there is not", shown, body: () => fetching({ at: 20, isolationLevel: 9 }) },
      { title: "the current leader epoch", from: 9, shown, body: () => fetching({ at: 20, epoch: 0 }) },
      { title: "a leader epoch of the future", from: 9, shown, body: () => fetching({ at: 20, epoch: 3 }) },
      {
        title: "two partitions and one that is not there",
        shown,
        body: () => ({
          ...fetching({ at: 0 }),
          topics: [
            { topic: "f-two", partitions: [0, 1, 2].map((partition) => ({ partition, fetchOffset: 0, partitionMaxBytes: 1000 })) },
            { topic: "f-ten", partitions: [{ partition: 0, fetchOffset: 25, partitionMaxBytes: 1000 }] },
          ],
        }),
      },
      { title: "no topics", shown, body: () => ({ ...fetching({ at: 0 }), topics: [] }) },
      {
        title: "no session is wanted (epoch −1)",
        from: 7,
        shown,
        body: () => ({ ...fetching({ at: 25 }), sessionId: 0, sessionEpoch: -1 }),
      },
      {
        title: "a new session is wanted (epoch 0)",
        from: 7,
        shown,
        body: () => ({ ...fetching({ at: 25 }), sessionId: 0, sessionEpoch: 0 }),
      },
      {
        title: "a session that there is not",
        from: 7,
        shown,
        body: () => ({ ...fetching({ at: 25 }), sessionId: 12345, sessionEpoch: 3 }),
      },
      {
        title: "a session that there is not is ended",
        from: 7,
        shown,
        body: () => ({ ...fetching({ at: 25 }), sessionId: 12345, sessionEpoch: -1 }),
      },
      { title: "with a rack", from: 11, shown, body: () => ({ ...fetching({ at: 25 }), rackId: "here" }) },
      { title: "as a follower", shown, body: () => ({ ...fetching({ at: 25 }), replicaId: 7 }) },
    ),
    raw("a fetch that waits is woken by an append", async (place) => {
      await place.topics("f-wait");
      const client = await place.connect();
      try {
        const started = performance.now();
        const waiting = client.ask(fetchApi, 11, fetching({ topic: "f-wait", at: 0, maxWaitMs: 20_000 }));
        await place.append("f-wait", 0, [record("woken", T)]);
        return { answer: shown(await waiting), soon: performance.now() - started < 10_000 };
      } finally {
        client.close();
      }
    }),
    raw("a request behind a fetch that waits is answered behind it", async (place) => {
      const client = await place.connect();
      try {
        const order: string[] = [];
        const first = client.ask(fetchApi, 11, fetching({ topic: "f-empty", at: 0, maxWaitMs: 100 })).then(() => order.push("waits"));
        const second = client.ask(fetchApi, 11, fetching({ topic: "f-ten", at: 0 })).then(() => order.push("has"));
        await Promise.all([first, second]);
        return order;
      } finally {
        client.close();
      }
    }),
    kafkajs("from the beginning, and by seek inside a batch", async (place) => {
      const consumer = place.kafkajs.consumer({ groupId: "f-js", maxWaitTimeInMs: 100 });
      await consumer.connect();
      try {
        await consumer.subscribe({ topics: ["f-lines"], fromBeginning: true });
        const read: string[] = [];
        const seen = new Promise<void>((resolve) => {
          void consumer.run({
            eachMessage: ({ message }) => {
              read.push(`${message.offset} ${message.value?.toString()} ${message.timestamp}`);
              if (read.length === 20) consumer.seek({ topic: "f-lines", partition: 0, offset: "13" });
              if (read.length === 27) resolve();
              return Promise.resolve();
            },
          });
        });
        await seen;
        return read;
      } finally {
        await consumer.disconnect();
      }
    }),
    ...["beginning", "13", "-4", "end"].map((offset) =>
      kcat(`-C -o ${offset}`, async (place) =>
        said(await place.kcat(["-C", "-t", "f-lines", "-p", "0", "-o", offset, "-e", "-q", "-f", "%o %T %s\n"])),
      ),
    ),
    kcat("-C beyond the end goes by auto.offset.reset", async (place) => {
      const reset = (how: string) =>
        place.kcat(["-C", "-t", "f-lines", "-p", "0", "-o", "500", "-e", "-q", "-X", `auto.offset.reset=${how}`, "-f", "%o\n"]);
      return { earliest: said(await reset("earliest")), error: (await reset("error")).exit };
    }),
    kcat("-C -c 3, as JSON", async (place) =>
      (await place.kcat(["-C", "-t", "f-lines", "-o", "beginning", "-c", "3", "-J", "-q"])).out
        .trim()
        .split("\n")
        .map((line) => {
          const { broker: _, ...rest } = JSON.parse(line) as Record<string, unknown>;
          return rest;
        }),
    ),
    java("kafka-console-consumer --offset inside a batch", async (place) =>
      said(
        await place.java("consumer.ConsoleConsumer", [
          "--bootstrap-server",
          "@",
          "--topic",
          "f-lines",
          "--partition",
          "0",
          "--offset",
          "13",
          "--max-messages",
          "4",
          "--timeout-ms",
          "10000",
          "--formatter-property",
          "print.timestamp=true",
        ]),
      ),
    ),
    java("kafka-console-consumer --timeout-ms without messages", async (place) => {
      const { exit, out, err } = await place.java("consumer.ConsoleConsumer", [
        "--bootstrap-server",
        "@",
        "--topic",
        "f-empty",
        "--timeout-ms",
        "700",
      ]);
      return { exit, out, processed: err.split("\n").filter((line) => line.startsWith("Processed")) };
    }),
    java("kafka-console-consumer --include", async (place) =>
      said(
        await place.java("consumer.ConsoleConsumer", [
          "--bootstrap-server",
          "@",
          "--include",
          "f-li.*",
          "--from-beginning",
          "--max-messages",
          "20",
          "--timeout-ms",
          "15000",
        ]),
      ),
    ),
  ],
};
