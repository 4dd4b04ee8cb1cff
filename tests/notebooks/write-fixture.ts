import { writeFile } from "node:fs/promises";
import { formatNotebook, type Notebook } from "../../src/notebook/notebook-file.ts";

/** A notebook of code cells, as a test needs it. */
export function notebookOf(...sources: readonly string[]): Notebook {
  return {
    cells: sources.map((source) => ({ cell_type: "code", metadata: {}, source, execution_count: null, outputs: [] })),
    metadata: {},
    nbformat: 4,
    nbformat_minor: 5,
  };
}

/** Writes such a notebook. */
export async function writeFixture(file: string, ...sources: readonly string[]): Promise<void> {
  await writeFile(file, formatNotebook(notebookOf(...sources)));
}
