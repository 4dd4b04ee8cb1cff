import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { expect, test } from "vitest";
import { commands } from "../../src/cli/commands.ts";

const root = path.resolve(import.meta.dirname, "../..");
const readme = readFileSync(path.join(root, "README.md"), "utf8");

test("the README's example runs as it stands and prints a window", () => {
  const example = /```ts\n([\s\S]*?)```/.exec(readme)?.[1];
  const folder = mkdtempSync(path.join(root, "tests", "docs", ".example-"));
  try {
    writeFileSync(path.join(folder, "example.ts"), example ?? "");
    const printed = execFileSync(process.execPath, [path.join(folder, "example.ts")], { encoding: "utf8", timeout: 30_000 });
    expect(printed).toContain("Batch: 0");
    expect(printed).toContain("|sensor_0001|20.5|       1|");
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test("the README's two commands are scripts of the package", () => {
  const { scripts } = JSON.parse(readFileSync(path.join(root, "package.json"), "utf8")) as { scripts: Record<string, string> };
  expect(readme).toContain("npm ci && npm run lab");
  expect(readme).toContain("npm ci && npm test");
  expect(Object.keys(scripts)).toEqual(expect.arrayContaining(["lab", "test"]));
});

test("the README's table of commands is the list of commands", () => {
  const table = readme.slice(readme.indexOf("## Commands"), readme.indexOf("## Notebooks"));
  const named = [...table.matchAll(/^\| (.*?) \|/gm)].flatMap((row) => [...(row[1] ?? "").matchAll(/`([\w-]+)/g)].map((found) => found[1]));
  expect([...new Set(named)].sort()).toEqual(Object.keys(commands).sort());
});

test("the README's table of notebooks is the folder of notebooks", () => {
  const named = [...readme.matchAll(/\(notebooks\/([\w-]+\.ipynb)\)/g)].map((found) => found[1]);
  const folder = path.join(root, "notebooks");
  expect(named).toEqual(existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith(".ipynb")) : []);
});

test("every module that the launcher's scripts name exists", () => {
  const { scripts } = JSON.parse(readFileSync(path.join(root, "package.json"), "utf8")) as { scripts: Record<string, string> };
  const modules = Object.values(scripts).flatMap((script) => /--module (\S+)/.exec(script)?.[1] ?? []);
  expect(modules.filter((file) => !existsSync(path.join(root, file)))).toEqual([]);
});
