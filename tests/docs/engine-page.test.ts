import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { expect, test } from "vitest";
import { fileFormats } from "../../src/engine/file-formats.ts";
import { checkSinkOptions, checkSourceOptions } from "../../src/kafka/option-names.ts";

const root = path.resolve(import.meta.dirname, "../..");
const page = readFileSync(path.join(root, "docs", "engine.md"), "utf8");
const programs = [...page.matchAll(/```ts\n([\s\S]*?)```/g)].map((found) => found[1] ?? "");

/** The names between backticks in a column of the table row that begins with a text. */
function names(section: string, row: string, column: number): string[] {
  const part = page.slice(page.indexOf(`## ${section}`));
  const cells = part
    .split("\n")
    .find((line) => line.startsWith(`| ${row}`))
    ?.split("|");
  return [...(cells?.[column] ?? "").matchAll(/`([^`]+)`/g)].map((found) => found[1] ?? "");
}

function printed(program: string): string {
  const folder = mkdtempSync(path.join(root, "tests", "docs", ".example-"));
  try {
    writeFileSync(path.join(folder, "example.ts"), program);
    return execFileSync(process.execPath, [path.join(folder, "example.ts")], { encoding: "utf8", timeout: 60_000 });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

test("the page's first program prints the two groups of its batch", () => {
  expect(printed(programs[0] ?? "")).toContain("|1970-01-01 00:00:00|     1|  2|");
});

test("the page's program of given rows joins the row of the batch with the table's", () => {
  expect(printed(programs[1] ?? "").trim()).toBe('0 [{"sensor":"b","at":"2026-01-01T00:00:10.000Z","floor":2}]');
});

test("the page's last program tells why a row is dropped, why a window is open and what comes next, with the numbers", () => {
  const [row, open, next] = printed(programs.at(-1) ?? "")
    .trim()
    .split("\n");
  expect(row).toMatch(/the row is dropped.*2026-01-01T00:00:20/);
  expect(open).toContain("at of memory (delay 10000 ms, now at 2026-01-01T00:00:20.000Z) has to reach 2026-01-01T00:00:35.000Z");
  expect(next).toMatch(/^Batch \d+ waits for new data/);
});

test("the program of the page on speed lists the scanner of its four fields, and where the group is found", () => {
  const speed = readFileSync(path.join(root, "docs", "engine-speed.md"), "utf8");
  const listing = printed(/```ts\n([\s\S]*?)```/.exec(speed)?.[1] ?? "");
  expect(listing).toContain("// JSON, 4 of 5 fields from its bytes");
  expect(listing).toContain("// the group of this key");
  expect(listing).toContain("function scan(buffer, start, end)");
});

test("every option of Kafka that the page names is one", () => {
  const source = names("Sources", "`kafka`", 3);
  expect(source.length).toBeGreaterThan(10);
  expect(() => checkSourceOptions(Object.fromEntries(source.map((name) => [name, "1"])))).not.toThrow();
  expect(() => checkSinkOptions(Object.fromEntries(names("Sinks", "`kafka`", 3).map((name) => [name, "1"])))).not.toThrow();
});

test("the page names every format of files", () => {
  expect(names("Sources", "`json`", 1)).toEqual(expect.arrayContaining(fileFormats.map((one) => one.name)));
});
