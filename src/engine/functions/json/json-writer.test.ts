import { expect, test } from "vitest";
import type { DataType } from "../../types/data-type.ts";
import { quoteJson } from "./json-text.ts";
import { jsonStyle, jsonWriter } from "./json-writer.ts";

test("a text in quotes reads back as itself, whatever characters it has", () => {
  for (let code = 0; code <= 0xffff; code++) {
    const text = `a${String.fromCharCode(code)}z`;
    expect(JSON.parse(quoteJson(text)), code.toString(16)).toBe(text);
  }
});

test("control characters have upper-case digits, and only they do (Jackson)", () => {
  expect(quoteJson("\u001f")).toBe('"\\u001F"');
  expect(quoteJson("\\u001f")).toBe('"\\\\u001f"');
  expect(quoteJson("\u007f\u2028é")).toBe('"\u007f\u2028é"');
});

const struct: DataType = {
  type: "struct",
  fields: ["a", 'b"', "c"].map((name) => ({ name, dataType: { type: "string" }, nullable: true })),
};

test.each([
  [["x", "y", "z"], '{"a":"x","b\\"":"y","c":"z"}'],
  [[null, "y", null], '{"b\\"":"y"}'],
  [[null, null, "z"], '{"c":"z"}'],
  [[null, null, null], "{}"],
])("fields that are null are left out: %j", (row, text) => {
  expect(jsonWriter(struct)(row)).toBe(text);
});

test("fields that are null are written where they are asked for", () => {
  expect(jsonWriter(struct, jsonStyle({ ignoreNullFields: "false" }))([null, "y", null])).toBe('{"a":null,"b\\"":"y","c":null}');
});
