import { mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { Clock } from "../../base/clock.ts";
import type { DataFrame } from "../api/data-frame.ts";
import { createSession } from "../api/session.ts";
import { count, max, min, sum } from "../functions/api/aggregates.ts";
import { window } from "../functions/api/windows.ts";
import type { Sink } from "../sinks/sink.ts";
import type { Row } from "../types/data-type.ts";
import { double, string, struct, timestamp } from "../types/schema-builder.ts";
import type { Timestamp } from "../types/schema-builder.ts";
import type { StreamingQueryProgress } from "./progress.ts";

const readings = struct({ ts: timestamp(), device: string(), value: double() });
const BASE_US = 1_767_225_600_000_000;
const at = (seconds: number): number => BASE_US + seconds * 1_000_000;

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), "streamlab-properties-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** A sink that keeps the last row of every key, and every row; `failOnce` refuses one batch the first time, as a crash in W3 leaves it. */
class Upserts implements Sink {
  readonly description = "upserts";
  readonly byKey: Map<string, Row> = new Map();
  readonly byBatch: Map<number, readonly Row[]> = new Map();
  #failing: Set<number>;
  readonly #keys: number;

  constructor(keys: number, failing: readonly number[]) {
    this.#keys = keys;
    this.#failing = new Set(failing);
  }

