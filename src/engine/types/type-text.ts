import type { DataType, StructType } from "./data-type.ts";
import { rangeText } from "./interval-type.ts";

/** A type as Spark's `simpleString`: "bigint", "decimal(10,2)", "struct<start:timestamp,end:timestamp>". */
export function simpleString(type: DataType): string {
  switch (type.type) {
    case "decimal":
      return `decimal(${type.precision},${type.scale})`;
    case "array":
      return `array<${simpleString(type.element)}>`;
    case "map":
      return `map<${simpleString(type.key)},${simpleString(type.value)}>`;
    case "struct":
      return `struct<${type.fields.map((one) => `${one.name}:${simpleString(one.dataType)}`).join(",")}>`;
    case "interval":
    case "months":
      return `interval ${rangeText(type)}`;
    case "null":
      return "void";
    default:
      return type.type;
  }
}

/** A type as Spark's error messages name it: "BIGINT", "ARRAY<INT>". */
export function sqlTypeName(type: DataType): string {
  switch (type.type) {
    case "array":
      return `ARRAY<${sqlTypeName(type.element)}>`;
    case "map":
      return `MAP<${sqlTypeName(type.key)}, ${sqlTypeName(type.value)}>`;
    case "struct":
      return `STRUCT<${type.fields.map((one) => `${one.name}: ${sqlTypeName(one.dataType)}`).join(", ")}>`;
    default:
      return simpleString(type).toUpperCase();
  }
}

/** A schema as DDL that `parseSchema` reads back: "ts timestamp, `odd name` int". */
export function schemaText(schema: StructType): string {
  return schema.fields.map((one) => `${quoteName(one.name)} ${ddlType(one.dataType)}${one.nullable ? "" : " NOT NULL"}`).join(", ");
}

function ddlType(type: DataType): string {
  switch (type.type) {
    case "array":
      return `array<${ddlType(type.element)}>`;
    case "map":
      return `map<${ddlType(type.key)},${ddlType(type.value)}>`;
    case "struct":
      return `struct<${type.fields
        .map((one) => `${quoteName(one.name)}:${ddlType(one.dataType)}${one.nullable ? "" : " NOT NULL"}`)
        .join(",")}>`;
    default:
      return simpleString(type);
  }
}

function quoteName(name: string): string {
  return /^[A-Za-z_][A-Za-z0-9_]*$/.test(name) ? name : `\`${name.replaceAll("`", "``")}\``;
}

/** The tree that `printSchema` prints, with a line break at its end. */
export function treeString(schema: StructType): string {
  const lines = ["root"];
  addFields(schema, " ", lines);
  return `${lines.join("\n")}\n`;
}

function treeName(type: DataType): string {
  if (type.type === "bigint") return "long";
  if (type.type === "int") return "integer";
  if (type.type === "smallint") return "short";
  if (type.type === "tinyint") return "byte";
  if (type.type === "array" || type.type === "map" || type.type === "struct") return type.type;
  return simpleString(type);
}

function addFields(schema: StructType, prefix: string, lines: string[]): void {
  for (const one of schema.fields) {
    lines.push(`${prefix}|-- ${one.name}: ${treeName(one.dataType)} (nullable = ${one.nullable})`);
    addNested(one.dataType, `${prefix}|    `, lines);
  }
}

function addNested(type: DataType, prefix: string, lines: string[]): void {
  if (type.type === "struct") addFields(type, prefix, lines);
  if (type.type === "array") {
    lines.push(`${prefix}|-- element: ${treeName(type.element)} (containsNull = true)`);
    addNested(type.element, `${prefix}|    `, lines);
  }
  if (type.type === "map") {
    lines.push(`${prefix}|-- key: ${treeName(type.key)}`);
    addNested(type.key, `${prefix}|    `, lines);
    lines.push(`${prefix}|-- value: ${treeName(type.value)} (valueContainsNull = true)`);
    addNested(type.value, `${prefix}|    `, lines);
  }
}
