import { spawnSync } from "node:child_process";
import { readFileSync, readdirSync } from "node:fs";
import path from "node:path";
import { expect, test } from "vitest";

const pageFolder = path.join(import.meta.dirname, "page");
const scripts = readdirSync(pageFolder).filter((file) => file.endsWith(".js"));

test("the page's modules, which no build touches, pass the strict type check by their doc comments", () => {
  const compiler = path.join(import.meta.dirname, "../../node_modules/typescript-native/bin/tsc");
  const checked = spawnSync(process.execPath, [compiler, "-p", pageFolder], { encoding: "utf8" });
  expect(checked.stdout + checked.stderr).toBe("");
  expect(checked.status).toBe(0);
});

test("S4: data reaches the page as text only: no module parses markup or code", () => {
  expect(scripts.length).toBeGreaterThan(8);
  for (const file of scripts) {
    const code = readFileSync(path.join(pageFolder, file), "utf8");
    expect(code, file).not.toMatch(
      /innerHTML|outerHTML|insertAdjacentHTML|document\.write|DOMParser|\beval\b|new Function|setAttribute\("(style|on)/,
    );
  }
});
