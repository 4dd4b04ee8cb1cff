import { mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { createRandom } from "../../src/base/random.ts";
import { startBroker, type Broker } from "../../src/broker/broker.ts";
import { connectKafka, type KafkaClient } from "../../src/kafka/connect-kafka.ts";
import { createKafkaJs } from "../../src/kafka/kafkajs-adapter.ts";
import { fetchApi } from "../../src/kafka-protocol/messages/fetch.ts";
import { metadataApi } from "../../src/kafka-protocol/messages/metadata.ts";
import { decodeRecords } from "../../src/kafka-protocol/record-iteration.ts";
import { connectForRequests } from "../../src/kafka-protocol/request-connection.ts";
import { startTcpProxy, type TcpProxy } from "../tcp-proxy.ts";

const SEED = 12;
let folder: string;
let proxy: TcpProxy;
let broker: Broker;
let direct: KafkaClient;

beforeAll(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), "broker-network-"));
  proxy = await startTcpProxy();
  broker = await startBroker({
    dataDir: folder,
    maxIdleMs: 2000,
    listeners: [{ protocol: "PLAINTEXT", advertised: { host: "127.0.0.1", port: proxy.port } }, { protocol: "PLAINTEXT" }],
  });
  proxy.target = broker.port;
  direct = await connectKafka({ brokers: [broker.listeners[1]?.address ?? ""] });
});
afterEach(() => {
  proxy.weather = { kind: "fair" };
  proxy.resetAll();
});
afterAll(async () => {
  await direct.close();
  await proxy.close();
  await broker.close();
  await rm(folder, { recursive: true, force: true });
});

const through = (): { brokers: string[] } => ({ brokers: [`127.0.0.1:${proxy.port}`] });

async function stored(topic: string): Promise<string[]> {
  const client = await connectForRequests({ host: "127.0.0.1", port: broker.listeners[1]?.port ?? 0 });
  const values: string[] = [];
  for (;;) {
    const answer = await client.request(fetchApi, 11, {
      maxWaitMs: 0,
      minBytes: 0,
      maxBytes: 10_000_000,
      isolationLevel: 0,
      sessionId: 0,
      sessionEpoch: -1,
      forgottenTopicsData: [],
      topics: [{ topic, partitions: [{ partition: 0, fetchOffset: values.length, partitionMaxBytes: 10_000_000 }] }],
    });
    const records = decodeRecords(answer.responses[0]?.partitions[0]?.records ?? Buffer.alloc(0), { fromOffset: values.length });
    values.push(...records.map(({ value }) => value?.toString() ?? ""));
    if (records.length === 0) break;
  }
  client.close();
  return values;
}

test("connections that are reset again and again: our producer loses nothing that was acknowledged, and stores nothing twice (F12)", async () => {
  const random = createRandom(SEED);
  await direct.topics.create({ topic: "resets", partitions: 1 });
  const client = await connectKafka(through());
  const producer = await client.producer();
  proxy.weather = { kind: "reset", afterBytes: () => 200 + random.below(1500) };
  proxy.resetAll();
  const acknowledged: string[] = [];
  const sending = Array.from({ length: 300 }, async (_, i) => {
    await producer.send("resets", [{ value: `v${i}` }]);
    acknowledged.push(`v${i}`);
  });
  await Promise.allSettled(sending);
  proxy.weather = { kind: "fair" };
  await client.close().catch(() => undefined);
  const values = await stored("resets");
  expect(new Set(values).size, `seed ${SEED}`).toBe(values.length);
  expect(
    acknowledged.filter((value) => !values.includes(value)),
    `seed ${SEED}`,
  ).toEqual([]);
  expect(acknowledged.length, `seed ${SEED}`).toBeGreaterThan(100);
});

test("connections that are reset again and again: an idempotent kafkajs producer loses and doubles nothing (F12)", async () => {
  const random = createRandom(SEED + 1);
  await direct.topics.create({ topic: "kafkajs-resets", partitions: 1 });
  const producer = createKafkaJs(through()).producer({ idempotent: true, maxInFlightRequests: 1 });
  await producer.connect();
  proxy.weather = { kind: "reset", afterBytes: () => 300 + random.below(900) };
  proxy.resetAll();
  const acknowledged: string[] = [];
  for (let i = 0; i < 60; i++) {
    const sent = producer.send({ topic: "kafkajs-resets", messages: [{ value: `v${i}` }] });
    await sent.then(
      () => acknowledged.push(`v${i}`),
      () => undefined,
    );
  }
  proxy.weather = { kind: "fair" };
  await producer.disconnect().catch(() => undefined);
  const values = await stored("kafkajs-resets");
  expect(new Set(values).size, `seed ${SEED + 1}`).toBe(values.length);
  expect(
    acknowledged.filter((value) => !values.includes(value)),
    `seed ${SEED + 1}`,
  ).toEqual([]);
  expect(acknowledged.length, `seed ${SEED + 1}`).toBeGreaterThan(30);
});

test("a client whose cable was cut is let go when it has been silent for connections.max.idle.ms, and others never notice (F12)", async () => {
  const client = await connectForRequests({ host: "127.0.0.1", port: proxy.port });
  await client.request(metadataApi, 1, { topics: [] });
  proxy.weather = { kind: "silent" };
  const lost = client.request(metadataApi, 1, { topics: [] });
  const start = performance.now();
  const [settled] = await Promise.allSettled([lost, client.ended]);
  expect(settled.status).toBe("rejected");
  expect(performance.now() - start).toBeLessThan(10_000);
  expect(await direct.topics.list()).toContain("resets");
});

test("one that reads at a crawl gets all of it in the end, and does not slow the others (F12)", async () => {
  await direct.topics.create({ topic: "large", partitions: 1 });
  const producer = await direct.producer();
  for (let i = 0; i < 5; i++) await producer.send("large", [{ value: "x".repeat(20_000) }]);
  await producer.close();
  proxy.weather = { kind: "slow", bytesPerSecond: 100_000 };
  const crawling = await connectForRequests({ host: "127.0.0.1", port: proxy.port });
  const answer = crawling.request(fetchApi, 11, {
    maxWaitMs: 0,
    minBytes: 0,
    maxBytes: 10_000_000,
    isolationLevel: 0,
    sessionId: 0,
    sessionEpoch: -1,
    forgottenTopicsData: [],
    topics: [{ topic: "large", partitions: [{ partition: 0, fetchOffset: 0, partitionMaxBytes: 10_000_000 }] }],
  });
  const start = performance.now();
  for (let i = 0; i < 20; i++) await direct.topics.list();
  const others = performance.now() - start;
  const records = (await answer).responses[0]?.partitions[0]?.records ?? Buffer.alloc(0);
  expect(performance.now() - start).toBeGreaterThan(others);
  expect(decodeRecords(records)).toHaveLength(5);
  crawling.close();
});
