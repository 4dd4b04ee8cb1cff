import { fork, type ChildProcess } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { systemClock } from "../base/clock.ts";
import { createRandom } from "../base/random.ts";
import { fetchApi } from "../kafka-protocol/messages/fetch.ts";
import { decodeRecords, type DecodedRecord } from "../kafka-protocol/record-iteration.ts";
import { connectKafka, type KafkaClient } from "./connect-kafka.ts";
import { createProducer } from "./producer.ts";
import { Cluster } from "./wire/cluster.ts";

let dataDir: string;
let broker: ChildProcess;
let port = 0;
let client: KafkaClient;
const brokers = (): string[] => [`127.0.0.1:${port}`];

async function startBroker(): Promise<void> {
  broker = fork(path.join(import.meta.dirname, "../broker/main.ts"), ["--data", dataDir, "--port", String(port), "--no-auto-create"], {
    execArgv: [],
  });
  ({ port } = await new Promise<{ port: number }>((resolve) => broker.once("message", (message) => resolve(message as { port: number }))));
}

async function endBroker(signal: NodeJS.Signals): Promise<void> {
  const ended = new Promise((resolve) => broker.once("exit", resolve));
  broker.kill(signal);
  await ended;
}

beforeAll(async () => {
  dataDir = await mkdtemp(path.join(os.tmpdir(), "streamlab-producer-"));
  await startBroker();
  client = await connectKafka({ brokers: brokers() });
});
afterAll(async () => {
  await client.close();
  await endBroker("SIGTERM");
  await rm(dataDir, { recursive: true, force: true });
});

async function newTopic(topic: string, partitions: number): Promise<string> {
  await client.topics.create({ topic, partitions });
  return topic;
}

/** What a partition holds, record by record. */
async function logOf(topic: string, partition: number): Promise<DecodedRecord[]> {
  const cluster = new Cluster({ brokers: brokers() }, systemClock);
  const log: DecodedRecord[] = [];
  try {
    const leader = (await cluster.partitions([topic])).find((one) => one.partition === partition)?.leader ?? -1;
    const connection = await cluster.connection(leader, "fetch");
    for (;;) {
      const fetchOffset = log.length;
      const answer = await connection.request(fetchApi, {
        maxWaitMs: 0,
        minBytes: 0,
        maxBytes: 2 ** 26,
        isolationLevel: 0,
        sessionId: 0,
        sessionEpoch: -1,
        topics: [{ topic, partitions: [{ partition, fetchOffset, partitionMaxBytes: 2 ** 26 }] }],
        forgottenTopicsData: [],
      });
      const records = answer.responses[0]?.partitions[0]?.records;
      if (!records || records.length === 0) return log;
      log.push(...decodeRecords(Buffer.from(records), { fromOffset: fetchOffset }));
    }
  } finally {
    await cluster.close();
  }
}

test.each(["none", "gzip", "snappy", "lz4", "zstd"] as const)(
  "keys, values, headers and times arrive as they were sent (%s)",
  async (compression) => {
    const topic = await newTopic(`whole-${compression}`, 1);
    const producer = await createProducer({ brokers: brokers() }, { compression, batchBytes: 3000 });
    const sent = Array.from({ length: 200 }, (_, i) => ({
      key: i % 3 === 0 ? null : i % 3 === 1 ? `schlüssel ${i}` : Buffer.from([i, 255]),
      value: i % 5 === 0 ? null : `${"wert 😀".repeat(i % 9)}${i}`,
      timestampMs: 1_767_225_600_000 + ((i * 7919) % 1000),
      headers: { trace: [Buffer.from("1"), Buffer.from("2")], unit: "°C" },
    }));
    const appended = await producer.send(topic, sent);
    await producer.close();
    const log = await logOf(topic, 0);
    const bytes = (content: string | Uint8Array | null): string | null => (content === null ? null : Buffer.from(content).toString("hex"));
    expect(log.map(({ key, value, timestampMs }) => [bytes(key), bytes(value), timestampMs])).toEqual(
      sent.map(({ key, value, timestampMs }) => [bytes(key), bytes(value), timestampMs]),
    );
    expect(log[0]?.headers.map(([name, value]) => `${name}=${String(value)}`)).toEqual(["trace=1", "trace=2", "unit=°C"]);
    expect(appended[0]).toEqual({ topic, partition: 0, baseOffset: 0 });
    expect(appended.length).toBeGreaterThan(1);
  },
);

test.each([0, 1] as const)("acks %d", async (acks) => {
  const topic = await newTopic(`acks-${acks}`, 1);
  const producer = await createProducer({ brokers: brokers() }, { acks });
  await producer.send(topic, [{ value: "a" }]);
  const [second] = await producer.send(topic, [{ value: "b" }]);
  expect(second?.baseOffset).toBe(acks === 0 ? -1 : 1);
  await producer.close();
  await expect.poll(async () => (await logOf(topic, 0)).map(({ value }) => String(value))).toEqual(["a", "b"]);
});

test("acks 0 and 1 do not go with idempotence", async () => {
  await expect(createProducer({ brokers: brokers() }, { acks: 1, idempotent: true })).rejects.toMatchObject({ code: "KAFKA_OPTION" });
});

test("sends at the same time get the offsets of their own records", async () => {
  const topic = await newTopic("own", 1);
  const producer = await createProducer({ brokers: brokers() });
  const sends = Array.from({ length: 300 }, (_, i) =>
    producer.send(
      topic,
      Array.from({ length: 1 + (i % 3) }, () => ({ value: `${i}` })),
    ),
  );
  const appended = await Promise.all(sends);
  await producer.close();
  const log = await logOf(topic, 0);
  expect(log.length).toBe(600);
  appended.forEach((places, i) => expect(String(log[places[0]?.baseOffset ?? -1]?.value)).toBe(String(i)));
});

describe("a broker that is killed and comes back", () => {
  test("every acknowledged message is there once, in the order of its partition", { timeout: 60_000 }, async () => {
    const seed = Math.floor(Math.random() * 2 ** 31);
    const random = createRandom(seed);
    const topic = await newTopic("killed", 3);
    const producer = await createProducer({ brokers: brokers() });
    let stopped = false;
    let sent = 0;
    const sends: Promise<unknown>[] = [];
    const sending = (async () => {
      while (!stopped) {
        const records = Array.from({ length: 1 + random.below(40) }, () => ({ value: String(sent), partition: sent++ % 3 }));
        sends.push(producer.send(topic, records));
        await new Promise((resolve) => setTimeout(resolve, random.below(4)));
      }
    })();
    for (let kill = 0; kill < 4; kill++) {
      await new Promise((resolve) => setTimeout(resolve, 150 + random.below(300)));
      await endBroker("SIGKILL");
      await startBroker();
    }
    stopped = true;
    await sending;
    await Promise.all(sends);
    await producer.close();
    for (let partition = 0; partition < 3; partition++) {
      const values = (await logOf(topic, partition)).map(({ value }) => Number(value));
      const expected = Array.from({ length: Math.ceil((sent - partition) / 3) }, (_, i) => i * 3 + partition);
      expect(values, `seed ${seed}`).toEqual(expected);
    }
  });
});
