import { execFile, fork, spawn, type ChildProcess } from "node:child_process";
import fs from "node:fs/promises";
import { createRequire } from "node:module";
import os from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { Consumer as PlatformaticConsumer, stringDeserializers } from "@platformatic/kafka";
import type * as KafkaJs from "kafkajs";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { requireOracle } from "../../tests/oracle.ts";
import { createRandom } from "../base/random.ts";

const { Kafka, logLevel } = createRequire(import.meta.url)("kafkajs") as typeof KafkaJs;
const kcat = requireOracle("kcat", "librdkafka through a broker's restarts");
const run = promisify(execFile);
const MAIN = path.join(import.meta.dirname, "main.ts");

let folder: string;
const children: ChildProcess[] = [];
const closing: (() => Promise<unknown>)[] = [];
beforeAll(async () => {
  folder = await fs.mkdtemp(path.join(os.tmpdir(), "broker-faults-"));
});
afterEach(async () => {
  await Promise.all(closing.splice(0).map((close) => close().catch(() => undefined)));
  for (const child of children.splice(0)) child.kill("SIGKILL");
});
afterAll(() => fs.rm(folder, { recursive: true, force: true, maxRetries: 3 }));

async function until(what: string, condition: () => boolean | Promise<boolean>, withinMs: number = 25_000): Promise<void> {
  const end = performance.now() + withinMs;
  while (!(await condition())) {
    if (performance.now() > end) throw new Error(`not within ${withinMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** A broker as a process that can be ended and comes back on its port with what it kept. */
interface Mortal {
  readonly address: string;
  restart(signal: "SIGTERM" | "SIGKILL"): Promise<void>;
}

async function startMortal(name: string): Promise<Mortal> {
  const dataDir = path.join(folder, name);
  const start = async (port: number): Promise<{ child: ChildProcess; port: number }> => {
    const child = fork(MAIN, ["--data", dataDir, "--port", String(port)], { execArgv: [], stdio: ["ignore", "ignore", "pipe", "ipc"] });
    children.push(child);
    let complaint = "";
    child.stderr?.on("data", (chunk: Buffer) => (complaint += chunk.toString()));
    const ready = new Promise<number>((resolve, reject) => {
      child.once("message", (message) => resolve((message as { port: number }).port));
      child.once("exit", (code) => reject(new Error(`the broker ended with ${code}: ${complaint}`)));
    });
    return { child, port: await ready };
  };
  let { child, port } = await start(0);
  return {
    address: `127.0.0.1:${port}`,
    restart: async (signal) => {
      const ended = new Promise((resolve) => child.once("exit", resolve));
      child.removeAllListeners("exit");
      child.once("exit", () => child.emit("ended"));
      const gone = new Promise((resolve) => child.once("ended", resolve));
      child.kill(signal);
      await Promise.race([ended, gone]);
      ({ child, port } = await start(port));
    },
  };
}

const retry = { retries: 100, initialRetryTime: 20, maxRetryTime: 200 };
const kafkaJs = (address: string): KafkaJs.Kafka =>
  new Kafka({ brokers: [address], clientId: "faults", logLevel: logLevel.NOTHING, retry, connectionTimeout: 1000, requestTimeout: 5000 });

async function createTopic(kafka: KafkaJs.Kafka, topic: string, numPartitions: number): Promise<KafkaJs.Admin> {
  const admin = kafka.admin();
  await admin.connect();
  closing.push(() => admin.disconnect());
  await admin.createTopics({ topics: [{ topic, numPartitions }] });
  return admin;
}

/** What one consumer of a group has read, in the order in which it came, and when it was given what. */
interface Reading {
  readonly seen: { readonly partition: number; readonly offset: number; readonly value: string; readonly round: number }[];
  /** How many times it has been given partitions. */
  round: number;
  assigned: readonly number[];
  stop(): Promise<unknown>;
}

async function readWithKafkaJs(address: string, groupId: string, topic: string): Promise<Reading> {
  const consumer = kafkaJs(address).consumer({
    groupId,
    maxWaitTimeInMs: 100,
    heartbeatInterval: 100,
    sessionTimeout: 6000,
    rebalanceTimeout: 6000,
    metadataMaxAge: 500,
  });
  const reading: Reading = { seen: [], round: 0, assigned: [], stop: () => consumer.disconnect() };
  consumer.on("consumer.group_join", ({ payload }) => {
    reading.round++;
    reading.assigned = payload.memberAssignment[topic] ?? [];
  });
  await consumer.connect();
  closing.push(() => consumer.disconnect());
  await consumer.subscribe({ topic, fromBeginning: true });
  await consumer.run({
    autoCommitThreshold: 5,
    eachMessage: async ({ partition, message }) => {
      reading.seen.push({ partition, offset: Number(message.offset), value: String(message.value), round: reading.round });
    },
  });
  return reading;
}

async function readWithPlatformatic(address: string, groupId: string, topic: string): Promise<Reading> {
  const consumer = new PlatformaticConsumer({
    clientId: "faults",
    groupId,
    bootstrapBrokers: [address],
    deserializers: stringDeserializers,
    sessionTimeout: 6000,
    rebalanceTimeout: 6000,
    heartbeatInterval: 100,
    maxWaitTime: 100,
    timeout: 5000,
    retries: 200,
    retryDelay: 50,
    metadataMaxAge: 500,
  });
  const reading: Reading = { seen: [], round: 0, assigned: [], stop: () => consumer.close(true) };
  consumer.on("consumer:group:join", ({ assignments }) => {
    reading.round++;
    reading.assigned = assignments?.flatMap(({ partitions }) => partitions) ?? [];
  });
  closing.push(() => consumer.close(true));
  const stream = await consumer.consume({ topics: [topic], mode: "committed", fallbackMode: "earliest", autocommit: 50 });
  stream.on("error", () => undefined);
  stream.on("data", ({ partition, offset, value }) =>
    reading.seen.push({ partition, offset: Number(offset), value: value ?? "", round: reading.round }),
  );
  return reading;
}

const readers = { kafkajs: readWithKafkaJs, platformatic: readWithPlatformatic };

/**
 * Sends numbered values to one partition after the other until it is told to stop; what was acknowledged, by partition. What kafkajs is to send
 * to a partition that it has not heard of yet it drops, and answers nothing.
 */
async function sendOn(kafka: KafkaJs.Kafka, topic: string, partitions: () => number) {
  const producer = kafka.producer({ idempotent: true, maxInFlightRequests: 1, retry, metadataMaxAge: 200 });
  await producer.connect();
  closing.push(() => producer.disconnect());
  const acknowledged: string[][] = [];
  let isOver = false;
  const sending = (async () => {
    for (let i = 0; !isOver; i++) {
      const partition = i % partitions();
      const values = [0, 1, 2].map((k) => `${i}-${k}`);
      const answers = await producer.send({ topic, acks: -1, messages: values.map((value) => ({ partition, value })) });
      if (answers.length > 0) (acknowledged[partition] ??= []).push(...values);
    }
  })();
  return {
    acknowledged,
    count: (): number => acknowledged.reduce((sum, values) => sum + values.length, 0),
    stop: async (): Promise<void> => {
      isOver = true;
      await sending;
    },
  };
}

const valuesOf = (readings: readonly Reading[]): Set<string> => new Set(readings.flatMap(({ seen }) => seen.map(({ value }) => value)));

/** Everything in the topic, by partition, as a client of no group reads it. */
async function contents(kafka: KafkaJs.Kafka, admin: KafkaJs.Admin, topic: string): Promise<string[][]> {
  const ends = await admin.fetchTopicOffsets(topic);
  const wanted = ends.reduce((sum, { high }) => sum + Number(high), 0);
  const values: string[][] = ends.map(() => []);
  const consumer = kafka.consumer({ groupId: `contents-of-${topic}`, maxWaitTimeInMs: 50 });
  await consumer.connect();
  closing.push(() => consumer.disconnect());
  await consumer.subscribe({ topic, fromBeginning: true });
  await consumer.run({ eachMessage: async ({ partition, message }) => void values[partition]?.push(String(message.value)) });
  await until(`${wanted} records are read`, () => values.flat().length >= wanted);
  return values;
}

describe.each([
  { signal: "SIGTERM", seed: 1 },
  { signal: "SIGKILL", seed: 2 },
] as const)("F11: the broker ends by $signal and comes back, twice (seed $seed)", ({ signal, seed }) => {
  test("idempotent producers lose nothing and double nothing that was acknowledged; consumers go on", async () => {
    const random = createRandom(seed);
    const broker = await startMortal(`f11-${signal}-${seed}`);
    const kafka = kafkaJs(broker.address);
    const topic = "numbers";
    const admin = await createTopic(kafka, topic, 3);
    const readings = {
      kafkajs: await readWithKafkaJs(broker.address, "kafkajs", topic),
      platformatic: await readWithPlatformatic(broker.address, "platformatic", topic),
    };
    const sender = await sendOn(kafka, topic, () => 3);
    for (let round = 1; round <= 2; round++) {
      const count = sender.count() + 60 + random.below(120);
      await until(`seed ${seed}: ${count} are acknowledged`, () => sender.count() >= count);
      await broker.restart(signal);
    }
    const count = sender.count() + 60;
    await until(`seed ${seed}: ${count} are acknowledged`, () => sender.count() >= count);
    await sender.stop();
    const all = sender.acknowledged.flat();
    for (const [name, reading] of Object.entries(readings)) {
      await until(`seed ${seed}: ${name} has read all`, () => valuesOf([reading]).size >= all.length);
      expect(valuesOf([reading]), `seed ${seed}: ${name}`).toEqual(new Set(all));
    }
    expect(await contents(kafka, admin, topic), `seed ${seed}`).toEqual(sender.acknowledged);
  }, 60_000);
});

test.runIf(kcat !== undefined)(
  "F11: librdkafka's producer and group go on where they were, through kill −9",
  async () => {
    const broker = await startMortal("f11-kcat");
    for (let round = 0; round < 2; round++) {
      const lines = Array.from({ length: 100 }, (_, i) => `${round} ${i}`);
      const producing = ["-b", broker.address, "-P", "-t", "lines", "-X", "enable.idempotence=true"];
      const child = spawn(kcat ?? "", producing, { stdio: ["pipe", "ignore", "ignore"] });
      children.push(child);
      child.stdin?.end(lines.join("\n"));
      expect(await new Promise((resolve) => child.once("close", resolve))).toBe(0);
      await broker.restart("SIGKILL");
      const reading = ["-b", broker.address, "-G", "readers", "-X", "auto.offset.reset=earliest", "-e", "-q", "lines"];
      const { stdout } = await run(kcat ?? "", reading, { timeout: 20_000 });
      expect(stdout.trim().split("\n")).toEqual(lines);
      await broker.restart("SIGKILL");
    }
  },
  60_000,
);

describe.each([
  { client: "kafkajs", seed: 11 },
  { client: "platformatic", seed: 13 },
] as const)(
  "F22: consumers come and go, partitions are added where the client looks for them ($client, seed $seed)",
  ({ client, seed }) => {
    test("nothing is lost; who is given partitions reads none of their records twice until it is given others", async () => {
      const random = createRandom(seed);
      const broker = await startMortal(`f22-${seed}`);
      const kafka = kafkaJs(broker.address);
      const topic = "moving";
      let partitions = 4;
      const admin = await createTopic(kafka, topic, partitions);
      const all: Reading[] = [];
      const present: Reading[] = [];
      const come = async (): Promise<void> => {
        const reading = await readers[client](broker.address, "moving", topic);
        all.push(reading);
        present.push(reading);
      };
      const isShared = (): boolean => {
        const given = present.flatMap(({ assigned }) => assigned);
        return given.length === partitions && new Set(given).size === partitions;
      };
      await come();
      const sender = await sendOn(kafka, topic, () => partitions);
      const widen = client === "kafkajs" ? ["widen"] : [];
      for (const step of ["come", "come", "go", ...widen, random.pick(["come", "go"]), random.pick(["come", "go"])]) {
        const count = sender.count() + 15 + random.below(60);
        await until("more is sent", () => sender.count() >= count);
        if (step === "come") await come();
        else if (step === "go" && present.length > 1) await present.splice(random.below(present.length), 1)[0]?.stop();
        else if (step === "widen") {
          await admin.createPartitions({ topicPartitions: [{ topic, count: 6 }] });
          partitions = 6;
        }
        await until(`seed ${seed}: each of ${partitions} partitions has one reader after "${step}"`, isShared);
      }
      await sender.stop();
      const sent = new Set(sender.acknowledged.flat());
      await until(`seed ${seed}: all is read`, () => valuesOf(all).size >= sent.size);
      expect(valuesOf(all), `seed ${seed}`).toEqual(sent);
      // @platformatic/kafka hands out what it had fetched before a rebalance when the next assignment has begun.
      const counted = client === "kafkajs" ? all : [];
      for (const { seen } of counted) {
        const read = seen.map(({ partition, offset, round }) => `${round}: ${partition}/${offset}`);
        expect(read.length, `seed ${seed}: twice in one assignment`).toBe(new Set(read).size);
      }
    }, 60_000);
  },
);
