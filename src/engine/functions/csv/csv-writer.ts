import { US_PER_DAY } from "../../types/calendar.ts";
import type { DataType, StructType } from "../../types/data-type.ts";
import { formatPattern } from "../../types/timestamp-pattern.ts";
import { valueText } from "../../types/value-text.ts";
import { instantWriter } from "../json/json-writer.ts";
import { csvOptions, flag, givenOptions, zoneOf } from "./csv-options.ts";

type Options = Readonly<Record<string, string>>;

/** A writer of rows as lines of CSV, with Spark's options for writing. */
export function csvRowWriter(schema: StructType, options: Options): (row: readonly unknown[]) => string {
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
export function csvLineWriter(options: Options): (fields: readonly (string | null)[]) => string {
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
  const comment = given.get("comment") ?? "#";
  const field = (value: string | null, place: number): string => {
    if (value === null) return all ? quote + nullValue + quote : nullValue;
    let text = trimStart ? value.replace(/^[\0- ]+/, "") : value;
    if (trimEnd) text = text.replace(/[\0- ]+$/, "");
    if (text === "") return all ? quote + empty + quote : empty;
    const holdsQuote = text.includes(quote);
    const quoted =
      all ||
      (place === 0 && comment !== "" && text.startsWith(comment)) ||
      text.startsWith(quote) ||
      (escapeQuotes && holdsQuote) ||
      special.some((one) => text.includes(one));
    if (!quoted) return text;
    return quote + (holdsQuote || all ? escaped(text) : text) + quote;
  };
  return (fields) => fields.map(field).join(separator);
}
