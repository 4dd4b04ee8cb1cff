import { AnalysisError } from "../../columns/analysis-error.ts";
import type { CsvShape } from "./csv-text.ts";
import { NONE } from "./csv-text.ts";

/** Options by their names in lower case; Spark's names are not told apart by case. */
export type GivenOptions = ReadonlyMap<string, string>;

export function givenOptions(options: Readonly<Record<string, string>>): GivenOptions {
  return new Map(Object.entries(options).map(([name, value]) => [name.toLowerCase(), value]));
}

/** What Spark's CSV options say of reading. `lineEnd` is given where a text has several records. */
export type CsvOptions = {
  readonly shape: CsvShape;
  readonly header: boolean;
  readonly nullValue: string;
  readonly nanValue: string;
  readonly positiveInf: string;
  readonly negativeInf: string;
  readonly maxColumns: number;
  readonly corruptName: string;
  readonly mode: "PERMISSIVE" | "DROPMALFORMED" | "FAILFAST";
  readonly dateFormat: string | undefined;
  readonly timestampFormat: string | undefined;
  readonly timeZone: string | undefined;
};

/** The options of reading CSV. @throws AnalysisError for a value that Spark refuses, and for settings whose answers would differ from Spark's */
export function csvOptions(options: Readonly<Record<string, string>>, lineEnd?: string): CsvOptions {
  const given = givenOptions(options);
  refuseUnknownWays(given);
  const quote = character(given, "quote", '"');
  const escape = character(given, "escape", "\\");
  return {
    shape: {
      separator: csvSeparator(given),
      quote,
      escape,
      escapeOfEscape: given.has("chartoescapequoteescaping")
        ? character(given, "charToEscapeQuoteEscaping", "")
        : quote === escape
          ? NONE
          : escape,
      comment: character(given, "comment", ""),
      trimStart: flag(given, "ignoreLeadingWhiteSpace", false),
      trimEnd: flag(given, "ignoreTrailingWhiteSpace", false),
      emptyValue: given.get("emptyvalue") ?? "",
      untilSeparator: (given.get("unescapedquotehandling") ?? "STOP_AT_DELIMITER").toUpperCase() === "STOP_AT_DELIMITER",
      lineEnd,
    },
    header: flag(given, "header", false),
    nullValue: given.get("nullvalue") ?? "",
    nanValue: given.get("nanvalue") ?? "NaN",
    positiveInf: given.get("positiveinf") ?? "Inf",
    negativeInf: given.get("negativeinf") ?? "-Inf",
    maxColumns: Number(given.get("maxcolumns") ?? 20480),
    corruptName: given.get("columnnameofcorruptrecord") ?? "_corrupt_record",
    mode: parseMode(given.get("mode")),
    dateFormat: given.get("dateformat"),
    timestampFormat: given.get("timestampformat"),
    timeZone: zoneOf(given),
  };
}

/** The mode of a reader; one that Spark does not know is PERMISSIVE, as in Spark. */
export function parseMode(text: string | undefined): "PERMISSIVE" | "DROPMALFORMED" | "FAILFAST" {
  const mode = text?.toUpperCase();
  return mode === "DROPMALFORMED" || mode === "FAILFAST" ? mode : "PERMISSIVE";
}

/** The zone of instants that name none; undefined for UTC. */
export function zoneOf(given: GivenOptions): string | undefined {
  const zone = given.get("timezone");
  return zone === undefined || ["UTC", "Z", "GMT", "ETC/UTC"].includes(zone.toUpperCase()) ? undefined : zone;
}

/** The separator between fields, its escapes (\t and such) resolved. @throws AnalysisError INVALID_DELIMITER_VALUE */
export function csvSeparator(given: GivenOptions): string {
  const text = given.get("sep") ?? given.get("delimiter") ?? ",";
  if (text === "") throw separatorError("EMPTY_STRING", "Delimiter cannot be empty string", text);
  if (text === "\\") throw separatorError("SINGLE_BACKSLASH", "Single backslash is prohibited", text);
  return text.replace(/\\(u0000|.)/gs, (_, kind: string) => {
    const known = SEPARATOR_ESCAPES[kind];
    if (known === undefined) throw separatorError("UNSUPPORTED_SPECIAL_CHARACTER", "Unsupported special character for delimiter", text);
    return known;
  });
}

const SEPARATOR_ESCAPES: Readonly<Record<string, string>> = {
  t: "\t",
  r: "\r",
  b: "\b",
  f: "\f",
  '"': '"',
  "'": "'",
  "\\": "\\",
  u0000: "\u0000",
};

function separatorError(kind: string, failed: string, found: string): AnalysisError {
  return new AnalysisError(`INVALID_DELIMITER_VALUE.${kind}`, {
    failed: `Invalid value for delimiter. ${failed}`,
    found: `"${found}"`,
    remedy: 'Give the character between fields, as in option("sep", ";").',
  });
}

function character(given: GivenOptions, name: string, standard: string): number {
  const text = given.get(name.toLowerCase()) ?? standard;
  if (text.length > 1) {
    throw new AnalysisError("OPTION_VALUE_EXCEEDS_ONE_CHARACTER", {
      failed: `The value of ${name} cannot be more than one character`,
      found: `"${text}"`,
      remedy: "Give one character.",
    });
  }
  return text === "" ? NONE : text.charCodeAt(0);
}

/** An option that is true or false. @throws AnalysisError for anything else */
export function flag(given: GivenOptions, name: string, standard: boolean): boolean {
  const text = given.get(name.toLowerCase())?.toLowerCase();
  if (text === undefined) return standard;
  if (text === "true" || text === "false") return text === "true";
  throw new AnalysisError("INVALID_OPTION_VALUE", {
    failed: `${name} flag can be true or false`,
    found: `"${text}"`,
    remedy: "Write true or false.",
  });
}

/** Refuses what is read differently here than in Spark, rather than answer wrongly. */
function refuseUnknownWays(given: GivenOptions): void {
  refuseCharsets(given);
  const handling = given.get("unescapedquotehandling")?.toUpperCase();
  if (handling !== undefined && handling !== "STOP_AT_DELIMITER" && handling !== "STOP_AT_CLOSING_QUOTE")
    throw optionRefused(`unescapedQuoteHandling "${handling}"`, "Choose STOP_AT_DELIMITER or STOP_AT_CLOSING_QUOTE.");
  if (given.has("maxcharspercolumn") && given.get("maxcharspercolumn") !== "-1")
    throw optionRefused("maxCharsPerColumn", "Leave it out: fields may be of any length.");
}

/** Refuses encodings other than UTF-8 and locales other than the United States'. @throws AnalysisError */
export function refuseCharsets(given: GivenOptions): void {
  const encoding = given.get("encoding") ?? given.get("charset");
  if (encoding !== undefined && !/^utf-?8$/i.test(encoding)) throw optionRefused(`encoding "${encoding}"`, "Write the text in UTF-8.");
  const locale = given.get("locale");
  if (locale !== undefined && !/^en(-US)?$/i.test(locale))
    throw optionRefused(`locale "${locale}"`, "Leave it out: texts are read as in the United States.");
}

function optionRefused(found: string, remedy: string): AnalysisError {
  return new AnalysisError("UNSUPPORTED_OPTION", { failed: "This option is not supported", found, remedy });
}
