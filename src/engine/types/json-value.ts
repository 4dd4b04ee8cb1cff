import { AnalysisError } from "../columns/analysis-error.ts";
import type { DataType, Row, StructType } from "./data-type.ts";
import { normalLong } from "./long.ts";
import { formatDecimal, parseDecimal } from "./number-text.ts";
import { formatDate, formatIso, parseDate, parseTimestamp } from "./timestamp-text.ts";
import { simpleString } from "./type-text.ts";
import { valueText } from "./value-text.ts";

/**
 * Values as JSON, the one form that tests, dashboards and reports share: timestamps ISO 8601 in UTC with milliseconds (microseconds where needed), dates
 * "2026-01-31", doubles numbers or "NaN", "Infinity", "-Infinity", whole numbers beyond 2^53 and all decimals as text, structs and maps as objects,
 * binary as base64.
 */
export type JsonValue = null | boolean | number | string | readonly JsonValue[] | { readonly [key: string]: JsonValue };

/** A value of a type as JSON. */
export function toJsonValue(value: unknown, type: DataType): JsonValue {
  if (value === null || value === undefined) return null;
  switch (type.type) {
    case "float":
    case "double": {
      const number = value as number;
      if (Number.isFinite(number)) return number;
      return Number.isNaN(number) ? "NaN" : number > 0 ? "Infinity" : "-Infinity";
    }
    case "bigint":
      return typeof value === "bigint" ? String(value) : (value as number);
    case "decimal":
      return formatDecimal(value as bigint, type.scale);
    case "binary":
      return Buffer.from(value as Uint8Array).toString("base64");
    case "date":
      return formatDate(value as number);
    case "timestamp":
      return formatIso(value as number, "needed");
    case "interval":
    case "months":
      return valueText(value, type);
    case "array":
      return (value as unknown[]).map((one) => toJsonValue(one, type.element));
    case "map":
      return Object.fromEntries(
        [...(value as Map<unknown, unknown>)].map(([k, v]) => [valueText(k, type.key), toJsonValue(v, type.value)]),
      );
    case "struct":
      return Object.fromEntries(type.fields.map((one, i) => [one.name, toJsonValue((value as unknown[])[i], one.dataType)]));
    default:
      return value as JsonValue;
  }
}

/** A row as the array of its columns' JSON values. */
export function rowToJson(row: Row, schema: StructType): JsonValue[] {
  return schema.fields.map((one, i) => toJsonValue(row[i], one.dataType));
}

/** A value of a type from its JSON; throws where it is none. */
export function fromJsonValue(value: JsonValue | undefined, type: DataType): unknown {
  if (value === null || value === undefined) return null;
  switch (type.type) {
    case "float":
    case "double": {
      const number = Number(checked(value, typeof value === "number" || (typeof value === "string" && NUMBER_TEXT.test(value)), type));
      return type.type === "float" ? Math.fround(number) : number;
    }
    case "bigint":
      return typeof value === "string"
        ? normalLong(BigInt(checked(value, /^[+-]?\d+$/.test(value), type) as string))
        : checked(value, typeof value === "number" && Number.isInteger(value), type);
    case "decimal":
      return known(parseDecimal(String(value), type.precision, type.scale), value, type);
    case "binary":
      return new Uint8Array(Buffer.from(String(value), "base64"));
    case "date":
      return known(parseDate(String(value)), value, type);
    case "timestamp":
      return known(parseTimestamp(String(value)), value, type);
    case "array":
      return checked(value, Array.isArray(value), type) && (value as readonly JsonValue[]).map((one) => fromJsonValue(one, type.element));
    case "map":
      return new Map(
        Object.entries(value).map(([k, v]) => [fromJsonValue(mapKey(k, type.key), type.key), fromJsonValue(v as JsonValue, type.value)]),
      );
    case "struct": {
      checked(value, typeof value === "object", type);
      const fields = value as { readonly [key: string]: JsonValue };
      return type.fields.map((one) => fromJsonValue(fields[one.name], one.dataType));
    }
    case "boolean":
      return checked(value, typeof value === "boolean", type);
    case "string":
      return checked(value, typeof value === "string", type);
    case "tinyint":
    case "smallint":
    case "int":
      return checked(value, Number.isInteger(value) && Math.abs((value as number) + 0.5) < HALF_RANGE[type.type], type);
    default:
      return checked(value, typeof value === "number", type);
  }
}

/** Half the number of values of a whole-number type: n fits where |n + 0.5| is below it. */
const HALF_RANGE = { tinyint: 2 ** 7, smallint: 2 ** 15, int: 2 ** 31 } as const;

const NUMBER_TEXT = /^(?:NaN|[+-]?(?:Infinity|(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?))$/;

/** A row in JSON form: its values in the schema's order, or an object of values by column name, in which an absent column is null. */
export type RowInput = readonly JsonValue[] | { readonly [column: string]: JsonValue };

/** A row from its JSON form. @throws AnalysisError INVALID_JSON_ROW for another number of values, or a name that is no column; INVALID_JSON_VALUE */
export function rowFromJson(row: RowInput, schema: StructType): Row {
  const { fields } = schema;
  if (isValues(row)) {
    if (row.length !== fields.length) throw unfitRow(`${row.length} values for ${fields.length} columns`, schema);
    return fields.map((field, i) => fromJsonValue(row[i], field.dataType));
  }
  const unknown = Object.keys(row).find((name) => !fields.some((field) => field.name === name));
  if (unknown !== undefined) throw unfitRow(`a value for ${unknown}`, schema);
  return fields.map((field) => fromJsonValue(Object.hasOwn(row, field.name) ? row[field.name] : null, field.dataType));
}

function isValues(row: RowInput): row is readonly JsonValue[] {
  return Array.isArray(row);
}

function unfitRow(found: string, schema: StructType): AnalysisError {
  return new AnalysisError("INVALID_JSON_ROW", {
    failed: "Cannot take a row",
    found,
    remedy: `Give the values of ${schema.fields.map((field) => field.name).join(", ")} in this order, or an object with these names.`,
  });
}

function mapKey(text: string, type: DataType): JsonValue {
  if (type.type === "boolean") return text === "true";
  return ["tinyint", "smallint", "int", "bigint", "float", "double"].includes(type.type) ? Number(text) : text;
}

function known(parsed: unknown, value: JsonValue, type: DataType): unknown {
  if (parsed === null) throw unfit(value, type);
  return parsed;
}

function checked(value: JsonValue, fits: boolean, type: DataType): unknown {
  if (!fits) throw unfit(value, type);
  return value;
}

function unfit(value: JsonValue, type: DataType): AnalysisError {
  return new AnalysisError("INVALID_JSON_VALUE", {
    failed: `Cannot read ${JSON.stringify(value)} as ${simpleString(type)}`,
    found: `a JSON ${Array.isArray(value) ? "array" : typeof value}`,
    remedy:
      type.type === "timestamp"
        ? 'Give the time as ISO 8601 text, as in "2026-01-31T12:00:00Z"; of a Date, its toISOString().'
        : "Give a value of the column's type.",
  });
}
