import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { fromJson, limitByLag, splitKey, toJson } from "./offset-range.ts";

describe("offsets as JSON", () => {
  test("are Spark's, with topics and partitions in order, and come back", () => {
    const offsets = new Map([
      ["b-10", 7],
      ["b-9", 5],
      ["a-topic-0", 3],
    ]);
    expect(JSON.stringify(toJson(offsets))).toBe('{"a-topic":{"0":3},"b":{"9":5,"10":7}}');
    expect(fromJson(toJson(offsets), "it")).toEqual(new Map([...offsets].sort()));
    expect(splitKey("a-topic-12")).toEqual({ topic: "a-topic", partition: 12 });
  });

  test.each([null, 5, "latest", [1], { t: 3 }, { t: { x: 1 } }, { t: { 0: -3 } }, { t: { 0: 1.5 } }, { t: { 0: "1" } }])(
    "%j is refused with what to write",
    (json) => {
      expect(() => fromJson(json, "startingOffsets")).toThrow(/Write an offset for every partition/);
    },
  );
});

describe("maxOffsetsPerTrigger", () => {
  const key = (partition: number): string => `t-${partition}`;
  const map = (...values: number[]): Map<string, number> => new Map(values.map((value, partition) => [key(partition), value]));

  test("is split by how far each partition is behind (KafkaMicroBatchStream.rateLimit)", () => {
    expect(limitByLag(map(0, 0, 0), map(100, 200, 700), 100)).toEqual(map(10, 20, 70));
    expect(limitByLag(map(50, 0), map(50, 400), 100)).toEqual(map(50, 100));
  });

  test("gives every partition that is behind at least one message", () => {
    expect(limitByLag(map(0, 0), map(1, 100_000), 10)).toEqual(map(1, 9));
  });

  test("any split: never past the end, never backwards, never stuck, about the limit, all at last", () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(1000), fc.nat(5000)), { minLength: 1, maxLength: 8 }),
        fc.integer({ min: 1, max: 3000 }),
        (lags, limit) => {
          let from: ReadonlyMap<string, number> = map(...lags.map(([begin]) => begin));
          const end = map(...lags.map(([begin, lag]) => begin + lag));
          for (let batch = 0; ; batch++) {
            const to = limitByLag(from, end, limit);
            let taken = 0;
            let left = 0;
            for (const [partition, offset] of to) {
              const begin = from.get(partition) ?? 0;
              expect(offset >= begin && offset <= (end.get(partition) ?? 0)).toBe(true);
              taken += offset - begin;
              left += (end.get(partition) ?? 0) - begin;
            }
            if (left === 0) return;
            expect(taken).toBeGreaterThan(0);
            expect(taken).toBeLessThanOrEqual(limit + lags.length);
            from = to;
          }
        },
      ),
      { numRuns: 200 },
    );
  });
});
