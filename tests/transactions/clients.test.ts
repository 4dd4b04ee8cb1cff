import { spawn } from "node:child_process";
import fs from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { Producer as PlatformaticProducer, stringSerializers } from "@platformatic/kafka";
import { Kafka, logLevel, type Consumer } from "kafkajs";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { startBroker, type Broker } from "../../src/broker/broker.ts";
import { requireOracle } from "../oracle.ts";

let folder: string;
let broker: Broker;
let kafka: Kafka;
const open: (() => Promise<unknown>)[] = [];
beforeAll(async () => {
  folder = await fs.mkdtemp(path.join(os.tmpdir(), "transactions-clients-"));
  broker = await startBroker({ dataDir: folder });
  kafka = new Kafka({ brokers: [broker.address], logLevel: logLevel.NOTHING });
  const admin = kafka.admin();
  await admin.connect();
  await admin.createTopics({ topics: ["in", "out", "other", "kcat"].map((topic) => ({ topic, numPartitions: 2 })) });
  await admin.disconnect();
});
afterEach(async () => {
  for (const close of open.splice(0).reverse()) await close();
});
afterAll(async () => {
  await broker.close();
  await fs.rm(folder, { recursive: true, force: true });
});

async function until(what: string, condition: () => boolean, withinMs: number = 20_000): Promise<void> {
  const end = performance.now() + withinMs;
  while (!condition()) {
    if (performance.now() > end) throw new Error(`not within ${withinMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

async function consumerOf(groupId: string, topic: string): Promise<Consumer> {
  const consumer = kafka.consumer({ groupId, maxWaitTimeInMs: 200 });
  open.push(() => consumer.disconnect());
  await consumer.connect();
  await consumer.subscribe({ topics: [topic], fromBeginning: true });
  return consumer;
}

test("kafkajs copies a topic exactly once with sendOffsets, aborting every third batch, started again by another", async () => {
  const count = 60;
  const plain = kafka.producer();
  await plain.connect();
  open.push(() => plain.disconnect());
  const messages = Array.from({ length: count }, (_, i) => ({ key: String(i), value: String(i) }));
  for (let i = 0; i < count; i += 5) await plain.send({ topic: "in", messages: messages.slice(i, i + 5) });
  const copied = new Set<string>();
  for (const attempt of [1, 2]) {
    const producer = kafka.producer({ transactionalId: "copier", idempotent: true, maxInFlightRequests: 1 });
    await producer.connect();
    const consumer = await consumerOf("copiers", "in");
    let batches = 0;
    let isOver = false;
    await consumer.run({
      autoCommit: false,
      eachBatchAutoResolve: false,
      eachBatch: async ({ batch, resolveOffset }) => {
        if (isOver) return;
        const transaction = await producer.transaction();
        const values = batch.messages.map(({ key, value }) => ({ key, value }));
        await transaction.send({ topic: "out", messages: values });
        const offset = String(Number(batch.lastOffset()) + 1);
        await transaction.sendOffsets({
          consumerGroupId: "copiers",
          topics: [{ topic: "in", partitions: [{ partition: batch.partition, offset }] }],
        });
        if (++batches % 3 === 1) {
          await transaction.abort();
          consumer.seek({ topic: "in", partition: batch.partition, offset: batch.firstOffset() as string });
          return;
        }
        await transaction.commit();
        resolveOffset(batch.lastOffset());
        for (const { value } of values) copied.add(String(value));
      },
    });
    await until(`copied by ${attempt}`, () => copied.size >= (attempt === 1 ? count / 2 : count));
    isOver = true;
    await consumer.disconnect();
    await producer.disconnect();
  }
  const read: string[] = [];
  const reader = await consumerOf("readers", "out");
  await reader.run({ eachMessage: async ({ message }) => void read.push(String(message.value)) });
  await until("all read", () => read.length >= count);
  expect(read.map(Number).sort((a, b) => a - b)).toEqual(Array.from({ length: count }, (_, i) => i));
});

test("@platformatic/kafka commits and aborts; kafkajs reads what it committed", async () => {
  const producer = new PlatformaticProducer({
    clientId: "p",
    bootstrapBrokers: [broker.address],
    serializers: stringSerializers,
    idempotent: true,
    transactionalId: "platformatic",
  });
  open.push(() => producer.close());
  for (const [value, isCommit] of [
    ["lost", false],
    ["kept", true],
    ["lost too", false],
    ["kept too", true],
  ] as const) {
    const transaction = await producer.beginTransaction();
    await transaction.send({ messages: [{ topic: "other", key: "k", value }] });
    await (isCommit ? transaction.commit() : transaction.abort());
  }
  const read: string[] = [];
  const reader = await consumerOf("other-readers", "other");
  await reader.run({ eachMessage: async ({ message }) => void read.push(String(message.value)) });
  await until("both read", () => read.length >= 2);
  expect(read).toEqual(["kept", "kept too"]);
});

const kcat = requireOracle("kcat", "transactions of librdkafka");
if (kcat) {
  const run = (args: readonly string[], input: string = ""): Promise<string> =>
    new Promise((resolve, reject) => {
      const child = spawn(kcat, ["-b", broker.address, ...args], { stdio: ["pipe", "pipe", "pipe"] });
      let out = "";
      child.stdout.on("data", (chunk: Buffer) => (out += chunk.toString()));
      child.stderr.on("data", (chunk: Buffer) => (out += chunk.toString()));
      child.once("error", reject);
      child.once("close", () => resolve(out));
      child.stdin.end(input);
    });

  test("kcat produces in a transaction and reads what is committed, past what was aborted", async () => {
    const aborting = kafka.producer({ transactionalId: "kcat-lost", idempotent: true, maxInFlightRequests: 1 });
    await aborting.connect();
    open.push(() => aborting.disconnect());
    const transaction = await aborting.transaction();
    await transaction.send({ topic: "kcat", messages: [0, 1].map((partition) => ({ partition, value: "lost" })) });
    await transaction.abort();
    expect(await run(["-P", "-t", "kcat", "-X", "transactional.id=kcat"], "1\n2\n3\n")).toContain("successfully committed");
    const read = await run(["-C", "-t", "kcat", "-e", "-q", "-X", "isolation.level=read_committed", "-f", "%s\n"]);
    expect(read.trim().split("\n").sort()).toEqual(["1", "2", "3"]);
  });
}
