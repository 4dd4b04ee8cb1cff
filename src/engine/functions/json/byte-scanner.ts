import { CodeWriter } from "../../codegen/code.ts";
import type { DataType, StructType } from "../../types/data-type.ts";
import { internedText } from "./byte-text.ts";
import { ByteTimestamp } from "./byte-timestamp.ts";
import type { JsonParser } from "./json-parser.ts";

/** What a scan found. */
export const SCANNED = 0;
export const NO_RECORD = 1;
export const MALFORMED = 2;

/** Fields of the last record, one cell per field of the schema. */
export interface ScannedFields {
  /** 1 where the field is null. */
  readonly nulls: Uint8Array;
  /** Numbers, instants and booleans (0, 1). */
  readonly numbers: Float64Array;
  /** Everything else. */
  readonly objects: unknown[];
  /** Why the last record was malformed. */
  reason: string;
}

/** Reads the record in [start, end) of a node Buffer into the fields; start < 0 is a null. Answers SCANNED, NO_RECORD or MALFORMED. */
export type ByteScanner = (buffer: Buffer, start: number, end: number) => number;

export function createScannedFields(schema: StructType): ScannedFields {
  const count = schema.fields.length;
  return { nulls: new Uint8Array(count), numbers: new Float64Array(count), objects: new Array<unknown>(count).fill(null), reason: "" };
}

/** Whether a field of this type lives in `numbers`. */
export function isScannedNumber(type: DataType): boolean {
  return ["boolean", "tinyint", "smallint", "int", "float", "double", "timestamp", "date"].includes(type.type);
}

