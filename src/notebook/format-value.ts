const CONTROL = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g;

/** One value as a table shows it: dates as ISO text, at most four decimals, bytes in hex, control characters escaped. */
export function formatValue(value: unknown): string {
  if (value === null || value === undefined) return "null";
  if (typeof value === "number")
    return Number.isInteger(value) || !Number.isFinite(value) ? String(value) : String(Number(value.toFixed(4)));
  return (typeof value === "object" ? formatObject(value) : String(value)).replace(CONTROL, escapeControl);
}

/** A date, a list, bytes, or an object as one text: by its own `toString` (an ObjectId, a Long), else as JSON. */
export function formatObject(value: object): string {
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? "invalid date" : value.toISOString();
  if (value instanceof Uint8Array) return `0x${Buffer.from(value).toString("hex")}`;
  const print = (value as { toString?: unknown }).toString;
  if (!Array.isArray(value) && typeof print === "function" && print !== Object.prototype.toString) return String(value);
  return JSON.stringify(value, (_key, inner: unknown) => (typeof inner === "bigint" ? String(inner) : inner));
}

function escapeControl(character: string): string {
  if (character === "\n") return "\\n";
  return character === "\t" ? "\\t" : `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
}
