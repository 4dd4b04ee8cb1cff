import fs from "node:fs/promises";
import { createRequire } from "node:module";
import os from "node:os";
import path from "node:path";
import type * as KafkaJs from "kafkajs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { offsetCommitApi } from "../kafka-protocol/messages/offset-commit.ts";
import { connectForRequests } from "../kafka-protocol/request-connection.ts";
import { startBroker, type Broker } from "./broker.ts";

const { Kafka, logLevel, ConfigResourceTypes } = createRequire(import.meta.url)("kafkajs") as typeof KafkaJs;

let folder: string;
let broker: Broker;
let kafka: KafkaJs.Kafka;
let admin: KafkaJs.Admin;
beforeAll(async () => {
  folder = await fs.mkdtemp(path.join(os.tmpdir(), "broker-kafkajs-"));
  broker = await startBroker({ dataDir: folder, defaultPartitions: 2 });
  kafka = new Kafka({ brokers: [broker.address], clientId: "test", logLevel: logLevel.NOTHING });
  admin = kafka.admin();
  await admin.connect();
});
afterAll(async () => {
  await admin.disconnect();
  await broker.close();
  await fs.rm(folder, { recursive: true, force: true });
});

/** Waits until `condition` holds; `what` names it in the failure. */
async function until(what: string, condition: () => boolean | Promise<boolean>, withinMs: number = 15_000): Promise<void> {
  const end = performance.now() + withinMs;
  while (!(await condition())) {
    if (performance.now() > end) throw new Error(`not within ${withinMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

async function withProducer<T>(config: KafkaJs.ProducerConfig, action: (producer: KafkaJs.Producer) => Promise<T>): Promise<T> {
  const producer = kafka.producer(config);
  await producer.connect();
  try {
    return await action(producer);
  } finally {
    await producer.disconnect();
  }
}

async function startConsumer(groupId: string, topic: string, seen: Map<string, number>, config: Partial<KafkaJs.ConsumerConfig> = {}) {
  const consumer = kafka.consumer({
    groupId,
    maxWaitTimeInMs: 100,
    heartbeatInterval: 200,
    sessionTimeout: 6000,
    rebalanceTimeout: 6000,
    ...config,
  });
  const assigned: number[][] = [];
  consumer.on("consumer.group_join", (event) => assigned.push(event.payload.memberAssignment[topic] ?? []));
  await consumer.connect();
  await consumer.subscribe({ topic, fromBeginning: true });
  await consumer.run({
    eachMessage: async ({ partition, message }) => {
      const key = `${partition}:${message.offset}:${message.value?.toString()}`;
      seen.set(key, (seen.get(key) ?? 0) + 1);
    },
  });
  return { consumer, assigned };
}

describe("kafkajs", () => {
  test.each([
    { idempotent: false, compression: 0 },
    { idempotent: true, compression: 0 },
    { idempotent: true, compression: 1 },
  ])("what a producer was told is stored comes back in order: %o", async ({ idempotent, compression }) => {
    const topic = `order-${idempotent}-${compression}`;
    await admin.createTopics({ topics: [{ topic, numPartitions: 3 }] });
    await withProducer({ idempotent }, async (producer) => {
      for (let batch = 0; batch < 10; batch++) {
        const messages = Array.from({ length: 30 }, (_, i) => ({
          partition: i % 3,
          key: `k${i}`,
          value: `${batch}-${i}`,
          headers: { h: "v" },
        }));
        const answers = await producer.send({ topic, acks: -1, compression, messages });
        expect(answers.map((one) => one.errorCode)).toEqual([0, 0, 0]);
      }
    });
    const offsets = await admin.fetchTopicOffsets(topic);
    expect(offsets.map((one) => [one.low, one.high])).toEqual([
      ["0", "100"],
      ["0", "100"],
      ["0", "100"],
    ]);
    const seen = new Map<string, number>();
    const { consumer } = await startConsumer(`group-${topic}`, topic, seen);
    try {
      await until("300 messages", () => seen.size === 300);
    } finally {
      await consumer.disconnect();
    }
    const values = [...seen.keys()].filter((key) => key.startsWith("1:")).map((key) => key.split(":")[2]);
    expect(values).toEqual(Array.from({ length: 100 }, (_, i) => `${Math.floor(i / 10)}-${(i % 10) * 3 + 1}`));
  });

  test("two consumers share the partitions, and the one that stays takes over", async () => {
    const topic = "rebalance";
    await admin.createTopics({ topics: [{ topic, numPartitions: 4 }] });
    const seen = new Map<string, number>();
    const first = await startConsumer("sharing", topic, seen);
    await until("the first has all", () => first.assigned.at(-1)?.length === 4);
    const second = await startConsumer("sharing", topic, seen);
    await until("both have two", () => first.assigned.at(-1)?.length === 2 && second.assigned.at(-1)?.length === 2);
    expect([...(first.assigned.at(-1) ?? []), ...(second.assigned.at(-1) ?? [])].sort()).toEqual([0, 1, 2, 3]);
    const { groups } = await admin.describeGroups(["sharing"]);
    expect(groups[0]).toMatchObject({ state: "Stable", protocolType: "consumer", protocol: "RoundRobinAssigner" });
    expect(groups[0]?.members).toHaveLength(2);
    expect((await admin.listGroups()).groups).toContainEqual({ groupId: "sharing", protocolType: "consumer" });
    await withProducer({}, (producer) =>
      producer.send({ topic, messages: Array.from({ length: 40 }, (_, i) => ({ partition: i % 4, value: `${i}` })) }),
    );
    await until("all 40 are seen", () => seen.size === 40);
    await first.consumer.disconnect();
    await until("the second has all", () => second.assigned.at(-1)?.length === 4);
    await withProducer({}, (producer) =>
      producer.send({ topic, messages: Array.from({ length: 40 }, (_, i) => ({ partition: i % 4, value: `again ${i}` })) }),
    );
    await until("all 80 are seen", () => seen.size === 80);
    await second.consumer.disconnect();
    expect([...seen.values()].every((times) => times === 1)).toBe(true);
    const committed = await admin.fetchOffsets({ groupId: "sharing", topics: [topic] });
    expect(committed[0]?.partitions.map(({ offset }) => offset)).toEqual(["20", "20", "20", "20"]);
    await admin.deleteGroups(["sharing"]);
    expect((await admin.describeGroups(["sharing"])).groups[0]?.state).toBe("Dead");
  });

  test("eight consumers that come at once end in one generation that covers every partition once", async () => {
    const topic = "crowd";
    await admin.createTopics({ topics: [{ topic, numPartitions: 8 }] });
    const seen = new Map<string, number>();
    const members = await Promise.all(Array.from({ length: 8 }, () => startConsumer("crowd", topic, seen)));
    try {
      await until("every member has one", () => {
        const now = members.map((member) => member.assigned.at(-1) ?? []);
        return now.every((own) => own.length === 1) && new Set(now.flat()).size === 8;
      });
      expect((await admin.describeGroups(["crowd"])).groups[0]?.members).toHaveLength(8);
    } finally {
      await Promise.all(members.map((member) => member.consumer.disconnect()));
    }
  });

  test("offsets by time, by end and after a reset", async () => {
    const topic = "times";
    await admin.createTopics({ topics: [{ topic, numPartitions: 1 }] });
    await withProducer({}, (producer) =>
      producer.send({ topic, messages: [1000, 2000, 3000].map((time) => ({ value: "v", timestamp: String(time) })) }),
    );
    expect((await admin.fetchTopicOffsetsByTimestamp(topic, 1500))[0]?.offset).toBe("1");
    expect((await admin.fetchTopicOffsetsByTimestamp(topic, 3000))[0]?.offset).toBe("2");
    expect((await admin.fetchTopicOffsetsByTimestamp(topic, 3001))[0]?.offset).toBe("3");
    await admin.setOffsets({ groupId: "resetting", topic, partitions: [{ partition: 0, offset: "2" }] });
    expect((await admin.fetchOffsets({ groupId: "resetting", topics: [topic] }))[0]?.partitions[0]?.offset).toBe("2");
    await admin.deleteTopicRecords({ topic, partitions: [{ partition: 0, offset: "2" }] });
    expect((await admin.fetchTopicOffsets(topic))[0]).toMatchObject({ low: "2", high: "3" });
  });

  test("topics are made, described, widened, configured and deleted, and configs tell the truth", async () => {
    const topic = "admin";
    const configEntries = [{ name: "max.message.bytes", value: "2000" }];
    expect(await admin.createTopics({ topics: [{ topic, numPartitions: 2, configEntries }] })).toBe(true);
    expect(await admin.createTopics({ topics: [{ topic }] })).toBe(false);
    await admin.createPartitions({ topicPartitions: [{ topic, count: 5 }] });
    expect((await admin.fetchTopicMetadata({ topics: [topic] })).topics[0]?.partitions).toHaveLength(5);
    const describe = async () => {
      const { resources } = await admin.describeConfigs({
        includeSynonyms: false,
        resources: [{ type: ConfigResourceTypes.TOPIC, name: topic }],
      });
      return Object.fromEntries((resources[0]?.configEntries ?? []).map((entry) => [entry.configName, entry.configValue]));
    };
    expect(await describe()).toMatchObject({ "max.message.bytes": "2000", "retention.ms": "604800000", "cleanup.policy": "delete" });
    await withProducer({ retry: { retries: 0 } }, async (producer) => {
      const large = producer.send({ topic, messages: [{ value: "x".repeat(3000) }] });
      await expect(large).rejects.toMatchObject({ type: "MESSAGE_TOO_LARGE" });
    });
    await admin.alterConfigs({
      validateOnly: false,
      resources: [{ type: ConfigResourceTypes.TOPIC, name: topic, configEntries: [{ name: "retention.ms", value: "1000" }] }],
    });
    expect(await describe()).toMatchObject({ "max.message.bytes": "1048588", "retention.ms": "1000" });
    const misspelt = admin.createTopics({
      topics: [{ topic: "misspelt", configEntries: [{ name: "cleanup.policies", value: "compact" }] }],
    });
    await expect(misspelt).rejects.toThrow();
    await admin.deleteTopics({ topics: [topic] });
    expect(await admin.listTopics()).not.toContain(topic);
    expect(await admin.createTopics({ topics: [{ topic, numPartitions: 1 }] })).toBe(true);
    expect((await admin.fetchTopicOffsets(topic))[0]).toMatchObject({ low: "0", high: "0" });
  });

  test("a topic that a producer names is made with the default partition count; a bad name is refused", async () => {
    await withProducer({ allowAutoTopicCreation: true }, (producer) => producer.send({ topic: "by-itself", messages: [{ value: "v" }] }));
    expect((await admin.fetchTopicMetadata({ topics: ["by-itself"] })).topics[0]?.partitions).toHaveLength(2);
    await expect(admin.createTopics({ topics: [{ topic: "no spaces" }] })).rejects.toMatchObject({
      errors: [{ type: "INVALID_TOPIC_EXCEPTION" }],
    });
  });
});

test("topics, configs, records, committed offsets and producer ids are there again after a restart", async () => {
  const own = await fs.mkdtemp(path.join(os.tmpdir(), "broker-restart-"));
  const topic = "kept";
  let clusterId = "";
  try {
    for (const round of [0, 1, 2]) {
      const restarted = await startBroker({ dataDir: own });
      const client = new Kafka({ brokers: [restarted.address], logLevel: logLevel.NOTHING });
      const own2 = client.admin();
      const raw = await connectForRequests({ host: restarted.host, port: restarted.port });
      await own2.connect();
      try {
        if (round === 0) await own2.createTopics({ topics: [{ topic, configEntries: [{ name: "retention.ms", value: "-1" }] }] });
        else {
          expect(restarted.clusterId).toBe(clusterId);
          expect((await own2.fetchTopicOffsets(topic))[0]?.high).toBe(String(round));
          expect((await own2.fetchOffsets({ groupId: "g", topics: [topic] }))[0]?.partitions[0]?.offset).toBe(String(round));
          const { resources } = await own2.describeConfigs({
            includeSynonyms: false,
            resources: [{ type: ConfigResourceTypes.TOPIC, name: topic }],
          });
          expect(resources[0]?.configEntries).toContainEqual(expect.objectContaining({ configName: "retention.ms", configValue: "-1" }));
        }
        clusterId = restarted.clusterId;
        const producer = client.producer({ idempotent: true });
        await producer.connect();
        await producer.send({ topic, messages: [{ partition: 0, value: `round ${round}` }] });
        await producer.disconnect();
        const partitions = [{ partitionIndex: 0, committedOffset: round + 1, committedMetadata: null }];
        await raw.request(offsetCommitApi, 5, { groupId: "g", topics: [{ name: topic, partitions }] });
      } finally {
        raw.close();
        await own2.disconnect();
        await restarted.close();
      }
    }
  } finally {
    await fs.rm(own, { recursive: true, force: true });
  }
});
