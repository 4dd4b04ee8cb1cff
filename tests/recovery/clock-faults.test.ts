import { mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Clock, ManualClock } from "../../src/base/clock.ts";
import { type MemoryStream, createSession } from "../../src/engine/api/session.ts";
import { count } from "../../src/engine/functions/api/aggregates.ts";
import { window } from "../../src/engine/functions/api/windows.ts";
import { stepsFormat } from "../../src/engine/query/steps-source.ts";
import type { StreamingQuery } from "../../src/engine/query/streaming-query.ts";
import type { Row } from "../../src/engine/types/data-type.ts";
import { int, struct, timestamp } from "../../src/engine/types/schema-builder.ts";

const HOUR = 3_600_000;
const NOON = Date.UTC(2026, 0, 1, 12);
const reading = struct({ ts: timestamp(), n: int() });
const iso = (ms: number): string => new Date(ms).toISOString();

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), "streamlab-clock-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** A computer's two clocks: the wall clock can be set, the monotonic one cannot. */
function settableClock(): Clock & { set(ms: number): void } {
  const running = new ManualClock(NOON);
  let skewMs = 0;
  return {
    nowMs: () => running.nowMs() + skewMs,
    monotonicMs: () => running.monotonicMs(),
    sleep: (ms, signal) => running.sleep(ms, signal),
    set: (ms) => void (skewMs = ms - running.nowMs()),
  };
}

type Fed = {
  readonly query: StreamingQuery;
  readonly out: Map<string, number>;
  add(...ms: number[]): Promise<void>;
  metrics(): Readonly<Record<string, string>>;
};

/** Windows of ten seconds over a stream that is fed by hand, watermark ten seconds. */
async function windows(clock: Clock, options: Readonly<Record<string, string>> = {}): Promise<Fed> {
  const session = createSession({ clock });
  const stream: MemoryStream<unknown> = session.memoryStream(reading);
  const out = new Map<string, number>();
  const query = await (stream as ReturnType<typeof session.memoryStream<{ ts: string; n: number }>>)
    .toDF()
    .withWatermark("ts", "10 seconds")
    .groupBy((row) => ({ window: window(row.ts, "10 seconds") }))
    .agg(() => ({ n: count() }))
    .writeStream.outputMode("update")
    .options(options)
    .foreachBatch((rows) => {
      for (const row of rows as unknown as { window: { start: string }; n: number }[]) out.set(row.window.start, row.n);
    })
    .start();
  return {
    query,
    out,
    add: async (...ms) => {
      stream.addData(ms.map((one) => [iso(one), 1]));
      await query.processAllAvailable();
    },
    metrics: () => query.recentProgress.findLast((one) => one.numInputRows > 0)?.sources[0]?.metrics ?? {},
  };
}

const marks = (query: StreamingQuery): string | undefined => query.lastProgress?.eventTime.watermark;

