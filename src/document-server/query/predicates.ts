import { BSONRegExp, Binary, Decimal128, Double, Int32, Long, MaxKey, MinKey, ObjectId, Timestamp, Code } from "bson";
import { CommandFailure } from "../failure.ts";
import { compareValues, keyOf } from "../bson/values.ts";

type Predicate = (document: unknown) => boolean;

/**
 * The values that a query on `path` is held against (manual: "Query an Array", "Query for Null"): the value itself, and where it is an array
 * each of its elements too; through an array on the way, those of its documents. undefined stands for a missing field.
 */
export function candidates(document: unknown, path: string): unknown[] {
  const found: unknown[] = [];
  follow(document, path.split("."), 0, found);
  return found;
}

function follow(value: unknown, parts: readonly string[], depth: number, found: unknown[]): void {
  if (depth === parts.length) {
    if (Array.isArray(value)) for (const item of value) found.push(item);
    found.push(value);
    return;
  }
  const part = parts[depth] as string;
  if (Array.isArray(value)) {
    if (/^\d+$/.test(part) && Number(part) < value.length) follow(value[Number(part)], parts, depth + 1, found);
    for (const item of value) if (isPlain(item)) follow(item, parts, depth, found);
  } else if (isPlain(value)) follow(Object.hasOwn(value, part) ? value[part] : undefined, parts, depth + 1, found);
  else found.push(undefined);
}

/** A sub-document, as opposed to an array, a date or a value of a BSON class. A field of its own named "constructor" does not matter. */
export function isPlain(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && Object.getPrototypeOf(value) === Object.prototype;
}

function equals(left: unknown, right: unknown): boolean {
  if (left === right) return true;
  if (left == null || right == null) return false;
  if (typeof left !== "object" && typeof right !== "object") return Number.isNaN(left) && Number.isNaN(right);
  return keyOf(left).equals(keyOf(right));
}

function equal(path: string, wanted: unknown): Predicate {
  if (wanted === null || wanted === undefined) return (document) => candidates(document, path).some((value) => value == null);
  if (typeof wanted === "object") {
    const key = keyOf(wanted);
    return (document) =>
      candidates(document, path).some(
        (value) => value != null && (typeof value === "object" || typeof value === "number") && keyOf(value).equals(key),
      );
  }
  return (document) => candidates(document, path).some((value) => equals(value, wanted));
}

function oneOf(path: string, wanted: unknown): Predicate {
  if (!Array.isArray(wanted)) throw new CommandFailure("BadValue", "$in needs an array");
  const patterns = wanted.filter((item) => item instanceof RegExp);
  const keys = new Set(wanted.filter((item) => item != null && !(item instanceof RegExp)).map((item) => keyOf(item).toString("latin1")));
  const orNull = wanted.some((item) => item == null);
  return (document) =>
    candidates(document, path).some((value) => {
      if (value == null) return orNull;
      if (typeof value === "string" && patterns.some((pattern) => pattern.test(value))) return true;
      return keys.has(keyOf(value).toString("latin1"));
    });
}

/** Comparisons hold only within one type bracket ({$lt: 5} says nothing about text or NaN). */
function compared(path: string, wanted: unknown, holds: (order: number) => boolean): Predicate {
  if (wanted == null) return (document) => holds(0) && candidates(document, path).some((value) => value == null);
  if (wanted instanceof RegExp) throw new CommandFailure("BadValue", "Can't have RegEx as arg to predicate over field");
  const bracket = typeName(wanted);
  const kind = NUMBERS.has(bracket) ? "number" : bracket;
  if (isNaNValue(wanted)) return (document) => holds(0) && candidates(document, path).some(isNaNValue);
  return (document) =>
    candidates(document, path).some((value) => {
      if (value == null) return false;
      if (typeof value === "number" && typeof wanted === "number") return value === value && holds(value - wanted);
      const name = typeName(value);
      if (kind === "minKey" || kind === "maxKey") return holds(compareValues(value, wanted));
      return (NUMBERS.has(name) ? "number" : name) === kind && !isNaNValue(value) && holds(compareValues(value, wanted));
    });
}

function isNaNValue(value: unknown): boolean {
  return (
    Number.isNaN(value) ||
    (value instanceof Decimal128 && value.toString() === "NaN") ||
    (value instanceof Double && Number.isNaN(value.value))
  );
}

const NUMBERS = new Set(["int", "long", "double", "decimal"]);
const TYPE_NUMBERS: Readonly<Record<string, string>> = {
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
  "13": "javascript",
  "16": "int",
  "17": "timestamp",
  "18": "long",
  "19": "decimal",
  "127": "maxKey",
  "-1": "minKey",
};

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
      return Number.isInteger(value) ? (Math.abs(value) < 2 ** 31 ? "int" : "long") : "double";
  }
  if (Array.isArray(value)) return "array";
  if (value instanceof Date) return "date";
  if (value instanceof Long) return value instanceof Timestamp ? "timestamp" : "long";
  if (value instanceof Decimal128) return "decimal";
  if (value instanceof Double) return "double";
  if (value instanceof Int32) return "int";
  if (value instanceof ObjectId) return "objectId";
  if (value instanceof Binary || value instanceof Uint8Array) return "binData";
  if (value instanceof RegExp || value instanceof BSONRegExp) return "regex";
  if (value instanceof Code) return "javascript";
  if (value instanceof MinKey) return "minKey";
  if (value instanceof MaxKey) return "maxKey";
  return "object";
}

function ofType(path: string, wanted: unknown): Predicate {
  const names = (Array.isArray(wanted) ? wanted : [wanted]).map((item) => {
    const name =
      typeof item === "number"
        ? TYPE_NUMBERS[String(item)]
        : item === "number" || Object.values(TYPE_NUMBERS).includes(String(item))
          ? String(item)
          : undefined;
    if (name === undefined) throw new CommandFailure("BadValue", `Unknown type name alias: ${String(item)}`);
    return name;
  });
  return (document) =>
    candidates(document, path).some((value) => {
      const name = typeName(value);
      return value !== undefined && (names.includes(name) || (names.includes("number") && NUMBERS.has(name)));
    });
}

/** Query operators in the place of mingo's, which tell 5 from Long 5, do not order Long, Decimal128 and ObjectId, and order text by UTF-16. */
export const queryOperators: Readonly<Record<string, (path: string, value: unknown) => Predicate>> = {
  $eq: equal,
  $ne: (path, value) => not(equal(path, value)),
  $in: oneOf,
  $nin: (path, value) => not(oneOf(path, value)),
  $gt: (path, value) => compared(path, value, (order) => order > 0),
  $gte: (path, value) => compared(path, value, (order) => order >= 0),
  $lt: (path, value) => compared(path, value, (order) => order < 0),
  $lte: (path, value) => compared(path, value, (order) => order <= 0),
  $exists: (path, value) => {
    const wanted = value !== false && value !== 0 && value !== null;
    return (document) => candidates(document, path).some((found) => found !== undefined) === wanted;
  },
  $type: ofType,
};

function not(predicate: Predicate): Predicate {
  return (document) => !predicate(document);
}
