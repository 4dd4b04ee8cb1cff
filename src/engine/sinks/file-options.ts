import type { Options } from "../plan/plan.ts";

const NAMES = [
  ...["path", "maxFilesPerTrigger", "latestFirst", "pathGlobFilter", "recursiveFileLookup", "ignoreMissingFiles", "cleanSource"],
  ...["maxBytesPerTrigger", "maxFileAge", "mode", "lineSep", "header", "sep", "delimiter", "quote", "escape", "comment", "nullValue"],
  ...["emptyValue", "timestampFormat", "dateFormat", "timeZone", "columnNameOfCorruptRecord", "multiLine", "wholetext", "inferSchema"],
  ...["enforceSchema", "encoding", "compression", "codec", "quoteAll", "escapeQuotes", "charToEscapeQuoteEscaping", "ignoreNullFields"],
  ...["ignoreLeadingWhiteSpace", "ignoreTrailingWhiteSpace", "pretty", "samplingRatio"],
];
const KNOWN: ReadonlyMap<string, string> = new Map(NAMES.map((name) => [name.toLowerCase(), name]));

/** The options of files by the names as Spark writes them; Spark does not tell them apart by case. */
export function fileOptions(given: Options): Options {
  return Object.fromEntries(Object.entries(given).map(([name, value]) => [KNOWN.get(name.toLowerCase()) ?? name, value]));
}
