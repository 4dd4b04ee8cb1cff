import type { AnyColumn, ColumnOf, Untyped } from "../../columns/column.ts";
import { call, type Column } from "../../columns/column.ts";
import type { DataType } from "../../types/data-type.ts";
import { parseTypeOrSchema } from "../../types/ddl.ts";
import type { Schema } from "../../types/schema-builder.ts";
import type { Text } from "./arguments.ts";

/** Spark's reader options for JSON. */
export type JsonOptions = {
  readonly mode?: "PERMISSIVE" | "FAILFAST";
  readonly columnNameOfCorruptRecord?: string;
  readonly timestampFormat?: string;
  /** A pattern for dates, as timestampFormat for timestamps. */
  readonly dateFormat?: string;
  /** "true": what the name says is taken. */
  readonly allowComments?: string;
  readonly allowUnquotedFieldNames?: string;
  readonly allowNumericLeadingZeros?: string;
  readonly allowBackslashEscapingAnyCharacter?: string;
  readonly allowUnquotedControlChars?: string;
  /** "false": text and names in single quotes are not taken. */
  readonly allowSingleQuotes?: string;
  /** "false": NaN, Infinity and -Infinity are no numbers ("true" when not given, as in Spark). */
  readonly allowNonNumericNumbers?: string;
  /**
   * "true" (beyond Spark): every record is compared with the schema as well, and a streaming query counts new and missing fields and values of another
   * kind, in its progress (`drift.…` of the first source) and in `query.driftReport()`. Costs a second reading of each record; nothing when not given.
   */
  readonly driftReport?: string;
};

/** Reads JSON text by a schema; a field that is not of its type is null, text that is no JSON object gives nulls (PERMISSIVE). */
export function fromJson<Row>(text: Text, schema: Schema<Row>, options?: JsonOptions): ColumnOf<Row>;
export function fromJson(text: Text, schema: string | DataType, options?: JsonOptions): Column<Untyped>;
export function fromJson(text: Text, schema: string | DataType, options: JsonOptions = {}): Column<Untyped> {
  const type = typeof schema === "string" ? parseTypeOrSchema(schema) : schema;
  return call("from_json", [text], { schema: type, options: options as Record<string, string> });
}
/** A struct, array or map as JSON text; fields that are null are left out, unless the option ignoreNullFields is "false". */
export function toJson(value: AnyColumn, options: Readonly<Record<string, string>> = {}): Column<string> {
  return call("to_json", [value], { options });
}
/** A struct as one line of CSV. */
export function toCsv(value: AnyColumn, options: Readonly<Record<string, string>> = {}): Column<string> {
  return call("to_csv", [value], { options });
}
/** A part of a JSON text by a path such as "$.a[0].b", as text. */
export function getJsonObject(text: Text, path: string): Column<string> {
  return call("get_json_object", [text, path]);
}
/** How many elements the outermost array of a JSON text has; null if it is none. */
export function jsonArrayLength(text: Text): Column<number> {
  return call("json_array_length", [text]);
}
/** The names of the outermost object of a JSON text; null if it is none. */
export function jsonObjectKeys(text: Text): Column<string[]> {
  return call("json_object_keys", [text]);
}
/** Reads one line of CSV by a schema. */
export function fromCsv<Row>(text: Text, schema: Schema<Row>, options?: Readonly<Record<string, string>>): ColumnOf<Row>;
export function fromCsv(text: Text, schema: string | DataType, options?: Readonly<Record<string, string>>): Column<Untyped>;
export function fromCsv(text: Text, schema: string | DataType, options: Readonly<Record<string, string>> = {}): Column<Untyped> {
  return call("from_csv", [text], { schema: typeof schema === "string" ? parseTypeOrSchema(schema) : schema, options });
}
/** The schema of a JSON text, as DDL that fromJson takes; the text is an example, written in the query. */
export function schemaOfJson(json: string, options: Readonly<Record<string, string>> = {}): Column<string> {
  return call("schema_of_json", [json], { options });
}
/** The schema of a line of CSV, as DDL that fromCsv takes; the line is an example, written in the query. */
export function schemaOfCsv(csv: string, options: Readonly<Record<string, string>> = {}): Column<string> {
  return call("schema_of_csv", [csv], { options });
}
