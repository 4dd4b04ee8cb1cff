import { mkdtemp, readdir, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { createSession } from "../api/session.ts";
import { col } from "../columns/column.ts";
import { count, sum } from "../functions/api/aggregates.ts";
import { window } from "../functions/api/windows.ts";
import type { Format } from "../formats.ts";
import type { SinkBatch } from "../sinks/sink.ts";
import type { Row } from "../types/data-type.ts";
import { double, string, struct, timestamp } from "../types/schema-builder.ts";
import type { StreamingQueryProgress } from "./progress.ts";
import { stepsFormat } from "./steps-source.ts";
import type { StreamingQuery } from "./streaming-query.ts";
import type { TriggerOptions } from "./trigger.ts";

const ROWS = 10_000;
const BASE_US = 1_767_225_600_000_000;
const schema = struct({ ts: timestamp(), device: string(), value: double() });

/** Each step is twenty seconds on; some of its rows are a minute old, and late from the third step on. */
const STEPS: readonly (readonly Row[])[] = Array.from({ length: 4 }, (_, step) =>
  Array.from({ length: ROWS }, (_, i): Row => {
    const seconds = step * 20 + (i % 20) - (i % 97 === 0 ? 60 : 0);
    return [BASE_US + seconds * 1_000_000, i % 3 === 0 ? "a" : "b", i % 7];
  }),
);

let checkpoint: string;
let reads: number[];
beforeEach(async () => {
  checkpoint = await mkdtemp(path.join(os.tmpdir(), "streamlab-ahead-"));
  reads = [];
});
afterEach(() => rm(checkpoint, { recursive: true, force: true }));

/** The steps, with a list of what was asked to be read. */
function watched(): Format {
  const format = stepsFormat(schema, STEPS);
  return {
    ...format,
    openSource: async (context) => {
      const source = await format.openSource?.(context);
      if (!source) throw new Error("no source");
      const read: typeof source.read = (from, to, signal) => {
        reads.push(Number(to));
        return source.read(from, to, signal);
      };
      return { ...source, read };
    },
  };
}

interface Run {
  readonly query: StreamingQuery;
  readonly batches: SinkBatch[];
  readonly progress: StreamingQueryProgress[];
}

async function start(trigger: TriggerOptions, write?: (batch: SinkBatch) => Promise<void>): Promise<Run> {
  const session = createSession({ formats: [watched()] });
  const batches: SinkBatch[] = [];
  const progress: StreamingQueryProgress[] = [];
  session.streams.addListener({ onQueryProgress: (event) => void progress.push(event.progress) });
  const query = await session.readStream
    .format("steps")
    .load()
    .withWatermark("ts", "5 seconds")
    .groupBy(() => ({ window: window(col("ts"), "10 seconds"), device: col("device") }))
    .agg(() => ({ n: count(), total: sum(col("value")) }))
    .writeStream.outputMode("append")
    .option("checkpointLocation", checkpoint)
    .trigger(trigger)
    .sink({
      description: "watched",
      write: async (batch) => {
        await write?.(batch);
        batches.push(batch);
      },
      close: () => Promise.resolve(),
    })
    .start();
  return { query, batches, progress };
}

const rowsOf = (batches: readonly SinkBatch[]): unknown => batches.map(({ batchId, rows }) => [batchId, rows]);

const numbersOf = (progress: readonly StreamingQueryProgress[]): unknown =>
  progress.map(({ batchId, numInputRows, eventTime, stateOperators, sources }) => ({
    batchId,
    numInputRows,
    eventTime,
    state: stateOperators.map(({ numRowsTotal, numRowsUpdated, numRowsDroppedByWatermark }) => [
      numRowsTotal,
      numRowsUpdated,
      numRowsDroppedByWatermark,
    ]),
    offsets: sources.map(({ startOffset, endOffset }) => [startOffset, endOffset]),
    metrics: sources.map(({ metrics }) => metrics),
  }));

/** What the same steps give one batch after the other, nothing read ahead. */
async function inTurn(): Promise<{ readonly rows: unknown; readonly numbers: unknown }> {
  const folder = checkpoint;
  checkpoint = path.join(folder, "in-turn");
  const { query, batches, progress } = await start({ processingTime: "1 millisecond" });
  await query.processAllAvailable();
  await query.stop();
  checkpoint = path.join(folder, "ahead");
  return { rows: rowsOf(batches), numbers: numbersOf(progress) };
}

const numbered = async (log: string): Promise<string[]> =>
  (await readdir(path.join(checkpoint, log)).catch(() => [])).filter((name) => /^\d+$/.test(name)).sort();

test("the next range is read while the sink writes, and logged only when the batch before it is committed", async () => {
  const seen: string[] = [];
  const { query } = await start({ availableNow: true }, async ({ batchId }) => {
    if (batchId < STEPS.length - 1) await vi.waitFor(() => expect(reads).toContain(batchId + 2), { timeout: 10_000 });
    const [offsets, commits] = [await numbered("offsets"), await numbered("commits")];
    seen.push(`${batchId}: ${String(offsets.at(-1))} ${String(commits.at(-1))}`);
  });
  await query.awaitTermination();
  expect(seen.slice(0, 4)).toEqual(["0: 0 undefined", "1: 1 0", "2: 2 1", "3: 3 2"]);
});

test("batches that were read ahead have the rows, watermarks, late rows and state of batches run in turn", async () => {
  const expected = await inTurn();
  const { query, batches, progress } = await start({ processingTime: "0 seconds" });
  await query.processAllAvailable();
  await query.stop();
  expect(rowsOf(batches)).toEqual(expected.rows);
  expect(numbersOf(progress)).toEqual(expected.numbers);
});

test("what was read ahead of a batch that the sink refuses is read again by the next start, with the same results", async () => {
  const expected = await inTurn();
  const first = await start({ availableNow: true }, async ({ batchId }) => {
    if (batchId !== 1) return;
    await vi.waitFor(() => expect(reads).toContain(3), { timeout: 10_000 });
    throw new Error("the sink is gone");
  });
  await expect(first.query.awaitTermination()).rejects.toThrow("the sink is gone");
  expect(await numbered("offsets")).toEqual(["0", "1"]);
  const second = await start({ processingTime: "0 seconds" });
  await second.query.processAllAvailable();
  await second.query.stop();
  expect(rowsOf([...first.batches, ...second.batches])).toEqual(expected.rows);
});

test("a stop while the sink writes leaves no trace of what was read ahead", async () => {
  let release = (): void => undefined;
  const written = new Promise<void>((resolve) => (release = resolve));
  const { query, batches } = await start({ availableNow: true }, () => written);
  await vi.waitFor(() => expect(reads).toContain(2), { timeout: 10_000 });
  const stopped = query.stop();
  release();
  await stopped;
  expect(batches.map(({ batchId }) => batchId)).toEqual([0]);
  expect([await numbered("offsets"), await numbered("commits")]).toEqual([["0"], ["0"]]);
});
