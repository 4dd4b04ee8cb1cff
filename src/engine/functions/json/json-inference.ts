import { AnalysisError } from "../../columns/analysis-error.ts";
import type { DataType, StructField, StructType } from "../../types/data-type.ts";
import { givenOptions, parseMode } from "../csv/csv-options.ts";
import { timestampReader } from "../csv/csv-reader.ts";
import { leniencyOf } from "./json-parser.ts";
import { JsonSyntaxError, JsonText } from "./json-text.ts";

const NULL: DataType = { type: "null" };
const STRING: DataType = { type: "string" };
const EMPTY: StructType = { type: "struct", fields: [] };

/**
 * The columns that fit all records (Spark's JsonInferSchema), by name: whole numbers are bigint, others double, what differs is a string; fields that
 * are never more than {} are left out. Records that are no objects, or no JSON, are counted for by the column of corrupt records.
 * @throws AnalysisError COLUMN_ALREADY_EXISTS for names that differ in case only, MALFORMED_RECORD_IN_PARSING under FAILFAST
 */
export function jsonSchema(records: Iterable<string>, options: Readonly<Record<string, string>>): StructType {
  const given = givenOptions(options);
  const mode = parseMode(given.get("mode"));
  const corrupt = given.get("columnnameofcorruptrecord") ?? "_corrupt_record";
  const read = typeReader(options);
  let found: StructType = EMPTY;
  for (const record of records) {
    const type = read(record);
    if (type === undefined) continue;
    if (type !== "malformed") found = mergedStructs(found, type);
    else if (mode === "FAILFAST") throw malformed(record);
    else if (mode === "PERMISSIVE")
      found = mergedStructs(found, { type: "struct", fields: [{ name: corrupt, dataType: STRING, nullable: true }] });
  }
  const schema = settled(found, given.get("dropfieldifallnull")?.toLowerCase() === "true");
  const columns = schema?.type === "struct" ? schema : EMPTY;
  refuseTwins(columns);
  return columns;
}

/** The type of one JSON text, for schema_of_json. @throws AnalysisError for what is no JSON */
export function jsonTypeOf(text: string, options: Readonly<Record<string, string>>): DataType {
  const value = valueReader(new JsonText(leniencyOf(options)), options);
  const type = value(text);
  if (type === undefined) throw malformed(text);
  return settled(type, givenOptions(options).get("dropfieldifallnull")?.toLowerCase() === "true") ?? EMPTY;
}

/** The type of a record: a struct, "malformed", or undefined for a blank. */
function typeReader(options: Readonly<Record<string, string>>): (record: string) => StructType | "malformed" | undefined {
  const read = valueReader(new JsonText(leniencyOf(options)), options);
  return (record) => {
    if (/^\s*$/.test(record)) return undefined;
    const type = read(record);
    if (type?.type === "struct") return type;
    if (type?.type === "array" && type.element.type === "struct") return type.element;
    return type?.type === "array" && type.element.type === "null" ? undefined : "malformed";
  };
}

/** A reader of the type of a text; undefined for what is no JSON. */
function valueReader(cursor: JsonText, options: Readonly<Record<string, string>>): (text: string) => DataType | undefined {
  const given = givenOptions(options);
  const is = (name: string): boolean => given.get(name.toLowerCase())?.toLowerCase() === "true";
  if (is("prefersDecimal")) {
    throw new AnalysisError("UNSUPPORTED_OPTION", {
      failed: "This option is not supported",
      found: "prefersDecimal",
      remedy: "Give the schema with its decimals.",
    });
  }
  const asText = is("primitivesAsString");
  const instants = is("inferTimestamp") ? timestampReader(given.get("timestampformat"), undefined) : undefined;
  const value = (): DataType => {
    switch (cursor.token()) {
      case "object": {
        const fields = new Map<string, DataType>();
        cursor.object((name) => {
          const known = fields.get(name);
          const type = value();
          fields.set(name, known ? mergedTypes(known, type) : type);
        });
        return { type: "struct", fields: [...fields].sort(byName).map(([name, dataType]) => ({ name, dataType, nullable: true })) };
      }
      case "array": {
        let element = NULL;
        cursor.array(() => void (element = mergedTypes(element, value())));
        return { type: "array", element };
      }
      case "string": {
        const text = cursor.string();
        if (text === "") return NULL;
        return instants !== undefined && instants(text) !== null ? { type: "timestamp" } : STRING;
      }
      case "null":
        cursor.scalar();
        return NULL;
      case "true":
      case "false":
        cursor.scalar();
        return asText ? STRING : { type: "boolean" };
      case "whole":
        return asText ? textOf(cursor) : wholeType(cursor.scalar());
      default:
        cursor.scalar();
        return asText ? STRING : { type: "double" };
    }
  };
  return (text) => {
    cursor.open(text);
    try {
      return value();
    } catch (thrown) {
      if (thrown instanceof JsonSyntaxError) return undefined;
      throw thrown;
    }
  };
}

