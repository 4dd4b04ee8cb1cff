import type { Place } from "../harness/place.ts";
import { fetchApi } from "../../../src/kafka-protocol/messages/fetch.ts";
import { produceApi } from "../../../src/kafka-protocol/messages/produce.ts";
import { crc32c } from "../../../src/base/crc32c.ts";
import { encodeBatch, type RecordToWrite } from "../../../src/kafka-protocol/record-batch.ts";
import { record } from "../harness/place.ts";
import { frames, java, kafkajs, kcat, raw, refusal, type Theme } from "../harness/step.ts";
import { said } from "./said.ts";

const T = 1_700_000_000_000;

function sending(topic: string, records: Uint8Array | null, index: number = 0, acks: number = -1, transactionalId: string | null = null) {
  return { transactionalId, acks, timeoutMs: 5000, topicData: [{ name: topic, partitionData: [{ index, records }] }] };
}

const batch = (...records: readonly RecordToWrite[]): Buffer => encodeBatch(records);

/** A batch that a hand has changed: `change` gets its bytes, and the CRC is made right again. */
function changed(change: (bytes: Buffer) => void, ...records: readonly RecordToWrite[]): Buffer {
  const bytes = batch(...(records.length > 0 ? records : [record("a", T)]));
  change(bytes);
  bytes.writeUInt32BE(crc32c(bytes, 21), 17);
  return bytes;
}

const topicOf = (v: number): string => `p-v${v}`;
const TOPICS = Array.from({ length: 7 }, (_, i) => topicOf(i + 3));

async function heads(place: Place, topic: string): Promise<unknown> {
  return place.read(topic);
}

