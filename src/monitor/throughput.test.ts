import { expect, test } from "vitest";
import { createTrailingRate, ratesPerBin, sustainedRate, totalAt, type TotalPoint } from "./throughput.ts";

const steady = (seconds: number, perSecond: number): TotalPoint[] =>
  Array.from({ length: seconds + 1 }, (_, second) => ({ atMs: second * 1000, total: second * perSecond }));

test("a trailing rate covers its window only", () => {
  const rate = createTrailingRate(2000, 0);
  for (let ms = 100; ms <= 4000; ms += 100) rate.add(ms, 100);
  expect(rate.perSecond(4000)).toBeCloseTo(1000, 5);
  expect(rate.perSecond(5000)).toBeCloseTo(500, 5);
  expect(rate.perSecond(9000)).toBe(0);
  expect(rate.total).toBe(4000);
});

test("a trailing rate that is younger than its window divides by its age", () => {
  const rate = createTrailingRate(2000, 0);
  rate.add(400, 500);
  expect(rate.perSecond(500)).toBeCloseTo(1000, 5);
  expect(createTrailingRate(2000, 0).perSecond(0)).toBe(0);
});

test("counts that arrive out of order are kept in the total", () => {
  const rate = createTrailingRate(2000, 0);
  rate.add(1000, 10);
  rate.add(900, 5);
  expect(rate.total).toBe(15);
  expect(rate.perSecond(1500)).toBeCloseTo(10, 5);
});

test("a total between two points lies on the line between them", () => {
  const points = steady(3, 100);
  expect(totalAt(points, 1500)).toBe(150);
  expect(totalAt(points, -5)).toBe(0);
  expect(totalAt(points, 99_000)).toBe(300);
  expect(totalAt([], 5)).toBe(0);
});

test("bins leave out what is not whole", () => {
  expect(ratesPerBin(steady(3, 100), 0, 2999, 1000)).toEqual([100, 100]);
});

test("a stall shows in the worst bins and not in the mean, which catches up", () => {
  const points = steady(60, 1000).map((point) => (point.atMs === 30_000 ? { ...point, total: 29_000 } : point));
  const rate = sustainedRate(points, 0, 60_000);
  expect(rate).toEqual({ seconds: 60, mean: 1000, worst1s: 0, worst5s: 800, peak1s: 2000 });
});

test("a short peak is not a sustained rate", () => {
  const rate = sustainedRate(
    [
      { atMs: 0, total: 0 },
      { atMs: 1000, total: 5000 },
      { atMs: 60_000, total: 5000 },
    ],
    0,
    60_000,
  );
  expect(rate.mean).toBeCloseTo(83.33, 1);
  expect(rate.worst5s).toBe(0);
});

test("the warm-up counts in the mean and not in the worst bins", () => {
  const points = steady(20, 1000).map((point) => (point.atMs === 1000 ? { ...point, total: 0 } : point));
  expect(sustainedRate(points, 0, 20_000, 5000)).toMatchObject({ mean: 1000, worst1s: 1000, worst5s: 1000 });
});

test("an empty span has no bins", () => {
  expect(sustainedRate([], 0, 0)).toEqual({ seconds: 0, mean: 0, worst1s: null, worst5s: null, peak1s: null });
});
