import { mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createSession } from "../../src/labs/session.ts";
import { requireOracle } from "../oracle.ts";
import { following, numbers, type RealKafka, START_MS, startRealKafka, until, upTo } from "./real-kafka.ts";

const NUMBERS = 120_000;
const PARTITIONS = 6;

const java = requireOracle("java-kafka", "a cluster of three real Kafka nodes");

describe.runIf(java)("the Kafka source on three nodes of Apache Kafka", () => {
  let kafka: RealKafka;
  let folder: string;
  let topic: string;

  beforeAll(async () => {
    folder = await mkdtemp(path.join(os.tmpdir(), "streamlab-conformance-"));
    kafka = await startRealKafka({
      nodes: 3,
      heapMiB: 256,
      properties: {
        "broker.session.timeout.ms": "3000",
        "offsets.topic.num.partitions": "3",
        "num.network.threads": "2",
        "num.io.threads": "4",
      },
    });
    topic = await kafka.topic(PARTITIONS, 3);
    await kafka.produceNumbers(topic, NUMBERS, "linger.ms=5");
  }, START_MS);
  afterAll(async () => {
    await kafka?.close();
    await rm(folder, { recursive: true, force: true });
  });

  const leaders = async (): Promise<number[]> => {
    const described = await kafka.client.topics.describe([topic]);
    return described[0]?.partitions.map(({ leader }) => leader) ?? [];
  };
  const allInSync = async (): Promise<boolean> => {
    const described = await kafka.client.topics.describe([topic]).catch(() => []);
    return described[0]?.partitions.every(({ leader, isr }) => leader >= 0 && isr.length === 3) ?? false;
  };

  test("a leader that is killed in the middle of a drain: every record is in the query's result, once", { timeout: 90_000 }, async () => {
    const victim = kafka.nodes.find(({ id }) => id === 1);
    expect(await leaders()).toContain(1);
    const counts = new Map<number, number>();
    let batches = 0;
    const query = await createSession()
      .readStream.format("kafka")
      .options({
        "kafka.bootstrap.servers": kafka.address,
        subscribe: topic,
        startingOffsets: "earliest",
        maxOffsetsPerTrigger: "10000",
        "kafka.fetch.max.bytes": "600000",
      })
      .load()
      .groupBy("partition")
      .count()
      .writeStream.outputMode("update")
      .option("checkpointLocation", path.join(folder, "counts"))
      .trigger({ availableNow: true })
      .foreachBatch(async (rows) => {
        for (const row of rows as readonly Record<string, unknown>[]) counts.set(Number(row.partition), Number(row.count));
        if (++batches === 3) await victim?.kill();
      })
      .start();
    await query.awaitTermination();
    expect(batches).toBeGreaterThan(5);
    expect(await leaders()).not.toContain(1);
    const ends = await kafka.client.topics.offsets(topic);
    expect(Object.fromEntries(counts)).toEqual(Object.fromEntries(ends.map(({ partition, latest }) => [partition, latest])));
    expect([...counts.values()].reduce((sum, one) => sum + one, 0)).toBe(NUMBERS);
    await victim?.start(3);
    await until("all replicas are in sync again", allInSync, 40_000);
  });

  test("leaders that move back in good order while messages come: every record once", { timeout: 90_000 }, async () => {
    const before = await leaders();
    const { query, read } = await following({ "kafka.bootstrap.servers": kafka.address, subscribe: topic, startingOffsets: "latest" });
    const producer = kafka.kafkaJs.producer({ idempotent: true, maxInFlightRequests: 1 });
    await producer.connect();
    try {
      let sent = 0;
      let moved = false;
      const electing = kafka
        .tool("org.apache.kafka.tools.LeaderElectionCommand", [
          ...["--bootstrap-server", kafka.address, "--election-type", "preferred", "--all-topic-partitions"],
        ])
        .then(() => (moved = true));
      while (!moved || sent < 1000) {
        const messages = upTo(20).map((n) => ({ value: String(sent + n), partition: (sent + n) % PARTITIONS }));
        await producer.send({ topic, messages });
        sent += messages.length;
      }
      await electing;
      expect(await leaders()).not.toEqual(before);
      await until("all that was sent", () => read.length >= sent);
      expect(numbers(read)).toEqual(upTo(sent));
    } finally {
      await producer.disconnect();
      await query.stop();
    }
  });

  test("a cluster that is away as a whole for a while: the query waits and goes on", { timeout: 120_000 }, async () => {
    const { query, read } = await following({ "kafka.bootstrap.servers": kafka.address, subscribe: topic, startingOffsets: "latest" });
    try {
      const producer = await kafka.client.producer();
      await producer.send(topic, [{ key: "a", value: "0" }]);
      await until("the first", () => read.length === 1);
      await Promise.all(kafka.nodes.map((node) => node.kill()));
      await Promise.all(kafka.nodes.map((node) => node.start(3)));
      await until("all replicas are in sync again", allInSync, 60_000);
      await until(
        "a message is taken",
        () =>
          producer.send(topic, [{ key: "a", value: "1" }]).then(
            () => true,
            () => false,
          ),
        30_000,
      );
      await until("the second", () => read.length >= 2, 30_000);
      expect(new Set(numbers(read))).toEqual(new Set([0, 1]));
      expect(query.isActive).toBe(true);
    } finally {
      await query.stop();
    }
  });
});
