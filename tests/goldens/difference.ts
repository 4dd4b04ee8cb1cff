import { isDeepStrictEqual } from "node:util";
import type { StructType } from "../../src/engine/types/data-type.ts";
import type { GoldenBatch, GoldenRow } from "./case.ts";
import { sameRecorded } from "./recorded-value.ts";

const SHOWN = 20;
const FIELDS = ["batchId", "watermark", "numInputRows"] as const;

/**
 * A batch beside Spark's, as the lines of a diff: `-` stands in Spark's only, `+` in the engine's only. Undefined where both are equal. Rows are a multiset
 * unless `ordered`; with the schema numbers are compared by their column's type.
 */
export function differenceOf(found: GoldenBatch, wanted: GoldenBatch, ordered: boolean, schema?: StructType): string | undefined {
  const lines = FIELDS.filter((field) => found[field] !== wanted[field]).flatMap((field) => [
    `- ${field} ${wanted[field]}`,
    `+ ${field} ${found[field]}`,
  ]);
  lines.push(...(ordered ? orderedRows(found.rows, wanted.rows, schema) : rowsOf(found.rows, wanted.rows, schema)));
  if (!isDeepStrictEqual(found.state, wanted.state))
    lines.push(
      ...wanted.state.map((one) => `- state ${JSON.stringify(one)}`),
      ...found.state.map((one) => `+ state ${JSON.stringify(one)}`),
    );
  return lines.length === 0 ? undefined : lines.map((line) => `\n    ${line}`).join("");
}

/** A whole batch that only one side has. */
export function wholeBatch(sign: "-" | "+", batch: GoldenBatch): string {
  const empty: GoldenBatch = { ...batch, rows: [], state: [] };
  return `\n    ${sign} ${JSON.stringify({ ...empty, rows: batch.rows.slice(0, SHOWN), state: batch.state })}`;
}

function sameRow(a: GoldenRow, b: GoldenRow, schema: StructType | undefined): boolean {
  return a.length === b.length && a.every((one, i) => sameRecorded(one, b[i], schema?.fields[i]?.dataType));
}

function rowsOf(found: readonly GoldenRow[], wanted: readonly GoldenRow[], schema: StructType | undefined): string[] {
  const rest = [...found];
  const missing = wanted.filter((row) => {
    const at = rest.findIndex((one) => sameRow(one, row, schema));
    if (at >= 0) rest.splice(at, 1);
    return at < 0;
  });
  return [...shown("-", missing), ...shown("+", rest)];
}

function orderedRows(found: readonly GoldenRow[], wanted: readonly GoldenRow[], schema: StructType | undefined): string[] {
  const same = found.length === wanted.length && wanted.every((row, i) => sameRow(found[i] ?? [], row, schema));
  return same ? [] : [...shown("-", wanted), ...shown("+", found)];
}

function shown(sign: "-" | "+", rows: readonly GoldenRow[]): string[] {
  const lines = rows.slice(0, SHOWN).map((row) => `${sign} row ${JSON.stringify(row)}`);
  return rows.length > SHOWN ? [...lines, `${sign} … ${rows.length - SHOWN} more rows`] : lines;
}
