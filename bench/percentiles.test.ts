import { expect, test } from "vitest";
import { percentilesOf } from "./percentiles.ts";

test("percentiles are figures that were measured, by nearest rank, in whatever order they come", () => {
  const figures = Array.from({ length: 100 }, (_, i) => ((i * 37) % 100) + 1);
  expect(percentilesOf(figures)).toEqual({ count: 100, p50: 50, p95: 95, p99: 99, max: 100 });
  expect(percentilesOf([3, 1, 2])).toEqual({ count: 3, p50: 2, p95: 3, p99: 3, max: 3 });
  expect(percentilesOf([100, 20, 3])).toMatchObject({ p50: 20 });
});

test("no figures have no percentiles", () => {
  expect(percentilesOf([])).toEqual({ count: 0, p50: NaN, p95: NaN, p99: NaN, max: NaN });
});
