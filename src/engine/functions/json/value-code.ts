import type { CodeWriter } from "../../codegen/code.ts";
import type { DataType, StructType } from "../../types/data-type.ts";
import { normalLong, type Long } from "../../types/long.ts";
import { EXACT_DIGITS, EXACT_POWERS, readDecimal } from "../bytes/byte-number.ts";
import { ByteTimestamp, readDay } from "../bytes/byte-timestamp.ts";
import { internedText } from "../bytes/interned-text.ts";
import type { JsonParser } from "./json-parser.ts";
import { afterBlanks, afterEscape, skipValue } from "./skip-value.ts";

/** Where generated code leaves a value: statements that put it, or put null. */
export interface Cell {
  put(value: string): string;
  /** Puts a text by where its ASCII bytes lie, with their hash by 31; where it is missing, texts are made. */
  putText?(start: string, end: string, hash: string): string;
  readonly putNull: string;
}

const LIMIT: Readonly<Record<string, number>> = { tinyint: 128, smallint: 32768, int: 2147483648 };

/**
 * Writes the code that reads JSON values from bytes, one method a kind of value. The generated code keeps the position in `p` and the byte there in `c`;
 * a value begins with `c` read, and leaves `p` behind itself. What is not plain runs `slow`, which ends the generated function.
 * Two tricks, with what they gained for readings of 147 bytes: one comparison tells that a byte is no white space (7 %); names are compared four bytes
 * at a time (6 %).
 */
export class JsonValueCode {
  readonly #writer: CodeWriter;
  readonly #slow: string;
  readonly #parser: JsonParser;
  readonly #validated: boolean;

  /** `validated`: values that nobody wants must be of their types all the same. */
  constructor(writer: CodeWriter, slow: string, parser: JsonParser, validated: boolean) {
    this.#writer = writer;
    this.#slow = slow;
    this.#parser = parser;
    this.#validated = validated;
  }

  /** An object by a struct's fields, from its brace on; `cells` says where its fields go, `without` is the ordinal of a field that no member is for. */
  members(schema: StructType, without: number, cells: readonly (Cell | undefined)[]): void {
    const { writer, line } = this.#to();
    const ordinals = schema.fields.map((_, i) => i).filter((i) => i !== without);
    const field = writer.local("field");
    const expected = writer.local("expected");
    line(`let ${field} = -1, ${expected} = ${ordinals[0] ?? 0};`);
    line("p++;");
    writer.block("for (;;)", () => {
      this.#skipBlanks();
      line(`if (c !== 34) ${this.#slow}`);
      this.#name(schema, ordinals, without, field, expected);
      this.#skipBlanks();
      line(`if (c !== 58) ${this.#slow}`);
      line("p++;");
      this.#skipBlanks();
      writer.block(`switch (${field})`, () => {
        for (const ordinal of ordinals) {
          const one = schema.fields[ordinal];
          if (one) this.#member(ordinal, one.name, one.dataType, cells[ordinal]);
        }
        line("default:");
        this.#anything();
      });
      this.#skipBlanks();
      line("p++;");
      line("if (c === 44) continue;");
      line("if (c === 125) break;");
      line(this.#slow);
    });
  }

  #to(): { readonly writer: CodeWriter; line(text: string): void } {
    return { writer: this.#writer, line: (text) => this.#writer.line(text) };
  }

  #skipBlanks(): void {
    this.#writer.line("c = buffer[p];");
    this.#writer.line(`if (c <= 32) { p = ${this.#writer.constant("afterBlanks", afterBlanks)}(buffer, p); c = buffer[p]; }`);
  }

