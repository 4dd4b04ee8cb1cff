import { QueryExecutionError } from "../codegen/execution-error.ts";
import { AnalysisError, wrongArgumentCount } from "../columns/analysis-error.ts";
import type { Resolved } from "../columns/resolved.ts";
import type { StructType } from "../types/data-type.ts";
import { sqlTypeName } from "../types/type-text.ts";
import { csvNames, csvSchema } from "./csv/csv-inference.ts";
import { createCsvScanner } from "./csv/byte-scanner.ts";
import type { CsvOptions } from "./csv/csv-options.ts";
import { csvOptions } from "./csv/csv-options.ts";
import type { MalformedLine } from "./csv/csv-reader.ts";
import { csvReader, malformedCsv } from "./csv/csv-reader.ts";
import { CsvText } from "./csv/csv-text.ts";
import { csvRowWriter } from "./csv/csv-writer.ts";
import { rawText } from "./bytes/raw-text.ts";
import { emitScannedField, emitScannedRecord, type ScanFormat } from "./bytes/scan-code.ts";
import { fullRules, MALFORMED, NO_RECORD, type ByteScanner, type ScannedFields } from "./bytes/scanned-record.ts";
import type { EmitContext, FunctionEntry, ResolvedCallNode } from "./function-entry.ts";
import { checkCorruptColumn } from "./json/json-parser.ts";
import { constantText, unsupportedInput, withOptionTexts } from "./option-texts.ts";
import { implicitCast, scalar, STRING } from "./scalar.ts";

/** from_csv, to_csv, schema_of_csv. */
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
    emitField(call, ordinal, context) {
      const format = scanFormat(call, context);
      return format && emitScannedField(call, ordinal, context, format);
    },
    emit(call, context) {
      const format = scanFormat(call, context);
      if (format) return emitScannedRecord(call, context, format);
      const [arg] = call.args;
      if (!arg || call.dataType.type !== "struct") throw wrongArgumentCount("from_csv", "1", 0);
      const text = context.emit(arg);
      if (text.isNull === "true") return text;
      const { writer } = context;
      const line: MalformedLine = { reason: null };
      const read = writer.constant("csv", lineReader(call.dataType, call.options.options ?? {}, line));
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
  withOptionTexts(
    scalar({
      name: "to_csv",
      doc: "A struct as one line of CSV, with Spark's options for writing.",
      params: [structOfTexts],
      result: STRING,
      make: (call) => {
        const type = call.args[0]?.dataType;
        return type?.type === "struct" ? csvRowWriter(type, call.options.options ?? {}) : String;
      },
    }),
    1,
  ),
  withOptionTexts(
    scalar({
      name: "schema_of_csv",
      doc: "The schema of a line of CSV that is written in the query, as DDL.",
      params: [constantText("schema_of_csv")],
      result: STRING,
      make: (call) => {
        const options = csvOptions({ ...call.options.options, header: "false" });
        return (text: string) => {
          const cursor = new CsvText(options.shape);
          cursor.open(text);
          const record = cursor.record() ?? [];
          return sqlTypeName(csvSchema(csvNames(record, options), [record], options, true));
        };
      },
    }),
    1,
  ),
];

/** How lines of this call are scanned; undefined where their text has to be made. */
function scanFormat(call: ResolvedCallNode, context: EmitContext): ScanFormat | undefined {
  const schema = call.dataType;
  const raw = rawText(call.args[0], context);
  const options = raw && optionsOf(call.options.options ?? {});
  if (schema.type !== "struct" || schema.fields.length === 0 || !options || schema.fields.some((one) => !PLAIN.includes(one.dataType.type)))
    return undefined;
  const { writer, malformed } = context;
  const line: MalformedLine = { reason: null };
  const corrupt = schema.fields.find((one) => one.name === options.corruptName);
  if (corrupt && corrupt.dataType.type !== "string") return undefined;
  const validated = malformed !== undefined || corrupt !== undefined || options.mode === "FAILFAST";
  return {
    title: "CSV",
    schema,
    raw,
    make: (needed, fields) => {
      const full = fullRules(schema, fields, lineReader(schema, call.options.options ?? {}, line), () => line.reason);
      return createCsvScanner(schema, options, needed, validated, fields, full) ?? orNull(full, fields);
    },
    after: (status, holder) => {
      if (malformed) writer.block(`if (${status} === ${MALFORMED})`, () => malformed(`${holder}.reason`));
    },
  };
}

const PLAIN: readonly string[] = "string boolean tinyint smallint int bigint float double decimal timestamp date binary".split(" ");

/** The options, unless something is wrong with them: that is told at the first text. */
function optionsOf(given: Readonly<Record<string, string>>): CsvOptions | undefined {
  try {
    const options = csvOptions(given);
    return options.mode === "DROPMALFORMED" ? undefined : options;
  } catch {
    return undefined;
  }
}

function orNull(full: ByteScanner, fields: ScannedFields): ByteScanner {
  return (buffer, start, end) => {
    if (start >= 0) return full(buffer, start, end);
    fields.nulls.fill(1);
    return NO_RECORD;
  };
}

/** The reader of from_csv, made at its first text, because what is wrong with its options is told then. */
function lineReader(schema: StructType, given: Readonly<Record<string, string>>, line: MalformedLine): (text: string) => unknown[] {
  let read: ((text: string) => unknown[]) | undefined;
  let failFast = false;
  return (text) => {
    if (read === undefined) {
      const options = csvOptions(given);
      if (options.mode === "DROPMALFORMED") throw modeRefused();
      checkCorruptColumn(schema, options.corruptName);
      failFast = options.mode === "FAILFAST";
      read = csvReader(schema, options, line);
    }
    const row = read(text);
    if (failFast && line.reason !== null) throw malformedCsv(text, line.reason);
    return row;
  };
}

function modeRefused(): QueryExecutionError {
  return new QueryExecutionError("PARSE_MODE_UNSUPPORTED", {
    failed: "The function `from_csv` doesn't support the DROPMALFORMED mode",
    found: "mode DROPMALFORMED",
    remedy: "Acceptable modes are PERMISSIVE and FAILFAST.",
  });
}

function structOfTexts(arg: Resolved): Resolved {
  const nested =
    arg.dataType.type === "struct" &&
    arg.dataType.fields.find((one) => ["array", "map", "struct", "binary", "interval"].includes(one.dataType.type));
  if (arg.dataType.type !== "struct") throw unsupportedInput("to_csv", arg);
  if (!nested) return arg;
  throw new AnalysisError("DATATYPE_MISMATCH.UNSUPPORTED_INPUT_TYPE", {
    failed: `The input of to_csv can't be a struct with a column of type ${sqlTypeName(nested.dataType)}`,
    found: nested.name,
    remedy: "Select its parts, or write it with to_json.",
  });
}
