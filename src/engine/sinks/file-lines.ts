import { StreamlabError } from "../../base/errors.ts";
import { jsonWriter } from "../functions/json/json-writer.ts";
import type { Options } from "../plan/plan.ts";
import type { FileFormatName } from "../sources/file-rows.ts";
import type { DataType, Row, StructType } from "../types/data-type.ts";
import { formatIso } from "../types/timestamp-text.ts";
import { simpleString } from "../types/type-text.ts";
import { valueText } from "../types/value-text.ts";

/** The text of a file with these rows, as Spark writes it: JSON without null fields, CSV with quotes where they are needed, or the one text column. */
export function fileText(format: FileFormatName, schema: StructType, rows: readonly Row[], options: Options): string {
  const end = options.lineSep ?? "\n";
  const write = lineWriter(format, schema, options);
  const lines = rows.map(write);
  if (format === "csv" && options.header === "true")
    lines.unshift(schema.fields.map((one) => csvField(one.name, options)).join(separator(options)));
  return lines.length === 0 ? "" : lines.join(end) + end;
}

/** Refuses columns that the format cannot hold. @throws StreamlabError UNSUPPORTED_DATA_TYPE_FOR_DATASOURCE */
export function checkFileSchema(format: FileFormatName, schema: StructType): void {
  const [first] = schema.fields;
  if (format === "text" && (schema.fields.length !== 1 || first?.dataType.type !== "string"))
    throw unsupported(
      format,
      `the columns are ${schema.fields.map((one) => one.name).join(", ")}`,
      "Select exactly one column of type string.",
    );
  const nested = schema.fields.find((one) => ["array", "map", "struct", "binary"].includes(one.dataType.type));
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
  if (format === "json") return jsonWriter(schema);
  if (format === "text") return (row) => (typeof row[0] === "string" ? row[0] : "");
  const nullValue = options.nullValue ?? "";
  const between = separator(options);
  return (row) =>
    schema.fields
      .map((one, i) => {
        const value = row[i] ?? null;
        return value === null ? nullValue : csvField(csvText(value, one.dataType), options);
      })
      .join(between);
}

function csvText(value: unknown, type: DataType): string {
  return type.type === "timestamp" ? formatIso(value as number, "millis") : valueText(value, type);
}

function separator(options: Options): string {
  return options.sep ?? options.delimiter ?? ",";
}

function csvField(text: string, options: Options): string {
  const quote = options.quote ?? '"';
  const escape = options.escape ?? "\\";
  if (text === "") return quote + quote;
  if (![separator(options), quote, "\n", "\r"].some((one) => one !== "" && text.includes(one)) && text === text.trim()) return text;
  return quote + text.replaceAll(quote, escape + quote) + quote;
}
