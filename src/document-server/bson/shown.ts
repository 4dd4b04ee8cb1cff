import { Binary, Decimal128, Double, Int32, Long, ObjectId, Timestamp } from "bson";

/** A value as MongoDB's messages show it: `{ a: 1, b: "x", c: ObjectId('…') }`. */
export function shown(value: unknown): string {
  if (value === null || value === undefined) return "null";
  if (typeof value === "string") return `"${value}"`;
  if (typeof value === "number" || typeof value === "boolean" || typeof value === "bigint") return String(value);
  if (value instanceof Date) return `new Date(${value.getTime()})`;
  if (value instanceof ObjectId) return `ObjectId('${value.toHexString()}')`;
  if (value instanceof Timestamp) return `Timestamp(${value.getHighBits()}, ${value.getLowBits()})`;
  if (value instanceof Long || value instanceof Decimal128 || value instanceof Double || value instanceof Int32) return value.toString();
  if (value instanceof Binary) return `BinData(${value.sub_type}, ${Buffer.from(value.value()).toString("hex").toUpperCase()})`;
  if (value instanceof RegExp) return String(value);
  if (Array.isArray(value)) return value.length === 0 ? "[]" : `[ ${value.map(shown).join(", ")} ]`;
  const entries = Object.entries(value as Record<string, unknown>);
  if (entries.length === 0) return "{}";
  return `{ ${entries.map(([name, item]) => `${name}: ${shown(item)}`).join(", ")} }`;
}

/** A text as it is, anything else as messages show it. Never throws: `String` does on an object of a client's with a field toString. */
export const textOf = (value: unknown): string => (typeof value === "string" ? value : shown(value));
