import { expect, test } from "vitest";
import { matchingIds } from "./id-pattern.ts";

test("a pattern matches whole ids", () => {
  expect(matchingIds("a.c|b", ["abc", "xabc", "abcd", "b", "bb"])).toEqual(new Set(["abc", "b"]));
  expect(matchingIds(".*", ["", "a b"])).toEqual(new Set(["", "a b"]));
});

test("what is no pattern is refused, and so is one that would take for ever", () => {
  expect(matchingIds("(", ["a"])).toBeUndefined();
  const before = performance.now();
  expect(matchingIds("(a+)+b", [`${"a".repeat(200)}c`])).toBeUndefined();
  expect(performance.now() - before).toBeLessThan(5000);
});
