import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { projectRoot } from "../../src/base/project.ts";
import { startBroker, type Broker } from "../../src/broker/broker.ts";
import { createTopicsApi } from "../../src/kafka-protocol/messages/create-topics.ts";
import { connectForRequests } from "../../src/kafka-protocol/request-connection.ts";
import { javaArguments } from "../../src/stack/kafka-jvm/java-process.ts";
import { findJava } from "../../src/stack/kafka-jvm/java.ts";
import { fetchKafkaJars } from "../../src/stack/kafka-jvm/kafka-jars.ts";
import { cacheFolder } from "../../src/stack/state-folder.ts";
import { requireOracle } from "../oracle.ts";

const COUNT = 1000;
const PROGRAM = path.join(import.meta.dirname, "ExactlyOnce.java");

if (requireOracle("java-kafka", "transactions of Java's clients")) {
  let folder: string;
  let broker: Broker;
  beforeAll(async () => {
    folder = await mkdtemp(path.join(os.tmpdir(), "java-transactions-"));
    broker = await startBroker({ dataDir: path.join(folder, "data") });
    const client = await connectForRequests({ host: "127.0.0.1", port: broker.port });
    const topics = ["in", "out", "fenced", "perf"].map((name) => ({
      name,
      numPartitions: name === "perf" ? 1 : 3,
      replicationFactor: 1,
      assignments: [],
      configs: [],
    }));
    await client.request(createTopicsApi, 5, { topics, timeoutMs: 5000, validateOnly: false });
    client.close();
  });
  afterAll(async () => {
    await broker.close();
    await rm(folder, { recursive: true, force: true });
  });

  test("Java copies exactly once, is fenced and timed out, and its tools show the transactions", { timeout: 120_000 }, async () => {
    const java = findJava();
    if (!java) throw new Error("there was a Java a moment ago");
    const jars = await fetchKafkaJars(cacheFolder(projectRoot));
    const settings = { java, jars, heapMiB: 256, quick: true, temporary: folder };
    const run = promisify(execFile)(java.program, [...javaArguments(settings), PROGRAM, broker.address, String(COUNT)], {
      timeout: 110_000,
    });
    const lines = (await run).stdout.split("\n").map((line) => line.replace(/\s+/g, " ").trim());
    expect(lines).toContain(`copied ${COUNT}`);
    expect(lines).toContain(`read ${COUNT} values, 0 more than once`);
    expect(lines).toContain("the first was fenced");
    expect(lines).toContain("the slow one: ProducerFencedException");
    expect(lines.find((line) => line.startsWith("5000 records sent"))).toBeDefined();
    expect(lines.find((line) => line.startsWith("perf-tx "))).toMatch(/^perf-tx \d+ \d+ CompleteCommit$/);
    expect(lines.find((line) => line.startsWith("describe:"))).toBe("describe: perf-tx CompleteCommit 60000 []");
  });
}
