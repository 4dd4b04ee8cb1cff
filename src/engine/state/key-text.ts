/** One text per group of equal values: null, NaN and both zeros are each equal to themselves, as GROUP BY has it. */
export function keyText(value: unknown): string {
  if (value === null || value === undefined) return "~";
  switch (typeof value) {
    case "string":
      return `"${value.length}:${value}`;
    case "number":
      return `#${value === 0 ? 0 : value}`;
    case "bigint":
      return `n${value}`;
    case "boolean":
      return value ? "T" : "F";
    default:
      break;
  }
  if (Array.isArray(value)) return `[${value.map(keyText).join(",")}]`;
  if (value instanceof Uint8Array) return `x${Buffer.from(value).toString("hex")}`;
  if (value instanceof Map) return `{${[...value].map(([key, element]) => `${keyText(key)}=${keyText(element)}`).join(",")}}`;
  throw new TypeError(`no key can be made of ${Object.prototype.toString.call(value)}`);
}

/** The value as a group shows it: -0.0 becomes 0.0. */
export function normalizedKey(value: unknown): unknown {
  if (value === 0) return 0;
  return Array.isArray(value) ? value.map(normalizedKey) : value;
}
