import { StreamlabError } from "../base/errors.ts";
import type { Format, FormatContext } from "./formats.ts";
import { openFileSink, saveFiles } from "./sinks/file-sink.ts";
import type { FileFormatName } from "./sources/file-rows.ts";
import type { FileSourceOptions } from "./sources/file-source.ts";
import { FileSource, fileTable } from "./sources/file-source.ts";
import type { DataType, StructType } from "./types/data-type.ts";

/**
 * json (one object a line), csv and text as sources and sinks, with Spark's options: path (a folder, a file or a pattern), maxFilesPerTrigger,
 * latestFirst, pathGlobFilter, recursiveFileLookup, ignoreMissingFiles, mode, lineSep, and header, sep, quote, nullValue, comment, timestampFormat,
 * columnNameOfCorruptRecord. A schema must be given for json and csv; nothing is guessed from files.
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
const REFUSED = ["multiLine", "wholetext", "inferSchema", "cleanSource", "maxBytesPerTrigger", "maxFileAge", "enforceSchema"];

function sourceOptions(format: FileFormatName, context: FormatContext): FileSourceOptions {
  const { options, clock, checkpointDir } = context;
  const refused = REFUSED.find((one) => options[one] !== undefined && options[one] !== "false" && options[one] !== "off");
  if (refused) throw optionError(format, `${refused} is not there`, "Leave it out.");
  const mode = options.mode?.toUpperCase() ?? "PERMISSIVE";
  if (!["PERMISSIVE", "DROPMALFORMED", "FAILFAST"].includes(mode))
    throw optionError(format, `mode is "${mode}"`, "Choose PERMISSIVE, DROPMALFORMED or FAILFAST.");
  if (!options.path) throw optionError(format, "'path' is not specified", 'Name the folder: load("data/readings").');
  const limit = options.maxFilesPerTrigger;
  if (limit !== undefined && !/^[1-9]\d*$/.test(limit))
    throw optionError(format, `maxFilesPerTrigger is "${limit}"`, "Give a whole number of at least 1.");
  return {
    format,
    path: options.path,
    schema: schemaOf(format, context.schema),
    options,
    clock,
    checkpointDir,
    maxFilesPerTrigger: limit === undefined ? undefined : Number(limit),
    latestFirst: options.latestFirst === "true",
  };
}

function schemaOf(format: FileFormatName, given: StructType | undefined): StructType {
  if (format !== "text") {
    if (given) return nullable(given) as StructType;
    throw optionError(format, "no schema", 'Schema must be specified when reading files: schema("device string, value double").');
  }
  if (!given) return TEXT;
  if (given.fields.length === 1 && given.fields[0]?.dataType.type === "string") return nullable(given) as StructType;
  throw optionError(format, "a schema of other columns", "Text has one column of type string.");
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
