import { StreamlabError } from "../../base/errors.ts";
import { flag, givenOptions } from "../functions/csv/csv-options.ts";
import { csvLineWriter, csvRowWriter } from "../functions/csv/csv-writer.ts";
import { jsonStyle, jsonWriter } from "../functions/json/json-writer.ts";
import type { Options } from "../plan/plan.ts";
import type { FileFormatName } from "../sources/file-rows.ts";
import type { Row, StructType } from "../types/data-type.ts";
import { simpleString } from "../types/type-text.ts";

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
  return csvRowWriter(schema, options);
}
