import { fork, type ChildProcess } from "node:child_process";
import fs from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { createRandom, type Random } from "../../src/base/random.ts";
import { connectForRequests, type RequestConnection } from "../../src/kafka-protocol/request-connection.ts";
import {
  addOffsets,
  addPartitions,
  commitOffset,
  committedOffset,
  createTopic,
  endOffset,
  endTransaction,
  initialized,
  produce,
  readAll,
} from "./transaction-client.ts";

const MAIN = path.join(import.meta.dirname, "../../src/broker/main.ts");
const children: ChildProcess[] = [];
let folder: string;
beforeAll(async () => {
  folder = await fs.mkdtemp(path.join(os.tmpdir(), "transactions-kill-"));
});
afterEach(() => {
  for (const child of children.splice(0)) child.kill("SIGKILL");
});
afterAll(() => fs.rm(folder, { recursive: true, force: true }));

interface Running {
  readonly child: ChildProcess;
  readonly client: RequestConnection;
  readonly exited: Promise<void>;
}

async function start(dataDir: string, failAt?: string): Promise<Running> {
  const env = { ...process.env, ...(failAt === undefined ? {} : { LAB_FAIL: failAt }) };
  const child = fork(MAIN, ["--data", dataDir, "--port", "0"], { execArgv: [], stdio: ["ignore", "ignore", "pipe", "ipc"], env });
  children.push(child);
  let complaint = "";
  child.stderr?.on("data", (chunk: Buffer) => (complaint += chunk.toString()));
  const exited = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  const { port } = await Promise.race([
    new Promise<{ port: number }>((resolve) => child.once("message", (got) => resolve(got as { port: number }))),
    exited.then(() => Promise.reject(new Error(`the broker ended: ${complaint}`))),
  ]);
  return { child, client: await connectForRequests({ host: "127.0.0.1", port }), exited };
}

async function stop({ child, client, exited }: Running): Promise<void> {
  client.close();
  child.kill("SIGTERM");
  await exited;
}

const ID = "counter";
const GROUP = "counters";
const PARTITIONS = [0, 1, 2];

/**
 * An application that counts: each transaction writes the next numbers to all partitions and commits as its offset how far it has come, so
 * that the offset tells what the partitions must hold. Begins where the committed offset says, as after any crash. Ends when the broker does.
 */
async function countOn(client: RequestConnection, random: Random, ended: (transactions: number) => void): Promise<void> {
  const producer = await initialized(client, ID);
  const stored = await committedOffset(client, GROUP, "t");
  let next = Math.max(0, Number(stored));
  const sequences = [0, 0, 0];
  for (let transactions = 1; ; transactions++) {
    const count = 1 + random.below(4);
    const values = Array.from({ length: count }, (_, i) => String(next + i));
    expect(await addPartitions(client, ID, producer, "t", PARTITIONS)).toEqual(["NONE", "NONE", "NONE"]);
    const sent = PARTITIONS.map(async (partition) => {
      const target = { topic: "t", partition, transactionalId: ID };
      expect((await produce(client, target, producer, sequences[partition] as number, values)).error).toBe("NONE");
      sequences[partition] = (sequences[partition] as number) + count;
    });
    await Promise.all(sent);
    expect(await addOffsets(client, ID, producer, GROUP)).toBe("NONE");
    expect(await commitOffset(client, ID, producer, GROUP, "t", next + count)).toBe("NONE");
    const isCommit = random.below(4) > 0;
    const end = endTransaction(client, ID, producer, isCommit);
    ended(transactions);
    expect(await end).toBe("NONE");
    if (isCommit) next += count;
  }
}

const isGone = (thrown: unknown): boolean => thrown instanceof Error && /ended|ECONN|EPIPE|socket/i.test(thrown.message);

async function expectExactlyOnce(client: RequestConnection, seed: string): Promise<number> {
  await initialized(client, ID);
  const offset = await committedOffset(client, GROUP, "t");
  const count = Math.max(0, Number(offset));
  const numbers = Array.from({ length: count }, (_, i) => String(i));
  for (const partition of PARTITIONS) {
    expect(await endOffset(client, "t", true, partition), seed).toBe(await endOffset(client, "t", false, partition));
    for (const maxBytes of [700, 1_000_000]) {
      expect(await readAll(client, "t", { isCommitted: true, partition, maxBytes }), `${seed}, partition ${partition}`).toEqual(numbers);
    }
  }
  return count;
}

