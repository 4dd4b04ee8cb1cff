import { readdir, readFile } from "node:fs/promises";
import path from "node:path";
import { parseArgs } from "node:util";
import type { GoldenCase, GoldenFile } from "./case.ts";
import { runCase } from "./run-case.ts";

/** `npm run goldens -- [DIR] [--only text]`: runs every case of the golden files under DIR (default: the project's own) against the engine. */
async function main(): Promise<void> {
  const { values, positionals } = parseArgs({ allowPositionals: true, options: { only: { type: "string" } } });
  const folder = path.resolve(positionals[0] ?? path.join(import.meta.dirname, "cases"));
  let passed = 0;
  let failed = 0;
  for (const file of await goldenFiles(folder)) {
    for (const golden of await casesOf(file)) {
      if (values.only !== undefined && !golden.name.includes(values.only)) continue;
      const failure = await runCase(golden);
      if (failure === undefined) {
        passed++;
        continue;
      }
      failed++;
      console.log(`FAILED ${golden.name}\n  ${failure}`);
    }
  }
  console.log(`${passed} passed, ${failed} failed`);
  process.exitCode = failed === 0 ? 0 : 1;
}

/** Every golden file of a folder, its subfolders included, by name. */
export async function goldenFiles(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true });
  return entries
    .filter((name) => name.endsWith(".json"))
    .sort()
    .map((name) => path.join(folder, name));
}

export async function casesOf(file: string): Promise<readonly GoldenCase[]> {
  return (JSON.parse(await readFile(file, "utf8")) as GoldenFile).cases;
}

if (process.argv[1] === import.meta.filename) await main();
