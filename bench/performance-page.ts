import { readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { format, resolveConfig } from "prettier";
import { StreamlabError } from "../src/base/errors.ts";
import { projectRoot } from "../src/base/project.ts";
import { reportFailure } from "../src/cli/failure.ts";
import { stateFolder } from "../src/stack/state-folder.ts";
import { isCommand } from "./is-command.ts";
import { readOptions } from "./options.ts";
import { newestFigures, readReports } from "./performance-figures.ts";
import { performanceTables, type Table, type TableName } from "./performance-tables.ts";

const USAGE = `Writes the tables of docs/performance.md from the newest figures of each benchmark; a table without figures stays as it is.

  npm run bench:page -- [options]
    --from FOLDER    where the figures are (.streamlab/bench)
    --page FILE      the page (docs/performance.md)
`;

/** The page whose tables come from figures. */
export const PAGE: string = path.join(projectRoot, "docs", "performance.md");

const BLOCK = /<!-- figures: ([\w-]+) -->\n([\s\S]*?)<!-- end of figures -->/g;

/** The blocks of a page that tables are written into, by their names. */
export function blocksOf(page: string): Map<string, string> {
  return new Map([...page.matchAll(BLOCK)].map((found) => [found[1] ?? "", found[2] ?? ""]));
}

/** A table as Markdown, with its notes below. */
export function markdownOf({ header, rows, notes }: Table): string {
  const line = (cells: readonly string[]): string => `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
  return [line(header), line(header.map(() => "---")), ...rows.map(line), "", ...notes.flatMap((one) => [one, ""])].join("\n");
}

/** Fills the blocks of the page; those whose tables have no rows stay. @throws StreamlabError UNKNOWN_TABLE for a block that no table is for */
export function fillPage(page: string, tables: Readonly<Record<TableName, Table>>): string {
  return page.replaceAll(BLOCK, (block, name: string) => {
    if (!(name in tables))
      throw new StreamlabError("UNKNOWN_TABLE", {
        failed: "Cannot write the page of figures",
        found: `a block for "${name}"`,
        remedy: `Name one of ${Object.keys(tables).join(", ")}.`,
      });
    const table = tables[name as TableName];
    return table.rows.length === 0 ? block : `<!-- figures: ${name} -->\n\n${markdownOf(table)}<!-- end of figures -->`;
  });
}

/** Rewrites the page from the figures in a folder. */
export async function writePage(figuresFolder: string, file: string = PAGE): Promise<void> {
  const tables = performanceTables(newestFigures(await readReports(figuresFolder)));
  const filled = fillPage(await readFile(file, "utf8"), tables);
  await writeFile(file, await format(filled, { ...(await resolveConfig(file)), parser: "markdown" }));
}

async function run(): Promise<number> {
  try {
    const values = readOptions(
      { from: { type: "string" }, page: { type: "string" }, help: { type: "boolean", short: "h" } },
      process.argv.slice(2),
    );
    if (values.help) process.stdout.write(USAGE);
    else await writePage(path.resolve(values.from ?? path.join(stateFolder(projectRoot), "bench")), path.resolve(values.page ?? PAGE));
    return 0;
  } catch (thrown) {
    return reportFailure(thrown, false);
  }
}

if (isCommand(import.meta.filename)) process.exitCode = await run();
