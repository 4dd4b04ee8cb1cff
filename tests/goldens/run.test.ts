import { spawnSync } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "goldens-run-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

function run(...args: string[]): { readonly code: number | null; readonly last: string | undefined; readonly all: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, [path.join(import.meta.dirname, "run.ts"), ...args], { encoding: "utf8" });
  return { code: status, last: stdout.trimEnd().split("\n").at(-1), all: stdout + stderr };
}

describe("the command that runs golden cases", () => {
  test("counts a folder that is not there, and a file that cannot be read, as failures", async () => {
    const missing = run(path.join(folder, "nowhere"));
    expect([missing.code, missing.last]).toEqual([1, "0 passed, 1 failed"]);
    await writeFile(path.join(folder, "broken.json"), '{"cases": [');
    const broken = run(folder, path.join(folder, "nowhere"));
    expect([broken.code, broken.last]).toEqual([1, "0 passed, 2 failed"]);
  });

  test("is not content when no case ran", async () => {
    const file = path.join(folder, "other.json");
    await writeFile(file, '{"hello": 1}');
    const found = run(file, "--only", "nothing");
    expect([found.code, found.last]).toEqual([1, "0 passed, 0 failed"]);
    expect(found.all).toContain("No case was found");
  });

  test("says how it is used when an option is none", () => {
    const found = run("--bogus");
    expect(found.code).toBe(2);
    expect(found.all).toContain("Usage: npm run goldens");
  });
});
