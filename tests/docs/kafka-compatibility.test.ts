import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { PAGE, pageOf } from "../conformance/page.ts";
import { committedRecord } from "../conformance/record.ts";
import { themes } from "../conformance/scenario/themes.ts";

test("docs/kafka-compatibility.md is what the record of the run makes", async () => {
  expect(readFileSync(PAGE, "utf8")).toBe(await pageOf(committedRecord()));
});

test("the record knows every theme of the scenario, and no other", () => {
  expect(Object.keys(committedRecord().steps).sort()).toEqual(themes.map(({ name }) => name).sort());
});
