import type { DataType, Row, StructType } from "../types/data-type.ts";
import { valueText } from "../types/value-text.ts";

/** How a table is printed: at most `numRows` rows, cells cut to `truncate` characters (0 does not cut), one line a cell if `vertical`. */
export type TableStyle = { readonly numRows?: number; readonly truncate?: number; readonly vertical?: boolean };

/**
 * Rows as `show` and the console sink print them (Spark's Dataset.showString, without the line break after it): cells are cut to `truncate`
 * characters, "..." among them, and stand right when they may be cut, left when not; wide characters of East Asia take two places. A last line says
 * when there are more than `numRows`.
 */
export function tableText(schema: StructType, rows: readonly Row[], style: TableStyle = {}): string {
  const { numRows = 20, truncate = 20, vertical = false } = style;
  const shown = Math.max(0, numRows);
  const names = schema.fields.map((field) => escaped(field.name));
  const body = rows.slice(0, shown).map((row) => schema.fields.map((field, i) => cut(escaped(cellText(row[i], field.dataType)), truncate)));
  if (vertical && body.length === 0) return "(0 rows)";
  const more = rows.length > shown ? `only showing top ${shown} ${shown === 1 ? "row" : "rows"}` : "";
  return (vertical ? records(names, body) : table(names, body, truncate > 0)) + more;
}

function table(names: readonly string[], body: readonly (readonly string[])[], alignRight: boolean): string {
  const widths = names.map((name, i) => Math.max(3, widthOf(name), ...body.map((cells) => widthOf(cells[i] ?? ""))));
  const line = (cells: readonly string[]): string =>
    `|${cells.map((text, i) => (alignRight ? padding(text, widths[i] ?? 0) + text : text + padding(text, widths[i] ?? 0))).join("|")}|`;
  const rule = `+${widths.map((width) => "-".repeat(width)).join("+")}+`;
  return [rule, line(names), rule, ...body.map(line), rule, ""].join("\n");
}

function records(names: readonly string[], body: readonly (readonly string[])[]): string {
  const nameWidth = Math.max(3, ...names.map(widthOf));
  const cellWidth = Math.max(3, ...body.flat().map(widthOf));
  const lines = body.flatMap((cells, i) => [
    `-RECORD ${i}`.padEnd(nameWidth + cellWidth + 5, "-"),
    ...cells.map((text, at) => ` ${names[at] ?? ""}${padding(names[at] ?? "", nameWidth)} | ${text}${padding(text, cellWidth)} `),
  ]);
  return [...lines, ""].join("\n");
}

function padding(text: string, width: number): string {
  return " ".repeat(Math.max(0, width - widthOf(text)));
}

const WIDE = /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]/g;

/** How many places a text takes. */
function widthOf(text: string): number {
  return text.length + (text.match(WIDE)?.length ?? 0);
}

function cut(text: string, truncate: number): string {
  if (truncate <= 0 || text.length <= truncate) return text;
  return truncate < 4 ? text.slice(0, truncate) : `${text.slice(0, truncate - 3)}...`;
}

const ESCAPES = [
  ["\n", "\\n"],
  ["\r", "\\r"],
  ["\t", "\\t"],
  ["\f", "\\f"],
  ["\b", "\\b"],
  ["\v", "\\v"],
  ["\u0007", "\\a"],
] as const;

/** What would break the table, as text. */
function escaped(text: string): string {
  return ESCAPES.reduce((done, [character, instead]) => (done.includes(character) ? done.replaceAll(character, instead) : done), text);
}

/** A value as a table shows it: as its cast to text, but NULL also inside arrays, maps and structs, and bytes as numbers of base 16. */
function cellText(value: unknown, type: DataType): string {
  if (value === null || value === undefined) return "NULL";
  switch (type.type) {
    case "binary":
      return `[${[...(value as Uint8Array)].map((byte) => byte.toString(16).toUpperCase().padStart(2, "0")).join(" ")}]`;
    case "array":
      return `[${(value as unknown[]).map((one) => cellText(one, type.element)).join(", ")}]`;
    case "map":
      return `{${[...(value as Map<unknown, unknown>)].map(([k, v]) => `${cellText(k, type.key)} -> ${cellText(v, type.value)}`).join(", ")}}`;
    case "struct":
      return `{${type.fields.map((one, i) => cellText((value as unknown[])[i], one.dataType)).join(", ")}}`;
    default:
      return valueText(value, type);
  }
}
