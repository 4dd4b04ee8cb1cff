import { execFile, spawn } from "node:child_process";
import fs from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { requireOracle } from "../../tests/oracle.ts";
import { startBroker, type Broker } from "./broker.ts";

const kcat = requireOracle("kcat", "librdkafka against the broker");
const run = promisify(execFile);

describe.runIf(kcat !== undefined)("kcat (librdkafka)", () => {
  let folder: string;
  let broker: Broker;
  beforeAll(async () => {
    folder = await fs.mkdtemp(path.join(os.tmpdir(), "broker-kcat-"));
    broker = await startBroker({ dataDir: folder, defaultPartitions: 1 });
  });
  afterAll(async () => {
    await broker.close();
    await fs.rm(folder, { recursive: true, force: true });
  });

  const ask = async (...args: string[]): Promise<string> =>
    (await run(kcat ?? "", ["-b", broker.address, ...args], { timeout: 20_000 })).stdout;

  async function produce(input: string, ...args: string[]): Promise<void> {
    const child = spawn(kcat ?? "", ["-b", broker.address, "-P", ...args], { stdio: ["pipe", "ignore", "pipe"] });
    let complaint = "";
    child.stderr.on("data", (chunk: Buffer) => (complaint += chunk.toString()));
    child.stdin.end(input);
    const code = await new Promise((resolve) => child.once("close", resolve));
    expect(code, complaint).toBe(0);
  }

  const lines = (name: string): string[] => Array.from({ length: 200 }, (_, i) => `${name} ${i}`);

  test.each(["none", "gzip", "snappy", "lz4", "zstd"])("what is produced with compression %s is consumed in order", async (codec) => {
    const topic = `kcat-${codec}`;
    await produce(lines(codec).join("\n"), "-t", topic, "-z", codec, "-X", "enable.idempotence=true");
    const got = await ask("-C", "-t", topic, "-o", "beginning", "-e", "-q", "-f", "%o %s\n");
    expect(got.trim().split("\n")).toEqual(lines(codec).map((line, offset) => `${offset} ${line}`));
  });

  test("keys, headers, null values and a start within a batch", async () => {
    await produce("a:1\nb:2\nc:3\n", "-t", "kcat-parts", "-K", ":", "-H", "unit=°C");
    const got = await ask("-C", "-t", "kcat-parts", "-o", "1", "-e", "-q", "-f", "%o %k %s %h\n");
    expect(got).toBe("1 b 2 unit=°C\n2 c 3 unit=°C\n");
  });

  test("a group reads, commits, and goes on behind its commit", async () => {
    await produce("one\ntwo\n", "-t", "kcat-group");
    const read = () => ask("-G", "kcat-g", "-X", "auto.offset.reset=earliest", "-e", "-q", "kcat-group");
    expect(await read()).toBe("one\ntwo\n");
    await produce("three\n", "-t", "kcat-group");
    expect(await read()).toBe("three\n");
  });

  test("-L lists broker, topics and partitions; -Q finds offsets by time", async () => {
    await produce("x\n", "-t", "kcat-list");
    const listed = JSON.parse(await ask("-L", "-J", "-t", "kcat-list")) as { brokers: unknown; topics: unknown };
    expect(listed.brokers).toEqual([{ id: 1, name: broker.address }]);
    expect(listed.topics).toMatchObject([{ topic: "kcat-list", partitions: [{ partition: 0, leader: 1, isrs: [{ id: 1 }] }] }]);
    expect(await ask("-Q", "-t", "kcat-list:0:0")).toContain("offset 0");
    expect(await ask("-Q", "-t", "kcat-list:0:-1")).toContain("offset 1");
  });
});
