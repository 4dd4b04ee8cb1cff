import { inspect } from "node:util";
import { expect, test } from "vitest";
import { StreamlabError } from "./errors.ts";

test("what is printed of an error says its parts and its cause once", () => {
  const thrown = new StreamlabError("CODE", { failed: "Cannot read a", found: "b", remedy: "Do c.", cause: new Error("inner") });
  expect(thrown.message).toBe("Cannot read a (b). Do c.");
  expect(thrown.problem.found).toBe("b");
  const printed = inspect(thrown);
  expect(printed.split("Error: inner")).toHaveLength(2);
  expect(printed).not.toContain("problem");
});
