import { readdirSync, statSync } from "node:fs";
import path from "node:path";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { createRandom } from "../src/base/random.ts";
import { createSession } from "../src/engine/api/session.ts";
import { count, max, sum } from "../src/engine/functions/functions.ts";
import type { Format } from "../src/engine/formats.ts";
import type { StreamingQueryProgress } from "../src/engine/query/progress.ts";
import type { StreamingQuery } from "../src/engine/query/streaming-query.ts";
import type { Offset } from "../src/engine/sources/source.ts";
import type { Row } from "../src/engine/types/data-type.ts";
import { double, string, struct } from "../src/engine/types/schema-builder.ts";

/** What one process measured. Times in milliseconds. */
export interface GrowthFigures {
  readonly keys: number;
  readonly messagesPerSecond: number;
  /** Growth of the resident set while the state grew, for each key. */
  readonly rssBytesPerKey: number;
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
}

export interface RestartFigures {
  readonly stateFolderBytes: number;
  /** From `start` until the query is ready for its first batch. */
  readonly restartMs: number;
}

const BATCH_ROWS = 100_000;
const TOUCHED = 1000;
const TOUCHING_BATCHES = 30;
const readings = struct({ device: string(), value: double() });

function collectGarbage(): void {
  setFlagsFromString("--expose-gc");
  (runInNewContext("gc") as () => void)();
}

function filesBelow(folder: string): { readonly name: string; readonly bytes: number }[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.join(entry.parentPath, entry.name))
    .map((name) => ({ name, bytes: statSync(name).size }));
}

const total = (files: readonly { readonly bytes: number }[]): number => files.reduce((bytes, file) => bytes + file.bytes, 0);
const median = (figures: readonly number[]): number => [...figures].sort((a, b) => a - b)[figures.length >> 1] ?? 0;

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

function open(checkpoint: string, onProgress: (progress: StreamingQueryProgress) => void) {
  const { format, give } = stepSource();
  const session = createSession({ formats: [format] });
  session.streams.addListener({ onQueryProgress: ({ progress }) => onProgress(progress) });
  const start = (): Promise<StreamingQuery> =>
    session.readStream
      .format("growth")
      .schema(readings)
      .load()
      .groupBy((row) => ({ device: row.device }))
      .agg((row) => ({ n: count(), total: sum(row.value), highest: max(row.value) }))
      .writeStream.outputMode("update")
      .option("checkpointLocation", checkpoint)
      .format("noop")
      .start();
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
  await run(Array.from({ length: BATCH_ROWS }, (): Row => [keyOf(0), 1]));
  collectGarbage();
  const before = process.memoryUsage().rss;
  for (let from = 0; from < keys; from += BATCH_ROWS)
    await run(Array.from({ length: Math.min(BATCH_ROWS, keys - from) }, (_, i): Row => [keyOf(from + i), i]));
  collectGarbage();
  const after = process.memoryUsage().rss;

  let ms = 0;
  const rounds = 5;
  for (let round = 0; round < rounds; round++) {
    const rows = Array.from({ length: BATCH_ROWS }, (): Row => [keyOf(Math.floor(random.next() * keys)), random.next()]);
    const began = performance.now();
    await run(rows);
    ms += performance.now() - began;
  }

  const written: number[] = [];
  const commits: number[] = [];
  const batches: number[] = [];
  for (let batch = 0; batch < TOUCHING_BATCHES; batch++) {
    const known = new Set(filesBelow(state).map((file) => file.name));
    const last = await run(Array.from({ length: TOUCHED }, (): Row => [keyOf(Math.floor(random.next() * keys)), 1]));
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
    rssBytesPerKey: Math.round((after - before) / keys),
    stateBytesPerKey: Math.round(stateBytes / keys),
    touchedKeys: Math.min(TOUCHED, keys),
    checkpointBytes: median(written),
    checkpointBytesMean: Math.round(written.reduce((sum, one) => sum + one, 0) / written.length),
    stateCommitMs: median(commits),
    stateCommitMsMax: Math.max(...commits),
    batchMs: median(batches),
    stateFolderBytes: total(files),
    stateFiles: files.length,
  };
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

const [what, checkpoint = "", keys = "0"] = process.argv.slice(2);
if (import.meta.main) {
  const figures = what === "restart" ? await measureRestart(checkpoint) : await measureGrowth(Number(keys), checkpoint);
  process.stdout.write(`${JSON.stringify(figures)}\n`);
}
