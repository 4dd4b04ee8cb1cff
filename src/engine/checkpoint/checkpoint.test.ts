import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { openCheckpoint } from "./checkpoint.ts";
import type { Checkpoint } from "./checkpoint.ts";
import { CheckpointError } from "./checkpoint-error.ts";
import { syncedFiles } from "./durable-files.ts";

const shape = { sources: 1, state: ["stateStoreSave"] };
let folder: string;
let open: Checkpoint[] = [];

beforeEach(async () => {
  folder = path.join(await mkdtemp(path.join(os.tmpdir(), "streamlab-checkpoint-")), "q");
});
afterEach(async () => {
  for (const one of open) await one.close();
  open = [];
  await rm(path.dirname(folder), { recursive: true, force: true });
});

async function openIt(as: { sources: number; state: readonly string[] } = shape): Promise<Checkpoint> {
  const checkpoint = await openCheckpoint(folder, as, syncedFiles);
  open.push(checkpoint);
  return checkpoint;
}

async function twoBatches(): Promise<void> {
  const checkpoint = await openIt();
  await checkpoint.initialOffset(0, () => Promise.resolve({ t: { "0": 5 } }));
  for (const id of [0, 1]) {
    await checkpoint.writeOffsets(id, {
      batchWatermarkMs: id * 10,
      batchTimestampMs: 1000 + id,
      conf: { a: "b" },
      offsets: [{ t: { "0": id } }],
    });
    await checkpoint.writeCommit(id, { nextBatchWatermarkMs: id * 10 + 10 });
  }
  await checkpoint.close();
  open = [];
}

test("what was written is there again: id, offsets, commits, starting offset", async () => {
  await twoBatches();
  const again = await openIt();
  expect(await again.latestOffsets()).toEqual({
    batchId: 1,
    entry: { batchWatermarkMs: 10, batchTimestampMs: 1001, conf: { a: "b" }, offsets: [{ t: { "0": 1 } }] },
  });
  expect(await again.latestCommit()).toEqual({ batchId: 1, entry: { nextBatchWatermarkMs: 20 } });
  expect(await again.initialOffset(0, () => Promise.reject(new Error("asked twice")))).toEqual({ t: { "0": 5 } });
  expect((await readdir(folder)).sort()).toEqual(["commits", "lock", "metadata", "offsets", "sources"]);
});

test("a second run is refused at once, and names the holder", async () => {
  await openIt();
  await expect(openIt()).rejects.toThrow(`process ${process.pid} is writing to it`);
});

test("the lock of a process that is gone is taken over", async () => {
  await twoBatches();
  for (const stale of [
    { pid: 2 ** 22 - 1, bootId: "another boot", processStart: "1", token: "x" },
    {
      pid: process.pid,
      bootId: (await readFile("/proc/sys/kernel/random/boot_id", "utf8").catch(() => "")).trim(),
      processStart: "1",
      token: "x",
    },
  ]) {
    await writeFile(path.join(folder, "lock"), JSON.stringify(stale));
    await (await openIt()).close();
  }
});

test("a run that lost its lock writes nothing more", async () => {
  const zombie = await openIt();
  await writeFile(path.join(folder, "lock"), JSON.stringify({ pid: 1, bootId: "", processStart: "", token: "another run" }));
  await expect(zombie.writeOffsets(0, { batchWatermarkMs: 0, batchTimestampMs: 0, conf: {}, offsets: [null] })).rejects.toMatchObject({
    code: "CHECKPOINT_LOST",
  });
  await expect(zombie.writeCommit(0, { nextBatchWatermarkMs: 0 })).rejects.toMatchObject({ code: "CHECKPOINT_LOST" });
});

test("a flipped byte anywhere in any file stops the start, naming the file", async () => {
  await twoBatches();
  const read = async (): Promise<void> => {
    const checkpoint = await openCheckpoint(folder, shape, syncedFiles);
    try {
      await checkpoint.initialOffset(0, () => Promise.resolve(null));
      await checkpoint.latestOffsets();
      await checkpoint.latestCommit();
    } finally {
      await checkpoint.close();
    }
  };
  await read();
  for (const name of ["metadata", "offsets/1", "commits/1", "sources/0/0"]) {
    const file = path.join(folder, name);
    const good = await readFile(file);
    for (let at = 0; at < good.length; at++) {
      const bad = Buffer.from(good);
      bad[at] = (bad[at] ?? 0) ^ 1;
      await writeFile(file, bad);
      const failure = await read().then(
        () => undefined,
        (thrown: unknown) => thrown,
      );
      expect(failure, `${name}, byte ${at}`).toBeInstanceOf(CheckpointError);
      expect(String(failure)).toContain(file);
    }
    await writeFile(file, good);
  }
});

test.each([
  ["a missing metadata file", async () => rm(path.join(folder, "metadata")), "CHECKPOINT_FOREIGN"],
  ["a missing starting offset", async () => rm(path.join(folder, "sources", "0", "0")), "CHECKPOINT_MISSING"],
  ["a newer format", async () => writeFile(path.join(folder, "offsets", "1"), "v9\n{}\n"), "CHECKPOINT_NEWER"],
  ["a foreign file", async () => writeFile(path.join(folder, "offsets", "1"), "hello\n"), "CHECKPOINT_FOREIGN"],
])("%s is refused", async (_, spoil, code) => {
  await twoBatches();
  await spoil();
  const start = async (): Promise<void> => {
    const checkpoint = await openIt();
    await checkpoint.initialOffset(0, () => Promise.resolve(null));
    await checkpoint.latestOffsets();
  };
  await expect(start()).rejects.toMatchObject({ code });
});

test("a folder of somebody else's is no checkpoint", async () => {
  await mkdir(folder, { recursive: true });
  await writeFile(path.join(folder, "notes.txt"), "mine");
  await expect(openIt()).rejects.toMatchObject({ code: "CHECKPOINT_FOREIGN" });
});

test("another query's checkpoint is refused", async () => {
  await twoBatches();
  await expect(openIt({ sources: 2, state: ["dedupe"] })).rejects.toMatchObject({ code: "CHECKPOINT_OTHER_QUERY" });
});

test("leftovers of interrupted writes are swept and never read", async () => {
  await twoBatches();
  await writeFile(path.join(folder, "offsets", ".2.1.tmp"), "torn");
  const again = await openIt();
  expect((await again.latestOffsets())?.batchId).toBe(1);
  expect(await readdir(path.join(folder, "offsets"))).toEqual(["0", "1"]);
});

test("purge removes entries below a batch only", async () => {
  await twoBatches();
  const again = await openIt();
  await again.purge(1);
  await expect(again.offsets(0)).rejects.toMatchObject({ code: "CHECKPOINT_MISSING" });
  expect((await again.latestOffsets())?.batchId).toBe(1);
});
