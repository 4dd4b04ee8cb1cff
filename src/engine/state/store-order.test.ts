import { describe, expect, test } from "vitest";
import { inStoreOrder } from "./store-order.ts";

describe("rows come in the order of their bins", () => {
  const order = (hashes: readonly number[], copied: boolean, before: number, after: number): readonly number[] =>
    inStoreOrder(hashes, (hash) => hash, { copied, before, after });

  test("of sixteen in a new map, of one and a half times the rows, doubled, in a copy", () => {
    expect(order([9, 3, 18], false, 0, 3)).toEqual([18, 3, 9]);
    expect(order([9, 3, 18], true, 2, 3)).toEqual([9, 18, 3]);
  });

  test("of twice as many from three quarters on", () => {
    expect(order([17, 2], false, 0, 11)).toEqual([17, 2]);
    expect(order([17, 2], false, 0, 12)).toEqual([2, 17]);
  });

  test("rows of one bin stay as they were, and rows without a hash leave all as they were", () => {
    expect(order([33, 17, 1], false, 0, 3)).toEqual([33, 17, 1]);
    expect(inStoreOrder([3, 2], (one) => (one === 2 ? undefined : one), { copied: false, before: 0, after: 2 })).toEqual([3, 2]);
  });
});
