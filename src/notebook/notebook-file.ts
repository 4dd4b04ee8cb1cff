import { readFile } from "node:fs/promises";
import path from "node:path";
import { z } from "zod";
import { writeFileAtomic } from "../base/atomic-file.ts";
import { messageOf } from "../base/errors.ts";
import { NotebookError } from "./notebook-error.ts";

/** A text of a notebook file: whole, or as lines with their line ends. */
export type NotebookText = string | string[];

/** Values by MIME type, or metadata by name. */
export type NotebookValues = Record<string, unknown>;

/** An output as nbformat 4.5 stores it. */
export type NotebookOutput =
  | { output_type: "stream"; name: "stdout" | "stderr"; text: NotebookText }
  | { output_type: "display_data"; data: NotebookValues; metadata: NotebookValues }
  | { output_type: "execute_result"; execution_count: number | null; data: NotebookValues; metadata: NotebookValues }
  | { output_type: "error"; ename: string; evalue: string; traceback: string[] };

/** A cell of prose. */
export type ProseCell = {
  cell_type: "markdown" | "raw";
  id?: string | undefined;
  metadata: NotebookValues;
  source: NotebookText;
};

/** A cell that runs. */
export type CodeCell = {
  cell_type: "code";
  id?: string | undefined;
  metadata: NotebookValues;
  source: NotebookText;
  execution_count: number | null;
  outputs: NotebookOutput[];
};

/** A cell as nbformat 4.5 stores it. */
export type NotebookCell = ProseCell | CodeCell;

/** A notebook file. */
export type Notebook = { cells: NotebookCell[]; metadata: NotebookValues; nbformat: 4; nbformat_minor: number };

const text = z.union([z.string(), z.array(z.string())]);
const values = z.record(z.string(), z.unknown());
const schema: z.ZodType<Notebook> = z.looseObject({
  cells: z.array(
    z.discriminatedUnion("cell_type", [
      z.looseObject({ cell_type: z.enum(["markdown", "raw"]), id: z.string().optional(), metadata: values, source: text }),
      z.looseObject({
        cell_type: z.literal("code"),
        id: z.string().optional(),
        metadata: values,
        source: text,
        execution_count: z.number().nullable(),
        outputs: z.array(
          z.discriminatedUnion("output_type", [
            z.object({ output_type: z.literal("stream"), name: z.enum(["stdout", "stderr"]), text }),
            z.object({ output_type: z.literal("display_data"), data: values, metadata: values }),
            z.object({ output_type: z.literal("execute_result"), execution_count: z.number().nullable(), data: values, metadata: values }),
            z.object({ output_type: z.literal("error"), ename: z.string(), evalue: z.string(), traceback: z.array(z.string()) }),
          ]),
        ),
      }),
    ]),
  ),
  metadata: values,
  nbformat: z.literal(4),
  nbformat_minor: z.number(),
});

/** What every notebook of the project says of its kernel and language. */
export const notebookMetadata: Readonly<Record<string, unknown>> = {
  kernelspec: { display_name: "TypeScript (streamlab)", language: "typescript", name: "streamlab" },
  language_info: {
    codemirror_mode: { mode: "typescript", name: "javascript", typescript: true },
    file_extension: ".ts",
    mimetype: "text/typescript",
    name: "typescript",
  },
};

/** Reads and validates a notebook; a file that is none is a NOTEBOOK_UNREADABLE. */
export async function readNotebook(file: string): Promise<Notebook> {
  try {
    return schema.parse(JSON.parse(await readFile(file, "utf8")));
  } catch (thrown) {
    throw new NotebookError("NOTEBOOK_UNREADABLE", {
      failed: `Cannot read the notebook ${path.basename(file)}`,
      found: thrown instanceof z.ZodError ? z.prettifyError(thrown).split("\n").slice(0, 4).join(" ") : messageOf(thrown),
      remedy: "Give the path of an .ipynb file of nbformat 4.",
      cause: thrown,
    });
  }
}

/** The file's text in Jupyter's own layout (one space, sorted keys, texts as lists of lines), so that a save in JupyterLab changes no line. */
export function formatNotebook(document: Notebook): string {
  const cells = document.cells.map((one, index) => ({ ...orderedCell(one), id: one.id ?? `cell-${String(index + 1).padStart(2, "0")}` }));
  const written = { cells, metadata: document.metadata, nbformat: 4, nbformat_minor: 5 };
  return `${JSON.stringify(written, sortKeys, 1)}\n`;
}

function sortKeys(_key: string, value: unknown): unknown {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** Writes a notebook whole or not at all. */
export async function writeNotebook(file: string, document: Notebook): Promise<void> {
  await writeFileAtomic(file, formatNotebook(document));
}

/** A cell's source, or a text output, as one string. */
export function joinLines(source: string | readonly string[]): string {
  return typeof source === "string" ? source : source.join("");
}

function orderedCell(one: NotebookCell): NotebookCell {
  const metadata = Object.fromEntries(Object.entries(one.metadata).filter(([key]) => key !== "execution"));
  const source = splitLines(joinLines(one.source));
  if (one.cell_type !== "code") return { ...one, metadata, source };
  return { ...one, metadata, source, outputs: one.outputs.map(orderedOutput) };
}

function orderedOutput(one: NotebookOutput): NotebookOutput {
  if (one.output_type === "stream") return { name: one.name, output_type: one.output_type, text: splitLines(joinLines(one.text)) };
  if (one.output_type === "error") return one;
  const data = Object.entries(one.data).map(([type, value]) => [
    type,
    typeof value === "string" && isText(type) ? splitLines(value) : value,
  ]);
  return { ...one, data: Object.fromEntries(data) as Record<string, unknown> };
}

function isText(mimeType: string): boolean {
  return mimeType.startsWith("text/") || mimeType === "image/svg+xml" || mimeType === "application/javascript";
}

function splitLines(whole: string): string[] {
  return whole.split(/(?<=\n)/).filter((line) => line !== "");
}
