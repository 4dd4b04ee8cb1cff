import { describe, expect, test } from "vitest";
import { rowFromJson } from "./json-value.ts";
import { int, string, struct } from "./schema-builder.ts";

describe("a row in JSON form", () => {
  const schema = struct({ id: int(), name: string() });

  test("is its values in order, or an object by column name whose absent columns are null", () => {
    expect(rowFromJson([1, "a"], schema)).toEqual([1, "a"]);
    expect(rowFromJson({ name: "a", id: 1 }, schema)).toEqual([1, "a"]);
    expect(rowFromJson({ id: 1 }, schema)).toEqual([1, null]);
  });

  test("is refused with another number of values, or with a name that is no column", () => {
    expect(() => rowFromJson([1], schema)).toThrow("1 values for 2 columns");
    expect(() => rowFromJson([1, "a", 2], schema)).toThrow("3 values for 2 columns");
    expect(() => rowFromJson({ id: 1, nmae: "a" }, schema)).toThrow("a value for nmae");
  });
});
