import type { DataType } from "../types/data-type.ts";
import { normalLong } from "../types/long.ts";
import type { LiteralValue } from "./expression.ts";

/** A plan's JSON-safe literal in the engine's own representation (see data-type.ts). */
export function literalValue(value: LiteralValue, type: DataType): unknown {
  if (value === null) return null;
  switch (type.type) {
    case "bigint":
      return typeof value === "string" ? normalLong(BigInt(value)) : value;
    case "decimal":
      return unscaled(String(value), type.scale);
    case "binary":
      return typeof value === "string" ? new Uint8Array(Buffer.from(value, "base64")) : value;
    case "float":
    case "double":
      return typeof value === "string" ? Number(value) : value;
    default:
      return value;
  }
}

function unscaled(text: string, scale: number): bigint {
  const [whole = "", fraction = ""] = text.split(".");
  return BigInt(whole + fraction.padEnd(scale, "0").slice(0, scale));
}