function textOf(cursor: JsonText): DataType {
  cursor.scalar();
  return STRING;
}

function wholeType(text: string): DataType {
  const value = BigInt(text);
  if (BigInt.asIntN(64, value) === value) return { type: "bigint" };
  const precision = text.replace("-", "").length;
  return precision <= 38 ? { type: "decimal", precision, scale: 0 } : { type: "double" };
}

/** The number type that holds both; undefined where one is no number. */
export function widerNumber(a: DataType, b: DataType): DataType | undefined {
  const places = [a, b].map((one): [number, number] | "double" | undefined => {
    if (one.type === "int") return [10, 0];
    if (one.type === "bigint") return [20, 0];
    if (one.type === "decimal") return [one.precision - one.scale, one.scale];
    return one.type === "double" ? "double" : undefined;
  });
  const [left, right] = places;
  if (left === undefined || right === undefined) return undefined;
  if (left === "double" || right === "double") return { type: "double" };
  if (a.type !== "decimal" && b.type !== "decimal") return a.type === "int" && b.type === "int" ? a : { type: "bigint" };
  const scale = Math.max(left[1], right[1]);
  const precision = Math.max(left[0], right[0]) + scale;
  return precision > 38 ? { type: "double" } : { type: "decimal", precision, scale };
}

function mergedTypes(a: DataType, b: DataType): DataType {
  if (a.type === "null") return b;
  if (b.type === "null") return a;
  if (a.type === "struct" && b.type === "struct") return mergedStructs(a, b);
  if (a.type === "array" && b.type === "array") return { type: "array", element: mergedTypes(a.element, b.element) };
  if (a.type === b.type && a.type !== "decimal") return a;
  return widerNumber(a, b) ?? STRING;
}

function mergedStructs(a: StructType, b: StructType): StructType {
  const fields = new Map(a.fields.map((one): [string, DataType] => [one.name, one.dataType]));
  for (const one of b.fields) {
    const known = fields.get(one.name);
    fields.set(one.name, known ? mergedTypes(known, one.dataType) : one.dataType);
  }
  return { type: "struct", fields: [...fields].sort(byName).map(([name, dataType]) => ({ name, dataType, nullable: true })) };
}

function byName([a]: readonly [string, DataType], [b]: readonly [string, DataType]): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** What a type is in the end: nulls are strings (or left out), structs without fields are left out. */
function settled(type: DataType, dropNulls: boolean): DataType | undefined {
  switch (type.type) {
    case "null":
      return dropNulls ? undefined : STRING;
    case "array": {
      const element = settled(type.element, dropNulls);
      return element && { type: "array", element };
    }
    case "struct": {
      const fields = type.fields.flatMap((one): StructField[] => {
        const dataType = settled(one.dataType, dropNulls);
        return dataType ? [{ ...one, dataType }] : [];
      });
      return fields.length === 0 ? undefined : { type: "struct", fields };
    }
    default:
      return type;
  }
}

function refuseTwins(schema: StructType): void {
  const names = schema.fields.map((one) => one.name.toLowerCase());
  const twin = names.find((name, i) => names.indexOf(name) !== i);
  if (twin === undefined) return;
  throw new AnalysisError("COLUMN_ALREADY_EXISTS", {
    failed: `The column \`${twin}\` already exists`,
    found: "names in the records that differ in case only",
    remedy: "Give a schema with one of them.",
  });
}

function malformed(record: string): AnalysisError {
  return new AnalysisError("MALFORMED_RECORD_IN_PARSING.WITHOUT_SUGGESTION", {
    failed: "Malformed records are detected in record parsing",
    found: record.slice(0, 100),
    remedy: 'Set the option "mode" to "PERMISSIVE", or give a schema.',
  });
}
