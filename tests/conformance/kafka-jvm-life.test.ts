import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { connectKafka, parseBrokers } from "../../src/kafka/connect-kafka.ts";
import { chooseBackends } from "../../src/stack/backends.ts";
import { runningDaemons, startDaemons, stopDaemons } from "../../src/stack/daemon.ts";
import { startServers } from "../../src/stack/servers.ts";
import { requireOracle } from "../oracle.ts";
import { START_MS, until } from "./real-kafka.ts";

const java = requireOracle("java-kafka", "the life of a real Kafka that is started here");

/** The pids of Java processes whose command line names the folder. */
async function javasOf(folder: string): Promise<number[]> {
  const pids: number[] = [];
  for (const pid of (await readdir("/proc")).filter((name) => /^\d+$/.test(name))) {
    const words = (await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "")).split("\0");
    if (path.basename(words[0] ?? "") === "java" && words.includes("kafka.Kafka") && words.some((word) => word.startsWith(folder)))
      pids.push(Number(pid));
  }
  return pids;
}

function isThere(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

describe.runIf(java && process.platform === "linux")("--kafka jvm", () => {
  let folder: string;
  const backends = chooseBackends({ kafka: "jvm", mongo: "mongodb://127.0.0.1:1" }, os.tmpdir());

  beforeAll(async () => {
    folder = await mkdtemp(path.join(os.tmpdir(), "streamlab-jvm-"));
  });
  afterAll(async () => {
    for (const pid of await javasOf(folder)) process.kill(pid, "SIGKILL");
    await rm(folder, { recursive: true, force: true, maxRetries: 5 });
  });

  test(
    "is started again with its data when Java dies, leaves none behind when its keeper dies, and ends when asked",
    { timeout: START_MS },
    async () => {
      const dataDir = path.join(folder, "run");
      const servers = await startServers({ backends, dataDir, kafkaPort: 0 });
      const { kafka } = servers;
      try {
        expect(kafka.backendName).toMatch(/^Apache Kafka 4\.\d+\.\d+ \(one node, started here with Java\)$/);
        const client = await connectKafka({ brokers: parseBrokers(kafka.address) });
        await client.topics.create({ topic: "kept", partitions: 2 });
        const [first] = await javasOf(dataDir);
        process.kill(first ?? 0, "SIGKILL");
        await until(
          "another Java serves",
          async () => {
            const pids = await javasOf(dataDir);
            return pids.length === 1 && pids[0] !== first && (await client.topics.list().catch((): string[] => [])).includes("kept");
          },
          60_000,
        );
        expect(kafka.process?.restarts).toBe(1);
        await client.close();
        const [second] = await javasOf(dataDir);
        const keeper = (): number => kafka.process?.pid ?? 0;
        await until("the new keeper is known", () => Promise.resolve(isThere(keeper())));
        process.kill(keeper(), "SIGKILL");
        await until("the Java of the killed keeper is gone", async () => !(await javasOf(dataDir)).includes(second ?? 0));
      } finally {
        await servers.stop();
      }
      expect(await javasOf(dataDir)).toEqual([]);
    },
  );

  test("up starts it in the background, refuses another kind beside it, and down ends it", { timeout: START_MS }, async () => {
    const started = await startDaemons({ root: folder, backends, kafkaPort: 0 });
    try {
      expect(started.map(({ name, title }) => ({ name, title }))).toEqual([
        { name: "kafka", title: expect.stringContaining("Apache Kafka") as unknown },
      ]);
      const client = await connectKafka({ brokers: parseBrokers(started[0]?.address ?? "") });
      expect(await client.topics.list()).toEqual([]);
      await client.close();
      expect(await runningDaemons(folder)).toEqual(started);
      const embedded = chooseBackends({ kafka: "embedded", mongo: "mongodb://127.0.0.1:1" }, os.tmpdir());
      await expect(startDaemons({ root: folder, backends: embedded, kafkaPort: 0 })).rejects.toThrow('End it with "streamlab down" first');
    } finally {
      await stopDaemons(folder);
    }
    expect(await javasOf(folder)).toEqual([]);
  });
});
