import kafkajsModule from "kafkajs";
import { COMPRESSIONS, compress, compressionOf, decompress, type Compression } from "../../../src/kafka-protocol/compression.ts";
import { fetchApi } from "../../../src/kafka-protocol/messages/fetch.ts";
import { readBatchHeader } from "../../../src/kafka-protocol/record-batch.ts";
import { record, type Place } from "../harness/place.ts";
import { java, kafkajs, kcat, raw, type Step, type Theme } from "../harness/step.ts";
import { said } from "./said.ts";

const T = 1_700_000_000_000;
const LINES = Array.from({ length: 200 }, (_, i) => `line ${i} of some text, of some text é😀`);
const PACKED = COMPRESSIONS.filter((codec): codec is Exclude<Compression, "none"> => codec !== "none");
/** kafkajs brings gzip; the others are handed to it, as its users do. */
const codecs = kafkajsModule.CompressionCodecs as unknown as Record<number, () => unknown>;
for (const codec of PACKED.filter((one) => one !== "gzip")) {
  codecs[COMPRESSIONS.indexOf(codec)] = () => ({
    compress: (encoder: { buffer: Buffer }) => Promise.resolve(compress(codec, encoder.buffer)),
    decompress: (buffer: Buffer) => Promise.resolve(decompress(codec, buffer)),
  });
}

/** The codecs of the batches of a partition. */
async function codecsIn(place: Place, topic: string): Promise<Compression[]> {
  const answer = await place.get(fetchApi, 11, {
    maxWaitMs: 0,
    minBytes: 1,
    maxBytes: 10_000_000,
    isolationLevel: 0,
    topics: [{ topic, partitions: [{ partition: 0, fetchOffset: 0, partitionMaxBytes: 10_000_000 }] }],
  });
  const records = answer.responses[0]?.partitions[0]?.records ?? Buffer.alloc(0);
  const found = new Set<Compression>();
  for (let at = 0; at < records.length;) {
    const batch = readBatchHeader(records, at, records.length);
    if (typeof batch === "string") break;
    found.add(compressionOf(batch.attributes));
    at = batch.end;
  }
  return [...found];
}

const values = (read: readonly { readonly value: string | null }[]): (string | null)[] => read.map(({ value }) => value);

const steps: Step[] = [
  ...PACKED.map((codec) =>
    raw(`${codec}: stored as it came, read from the middle`, async (place) => {
      const topic = `c-raw-${codec}`;
      await place.topics(topic);
      const sent = await place.append(
        topic,
        0,
        LINES.map((line) => record(line, T)),
        { compression: codec },
      );
      return { sent, codecs: await codecsIn(place, topic), read: values(await place.read(topic, 0, 190)) };
    }),
  ),
  ...COMPRESSIONS.map((codec) =>
    raw(`a topic whose compression.type is ${codec === "none" ? "uncompressed" : codec} takes a batch of gzip`, async (place) => {
      const topic = `c-topic-${codec}`;
      await place.topics({ name: topic, configs: { "compression.type": codec === "none" ? "uncompressed" : codec } });
      const sent = await place.append(
        topic,
        0,
        LINES.map((line) => record(line, T)),
        { compression: "gzip" },
      );
      return { sent, codecs: await codecsIn(place, topic), read: values(await place.read(topic, 0, 195)) };
    }),
  ),
  ...PACKED.map((codec) =>
    raw(`${codec}: bytes that do not unpack`, async (place) => {
      const topic = `c-broken-${codec}`;
      await place.topics(topic);
      const { encodeBatch } = await import("../../../src/kafka-protocol/record-batch.ts");
      const { crc32c } = await import("../../../src/base/crc32c.ts");
      const { produceApi } = await import("../../../src/kafka-protocol/messages/produce.ts");
      const bytes = encodeBatch([record("a", T), record("b", T)]);
      bytes.writeInt16BE(COMPRESSIONS.indexOf(codec), 21);
      bytes.writeUInt32BE(crc32c(bytes, 21), 17);
      return place.ask(produceApi, 9, {
        transactionalId: null,
        acks: -1,
        timeoutMs: 5000,
        topicData: [{ name: topic, partitionData: [{ index: 0, records: bytes }] }],
      });
    }),
  ),
  ...PACKED.map((codec) =>
    kafkajs(`${codec}: sent and read`, async (place) => {
      const topic = `c-js-${codec}`;
      await place.topics(topic);
      const { CompressionTypes } = kafkajsModule;
      const producer = place.kafkajs.producer();
      await producer.connect();
      const compression = {
        gzip: CompressionTypes.GZIP,
        snappy: CompressionTypes.Snappy,
        lz4: CompressionTypes.LZ4,
        zstd: CompressionTypes.ZSTD,
      }[codec];
      const sent = await producer
        .send({ topic, compression, messages: LINES.map((value) => ({ value, timestamp: String(T) })) })
        .finally(() => producer.disconnect());
      const consumer = place.kafkajs.consumer({ groupId: `c-js-${codec}`, maxWaitTimeInMs: 100 });
      await consumer.connect();
      try {
        await consumer.subscribe({ topics: [topic], fromBeginning: true });
        const read: string[] = [];
        await new Promise<void>((resolve) => {
          void consumer.run({
            eachMessage: ({ message }) => {
              read.push(message.value?.toString() ?? "");
              if (read.length === LINES.length) resolve();
              return Promise.resolve();
            },
          });
        });
        return { sent, codecs: await codecsIn(place, topic), same: read.join("\n") === LINES.join("\n") };
      } finally {
        await consumer.disconnect();
      }
    }),
  ),
  ...COMPRESSIONS.map((codec) =>
    kcat(`${codec}: sent and read`, async (place) => {
      const topic = `c-kcat-${codec}`;
      await place.topics(topic);
      const sent = said(
        await place.kcat(["-P", "-t", topic, "-z", codec, "-X", "linger.ms=50", "-X", "enable.idempotence=true"], `${LINES.join("\n")}\n`),
      );
      const read = await place.kcat(["-C", "-t", topic, "-o", "beginning", "-e", "-q", "-X", "check.crcs=true"]);
      return { sent, codecs: await codecsIn(place, topic), same: read.out === `${LINES.join("\n")}\n` };
    }),
  ),
  ...COMPRESSIONS.map((codec) =>
    java(`${codec}: kafka-producer-perf-test (idempotent, acks=all), kafka-consumer-perf-test`, async (place) => {
      const topic = `c-java-${codec}`;
      await place.topics(topic);
      const produced = await place.java("ProducerPerformance", [
        ...["--bootstrap-server", "@", "--topic", topic, "--num-records", "2000", "--record-size", "100", "--throughput", "-1"],
        ...["--command-property", "acks=all", "--command-property", `compression.type=${codec}`, "--command-property", "linger.ms=5"],
      ]);
      const consumed = await place.java("ConsumerPerformance", [
        "--bootstrap-server",
        "@",
        "--topic",
        topic,
        "--num-records",
        "2000",
        "--timeout",
        "10000",
        "--hide-header",
      ]);
      return {
        produced: { exit: produced.exit, first: /^(\d+) records sent/m.exec(produced.out)?.[1], err: said(produced).err },
        consumed: { exit: consumed.exit, messages: consumed.out.trim().split(", ")[4], err: said(consumed).err },
        codecs: await codecsIn(place, topic),
      };
    }),
  ),
];

/** All four codecs, through everything that packs and unpacks. */
export const codecsTheme: Theme = { name: "codecs", title: "Codecs: gzip, snappy, lz4, zstd", steps };
