import { show, type MimeBundle } from "./display.ts";
import { flattenRow } from "./flatten-row.ts";
import { formatValue } from "./format-value.ts";

/** How much of a table to show. */
export interface TableOptions {
  /** The columns, in order; by default those of the rows, nested ones as `window.start`. */
  readonly columns?: readonly string[];
  /** The most rows to show, 20 by default; the others are counted below the table. */
  readonly limit?: number;
  /** Longer texts are cut to this many characters, 60 by default. */
  readonly width?: number;
}

/** Anything with named values; nested objects become columns with dots. */
export type TableRow = Readonly<Record<string, unknown>>;

/** Something that can give its rows and columns: a danfojs DataFrame. An index of names, like that of `describe()`, becomes a column. */
export interface Tabular {
  readonly columns: readonly string[];
  readonly index: readonly (string | number)[];
  readonly values: unknown;
}

interface Table {
  readonly columns: readonly string[];
  readonly cells: readonly (readonly string[])[];
  readonly numeric: readonly boolean[];
  readonly left: number;
}

/** Shows rows, or a DataFrame, as a table below the cell: text for terminals and reports, HTML for Jupyter. Hostile values stay text. */
export function showTable(rows: Iterable<TableRow> | Tabular, options: TableOptions = {}): void {
  show(tableBundle(rows, options));
}

/** The same table without showing it: `text/plain` and `text/html`. */
export function tableBundle(rows: Iterable<TableRow> | Tabular, options: TableOptions = {}): MimeBundle {
  const table = layOut(Symbol.iterator in rows ? rows : rowsOf(rows), options);
  return { "text/plain": asText(table), "text/html": asHtml(table) };
}

function* rowsOf(frame: Tabular): Iterable<TableRow> {
  const named = frame.index.some((name) => typeof name === "string");
  for (const [row, values] of (frame.values as readonly (readonly unknown[])[]).entries())
    yield Object.fromEntries([
      ...(named ? [["", frame.index[row]]] : []),
      ...frame.columns.map((column, index): [string, unknown] => [column, values[index]]),
    ] as [string, unknown][]);
}

function layOut(rows: Iterable<TableRow>, { columns, limit = 20, width = 60 }: TableOptions): Table {
  const flat: TableRow[] = [];
  let left = 0;
  for (const row of rows) {
    if (flat.length < limit) flat.push(flattenRow(row));
    else left += 1;
  }
  const names = columns ?? [...new Set(flat.flatMap((row) => Object.keys(row)))];
  const cut = (text: string): string => (text.length > width ? `${text.slice(0, Math.max(0, width - 1))}…` : text);
  return {
    columns: names.map((name) => cut(formatValue(name))),
    cells: flat.map((row) => names.map((name) => cut(formatValue(row[name])))),
    numeric: names.map((name) => flat.every((row) => row[name] == null || typeof row[name] === "number" || typeof row[name] === "bigint")),
    left,
  };
}

function asText({ columns, cells, numeric, left }: Table): string {
  const widths = columns.map((name, index) => Math.max(name.length, ...cells.map((row) => row[index]?.length ?? 0)));
  const line = (values: readonly string[]): string =>
    `|${values.map((value, index) => ` ${numeric[index] ? value.padStart(widths[index] ?? 0) : value.padEnd(widths[index] ?? 0)} `).join("|")}|`;
  const rule = `+${widths.map((width) => "-".repeat(width + 2)).join("+")}+`;
  return [rule, line(columns), rule, ...cells.map(line), rule, ...more(left)].join("\n");
}

function asHtml({ columns, cells, numeric, left }: Table): string {
  const align = (index: number): string => ` style="text-align: ${numeric[index] ? "right" : "left"}"`;
  const row = (tag: string, values: readonly string[]): string =>
    `<tr>${values.map((value, index) => `<${tag}${align(index)}>${escapeHtml(value)}</${tag}>`).join("")}</tr>`;
  return [
    `<table><thead>${row("th", columns)}</thead><tbody>`,
    ...cells.map((values) => row("td", values)),
    "</tbody></table>",
    ...more(left).map((text) => `<p>${text}</p>`),
  ].join("\n");
}

function more(left: number): string[] {
  return left === 0 ? [] : [`and ${left} more row${left === 1 ? "" : "s"}`];
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
