import { expect, test } from "vitest";
import { retryPauseMs } from "./retry-pause.ts";

test("pauses double up to two seconds, and get a fifth longer at most", () => {
  const failures = [0, 1, 2, 3, 6, 7, 40, Infinity];
  expect(failures.map((count) => retryPauseMs(count, () => 0))).toEqual([0, 50, 100, 200, 1600, 2000, 2000, 2000]);
  expect(failures.map((count) => retryPauseMs(count, () => 0.5))).toEqual([0, 55, 110, 220, 1760, 2200, 2200, 2200]);
});
