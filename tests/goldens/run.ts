import { readdir, readFile, stat } from "node:fs/promises";
import path from "node:path";
import { parseArgs } from "node:util";
import { messageOf } from "../../src/base/errors.ts";
import type { GoldenCase, GoldenFile } from "./case.ts";
import { runCase } from "./run-case.ts";

/** `npm run goldens -- [DIR] [--only text]`: runs every case of the golden files under DIR (default: the project's own) against the engine. */
async function main(): Promise<void> {
  const { values, positionals } = parseArgs({ allowPositionals: true, options: { only: { type: "string" } } });
  const folder = path.resolve(positionals[0] ?? path.join(import.meta.dirname, "cases"));
  let passed = 0;
  let failed = 0;
  for (const file of await goldenFiles(folder)) {
    let cases: readonly GoldenCase[] = [];
    try {
      cases = await casesOf(file);
    } catch (thrown) {
      failed++;
      console.log(`FAILED ${file}\n  ${messageOf(thrown)}`);
    }
    for (const golden of cases) {
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

/** Every golden file of a folder, its subfolders included, by name; a file stands for itself. */
export async function goldenFiles(folder: string): Promise<string[]> {
  if ((await stat(folder)).isFile()) return [folder];
  const entries = await readdir(folder, { recursive: true });
  return entries
    .filter((name) => name.endsWith(".json"))
    .sort()
    .map((name) => path.join(folder, name));
}

/** The cases of a file; none in JSON that holds no cases. */
export async function casesOf(file: string): Promise<readonly GoldenCase[]> {
  const read = JSON.parse(await readFile(file, "utf8")) as Partial<GoldenFile> | null;
  return Array.isArray(read?.cases) ? (read.cases as readonly GoldenCase[]) : [];
}

if (process.argv[1] === import.meta.filename) await main();
