import { JsonParser } from "../../src/engine/functions/json/json-parser.ts";
import type { Row, StructType } from "../../src/engine/types/data-type.ts";
import type { JsonValue } from "../../src/engine/types/json-value.ts";
import { simpleString } from "../../src/engine/types/type-text.ts";
import type { GoldenRow } from "./case.ts";

/**
 * The rows of a golden case as the recording's source read them: every row is one line of JSON text, read in Spark's PERMISSIVE way, so that a value which
 * is not of its column's type is null.
 */
export function inputRows(rows: readonly GoldenRow[], schema: StructType): Row[] {
  const parser = new JsonParser(schema);
  return rows.map((row) => parser.parse(lineOf(row, schema)) as Row);
}

/** One row as a line; whole numbers beyond 2^53 stand as text in the golden files and as numbers in the line. */
function lineOf(row: GoldenRow, schema: StructType): string {
  const fields = schema.fields.map(({ name, dataType }, i) => {
    const value = row[i] ?? null;
    const whole = simpleString(dataType) === "bigint" && typeof value === "string" && /^\s*[+-]?\d+\s*$/.test(value);
    return `${JSON.stringify(name)}:${whole ? String(BigInt(value.trim())) : jsonText(value)}`;
  });
  return `{${fields.join(",")}}`;
}

/** JSON.stringify, but for the sign of zero. */
function jsonText(value: JsonValue): string {
  if (Object.is(value, -0)) return "-0.0";
  if (Array.isArray(value)) return `[${(value as readonly JsonValue[]).map(jsonText).join(",")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  return `{${Object.entries(value)
    .map(([name, one]) => `${JSON.stringify(name)}:${jsonText(one as JsonValue)}`)
    .join(",")}}`;
}
