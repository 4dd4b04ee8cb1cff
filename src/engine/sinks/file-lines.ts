import { StreamlabError } from "../../base/errors.ts";
import { csvOptions, flag, givenOptions, zoneOf } from "../functions/csv/csv-options.ts";
import { instantWriter, jsonStyle, jsonWriter } from "../functions/json/json-writer.ts";
import type { Options } from "../plan/plan.ts";
import type { FileFormatName } from "../sources/file-rows.ts";
import type { DataType, Row, StructType } from "../types/data-type.ts";
import { US_PER_DAY } from "../types/calendar.ts";
import { formatPattern } from "../types/timestamp-pattern.ts";
import { simpleString } from "../types/type-text.ts";
import { valueText } from "../types/value-text.ts";

/** The text of a file with these rows, as Spark writes it: JSON without null fields, CSV with quotes where they are needed, or the one text column. */
export function fileText(format: FileFormatName, schema: StructType, rows: readonly Row[], options: Options): string {
  const end = options.lineSep ?? "\n";
  const write = lineWriter(format, schema, options);
  const lines = rows.map(write);
  if (format === "csv" && flag(givenOptions(options), "header", false))
    lines.unshift(csvLineWriter(options)(schema.fields.map((one) => one.name)));
  return lines.length === 0 ? "" : lines.join(end) + end;
}

/** Refuses columns that the format cannot hold. @throws StreamlabError UNSUPPORTED_DATA_TYPE_FOR_DATASOURCE */
export function checkFileSchema(format: FileFormatName, schema: StructType, way: "read" | "write"): void {
  const [first] = schema.fields;
  if (format === "text" && way === "write" && (schema.fields.length !== 1 || first?.dataType.type !== "string"))
    throw unsupported(
      format,
      `the columns are ${schema.fields.map((one) => one.name).join(", ")}`,
      "Select exactly one column of type string.",
    );
  const nested = schema.fields.find((one) => ["array", "map", "struct"].includes(one.dataType.type));
  if (format === "csv" && nested)
    throw unsupported(
      format,
      `the column ${nested.name} is of type ${simpleString(nested.dataType)}`,
      "Select its parts, or write it with to_json.",
    );
}

function unsupported(format: string, found: string, remedy: string): StreamlabError {
  return new StreamlabError("UNSUPPORTED_DATA_TYPE_FOR_DATASOURCE", {
    failed: `The ${format} datasource does not support these columns`,
    found,
    remedy,
  });
}

function lineWriter(format: FileFormatName, schema: StructType, options: Options): (row: Row) => string {
  if (format === "json") return jsonWriter(schema, jsonStyle(options));
  if (format === "text") return (row) => (typeof row[0] === "string" ? row[0] : "");
  const columns = schema.fields.map((one) => csvText(one.dataType, options));
  const write = csvLineWriter(options);
  return (row) => write(columns.map((text, i) => ((row[i] ?? null) === null ? null : text(row[i]))));
}

function csvText(type: DataType, options: Options): (value: unknown) => string {
  if (type.type === "timestamp") {
    const zone = zoneOf(givenOptions(options));
    const format = instantWriter(options.timestampFormat, zone);
    return (value) => format(value as number);
  }
  if (type.type === "date" && options.dateFormat !== undefined) {
    const format = formatPattern(options.dateFormat);
    return (value) => format((value as number) * US_PER_DAY);
  }
  return (value) => valueText(value, type);
}

/** A line of fields, null for a null: blanks around a field are dropped unless the options keep them, and quotes stand where they are needed. */
function csvLineWriter(options: Options): (fields: readonly (string | null)[]) => string {
  const { shape } = csvOptions({ ...options, comment: "" });
  const { separator } = shape;
  const quote = String.fromCharCode(shape.quote);
  const escape = String.fromCharCode(shape.escape);
  const given = givenOptions(options);
  const trimStart = flag(given, "ignoreLeadingWhiteSpace", true);
  const trimEnd = flag(given, "ignoreTrailingWhiteSpace", true);
  const all = flag(given, "quoteAll", false);
  const escapeQuotes = flag(given, "escapeQuotes", true);
  const empty = options.emptyValue ?? (all ? "" : '""');
  const nullValue = options.nullValue ?? "";
  const escapeOfEscape = shape.escapeOfEscape === 0 ? "" : String.fromCharCode(shape.escapeOfEscape);
  const special = [separator.length === 1 ? separator : "", "\n", "\r"].filter((one) => one !== "");
  const escaped = (text: string): string => {
    let made = "";
    for (const one of text)
      made += one === quote ? escape + quote : one === escape && escapeOfEscape !== "" ? escapeOfEscape + escape : one;
    return made;
  };
  const field = (value: string | null): string => {
    if (value === null) return all ? quote + nullValue + quote : nullValue;
    let text = trimStart ? value.replace(/^[\0- ]+/, "") : value;
    if (trimEnd) text = text.replace(/[\0- ]+$/, "");
    if (text === "") return all ? quote + empty + quote : empty;
    const holdsQuote = text.includes(quote);
    const quoted = all || text.startsWith(quote) || (escapeQuotes && holdsQuote) || special.some((one) => text.includes(one));
    if (!quoted) return text;
    return quote + (holdsQuote || all ? escaped(text) : text) + quote;
  };
  return (fields) => fields.map(field).join(separator);
}
