import { expect, test } from "vitest";
import { ManualClock } from "../../base/clock.ts";
import { createSession } from "../api/session.ts";
import type { DataFrame } from "../api/data-frame.ts";
import { col } from "../columns/column.ts";
import { interval } from "../functions/api/literals.ts";
import { count } from "../functions/api/aggregates.ts";
import { window } from "../functions/api/windows.ts";
import { double, string, struct, timestamp } from "../types/schema-builder.ts";
import type { StreamingQuery } from "./streaming-query.ts";

const readings = struct({ ts: timestamp(), device: string(), value: double() });
const BASE_MS = Date.UTC(2026, 0, 1);
const at = (seconds: number): string => new Date(BASE_MS + seconds * 1000).toISOString();

type Running = { readonly query: StreamingQuery; add(...seconds: number[]): Promise<void> };

async function started(build: (frame: DataFrame) => DataFrame, mode: string = "update"): Promise<Running> {
  const session = createSession({ clock: new ManualClock(BASE_MS) });
  const stream = session.memoryStream(readings);
  const query = await build(stream.toDF() as unknown as DataFrame)
    .writeStream.outputMode(mode)
    .format("noop")
    .start();
  const add = async (...seconds: number[]): Promise<void> => {
    stream.addData(seconds.map((one) => [at(one), "a", 1]));
    await query.processAllAvailable();
  };
  return { query, add };
}

function windowed(size: string, slide: string): (frame: DataFrame) => DataFrame {
  return (frame) =>
    frame
      .withWatermark("ts", "10 seconds")
      .groupBy(window(col("ts"), size, slide))
      .agg(count().as("n"));
}

test("a row whose windows have closed is explained as dropped, one that counts in a later window as kept", async () => {
  const { query, add } = await started(windowed("10 seconds", "5 seconds"));
  await add(30);
  const late = query.whyRow({ ts: at(4) });
  expect(late.verdict).toBe("dropped");
  expect(late.steps.at(-1)).toMatchObject({ verdict: "late", lateWatermark: at(20) });
  expect(late.steps.at(-1)?.windows?.map((one) => one.marginMs)).toEqual([-15_000, -10_000]);
  const partly = query.whyRow({ ts: at(17) });
  expect(partly).toMatchObject({ verdict: "kept" });
  expect(partly.steps.at(-1)).toMatchObject({
    verdict: "counts in some windows",
    windows: [
      { end: at(20), late: true },
      { end: at(25), late: false },
    ],
  });
  await query.stop();
});

test("the end of a window that equals the watermark is late, one millisecond more is not", async () => {
  const { query, add } = await started(windowed("5 seconds", "5 seconds"));
  await add(15);
  expect(query.whyRow({ ts: at(4.999) })).toMatchObject({
    verdict: "dropped",
    steps: [{ windows: [{ end: at(5), marginMs: 0, late: true }] }],
  });
  expect(query.whyRow({ ts: at(5) })).toMatchObject({ verdict: "kept" });
  expect(query.whyRow({ ts: at(4.999) }, 0)).toMatchObject({ batchId: 0, verdict: "kept" });
  expect(() => query.whyRow({ ts: at(1) }, 99)).toThrow(/batch 99/);
  expect(() => query.whyRow({ nope: 1 })).toThrow(/nope/);
  await query.stop();
});

test("rows without an event time, filtered rows and unknown columns are told apart", async () => {
  const { query, add } = await started((frame) => windowed("5 seconds", "5 seconds")(frame.where(col("value").gt(0))));
  await add(15);
  expect(query.whyRow({ ts: at(20), value: -1 })).toMatchObject({ verdict: "dropped", steps: [{ verdict: "filtered" }] });
  expect(query.whyRow({ ts: at(20) })).toMatchObject({ verdict: "not known" });
  expect(query.whyRow({ ts: null, value: 1 }).steps.at(-1)).toMatchObject({ verdict: "no event time" });
  await query.stop();
});

test("complete mode counts late rows", async () => {
  const { query, add } = await started(windowed("5 seconds", "5 seconds"), "complete");
  await add(60);
  expect(query.whyRow({ ts: at(1) })).toMatchObject({ verdict: "kept" });
  expect(query.whyWindow(at(5))).toMatchObject({ open: true });
  await query.stop();
});

test("an open window names what is missing, and the next batch its two watermarks", async () => {
  const { query, add } = await started(windowed("5 seconds", "5 seconds"), "append");
  await add(1, 12);
  const open = query.whyWindow(at(5));
  expect(open).toMatchObject({ open: true, watermark: at(2), missingMs: 3000, inputs: [{ delayMs: 10_000, neededEventTime: at(15) }] });
  expect(open.text).toContain(at(15));
  await add(15);
  expect(query.whyWindow(at(5))).toMatchObject({ open: false, missingMs: 0 });
  expect(query.whyNextBatch()).toMatchObject({ batchId: 4, lateWatermark: at(5), watermark: at(5), runsWithoutData: false });
  expect(JSON.parse(JSON.stringify(open))).toEqual(open);
  await query.stop();
});

test("an open window names the input that the watermark waits for, and by how much a join below holds its windows back", async () => {
  const session = createSession({ clock: new ManualClock(BASE_MS) });
  const [left, right] = [
    session.memoryStream(struct({ l: timestamp(), k: string() })),
    session.memoryStream(struct({ r: timestamp(), j: string() })),
  ];
  const joined = left
    .toDF()
    .withWatermark("l", "10 seconds")
    .join(right.toDF().withWatermark("r", "2 seconds"), (a, b) =>
      a.k
        .eq(b.j)
        .and(b.r.geq(a.l))
        .and(b.r.leq(a.l.plus(interval("5 seconds")))),
    );
  const query = await joined
    .groupBy((row) => ({ w: window(row.l, "5 seconds") }))
    .agg(() => ({ n: count() }))
    .writeStream.outputMode("append")
    .format("noop")
    .start();
  left.addData([[at(30), "a"]]);
  right.addData([[at(12), "a"]]);
  await query.processAllAvailable();
  const open = query.whyWindow(at(15));
  await query.stop();
  expect(open.inputs).toMatchObject([
    { input: "l of memory", delayMs: 10_000, watermark: at(20), holds: false },
    { input: "r of memory", delayMs: 2000, watermark: at(10), holds: true },
  ]);
  expect(open.open).toBe(true);
  expect(open.text).toContain('By the policy "min" the watermark waits for r of memory.');
  expect(open.text).toContain("behind the query's");
  expect(Date.parse(open.watermark)).toBeLessThan(Date.parse(at(10)));
  expect(open.missingMs).toBe(Date.parse(at(15)) - Date.parse(open.watermark));
});
