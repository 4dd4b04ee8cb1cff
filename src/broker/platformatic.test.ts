import fs from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import {
  Admin,
  Consumer,
  Producer,
  stringDeserializers,
  stringSerializers,
  type CompressionAlgorithmValue,
  type ConsumeOptions,
  type MessagesStream,
} from "@platformatic/kafka";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { startBroker, type Broker } from "./broker.ts";

type Texts = MessagesStream<string, string, string, string>;
type TextConsumer = Consumer<string, string, string, string>;

let folder: string;
let broker: Broker;
let admin: Admin;
const open: { close(force?: boolean): Promise<void> }[] = [];
beforeAll(async () => {
  folder = await fs.mkdtemp(path.join(os.tmpdir(), "broker-platformatic-"));
  broker = await startBroker({ dataDir: folder });
  admin = new Admin({ clientId: "admin", bootstrapBrokers: [broker.address] });
});
afterEach(async () => {
  for (const client of open.splice(0).reverse()) await client.close(true);
});
afterAll(async () => {
  await admin.close();
  await broker.close();
  await fs.rm(folder, { recursive: true, force: true });
});

async function until(what: string, condition: () => boolean | Promise<boolean>, withinMs: number = 15_000): Promise<void> {
  const end = performance.now() + withinMs;
  while (!(await condition())) {
    if (performance.now() > end) throw new Error(`not within ${withinMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

function newProducer(): Producer<string, string, string, string> {
  const producer = new Producer({ clientId: "p", bootstrapBrokers: [broker.address], serializers: stringSerializers, idempotent: true });
  open.push(producer);
  return producer;
}

function newConsumer(groupId: string, groupInstanceId?: string): TextConsumer {
  const consumer = new Consumer({
    ...(groupInstanceId === undefined ? {} : { groupInstanceId }),
    clientId: "c",
    groupId,
    bootstrapBrokers: [broker.address],
    deserializers: stringDeserializers,
    sessionTimeout: 6000,
    rebalanceTimeout: 6000,
    heartbeatInterval: 200,
    maxWaitTime: 100,
    timeout: 5000,
  });
  open.push(consumer);
  return consumer;
}

async function read(
  consumer: TextConsumer,
  topic: string,
  options: Partial<ConsumeOptions<string, string, string, string>> = {},
): Promise<{ readonly stream: Texts; readonly seen: string[] }> {
  const stream = await consumer.consume({ topics: [topic], mode: "committed", fallbackMode: "earliest", autocommit: 100, ...options });
  const seen: string[] = [];
  stream.on("data", ({ partition, offset, key, value, headers }) => {
    seen.push([partition, offset, key, value, ...[...headers].map(([name, said]) => `${name}=${said}`)].join(" "));
  });
  stream.on("error", () => undefined);
  return { stream, seen };
}

describe("@platformatic/kafka", () => {
  test.each<CompressionAlgorithmValue>(["none", "gzip", "snappy", "lz4", "zstd"])(
    "an idempotent producer's records come back in order (%s)",
    async (compression) => {
      const topic = `codec-${compression}`;
      await admin.createTopics({ topics: [topic], partitions: 1 });
      const producer = newProducer();
      for (let batch = 0; batch < 3; batch++) {
        const messages = Array.from({ length: 50 }, (_, i) => ({
          topic,
          key: `k${i}`,
          value: `${batch}-${i}-${"x".repeat(20)}`,
          headers: { unit: "°C" },
        }));
        const { offsets } = await producer.send({ messages, compression, acks: -1 });
        expect(offsets).toEqual([{ topic, partition: 0, offset: BigInt(batch * 50) }]);
      }
      const { seen } = await read(newConsumer(`g-${topic}`), topic);
      await until("150 records", () => seen.length >= 150);
      const expected = Array.from({ length: 150 }, (_, i) => `0 ${i} k${i % 50} ${Math.floor(i / 50)}-${i % 50}-${"x".repeat(20)} unit=°C`);
      expect(seen).toEqual(expected);
    },
  );

  test("two consumers share the partitions; what one has committed the other does not read again", async () => {
    const topic = "shared";
    await admin.createTopics({ topics: [topic], partitions: 4 });
    const producer = newProducer();
    const send = (from: number) =>
      producer.send({ messages: Array.from({ length: 40 }, (_, i) => ({ topic, key: `${i}`, value: `${from + i}`, partition: i % 4 })) });
    const consumers = [newConsumer("sharing"), newConsumer("sharing")] as const;
    const partitionsOf = (consumer: TextConsumer): number[] => consumer.assignments?.flatMap(({ partitions }) => partitions) ?? [];
    const first = await read(consumers[0], topic);
    const second = await read(consumers[1], topic);
    await until("each has two", () => consumers.every((one) => partitionsOf(one).length === 2));
    expect(consumers.flatMap(partitionsOf).sort()).toEqual([0, 1, 2, 3]);
    await send(0);
    const all = (): Set<string> => new Set([...first.seen, ...second.seen]);
    await until("40 are read", () => all().size >= 40);
    const committed = async (): Promise<bigint[]> => {
      const [group] = await admin.listConsumerGroupOffsets({ groups: ["sharing"] });
      return (group?.topics[0]?.partitions ?? []).map(({ committedOffset }) => committedOffset);
    };
    await until("all is committed", async () => (await committed()).join() === "10,10,10,10");
    await consumers[0].close(true);
    await until("the second has all", () => partitionsOf(consumers[1]).length === 4);
    await send(40);
    await until("80 are read", () => all().size >= 80);
    const alone = second.seen.map((record) => Number(record.split(" ")[3])).filter((value) => value >= 40);
    expect(alone.sort((a, b) => a - b)).toEqual(Array.from({ length: 40 }, (_, i) => 40 + i));
    await consumers[1].close(true);
    await until("nobody is left", async () => (await admin.describeGroups({ groups: ["sharing"] })).get("sharing")?.state === "Empty");
    await admin.deleteGroups({ groups: ["sharing"] });
    expect([...(await admin.listGroups()).keys()]).not.toContain("sharing");
  });

  test("a static member that comes back takes its place without a rebalance", async () => {
    const topic = "static";
    await admin.createTopics({ topics: [topic], partitions: 2 });
    const first = newConsumer("named", "one");
    first.topics.trackAll(topic);
    await first.joinGroup();
    const before = (await admin.describeGroups({ groups: ["named"], includeAuthorizedOperations: true })).get("named");
    expect([...(before?.members.values() ?? [])].map(({ groupInstanceId }) => groupInstanceId)).toEqual(["one"]);
    const again = newConsumer("named", "one");
    again.topics.trackAll(topic);
    await again.joinGroup();
    expect([again.generationId, again.assignments]).toEqual([first.generationId, [{ topic, partitions: [0, 1] }]]);
    expect(again.memberId).not.toBe(first.memberId);
  });

  test("an administrator's view: topics, partitions, configs, offsets by time, deleted records and offsets", async () => {
    const topic = "seen-by-admin";
    const configs = [{ name: "max.message.bytes", value: "2000" }];
    expect(await admin.createTopics({ topics: [topic], partitions: 2, replicas: 1, configs })).toMatchObject([
      { name: topic, partitions: 2, replicas: 1 },
    ]);
    await expect(admin.createTopics({ topics: [topic], partitions: 2 })).rejects.toThrow();
    await admin.createPartitions({ topics: [{ name: topic, count: 3, assignments: [{ brokerIds: [1] }] }] });
    expect((await admin.metadata({ topics: [topic] })).topics.get(topic)?.partitions).toHaveLength(3);
    const [described] = await admin.describeConfigs({
      resources: [{ resourceType: 2, resourceName: topic, configurationKeys: ["max.message.bytes", "retention.ms"] }],
    });
    expect(described?.configs.map(({ name, value }) => [name, value]).sort()).toEqual([
      ["max.message.bytes", "2000"],
      ["retention.ms", "604800000"],
    ]);
    const times = [1000n, 3000n, 2000n];
    await newProducer().send({ messages: times.map((timestamp) => ({ topic, value: "v", partition: 0, timestamp })) });
    const at = async (timestamp: bigint) => {
      const [found] = await admin.listOffsets({ topics: [{ name: topic, partitions: [{ partitionIndex: 0, timestamp }] }] });
      return [found?.partitions[0]?.offset, found?.partitions[0]?.timestamp];
    };
    expect(await at(1500n)).toEqual([1n, 3000n]);
    expect(await at(-1n)).toEqual([3n, -1n]);
    expect(await at(-3n)).toEqual([1n, 3000n]);
    expect(await at(4000n)).toEqual([-1n, -1n]);
    const deleted = await admin.deleteRecords({ topics: [{ name: topic, partitions: [{ partition: 0, offset: 2n }] }] });
    expect(deleted).toEqual([{ name: topic, partitions: [{ partition: 0, lowWatermark: 2n }] }]);
    expect(await at(-2n)).toEqual([2n, -1n]);
    await admin.alterConsumerGroupOffsets({
      groupId: "set",
      topics: [{ name: topic, partitionOffsets: [0, 1].map((partition) => ({ partition, offset: 7n })) }],
    });
    await admin.deleteConsumerGroupOffsets({ groupId: "set", topics: [{ name: topic, partitionIndexes: [1] }] });
    const [set] = await admin.listConsumerGroupOffsets({ groups: ["set"] });
    expect(set?.topics[0]?.partitions.map(({ partitionIndex, committedOffset }) => [partitionIndex, committedOffset])).toEqual([[0, 7n]]);
    await admin.deleteTopics({ topics: [topic] });
    expect(await admin.listTopics()).not.toContain(topic);
    expect((await admin.listConsumerGroupOffsets({ groups: ["set"] }))[0]?.topics).toEqual([]);
  });
});
