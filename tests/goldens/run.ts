import { readdir, readFile, stat } from "node:fs/promises";
import path from "node:path";
import { parseArgs } from "node:util";
import { messageOf } from "../../src/base/errors.ts";
import type { GoldenCase, GoldenFile } from "./case.ts";
import { runCase, type CaseOptions } from "./run-case.ts";

const USAGE = "Usage: npm run goldens -- [DIR or file …] [--only text] [--blocks] [--full-rules]";

/**
 * `npm run goldens -- [DIR …] [--only text]`: runs every case of the golden files under each DIR (default: the project's own) against the engine. Ends with
 * the line `N passed, N failed`; exit code 0 only if cases ran and none failed, 2 for wrong usage. With `--blocks` texts come as bytes in blocks, as from
 * Kafka and files, and are read from those; with `--full-rules` as well (spark.sql.codegen.byteScanners=false) by the rules over strings.
 */
async function main(): Promise<void> {
  const given = readArguments();
  if (!given) return;
  let passed = 0;
  let failed = 0;
  const fail = (name: string, reason: string): void => {
    failed++;
    console.log(`FAILED ${name}\n  ${reason}`);
  };
  for (const place of given.places) {
    let files: readonly string[] = [];
    try {
      files = await goldenFiles(place);
    } catch (thrown) {
      fail(place, `Cannot read the golden cases (${messageOf(thrown)}). Name a folder or a file that is there.`);
    }
    for (const file of files) {
      let cases: readonly GoldenCase[] = [];
      try {
        cases = await casesOf(file);
      } catch (thrown) {
        fail(file, messageOf(thrown));
      }
      for (const golden of cases) {
        if (given.only !== undefined && !golden.name.includes(given.only)) continue;
        const failure = await runCase(golden, given.options);
        if (failure === undefined) passed++;
        else fail(golden.name, failure);
      }
    }
  }
  if (passed + failed === 0)
    console.log(`No case was found in ${given.places.join(", ")}${given.only === undefined ? "" : ` whose name holds "${given.only}"`}.`);
  console.log(`${passed} passed, ${failed} failed`);
  process.exitCode = passed > 0 && failed === 0 ? 0 : 1;
}

interface Arguments {
  readonly places: readonly string[];
  readonly only: string | undefined;
  readonly options: CaseOptions;
}

function readArguments(): Arguments | undefined {
  try {
    const { values, positionals } = parseArgs({
      allowPositionals: true,
      options: { only: { type: "string" }, blocks: { type: "boolean" }, "full-rules": { type: "boolean" } },
    });
    const places = positionals.length > 0 ? positionals : [path.join(import.meta.dirname, "cases")];
    return {
      places: places.map((place) => path.resolve(place)),
      only: values.only,
      options: { blocks: values.blocks === true, byteScanners: values["full-rules"] !== true },
    };
  } catch (thrown) {
    console.error(`${messageOf(thrown)}\n${USAGE}`);
    process.exitCode = 2;
    return undefined;
  }
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
