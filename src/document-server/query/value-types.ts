import { Binary, BSONRegExp, Code, DBRef, Decimal128, Double, Int32, Long, MaxKey, MinKey, ObjectId, Timestamp } from "bson";
import { numericKind, toDouble, type Numeric } from "../bson/arithmetic.ts";
import { shown } from "../bson/shown.ts";
import { CommandFailure } from "../failure.ts";

const ALIASES: Readonly<Record<string, string>> = {
  "1": "double",
  "2": "string",
  "3": "object",
  "4": "array",
  "5": "binData",
  "6": "undefined",
  "7": "objectId",
  "8": "bool",
  "9": "date",
  "10": "null",
  "11": "regex",
  "12": "dbPointer",
  "13": "javascript",
  "14": "symbol",
  "15": "javascriptWithScope",
  "16": "int",
  "17": "timestamp",
  "18": "long",
  "19": "decimal",
  "127": "maxKey",
  "-1": "minKey",
};
const NAMES = new Set([...Object.values(ALIASES), "number"]);

/** MongoDB's alias of a value's BSON type. Numbers that came as plain JavaScript numbers tell int, long and double by their value. */
export function typeName(value: unknown): string {
  if (value === null) return "null";
  switch (typeof value) {
    case "undefined":
      return "undefined";
    case "string":
      return "string";
    case "boolean":
      return "bool";
    case "bigint":
      return "long";
    case "number":
      return numericKind(value) as string;
  }
  if (Array.isArray(value)) return "array";
  if (value instanceof Date) return "date";
  if (value instanceof Timestamp) return "timestamp";
  if (value instanceof Long) return "long";
  if (value instanceof Decimal128) return "decimal";
  if (value instanceof Double) return "double";
  if (value instanceof Int32) return "int";
  if (value instanceof ObjectId) return "objectId";
  if (value instanceof Binary || value instanceof Uint8Array) return "binData";
  if (value instanceof RegExp || value instanceof BSONRegExp) return "regex";
  if (value instanceof Code) return value.scope ? "javascriptWithScope" : "javascript";
  if (value instanceof MinKey) return "minKey";
  if (value instanceof MaxKey) return "maxKey";
  if (value instanceof DBRef) return "object";
  return "object";
}

/** The argument of $type: an alias, a number, or a list of them. */
export function parseTypes(wanted: unknown): ReadonlySet<string> {
  const list = Array.isArray(wanted) ? (wanted as unknown[]) : [wanted];
  if (list.length === 0) throw new CommandFailure("FailedToParse", "$type must match at least one type");
  return new Set(
    list.map((item) => {
      if (typeof item === "string") {
        if (NAMES.has(item)) return item;
        throw new CommandFailure("BadValue", `Unknown type name alias: ${item}`);
      }
      if (numericKind(item) === undefined) throw new CommandFailure("TypeMismatch", "type must be represented as a number or a string");
      const name = ALIASES[String(toDouble(item as Numeric))];
      if (name === undefined) throw new CommandFailure("BadValue", `Invalid numerical type code: ${shown(item)}`);
      return name;
    }),
  );
}

export function isNaNValue(value: unknown): boolean {
  return Number.isNaN(value) || ((value instanceof Decimal128 || value instanceof Double) && value.toString() === "NaN");
}
