import { expect, test } from "vitest";
import type { DataType } from "./data-type.ts";
import type { JsonValue } from "./json-value.ts";
import { fromJsonValue } from "./json-value.ts";

const misfits: readonly (readonly [JsonValue, DataType["type"]])[] = [
  [2 ** 31, "int"],
  [-(2 ** 31) - 1, "int"],
  [1.5, "int"],
  ["1", "int"],
  [128, "tinyint"],
  [-32769, "smallint"],
  [1.5, "bigint"],
  ["abc", "bigint"],
  ["abc", "double"],
  ["", "double"],
  [true, "float"],
];

test.each(misfits)("%j is refused as %s, with the value in the message", (value, type) => {
  expect(() => fromJsonValue(value, { type } as DataType)).toThrow(`Cannot read ${JSON.stringify(value)} as ${type}`);
});

test("the bounds of the whole-number types and the texts of doubles are values", () => {
  expect([-(2 ** 31), 2 ** 31 - 1].map((n) => fromJsonValue(n, { type: "int" }))).toEqual([-(2 ** 31), 2 ** 31 - 1]);
  expect([-128, 127].map((n) => fromJsonValue(n, { type: "tinyint" }))).toEqual([-128, 127]);
  expect(fromJsonValue("9223372036854775807", { type: "bigint" })).toBe(9223372036854775807n);
  expect(["NaN", "-Infinity", "-0", "1.5e3"].map((text) => fromJsonValue(text, { type: "double" }))).toEqual([NaN, -Infinity, -0, 1500]);
});

test("a time that is not text leads to toISOString", () => {
  expect(() => fromJsonValue(new Date(0) as unknown as JsonValue, { type: "timestamp" })).toThrow("toISOString()");
});
