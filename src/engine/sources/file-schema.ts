import { globSync, readdirSync, readFileSync, statSync } from "node:fs";
import path from "node:path";
import { gunzipSync } from "node:zlib";
import { csvNames, csvSchema } from "../functions/csv/csv-inference.ts";
import { csvOptions, flag, givenOptions } from "../functions/csv/csv-options.ts";
import { CsvText } from "../functions/csv/csv-text.ts";
import { jsonSchema } from "../functions/json/json-inference.ts";
import type { Options } from "../plan/plan.ts";
import type { StructType } from "../types/data-type.ts";
import { isPattern, pathNotFound } from "./file-list.ts";
import { readsWhole } from "./file-rows.ts";

/**
 * The columns of the files of a table that has no schema: CSV's by the header and (with inferSchema) by the values, JSON's by all values. The files are
 * read whole, at once, because a table has its columns before anything else is asked of it.
 */
export function inferredSchema(format: "json" | "csv", options: Options): StructType {
  const texts = filesOf(options).map(textOf);
  return format === "json" ? jsonSchema(records(texts, options), options) : csvColumns(texts, options);
}

function filesOf(options: Options): string[] {
  const given = options.path ?? "";
  const roots = isPattern(given) ? globSync(given).sort() : [given];
  return roots.flatMap((root) => {
    const known = statSync(root, { throwIfNoEntry: false });
    if (!known && !isPattern(given)) throw pathNotFound(root);
    if (!known) return [];
    if (known.isFile()) return isData(path.basename(root)) ? [root] : [];
    const names = readdirSync(root, { recursive: options.recursiveFileLookup === "true", encoding: "utf8" }).sort();
    return names
      .filter((name) => name.split(path.sep).every(isData))
      .filter((name) => options.pathGlobFilter === undefined || path.matchesGlob(path.basename(name), options.pathGlobFilter))
      .map((name) => path.join(root, name))
      .filter((file) => statSync(file).isFile());
  });
}

function isData(name: string): boolean {
  return !name.startsWith("_") && !name.startsWith(".");
}

function textOf(file: string): string {
  const bytes = readFileSync(file);
  return new TextDecoder().decode(path.extname(file) === ".gz" ? gunzipSync(bytes) : bytes);
}

function* records(texts: readonly string[], options: Options): Iterable<string> {
  for (const text of texts) {
    if (readsWhole("json", options)) yield text;
    else yield* text.split(options.lineSep ?? /\r\n|\n|\r/);
  }
}

function csvColumns(texts: readonly string[], options: Options): StructType {
  const whole = readsWhole("csv", options);
  const settings = csvOptions(options);
  const all = texts.map((text) => [...csvRecords(text, options, whole)]).filter((one) => one.length > 0);
  const names = csvNames(all[0]?.[0] ?? [], settings);
  const given = givenOptions(options);
  if (!flag(given, "inferSchema", false)) return csvSchema(names, [], settings, true);
  const values = all.flatMap((one) => (settings.header ? one.slice(1) : one));
  return csvSchema(names, values, settings, flag(given, "preferDate", true));
}

function* csvRecords(text: string, options: Options, whole: boolean): Iterable<(string | null)[]> {
  const lineEnd = options.lineSep ?? /\r\n|\n|\r/.exec(text)?.[0] ?? "\n";
  const { shape } = csvOptions(options, whole ? lineEnd : undefined);
  const cursor = new CsvText(shape);
  for (const one of whole ? [text] : text.split(options.lineSep ?? /\r\n|\n|\r/)) {
    if (!whole && (one.trim() === "" || (shape.comment !== 0 && one.charCodeAt(0) === shape.comment))) continue;
    cursor.open(one);
    for (let record = cursor.record(); record !== null; record = cursor.record()) yield record;
  }
}
