import type { Row, StructType } from "../types/data-type.ts";
import { valueText } from "../types/value-text.ts";

/**
 * Rows as Dataset.show prints them: cells cut to `truncate` characters ("..." among them; 0 does not cut), right-aligned when cut, left-aligned
 * when not, and a line when there are more than `numRows`.
 */
export function tableText(schema: StructType, rows: readonly Row[], numRows: number = 20, truncate: number = 20): string {
  const cell = (text: string): string => {
    if (truncate <= 0 || text.length <= truncate) return text;
    return truncate < 4 ? text.slice(0, truncate) : `${text.slice(0, truncate - 3)}...`;
  };
  const header = schema.fields.map((field) => cell(field.name));
  const body = rows
    .slice(0, numRows)
    .map((row) =>
      schema.fields.map((field, i) => cell(row[i] === null || row[i] === undefined ? "NULL" : valueText(row[i], field.dataType))),
    );
  const widths = header.map((name, i) => Math.max(3, name.length, ...body.map((one) => one[i]?.length ?? 0)));
  const line = (cells: readonly string[]): string =>
    `|${cells.map((text, i) => (truncate > 0 ? text.padStart(widths[i] ?? 0) : text.padEnd(widths[i] ?? 0))).join("|")}|`;
  const rule = `+${widths.map((width) => "-".repeat(width)).join("+")}+`;
  const more = rows.length > numRows ? [`only showing top ${numRows} ${numRows === 1 ? "row" : "rows"}`] : [];
  return [rule, line(header), rule, ...body.map(line), rule, ...more, ""].join("\n");
}
