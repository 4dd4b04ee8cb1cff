import { Long, ObjectId } from "bson";
import { expect, test } from "vitest";
import { formatValue } from "./format-value.ts";
import { tableBundle } from "./table.ts";

test("numbers stand on the right, texts on the left, floats have at most four decimals", () => {
  const rows = [
    { type: "humidity", avg: 50.123456, n: 12n },
    { type: "vibration", avg: null, n: 3n },
  ];
  expect(tableBundle(rows)["text/plain"]).toBe(
    [
      "+-----------+---------+----+",
      "| type      |     avg |  n |",
      "+-----------+---------+----+",
      "| humidity  | 50.1235 | 12 |",
      "| vibration |    null |  3 |",
      "+-----------+---------+----+",
    ].join("\n"),
  );
});

test("nested objects become columns with dots, dates ISO text, lists JSON", () => {
  const text = String(tableBundle([{ window: { start: new Date(0), end: new Date(60_000) }, tags: ["a", 1] }])["text/plain"]);
  expect(text).toContain("| window.start             | window.end               | tags    |");
  expect(text).toContain(`| 1970-01-01T00:00:00.000Z | 1970-01-01T00:01:00.000Z | ["a",1] |`);
});

test("rows beyond the limit are counted, not shown; columns can be chosen", () => {
  const rows = Array.from({ length: 25 }, (_, n) => ({ n, other: "x" }));
  const text = String(tableBundle(rows, { columns: ["n"], limit: 3 })["text/plain"]);
  expect(text.split("\n").slice(1, 2)).toEqual(["| n |"]);
  expect(text).toMatch(/and 22 more rows$/);
  expect(tableBundle(rows, { limit: 24 })["text/plain"]).toMatch(/and 1 more row$/);
});

test("S5: hostile names and values are text in HTML, and cannot break a line", () => {
  const html = String(tableBundle([{ "<b>name</b>": `<img src=x onerror="alert(1)">&'`, "line\nbreak": "\u202eevil\u0000" }])["text/html"]);
  expect(html.replace(/<\/?(table|thead|tbody|tr|th|td)( style="text-align: (left|right)")?>/g, "")).not.toMatch(/[<>"']/);
  expect(html).toContain("&#60;img src=x onerror=&#34;alert(1)&#34;&#62;&#38;&#39;");
  expect(formatValue("a\nb\u202e\u0000")).toBe("a\\nb\\u202e\\u0000");
});

test("a row may have a column named __proto__ without harm", () => {
  const row = JSON.parse(`{ "__proto__": "p", "n": 1 }`) as Record<string, unknown>;
  expect(tableBundle([row])["text/plain"]).toContain("| __proto__ | n |");
});

test("no rows are an empty table", () => {
  expect(tableBundle([], { columns: ["a"] })["text/plain"]).toBe("+---+\n| a |\n+---+\n+---+");
});

test("identifiers and numbers of MongoDB, bytes, and bigint in lists are readable", () => {
  expect(formatValue(new ObjectId("0123456789abcdef01234567"))).toBe("0123456789abcdef01234567");
  expect(formatValue(Long.fromString("9007199254740993"))).toBe("9007199254740993");
  expect(formatValue(new Uint8Array([1, 255]))).toBe("0x01ff");
  expect(formatValue([1n, { a: null }])).toBe('["1",{"a":null}]');
  expect(formatValue(Object.create(null))).toBe("{}");
  expect(formatValue(new Date(Number.NaN))).toBe("invalid date");
});
