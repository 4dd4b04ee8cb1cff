import { readFileSync } from "node:fs";
import path from "node:path";
import { expect, test } from "vitest";

const root = path.resolve(import.meta.dirname, "../..");
const rows = readFileSync(path.join(import.meta.dirname, "README.md"), "utf8")
  .split("\n")
  .map((line) => line.split("|").map((cell) => cell.trim()))
  .filter(([, fault]) => /^F\d+$/.test(fault ?? ""))
  .map(([, fault = "", , file = "", name = ""]) => ({ fault, file, name }));

const PROMISED = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 13, 15, 16, 17, 18, 19, 20, 23, 24, 25, 26, 27].map((n) => `F${n}`);

test("every fault has its line", () => {
  expect([...new Set(rows.map(({ fault }) => fault))]).toEqual(PROMISED);
});

test.each(rows.map(({ fault, file, name }) => [fault, file, name]))("%s: %s has the test that is named: %s", (_, file, name) => {
  expect(name).not.toBe("");
  expect(readFileSync(path.join(root, file ?? ""), "utf8")).toContain(name);
});
