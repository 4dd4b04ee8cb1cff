import { QueryExecutionError } from "../codegen/execution-error.ts";
import { StreamlabError } from "../../base/errors.ts";
import type { CsvOptions } from "../functions/csv/csv-options.ts";
import { csvOptions, parseMode } from "../functions/csv/csv-options.ts";
import type { MalformedLine } from "../functions/csv/csv-reader.ts";
import { csvReader, csvRowMaker } from "../functions/csv/csv-reader.ts";
import { CsvText } from "../functions/csv/csv-text.ts";
import { JsonParser } from "../functions/json/json-parser.ts";
import type { Options } from "../plan/plan.ts";
import type { Row, StructType } from "../types/data-type.ts";
import { textLines, wholeText } from "./text-lines.ts";

/** The names of the formats of files. */
export type FileFormatName = "json" | "csv" | "text";

/** Adds the rows of a record (a line, or all of a file) to `rows`: none for what is no record (blank, a comment, malformed under DROPMALFORMED). */
type RecordReader = (text: string, rows: Row[]) => void;

/** The rows of a file, in groups as they are read; options by Spark's names as `fileOptions` gives them. */
export async function* fileRows(
  format: FileFormatName,
  file: string,
  schema: StructType,
  options: Options,
  signal: AbortSignal,
): AsyncIterable<Row[]> {
  const read = recordReader(format, file, schema, options);
  if (readsWhole(format, options)) {
    const rows: Row[] = [];
    read(await wholeText(file, signal), rows);
    if (rows.length > 0) yield rows;
    return;
  }
  for await (const lines of textLines(file, options.lineSep, signal)) {
    const rows: Row[] = [];
    for (const line of lines) read(line, rows);
    if (rows.length > 0) yield rows;
  }
}

/** Whether a record may span lines. */
export function readsWhole(format: FileFormatName, options: Options): boolean {
  return options[format === "text" ? "wholetext" : "multiLine"]?.toLowerCase() === "true";
}

function recordReader(format: FileFormatName, file: string, schema: StructType, options: Options): RecordReader {
  switch (format) {
    case "text":
      return (text, rows) => void rows.push([text]);
    case "json":
      return jsonRecords(file, schema, options);
    case "csv":
      return readsWhole("csv", options) ? csvFile(file, schema, options) : csvLines(file, schema, options);
  }
}

/** What becomes of a row: true where it is kept. */
type Judge = (text: string, reason: string | null) => boolean;

function judge(file: string, options: Options): Judge {
  const mode = parseMode(options.mode);
  return (text, reason) => {
    if (reason === null || mode === "PERMISSIVE") return true;
    if (mode === "DROPMALFORMED") return false;
    throw malformed(file, text, reason);
  };
}

function jsonRecords(file: string, schema: StructType, options: Options): RecordReader {
  const kept = judge(file, options);
  const { mode: _, ...permissive } = options;
  const parser = new JsonParser(schema, permissive, options.encoding === undefined);
  return (text, rows) => {
    const found = parser.rows(text);
    if (kept(text, parser.reason)) for (const row of found) rows.push(row as Row);
  };
}

function csvLines(file: string, schema: StructType, options: Options): RecordReader {
  const kept = judge(file, options);
  const found: MalformedLine = { reason: null };
  const settings = csvOptions(options);
  const read = csvReader(schema, settings, found);
  const { comment } = settings.shape;
  let header = settings.header;
  return (line, rows) => {
    if (line.trim() === "" || (comment !== 0 && line.charCodeAt(0) === comment)) return;
    if (header) {
      header = false;
      checkHeader(file, line, schema, settings, options);
      return;
    }
    const row = read(line);
    if (kept(line, found.reason)) rows.push(row);
  };
}

function csvFile(file: string, schema: StructType, options: Options): RecordReader {
  const kept = judge(file, options);
  const found: MalformedLine = { reason: null };
  return (text, rows) => {
    const lineEnd = options.lineSep ?? /\r\n|\n|\r/.exec(text)?.[0] ?? "\n";
    const settings = csvOptions(options, lineEnd);
    const make = csvRowMaker(schema, settings, found);
    const cursor = new CsvText(settings.shape);
    cursor.open(text);
    let header = settings.header;
    for (;;) {
      const start = cursor.position;
      const values = cursor.record();
      if (values === null) return;
      const record = text.slice(start, cursor.position);
      if (header) {
        header = false;
        checkHeader(file, record.trimEnd(), schema, settings, options);
        continue;
      }
      const row = make(values, withoutLineEnds(record, lineEnd));
      if (kept(record, found.reason)) rows.push(row);
    }
  };
}

function withoutLineEnds(record: string, lineEnd: string): string {
  let text = record;
  while (text.startsWith(lineEnd)) text = text.slice(lineEnd.length);
  return text.endsWith(lineEnd) ? text.slice(0, -lineEnd.length) : text;
}

/** With enforceSchema "false" the names of the header must be those of the schema. */
function checkHeader(file: string, line: string, schema: StructType, settings: CsvOptions, options: Options): void {
  if (options.enforceSchema?.toLowerCase() !== "false") return;
  const cursor = new CsvText(settings.shape);
  cursor.open(line);
  const names = cursor.record() ?? [];
  const wanted = schema.fields.filter((one) => one.name !== settings.corruptName).map((one) => one.name);
  if (names.length === wanted.length && wanted.every((name, i) => name.toLowerCase() === names[i]?.toLowerCase())) return;
  throw new StreamlabError("CSV_HEADER", {
    failed: `CSV header does not conform to the schema in ${file}`,
    found: `the header ${names.join(", ")} and the schema ${wanted.join(", ")}`,
    remedy: 'Correct the schema, or leave out the option "enforceSchema".',
  });
}

function malformed(file: string, line: string, reason: string): QueryExecutionError {
  return new QueryExecutionError("MALFORMED_RECORD_IN_PARSING.WITHOUT_SUGGESTION", {
    failed: `Malformed records are detected in record parsing of ${file}`,
    found: `${reason}: ${line.slice(0, 100)}`,
    remedy: 'Set the option "mode" to "PERMISSIVE" to read malformed records as nulls.',
  });
}