/** What a leader takes, and what it refuses. */
export const produceTheme: Theme = {
  name: "produce",
  title: "Produce",
  before: async (place) => {
    await place.topics(
      ...TOPICS,
      "p-records",
      "p-js",
      "p-kcat",
      { name: "p-append-time", configs: { "message.timestamp.type": "LogAppendTime" } },
      { name: "p-small", configs: { "max.message.bytes": "200" } },
      { name: "p-three", partitions: 3 },
      { name: "p-kcat-three", partitions: 3 },
      { name: "p-two-replicas-wanted", configs: { "min.insync.replicas": "2" } },
    );
  },
  steps: [
    ...frames(
      produceApi,
      { title: "a batch in a version of before them", to: 2, body: (v) => sending(topicOf(v + 3), batch(record("a", T))) },
      { title: "one batch of two records", from: 3, body: (v) => sending(topicOf(v), batch(record("a", T), record("b", T))) },
      { title: "acks=1", from: 3, body: (v) => sending(topicOf(v), batch(record("c", T)), 0, 1) },
      { title: "a topic that is not there", from: 3, body: () => sending("p-nowhere", batch(record("a", T))) },
      { title: "a partition that is not there", from: 3, body: (v) => sending(topicOf(v), batch(record("a", T)), 7) },
      { title: "acks that there are not", from: 3, body: (v) => sending(topicOf(v), batch(record("a", T)), 0, 2) },
      { title: "no bytes", from: 3, body: (v) => sending(topicOf(v), Buffer.alloc(0)) },
      {
        title: "a wrong CRC",
        from: 3,
        body: (v) => {
          const bytes = batch(record("a", T));
          bytes.writeUInt32BE(1, 17);
          return sending(topicOf(v), bytes);
        },
      },
      {
        title: "two batches for one partition",
        from: 3,
        body: (v) => sending(topicOf(v), Buffer.concat([batch(record("d", T)), batch(record("e", T))])),
      },
      { title: "a batch larger than max.message.bytes", from: 3, body: () => sending("p-small", batch(record("x".repeat(300), T))) },
      {
        title: "more in-sync replicas wanted than there are",
        from: 3,
        body: () => sending("p-two-replicas-wanted", batch(record("a", T))),
      },
      { title: "the same with acks=1", from: 3, body: () => sending("p-two-replicas-wanted", batch(record("a", T)), 0, 1) },
      { title: "log append time", from: 3, body: () => sending("p-append-time", batch(record("a", T))) },
      {
        title: "a count of records that is not theirs",
        from: 3,
        body: (v) =>
          sending(
            topicOf(v),
            changed((bytes) => bytes.writeInt32BE(3, 57)),
          ),
      },
      {
        title: "a last offset that does not fit the count",
        from: 3,
        body: (v) =>
          sending(
            topicOf(v),
            changed((bytes) => bytes.writeInt32BE(4, 23)),
          ),
      },
      {
        title: "no records in a batch",
        from: 3,
        body: (v) =>
          sending(
            topicOf(v),
            changed((bytes) => {
              bytes.writeInt32BE(0, 57);
              bytes.writeInt32BE(-1, 23);
            }),
          ),
      },
      { title: "a base offset that is not 0", from: 3, body: (v) => sending(topicOf(v), encodeBatch([record("f", T)], { baseOffset: 5 })) },
      {
        title: "a control batch of a client",
        from: 3,
        body: (v) => sending(topicOf(v), encodeBatch([record("a", T)], { isControl: true })),
      },
      {
        title: "a transactional batch without a transaction",
        from: 3,
        body: (v) =>
          sending(
            topicOf(v),
            encodeBatch([record("a", T)], { isTransactional: true, producerId: 4000, producerEpoch: 0, baseSequence: 0 }),
          ),
      },
      {
        title: "a compression that there is not",
        from: 3,
        body: (v) =>
          sending(
            topicOf(v),
            changed((bytes) => bytes.writeInt16BE(6, 21)),
          ),
      },
      {
        title: "zstd in a version before it",
        from: 3,
        to: 6,
        body: (v) => sending(topicOf(v), encodeBatch([record("a", T)], { compression: "zstd" })),
      },
      {
        title: "a magic of old",
        from: 3,
        body: (v) => {
          const bytes = batch(record("a", T));
          bytes[16] = 1;
          return sending(topicOf(v), bytes);
        },
      },
      { title: "a batch that is cut off", from: 3, body: (v) => sending(topicOf(v), batch(record("abcdef", T)).subarray(0, 64)) },
      { title: "a time far ahead", from: 3, body: (v) => sending(topicOf(v), batch(record("a", 4_000_000_000_000))) },
      { title: "no time (−1)", from: 3, body: (v) => sending(topicOf(v), batch(record("a", -1))) },
      {
        title: "two topics, one of which is not there",
        from: 3,
        body: (v) => ({
          ...sending(topicOf(v), null),
          topicData: [
            { name: topicOf(v), partitionData: [{ index: 0, records: batch(record("g", T)) }] },
            { name: "p-nowhere", partitionData: [{ index: 0, records: batch(record("g", T)) }] },
          ],
        }),
      },
    ),
    ...TOPICS.map((topic) => raw(`what ${topic} holds after that`, (place) => heads(place, topic))),
    raw("acks=0 gets no answer, and is written", async (place) => {
      const client = await place.connect();
      try {
        client.tell(produceApi, 7, sending("p-records", batch(record("silent", T)), 0, 0));
        const answer = await client.ask(fetchApi, 11, {
          maxWaitMs: 2000,
          minBytes: 1,
          maxBytes: 1000,
          isolationLevel: 0,
          topics: [{ topic: "p-records", partitions: [{ partition: 0, fetchOffset: 0, partitionMaxBytes: 1000 }] }],
        });
        return answer === "closed" ? answer : await heads(place, "p-records");
      } finally {
        client.close();
      }
    }),
    raw("acks=0 to a partition that is not there ends the connection", async (place) => {
      const client = await place.connect();
      try {
        client.tell(produceApi, 7, sending("p-records", batch(record("silent", T)), 9, 0));
        await client.ended;
        return "closed";
      } finally {
        client.close();
      }
    }),
    raw("keys, headers, nulls, empty texts, 100 000 bytes", async (place) => {
      await place.append("p-records", 0, [
        record(null, T, "only a key"),
        record("", T, ""),
        { key: null, value: null, timestampMs: T + 1 },
        {
          key: Buffer.from("k"),
          value: Buffer.from("é😀"),
          timestampMs: T + 2,
          headers: [
            ["a", Buffer.from("1")],
            ["a", null],
            ["", Buffer.alloc(0)],
          ],
        },
        record("x".repeat(100_000), T + 3),
      ]);
      return (await place.read("p-records", 0, 1)).map((one) => ({
        ...one,
        value: (one.value?.length ?? 0) > 100 ? `${one.value?.length} bytes` : one.value,
      }));
    }),
    kafkajs("keys, headers, nulls, partitions by key", async (place) => {
      const producer = place.kafkajs.producer();
      await producer.connect();
      try {
        const sent = await producer.send({
          topic: "p-three",
          messages: Array.from({ length: 12 }, (_, i) => ({
            key: `key-${i}`,
            value: `value ${i}`,
            timestamp: String(T + i),
            headers: { n: String(i) },
          })),
        });
        const nulls = await producer.send({ topic: "p-js", messages: [{ key: null, value: null, timestamp: String(T) }] });
        const refused = await refusal(producer.send({ topic: "p-small", messages: [{ value: "x".repeat(400) }] }));
        return {
          sent,
          nulls,
          refused,
          read: [await place.read("p-three", 0), await place.read("p-three", 1), await place.read("p-three", 2), await place.read("p-js")],
        };
      } finally {
        await producer.disconnect();
      }
    }),
    kcat("keys, headers, null values and keys", async (place) => {
      const done = [
        said(await place.kcat(["-P", "-t", "p-kcat", "-K", ":", "-H", "unit=°C", "-H", "empty="], "a:1\nb:2\n")),
        said(await place.kcat(["-P", "-t", "p-kcat", "-Z", "-K", ":"], "gone:\n:none\n")),
      ];
      const read = (await place.read("p-kcat")).map((one) => ({ ...one, timestampMs: 0 }));
      return {
        done,
        read,
        printed: said(await place.kcat(["-C", "-t", "p-kcat", "-e", "-o", "beginning", "-f", "%o|%p|%k|%K|%s|%S|%h\n", "-q"])),
      };
    }),
    kcat("the same keys go where Java's partitioner sends them", async (place) => {
      const keys = Array.from({ length: 30 }, (_, i) => `key-${i}:${i}`).join("\n");
      await place.kcat(["-P", "-t", "p-kcat-three", "-K", ":", "-X", "partitioner=murmur2_random"], `${keys}\n`);
      return Promise.all([0, 1, 2].map(async (partition) => (await place.read("p-kcat-three", partition)).map(({ key }) => key)));
    }),
    kcat("acks=0, 1 and all; a message too large", async (place) => ({
      acks: await Promise.all(
        ["0", "1", "all"].map(async (acks) => (await place.kcat(["-P", "-t", "p-kcat", "-X", `acks=${acks}`], "x\n")).exit),
      ),
      large: said(await place.kcat(["-P", "-t", "p-small"], `${"x".repeat(400)}\n`)),
    })),
    java("kafka-console-producer with keys and headers, read by kafka-console-consumer", async (place) => {
      await place.topics("p-console");
      const produced = await place.java(
        "ConsoleProducer",
        [
          "--bootstrap-server",
          "@",
          "--topic",
          "p-console",
          "--reader-property",
          "parse.key=true",
          "--reader-property",
          "key.separator=:",
          "--reader-property",
          "parse.headers=true",
          "--reader-property",
          "null.marker=NULL",
        ],
        { input: "unit:C\ta:1\nunit:K,x:y\tb:2\nunit:F\tc:NULL\n" },
      );
      const consumed = await place.java("consumer.ConsoleConsumer", [
        ...["--bootstrap-server", "@", "--topic", "p-console", "--from-beginning", "--max-messages", "3", "--timeout-ms", "10000"],
        ...[
          "--formatter-property",
          "print.key=true",
          "--formatter-property",
          "print.headers=true",
          "--formatter-property",
          "print.offset=true",
          "--formatter-property",
          "print.partition=true",
          "--formatter-property",
          "null.literal=NULL",
        ],
      ]);
      return { produced: said(produced), consumed: said(consumed) };
    }),
    java("kafka-console-producer: a message too large is reported", async (place) => {
      const { exit, out, err } = await place.java("ConsoleProducer", ["--bootstrap-server", "@", "--topic", "p-small"], {
        input: `${"x".repeat(400)}\n`,
      });
      return { exit, out, reported: /RecordTooLargeException/.test(err) };
    }),
    java("kafka-console-producer spread over partitions, read one by one", async (place) => {
      await place.topics({ name: "p-spread", partitions: 3 });
      const lines = Array.from({ length: 100 }, (_, i) => String(i + 1));
      const produced = await place.java(
        "ConsoleProducer",
        [
          "--bootstrap-server",
          "@",
          "--topic",
          "p-spread",
          "--max-partition-memory-bytes",
          "1",
          "--command-property",
          "partitioner.class=org.apache.kafka.clients.producer.RoundRobinPartitioner",
        ],
        {
          input: `${lines.join("\n")}\n`,
        },
      );
      const consumed = await place.java("consumer.ConsoleConsumer", [
        "--bootstrap-server",
        "@",
        "--topic",
        "p-spread",
        "--partition",
        "1",
        "--offset",
        "earliest",
        "--timeout-ms",
        "1500",
      ]);
      const inOrder = consumed.out.trim().split("\n").map(Number);
      const all = await place.java("consumer.ConsoleConsumer", [
        "--bootstrap-server",
        "@",
        "--topic",
        "p-spread",
        "--from-beginning",
        "--max-messages",
        "100",
        "--timeout-ms",
        "10000",
      ]);
      return {
        produced: said(produced),
        ordered: inOrder.every((n, i) => i === 0 || n > (inOrder[i - 1] ?? 0)),
        all: all.out
          .trim()
          .split("\n")
          .map(Number)
          .sort((a, b) => a - b),
      };
    }),
  ],
};
