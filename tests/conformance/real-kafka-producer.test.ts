import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parseBrokers } from "../../src/kafka/connect-kafka.ts";
import { createProducer } from "../../src/kafka/producer.ts";
import { requireOracle } from "../oracle.ts";
import { codecsOf, drained, type RealKafka, START_MS, startRealKafka } from "./real-kafka.ts";

const java = requireOracle("java-kafka", "three real Kafka nodes that the producer sends to");
const USER = { name: "sender", password: "sender-secret" };

describe.runIf(java)("the producer on three nodes of Apache Kafka", () => {
  let kafka: RealKafka;

  beforeAll(async () => {
    kafka = await startRealKafka({
      nodes: 3,
      heapMiB: 256,
      secure: ["SASL_SSL"],
      users: [USER],
      properties: { "broker.session.timeout.ms": "3000", "min.insync.replicas": "2" },
    });
  }, START_MS);
  afterAll(() => kafka?.close());

  const numbers = (count: number): string[] => Array.from({ length: count }, (_, i) => String(i));

  test.each(["none", "gzip", "snappy", "lz4", "zstd"] as const)(
    "Java's consumer reads what is packed with %s",
    { timeout: 60_000 },
    async (compression) => {
      const topic = await kafka.topic(1, 3);
      const producer = await createProducer({ brokers: parseBrokers(kafka.address) }, { compression });
      await producer.send(topic, numbers(5000).map((value) => ({ value: `${value} é😀`, headers: { unit: "C" } }))); // prettier-ignore
      await producer.close();
      const printed = await kafka.tool("org.apache.kafka.tools.consumer.ConsoleConsumer", [
        ...["--bootstrap-server", kafka.address, "--topic", topic, "--from-beginning", "--max-messages", "5000", "--timeout-ms", "20000"],
      ]);
      expect(printed.trimEnd().split("\n")).toEqual(numbers(5000).map((value) => `${value} é😀`));
      const [described] = await kafka.client.topics.describe([topic]);
      const leader = parseBrokers(kafka.address)[(described?.partitions[0]?.leader ?? 0) - 1] ?? "";
      expect(await codecsOf(leader, topic)).toEqual(new Set([compression]));
    },
  );

  test("logs in over TLS", { timeout: 60_000 }, async () => {
    const topic = await kafka.topic(3, 3);
    const producer = await createProducer({
      brokers: parseBrokers(kafka.addressFor("SASL_SSL")),
      ssl: { ca: kafka.certificate as string },
      sasl: { mechanism: "scram-sha-512", username: USER.name, password: USER.password },
    });
    await producer.send(topic, numbers(1000).map((value) => ({ key: value, value }))); // prettier-ignore
    await producer.close();
    const ends = await kafka.client.topics.offsets(topic);
    expect(ends.reduce((sum, { latest }) => sum + latest, 0)).toBe(1000);
  });

  test("leaders that are killed and come back: every message once, in the order of its partition", { timeout: 120_000 }, async () => {
    const topic = await kafka.topic(3, 3);
    const producer = await createProducer({ brokers: parseBrokers(kafka.address) });
    const sends: Promise<unknown>[] = [];
    let sent = 0;
    let stopped = false;
    const sending = (async () => {
      while (!stopped) {
        sends.push(
          producer.send(
            topic,
            Array.from({ length: 30 }, () => ({ value: String(sent), partition: sent++ % 3 })),
          ),
        );
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    })();
    for (const node of kafka.nodes.slice(0, 2)) {
      await new Promise((resolve) => setTimeout(resolve, 500));
      await node.kill();
      await new Promise((resolve) => setTimeout(resolve, 1000));
      await node.start(3);
    }
    stopped = true;
    await sending;
    await Promise.all(sends);
    await producer.close();
    const read = await drained({ "kafka.bootstrap.servers": kafka.address, subscribe: topic });
    for (let partition = 0; partition < 3; partition++) {
      const found = read.filter((record) => record.partition === partition).sort((a, b) => a.offset - b.offset);
      expect(found.map(({ value }) => Number(value))).toEqual(Array.from({ length: sent / 3 }, (_, i) => i * 3 + partition));
    }
  });
});
