import path from "node:path";
import { joinLines, type Notebook, type ProseCell } from "./notebook-file.ts";

/** The id of the cell that links a notebook to its neighbours. */
export const NAVIGATION_ID = "navigation";

/** The name that people read: "03 stream processing" for 03-stream-processing.ipynb. */
export function notebookTitle(file: string): string {
  return path.basename(file, ".ipynb").replaceAll("-", " ");
}

/** The links of a notebook among all of its folder: the index, the one before and the one after, by file name. */
export function navigationText(file: string, all: readonly string[]): string {
  const names = all.map((one) => path.basename(one)).sort();
  const name = path.basename(file);
  const position = names.indexOf(name);
  const [index, previous, next] = [names[0], names[position - 1], names[position + 1]];
  const link = (target: string, before: string, after: string): string => `${before}[${notebookTitle(target)}](${target})${after}`;
  const links = [
    ...(previous && previous !== index ? [link(previous, "← ", "")] : []),
    ...(index && index !== name ? [link(index, "", "")] : []),
    ...(next ? [link(next, "", " →")] : []),
  ];
  return ["---", links.join(" · ")].join("\n");
}

/** The text of a notebook's navigation cell, which is its last; undefined if it has none. */
export function navigationOf(document: Notebook): string | undefined {
  const last = document.cells.at(-1);
  return last?.cell_type === "markdown" && last.id === NAVIGATION_ID ? joinLines(last.source) : undefined;
}

/** The notebook with its navigation cell as it must be. */
export function withNavigation(document: Notebook, text: string): Notebook {
  const cell: ProseCell = { cell_type: "markdown", id: NAVIGATION_ID, metadata: {}, source: text };
  return { ...document, cells: [...document.cells.filter((one) => one.id !== NAVIGATION_ID), cell] };
}
