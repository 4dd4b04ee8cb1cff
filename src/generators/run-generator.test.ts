import { describe, expect, test } from "vitest";
import { ManualClock } from "../base/clock.ts";
import { createPacer } from "./pacer.ts";
import type { GeneratedRecord, SendRecords } from "./record.ts";
import { runGenerator, type GeneratorProgress, type GeneratorRun, type GeneratorTotals } from "./run-generator.ts";
import { createSensorRecords } from "./sensors.ts";

const START_MS = Date.UTC(2026, 0, 1);

/** Drives a run on a manual clock: `stepsMs` says how far time jumps at each turn. */
async function drive(
  options: Partial<GeneratorRun> & Pick<GeneratorRun, "ratePerSecond" | "send">,
  stepsMs: (turn: number) => number,
): Promise<{ totals: GeneratorTotals; clock: ManualClock }> {
  const clock = new ManualClock(START_MS);
  let totals: GeneratorTotals | undefined;
  const done = runGenerator({ generator: createSensorRecords({ seed: 1 }), clock, ...options }).then((result) => (totals = result));
  for (let turn = 0; totals === undefined; turn++) {
    if (turn > 100_000) throw new Error("the run does not end");
    for (let i = 0; i < 20; i++) await Promise.resolve();
    if (totals === undefined) clock.advance(stepsMs(turn));
  }
  return { totals: await done, clock };
}

const acknowledge: SendRecords = () => Promise.resolve();

describe("pacer", () => {
  test("what is owed follows from the time alone, however it is asked for", () => {
    const clock = new ManualClock(0);
    const pacer = createPacer({ clock, ratePerSecond: 1000 });
    expect(pacer.take(100)).toBe(1);
    clock.advance(0.5);
    expect(pacer.take(100)).toBe(0);
    expect(pacer.untilNextMs()).toBeCloseTo(0.5);
    clock.advance(99.5);
    expect(pacer.take(30)).toBe(30);
    expect(pacer.take(1000)).toBe(70);
    expect(pacer.taken).toBe(101);
    expect(pacer.dueAfterMs(100)).toBe(100);
  });

  test("a batch is bounded, so that a long stall is made up in several", () => {
    const clock = new ManualClock(0);
    const pacer = createPacer({ clock, ratePerSecond: 20_000, maxBatch: 500 });
    clock.advance(1000);
    expect(pacer.take(Infinity)).toBe(500);
    expect(pacer.take(Infinity)).toBe(500);
  });
});

describe("runGenerator", () => {
  test.each([1000, 20_000])("holds %i messages/s within 1 % although every tick is late", async (ratePerSecond) => {
    const { totals } = await drive({ ratePerSecond, seconds: 10, send: acknowledge }, (turn) => 4 + (turn % 7) * 1.3);
    expect(totals.sent).toBe(ratePerSecond * 10);
    expect(totals.acknowledged).toBe(totals.sent);
    expect(Math.abs(totals.perSecond / ratePerSecond - 1)).toBeLessThan(0.01);
  });

  test("catches up after a stall, with the due time of each message as its timestamp", async () => {
    const records: GeneratedRecord[] = [];
    const send: SendRecords = (batch) => Promise.resolve(void records.push(...batch));
    const { totals } = await drive({ ratePerSecond: 1000, seconds: 3, send }, (turn) => (turn === 100 ? 800 : 4));
    expect(totals.acknowledged).toBe(3000);
    expect(Math.abs(totals.perSecond / 1000 - 1)).toBeLessThan(0.01);
    expect(records.map((record) => record.timestampMs)).toEqual(Array.from({ length: 3000 }, (_, i) => START_MS + i));
  });

  test("never has more in flight than allowed, and makes up for it afterwards", async () => {
    const waiting: (() => void)[] = [];
    let turns = 0;
    const send: SendRecords = () => new Promise((resolve) => waiting.push(resolve));
    const { totals } = await drive({ ratePerSecond: 1000, count: 2000, maxInFlight: 100, send }, () => {
      if (++turns % 10 === 0) for (const resolve of waiting.splice(0)) resolve();
      return 4;
    });
    expect(totals.maxInFlight).toBeLessThanOrEqual(100);
    expect(totals.acknowledged).toBe(2000);
  });

  test("a failed batch is counted, named and does not end the run", async () => {
    let batch = 0;
    const send: SendRecords = () => (++batch === 3 ? Promise.reject(new Error("broker gone")) : Promise.resolve());
    const { totals } = await drive({ ratePerSecond: 1000, count: 500, send }, () => 4);
    expect(totals.failed).toBeGreaterThan(0);
    expect(totals.acknowledged + totals.failed).toBe(totals.sent);
    expect(totals.sent).toBe(500);
    expect(totals.firstFailure).toBe("broker gone");
  });

  test("the signal ends the run in good order: what is in flight is waited for", async () => {
    const stop = new AbortController();
    const send: SendRecords = () => new Promise((resolve) => setImmediate(resolve));
    const clock = new ManualClock(START_MS);
    const done = runGenerator({ generator: createSensorRecords({ seed: 1 }), clock, ratePerSecond: 1000, send, signal: stop.signal });
    for (let i = 0; i < 50; i++) {
      clock.advance(4);
      await new Promise((resolve) => setImmediate(resolve));
    }
    stop.abort();
    const totals = await done;
    expect(totals.interrupted).toBe(true);
    expect(totals.sent).toBeGreaterThan(100);
    expect(totals.acknowledged).toBe(totals.sent);
  });

  test("progress is reported once a second with the rate of that second", async () => {
    const seen: GeneratorProgress[] = [];
    await drive({ ratePerSecond: 500, seconds: 5, send: acknowledge, onProgress: (progress) => seen.push(progress) }, () => 4);
    expect(seen.length).toBeGreaterThanOrEqual(5);
    for (const progress of seen.slice(0, 4)) expect(Math.abs(progress.perSecond / 500 - 1)).toBeLessThan(0.02);
    expect(seen.at(-1)?.acknowledged).toBe(2500);
  });

  test("without a rate limit it sends as fast as it is acknowledged", async () => {
    const { totals } = await drive({ ratePerSecond: Infinity, count: 120_000, send: acknowledge }, () => 1);
    expect(totals.acknowledged).toBe(120_000);
  });
});
