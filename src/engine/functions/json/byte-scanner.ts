import { CodeWriter } from "../../codegen/code.ts";
import type { DataType, StructType } from "../../types/data-type.ts";
import { isPlainText } from "../bytes/raw-text.ts";
import {
  emptied,
  fullRules,
  isScannedNumber,
  NO_RECORD,
  SCANNED,
  textCell,
  type ByteScanner,
  type ScannedFields,
} from "../bytes/scanned-record.ts";
import type { JsonParser } from "./json-parser.ts";
import { JsonValueCode, type Cell } from "./value-code.ts";

/**
 * Generates a reader of JSON objects straight from bytes: names are expected in the schema's order and looked up otherwise, numbers and instants come
 * from their digits, texts stay where they are, values that nobody wants are passed over. A record that is not plain (values of other types, exotic
 * numbers, single quotes, broken text) is read again by `parser` under the full rules, so that both ways always give the same answer.
 *
 * @param needed the fields whose values are wanted
 * @param validated whether the other fields are checked as well (they are when malformed records are counted)
 */
export function createByteScanner(
  schema: StructType,
  needed: ReadonlySet<number>,
  validated: boolean,
  parser: JsonParser,
  fields: ScannedFields,
): ByteScanner {
  const full = fullRules(
    schema,
    fields,
    (text) => parser.parse(text) as unknown[] | null,
    () => parser.reason,
  );
  if (!hasPlainNames(schema)) return (buffer, start, end) => (start < 0 ? noRecord(fields) : full(buffer, start, end));
  const writer = new CodeWriter();
  const slow = `return ${writer.constant("full", full)}(buffer, start, end);`;
  writer.line("if (start < 0) {");
  writer.line(`  ${emptied(writer, fields, schema)}`);
  writer.line(`  return ${NO_RECORD};`);
  writer.line("}");
  writer.line(emptied(writer, fields, schema, needed));
  writer.line(`if (buffer[start] !== 123) ${slow}`);
  const seen = writer.constant("seen", { buffer: Buffer.alloc(0), view: new DataView(new ArrayBuffer(0)) });
  writer.block(`if (${seen}.buffer !== buffer)`, () => {
    writer.line(`${seen}.buffer = buffer;`);
    writer.line(`${seen}.view = new DataView(buffer.buffer, buffer.byteOffset, buffer.byteLength);`);
  });
  writer.line(`const view = ${seen}.view;`);
  writer.line("let p = start, c = 123;");
  const code = new JsonValueCode(writer, slow, parser, validated);
  code.members(
    schema,
    parser.corruptOrdinal,
    schema.fields.map((field, ordinal) => (needed.has(ordinal) ? cellOf(writer, fields, ordinal, field.dataType) : undefined)),
  );
  writer.line(`if (p > end) ${slow}`);
  writer.line(`return ${SCANNED};`);
  return writer.compile<ByteScanner>("scan", ["buffer", "start", "end"]);
}

function noRecord(fields: ScannedFields): number {
  fields.nulls.fill(1);
  fields.starts.fill(-1);
  return NO_RECORD;
}

/** Where the generated code leaves a field of the record. */
function cellOf(writer: CodeWriter, fields: ScannedFields, ordinal: number, type: DataType): Cell {
  const nulls = writer.constant("nulls", fields.nulls);
  const cells = isScannedNumber(type) ? writer.constant("numbers", fields.numbers) : writer.constant("objects", fields.objects);
  const bit = type.type === "boolean" ? " ? 1 : 0" : "";
  const [isThere, putNull] = [`${nulls}[${ordinal}] = 0;`, `${nulls}[${ordinal}] = 1;`];
  if (type.type === "string") {
    const text = textCell(writer, fields, ordinal);
    return {
      put: (value) => `${text.made(value)} ${isThere}`,
      putText: (start, end, hash) => `${text.lies(start, end, hash)} ${isThere}`,
      putNull,
    };
  }
  return {
    put: (value) => `${cells}[${ordinal}] = ${value}${bit}; ${isThere}`,
    putNull,
  };
}

/** Whether the names, of structs within too, can be compared as bytes: no two alike in one struct, none that broken UTF-8 reads as. */
function hasPlainNames(type: DataType): boolean {
  if (type.type === "array") return hasPlainNames(type.element);
  if (type.type !== "struct") return true;
  const names = new Set(type.fields.map(({ name }) => name));
  if (names.size < type.fields.length) return false;
  return type.fields.every(({ name, dataType }) => isPlainText(name) && JSON.stringify(name) === `"${name}"` && hasPlainNames(dataType));
}