describe("F17: event times from a clock that is ahead", () => {
  test("as in Spark, one such row moves the watermark and makes the others late, as long as nothing is said", async () => {
    const { query, add, metrics } = await windows(new ManualClock(NOON));
    await add(NOON, NOON + 24 * HOUR);
    expect(marks(query)).toBe(iso(NOON + 24 * HOUR - 10_000));
    await add(NOON + 1000);
    expect(metrics()).toMatchObject({ lateRows: "1", keptRows: "0" });
    expect(metrics().futureRows).toBeUndefined();
    expect(query.explain()).not.toContain("futureRows");
    await query.stop();
  });

  test("with maxFutureEventTime it is kept and counted, but does not move the watermark; at the bound exactly it does", async () => {
    const { query, out, add, metrics } = await windows(new ManualClock(NOON), { maxFutureEventTime: "1 hour" });
    await add(NOON, NOON + 24 * HOUR, NOON + HOUR + 1, NOON - HOUR);
    expect(metrics()).toMatchObject({ futureRows: "2", keptRows: "4", lateRows: "0", filteredRows: "0", deadLetterRows: "0" });
    expect(marks(query)).toBe(iso(NOON - 10_000));
    expect(query.recentProgress.find((one) => one.numInputRows > 0)?.eventTime).toMatchObject({ max: iso(NOON), min: iso(NOON - HOUR) });
    await add(NOON + 1000);
    expect(metrics()).toMatchObject({ futureRows: "0", keptRows: "1", lateRows: "0" });
    expect(out.get(iso(NOON))).toBe(2);
    expect(out.get(iso(NOON + 24 * HOUR))).toBe(1);
    await add(NOON + HOUR);
    expect(metrics()).toMatchObject({ futureRows: "0", keptRows: "1" });
    expect(marks(query)).toBe(iso(NOON + HOUR - 10_000));
    await query.stop();
  });

  test("whyRow and whyNextBatch say so, with the numbers", async () => {
    const { query, add } = await windows(new ManualClock(NOON), { maxFutureEventTime: "1 hour" });
    await add(NOON);
    const told = query.whyRow({ ts: iso(NOON + 2 * HOUR) });
    expect(told.verdict).toBe("kept");
    expect(told.steps[0]).toMatchObject({ operator: "watermark", verdict: "ahead of time" });
    expect(told.text).toContain(
      `Its event time ${iso(NOON + 2 * HOUR)} is 7200000 ms ahead of the batch's time ${iso(NOON)}, more than the 3600000 ms of maxFutureEventTime`,
    );
    expect(query.whyRow({ ts: iso(NOON + 2 * HOUR) }, 0).steps[0]).toMatchObject({ verdict: "ahead of time" });
    expect(query.whyRow({ ts: iso(NOON + HOUR) }).steps.map((one) => one.operator)).not.toContain("watermark");
    expect(query.whyNextBatch().text).toContain("more than 3600000 ms ahead of its time do not move the watermark (maxFutureEventTime)");
    await query.stop();
  });

  test.each([
    ["soon", /Cannot read "soon" as a duration/],
    ["-1 second", /maxFutureEventTime is "-1 second", a time in the past/],
  ])("maxFutureEventTime %s is refused", async (text, message) => {
    await expect(windows(new ManualClock(NOON), { maxFutureEventTime: text })).rejects.toThrow(message);
  });

  test("a batch that is repeated judges by the time that its first attempt had", async () => {
    const row = (ms: number): Row => [ms * 1000, 1];
    const checkpoint = path.join(folder, "repeated");
    const attempt = async (nowMs: number, fails: boolean): Promise<readonly (string | undefined)[]> => {
      const session = createSession({
        clock: new ManualClock(nowMs),
        formats: [stepsFormat(reading, [[row(NOON)], [row(NOON + 2 * HOUR)]])],
      });
      const query = await session.readStream
        .format("steps")
        .schema(reading)
        .load()
        .withWatermark("ts", "10 seconds")
        .dropDuplicates("n", "ts")
        .writeStream.options({ checkpointLocation: checkpoint, maxFutureEventTime: "1 hour" })
        .foreachBatch((_, batchId) => {
          if (fails && batchId > 0) throw new Error("the sink is away");
        })
        .start();
      const ended = query.processAllAvailable();
      await (fails ? expect(ended).rejects.toThrow("the sink is away") : ended);
      const told = query.recentProgress.filter((one) => one.numInputRows > 0).map((one) => one.sources[0]?.metrics.futureRows);
      await query.stop();
      return fails ? told : [...told, marks(query)];
    };
    await attempt(NOON, true);
    expect(await attempt(NOON + 5 * HOUR, false)).toEqual(["1", iso(NOON - 10_000)]);
  });
});

describe("F17: the computer's clock steps", () => {
  test.each([
    ["an hour back", -HOUR],
    ["an hour ahead", HOUR],
    ["to 1970", -NOON],
  ])("%s between batches: windows, watermark and late rows are what they are without a step", async (_, stepMs) => {
    const results = [];
    for (const step of [0, stepMs]) {
      const clock = settableClock();
      const { query, out, add, metrics } = await windows(clock);
      await add(NOON + 1000, NOON + 15_000);
      clock.set(NOON + step);
      await add(NOON + 31_000, NOON + 2000);
      await add(NOON + 3000, NOON + 40_000);
      results.push({ out: [...out], mark: marks(query), metrics: metrics() });
      await query.stop();
    }
    expect(results[1]).toEqual(results[0]);
    expect(results[0]?.metrics.lateRows).toBe("1");
  });

  test("local times around the change to summer time fall in the windows of their instants", async () => {
    const session = createSession();
    const stream = session.memoryStream(reading);
    const out: unknown[] = [];
    const query = await stream
      .toDF()
      .groupBy((row) => ({ window: window(row.ts, "1 hour") }))
      .agg(() => ({ n: count() }))
      .writeStream.outputMode("update")
      .foreachBatch((rows) => void out.push(...rows))
      .start();
    stream.addData([
      ["2026-03-29T01:59:59+01:00", 1],
      ["2026-03-29T03:00:00+02:00", 1],
      ["2026-10-25T02:30:00+02:00", 1],
      ["2026-10-25T02:30:00+01:00", 1],
    ]);
    await query.processAllAvailable();
    await query.stop();
    const starts = (out as { window: { start: string }; n: number }[]).map(({ window: { start }, n }) => [start, n]);
    expect(starts.sort()).toEqual(
      [Date.UTC(2026, 2, 29, 0), Date.UTC(2026, 2, 29, 1), Date.UTC(2026, 9, 25, 0), Date.UTC(2026, 9, 25, 1)].map((ms) => [iso(ms), 1]),
    );
  });
});
