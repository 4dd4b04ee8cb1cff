import { csvOptions } from "../functions/csv/csv-options.ts";
import type { MalformedLine } from "../functions/csv/csv-reader.ts";
import { csvReader } from "../functions/csv/csv-reader.ts";
import { JsonParser } from "../functions/json/json-parser.ts";
import { QueryExecutionError } from "../codegen/execution-error.ts";
import type { Options } from "../plan/plan.ts";
import type { Row, StructType } from "../types/data-type.ts";
import { textLines } from "./text-lines.ts";

/** The names of the formats of files. */
export type FileFormatName = "json" | "csv" | "text";

/** Reads one line: a row, or undefined for a line that is no record (blank, a comment, malformed under DROPMALFORMED). */
type LineReader = (line: string) => Row | undefined;

/** The rows of a file, in groups as they are read. */
export async function* fileRows(
  format: FileFormatName,
  file: string,
  schema: StructType,
  options: Options,
  signal: AbortSignal,
): AsyncIterable<Row[]> {
  const readLine = lineReader(format, file, schema, options);
  let skip = format === "csv" && options.header === "true" ? 1 : 0;
  for await (const lines of textLines(file, options.lineSep, signal)) {
    const rows: Row[] = [];
    for (const line of lines) {
      if (skip > 0 && line.trim() !== "") skip--;
      else {
        const row = readLine(line);
        if (row) rows.push(row);
      }
    }
    if (rows.length > 0) yield rows;
  }
}

function lineReader(format: FileFormatName, file: string, schema: StructType, options: Options): LineReader {
  const mode = options.mode?.toUpperCase() ?? "PERMISSIVE";
  const checked = (line: string, reason: string | null, row: Row): Row | undefined => {
    if (reason === null || mode === "PERMISSIVE") return row;
    if (mode === "DROPMALFORMED") return undefined;
    throw malformed(file, line, reason);
  };
  switch (format) {
    case "text":
      return (line) => [line];
    case "json": {
      const { mode: _, ...permissive } = options;
      const parser = new JsonParser(schema, permissive);
      return (line) => {
        if (line.trim() === "") return undefined;
        const row = parser.parse(line) as Row | null;
        return checked(line, parser.reason, row ?? new Array<unknown>(schema.fields.length).fill(null));
      };
    }
    case "csv": {
      const found: MalformedLine = { reason: null };
      const read = csvReader(schema, csvOptions(options), found);
      const comment = options.comment ?? "";
      return (line) => {
        if (line.trim() === "" || (comment !== "" && line.startsWith(comment))) return undefined;
        const row = read(line);
        return checked(line, found.reason, row ?? []);
      };
    }
  }
}

function malformed(file: string, line: string, reason: string): QueryExecutionError {
  return new QueryExecutionError("MALFORMED_RECORD_IN_PARSING.WITHOUT_SUGGESTION", {
    failed: `Malformed records are detected in record parsing of ${file}`,
    found: `${reason}: ${line.slice(0, 100)}`,
    remedy: 'Set the option "mode" to "PERMISSIVE" to read malformed records as nulls.',
  });
}
