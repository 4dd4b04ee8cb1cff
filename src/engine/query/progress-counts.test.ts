import { mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { afterAll, expect, test } from "vitest";
import type { Clock } from "../../base/clock.ts";
import { systemClock } from "../../base/clock.ts";
import { createSession } from "../api/session.ts";
import { count } from "../functions/api/aggregates.ts";

const folder = await mkdtemp(path.join(os.tmpdir(), "streamlab-progress-"));
afterAll(() => rm(folder, { recursive: true, force: true }));

/** A clock on which every look takes a millisecond. */
let looks = 0;
const clock: Clock = {
  nowMs: () => systemClock.nowMs(),
  monotonicMs: () => looks++,
  sleep: (ms, signal) => systemClock.sleep(ms, signal),
};

async function land(name: string, lines: string): Promise<void> {
  await writeFile(path.join(folder, `.${name}`), lines);
  await rename(path.join(folder, `.${name}`), path.join(folder, name));
}

test("the progress does not claim what Spark's does not know: the rows of foreachBatch, the end of a folder", async () => {
  await land("a.json", '{"n":1}\n{"n":2}\n');
  const session = createSession();
  const query = await session.readStream
    .schema("n int")
    .json(folder)
    .writeStream.foreachBatch(() => Promise.resolve())
    .start();
  await query.processAllAvailable();
  const { sink, sources } = query.lastProgress ?? {};
  await query.stop();
  expect(sink?.numOutputRows).toBe(-1);
  expect(sources?.[0]).toMatchObject({ numInputRows: 2, endOffset: { logOffset: 0 }, latestOffset: null });
});

test("every operator with state tells the time of its updates, its removals and its own commit", async () => {
  await land("a.json", '{"n":1}\n{"n":2}\n');
  const session = createSession({ clock });
  const frame = session.readStream.schema("n int").json(folder);
  const query = await frame
    .groupBy("n")
    .agg(() => ({ rows: count() }))
    .writeStream.format("noop")
    .outputMode("update")
    .start();
  await query.processAllAvailable();
  const { stateOperators, durationMs } = query.lastProgress ?? {};
  await query.stop();
  const [operator] = stateOperators ?? [];
  expect(operator?.allUpdatesTimeMs).toBeGreaterThan(0);
  expect(operator?.allRemovalsTimeMs).toBeGreaterThan(0);
  expect(operator?.commitTimeMs).toBeGreaterThan(0);
  expect(Object.keys(durationMs ?? {}).sort()).toEqual([
    "addBatch",
    "commitOffsets",
    "getBatch",
    "latestOffset",
    "queryPlanning",
    "triggerExecution",
    "walCommit",
  ]);
});
