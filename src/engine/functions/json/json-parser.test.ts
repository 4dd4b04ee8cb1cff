import { expect, test } from "vitest";
import { parseSchema } from "../../types/ddl.ts";
import { JsonParser } from "./json-parser.ts";

const schema = parseSchema("value double");

test.each([
  ['{"value":NaN}', NaN],
  ['{"value":-Infinity}', -Infinity],
  ['{"value":"Infinity"}', Infinity],
])("%s is a number unless allowNonNumericNumbers is false", (text, value) => {
  const allowing = new JsonParser(schema);
  expect(allowing.parse(text)).toEqual([value]);
  expect(allowing.reason).toBeNull();
  const strict = new JsonParser(schema, { allowNonNumericNumbers: "false" });
  expect(strict.parse(text)).toEqual([null]);
  expect(strict.reason).toBe("value is no DOUBLE");
});

test("a plain number is one either way", () => {
  expect(new JsonParser(schema, { allowNonNumericNumbers: "false" }).parse('{"value":-1.5e3}')).toEqual([-1500]);
});
