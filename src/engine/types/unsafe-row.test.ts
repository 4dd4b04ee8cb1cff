import { expect, test } from "vitest";
import { unsafeRowHash } from "./unsafe-row.ts";

const STRING = { type: "string" } as const;
const TIMESTAMP = { type: "timestamp" } as const;

test("texts, structs and nulls are hashed as they lie in Spark's rows", () => {
  expect(unsafeRowHash(["a"], [STRING])).toBe(824341052);
  expect(unsafeRowHash(["b"], [STRING])).toBe(1800329907);
  expect(unsafeRowHash([null], [STRING])).not.toBe(unsafeRowHash([""], [STRING]));
});

test("a row with an array has no hash here", () => {
  expect(unsafeRowHash([[1]], [{ type: "array", element: { type: "int" } }])).toBeUndefined();
  const fields = [{ name: "xs", dataType: { type: "array", element: TIMESTAMP } as const, nullable: true }];
  expect(unsafeRowHash([[[1]]], [{ type: "struct", fields }])).toBeUndefined();
});
