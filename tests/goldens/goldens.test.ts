import path from "node:path";
import { describe, expect, test } from "vitest";
import { runCase } from "./run-case.ts";
import { casesOf, goldenFiles } from "./run.ts";

/** Cases that do not pass yet, by name; one that begins to pass must leave this list. */
const NOT_YET: readonly string[] = [];

for (const file of await goldenFiles(path.join(import.meta.dirname, "cases"))) {
  const cases = await casesOf(file);
  describe(path.basename(file, ".json"), () => {
    test.for(cases.map((golden) => [golden.name, golden] as const))("%s", async ([name, golden]) => {
      const failure = await runCase(golden);
      if (NOT_YET.includes(name)) expect(failure, `${name} passes now: take it off the list`).toBeDefined();
      else expect(failure).toBeUndefined();
    });
  });
}
