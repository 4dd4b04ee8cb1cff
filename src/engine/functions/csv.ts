import { AnalysisError, wrongArgumentCount } from "../columns/analysis-error.ts";
import type { DataType, StructType } from "../types/data-type.ts";
import { parseBoolean, parseDecimal, parseDouble, parseIntegral } from "../types/number-text.ts";
import { parsePattern } from "../types/timestamp-pattern.ts";
import { parseDate, parseTimestamp } from "../types/timestamp-text.ts";
import type { FunctionEntry } from "./function-entry.ts";
import { implicitCast, STRING } from "./scalar.ts";

/** from_csv. */
export const csv: readonly FunctionEntry[] = [
  {
    name: "from_csv",
    doc: "Reads one line of CSV by a schema; a field that is not of its type is null (PERMISSIVE).",
    resolve(args, options, settings) {
      const [text] = args;
      if (!text || args.length !== 1) throw wrongArgumentCount("from_csv", "1", args.length);
      if (options.schema?.type !== "struct") {
        throw new AnalysisError("INVALID_SCHEMA.NON_STRUCT_TYPE", {
          failed: "from_csv needs a schema of columns",
          found: "none, or another type",
          remedy: 'Give a schema, or its DDL such as "device string, value double".',
        });
      }
      return { args: [implicitCast(text, STRING, "from_csv", settings)], dataType: options.schema, nullable: true };
    },
    emit(call, context) {
      const [arg] = call.args;
      if (!arg || call.dataType.type !== "struct") throw wrongArgumentCount("from_csv", "1", 0);
      const text = context.emit(arg);
      if (text.isNull === "true") return text;
      const { writer } = context;
      const line: MalformedLine = { reason: null };
      const read = writer.constant("csv", csvReader(call.dataType, call.options.options ?? {}, line));
      const row = writer.assign(
        "csv",
        text.isNull === "false" ? `${read}(${text.value})` : `${text.isNull} ? null : ${read}(${text.value})`,
      );
      const malformed = context.malformed;
      const holder = malformed && writer.constant("line", line);
      if (malformed) writer.block(`if (${row} !== null && ${holder}.reason !== null)`, () => malformed(`${holder}.reason`));
      return { value: row, isNull: `${row} === null` };
    },
  },
];

/** What a reader found wrong with its last line. */
export interface MalformedLine {
  /** Why the last line was malformed; null if it was not. */
  reason: string | null;
}

/** A reader of lines by a schema; it says in `line` what was wrong with the last one. */
export function csvReader(
  schema: StructType,
  options: Readonly<Record<string, string>>,
  line: MalformedLine,
): (text: string) => unknown[] | null {
  const separator = options.sep ?? options.delimiter ?? ",";
  const quote = options.quote ?? '"';
  const escape = options.escape ?? "\\";
  const nullValue = options.nullValue ?? "";
  const corrupt = schema.fields.findIndex((one) => one.name === (options.columnNameOfCorruptRecord ?? "_corrupt_record"));
  const columns = schema.fields.map((_, i) => i).filter((i) => i !== corrupt);
  const converters = schema.fields.map((one) => converter(one.dataType, options));
  return (text) => {
    line.reason = null;
    const values = splitLine(text, separator, quote, escape);
    const row: unknown[] = new Array(schema.fields.length).fill(null);
    if (values.length !== columns.length) line.reason = `${values.length} columns instead of ${columns.length}`;
    columns.forEach((ordinal, i) => {
      const value = values[i];
      if (value === undefined || value === nullValue) return;
      const found = converters[ordinal]?.(value) ?? null;
      const column = schema.fields[ordinal];
      if (found === null) line.reason ??= `${column?.name} is no ${column?.dataType.type.toUpperCase()}`;
      row[ordinal] = found;
    });
    if (corrupt >= 0 && line.reason !== null) row[corrupt] = text;
    return row;
  };
}

/** The fields of a line; a quote within quotes is doubled or stands after the escape. */
function splitLine(text: string, separator: string, quote: string, escape: string): string[] {
  const values: string[] = [];
  for (let at = 0; ;) {
    let value = "";
    if (quote !== "" && text.startsWith(quote, at)) {
      at += quote.length;
      for (;;) {
        const end = text.indexOf(quote, at);
        value += text.slice(at, end < 0 ? text.length : end);
        at = end < 0 ? text.length : end + quote.length;
        if (end > 0 && escape !== quote && escape !== "" && value.endsWith(escape)) {
          value = value.slice(0, -escape.length) + quote;
          continue;
        }
        if (end < 0 || !text.startsWith(quote, at)) break;
        value += quote;
        at += quote.length;
      }
    }
    const next = text.indexOf(separator, at);
    values.push(value + text.slice(at, next < 0 ? text.length : next));
    if (next < 0) return values;
    at = next + separator.length;
  }
}

function converter(type: DataType, options: Readonly<Record<string, string>>): (text: string) => unknown {
  switch (type.type) {
    case "string":
      return (text) => text;
    case "boolean":
      return (text) => (/^(true|false)$/i.test(text) ? parseBoolean(text) : null);
    case "tinyint":
    case "smallint":
    case "int":
    case "bigint":
      return (text) => parseIntegral(text, type.type);
    case "float":
    case "double":
      return (text) => {
        const value = parseDouble(text);
        return value === null ? null : type.type === "float" ? Math.fround(value) : value;
      };
    case "decimal":
      return (text) => parseDecimal(text, type.precision, type.scale);
    case "timestamp":
      return options.timestampFormat === undefined ? parseTimestamp : parsePattern(options.timestampFormat);
    case "date":
      return parseDate;
    default:
      return () => null;
  }
}
