import { QueryExecutionError } from "../../codegen/execution-error.ts";
import { dayOfUs } from "../../types/calendar.ts";
import type { DataType, StructType } from "../../types/data-type.ts";
import { parseDecimal, parseDouble, parseIntegral } from "../../types/number-text.ts";
import { zoneOffsetUs } from "../../types/time-zone.ts";
import { parsePattern } from "../../types/timestamp-pattern.ts";
import { parseDate, parseTimestamp } from "../../types/timestamp-text.ts";
import { sqlTypeName } from "../../types/type-text.ts";
import type { CsvOptions } from "./csv-options.ts";
import { CsvText } from "./csv-text.ts";

/** What a reader found wrong with its last line. */
export interface MalformedLine {
  /** Why the last line was malformed; null if it was not. */
  reason: string | null;
}

/** Makes a row of the fields of a record, null where there was none (an empty text, a comment); `text` is the record as it stands. */
export type CsvRowMaker = (values: readonly (string | null)[] | null, text: string) => unknown[];

/**
 * Rows by a schema (Spark's UnivocityParser): a field that is not of its type is null, missing fields are null, fields too many are dropped; each of
 * them makes the record malformed, and the column of that name takes its text.
 * @throws QueryExecutionError for types that CSV does not hold
 */
export function csvRowMaker(schema: StructType, options: CsvOptions, line: MalformedLine): CsvRowMaker {
  const { nullValue, maxColumns } = options;
  const corrupt = schema.fields.findIndex((one) => one.name === options.corruptName);
  const columns = schema.fields.map((_, i) => i).filter((i) => i !== corrupt);
  const converters = schema.fields.map((one) => converter(one.dataType, options));
  const reasons = schema.fields.map((one) => `${one.name} is no ${sqlTypeName(one.dataType)}`);
  return (values, text) => {
    line.reason = null;
    const row: unknown[] = new Array(schema.fields.length).fill(null);
    if (values === null) {
      line.reason = "no record";
      return row;
    }
    if (values.length > maxColumns) throw tooManyColumns(text);
    if (values.length !== columns.length) line.reason = `${values.length} columns instead of ${columns.length}`;
    for (let i = 0; i < columns.length; i++) {
      const ordinal = columns[i] ?? 0;
      const value = values[i];
      if (value === undefined || value === null || value === nullValue) continue;
      const found = converters[ordinal]?.(value) ?? null;
      if (found === null) line.reason ??= reasons[ordinal] ?? "";
      row[ordinal] = found;
    }
    if (corrupt >= 0 && line.reason !== null) row[corrupt] = text.replace(/[\r\n]+$/, "");
    return row;
  };
}

/** A reader of texts that are one record each; it says in `line` what was wrong with the last one. */
export function csvReader(schema: StructType, options: CsvOptions, line: MalformedLine): (text: string) => unknown[] {
  const cursor = new CsvText(options.shape);
  const make = csvRowMaker(schema, options, line);
  return (text) => {
    cursor.open(text);
    return make(cursor.record(), text);
  };
}

function converter(type: DataType, options: CsvOptions): (text: string) => unknown {
  switch (type.type) {
    case "string":
      return (text) => text;
    case "boolean":
      return (text) =>
        text === "true" ? true : text === "false" ? false : /^(?:true|false)$/i.test(text) ? text.toLowerCase() === "true" : null;
    case "tinyint":
    case "smallint":
    case "int":
    case "bigint":
      return (text) => (isPlain(text) ? parseIntegral(text, type.type) : null);
    case "float":
    case "double":
      return (text) => {
        const value = csvFraction(text, options);
        return value === null ? null : type.type === "float" ? Math.fround(value) : value;
      };
    case "decimal":
      return (text) => (isPlain(text) ? parseDecimal(text.replaceAll(",", ""), type.precision, type.scale) : null);
    case "timestamp":
      return timestampReader(options.timestampFormat, options.timeZone);
    case "date":
      return dateReader(options.dateFormat);
    case "binary":
      return (text) => new Uint8Array(Buffer.from(text, "utf8"));
    default:
      throw new QueryExecutionError("UNSUPPORTED_DATATYPE", {
        failed: `Unsupported data type "${sqlTypeName(type)}"`,
        found: "a column of this type in CSV",
        remedy: "Read the column as a string, and its parts from that.",
      });
  }
}

/** A reader of instants by a pattern, or as the cast reads them; `zone` is the zone of texts that name none. */
export function timestampReader(format: string | undefined, zone: string | undefined): (text: string) => number | null {
  const read = format === undefined ? parseTimestamp : parsePattern(format);
  if (zone === undefined || (format !== undefined && /[XxZVzO]/.test(format.replace(/'[^']*'/g, "")))) return read;
  return (text) => {
    const us = read(text);
    if (us === null || (format === undefined && ZONED.test(text))) return us;
    return us - (zoneOffsetUs(zone, us) ?? 0);
  };
}

const ZONED = /[T ]\d{1,2}(?::\d{1,2}(?::\d{1,2}(?:\.\d*)?)?)?\s*[^\s\d:.]/;

/** A reader of days by a pattern, or as the cast reads them. */
export function dateReader(format: string | undefined): (text: string) => number | null {
  if (format === undefined) return parseDate;
  const read = parsePattern(format);
  return (text) => {
    const us = read(text);
    return us === null ? null : dayOfUs(us);
  };
}

/** Numbers with blanks around them are no numbers. */
function isPlain(text: string): boolean {
  return text.length > 0 && text.charCodeAt(0) > 32 && text.charCodeAt(text.length - 1) > 32;
}

/** A double of a field; null for what is none. */
export function csvFraction(text: string, options: CsvOptions): number | null {
  if (text === options.nanValue) return NaN;
  if (text === options.negativeInf) return -Infinity;
  if (text === options.positiveInf) return Infinity;
  if (/^\s*[+-]?(?:NaN|Infinity)\s*$/.test(text)) return Number(text.replace("NaN", "").trim() || "NaN");
  return /[nN]/.test(text) ? null : parseDouble(text);
}

function tooManyColumns(text: string): QueryExecutionError {
  return new QueryExecutionError("MALFORMED_CSV_RECORD", {
    failed: `Malformed CSV record: ${text.slice(0, 200)}`,
    found: "more columns than maxColumns",
    remedy: 'Raise the option "maxColumns".',
  });
}

/** What FAILFAST ends a query with. */
export function malformedCsv(text: string, reason: string): QueryExecutionError {
  return new QueryExecutionError("MALFORMED_RECORD_IN_PARSING.WITHOUT_SUGGESTION", {
    failed: `Malformed records are detected in record parsing: ${text.slice(0, 200)}`,
    found: reason,
    remedy: "Parse Mode: FAILFAST. To process malformed records as null result, try setting the option 'mode' as 'PERMISSIVE'.",
  });
}
