import { expect, test } from "vitest";
import { createLineReader } from "./line-reader.ts";

test("without properties a line is a value", () => {
  expect(createLineReader({})("a\tb", 1)).toEqual({ headers: [], key: null, value: "a\tb" });
});

test("headers, then key, then value, each behind its separator", () => {
  const read = createLineReader({ "parse.key": "true", "parse.headers": "true" });
  expect(read("h1:v1,h2:v2\tk\tv\tw", 1)).toEqual({
    headers: [
      ["h1", "v1"],
      ["h2", "v2"],
    ],
    key: "k",
    value: "v\tw",
  });
  const own = createLineReader({
    ...{ "parse.key": "true", "parse.headers": "true", "key.separator": "=" },
    ...{ "headers.delimiter": "|", "headers.separator": ";", "headers.key.separator": "/" },
  });
  expect(own("a/1;b/2|k=v", 1)).toMatchObject({
    key: "k",
    value: "v",
    headers: [
      ["a", "1"],
      ["b", "2"],
    ],
  });
});

test("the null marker makes keys, values, a header's value and all headers null", () => {
  const read = createLineReader({ "parse.key": "true", "parse.headers": "true", "null.marker": "NIL" });
  expect(read("NIL\tNIL\tNIL", 1)).toEqual({ headers: [], key: null, value: null });
  expect(read("h:NIL\tk\tv", 1).headers).toEqual([["h", null]]);
});

test("a missing separator is refused by the line's number; with ignore.error the line is all value", () => {
  const strict = createLineReader({ "parse.key": "true" });
  expect(() => strict("no separator", 7)).toThrow('Cannot send line 7 (no key separator "\\t" in "no separator")');
  expect(createLineReader({ "parse.key": "true", "ignore.error": "true" })("plain", 1)).toEqual({ headers: [], key: null, value: "plain" });
});

test.each([
  [{ "parse.keys": "true" }, "the property parse.keys"],
  [{ "parse.headers": "true", "headers.delimiter": "," }, "are the same"],
  [{ "parse.headers": "true", "headers.separator": ":" }, "are the same"],
  [{ "key.separator": "" }, "a separator is empty"],
  [{ "null.marker": "\t" }, "the same as null.marker"],
])("%j is refused", (properties, found) => {
  expect(() => createLineReader(properties as Record<string, string>)).toThrow(found);
});
