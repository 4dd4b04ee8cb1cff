import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import path from "node:path";
import { expect, test } from "vitest";
import { blocksOf, PAGE } from "../../bench/performance-page.ts";
import { performanceTables } from "../../bench/performance-tables.ts";

const root = path.resolve(import.meta.dirname, "../..");
const page = readFileSync(PAGE, "utf8");
const { scripts } = JSON.parse(readFileSync(path.join(root, "package.json"), "utf8")) as { scripts: Record<string, string> };
const tables = performanceTables({ drain: {}, latency: {}, broker: {} });

/** The cells of each line of a block's table. */
function cellsOf(block: string): string[][] {
  return block
    .split("\n")
    .filter((line) => line.startsWith("|"))
    .map((line) =>
      line
        .slice(1, -1)
        .split(/(?<!\\)\|/)
        .map((cell) => cell.trim()),
    );
}

test("the page has a block for every table that the benchmarks fill, and no other", () => {
  expect([...blocksOf(page).keys()].sort()).toEqual(Object.keys(tables).sort());
});

test.each(Object.keys(tables))("the table of %s has the form that the figures are written in", (name) => {
  const block = blocksOf(page).get(name) ?? "";
  const [header, , ...rows] = cellsOf(block);
  const table = tables[name as keyof typeof tables];
  expect(header).toEqual(table.header);
  expect(rows.length).toBeGreaterThan(0);
  for (const row of rows) expect(row.length).toBe(table.header.length);
  for (const fixed of table.rows.filter((row) => !row.includes("–"))) expect(rows).toContainEqual(fixed);
});

const commands = [
  ...new Set([...page.matchAll(/npm run ([\w:-]+)((?: --? ?[\w-]+(?: [\w,:.-]+)*)*)/g)].map((found) => `${found[1]}${found[2]}`)),
];

test("the page names commands", () => {
  expect(commands.length).toBeGreaterThan(8);
});

test.each(commands)("npm run %s exists, and knows its options", { timeout: 30_000 }, (command) => {
  const [name = "", ...options] = command.split(" ").filter((word) => word !== "--");
  expect(Object.keys(scripts)).toContain(name);
  if (!name.startsWith("bench:")) return;
  const [, launcher = "", module = ""] = /^node (\S+) --module (\S+)$/.exec(scripts[name] ?? "") ?? [];
  const help = execFileSync(process.execPath, [path.join(root, launcher), "--module", module, "--help"], { encoding: "utf8" });
  expect(help).toContain(`npm run ${name} `);
  for (const flag of options.filter((word) => word.startsWith("--"))) expect(help, flag).toContain(flag);
});
