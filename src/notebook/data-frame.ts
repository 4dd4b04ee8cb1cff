import { createRequire } from "node:module";
import type * as danfojs from "danfojs-node";
import { flattenRow } from "./flatten-row.ts";
import { formatObject } from "./format-value.ts";
import { NotebookError } from "./notebook-error.ts";
import type { TableRow } from "./table.ts";

/** The most rows of a frame: danfojs sorts and groups in quadratic time. */
export const MOST_FRAME_ROWS = 10_000;

/** How to treat rows in which a column has no value. */
export interface DataFrameOptions {
  /** `refuse` (default) fails on the first one; `drop` leaves such rows out. danfojs itself would count them into means. */
  readonly missing?: "refuse" | "drop";
}

/**
 * A danfojs DataFrame of small result tables: sort, group, describe. Nested objects become columns with dots, dates ISO text, bigint
 * numbers. More than 10,000 rows are a UNFIT_ROWS.
 */
export function dataFrame(rows: Iterable<TableRow>, options: DataFrameOptions = {}): danfojs.DataFrame {
  const flat = [...rows].map((row) =>
    Object.fromEntries(Object.entries(flattenRow(row)).map(([name, value]) => [name, plainValue(value)])),
  );
  if (flat.length > MOST_FRAME_ROWS)
    throw refuse(`${flat.length} rows, allowed are ${MOST_FRAME_ROWS}`, "Aggregate in the query, or take a part of the rows.");
  const columns = [...new Set(flat.flatMap((row) => Object.keys(row)))];
  const hole = (row: Record<string, unknown>): string | undefined => columns.find((name) => isMissing(row[name]));
  const index = options.missing === "drop" ? -1 : flat.findIndex((row) => hole(row) !== undefined);
  const holed = flat[index];
  if (holed)
    throw refuse(
      `row ${index} has no value in column ${hole(holed) ?? ""}`,
      'Pass { missing: "drop" } to leave such rows out, or fill the column.',
    );
  const whole = flat.filter((row) => hole(row) === undefined);
  const { DataFrame } = createRequire(import.meta.url)("danfojs-node") as typeof danfojs;
  return new DataFrame(
    whole.map((row) => columns.map((name) => row[name])),
    { columns },
  );
}

function plainValue(value: unknown): unknown {
  if (typeof value === "bigint") return Number(value);
  return typeof value === "object" && value !== null ? formatObject(value) : value;
}

function isMissing(value: unknown): boolean {
  return value === null || value === undefined || (typeof value === "number" && Number.isNaN(value));
}

function refuse(found: string, remedy: string): NotebookError {
  return new NotebookError("UNFIT_ROWS", { failed: "Cannot make a DataFrame of these rows", found, remedy });
}