test.each([
  { seed: 1, failAt: "transaction.decided:5" },
  { seed: 2, failAt: "transaction.marked:4" },
  { seed: 3, failAt: "transaction.complete:6" },
  { seed: 4, failAt: undefined },
  { seed: 5, failAt: undefined },
])("kill −9 while transactions end leaves every number exactly once, offsets and partitions as one (seed $seed, $failAt)", async (how) => {
  const random = createRandom(how.seed);
  const dataDir = path.join(folder, `seed-${how.seed}`);
  const rounds = 2;
  let before = 0;
  for (let round = 0; ; round++) {
    const running = await start(dataDir, round < rounds ? how.failAt : undefined);
    if (round === 0) await createTopic(running.client, "t", PARTITIONS.length, { "internal.segment.bytes": "4000" });
    else {
      const count = await expectExactlyOnce(running.client, `seed ${how.seed}, round ${round}`);
      expect(count).toBeGreaterThanOrEqual(before);
      before = count;
    }
    if (round === rounds) {
      await stop(running);
      break;
    }
    const killAt = 3 + random.below(25);
    await countOn(running.client, random, (transactions) => {
      if (how.failAt === undefined && transactions === killAt) running.child.kill("SIGKILL");
    }).catch((thrown: unknown) => {
      if (!isGone(thrown)) throw thrown;
    });
    await running.exited;
  }
  expect(before).toBeGreaterThan(0);
});

test("kill −9 with a transaction open: it is still open, may go on, and hides what is behind it until a successor comes", async () => {
  const dataDir = path.join(folder, "open");
  const first = await start(dataDir);
  await createTopic(first.client, "t", 1);
  const producer = await initialized(first.client, ID);
  await addPartitions(first.client, ID, producer, "t", [0]);
  const target = { topic: "t", transactionalId: ID };
  await produce(first.client, target, producer, 0, ["open"]);
  await addOffsets(first.client, ID, producer, GROUP);
  await commitOffset(first.client, ID, producer, GROUP, "t", 7);
  first.child.kill("SIGKILL");
  await first.exited;
  const second = await start(dataDir);
  expect(await endOffset(second.client, "t", true)).toBe(0);
  expect(await committedOffset(second.client, GROUP, "t")).toBe("UNSTABLE_OFFSET_COMMIT");
  expect(await produce(second.client, target, producer, 1, ["after the crash"])).toEqual({ error: "NONE", baseOffset: 1 });
  await initialized(second.client, ID);
  expect(await endOffset(second.client, "t", true)).toBe(3);
  expect(await readAll(second.client, "t", { isCommitted: true })).toEqual([]);
  expect(await committedOffset(second.client, GROUP, "t")).toBe(-1);
  await stop(second);
});

test("a producer goes on after kill −9 where it was: duplicates are known, gaps refused, the epoch counted on", async () => {
  const dataDir = path.join(folder, "sequences");
  const first = await start(dataDir);
  await createTopic(first.client, "t", 1);
  const producer = await initialized(first.client, ID);
  const target = { topic: "t", transactionalId: ID };
  await addPartitions(first.client, ID, producer, "t", [0]);
  for (let sequence = 0; sequence < 3; sequence++) await produce(first.client, target, producer, sequence, [`v${sequence}`]);
  first.child.kill("SIGKILL");
  await first.exited;
  const second = await start(dataDir);
  expect(await produce(second.client, target, producer, 2, ["v2"])).toEqual({ error: "NONE", baseOffset: 2 });
  expect((await produce(second.client, target, producer, 4, ["v4"])).error).toBe("OUT_OF_ORDER_SEQUENCE_NUMBER");
  expect((await produce(second.client, target, producer, 3, ["v3"])).error).toBe("NONE");
  expect(await endTransaction(second.client, ID, producer, true)).toBe("NONE");
  expect(await readAll(second.client, "t", { isCommitted: true })).toEqual(["v0", "v1", "v2", "v3"]);
  expect(await initialized(second.client, ID)).toEqual({ id: producer.id, epoch: producer.epoch + 1 });
  await stop(second);
});

test("a transaction that the coordinator lost in a power cut is aborted at the start: nobody waits for it for ever", async () => {
  const dataDir = path.join(folder, "lost");
  const first = await start(dataDir);
  await createTopic(first.client, "t", 1);
  const producer = await initialized(first.client, ID);
  await addPartitions(first.client, ID, producer, "t", [0]);
  await produce(first.client, { topic: "t", transactionalId: ID }, producer, 0, ["hanging"]);
  await addOffsets(first.client, ID, producer, GROUP);
  await commitOffset(first.client, ID, producer, GROUP, "t", 7);
  first.child.kill("SIGKILL");
  await first.exited;
  await fs.truncate(path.join(dataDir, "transactions.journal"), 0);
  const second = await start(dataDir);
  expect(await endOffset(second.client, "t", true)).toBe(2);
  expect(await readAll(second.client, "t", { isCommitted: true })).toEqual([]);
  expect(await committedOffset(second.client, GROUP, "t")).toBe(-1);
  expect((await initialized(second.client, ID)).id).not.toBe(producer.id);
  await stop(second);
});
