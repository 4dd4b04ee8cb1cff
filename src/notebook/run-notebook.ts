import path from "node:path";
import { systemClock } from "../base/clock.ts";
import type { CellError } from "./cell-error.ts";
import { CellProcess, type CellOutput } from "./cell-process.ts";
import { NotebookError } from "./notebook-error.ts";
import {
  formatNotebook,
  joinLines,
  notebookMetadata,
  readNotebook,
  writeNotebook,
  type CodeCell,
  type Notebook,
  type NotebookOutput,
} from "./notebook-file.ts";
import { PARAMETERS_VARIABLE, type ParameterValues } from "./parameters.ts";
import { createScrubber } from "./scrub.ts";

/** How to run a notebook. */
export interface NotebookRunOptions {
  /** Handed to the notebook's `notebookParameters`; `profile` is "quick" or "full". */
  readonly parameters?: ParameterValues;
  /** The longest that one cell may take; 120,000 by default. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
  /** Write the outputs into the file when every cell passed. */
  readonly write?: boolean;
  /** Called before each code cell with its number, from 1, and how many there are. */
  readonly onCell?: (cell: number, cells: number) => void;
}

/** The cell that failed a run. */
export interface CellFailure {
  /** Number among the code cells, from 1: Jupyter's `[n]`. */
  readonly cell: number;
  /** The first lines of the cell. */
  readonly excerpt: string;
  readonly error: CellError;
}

/** What came of a run. */
export interface NotebookRun {
  /** The file's name without its folder. */
  readonly notebook: string;
  readonly cells: number;
  readonly durationMs: number;
  /** The notebook as it would be written. */
  readonly document: Notebook;
  readonly failure?: CellFailure;
}

/** The most that a notebook may weigh with its outputs, in bytes. */
export const MOST_NOTEBOOK_BYTES = 200_000;
const DEFAULT_TIMEOUT_MS = 120_000;
const EXCERPT_LINES = 6;

/**
 * Runs a notebook from top to bottom in a fresh process, without Jupyter, and stops at the first cell that fails. The file is written
 * only on request, only by a run that passed, and its outputs name neither this machine nor its secrets.
 */
export async function runNotebook(file: string, options: NotebookRunOptions = {}): Promise<NotebookRun> {
  const document = await readNotebook(file);
  const startedMs = systemClock.monotonicMs();
  const cells = document.cells.filter((cell) => cell.cell_type === "code");
  for (const cell of cells) Object.assign(cell, { outputs: [], execution_count: null });
  const failure = await runCells(cells, options);
  const scrub = createScrubber();
  for (const cell of cells) cell.outputs = scrub(cell.outputs);
  document.metadata = { ...document.metadata, ...notebookMetadata };
  const run = { notebook: path.basename(file), cells: cells.length, durationMs: systemClock.monotonicMs() - startedMs, document };
  if (failure) return { ...run, failure: scrub(failure) };
  refuseLarge(run);
  if (options.write) await writeNotebook(file, document);
  return run;
}

/** The failure of a run as people read it: notebook and cell, the cell's first lines, and the error. */
export function describeFailure(run: NotebookRun): string {
  if (!run.failure) return "";
  const { cell, excerpt, error } = run.failure;
  const quoted = excerpt.split("\n").map((line) => `    ${line}`);
  return [`${run.notebook}, cell [${cell}] of ${run.cells} failed`, ...quoted, ...error.traceback].join("\n");
}

async function runCells(cells: readonly CodeCell[], options: NotebookRunOptions): Promise<CellFailure | undefined> {
  if (cells.length === 0) return undefined;
  const host = await CellProcess.start({ [PARAMETERS_VARIABLE]: JSON.stringify(options.parameters ?? {}) }, options.signal);
  try {
    const displays = new Map<string, NotebookOutput[]>();
    for (const [index, cell] of cells.entries()) {
      options.onCell?.(index + 1, cells.length);
      const source = joinLines(cell.source);
      cell.execution_count = index + 1;
      if (source.trim() === "") continue;
      const error = await host.execute(source, {
        timeoutMs: options.timeoutMs ?? DEFAULT_TIMEOUT_MS,
        signal: options.signal,
        onOutput: (output) => collect(output, cell.outputs, displays),
      });
      if (!error) continue;
      cell.outputs.push({ output_type: "error", ename: error.ename, evalue: error.evalue, traceback: [...error.traceback] });
      return { cell: index + 1, excerpt: source.split("\n").slice(0, EXCERPT_LINES).join("\n"), error };
    }
    return undefined;
  } finally {
    await host.close();
  }
}

function collect(output: CellOutput, outputs: NotebookOutput[], displays: Map<string, NotebookOutput[]>): void {
  if (output.type === "stream") {
    const last = outputs.at(-1);
    if (last?.output_type === "stream" && last.name === output.name) last.text = joinLines(last.text) + output.text;
    else outputs.push({ output_type: "stream", name: output.name, text: output.text });
    return;
  }
  const { data, metadata, id } = output;
  const known = id === undefined ? undefined : displays.get(id);
  if (output.update) {
    for (const shown of known ?? []) Object.assign(shown, { data: { ...data }, metadata: { ...metadata } });
    return;
  }
  const shown: NotebookOutput = { output_type: "display_data", data: { ...data }, metadata: { ...metadata } };
  outputs.push(shown);
  if (id !== undefined) displays.set(id, [...(known ?? []), shown]);
}

function refuseLarge(run: Omit<NotebookRun, "failure">): void {
  const bytes = Buffer.byteLength(formatNotebook(run.document));
  if (bytes <= MOST_NOTEBOOK_BYTES) return;
  throw new NotebookError("NOTEBOOK_TOO_LARGE", {
    failed: `${run.notebook} is too large with its outputs`,
    found: `${Math.ceil(bytes / 1000)} kB, allowed are ${MOST_NOTEBOOK_BYTES / 1000} kB`,
    remedy: "Show fewer rows or points, and no events one by one.",
  });
}
