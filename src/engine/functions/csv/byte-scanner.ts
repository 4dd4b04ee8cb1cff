import { CodeWriter } from "../../codegen/code.ts";
import type { DataType, StructField, StructType } from "../../types/data-type.ts";
import { readDecimal, readFraction, readWhole } from "../bytes/byte-number.ts";
import { instantReader, readDay } from "../bytes/byte-timestamp.ts";
import { isPlainText, sameBytes } from "../bytes/raw-text.ts";
import { emptied, isScannedNumber, NO_RECORD, SCANNED, textCell, type ByteScanner, type ScannedFields } from "../bytes/scanned-record.ts";
import type { CsvOptions } from "./csv-options.ts";
import { NONE } from "./csv-text.ts";

/**
 * Generates a reader of CSV records straight from bytes: fields between separators, numbers and instants from their digits, texts where they are.
 * A record that is not plain (a quote, a comment, another number of fields, a value that is not of its type or not of its plainest shape) is read by
 * `full` under the full rules. Undefined for options that plain records do not follow.
 *
 * @param needed the fields whose values are wanted
 * @param validated whether the other fields are checked as well
 */
export function createCsvScanner(
  schema: StructType,
  options: CsvOptions,
  needed: ReadonlySet<number>,
  validated: boolean,
  fields: ScannedFields,
  full: ByteScanner,
): ByteScanner | undefined {
  const corrupt = schema.fields.findIndex((one) => one.name === options.corruptName);
  const columns = schema.fields.filter((_, i) => i !== corrupt);
  if (!isPlainShape(options) || columns.length === 0 || columns.length > options.maxColumns) return undefined;
  const writer = new CodeWriter();
  const slow = `return ${writer.constant("full", full)}(buffer, start, end);`;
  const { quote, comment, separator } = options.shape;
  writer.line("if (start < 0) {");
  writer.line(`  ${emptied(writer, fields, schema)}`);
  writer.line(`  return ${NO_RECORD};`);
  writer.line("}");
  writer.line(emptied(writer, fields, schema, needed));
  writer.line(`if (start === end || buffer[start] === ${comment}) ${slow}`);
  writer.line("let p = start, c = 0;");
  const code = new CsvFieldCode(writer, options, slow, fields);
  columns.forEach((field, i) => {
    if (i > 0) writer.line(`if (p++ >= end) ${slow}`);
    const ordinal = schema.fields.indexOf(field);
    const wanted = needed.has(ordinal);
    writer.comment(`${JSON.stringify(field.name)}${wanted ? "" : ", not wanted"}`);
    writer.block("", () => {
      writer.line("const from = p;");
      const text = wanted && field.dataType.type === "string";
      if (text) writer.line("let hash = 0, seen = 0;");
      writer.block(`while (p < end && (c = buffer[p]) !== ${separator.charCodeAt(0)})`, () => {
        if (quote !== NONE) writer.line(`if (c === ${quote}) ${slow}`);
        if (text) writer.line("seen |= c; hash = (Math.imul(hash, 31) + c) | 0;");
        writer.line("p++;");
      });
      if (wanted || validated) code.value(field, wanted ? ordinal : undefined);
    });
  });
  writer.line(`if (p < end) ${slow}`);
  writer.line(`return ${SCANNED};`);
  return writer.compile<ByteScanner>("scan", ["buffer", "start", "end"]);
}

/** Whether records without quotes are their fields between separators, which are one ASCII character each, and words do not hide numbers. */
function isPlainShape({ shape, nullValue, nanValue, positiveInf, negativeInf }: CsvOptions): boolean {
  const { separator, quote, comment, trimStart, trimEnd, lineEnd } = shape;
  const ascii = separator.length === 1 && [separator.charCodeAt(0), quote, comment].every((code) => code < 128);
  const words = [nanValue, positiveInf, negativeInf].every((word) => !/^[+-]?[\d.]*$/.test(word));
  return ascii && quote !== separator.charCodeAt(0) && words && !trimStart && !trimEnd && lineEnd === undefined && isPlainText(nullValue);
}

class CsvFieldCode {
  readonly #writer: CodeWriter;
  readonly #options: CsvOptions;
  readonly #slow: string;
  readonly #fields: ScannedFields;

  constructor(writer: CodeWriter, options: CsvOptions, slow: string, fields: ScannedFields) {
    this.#writer = writer;
    this.#options = options;
    this.#slow = slow;
    this.#fields = fields;
  }

  /** The value in [from, p); without an ordinal it is only checked. */
  value({ dataType: type }: StructField, ordinal: number | undefined): void {
    const writer = this.#writer;
    if (type.type === "string" && ordinal === undefined) return;
    const { nullValue } = this.#options;
    const isNull = nullValue === "" ? "" : ` && !${writer.constant("isNull", sameBytes(nullValue))}(buffer, from, p)`;
    writer.block(`if (p > from${isNull})`, () => {
      if (type.type === "string" && ordinal !== undefined) return this.#text(ordinal);
      writer.line(`const value = ${this.#read(type)};`);
      writer.line(`if (${type.type === "decimal" ? "value === null" : "value !== value"}) ${this.#slow}`);
      if (ordinal === undefined) return;
      const cells = isScannedNumber(type)
        ? writer.constant("numbers", this.#fields.numbers)
        : writer.constant("objects", this.#fields.objects);
      writer.line(`${cells}[${ordinal}] = value; ${writer.constant("nulls", this.#fields.nulls)}[${ordinal}] = 0;`);
    });
  }

  #text(ordinal: number): void {
    const writer = this.#writer;
    const text = textCell(writer, this.#fields, ordinal);
    writer.line(`if (seen < 128) { ${text.lies("from", "p", "hash")} }`);
    writer.line(`else { ${text.made("buffer.utf8Slice(from, p)")} }`);
    writer.line(`${writer.constant("nulls", this.#fields.nulls)}[${ordinal}] = 0;`);
  }

  /** The text of a value by its type, NaN (null for decimals) where the bytes are not plain. */
  #read(type: DataType): string {
    const writer = this.#writer;
    const { dateFormat, timestampFormat, timeZone } = this.#options;
    switch (type.type) {
      case "tinyint":
      case "smallint":
      case "int":
      case "bigint":
        return `${writer.constant("wholeOf", readWhole)}(buffer, from, p, ${LIMIT[type.type]})`;
      case "double":
        return `${writer.constant("fractionOf", readFraction)}(buffer, from, p)`;
      case "float":
        return `Math.fround(${writer.constant("fractionOf", readFraction)}(buffer, from, p))`;
      case "decimal":
        return `${writer.constant("decimalOf", readDecimal)}(buffer, from, p, ${type.precision}, ${type.scale})`;
      case "boolean":
        return `${writer.constant("booleanOf", readBoolean)}(buffer, from, p)`;
      case "date":
        return dateFormat === undefined ? `${writer.constant("dayOf", readDay)}(buffer, from, p)` : "NaN";
      case "timestamp":
        return timestampFormat === undefined && timeZone === undefined
          ? `${writer.constant("instantOf", instantReader())}(buffer, from, p)`
          : "NaN";
      default:
        return "NaN";
    }
  }
}

const LIMIT = { tinyint: 128, smallint: 32768, int: 2147483648, bigint: "Infinity" } as const;
const isTrue = sameBytes("true");
const isFalse = sameBytes("false");

/** 1 for true, 0 for false, NaN for anything else. */
function readBoolean(buffer: Uint8Array, start: number, end: number): number {
  return isTrue(buffer, start, end) ? 1 : isFalse(buffer, start, end) ? 0 : NaN;
}