  /** The name at p: the next of the schema's order by a comparison of bytes, any other by a search. Leaves p after its closing quote. */
  #name(schema: StructType, ordinals: readonly number[], without: number, field: string, expected: string): void {
    const { writer, line } = this.#to();
    line(`${field} = -1;`);
    writer.block(`switch (${expected})`, () => {
      ordinals.forEach((ordinal, i) => {
        const name = Buffer.from(`${schema.fields[ordinal]?.name ?? ""}"`, "utf8");
        const same = `end - p > ${name.length} && ${sameWords(name)}`;
        const next = ordinals[i + 1] ?? ordinals[0] ?? 0;
        line(`case ${ordinal}: if (${same}) { ${field} = ${ordinal}; ${expected} = ${next}; p += ${name.length + 1}; } break;`);
      });
    });
    const find = writer.constant("names", nameFinder(schema, without));
    writer.block(`if (${field} < 0)`, () => {
      line("const from = p + 1;");
      line("c = buffer[++p];");
      line("while (c >= 32 && c !== 34 && c !== 92) c = buffer[++p];");
      line(`if (c !== 34) ${this.#slow}`);
      line(`${field} = ${find}(buffer, from, p);`);
      line("p++;");
      line(`if (${field} >= 0) ${expected} = ${field} + 1;`);
    });
  }

  #member(ordinal: number, name: string, type: DataType, cell: Cell | undefined): void {
    const { writer, line } = this.#to();
    writer.block(`case ${ordinal}:`, () => {
      writer.comment(`${JSON.stringify(name)}${cell ? "" : ", not wanted"}`);
      this.#nullable(type, cell);
      line("break;");
    });
  }

  #nullable(type: DataType, cell: Cell | undefined): void {
    const { writer, line } = this.#to();
    if (!cell && !this.#validated) return this.#anything();
    writer.block("if (c === 110)", () => {
      this.#word("null");
      if (cell) line(cell.putNull);
    });
    writer.block("else", () => {
      if (type.type === "string" && cell) this.#text(cell);
      else this.#value(type, cell && ((value) => line(cell.put(value))));
    });
  }

  /** p stands on the first letter. */
  #word(word: string): void {
    const test = [...word].map((letter, i) => `buffer[p + ${i}] !== ${letter.charCodeAt(0)}`).join(" || ");
    this.#writer.line(`if (${test}) ${this.#slow}`);
    this.#writer.line(`p += ${word.length};`);
  }

  #value(type: DataType, put: ((value: string) => void) | undefined): void {
    const { writer, line } = this.#to();
    switch (type.type) {
      case "string":
        line(`if (c !== 34) ${this.#slow}`);
        return this.#anything();
      case "float":
      case "double":
        this.#number(true);
        return put?.(type.type === "float" ? "Math.fround(number)" : "number");
      case "tinyint":
      case "smallint":
      case "int":
      case "bigint":
        return this.#whole(type.type, put);
      case "decimal":
        this.#number(true);
        line(`const decimal = ${writer.constant("decimalOf", readDecimal)}(buffer, from, p, ${type.precision}, ${type.scale});`);
        line(`if (decimal === null) ${this.#slow}`);
        return put?.("decimal");
      case "boolean":
        writer.block("if (c === 116)", () => {
          this.#word("true");
          put?.("true");
        });
        writer.block("else", () => {
          this.#word("false");
          put?.("false");
        });
        return;
      case "timestamp":
        return this.#instant(put);
      case "date":
        if (!this.#parser.readsPlainDates) return line(this.#slow);
        line(`const day = c === 34 && buffer[p + 11] === 34 ? ${writer.constant("dayOf", readDay)}(buffer, p + 1, p + 11) : NaN;`);
        line(`if (day !== day) ${this.#slow}`);
        line("p += 12;");
        return put?.("day");
      case "struct":
        return this.#struct(type, put);
      case "array":
        return this.#array(type.element, put);
      default:
        line(this.#slow);
    }
  }

  #instant(put: ((value: string) => void) | undefined): void {
    const { writer, line } = this.#to();
    if (!this.#parser.readsPlainInstants) return line(this.#slow);
    const reader = writer.constant("instant", new ByteTimestamp());
    line(`if (c !== 34) ${this.#slow}`);
    line(`const instant = ${reader}.read(buffer, p + 1);`);
    line(`if (instant !== instant) ${this.#slow}`);
    line(`p = ${reader}.end;`);
    line(`if (buffer[p] !== 34) ${this.#slow}`);
    line("p++;");
    put?.("instant");
  }

  /** Text: left where it is or interned if it is ASCII without escapes, decoded as UTF-8 or as JSON otherwise. */
  #text(cell: Cell): void {
    const { writer, line } = this.#to();
    line(`if (c !== 34) ${this.#slow}`);
    line("const from = ++p;");
    line("let hash = 0, seen = 0;");
    line("c = buffer[p];");
    writer.block("while (c !== 34)", () => {
      line(`if (!(c >= 32)) ${this.#slow}`);
      writer.block("if (c === 92)", () => this.#escape("seen |= 256; "));
      writer.block("else", () => {
        line("seen |= c;");
        line("hash = (Math.imul(hash, 31) + c) | 0;");
        line("c = buffer[++p];");
      });
    });
    const decoded = `seen < 256 ? buffer.utf8Slice(from, p) : ${writer.constant("unescaped", unescapedText)}(buffer, from, p)`;
    if (cell.putText) {
      line(`if (seen < 128) { ${cell.putText("from", "p", "hash")} }`);
      line(`else { ${cell.put(decoded)} }`);
    } else line(cell.put(`seen < 128 ? ${writer.constant("text", internedText)}(buffer, from, p, hash) : ${decoded}`));
    line("p++;");
  }

  #escape(then: string): void {
    const { writer, line } = this.#to();
    line(`p = ${writer.constant("afterEscape", afterEscape)}(buffer, p);`);
    line(`if (p < 0) ${this.#slow}`);
    line(`${then}c = buffer[p];`);
  }

  #whole(type: "tinyint" | "smallint" | "int" | "bigint", put: ((value: string) => void) | undefined): void {
    const { writer, line } = this.#to();
    this.#number(false);
    const limit = LIMIT[type];
    if (limit !== undefined) {
      line(`if (number >= ${limit} || number < ${-limit}) ${this.#slow}`);
      return put?.("number");
    }
    line(`const long = count > ${EXACT_DIGITS} ? ${writer.constant("longOf", wideLong)}(buffer, from, p) : number;`);
    line(`if (long === null) ${this.#slow}`);
    put?.("long");
  }

  /** A number from its digits: exact up to 15 of them, by the text otherwise. Leaves `number`, the `count` of digits before the point, and where it began in `from`. */
  #number(fraction: boolean): void {
    const { writer, line } = this.#to();
    line("const from = p;");
    line("let number = 0, count = 0;");
    line("if (c === 45) c = buffer[++p];");
    line("if (c === 48) { c = buffer[++p]; count = 1; }");
    line("else while (c >= 48 && c <= 57) { number = number * 10 + (c - 48); count++; c = buffer[++p]; }");
    line(`if (count === 0 || (c >= 48 && c <= 57) || c === 101 || c === 69) ${this.#slow}`);
    if (!fraction) {
      line(`if (c === 46) ${this.#slow}`);
      line("if (buffer[from] === 45) number = 0 - number;");
      return;
    }
    writer.block("if (c === 46)", () => {
      line("const point = p;");
      line("c = buffer[++p];");
      line("while (c >= 48 && c <= 57) { number = number * 10 + (c - 48); count++; c = buffer[++p]; }");
      line(`if (p === point + 1 || c === 101 || c === 69) ${this.#slow}`);
      line(`if (count > ${EXACT_DIGITS}) number = Math.abs(Number(buffer.latin1Slice(from, p)));`);
      line(`else number /= ${writer.constant("powers", EXACT_POWERS)}[p - point - 1];`);
      line("if (buffer[from] === 45) number = -number;");
    });
    writer.block("else", () => {
      line(`if (count > ${EXACT_DIGITS}) number = Math.abs(Number(buffer.latin1Slice(from, p)));`);
      line("if (buffer[from] === 45) number = 0 - number;");
    });
  }

  #struct(type: StructType, put: ((value: string) => void) | undefined): void {
    const { writer, line } = this.#to();
    line(`if (c !== 123) ${this.#slow}`);
    const cells = put && type.fields.map(({ name }) => ({ name: writer.local(name) }));
    if (cells) line(`let ${cells.map((one) => `${one.name} = null`).join(", ")};`);
    this.members(
      type,
      -1,
      type.fields.map((_, i) => {
        const name = cells?.[i]?.name;
        return name === undefined ? undefined : { put: (value) => `${name} = ${value};`, putNull: `${name} = null;` };
      }),
    );
    put?.(`[${(cells ?? []).map((one) => one.name).join(", ")}]`);
  }

  #array(element: DataType, put: ((value: string) => void) | undefined): void {
    const { writer, line } = this.#to();
    line(`if (c !== 91) ${this.#slow}`);
    const list = writer.local("list");
    if (put) line(`const ${list} = [];`);
    line("p++;");
    this.#skipBlanks();
    line("if (c === 93) p++;");
    writer.block("else for (;;)", () => {
      this.#nullable(element, put && { put: (value) => `${list}.push(${value});`, putNull: `${list}.push(null);` });
      this.#skipBlanks();
      line("p++;");
      line("if (c === 93) break;");
      line(`if (c !== 44) ${this.#slow}`);
      this.#skipBlanks();
    });
    put?.(list);
  }

  /** A value that nobody wants; it must be JSON all the same. */
  #anything(): void {
    const { writer, line } = this.#to();
    writer.block("if (c === 34)", () => {
      line("c = buffer[++p];");
      writer.block("while (c !== 34)", () => {
        line(`if (!(c >= 32)) ${this.#slow}`);
        writer.block("if (c === 92)", () => this.#escape(""));
        line("else c = buffer[++p];");
      });
      line("p++;");
    });
    writer.block("else if (c >= 48 && c <= 57)", () => this.#number(true));
    writer.block("else", () => {
      line(`p = ${writer.constant("skipValue", skipValue)}(buffer, p);`);
      line(`if (p < 0) ${this.#slow}`);
    });
  }
}

