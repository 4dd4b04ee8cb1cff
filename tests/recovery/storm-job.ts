import { mkdirSync, writeFileSync, writeSync } from "node:fs";
import path from "node:path";
import { createInterface } from "node:readline";
import { createRandom } from "../../src/base/random.ts";
import { createSession } from "../../src/engine/api/session.ts";
import { count, sum } from "../../src/engine/functions/api/aggregates.ts";
import { window } from "../../src/engine/functions/api/windows.ts";
import { stepsFormat } from "../../src/engine/query/steps-source.ts";
import type { StreamingQuery } from "../../src/engine/query/streaming-query.ts";
import type { Sink } from "../../src/engine/sinks/sink.ts";
import type { Row } from "../../src/engine/types/data-type.ts";
import { bigint, double, string, struct, timestamp } from "../../src/engine/types/schema-builder.ts";

/** The input's columns: event time, device, value, and a number that is every row's own, but for rows that are sent again. */
const schema = struct({ ts: timestamp(), device: string(), value: double(), id: bigint() });

/** How many batches a job has. */
export const STORM_BATCHES = 10;

/** What is done with the input: windows written by key, duplicates removed or rows filtered into files, every row sent to Kafka. */
export const STORM_JOBS = ["windows", "duplicates", "filter"] as const;
export type StormJob = (typeof STORM_JOBS)[number] | "kafka";

export const stormJob = (seed: number): StormJob => STORM_JOBS[seed % STORM_JOBS.length] ?? "windows";

/** The input of a seed, a step for each batch: out of order, but never so far that a row is late; one row in ten comes again. */
export function stormSteps(seed: number): Row[][] {
  const random = createRandom(seed).fork("input");
  const sent: Row[] = [];
  return Array.from({ length: STORM_BATCHES }, (_, step) =>
    Array.from({ length: 15 }, (): Row => {
      const again = sent.at(-1 - random.below(12));
      if (again && random.next() < 0.1) return again;
      const seconds = step * 8 + random.between(0, 8) - (random.next() < 0.3 ? random.between(0, 4) : 0);
      const row: Row = [
        Math.floor(seconds * 1e6) + 1_767_225_600_000_000,
        random.pick(["a", "b", "ü"]),
        random.below(200) - 50,
        sent.length,
      ];
      sent.push(row);
      return row;
    }),
  );
}

/** Starts the job of a seed in its folder: the checkpoint and the results lie in there. */
export async function startStormJob(
  folder: string,
  seed: number,
  job: StormJob,
  onBatch: (batchId: number) => void,
): Promise<StreamingQuery> {
  const kafka = job === "kafka" ? [(await import("../../src/kafka/source.ts")).kafkaFormat] : [];
  const session = createSession({ formats: [stepsFormat(schema, stormSteps(seed)), ...kafka] });
  session.streams.addListener({ onQueryProgress: ({ progress }) => onBatch(progress.batchId) });
  const frame = session.readStream.format("steps").schema(schema).load();
  const results = path.join(folder, "results");
  const checkpoint = path.join(folder, "checkpoint");
  if (job === "filter")
    return frame
      .where((row) => row.value.gt(0))
      .writeStream.format("json")
      .options({ path: results, checkpointLocation: checkpoint })
      .start();
  if (job === "duplicates")
    return frame
      .withWatermark("ts", "20 seconds")
      .dropDuplicates("id", "ts")
      .writeStream.format("json")
      .options({ path: results, checkpointLocation: checkpoint })
      .start();
  if (job === "kafka")
    return frame
      .select((row) => ({ value: row.id.cast("string") }))
      .writeStream.format("kafka")
      .options({ brokers: process.env.STORM_KAFKA ?? "", topic: process.env.STORM_TOPIC ?? "", checkpointLocation: checkpoint })
      .start();
  mkdirSync(results, { recursive: true });
  return frame
    .withWatermark("ts", "20 seconds")
    .groupBy((row) => ({ window: window(row.ts, "5 seconds"), device: row.device }))
    .agg((row) => ({ n: count(), total: sum(row.value) }))
    .writeStream.outputMode("update")
    .option("checkpointLocation", checkpoint)
    .sink(filePerRow(results))
    .start();
}

/** Writes every row as a file of its own, named by its key: writing it twice is writing it once. */
function filePerRow(folder: string): Sink {
  return {
    description: "a file a window",
    write: ({ rows }) => {
      for (const row of rows) {
        const [[start], device] = row as [[number, number], string];
        writeFileSync(path.join(folder, `${start}-${device}`), JSON.stringify(row));
      }
      return Promise.resolve();
    },
    close: () => Promise.resolve(),
  };
}

/**
 * Runs the jobs of the given seeds, each from its checkpoint to the end of its input, and says every batch that is committed and every job that is
 * done; after each it waits for a line before it begins the next.
 */
async function main(folder: string, kafka: boolean, seeds: readonly number[]): Promise<void> {
  const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
  for (const seed of seeds) {
    const job = kafka ? "kafka" : stormJob(seed);
    const query = await startStormJob(path.join(folder, String(seed)), seed, job, (batchId) => writeSync(1, `batch ${batchId}\n`));
    await query.processAllAvailable();
    await query.stop();
    writeSync(1, `done ${seed}\n`);
    if ((await lines.next()).done) break;
  }
  process.exit(0);
}

if (import.meta.main) {
  const [folder = "", kind = "", ...seeds] = process.argv.slice(2);
  await main(folder, kind === "kafka", seeds.map(Number));
}
