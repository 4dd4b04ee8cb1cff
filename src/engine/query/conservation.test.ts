import fc from "fast-check";
import { expect, test } from "vitest";
import type { DataFrame } from "../api/data-frame.ts";
import { createSession } from "../api/session.ts";
import { col } from "../columns/column.ts";
import { count } from "../functions/api/aggregates.ts";
import { explode } from "../functions/api/arrays.ts";
import { split } from "../functions/api/patterns.ts";
import { window } from "../functions/api/windows.ts";
import { double, string, struct, timestamp } from "../types/schema-builder.ts";

const readings = struct({ ts: timestamp(), device: string(), value: double() });
const at = (seconds: number): number => 1_767_225_600_000_000 + seconds * 1_000_000;
const marked = (frame: DataFrame): DataFrame => frame.withWatermark("ts", "7 seconds");

/** One query of each kind: what becomes of a row is counted by the same four names in all of them. */
const KINDS: readonly (readonly [name: string, mode: string, build: (frame: DataFrame) => DataFrame])[] = [
  ["a filter", "append", (frame) => frame.where(col("device").neq("skip"))],
  ["rows taken apart", "append", (frame) => frame.select(explode(split(col("device"), "k")).as("part"))],
  [
    "windows, append",
    "append",
    (frame) =>
      marked(frame)
        .groupBy(window(col("ts"), "10 seconds"))
        .agg(count().as("n")),
  ],
  [
    "windows, update",
    "update",
    (frame) =>
      marked(frame)
        .groupBy(window(col("ts"), "10 seconds", "4 seconds"))
        .agg(count().as("n")),
  ],
  ["groups, complete", "complete", (frame) => frame.groupBy(col("device")).agg(count().as("n"))],
  ["duplicates", "append", (frame) => marked(frame).dropDuplicates("device", "ts")],
  ["duplicates within the watermark", "append", (frame) => marked(frame).dropDuplicatesWithinWatermark("device")],
];

const row = fc.tuple(fc.option(fc.integer({ min: 0, max: 200 }), { freq: 12 }), fc.constantFrom("a", "b", "skip"));

test.each(KINDS)(
  "in every progress of %s, rows read = kept + filtered + late + dead letters",
  { timeout: 60_000 },
  async (_, mode, build) => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.array(row, { maxLength: 10 }), { minLength: 1, maxLength: 6 }), async (steps) => {
        const session = createSession();
        const stream = session.memoryStream(readings);
        const query = await build(stream.toDF() as unknown as DataFrame)
          .writeStream.outputMode(mode)
          .format("noop")
          .start();
        for (const rows of steps) {
          stream.addRows(rows.map(([seconds, device]) => [seconds === null ? null : at(seconds), device, 1]));
          await query.processAllAvailable();
        }
        await query.stop();
        let read = 0;
        for (const { numInputRows, sources } of query.recentProgress) {
          const metrics = sources[0]?.metrics ?? {};
          const counts = ["keptRows", "filteredRows", "lateRows", "deadLetterRows"].map((name) => Number(metrics[name]));
          expect(counts.reduce((sum, one) => sum + one, 0)).toBe(numInputRows);
          expect(counts.every((one) => one >= 0)).toBe(true);
          read += numInputRows;
        }
        expect(read).toBe(steps.flat().length);
      }),
      { numRuns: 12 },
    );
  },
);