  write(batch: { readonly batchId: number; readonly rows: readonly Row[] }): Promise<void> {
    const half = this.#failing.delete(batch.batchId) ? batch.rows.length >> 1 : undefined;
    for (const row of batch.rows.slice(0, half)) this.byKey.set(JSON.stringify(row.slice(0, this.#keys)), row);
    if (half !== undefined) return Promise.reject(new Error("the sink went away in the middle"));
    this.byBatch.set(batch.batchId, batch.rows);
    return Promise.resolve();
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

type Reading = readonly [seconds: number | null, device: string, value: number | null];
type R = { ts: Timestamp; device: string; value: number };

const reading = fc.tuple(
  fc.option(fc.integer({ min: 0, max: 60 }), { freq: 12 }),
  fc.constantFrom("a", "b", "ü"),
  fc.option(fc.integer({ min: -9, max: 9 }), { freq: 8 }),
);
const rowOf = ([seconds, device, value]: Reading): Row => [seconds === null ? null : at(seconds), device, value];
const sorted = (rows: Iterable<Row>): string[] => [...rows].map((row) => JSON.stringify(row)).sort();

/** One of the small queries: how it is written, how many columns are its key, and a recount without the engine. */
interface Shape {
  readonly keys: number;
  build(frame: DataFrame<R>): DataFrame<unknown>;
  recount(rows: readonly Reading[]): Row[];
}

function folded(groups: readonly (readonly [key: Row, value: number | null])[]): Row[] {
  const found = new Map<string, { key: Row; n: number; values: number[] }>();
  for (const [key, value] of groups) {
    const text = JSON.stringify(key);
    const group = found.get(text) ?? { key, n: 0, values: [] };
    group.n++;
    if (value !== null) group.values.push(value);
    found.set(text, group);
  }
  return [...found.values()].map(({ key, n, values }) => {
    const of = (fold: (list: readonly number[]) => number): number | null => (values.length === 0 ? null : fold(values));
    const total = of((list) => list.reduce((all, one) => all + one, 0));
    return [...key, n, total, of((list) => Math.min(...list)), of((list) => Math.max(...list))];
  });
}

const SHAPES: Readonly<Record<string, Shape>> = {
  aggregate: {
    keys: 1,
    build: (frame) =>
      frame.groupBy((r) => ({ device: r.device })).agg((r) => ({ n: count(), t: sum(r.value), lo: min(r.value), hi: max(r.value) })),
    recount: (rows) => folded(rows.map(([, device, value]) => [[device], value])),
  },
  windows: {
    keys: 2,
    build: (frame) =>
      frame
        .withWatermark("ts", "100 seconds")
        .groupBy((r) => ({ window: window(r.ts, "10 seconds", "4 seconds"), device: r.device }))
        .agg((r) => ({ n: count(), t: sum(r.value), lo: min(r.value), hi: max(r.value) })),
    recount: (rows) =>
      folded(
        rows.flatMap(([seconds, device, value]) => {
          if (seconds === null) return [];
          const us = at(seconds);
          const out: [Row, number | null][] = [];
          for (let start = Math.floor(us / 4e6) * 4e6; start > us - 10e6; start -= 4e6) out.push([[[start, start + 10e6], device], value]);
          return out;
        }),
      ),
  },
  duplicates: {
    keys: 2,
    build: (frame) => frame.select((r) => ({ device: r.device, value: r.value })).dropDuplicates("device", "value"),
    recount: (rows) => [...new Map(rows.map(([, device, value]) => [`${device} ${value}`, [device, value]])).values()],
  },
};

test.each(Object.entries(SHAPES))(
  "%s over a random filter: any order, any cut into batches, restarts and half-written batches = the engine's batch = a recount",
  { timeout: 60_000 },
  async (_, shape) => {
    const scenario = fc.record({
      batches: fc.array(fc.record({ rows: fc.array(reading, { maxLength: 6 }), restart: fc.boolean() }), { maxLength: 6 }),
      failing: fc.uniqueArray(fc.integer({ min: 0, max: 6 }), { maxLength: 2 }),
      above: fc.option(fc.integer({ min: -9, max: 9 })),
    });
    await fc.assert(
      fc.asyncProperty(scenario, async ({ batches, failing, above }) => {
        const session = createSession();
        const stream = session.memoryStream(readings);
        const query = (frame: DataFrame<R>): DataFrame<unknown> =>
          shape.build(above === null ? frame : frame.where((r) => r.value.gt(above)));
        const sink = new Upserts(shape.keys, failing);
        const checkpoint = path.join(await mkdtemp(path.join(folder, "run-")), "checkpoint");
        const start = () =>
          query(stream.toDF() as unknown as DataFrame<R>)
            .writeStream.outputMode("update")
            .option("checkpointLocation", checkpoint)
            .sink(sink)
            .start();
        const progress: StreamingQueryProgress[] = [];
        session.streams.addListener({ onQueryProgress: (event) => void progress.push(event.progress) });
        let running = await start();
        const settle = async (): Promise<void> => {
          for (let attempt = 0; attempt < 4; attempt++) {
            try {
              return await running.processAllAvailable();
            } catch {
              running = await start();
            }
          }
          throw new Error("the query does not settle");
        };
        for (const { rows, restart } of batches) {
          stream.addRows(rows.map(rowOf));
          await settle();
          if (restart) {
            await running.stop();
            running = await start();
          }
        }
        await settle();
        await running.stop();

        const all = batches.flatMap((batch) => batch.rows);
        const expected = sorted(shape.recount(all.filter(([, , value]) => above === null || (value !== null && value > above))));
        expect(sorted(sink.byKey.values())).toEqual(expected);
        const batch = query(
          session.createDataFrame(
            all.map(([seconds, device, value]) => [seconds === null ? null : new Date(at(seconds) / 1000).toISOString(), device, value]),
            readings,
          ) as unknown as DataFrame<R>,
        );
        const withoutWindow = (cells: readonly unknown[]): readonly unknown[] =>
          shape.keys === 2 && cells.length === 6 ? cells.slice(1) : cells;
        expect((await batch.collect()).map((row) => JSON.stringify(withoutWindow(Object.values(row)))).sort()).toEqual(
          expected.map((text) => JSON.stringify(withoutWindow(JSON.parse(text) as unknown[]))).sort(),
        );
        const seen = [...new Map(progress.map((one) => [one.batchId, one])).values()];
        expect(seen.reduce((rows, one) => rows + one.numInputRows, 0)).toBe(all.length);
        for (const one of seen) expect(rowsOf(one), `batch ${one.batchId}`).toBe(one.numInputRows);
        const watermarks = seen.map((one) => one.eventTime.watermark ?? "");
        expect(watermarks).toEqual([...watermarks].sort());
      }),
      { numRuns: 20 },
    );
  },
);

function rowsOf(progress: StreamingQueryProgress): number {
  const metrics = progress.sources[0]?.metrics ?? {};
  return ["keptRows", "filteredRows", "lateRows", "deadLetterRows"].reduce((total, name) => total + Number(metrics[name]), 0);
}

/** Engine.md 3 in plain JavaScript: watermarks of the batches, and which (row, window) counts. */
function model(batches: readonly (readonly (readonly [number, string])[])[], delay: number, size: number) {
  const counts = new Map<string, number>();
  let lateRows = 0;
  let before = 0;
  let now = 0;
  for (const rows of batches) {
    if (rows.length > 0) {
      for (const [seconds, device] of rows) {
        const start = Math.floor(at(seconds) / (size * 1e6)) * size * 1e6;
        const end = start + size * 1e6;
        if (end <= before * 1e6) lateRows++;
        else counts.set(JSON.stringify([[start, end], device]), (counts.get(JSON.stringify([[start, end], device])) ?? 0) + 1);
      }
      before = now;
      now = Math.max(now, BASE_US / 1e6 + Math.max(...rows.map(([seconds]) => seconds)) - delay);
    }
    if (now > before) before = now;
  }
  return { counts, lateRows };
}

test(
  "F18: late, out of order, exactly at the watermark: what counts is what window.end > watermark says, the rest is counted as late",
  { timeout: 60_000 },
  async () => {
    const rows = fc.array(
      fc.tuple(
        fc.integer({ min: 0, max: 12 }).map((n) => n * 5),
        fc.constantFrom("a", "b"),
      ),
      { minLength: 1, maxLength: 6 },
    );
    await fc.assert(
      fc.asyncProperty(fc.array(rows, { maxLength: 7 }), async (batches) => {
        const session = createSession();
        const stream = session.memoryStream(readings);
        const progress: StreamingQueryProgress[] = [];
        session.streams.addListener({ onQueryProgress: (event) => void progress.push(event.progress) });
        const sums = new Map<string, number>();
        const query = await stream
          .toDF()
          .withWatermark("ts", "10 seconds")
          .groupBy((r) => ({ window: window(r.ts, "10 seconds"), device: r.device }))
          .agg(() => ({ n: count() }))
          .writeStream.outputMode("update")
          .sink({
            description: "counts",
            write: ({ rows: out }) => {
              for (const row of out) sums.set(JSON.stringify(row.slice(0, 2)), Number(row[2]));
              return Promise.resolve();
            },
            close: () => Promise.resolve(),
          })
          .start();
        for (const batch of batches) {
          stream.addRows(batch.map(([seconds, device]) => [at(seconds), device, 1]));
          await query.processAllAvailable();
        }
        await query.stop();
        const expected = model(batches, 10, 10);
        expect(Object.fromEntries(sums)).toEqual(Object.fromEntries(expected.counts));
        expect(progress.reduce((late, one) => late + Number(one.sources[0]?.metrics.lateRows ?? 0), 0)).toBe(expected.lateRows);
      }),
      { numRuns: 60 },
    );
  },
);

test("F19: any rows sent again: a deduplication on the id within the watermark gives each once", { timeout: 60_000 }, async () => {
  const ids = fc.array(fc.record({ id: fc.integer({ min: 0, max: 9 }), again: fc.nat({ max: 3 }), cut: fc.boolean() }), { maxLength: 12 });
  await fc.assert(
    fc.asyncProperty(ids, async (sent) => {
      const session = createSession();
      const stream = session.memoryStream(readings);
      const out: Row[] = [];
      const query = await stream
        .toDF()
        .withWatermark("ts", "1 hour")
        .dropDuplicatesWithinWatermark("device")
        .writeStream.outputMode("append")
        .sink({ description: "rows", write: ({ rows }) => Promise.resolve(void out.push(...rows)), close: () => Promise.resolve() })
        .start();
      for (const { id, again, cut } of sent) {
        stream.addRows(Array.from({ length: again + 1 }, (): Row => [at(id), `id ${id}`, id]));
        if (cut) await query.processAllAvailable();
      }
      await query.processAllAvailable();
      await query.stop();
      expect(sorted(out)).toEqual(sorted([...new Set(sent.map(({ id }) => id))].map((id): Row => [at(id), `id ${id}`, id])));
    }),
    { numRuns: 30 },
  );
});

test("F17: the wall clock steps an hour back and forth: triggers keep their beat, the watermark follows the events only", async () => {
  let wallMs = BASE_US / 1000;
  let monotonicMs = 0;
  let wake = (): void => {};
  const asked: number[] = [];
  const clock: Clock = {
    nowMs: () => wallMs,
    monotonicMs: () => monotonicMs,
    sleep: (ms, signal) => {
      asked.push(ms);
      return new Promise((resolve, reject) => {
        wake = () => {
          monotonicMs += ms;
          resolve();
        };
        signal?.addEventListener("abort", () => reject(signal.reason as Error), { once: true });
      });
    },
  };
  const session = createSession({ clock });
  const stream = session.memoryStream(readings);
  const progress: StreamingQueryProgress[] = [];
  let told = (): void => {};
  session.streams.addListener({
    onQueryProgress: (event) => {
      progress.push(event.progress);
      told();
    },
  });
  const query = await stream
    .toDF()
    .withWatermark("ts", "10 seconds")
    .groupBy((r) => ({ window: window(r.ts, "10 seconds") }))
    .agg(() => ({ n: count() }))
    .writeStream.outputMode("update")
    .option("checkpointLocation", path.join(folder, "clock"))
    .trigger({ processingTime: "10 seconds" })
    .format("noop")
    .start();
  let pauses = 0;
  const paused = async (times: number): Promise<void> => {
    while (asked.length < times) await new Promise((resolve) => setImmediate(resolve));
  };
  for (const [seconds, stepMs] of [
    [100, 3_600_000],
    [110, -7_200_000],
    [120, 3_600_000],
  ] as const) {
    stream.addRows([[at(seconds), "a", 1]]);
    const count = progress.length;
    const heard = new Promise<void>((resolve) => (told = () => (progress.length > count ? resolve() : undefined)));
    wallMs += stepMs;
    await paused(++pauses);
    wake();
    await heard;
  }
  stream.addRows([[at(130), "a", 1]]);
  await query.processAllAvailable();
  await query.stop();
  expect(query.exception).toBeUndefined();
  expect(asked.filter((ms) => ms < 0 || ms > 10_000)).toEqual([]);
  const marks = progress.map((one) => one.eventTime.watermark ?? "");
  expect(marks).toEqual([...marks].sort());
  expect(marks.at(-1)).toBe(new Date(at(120) / 1000).toISOString());
  expect(progress.every((one) => one.batchDuration >= 0 && Object.values(one.durationMs).every((ms) => ms >= 0))).toBe(true);
});

test("F23: an idle partition does not hold the watermark back; the rows of one that lags are late and counted", async () => {
  const session = createSession();
  const stream = session.memoryStream(readings);
  const query = await stream
    .toDF()
    .withWatermark("ts", "10 seconds")
    .groupBy((r) => ({ window: window(r.ts, "10 seconds"), device: r.device }))
    .agg(() => ({ n: count() }))
    .writeStream.outputMode("append")
    .queryName("kept")
    .format("memory")
    .start();
  for (const seconds of [5, 25, 45, 65]) {
    stream.addRows([[at(seconds), "partition 0", 1]]);
    await query.processAllAvailable();
  }
  expect(query.lastProgress?.eventTime.watermark).toBe(new Date(at(55) / 1000).toISOString());
  stream.addRows([
    [at(5), "partition 1", 1],
    [at(49), "partition 1", 1],
    [at(51), "partition 1", 1],
  ]);
  await query.processAllAvailable();
  expect(query.lastProgress?.sources[0]?.metrics).toMatchObject({ lateRows: "2", keptRows: "1" });
  await query.stop();
});
