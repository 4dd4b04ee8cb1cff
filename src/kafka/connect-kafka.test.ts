import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { systemClock } from "../base/clock.ts";
import type { SinkBatch } from "../engine/sinks/sink.ts";
import { runGenerator } from "../generators/run-generator.ts";
import { createSensorRecords } from "../generators/sensors.ts";
import type { KafkaConsumer, ReceivedRecord } from "./consumer.ts";
import { connectKafka, parseBrokers } from "./connect-kafka.ts";
import { partitionOfKey } from "./partitioner.ts";
import { openKafkaSink } from "./sink.ts";
import { startTestCluster, type TestCluster } from "./test-cluster.ts";
import { ensureTopic } from "./topics.ts";

let cluster: TestCluster;
let topics = 0;

beforeAll(async () => {
  cluster = await startTestCluster();
});
afterAll(() => cluster.close());

async function newTopic(partitions: number = 3): Promise<string> {
  const topic = `client-${++topics}`;
  await cluster.client.topics.create({ topic, partitions });
  return topic;
}

/** Everything that a topic holds, as a group of its own. */
async function consumeAll(topic: string, count: number): Promise<ReceivedRecord[]> {
  const consumer: KafkaConsumer = await cluster.client.consumer({ groupId: `all-${topic}`, topics: [topic], fromBeginning: true });
  const received: ReceivedRecord[] = [];
  try {
    await new Promise<void>((resolve, reject) => {
      consumer
        .run((records) => {
          received.push(...records);
          if (received.length >= count) resolve();
          return Promise.resolve();
        }, reject)
        .catch(reject);
    });
  } finally {
    await consumer.close();
  }
  return received;
}

describe("connectKafka", () => {
  test("says in three parts that nobody is there, soon", async () => {
    await expect(connectKafka({ brokers: ["127.0.0.1:1"] })).rejects.toMatchObject({
      code: "KAFKA_UNREACHABLE",
      message: 'Cannot reach Kafka at 127.0.0.1:1 (connection refused). Start it with "streamlab up", or pass --kafka host:port.',
    });
  });

  test("reads bootstrap lists as people write them", () => {
    expect(parseBrokers(" a:1, b:2,,")).toEqual(["a:1", "b:2"]);
  });

  test("an idle producer costs nothing: no timer that fires again and again (kafkajs on Node 24)", async () => {
    const program = `
      import { connectKafka } from "${new URL("./connect-kafka.ts", import.meta.url).href}";
      const client = await connectKafka({ brokers: ["${cluster.address}"] });
      await client.producer();
      const set = globalThis.setTimeout;
      let timers = 0;
      globalThis.setTimeout = (...args) => { timers++; return set(...args); };
      await new Promise((resolve) => set(resolve, 300));
      console.log("timers", timers);
      await client.close();`;
    const { stdout, stderr } = await promisify(execFile)(process.execPath, ["--input-type=module", "--eval", program]);
    expect(stderr).not.toContain("TimeoutNegativeWarning");
    expect(Number(stdout.replace("timers ", ""))).toBeLessThan(5);
  });
});

describe("topics", () => {
  test("are created once, described with leader, replicas and ISR, listed and deleted", async () => {
    const { topics: admin } = cluster.client;
    expect(await admin.create({ topic: "made", partitions: 2, config: { "retention.ms": "60000" } })).toBe(true);
    expect(await admin.create({ topic: "made", partitions: 2 })).toBe(false);
    const [made] = await admin.describe(["made"]);
    expect(made?.partitions.map(({ partition }) => partition)).toEqual([0, 1]);
    for (const { leader, replicas, isr } of made?.partitions ?? []) expect([replicas, isr]).toEqual([[leader], [leader]]);
    expect((await admin.config("made"))["retention.ms"]).toBe("60000");
    await admin.alterConfig("made", { "max.message.bytes": "2000000" });
    expect(await admin.config("made")).toMatchObject({ "retention.ms": "60000", "max.message.bytes": "2000000" });
    await admin.addPartitions("made", 3);
    expect((await admin.offsets("made")).map(({ partition }) => partition)).toEqual([0, 1, 2]);
    expect(await admin.list()).toContain("made");
    await admin.delete(["made"]);
    expect(await admin.list()).not.toContain("made");
  });

  test("an unknown topic is named, with the command that makes it", async () => {
    await expect(cluster.client.topics.describe(["nobody"])).rejects.toThrow(
      /Cannot find the topic "nobody".*streamlab topics create --topic nobody/,
    );
    await expect(cluster.client.topics.offsets("nobody")).rejects.toThrow(/Cannot find the topic "nobody"/);
    const producer = await cluster.client.producer({ retries: 1 });
    await expect(producer.send("nobody", [{ value: "v" }])).rejects.toThrow(/Cannot find the topic "nobody"/);
  });

  test("ensureTopic refuses a topic with too few partitions", async () => {
    const topic = await newTopic(1);
    expect(await ensureTopic(cluster.client.topics, { topic, partitions: 1 })).toBe(false);
    await expect(ensureTopic(cluster.client.topics, { topic, partitions: 3 })).rejects.toThrow(/it has 1 partitions, 3 are wanted/);
  });
});

