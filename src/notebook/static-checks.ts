import path from "node:path";
import { checkCell } from "./cell-checks.ts";
import { navigationOf, navigationText } from "./navigation.ts";
import { formatNotebook, joinLines, type CodeCell, type Notebook, type NotebookCell } from "./notebook-file.ts";
import { MOST_NOTEBOOK_BYTES } from "./run-notebook.ts";

/** Something in a notebook that breaks a rule. */
export interface NotebookFinding {
  readonly notebook: string;
  /** The cell, counted from 1 over all cells; absent where it is about the whole file. */
  readonly cell?: number;
  readonly message: string;
}

const OPENING = ["**Question**", "**You will see**", "**Minutes**", "**Services**"];
const ABSOLUTE_PATH =
  /file:\/\/|(?<![\w.~/:-])\/(?:home|Users|root|tmp|private|var\/folders|opt|mnt|usr|work|workspace|srv)\/[\w.-]|\b[A-Z]:\\\\?(?:Users|Windows|Program)/;
const LEAST_EXERCISES = 2;
const MOST_EXERCISES = 3;

/**
 * The rules that need no run: the same opening and ending everywhere, thin cells, one import, right links, clean and small outputs.
 * `all` are the notebooks of the folder, from whose names the links follow. The first notebook, the index, has no exercises.
 */
export function checkNotebook(file: string, document: Notebook, all: readonly string[]): NotebookFinding[] {
  const notebook = path.basename(file);
  const isIndex = notebook === all.map((one) => path.basename(one)).sort()[0];
  const cells = document.cells;
  const messages = [...checkOpening(cells), ...checkEnding(cells, isIndex), ...checkFile(file, document, all)];
  const perCell = cells.flatMap((cell, index) =>
    [
      ...(cell.cell_type === "code" ? checkCell(joinLines(cell.source)) : []),
      ...checkPlace(cell, cells[index - 1]),
      ...checkOutputs(cell),
    ].map((message) => ({ notebook, cell: index + 1, message })),
  );
  return [...messages.map((message) => ({ notebook, message })), ...perCell];
}

function codeOf(cells: readonly NotebookCell[]): CodeCell[] {
  return cells.filter((cell) => cell.cell_type === "code");
}

function checkOpening(cells: readonly NotebookCell[]): string[] {
  const first = cells[0];
  const opening = first?.cell_type === "markdown" ? joinLines(first.source) : "";
  const code = codeOf(cells).map((cell) => joinLines(cell.source));
  const importing = code.filter((source) => /^\s*import\b/m.test(source)).length;
  return [
    ...(opening.startsWith("# ") ? [] : ["the first cell is no title (# …)"]),
    ...OPENING.filter((label) => !opening.includes(label)).map((label) => `the first cell does not say ${label}`),
    ...(/^import\b[^;]*from "streamlab"/.test(code[0] ?? "")
      ? []
      : ['the first code cell does not begin with the import from "streamlab"']),
    ...(/\bcheck(Equal)?\(/.test(`${code[0] ?? ""}\n${code[1] ?? ""}`)
      ? []
      : ["neither of the first two code cells checks that the notebook can run"]),
    ...(importing > 1 ? [`${importing} cells import; one import from "streamlab" is the rule`] : []),
  ];
}

function checkEnding(cells: readonly NotebookCell[], isIndex: boolean): string[] {
  const prose = cells.flatMap((cell) => (cell.cell_type === "markdown" ? [joinLines(cell.source)] : []));
  const code = codeOf(cells).map((cell) => joinLines(cell.source));
  const exercises = code.filter((source) => /\bexercise\(/.test(source)).length;
  const heading = (name: string): boolean => prose.some((text) => new RegExp(`^## ${name}\\b`, "m").test(text));
  return [
    ...(isIndex || heading("Exercises") ? [] : ["there is no ## Exercises"]),
    ...(isIndex || (exercises >= LEAST_EXERCISES && exercises <= MOST_EXERCISES)
      ? []
      : [`${exercises} cells with exercise(…); two or three are the rule`]),
    ...(heading("Teardown") ? [] : ["there is no ## Teardown"]),
    ...(code.at(-1)?.includes("backgroundErrors()") ? [] : ["the last code cell does not check backgroundErrors()"]),
  ];
}

function checkFile(file: string, document: Notebook, all: readonly string[]): string[] {
  const bytes = Buffer.byteLength(formatNotebook(document));
  const ids = document.cells.map((cell) => cell.id);
  const kernel = document.metadata["kernelspec"] as { readonly name?: unknown } | undefined;
  return [
    ...(bytes <= MOST_NOTEBOOK_BYTES ? [] : [`it weighs ${Math.ceil(bytes / 1000)} kB, allowed are ${MOST_NOTEBOOK_BYTES / 1000} kB`]),
    ...(document.nbformat_minor >= 5 && ids.every((id) => id !== undefined) ? [] : ["cells without an id: it is not nbformat 4.5"]),
    ...(new Set(ids).size === ids.length ? [] : ["two cells have the same id"]),
    ...(kernel?.name === "streamlab" ? [] : ["its kernel is not streamlab"]),
    ...(navigationOf(document) === navigationText(file, all)
      ? []
      : ["its links do not follow from the file names; run notebooks check --fix"]),
  ];
}

function checkPlace(cell: NotebookCell, before: NotebookCell | undefined): string[] {
  return cell.cell_type === "code" && before?.cell_type !== "markdown" ? ["no prose before this code"] : [];
}

function checkOutputs(cell: NotebookCell): string[] {
  if (cell.cell_type !== "code") return [];
  const text = JSON.stringify(cell.outputs);
  const path = ABSOLUTE_PATH.exec(text.replaceAll("\\n", "\n"));
  return [
    ...(path ? [`an output shows an absolute path (${path[0]}…)`] : []),
    ...(cell.outputs.some((output) => output.output_type === "error") ? ["an output is an error"] : []),
    ...(text.includes("vnd.vegalite.v6") ? ["JupyterLab draws nothing for vega-lite v6; use the v5 type"] : []),
  ];
}
