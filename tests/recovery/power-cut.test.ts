import { cpSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { bootId } from "../../src/base/lock-file.ts";
import { createRandom } from "../../src/base/random.ts";
import { inspectCheckpoint } from "../../src/engine/checkpoint/inspection.ts";
import type { Sink } from "../../src/engine/sinks/sink.ts";
import { BatchKeeper, JOBS, startJob } from "./checkpoint-jobs.ts";

const SEED = Number(process.env.STREAMLAB_SEED ?? Date.now() % 100_000);
const CUT_IN = 3;

let folder = "";
beforeEach(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), "streamlab-power-"));
});
afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

/** What the disk has after a power cut at this moment, in the worst case: the journal, but of the batches' files any may be empty or missing. */
function cutPower(checkpoint: string, random: ReturnType<typeof createRandom>): string {
  const cut = path.join(folder, "cut");
  cpSync(checkpoint, cut, { recursive: true });
  for (const name of readdirSync(cut, { recursive: true }) as string[]) {
    if (!/^(offsets|commits|state)[\\/].*\d/.test(name) || !/\d(\.delta)?$/.test(name) || !name.includes(path.sep)) continue;
    const file = path.join(cut, name);
    if (/^state[\\/]\d+([\\/]\d+)?$/.test(name)) continue;
    const fate = random.between(0, 3);
    if (fate < 1) rmSync(file);
    else if (fate < 2) truncateSync(file, 0);
  }
  const journal = path.join(cut, "journal");
  for (const name of readdirSync(journal)) {
    const bytes = readFileSync(path.join(journal, name));
    bytes.write("another boot".padEnd(bootId().length, "."), 8);
    writeFileSync(path.join(journal, name), bytes);
  }
  return cut;
}

/** The rows of each batch; the matches of a join come in no set order. */
function inAnyOrder(keeper: BatchKeeper): (readonly [batchId: number, rows: readonly string[]])[] {
  return keeper.from(0).map(([batchId, rows]) => [batchId, rows.map((row) => JSON.stringify(row)).sort()]);
}

describe.each(JOBS)("%s", (job) => {
  test.each(["w3", "w4"] as const)(
    `a power cut after %s of batch ${CUT_IN} that takes any files: the checkpoint is sound, and the same results follow (seed ${SEED})`,
    async (step) => {
      const random = createRandom(SEED);
      const whole = new BatchKeeper();
      const plain = await startJob(job, path.join(folder, "plain"), whole);
      await plain.processAllAvailable();
      await plain.stop();

      const checkpoint = path.join(folder, "checkpoint");
      const kept = new BatchKeeper();
      const atCut = new BatchKeeper();
      let cut = "";
      const strike = (): void => {
        if (cut !== "") return;
        cut = cutPower(checkpoint, random);
        for (const [id, rows] of kept.batches) atCut.batches.set(id, rows);
      };
      const sink: Sink = {
        description: kept.description,
        write: async (batch) => {
          await kept.write(batch);
          if (batch.batchId === CUT_IN && step === "w3") strike();
        },
        close: () => Promise.resolve(),
      };
      const first = await startJob(job, checkpoint, sink, { onLatest: (from) => step === "w4" && from === CUT_IN + 1 && strike() });
      await first.processAllAvailable();
      await first.stop();
      expect(cut).not.toBe("");

      const { faults, begun, committed } = await inspectCheckpoint(cut);
      expect(faults).toEqual([]);
      expect([begun?.batchId, committed?.batchId]).toEqual([CUT_IN, step === "w3" ? CUT_IN - 1 : CUT_IN]);
      rmSync(path.join(cut, "lock"));
      const again = await startJob(job, cut, atCut);
      await again.processAllAvailable();
      await again.stop();
      expect(inAnyOrder(atCut)).toEqual(inAnyOrder(whole));
    },
  );
});