describe("producer", () => {
  test("puts every key where Kafka does, and keeps values, nulls and timestamps", async () => {
    const topic = await newTopic();
    const producer = await cluster.client.producer();
    const sent = Array.from({ length: 60 }, (_, i) => ({ key: `sensor_${i}`, value: i % 7 === 0 ? null : `v${i}`, timestampMs: 5000 + i }));
    const appended = await producer.send(topic, sent);
    expect(appended.map(({ partition }) => partition).sort()).toEqual([0, 1, 2]);
    const received = await consumeAll(topic, 60);
    expect(received.length).toBe(60);
    for (const { key, value, partition, timestampMs } of received) {
      const i = Number(String(key).slice("sensor_".length));
      expect(partition).toBe(partitionOfKey(Buffer.from(`sensor_${i}`), 3));
      expect([value === null ? null : String(value), timestampMs]).toEqual([sent[i]?.value, 5000 + i]);
    }
  });

  test("cuts what is larger than a broker takes at once", async () => {
    const topic = await newTopic(1);
    const producer = await cluster.client.producer();
    await producer.send(
      topic,
      Array.from({ length: 3000 }, () => ({ value: "x".repeat(1000) })),
    );
    expect(await cluster.client.topics.offsets(topic)).toEqual([{ partition: 0, earliest: 0, latest: 3000 }]);
  });

  test("outlives a restart of the broker and stores nothing twice", { timeout: 30_000 }, async () => {
    const topic = await newTopic();
    const producer = await cluster.client.producer();
    let restarted: Promise<void> | undefined;
    const totals = await runGenerator({
      generator: createSensorRecords({ seed: 4 }),
      send: async (records) => void (await producer.send(topic, records)),
      ratePerSecond: 2000,
      seconds: 2,
      clock: systemClock,
      progressEveryMs: 500,
      onProgress: ({ elapsedMs }) => {
        if (elapsedMs > 400) restarted ??= cluster.down().then(() => cluster.up());
      },
    });
    await restarted;
    expect(totals).toMatchObject({ sent: 4000, acknowledged: 4000, failed: 0 });
    const offsets = await cluster.client.topics.offsets(topic);
    expect(offsets.reduce((sum, { latest }) => sum + latest, 0)).toBe(4000);
  });
});

describe("sink", () => {
  const clock = systemClock;
  const never = new AbortController().signal;
  const batch = (names: string[], rows: unknown[][]): SinkBatch => ({
    batchId: 0,
    schema: { type: "struct", fields: names.map((name) => ({ name, dataType: { type: "string" }, nullable: true })) },
    rows,
    outputMode: "append",
  });

  test("writes key and value, to the topic of the option or of the row", async () => {
    const [one, other] = [await newTopic(1), await newTopic(1)];
    const options = { "kafka.bootstrap.servers": cluster.address };
    const fixed = await openKafkaSink({ options: { ...options, topic: one }, clock, outputMode: "append" });
    await fixed.write(batch(["value", "key"], [["v1", "k1"], ["v2", null]]), never); // prettier-ignore
    expect(fixed.metrics?.()).toEqual({ numOutputRows: "2" });
    await fixed.close();
    const byRow = await openKafkaSink({ options, clock, outputMode: "append" });
    await byRow.write(batch(["topic", "value"], [[one, "v3"], [other, "v4"]]), never); // prettier-ignore
    await byRow.close();
    expect((await consumeAll(one, 3)).map(({ key, value }) => [key && String(key), String(value)])).toEqual([
      ["k1", "v1"],
      [null, "v2"],
      [null, "v3"],
    ]);
    expect((await consumeAll(other, 1)).map(({ value }) => String(value))).toEqual(["v4"]);
  });

  test.each([
    [["key"], /no column value/],
    [["value"], /no topic is named/],
  ])("columns %j are refused with what to do", async (names, message) => {
    const sink = await openKafkaSink({ options: { brokers: cluster.address }, clock, outputMode: "append" });
    await expect(sink.write(batch(names, []), never)).rejects.toThrow(message);
    await sink.close();
  });
});
