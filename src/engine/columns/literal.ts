import type { DataType } from "../types/data-type.ts";
import { AnalysisError } from "./analysis-error.ts";
import type { Expression } from "./expression.ts";

/**
 * A plain value as a literal: whole numbers are int, or bigint where they do not fit; other numbers double; Date a timestamp; Uint8Array binary.
 */
export function literalExpression(value: unknown): Expression {
  if (value === null || value === undefined) return made(null, { type: "null" });
  switch (typeof value) {
    case "string":
      return made(value, { type: "string" });
    case "boolean":
      return made(value, { type: "boolean" });
    case "bigint":
      return made(String(value), { type: "bigint" });
    case "number": {
      if (!Number.isSafeInteger(value) || Object.is(value, -0)) {
        return made(Number.isFinite(value) && !Object.is(value, -0) ? value : Object.is(value, -0) ? "-0" : String(value), {
          type: "double",
        });
      }
      return made(value, { type: value === (value | 0) ? "int" : "bigint" });
    }
    default:
      if (value instanceof Date) return made(value.getTime() * 1000, { type: "timestamp" });
      if (value instanceof Uint8Array) return made(Buffer.from(value).toString("base64"), { type: "binary" });
      throw new AnalysisError("UNSUPPORTED_FEATURE.LITERAL_TYPE", {
        failed: "Cannot make a literal of a value",
        found: Array.isArray(value) ? "an array" : isType(value) ? `the type ${value.type}` : `a value of the type ${typeof value}`,
        remedy:
          "Give text, a number, a boolean, a Date or a Uint8Array; columns make arrays and structs. The type of an array is arrayOf(…).",
      });
  }
}

function isType(value: unknown): value is { readonly type: string } {
  return typeof value === "object" && value !== null && "type" in value && typeof value.type === "string";
}

function made(value: string | number | boolean | null, dataType: DataType): Expression {
  return { kind: "literal", value, dataType };
}
