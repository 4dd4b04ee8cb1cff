import { mkdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { createRandom } from "../../base/random.ts";
import { createSession } from "../api/session.ts";
import { foreachSink } from "../sinks/builtin.ts";
import { avg, count } from "../functions/api/aggregates.ts";
import { window } from "../functions/api/windows.ts";
import type { Row } from "../types/data-type.ts";
import { double, string, struct, timestamp } from "../types/schema-builder.ts";
import { stepsFormat } from "./steps-source.ts";

const readings = struct({ ts: timestamp(), device: string(), value: double() });

/** The input of the recovery tests: some rows late, some without a time. */
function recoverySteps(seed: number): Row[][] {
  const random = createRandom(seed);
  return Array.from({ length: 6 }, (_, step) =>
    Array.from({ length: 20 }, (): Row => {
      const us =
        Math.floor((step * 8 + random.between(0, 10) - (random.next() < 0.2 ? random.between(10, 60) : 0)) * 1e6) + 1_767_225_600_000_000;
      return [random.next() < 0.05 ? null : us, random.pick(["a", "b", "c"]), Math.round(random.between(-50, 150))];
    }),
  );
}

/**
 * A program that runs one query to the end of its input: state and commits in `folder/checkpoint`, every result row as a file of its own in
 * `folder/out`, named by its key, so that writing it twice is writing it once. A failpoint (LAB_FAIL) kills it in between.
 */
async function main(folder: string, seed: number): Promise<void> {
  const out = path.join(folder, "out");
  await mkdir(out, { recursive: true });
  const session = createSession({ formats: [stepsFormat(readings, recoverySteps(seed))] });
  const frame = session.readStream.format("steps").schema(readings).load();
  const query = await frame
    .withWatermark("ts", "10 seconds")
    .groupBy((row) => ({ window: window(row.ts, "5 seconds"), device: row.device }))
    .agg((row) => ({ n: count(), mean: avg(row.value) }))
    .writeStream.outputMode("update")
    .option("checkpointLocation", path.join(folder, "checkpoint"))
    .sink(
      foreachSink(async (row) => {
        const [[start], device] = row as [[number, number], string];
        await writeFile(path.join(out, `${start}-${device}`), JSON.stringify(row));
      }),
    )
    .start();
  await query.processAllAvailable();
  await query.stop();
}

if (import.meta.main) await main(process.argv[2] ?? "", Number(process.argv[3]));
