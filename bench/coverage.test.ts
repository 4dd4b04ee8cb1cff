import { expect, test } from "vitest";
import { createRandom } from "../src/base/random.ts";
import { Coverage } from "./coverage.ts";

test("a result that counts n readings covers the first n of its group, each at the first result that does", () => {
  const coverage = new Coverage();
  for (const [group, due] of [["a", 0], ["b", 1], ["a", 2], ["a", 3]] as const) coverage.sent(group, due); // prettier-ignore
  coverage.result("a", 2, 10);
  coverage.result("a", 2, 20);
  coverage.result("b", 1, 30);
  expect(coverage.faults()).toEqual({ missing: 1, excess: 0, backwards: 0 });
  coverage.result("a", 3, 40);
  expect(coverage.latencies(0, Infinity).sort((x, y) => x - y)).toEqual([8, 10, 29, 37]);
  expect(coverage.latencies(1, 3).sort((x, y) => x - y)).toEqual([8, 29]);
  expect(coverage.faults()).toEqual({ missing: 0, excess: 0, backwards: 0 });
});

test("results that do not fit what was sent are counted: unknown groups, too many readings, fewer than before", () => {
  const coverage = new Coverage();
  coverage.sent("a", 0);
  coverage.sent("a", 1);
  coverage.result("other", 1, 5);
  coverage.result("a", 3, 5);
  coverage.result("a", 1, 6);
  expect(coverage.faults()).toEqual({ missing: 0, excess: 2, backwards: 1 });
});

test.each([1, 2, 3])(
  "however a partition is cut into batches, every reading gets the end of the batch that it was in (seed %i)",
  (seed) => {
    const random = createRandom(seed);
    const coverage = new Coverage();
    const log = Array.from({ length: 500 }, (_, i) => ({ group: `g${random.below(4)}`, due: i }));
    for (const { group, due } of log) coverage.sent(group, due);
    const counts = new Map<string, number>();
    const expected: number[] = [];
    for (let from = 0, at = 1000; from < log.length; at += 10) {
      const batch = log.slice(from, from + 1 + random.below(40));
      for (const { group, due } of batch) {
        counts.set(group, (counts.get(group) ?? 0) + 1);
        expected.push(at - due);
      }
      for (const group of new Set(batch.map((one) => one.group))) coverage.result(group, counts.get(group) ?? 0, at);
      from += batch.length;
    }
    const sorted = (list: readonly number[]): number[] => [...list].sort((a, b) => a - b);
    expect(sorted(coverage.latencies(-Infinity, Infinity)), `seed ${seed}`).toEqual(sorted(expected));
  },
);
