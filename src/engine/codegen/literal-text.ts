import type { DataType } from "../types/data-type.ts";
import type { CodeWriter } from "./code.ts";

/** The text that a local of this type holds while its value is null: of the same machine representation, so that it stays fast. */
export function placeholder(type: DataType): string {
  switch (type.type) {
    case "boolean":
      return "false";
    case "string":
      return '""';
    case "decimal":
      return "0n";
    case "tinyint":
    case "smallint":
    case "int":
    case "bigint":
    case "float":
    case "double":
    case "date":
    case "timestamp":
    case "interval":
    case "months":
      return "0";
    default:
      return "null";
  }
}

/** The text of a value in the engine's own representation. */
export function literalText(value: unknown, writer: CodeWriter): string {
  switch (typeof value) {
    case "string":
      return JSON.stringify(value);
    case "number":
      return Object.is(value, -0) ? "-0" : String(value);
    case "boolean":
      return String(value);
    case "bigint":
      return `${value}n`;
    default:
      return value === null ? "null" : writer.constant("literal", value);
  }
}
