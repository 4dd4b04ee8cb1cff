import type { DataType } from "./data-type.ts";
import { intervalText } from "./interval-type.ts";
import { formatDecimal, formatDouble, formatFloat } from "./number-text.ts";
import { formatDate, formatTimestamp } from "./timestamp-text.ts";

/** A value as Spark's cast to string gives it, and the console prints it: structs "{1, a}", arrays "[1, null]", maps "{k -> 1}". Not for null. */
export function valueText(value: unknown, type: DataType): string {
  switch (type.type) {
    case "float":
      return formatFloat(value as number);
    case "double":
      return formatDouble(value as number);
    case "decimal":
      return formatDecimal(value as bigint, type.scale);
    case "date":
      return formatDate(value as number);
    case "timestamp":
      return formatTimestamp(value as number);
    case "binary":
      return bytesText(value as Uint8Array);
    case "interval":
    case "months":
      return intervalText(value as number, type);
    case "array":
      return `[${(value as unknown[]).map((one) => nested(one, type.element)).join(", ")}]`;
    case "map":
      return `{${[...(value as Map<unknown, unknown>)].map(([k, v]) => `${nested(k, type.key)} -> ${nested(v, type.value)}`).join(", ")}}`;
    case "struct":
      return `{${type.fields.map((one, i) => nested((value as unknown[])[i], one.dataType)).join(", ")}}`;
    default:
      return String(value);
  }
}

function nested(value: unknown, type: DataType): string {
  return value === null ? "null" : valueText(value, type);
}

/** Bytes read as UTF-8. */
export function bytesText(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("utf8");
}
