import type { DataType, StructType } from "../../types/data-type.ts";
import { parseIntegral } from "../../types/number-text.ts";
import { parsePattern } from "../../types/timestamp-pattern.ts";
import { parseTimestamp } from "../../types/timestamp-text.ts";
import { widerNumber } from "../json/json-inference.ts";
import type { CsvOptions } from "./csv-options.ts";
import { csvFraction } from "./csv-reader.ts";

type Fields = readonly (string | null)[];

/** Names of columns by the first record: its fields (their place behind those that occur twice), or _c0, _c1, … without a header. */
export function csvNames(first: Fields, options: CsvOptions): string[] {
  if (!options.header) return first.map((_, i) => `_c${i}`);
  const lower = first.map((one) => one?.toLowerCase());
  return first.map((one, i) => {
    if (one === null || one === "" || one === options.nullValue) return `_c${i}`;
    return lower.indexOf(lower[i]) === lower.lastIndexOf(lower[i]) ? one : `${one}${i}`;
  });
}

/** The types that fit all records (Spark's CSVInferSchema); columns without a value are strings. */
export function csvSchema(names: readonly string[], records: Iterable<Fields>, options: CsvOptions, preferDate: boolean): StructType {
  const types: DataType[] = names.map(() => ({ type: "null" }));
  const typeOf = typeReader(options, preferDate);
  for (const record of records) {
    for (let i = 0; i < types.length; i++) {
      const known = types[i];
      const text = record[i];
      if (!known || known.type === "string" || text === undefined || text === null || text === "" || text === options.nullValue) continue;
      types[i] = merged(known, typeOf(text, known), options);
    }
  }
  const fields = names.map((name, i): StructType["fields"][number] => {
    const type = types[i] ?? { type: "null" };
    return { name, dataType: type.type === "null" ? { type: "string" } : type, nullable: true };
  });
  return { type: "struct", fields };
}

const ORDER = ["int", "bigint", "decimal", "double", "date", "timestamp", "boolean"] as const;

/** The first type, from the one that is known on, that reads the text. */
function typeReader(options: CsvOptions, preferDate: boolean): (text: string, known: DataType) => DataType {
  const date = parsePattern(options.dateFormat ?? "yyyy-MM-dd");
  const timestamp = options.timestampFormat === undefined ? parseTimestamp : parsePattern(options.timestampFormat);
  const read: Readonly<Record<(typeof ORDER)[number], (text: string) => DataType | undefined>> = {
    int: (text) => (/\s/.test(text) || parseIntegral(text, "int") === null ? undefined : { type: "int" }),
    bigint: (text) => (/\s/.test(text) || parseIntegral(text, "bigint") === null ? undefined : { type: "bigint" }),
    decimal: wholeDecimal,
    double: (text) => (csvFraction(text, options) === null ? undefined : { type: "double" }),
    date: (text) => (preferDate && date(text) !== null ? { type: "date" } : undefined),
    timestamp: (text) => (timestamp(text) === null ? undefined : { type: "timestamp" }),
    boolean: (text) => (/^(?:true|false)$/i.test(text) ? { type: "boolean" } : undefined),
  };
  return (text, known) => {
    const from = ORDER.findIndex((one) => one === known.type);
    for (let i = Math.max(from, 0); i < ORDER.length; i++) {
      const name = ORDER[i];
      const found = name && read[name](text);
      if (found) return found;
    }
    return { type: "string" };
  };
}

function wholeDecimal(text: string): DataType | undefined {
  const digits = /^[+-]?0*(\d+)$/.exec(text.replaceAll(",", ""))?.[1]?.length;
  return digits === undefined || digits > 38 ? undefined : { type: "decimal", precision: digits, scale: 0 };
}

function merged(a: DataType, b: DataType, options: CsvOptions): DataType {
  if (a.type === "null" || a.type === b.type) return a.type === "decimal" ? (widerNumber(a, b) ?? b) : b;
  const number = widerNumber(a, b);
  if (number) return number;
  const days = [a.type, b.type];
  if (days.includes("date") && days.includes("timestamp") && options.timestampFormat === undefined) return { type: "timestamp" };
  return { type: "string" };
}
