import { readdirSync, statSync } from "node:fs";
import path from "node:path";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { createRandom } from "../src/base/random.ts";
import { createSession } from "../src/engine/api/session.ts";
import { count, max, sum } from "../src/engine/functions/api/aggregates.ts";
import { window } from "../src/engine/functions/api/windows.ts";
import type { Format } from "../src/engine/formats.ts";
import type { StreamingQueryProgress } from "../src/engine/query/progress.ts";
import type { StreamingQuery } from "../src/engine/query/streaming-query.ts";
import type { Offset } from "../src/engine/sources/source.ts";
import type { Row } from "../src/engine/types/data-type.ts";
import { double, string, struct, timestamp } from "../src/engine/types/schema-builder.ts";

/** What one process measured. Times in milliseconds. */
export interface GrowthFigures {
  readonly keys: number;
  readonly messagesPerSecond: number;
  /** Growth of the resident set while the state grew, for each key. */
  readonly rssBytesPerKey: number;
  /** Growth of heap and external memory for each key, after a garbage collection: what the keys really hold. */
  readonly liveBytesPerKey: number;
  /** What the state says of itself. */
  readonly stateBytesPerKey: number;
  readonly touchedKeys: number;
  /** Bytes of one batch that touches `touchedKeys`: the median, and the mean with its share of snapshots. */
  readonly checkpointBytes: number;
  readonly checkpointBytesMean: number;
  readonly stateCommitMs: number;
  readonly stateCommitMsMax: number;
  readonly batchMs: number;
  readonly stateFolderBytes: number;
  readonly stateFiles: number;
  /** Of the newest snapshot; 0 without one. */
  readonly snapshotBytes: number;
}

export interface RestartFigures {
  readonly stateFolderBytes: number;
  /** From `start` until the query is ready for its first batch. */
  readonly restartMs: number;
}

export interface OverlapFigures {
  readonly overlap: number;
  readonly messagesPerSecond: number;
  readonly stateRows: number;
}

const BATCH_ROWS = 100_000;
const OVERLAP_ROWS = 20_000;
const OVERLAP_BATCHES = 5;
const TOUCHED = 1000;
/** More than a checkpoint keeps, so that old versions have gone at the end. */
const TOUCHING_BATCHES = 130;
const readings = struct({ ts: timestamp(), device: string(), value: double() });

/** Collects garbage until nothing more goes: the memory of buffers is given back after the collection that found them. */
async function settledMemory(): Promise<NodeJS.MemoryUsage> {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  for (let before = Infinity, round = 0; ; round++) {
    collect();
    await new Promise((resolve) => setImmediate(resolve));
    const memory = process.memoryUsage();
    const live = memory.heapUsed + memory.external;
    if (round >= 2 && live > before * 0.999) return memory;
    before = live;
  }
}

function filesBelow(folder: string): { readonly name: string; readonly bytes: number }[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.join(entry.parentPath, entry.name))
    .map((name) => ({ name, bytes: statSync(name).size }));
}

const total = (files: readonly { readonly bytes: number }[]): number => files.reduce((bytes, file) => bytes + file.bytes, 0);
const median = (figures: readonly number[]): number => [...figures].sort((a, b) => a - b)[figures.length >> 1] ?? 0;

function newestSnapshot(files: readonly { readonly name: string; readonly bytes: number }[]): number {
  const version = (name: string): number => Number.parseInt(path.basename(name), 10);
  return files.filter(({ name }) => name.endsWith(".snapshot")).sort((a, b) => version(b.name) - version(a.name))[0]?.bytes ?? 0;
}

/** A source that gives the rows of one step and keeps nothing of it. */
function stepSource() {
  let rows: readonly Row[] = [];
  let steps = 0;
  let wake = (): void => {};
  const at = (offset: Offset): number => (typeof offset === "number" ? offset : 0);
  const format: Format = {
    name: "growth",
    sourceSchema: () => readings,
    openSource: () =>
      Promise.resolve({
        schema: readings,
        description: "Growth",
        initial: () => Promise.resolve(0),
        latest: (from: Offset) => Promise.resolve(Math.max(at(from), steps)),
        read: async function* () {
          await Promise.resolve();
          yield { kind: "rows" as const, rows };
          rows = [];
        },
        changed: (from: Offset, signal: AbortSignal) =>
          new Promise<void>((resolve, reject) => {
            if (steps > at(from)) return resolve();
            wake = resolve;
            signal.addEventListener("abort", () => reject(signal.reason as Error), { once: true });
          }),
        commit: () => Promise.resolve(),
        close: () => Promise.resolve(),
      }),
  };
  const give = (next: readonly Row[]): void => {
    rows = next;
    steps++;
    wake();
  };
  return { format, give };
}

/** Every row counts in `overlap` sliding windows; 0 groups by the device alone. */
function open(checkpoint: string, onProgress: (progress: StreamingQueryProgress) => void, overlap: number = 0) {
  const { format, give } = stepSource();
  const session = createSession({ formats: [format] });
  session.streams.addListener({ onQueryProgress: ({ progress }) => onProgress(progress) });
  const frame = session.readStream.format("growth").schema(readings).load();
  const start = (): Promise<StreamingQuery> => {
    const grouped =
      overlap === 0
        ? frame.groupBy((row) => ({ device: row.device }))
        : frame
            .withWatermark("ts", "10 seconds")
            .groupBy((row) => ({ window: window(row.ts, `${overlap * 10} seconds`, "10 seconds"), device: row.device }));
    return grouped
      .agg((row) => ({ n: count(), total: sum(row.value), highest: max(row.value) }))
      .writeStream.outputMode("update")
      .option("checkpointLocation", checkpoint)
      .format("noop")
      .start();
  };
  return { give, start };
}

