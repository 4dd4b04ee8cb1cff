import { StreamlabError } from "../base/errors.ts";
import type { Format, FormatContext } from "./formats.ts";
import { givenOptions, refuseCharsets } from "./functions/csv/csv-options.ts";
import type { Options } from "./plan/plan.ts";
import { fileOptions } from "./sinks/file-options.ts";
import { checkFileSchema } from "./sinks/file-lines.ts";
import { openFileSink, saveFiles } from "./sinks/file-sink.ts";
import type { FileFormatName } from "./sources/file-rows.ts";
import { inferredSchema } from "./sources/file-schema.ts";
import type { FileSourceOptions } from "./sources/file-source.ts";
import { FileSource, fileTable } from "./sources/file-source.ts";
import type { DataType, StructType } from "./types/data-type.ts";
import { simpleString } from "./types/type-text.ts";

/**
 * json, csv and text as sources and sinks, with Spark's options by Spark's names in any case: path (a folder, a file or a pattern), maxFilesPerTrigger,
 * latestFirst, pathGlobFilter, recursiveFileLookup, ignoreMissingFiles; for reading mode, columnNameOfCorruptRecord, multiLine, wholetext, lineSep,
 * the options of from_json and from_csv, header, enforceSchema; for writing those of to_json and to_csv. Options that Spark does not know say nothing;
 * those that would be read otherwise here are refused.
 */
export const fileFormats: readonly Format[] = (["json", "csv", "text"] as const).map(fileFormat);

function fileFormat(name: FileFormatName): Format {
  return {
    name,
    sourceSchema: (context) => sourceOptions(name, context).schema,
    openSource: (context) => {
      const options = sourceOptions(name, context);
      return options.checkpointDir === undefined ? Promise.resolve(fileTable(options)) : FileSource.open(options, options.checkpointDir);
    },
    openSink: (context) => openFileSink(name, context),
    save: (context) => saveFiles(name, context),
  };
}

const TEXT: StructType = { type: "struct", fields: [{ name: "value", dataType: { type: "string" }, nullable: true }] };
const REFUSED = ["cleanSource", "maxBytesPerTrigger", "maxFileAge"];

function sourceOptions(format: FileFormatName, context: FormatContext): FileSourceOptions {
  const { clock, checkpointDir } = context;
  const options = fileOptions(context.options);
  const refused = REFUSED.find((one) => options[one] !== undefined && !["false", "off"].includes(options[one]?.toLowerCase() ?? ""));
  if (refused) throw optionError(format, `${refused} is not there`, "Leave it out.");
  refuseCharsets(givenOptions(options));
  if (!options.path) throw optionError(format, "'path' is not specified", 'Name the folder: load("data/readings").');
  const limit = options.maxFilesPerTrigger;
  if (limit !== undefined && !/^[1-9]\d*$/.test(limit))
    throw optionError(format, `maxFilesPerTrigger is "${limit}"`, "Give a whole number of at least 1.");
  return {
    format,
    path: options.path,
    schema: checkedSchema(format, schemaOf(format, context, options), options),
    options,
    clock,
    checkpointDir,
    maxFilesPerTrigger: limit === undefined ? undefined : Number(limit),
    latestFirst: options.latestFirst === "true",
  };
}

function schemaOf(format: FileFormatName, context: FormatContext, options: Options): StructType {
  const given = context.schema;
  if (format !== "text") {
    if (given) return nullable(given) as StructType;
    if (context.streaming === false) return inferred(format, options);
    throw optionError(format, "no schema", 'Schema must be specified when reading files: schema("device string, value double").');
  }
  if (!given) return TEXT;
  if (given.fields.length === 1 && given.fields[0]?.dataType.type === "string") return nullable(given) as StructType;
  throw optionError(format, "a schema of other columns", "Text has one column of type string.");
}

/** The columns of a table of files by what stands in them; a stream has none to look at. */
function inferred(format: "json" | "csv", options: Options): StructType {
  const ratio = options.samplingRatio;
  if (ratio !== undefined && Number(ratio) !== 1)
    throw optionError(format, `samplingRatio is "${ratio}"`, "Leave it out: all records are looked at.");
  const schema = inferredSchema(format, options);
  const corrupt = options.columnNameOfCorruptRecord ?? "_corrupt_record";
  if (schema.fields.length !== 1 || schema.fields[0]?.name !== corrupt) return schema;
  throw new StreamlabError("UNSUPPORTED_FEATURE.QUERY_ONLY_CORRUPT_RECORD_COLUMN", {
    failed: "Queries of files are disallowed when the referenced columns only include the internal corrupt record column",
    found: "no record that is an object",
    remedy: "Check that there is one JSON object a line, or set the option multiLine; or give the schema.",
  });
}

/** Refuses types that the format cannot hold, and a column of corrupt records that is no text. */
function checkedSchema(format: FileFormatName, schema: StructType, options: Options): StructType {
  checkFileSchema(format, schema, "read");
  const name = options.columnNameOfCorruptRecord ?? "_corrupt_record";
  const corrupt = format === "text" ? undefined : schema.fields.find((one) => one.name === name);
  if (!corrupt || corrupt.dataType.type === "string") return schema;
  throw new StreamlabError("INVALID_CORRUPT_RECORD_TYPE", {
    failed: `The column \`${name}\` for corrupt records must have the nullable STRING type`,
    found: simpleString(corrupt.dataType).toUpperCase(),
    remedy: "Make it a string, or name another column by columnNameOfCorruptRecord.",
  });
}

/** What stands in files may be missing, whatever a schema says. */
function nullable(type: DataType): DataType {
  if (type.type === "struct")
    return { type: "struct", fields: type.fields.map((one) => ({ ...one, dataType: nullable(one.dataType), nullable: true })) };
  if (type.type === "array") return { type: "array", element: nullable(type.element) };
  return type.type === "map" ? { ...type, value: nullable(type.value) } : type;
}

function optionError(format: string, found: string, remedy: string): StreamlabError {
  return new StreamlabError("FILE_OPTION", { failed: `Cannot read ${format} files with these options`, found, remedy });
}