/** The test that these bytes follow the one at `p`, in words of four as far as they go. */
function sameWords(bytes: Buffer): string {
  const tests: string[] = [];
  let k = 0;
  for (; k + 4 <= bytes.length; k += 4) tests.push(`view.getUint32(p + ${k + 1}, true) === ${bytes.readUInt32LE(k)}`);
  for (; k < bytes.length; k++) tests.push(`buffer[p + ${k + 1}] === ${bytes[k]}`);
  return tests.join(" && ");
}

/** A whole number of more than 15 digits; null where no bigint holds it. */
function wideLong(buffer: Buffer, start: number, end: number): Long | null {
  const value = BigInt(buffer.latin1Slice(start, end));
  return BigInt.asIntN(64, value) === value ? normalLong(value) : null;
}

/** The text in [start, end), between its quotes, whose escapes are plain JSON's. */
function unescapedText(buffer: Buffer, start: number, end: number): string {
  return JSON.parse(buffer.utf8Slice(start - 1, end + 1)) as string;
}

/** The ordinal of the field with these bytes as its name, −1 for none. */
function nameFinder(schema: StructType, without: number): (buffer: Buffer, start: number, end: number) => number {
  const names = schema.fields.map((one, i) => (i === without ? undefined : Buffer.from(one.name, "utf8")));
  return (buffer, start, end) => {
    for (let i = 0; i < names.length; i++) {
      const name = names[i];
      if (name === undefined || name.length !== end - start) continue;
      let k = 0;
      while (k < name.length && name[k] === buffer[start + k]) k++;
      if (k === name.length) return i;
    }
    return -1;
  };
}