const keyOf = (key: number): string => `sensor-${String(key).padStart(8, "0")}`;

/** Grows a state to `keys`, reads over all of them, then touches few of them batch by batch. */
export async function measureGrowth(keys: number, checkpoint: string): Promise<GrowthFigures> {
  const progress: StreamingQueryProgress[] = [];
  const { give, start } = open(checkpoint, (one) => progress.push(one));
  const query = await start();
  const random = createRandom(1);
  const run = async (rows: readonly Row[]): Promise<StreamingQueryProgress> => {
    give(rows);
    await query.processAllAvailable();
    const last = progress.at(-1);
    if (!last) throw new Error("the query told no progress");
    return last;
  };
  const state = path.join(checkpoint, "state");
  await run(Array.from({ length: BATCH_ROWS }, (): Row => [0, keyOf(0), 1]));
  await run([[0, keyOf(0), 1]]);
  const before = await settledMemory();
  for (let from = 0; from < keys; from += BATCH_ROWS)
    await run(Array.from({ length: Math.min(BATCH_ROWS, keys - from) }, (_, i): Row => [0, keyOf(from + i), i]));
  await run([[0, keyOf(0), 1]]);
  const after = await settledMemory();
  const live = (memory: NodeJS.MemoryUsage): number => memory.heapUsed + memory.external;

  let ms = 0;
  const rounds = 5;
  for (let round = 0; round < rounds; round++) {
    const rows = Array.from({ length: BATCH_ROWS }, (): Row => [0, keyOf(Math.floor(random.next() * keys)), random.next()]);
    const began = performance.now();
    await run(rows);
    ms += performance.now() - began;
  }

  const written: number[] = [];
  const commits: number[] = [];
  const batches: number[] = [];
  for (let batch = 0; batch < TOUCHING_BATCHES; batch++) {
    const known = new Set(filesBelow(state).map((file) => file.name));
    const last = await run(Array.from({ length: TOUCHED }, (): Row => [0, keyOf(Math.floor(random.next() * keys)), 1]));
    written.push(total(filesBelow(state).filter((file) => !known.has(file.name))));
    commits.push(last.stateOperators[0]?.commitTimeMs ?? 0);
    batches.push(last.batchDuration);
  }
  const stateBytes = progress.at(-1)?.stateOperators[0]?.memoryUsedBytes ?? 0;
  await query.stop();
  if (query.exception) throw query.exception;
  const files = filesBelow(state);
  return {
    keys,
    messagesPerSecond: Math.round((rounds * BATCH_ROWS * 1000) / ms),
    rssBytesPerKey: Math.round((after.rss - before.rss) / keys),
    liveBytesPerKey: Math.round((live(after) - live(before)) / keys),
    stateBytesPerKey: Math.round(stateBytes / keys),
    touchedKeys: Math.min(TOUCHED, keys),
    checkpointBytes: median(written),
    checkpointBytesMean: Math.round(written.reduce((sum, one) => sum + one, 0) / written.length),
    stateCommitMs: median(commits),
    stateCommitMsMax: Math.max(...commits),
    batchMs: median(batches),
    stateFolderBytes: total(files),
    stateFiles: files.length,
    snapshotBytes: newestSnapshot(files),
  };
}

/** What rows cost that count in `overlap` windows each: 100 devices, a second of event time for every 1000 rows. */
export async function measureOverlap(overlap: number, checkpoint: string): Promise<OverlapFigures> {
  let stateRows = 0;
  const { give, start } = open(checkpoint, (one) => (stateRows = one.stateOperators[0]?.numRowsTotal ?? 0), overlap);
  const query = await start();
  let ms = 0;
  for (let step = 0; step < 1 + OVERLAP_BATCHES; step++) {
    const rows = Array.from({ length: OVERLAP_ROWS }, (_, i): Row => [(step * OVERLAP_ROWS + i) * 1000, keyOf(i % 100), i]);
    const began = performance.now();
    give(rows);
    await query.processAllAvailable();
    if (step > 0) ms += performance.now() - began;
  }
  await query.stop();
  if (query.exception) throw query.exception;
  return { overlap, messagesPerSecond: Math.round((OVERLAP_BATCHES * OVERLAP_ROWS * 1000) / ms), stateRows };
}

/** Starts the query again over the state that is there. */
export async function measureRestart(checkpoint: string): Promise<RestartFigures> {
  const stateFolderBytes = total(filesBelow(path.join(checkpoint, "state")));
  const { start } = open(checkpoint, () => {});
  const began = performance.now();
  const query = await start();
  const restartMs = Math.round(performance.now() - began);
  await query.stop();
  return { stateFolderBytes, restartMs };
}

const [what, checkpoint = "", size = "0"] = process.argv.slice(2);
if (import.meta.main) {
  const figures =
    what === "restart"
      ? await measureRestart(checkpoint)
      : what === "overlap"
        ? await measureOverlap(Number(size), checkpoint)
        : await measureGrowth(Number(size), checkpoint);
  process.stdout.write(`${JSON.stringify(figures)}\n`);
}
