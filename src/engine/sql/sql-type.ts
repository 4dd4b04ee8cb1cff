import type { DataType, StructField } from "../types/data-type.ts";
import { parseDataType } from "../types/ddl.ts";
import type { Ast } from "./parser.ts";
import { identifier, isObject, listOf, variantOf } from "./parser.ts";

/** The type that a CAST names. @throws AnalysisError UNSUPPORTED_DATATYPE */
export function sqlType(ast: Ast | undefined): DataType {
  const [name, content] = variantOf(ast);
  switch (name) {
    case "Array": {
      const [, element] = variantOf(content);
      return { type: "array", element: sqlType(element) };
    }
    case "Map": {
      const [key, value] = listOf(content);
      return { type: "map", key: sqlType(key), value: sqlType(value) };
    }
    case "Struct":
      return { type: "struct", fields: listOf(listOf(content)[0]).map(structField) };
    case "Decimal":
    case "Dec":
    case "Numeric":
      return decimalType(content);
    case "Custom":
      return parseDataType(listOf(listOf(content)[0]).map(identifier).join("."));
    case "Timestamp":
      return { type: "timestamp" };
    case "Varchar":
    case "CharacterVarying":
    case "Char":
    case "Character":
    case "Text":
      return { type: "string" };
    default:
      return parseDataType(name.toLowerCase());
  }
}

function structField(ast: Ast): StructField {
  const field = isObject(ast) ? ast : {};
  return { name: identifier(field.field_name), dataType: sqlType(field.field_type), nullable: true };
}

function decimalType(content: Ast): DataType {
  const [, digits] = variantOf(content);
  const [precision, scale] = Array.isArray(digits) ? listOf(digits) : [digits, 0];
  return parseDataType(typeof precision === "number" ? `decimal(${precision},${Number(scale ?? 0)})` : "decimal");
}
