import fs from "node:fs";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { syncBuiltinESMExports } from "node:module";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { inspectCheckpoint } from "../../src/engine/checkpoint/inspection.ts";
import type { Sink } from "../../src/engine/sinks/sink.ts";
import { BatchKeeper, startJob } from "./checkpoint-jobs.ts";

const BATCH = 2;

let folder = "";
let heal = (): void => {};
beforeEach(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), "streamlab-disk-"));
});
afterEach(async () => {
  heal();
  await rm(folder, { recursive: true, force: true });
});

/** Has every file of this process fail in one way until `heal`: fsync, or a write that stops half way. */
function breakDisk(how: "fsync" | "short write"): void {
  const { fsync, fsyncSync, fdatasync, writeSync, writeFileSync } = fs;
  const failure = (): Error => Object.assign(new Error("EIO: i/o error"), { code: "EIO", errno: -5 });
  const half = (file: number, content: string | Uint8Array, ...[offset = 0, length, position]: (number | undefined)[]): never => {
    const bytes = Buffer.from(content as string).subarray(offset);
    writeSync(file, bytes, 0, (length ?? bytes.length) >> 1, position ?? null);
    throw failure();
  };
  const noSync = {
    fsync: (_file: number, done: (error: Error) => void) => setImmediate(() => done(failure())),
    fdatasync: (_file: number, done: (error: Error) => void) => setImmediate(() => done(failure())),
    fsyncSync: () => {
      throw failure();
    },
  };
  Object.assign(fs, how === "fsync" ? noSync : { writeSync: half, writeFileSync: half });
  syncBuiltinESMExports();
  heal = () => {
    Object.assign(fs, { fsync, fsyncSync, fdatasync, writeSync, writeFileSync });
    syncBuiltinESMExports();
    heal = () => {};
  };
}

describe("F16: the disk fails", () => {
  /** W1 and W2 share a sync: what it does not cover is not there. */
  const cases = [
    ["fsync", "w1", { begun: 1, committed: 1 }],
    ["fsync", "w2", { begun: 1, committed: 1 }],
    ["fsync", "w4", { begun: 2, committed: 1 }],
    ["short write", "w1", { begun: 1, committed: 1 }],
    ["short write", "w2", { begun: 1, committed: 1 }],
    ["short write", "w4", { begun: 2, committed: 1 }],
  ] as const;

  test.each(cases)(
    "%s at %s of batch 2: the query ends, the batch is not acknowledged, and a healed disk gives the same results",
    async (how, step, left) => {
      const whole = new BatchKeeper();
      const plain = await startJob("windows", path.join(folder, "plain"), whole);
      await plain.processAllAvailable();
      await plain.stop();

      let armed = false;
      const kept = new BatchKeeper();
      const strike = (at: string): void => {
        if (at !== step || armed) return;
        armed = true;
        breakDisk(how);
      };
      const sink: Sink = {
        description: kept.description,
        write: async (batch) => {
          await kept.write(batch);
          if (batch.batchId === BATCH) strike("w4");
        },
        close: () => Promise.resolve(),
      };
      const checkpoint = path.join(folder, "checkpoint");
      const query = await startJob("windows", checkpoint, sink, {
        onLatest: (from) => from === BATCH && strike("w1"),
        onRead: (from) => from === BATCH && strike("w2"),
      });
      await expect(query.processAllAvailable()).rejects.toThrow(/EIO/);
      expect(query.exception).toBeDefined();
      expect(armed).toBe(true);
      heal();
      const { faults, begun, committed } = await inspectCheckpoint(checkpoint);
      expect({ faults, begun: begun?.batchId, committed: committed?.batchId }).toEqual({ faults: [], ...left });
      expect((await readdir(checkpoint, { recursive: true })).filter((name) => name.endsWith(".tmp"))).toEqual([]);
      if (step !== "w4") expect(kept.batches.has(BATCH)).toBe(false);

      const again = await startJob("windows", checkpoint, kept);
      await again.processAllAvailable();
      await again.stop();
      expect(kept.from(0)).toEqual(whole.from(0));
    },
  );
});
