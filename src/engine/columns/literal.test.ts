import { expect, test } from "vitest";
import { string } from "../types/schema-builder.ts";
import { literalExpression } from "./literal.ts";

test("what is no literal is refused with what can be given; a type in the place of a value leads to arrayOf", () => {
  expect(() => literalExpression(string())).toThrow(/the type string.*arrayOf/);
  expect(() => literalExpression([1])).toThrow("an array");
});