/**
 * Generates a reader of flat JSON objects straight from bytes: names are expected in the schema's order and looked up otherwise, numbers and instants come
 * from their digits, short texts are interned. A record that is not plain (escapes, nesting, values of other types, exotic numbers, broken text) is read
 * again by `parser` under the full rules, so that both ways always give the same answer.
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
  const writer = new CodeWriter();
  new ScannerCode(writer, schema, needed, validated, parser, fields).write();
  return writer.compile<ByteScanner>("scan", ["buffer", "start", "end"]);
}

const POWERS = Float64Array.from({ length: 23 }, (_, i) => Number(`1e${i}`));
const LIMIT: Readonly<Record<string, number>> = { tinyint: 128, smallint: 32768, int: 2147483648 };

class ScannerCode {
  readonly #writer: CodeWriter;
  readonly #schema: StructType;
  readonly #needed: ReadonlySet<number>;
  readonly #validated: boolean;
  readonly #slow: string;
  readonly #nulls: string;
  readonly #numbers: string;
  readonly #objects: string;
  readonly #ordinals: readonly number[];
  readonly #names: string;
  readonly #decimal: string;

  constructor(
    writer: CodeWriter,
    schema: StructType,
    needed: ReadonlySet<number>,
    validated: boolean,
    parser: JsonParser,
    fields: ScannedFields,
  ) {
    this.#writer = writer;
    this.#schema = schema;
    this.#needed = needed;
    this.#validated = validated;
    this.#slow = `return ${writer.constant("slow", slowPath(schema, parser, fields))}(buffer, start, end);`;
    this.#nulls = writer.constant("nulls", fields.nulls);
    this.#numbers = writer.constant("numbers", fields.numbers);
    this.#objects = writer.constant("objects", fields.objects);
    this.#decimal = writer.constant("powers", POWERS);
    this.#ordinals = schema.fields.map((_, i) => i).filter((i) => i !== parser.corruptOrdinal);
    this.#names = writer.constant("names", nameFinder(schema, parser.corruptOrdinal));
  }

  write(): void {
    const { line } = this.#lines();
    line("if (start < 0) {");
    line(`  ${this.#nulls}.fill(1);`);
    line(`  return ${NO_RECORD};`);
    line("}");
    for (const ordinal of this.#schema.fields.keys()) line(`${this.#nulls}[${ordinal}] = 1;`);
    line(`if (buffer[start] !== 123) ${this.#slow}`);
    line("let p = start + 1, c = 0, field = -1, expected = 0;");
    this.#writer.block("for (;;)", () => {
      this.#skipBlanks();
      line(`if (c !== 34) ${this.#slow}`);
      this.#name();
      this.#skipBlanks();
      line(`if (c !== 58) ${this.#slow}`);
      line("p++;");
      this.#skipBlanks();
      this.#writer.block("switch (field)", () => {
        for (const ordinal of this.#ordinals) this.#fieldCase(ordinal);
        line("default:");
        this.#unknown();
      });
      this.#skipBlanks();
      line("p++;");
      line("if (c === 44) continue;");
      line("if (c === 125) break;");
      line(this.#slow);
    });
    line(`if (p > end) ${this.#slow}`);
    line(`return ${SCANNED};`);
  }

  #lines(): { line: (text: string) => void } {
    return { line: (text) => this.#writer.line(text) };
  }

  #skipBlanks(): void {
    this.#writer.line("c = buffer[p];");
    this.#writer.line("while (c === 32 || c === 10 || c === 13 || c === 9) c = buffer[++p];");
  }

  /** The name at p: the next of the schema's order by a comparison of bytes, any other by a search. Leaves p after its closing quote. */
  #name(): void {
    const { line } = this.#lines();
    line("field = -1;");
    this.#writer.block("switch (expected)", () => {
      this.#ordinals.forEach((ordinal, i) => {
        const name = Buffer.from(`${this.#schema.fields[ordinal]?.name ?? ""}"`, "utf8");
        const same = [...name].map((byte, k) => `buffer[p + ${k + 1}] === ${byte}`).join(" && ");
        const next = this.#ordinals[i + 1] ?? this.#ordinals[0] ?? 0;
        line(`case ${ordinal}: if (${same}) { field = ${ordinal}; expected = ${next}; p += ${name.length + 1}; } break;`);
      });
    });
    this.#writer.block("if (field < 0)", () => {
      line("const from = p + 1;");
      line("c = buffer[++p];");
      line("while (c >= 32 && c < 128 && c !== 34 && c !== 92) c = buffer[++p];");
      line(`if (c !== 34) ${this.#slow}`);
      line(`field = ${this.#names}(buffer, from, p);`);
      line("p++;");
      line("if (field >= 0) expected = field + 1;");
    });
  }

  #fieldCase(ordinal: number): void {
    const type = this.#schema.fields[ordinal]?.dataType;
    if (type === undefined) return;
    const { line } = this.#lines();
    this.#writer.block(`case ${ordinal}:`, () => {
      this.#writer.block("if (c === 110)", () => {
        this.#literal("null");
        line(`${this.#nulls}[${ordinal}] = 1;`);
      });
      this.#writer.block("else", () => {
        if (this.#needed.has(ordinal) || this.#validated) this.#value(ordinal, type);
        else this.#anyScalar();
        if (this.#needed.has(ordinal)) line(`${this.#nulls}[${ordinal}] = 0;`);
      });
      line("break;");
    });
  }

  #unknown(): void {
    this.#writer.line("if (c === 110) {");
    this.#literal("null");
    this.#writer.line("} else {");
    this.#anyScalar();
    this.#writer.line("}");
  }

  /** p stands on the first letter. */
  #literal(word: string): void {
    const test = [...word].map((letter, i) => `buffer[p + ${i}] !== ${letter.charCodeAt(0)}`).join(" || ");
    this.#writer.line(`if (${test}) ${this.#slow}`);
    this.#writer.line(`p += ${word.length};`);
  }

  #value(ordinal: number, type: DataType): void {
    const { line } = this.#lines();
    const put = (text: string): void => {
      if (this.#needed.has(ordinal)) line(`${isScannedNumber(type) ? this.#numbers : this.#objects}[${ordinal}] = ${text};`);
    };
    switch (type.type) {
      case "string":
        return this.#string(put);
      case "float":
      case "double":
        this.#number(true);
        return put(type.type === "float" ? "Math.fround(number)" : "number");
      case "tinyint":
      case "smallint":
      case "int":
      case "bigint": {
        this.#number(false);
        const limit = LIMIT[type.type];
        if (limit !== undefined) line(`if (number >= ${limit} || number < ${-limit}) ${this.#slow}`);
        return put("number");
      }
      case "boolean":
        this.#writer.block("if (c === 116)", () => {
          this.#literal("true");
          put("1");
        });
        this.#writer.block("else", () => {
          this.#literal("false");
          put("0");
        });
        return;
      case "timestamp": {
        const reader = this.#writer.constant("instant", new ByteTimestamp());
        line(`if (c !== 34) ${this.#slow}`);
        line(`const instant = ${reader}.read(buffer, p + 1);`);
        line(`if (instant !== instant) ${this.#slow}`);
        line(`p = ${reader}.end;`);
        line(`if (buffer[p] !== 34) ${this.#slow}`);
        line("p++;");
        return put("instant");
      }
      default:
        line(this.#slow);
    }
  }

  /** Text without escapes; bytes beyond ASCII make it be decoded as UTF-8. */
  #string(put: (text: string) => void): void {
    const { line } = this.#lines();
    line(`if (c !== 34) ${this.#slow}`);
    line("const from = ++p;");
    line("let hash = 0, wide = 0;");
    line("c = buffer[p];");
    this.#writer.block("while (c !== 34)", () => {
      line(`if (!(c >= 32) || c === 92) ${this.#slow}`);
      line("wide |= c;");
      line("hash = (Math.imul(hash, 31) + c) | 0;");
      line("c = buffer[++p];");
    });
    put(`wide < 128 ? ${this.#writer.constant("text", internedText)}(buffer, from, p, hash) : buffer.utf8Slice(from, p)`);
    line("p++;");
  }

  /** A number from its digits: exact up to 15 of them, by the text otherwise. Leaves `number`. */
  #number(fraction: boolean): void {
    const { line } = this.#lines();
    line("const from = p;");
    line("let number = 0, count = 0;");
    line("if (c === 45) c = buffer[++p];");
    line("if (c === 48) { c = buffer[++p]; count = 1; }");
    line("else while (c >= 48 && c <= 57) { number = number * 10 + (c - 48); count++; c = buffer[++p]; }");
    line(`if (count === 0 || (c >= 48 && c <= 57) || c === 101 || c === 69) ${this.#slow}`);
    if (!fraction) {
      line(`if (c === 46 || count > 15) ${this.#slow}`);
      line("if (buffer[from] === 45) number = 0 - number;");
      return;
    }
    this.#writer.block("if (c === 46)", () => {
      line("const point = p;");
      line("c = buffer[++p];");
      line("while (c >= 48 && c <= 57) { number = number * 10 + (c - 48); count++; c = buffer[++p]; }");
      line(`if (p === point + 1 || c === 101 || c === 69) ${this.#slow}`);
      line(`if (count > 15) number = Math.abs(Number(buffer.latin1Slice(from, p)));`);
      line(`else number /= ${this.#decimal}[p - point - 1];`);
      line("if (buffer[from] === 45) number = -number;");
    });
    this.#writer.block("else", () => {
      line("if (count > 15) number = Math.abs(Number(buffer.latin1Slice(from, p)));");
      line("if (buffer[from] === 45) number = 0 - number;");
    });
  }

  /** A scalar that nobody wants; it must be JSON all the same. */
  #anyScalar(): void {
    const { line } = this.#lines();
    this.#writer.block("if (c === 34)", () => {
      line("c = buffer[++p];");
      line(`while (c !== 34) { if (!(c >= 32) || c === 92) ${this.#slow} c = buffer[++p]; }`);
      line("p++;");
    });
    this.#writer.block("else if (c === 116)", () => this.#literal("true"));
    this.#writer.block("else if (c === 102)", () => this.#literal("false"));
    this.#writer.block("else", () => this.#number(true));
  }
}

