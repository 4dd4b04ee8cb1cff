import { mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { string, struct } from "../../src/engine/types/schema-builder.ts";
import { createSession } from "../../src/labs/session.ts";
import type { SecurityProtocol } from "../../src/stack/kafka-jvm/server-properties.ts";
import { requireOracle } from "../oracle.ts";
import {
  codecsOf,
  drained,
  following,
  numbers,
  type RealKafka,
  type ReadRecord,
  START_MS,
  startRealKafka,
  until,
  upTo,
} from "./real-kafka.ts";

const ALICE = { name: "alice", password: "alice-secret" };
const CODECS = ["none", "gzip", "snappy", "lz4", "zstd"] as const;

const java = requireOracle("java-kafka", "reading a real Kafka");

describe.runIf(java)("the Kafka source on Apache Kafka", () => {
  let kafka: RealKafka;
  let folder: string;

  beforeAll(async () => {
    folder = await mkdtemp(path.join(os.tmpdir(), "streamlab-conformance-"));
    kafka = await startRealKafka({
      secure: ["SASL_PLAINTEXT", "SSL", "SASL_SSL"],
      users: [ALICE],
      properties: { "offsets.topic.num.partitions": "3", "transaction.state.log.num.partitions": "3" },
    });
  }, START_MS);
  afterAll(async () => {
    await kafka?.close();
    await rm(folder, { recursive: true, force: true });
  });

  const from = (topic: string, options: Readonly<Record<string, string>> = {}): Record<string, string> => ({
    "kafka.bootstrap.servers": kafka.address,
    subscribe: topic,
    ...options,
  });

  test.each(CODECS)("reads what Java's producer wrote with compression %s, every record once", async (codec) => {
    const topic = await kafka.topic(3);
    await kafka.produceNumbers(topic, 20_000, `compression.type=${codec}`, "linger.ms=5");
    const read = await drained(from(topic));
    expect([...(await codecsOf(kafka.address, topic))]).toEqual([codec]);
    expect(numbers(read)).toEqual(upTo(20_000));
    inOrderWithoutGaps(read);
  });

  test("reads what Java's console producer wrote, in its order", async () => {
    const topic = await kafka.topic(1);
    const lines = Array.from({ length: 500 }, (_, i) => `line ${i} – ${"é".repeat(i % 50)}`);
    const args = ["--bootstrap-server", kafka.address, "--topic", topic, "--compression-codec", "zstd"];
    await kafka.tool("org.apache.kafka.tools.ConsoleProducer", args, { input: `${lines.join("\n")}\n` });
    expect((await drained(from(topic))).map(({ value }) => value)).toEqual(lines);
  });

  describe("transactions", () => {
    const committed = { "kafka.isolation.level": "read_committed" };

    test("of Java's producer: every record of theirs once, their markers not", async () => {
      const topic = await kafka.topic(2);
      await kafka.produceNumbers(topic, 20_000, "linger.ms=5", "--transactional-id", "perf", "--transaction-duration-ms", "20");
      const read = await drained(from(topic, committed));
      expect(numbers(read)).toEqual(upTo(20_000));
      const ends = await kafka.client.topics.offsets(topic);
      expect(ends.reduce((sum, { latest }) => sum + latest, 0)).toBeGreaterThan(20_000);
    });

    test("read_committed leaves out what was aborted and stops before what is open; read_uncommitted does neither", async () => {
      const topic = await kafka.topic(1);
      const producer = kafka.kafkaJs.producer({ transactionalId: `open-${topic}`, idempotent: true, maxInFlightRequests: 1 });
      const plain = kafka.kafkaJs.producer({ idempotent: true, maxInFlightRequests: 1 });
      await Promise.all([producer.connect(), plain.connect()]);
      try {
        const checkpoint = path.join(folder, topic);
        const send = (to: { send: typeof plain.send }, ...values: string[]): Promise<unknown> =>
          to.send({ topic, messages: values.map((value) => ({ value })) });
        const first = await producer.transaction();
        await send(first, "c0", "c1");
        await first.commit();
        const second = await producer.transaction();
        await send(second, "a0", "a1");
        await send(plain, "p0");
        await second.abort();
        const third = await producer.transaction();
        await send(third, "o0");
        await send(plain, "p1");
        const values = (records: readonly ReadRecord[]): string[] => records.map(({ value }) => value);
        expect(values(await drained(from(topic)))).toEqual(["c0", "c1", "a0", "a1", "p0", "o0", "p1"]);
        expect(values(await drained(from(topic, committed), checkpoint))).toEqual(["c0", "c1", "p0"]);
        await third.commit();
        await until("the marker is written", async () => (await kafka.client.topics.offsets(topic))[0]?.latest === 10);
        expect(values(await drained(from(topic, committed), checkpoint))).toEqual(["o0", "p1"]);
        expect(values(await drained(from(topic, committed)))).toEqual(["c0", "c1", "p0", "o0", "p1"]);
      } finally {
        await Promise.all([producer.disconnect(), plain.disconnect()]);
      }
    });
  });

  test("a query begins at a time: at the first message of that time or later, in every partition", async () => {
    const topic = await kafka.topic(2);
    const producer = kafka.kafkaJs.producer({ idempotent: true, maxInFlightRequests: 1 });
    await producer.connect();
    const start = Date.now() - 60_000;
    const messages = Array.from({ length: 100 }, (_, i) => ({ value: String(i), partition: i % 2, timestamp: String(start + i * 10) }));
    for (let i = 0; i < messages.length; i += 10) await producer.send({ topic, messages: messages.slice(i, i + 10) });
    await producer.disconnect();
    expect(numbers(await drained(from(topic, { startingTimestamp: String(start + 555) })))).toEqual(upTo(100).slice(56));
    const byPartition = JSON.stringify({ [topic]: { 0: start + 980, 1: start + 10 } });
    expect(numbers(await drained(from(topic, { startingOffsetsByTimestamp: byPartition })))).toEqual([
      ...upTo(98).filter((n) => n % 2 === 1),
      98,
      99,
    ]);
    const beyond = { startingOffsetsByTimestamp: JSON.stringify({ [topic]: { 0: start + 990, 1: start } }) };
    await expect(drained(from(topic, beyond))).rejects.toThrow("no message of that time or later");
  });

  test("a log whose beginning was deleted: from its new start, and a loss to a query that was before it", async () => {
    const topic = await kafka.topic(1);
    await kafka.produceNumbers(topic, 1000);
    const checkpoint = path.join(folder, topic);
    expect(numbers(await drained(from(topic), checkpoint))).toEqual(upTo(1000));
    await kafka.produceNumbers(topic, 1000);
    await kafka.admin.fetchTopicOffsets(topic);
    await kafka.admin.deleteTopicRecords({ topic, partitions: [{ partition: 0, offset: "1500" }] });
    expect((await kafka.client.topics.offsets(topic))[0]).toEqual({ partition: 0, earliest: 1500, latest: 2000 });
    expect(numbers(await drained(from(topic)))).toEqual(upTo(1000).slice(500));
    await expect(drained(from(topic), checkpoint)).rejects.toMatchObject({ cause: { code: "KAFKA_DATA_LOSS" } });
    expect(numbers(await drained(from(topic, { failOnDataLoss: "false" }), checkpoint))).toEqual(upTo(1000).slice(500));
  });

  describe("logins and encryption", () => {
    const jaas = (password: string): string =>
      `org.apache.kafka.common.security.scram.ScramLoginModule required username="${ALICE.name}" password="${password}";`;
    const secured = (protocol: SecurityProtocol, mechanism?: string, password: string = ALICE.password): Record<string, string> => ({
      "kafka.bootstrap.servers": kafka.addressFor(protocol),
      "kafka.security.protocol": protocol,
      ...(mechanism === undefined ? {} : { "kafka.sasl.mechanism": mechanism, "kafka.sasl.jaas.config": jaas(password) }),
      ...(protocol.endsWith("SSL")
        ? { "kafka.ssl.truststore.type": "PEM", "kafka.ssl.truststore.certificates": kafka.certificate ?? "" }
        : {}),
    });
    let topic = "";
    beforeAll(async () => {
      topic = await kafka.topic(3);
      await kafka.produceNumbers(topic, 50_000, "compression.type=none", "linger.ms=5");
    });

    test.each<[SecurityProtocol, string | undefined]>([
      ["SASL_PLAINTEXT", "PLAIN"],
      ["SASL_PLAINTEXT", "SCRAM-SHA-256"],
      ["SASL_PLAINTEXT", "SCRAM-SHA-512"],
      ["SSL", undefined],
      ["SASL_SSL", "PLAIN"],
      ["SASL_SSL", "SCRAM-SHA-256"],
      ["SASL_SSL", "SCRAM-SHA-512"],
    ])("every record over %s %s", async (protocol, mechanism) => {
      expect(numbers(await drained({ subscribe: topic, ...secured(protocol, mechanism) }))).toEqual(upTo(50_000));
    });

    test("the sink writes over TLS with a login, too", async () => {
      const written = await kafka.topic(1);
      const connection = secured("SASL_SSL", "SCRAM-SHA-512");
      const rows = createSession().createDataFrame([["k", "v"]], struct({ key: string(), value: string() }));
      await rows.write.format("kafka").options(connection).option("topic", written).save();
      expect((await drained(from(written))).map(({ value }) => value)).toEqual(["v"]);
    });

    test.each(["PLAIN", "SCRAM-SHA-256"])("a wrong password is refused at once (%s)", async (mechanism) => {
      const read = drained({ subscribe: topic, ...secured("SASL_PLAINTEXT", mechanism, "wrong") });
      await expect(read).rejects.toMatchObject({ code: "KAFKA_LOGIN" });
    });

    test("a broker whose certificate nobody vouches for is not talked to", async () => {
      const { "kafka.ssl.truststore.certificates": _, ...untrusting } = secured("SSL");
      await expect(drained({ subscribe: topic, ...untrusting })).rejects.toMatchObject({ code: "KAFKA_TLS" });
    });

    test("a plain client at a port of TLS gets an error that says what to look at", async () => {
      const plain = { "kafka.bootstrap.servers": kafka.addressFor("SSL"), subscribe: topic };
      await expect(drained(plain)).rejects.toMatchObject({ code: "KAFKA_UNREACHABLE" });
    });
  });

  test("partitions that are added while a query runs are read from their beginning", async () => {
    const topic = await kafka.topic(1);
    await kafka.produceNumbers(topic, 100);
    const { query, read } = await following(from(topic));
    try {
      await until("the first hundred", () => read.length === 100);
      await kafka.client.topics.addPartitions(topic, 4);
      const producer = kafka.kafkaJs.producer({ idempotent: true, maxInFlightRequests: 1 });
      await producer.connect();
      await producer.send({ topic, messages: upTo(40).map((n) => ({ value: String(100 + n), partition: n % 4 })) });
      await producer.disconnect();
      await until("all of four partitions", () => read.length >= 140);
      expect(numbers(read)).toEqual(upTo(140));
      inOrderWithoutGaps(read);
    } finally {
      await query.stop();
    }
  });

  describe("a topic that is deleted while a query runs", () => {
    test("ends the query with what was lost", async () => {
      const topic = await kafka.topic(1);
      await kafka.produceNumbers(topic, 100);
      const { query, read } = await following(from(topic));
      await until("the hundred", () => read.length === 100);
      await kafka.client.topics.delete([topic]);
      await expect(query.awaitTermination(20_000)).rejects.toMatchObject({
        code: "KAFKA_TOPIC",
        message: expect.stringContaining(topic) as unknown,
      });
    });

    test("with failOnDataLoss=false the query goes on with the one that is made in its place", async () => {
      const topic = await kafka.topic(1);
      await kafka.produceNumbers(topic, 100);
      const { query, read } = await following(from(topic, { failOnDataLoss: "false" }));
      try {
        await until("the hundred", () => read.length === 100);
        await kafka.client.topics.delete([topic]);
        await until("it is gone", async () => !(await kafka.client.topics.list()).includes(topic));
        await kafka.client.topics.create({ topic, partitions: 1 });
        await kafka.produceNumbers(topic, 30);
        await until("thirty of the new topic", () => read.length >= 130);
        expect(read.slice(100).map(({ value }) => Number(value))).toEqual(upTo(30));
      } finally {
        await query.stop();
      }
    });

    test("with failOnDataLoss=false the query goes on with its other topics", { timeout: 60_000 }, async () => {
      const [gone, kept] = [await kafka.topic(1), await kafka.topic(1)];
      await kafka.produceNumbers(gone, 100);
      const { query, read } = await following(from(`${gone},${kept}`, { failOnDataLoss: "false" }));
      try {
        await until("the hundred", () => read.length === 100);
        await kafka.client.topics.delete([gone]);
        await until("the loss is told", () => query.lastProgress?.sources[0]?.metrics[`gap.${gone}-0`] !== undefined, 40_000);
        await kafka.produceNumbers(kept, 30);
        await until("thirty of the other", () => read.length >= 130);
        expect(numbers(read.slice(100))).toEqual(upTo(30));
      } finally {
        await query.stop();
      }
    });
  });

  test("maxOffsetsPerTrigger is split by lag: a partition with three times as much gives three times as much of each batch", async () => {
    const topic = await kafka.topic(3);
    const producer = kafka.kafkaJs.producer({ idempotent: true, maxInFlightRequests: 1 });
    await producer.connect();
    const some = (partition: number, count: number): { value: string; partition: number }[] =>
      upTo(count).map((n) => ({ value: String(n), partition }));
    await producer.send({ topic, messages: [...some(0, 3000), ...some(1, 1000)] });
    await producer.disconnect();
    const read = await drained(from(topic, { maxOffsetsPerTrigger: "400" }));
    const batches = Map.groupBy(read, ({ batchId }) => batchId);
    expect(
      [...batches.values()].map((rows) => [0, 1].map((partition) => rows.filter((row) => row.partition === partition).length)),
    ).toEqual(Array.from({ length: 10 }, () => [300, 100]));
  });
});

/** Within a partition offsets rise one by one from 0. */
function inOrderWithoutGaps(read: readonly ReadRecord[]): void {
  for (const [partition, records] of Map.groupBy(read, (one) => one.partition)) {
    const offsets = records.map(({ offset }) => offset);
    expect(offsets, `offsets of partition ${partition}`).toEqual(upTo(offsets.length));
  }
}
