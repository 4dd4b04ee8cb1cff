import type { DataType } from "./data-type.ts";
import type { JsonValue } from "./json-value.ts";
import { fromJsonValue, toJsonValue } from "./json-value.ts";
import { normalLong } from "./long.ts";
import { valueText } from "./value-text.ts";

/**
 * Values as a user's own function sees them: the JSON form that rows have outside the engine (see JsonValue), with numbers kept as numbers (NaN and
 * infinities, BigInt beyond 2^53) and binary as a Uint8Array.
 */
export function toUserValue(value: unknown, type: DataType): unknown {
  if (value === null || value === undefined) return null;
  switch (type.type) {
    case "decimal":
    case "date":
    case "timestamp":
    case "interval":
    case "months":
      return toJsonValue(value, type);
    case "array":
      return (value as unknown[]).map((one) => toUserValue(one, type.element));
    case "map":
      return Object.fromEntries(
        [...(value as Map<unknown, unknown>)].map(([k, v]) => [valueText(k, type.key), toUserValue(v, type.value)]),
      );
    case "struct":
      return Object.fromEntries(type.fields.map((one, i) => [one.name, toUserValue((value as unknown[])[i], one.dataType)]));
    default:
      return value;
  }
}

const WHOLE: Readonly<Record<string, number>> = { tinyint: 2 ** 7, smallint: 2 ** 15, int: 2 ** 31, bigint: 2 ** 63 };

/** Whether a value can be read as the type: a whole number in its range, text that is a date, an object for a struct, and so on for what it holds. */
export function isUserValue(value: unknown, type: DataType): boolean {
  if (value === null || value === undefined) return true;
  switch (type.type) {
    case "boolean":
    case "string":
      return typeof value === type.type;
    case "tinyint":
    case "smallint":
    case "int":
    case "bigint": {
      const limit = WHOLE[type.type] ?? 0;
      const whole = typeof value === "bigint" || (typeof value === "number" && Number.isInteger(value));
      return whole && value >= -limit && value < limit;
    }
    case "float":
    case "double":
      return typeof value === "number";
    case "binary":
      return value instanceof Uint8Array;
    case "decimal":
      return ["string", "number", "bigint"].includes(typeof value) && reads(String(value), type);
    case "date":
    case "timestamp":
      return value instanceof Date ? !Number.isNaN(value.getTime()) : typeof value === "string" && reads(value, type);
    case "array":
      return Array.isArray(value) && value.every((one) => isUserValue(one, type.element));
    case "map":
      return entriesOf(value).every(([key, one]) => isKey(key, type.key) && isUserValue(one, type.value)) && isObject(value);
    case "struct":
      return (
        isObject(value) && type.fields.every((one) => isUserValue((value as Readonly<Record<string, unknown>>)[one.name], one.dataType))
      );
    default:
      return false;
  }
}

/** The engine's value of what a user's function gave, for which `isUserValue` holds. */
export function fromUserValue(value: unknown, type: DataType): unknown {
  if (value === null || value === undefined) return null;
  switch (type.type) {
    case "bigint":
      return normalLong(BigInt(value as number | bigint));
    case "tinyint":
    case "smallint":
    case "int":
      return Number(value) + 0;
    case "float":
      return Math.fround(value as number);
    case "decimal":
      return fromJsonValue(String(value as string), type);
    case "date":
    case "timestamp":
      return fromJsonValue(value instanceof Date ? value.toISOString() : (value as string), type);
    case "array":
      return (value as unknown[]).map((one) => fromUserValue(one, type.element));
    case "map":
      return new Map(entriesOf(value).map(([key, one]) => [keyOf(key, type.key), fromUserValue(one, type.value)]));
    case "struct":
      return type.fields.map((one) => fromUserValue((value as Readonly<Record<string, unknown>>)[one.name], one.dataType));
    default:
      return value;
  }
}

function isObject(value: unknown): boolean {
  return typeof value === "object" && !Array.isArray(value) && !(value instanceof Date) && !(value instanceof Uint8Array);
}

function entriesOf(value: unknown): [unknown, unknown][] {
  return value instanceof Map ? [...value] : Object.entries(value as object);
}

function isKey(key: unknown, type: DataType): boolean {
  return isUserValue(ofText(key, type), type) && key !== null;
}

function keyOf(key: unknown, type: DataType): unknown {
  return fromUserValue(ofText(key, type), type);
}

/** Keys of objects are text, whatever the map's keys are. */
function ofText(key: unknown, type: DataType): unknown {
  if (typeof key !== "string") return key;
  if (type.type in WHOLE || type.type === "float" || type.type === "double") return key.trim() === "" ? key : Number(key);
  return type.type === "boolean" ? key === "true" : key;
}

function reads(text: string, type: DataType): boolean {
  try {
    fromJsonValue(text satisfies JsonValue, type);
    return true;
  } catch {
    return false;
  }
}
