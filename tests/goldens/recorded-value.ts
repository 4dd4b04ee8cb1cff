import type { DataType, Row, StructType } from "../../src/engine/types/data-type.ts";
import type { JsonValue } from "../../src/engine/types/json-value.ts";
import { toJsonValue } from "../../src/engine/types/json-value.ts";

/** A result row as the golden files write it: JSON values, and Python's texts where the recorder has no JSON form (binary values, intervals, keys of maps). */
export function recordedRow(row: Row, schema: StructType): JsonValue[] {
  return schema.fields.map((field, i) => recordedValue(row[i], field.dataType));
}

function recordedValue(value: unknown, type: DataType): JsonValue {
  if (value === null || value === undefined) return null;
  switch (type.type) {
    case "binary":
      return pythonBytes(value as Uint8Array);
    case "interval":
      return pythonDuration(Number(value));
    case "array":
      return (value as unknown[]).map((one) => recordedValue(one, type.element));
    case "struct":
      return Object.fromEntries(type.fields.map((field, i) => [field.name, recordedValue((value as unknown[])[i], field.dataType)]));
    case "map":
      return Object.fromEntries(
        [...(value as Map<unknown, unknown>)].map(([key, one]) => [pythonText(key, type.key), recordedValue(one, type.value)]),
      );
    default:
      return toJsonValue(value, type);
  }
}

const ESCAPES: Readonly<Record<number, string>> = { 9: "\\t", 10: "\\n", 13: "\\r", 92: "\\\\" };

/** Python's text of a bytes object: b'\x00A'. */
function pythonBytes(bytes: Uint8Array): string {
  const quote = bytes.includes(39) && !bytes.includes(34) ? '"' : "'";
  const text = Array.from(bytes, (byte) => {
    if (byte === quote.charCodeAt(0)) return `\\${quote}`;
    return ESCAPES[byte] ?? (byte < 32 || byte > 126 ? `\\x${byte.toString(16).padStart(2, "0")}` : String.fromCharCode(byte));
  }).join("");
  return `b${quote}${text}${quote}`;
}

const DAY_US = 86_400_000_000;

/** Python's text of a timedelta: "1 day, 2:00:00", "-1 day, 23:59:55", "0:00:00.500000". */
function pythonDuration(us: number): string {
  const days = Math.floor(us / DAY_US);
  const rest = us - days * DAY_US;
  const seconds = Math.floor(rest / 1_000_000);
  const two = (n: number): string => String(n).padStart(2, "0");
  const clock = `${Math.floor(seconds / 3600)}:${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}`;
  const fraction = rest % 1_000_000 === 0 ? "" : `.${String(rest % 1_000_000).padStart(6, "0")}`;
  return `${days === 0 ? "" : `${days} day${Math.abs(days) === 1 ? "" : "s"}, `}${clock}${fraction}`;
}

/** A map's key by Python's str(). */
function pythonText(key: unknown, type: DataType): string {
  const value = recordedValue(key, type);
  if (typeof value === "boolean") return value ? "True" : "False";
  if (type.type === "timestamp")
    return String(value)
      .replace("T", " ")
      .replace(/(\.000)?Z$/, "")
      .replace(/(\.\d{3})$/, "$1000");
  if (type.type === "double" || type.type === "float") return pythonFloat(key as number);
  if (Array.isArray(value))
    return `[${(key as unknown[]).map((one) => pythonText(one, (type as { element: DataType }).element)).join(", ")}]`;
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}

function pythonFloat(value: number): string {
  if (Number.isNaN(value)) return "nan";
  if (!Number.isFinite(value)) return value > 0 ? "inf" : "-inf";
  if (Object.is(value, -0)) return "-0.0";
  const size = Math.abs(value);
  if (size !== 0 && (size < 1e-4 || size >= 1e16)) return value.toExponential().replace(/e([+-])(\d)$/, "e$10$2");
  return Number.isInteger(value) ? `${value}.0` : String(value);
}

/** Whether two recorded values are equal: numbers of floating-point columns within a relative 1e-9, everything else exactly. */
export function sameRecorded(a: JsonValue | undefined, b: JsonValue | undefined, type?: DataType): boolean {
  if (typeof a === "number" && typeof b === "number") {
    if (Object.is(a, b)) return true;
    if (a === 0 && b === 0) return false;
    const exact = type ? type.type !== "double" && type.type !== "float" : Number.isSafeInteger(a) && Number.isSafeInteger(b);
    return !exact && Math.abs(a - b) <= 1e-9 * Math.max(Math.abs(a), Math.abs(b));
  }
  if (Array.isArray(a) && Array.isArray(b)) {
    const element = type?.type === "array" ? type.element : undefined;
    return a.length === b.length && a.every((one, i) => sameRecorded(one as JsonValue, b[i] as JsonValue, element));
  }
  if (typeof a === "object" && typeof b === "object" && a !== null && b !== null && !Array.isArray(a) && !Array.isArray(b)) {
    const [left, right] = [a as Record<string, JsonValue>, b as Record<string, JsonValue>];
    const keys = Object.keys(left);
    const of = (name: string): DataType | undefined =>
      type?.type === "map" ? type.value : type?.type === "struct" ? type.fields.find((one) => one.name === name)?.dataType : undefined;
    return keys.length === Object.keys(right).length && keys.every((key) => key in right && sameRecorded(left[key], right[key], of(key)));
  }
  return a === b || (typeof a === "string" && typeof b === "string" && a === plainDecimal(b));
}

/** Decimals are recorded as Python writes them: `0E-7` for a zero with seven digits after the point. */
function plainDecimal(text: string): string {
  const [, sign = "", whole, fraction = "", exponent] = /^(-?)(\d)(?:\.(\d+))?E-(\d+)$/.exec(text) ?? [];
  return whole === undefined ? text : `${sign}0.${"0".repeat(Number(exponent) - 1)}${whole}${fraction}`;
}