/** Reads the record under the full rules and puts its fields where the generated code would. */
function slowPath(schema: StructType, parser: JsonParser, fields: ScannedFields): ByteScanner {
  const numeric = schema.fields.map((one) => isScannedNumber(one.dataType));
  return (buffer, start, end) => {
    const row = parser.parse(buffer.utf8Slice(start, end)) as unknown[] | null;
    for (let i = 0; i < numeric.length; i++) {
      const value = row === null ? null : row[i];
      fields.nulls[i] = value === null ? 1 : 0;
      if (value === null) continue;
      if (numeric[i]) fields.numbers[i] = Number(value);
      else fields.objects[i] = value;
    }
    if (row === null) return NO_RECORD;
    if (parser.reason === null) return SCANNED;
    fields.reason = parser.reason;
    return MALFORMED;
  };
}

/** The ordinal of the field with these ASCII bytes as its name, −1 for none. */
function nameFinder(schema: StructType, without: number): (buffer: Buffer, start: number, end: number) => number {
  const names = schema.fields.map((one, i) => (i === without ? Buffer.alloc(0) : Buffer.from(one.name, "utf8")));
  return (buffer, start, end) => {
    for (let i = 0; i < names.length; i++) {
      const name = names[i];
      if (i === without || name === undefined || name.length !== end - start) continue;
      let k = 0;
      while (k < name.length && name[k] === buffer[start + k]) k++;
      if (k === name.length) return i;
    }
    return -1;
  };
}
