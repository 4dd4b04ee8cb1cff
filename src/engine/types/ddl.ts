import { AnalysisError } from "../columns/analysis-error.ts";
import { typeOfText } from "./interval-type.ts";
import type { DataType, StructField, StructType } from "./data-type.ts";

const ATOMIC: Readonly<Record<string, DataType>> = {
  boolean: { type: "boolean" },
  tinyint: { type: "tinyint" },
  byte: { type: "tinyint" },
  smallint: { type: "smallint" },
  short: { type: "smallint" },
  int: { type: "int" },
  integer: { type: "int" },
  bigint: { type: "bigint" },
  long: { type: "bigint" },
  float: { type: "float" },
  real: { type: "float" },
  double: { type: "double" },
  string: { type: "string" },
  binary: { type: "binary" },
  date: { type: "date" },
  timestamp: { type: "timestamp" },
  timestamp_ltz: { type: "timestamp" },
  interval: { type: "interval" },
  void: { type: "null" },
};

/** A type as Spark's DDL writes it: "int", "decimal(10,2)", "array<struct<x:int,y:string>>", "long" for bigint. */
export function parseDataType(text: string): DataType {
  const reader = new DdlReader(text);
  const type = reader.type();
  reader.end();
  return type;
}

/** A schema: "a int, s struct<x:int,y:array<string>> NOT NULL, t: timestamp" or "struct<…>". */
export function parseSchema(text: string): StructType {
  const reader = new DdlReader(text);
  if (/^\s*struct\s*</i.test(text)) {
    const type = reader.type();
    reader.end();
    if (type.type === "struct") return type;
  }
  const fields = reader.fields(undefined);
  reader.end();
  return { type: "struct", fields };
}

/** What `from_json` takes: a schema, or one type such as "array<int>" or "map<string,int>". */
export function parseTypeOrSchema(text: string): DataType {
  return /^\s*(array|map|struct)\s*</i.test(text) ? parseDataType(text) : parseSchema(text);
}

const TOKEN = /\s*(?:(`(?:[^`]|``)*`)|("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')|([A-Za-z0-9_.-]+)|([<>(),:]))/y;

class DdlReader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  end(): void {
    if (this.#peek() !== undefined) this.#fail(`"${this.#text.slice(this.#at).trim()}" is left over`);
  }

  /** Fields up to `close` (">") or the end. */
  fields(close: string | undefined): StructField[] {
    const fields: StructField[] = [];
    if (this.#peek()?.text === close) return fields;
    for (;;) {
      const name = this.#next();
      if (name === undefined || name.kind === "mark") this.#fail("a column name is missing");
      if (this.#peek()?.text === ":") this.#next();
      const dataType = this.type();
      let nullable = true;
      if (this.#peek()?.text.toLowerCase() === "not") {
        this.#next();
        if (this.#next()?.text.toLowerCase() !== "null") this.#fail("NULL is missing after NOT");
        nullable = false;
      }
      if (this.#peek()?.text.toLowerCase() === "comment") {
        this.#next();
        this.#next();
      }
      fields.push({ name: name.text, dataType, nullable });
      if (this.#peek()?.text !== ",") return fields;
      this.#next();
    }
  }

  type(): DataType {
    const token = this.#next();
    if (token === undefined || token.kind === "mark") this.#fail("a type is missing");
    const name = token.text.toLowerCase();
    const atomic = Object.hasOwn(ATOMIC, name) ? ATOMIC[name] : undefined;
    if (atomic !== undefined) return name === "interval" ? this.#interval() : atomic;
    if (name === "decimal" || name === "dec" || name === "numeric") return this.#decimal();
    if (name === "varchar" || name === "char") {
      this.#expect("(");
      this.#next();
      this.#expect(")");
      return { type: "string" };
    }
    if (name === "array" || name === "map" || name === "struct") {
      this.#expect("<");
      const type = this.#composite(name);
      this.#expect(">");
      return type;
    }
    throw new AnalysisError("UNSUPPORTED_DATATYPE", {
      failed: `Unsupported data type "${token.text.toUpperCase()}"`,
      found: `in "${this.#text}"`,
      remedy: `Use one of ${Object.keys(ATOMIC).slice(0, 17).join(", ")}, decimal(p,s), array<…>, map<…>, struct<…>.`,
    });
  }

  #composite(name: "array" | "map" | "struct"): DataType {
    if (name === "array") return { type: "array", element: this.type() };
    if (name === "struct") return { type: "struct", fields: this.fields(">") };
    const key = this.type();
    this.#expect(",");
    return { type: "map", key, value: this.type() };
  }

  #interval(): DataType {
    const unit = /^(year|month|day|hour|minute|second|to)$/i;
    let text = "";
    while (unit.test(this.#peek()?.text ?? "")) text += ` ${this.#next()?.text ?? ""}`;
    return typeOfText(text) ?? { type: "interval" };
  }

  #decimal(): DataType {
    if (this.#peek()?.text !== "(") return { type: "decimal", precision: 10, scale: 0 };
    this.#next();
    const precision = Number(this.#next()?.text);
    let scale = 0;
    if (this.#peek()?.text === ",") {
      this.#next();
      scale = Number(this.#next()?.text);
    }
    this.#expect(")");
    if (Number.isInteger(precision) && precision > 38)
      throw new AnalysisError("DECIMAL_PRECISION_EXCEEDS_MAX_PRECISION", {
        failed: `Decimal precision ${precision} exceeds max precision 38`,
        found: `in "${this.#text}"`,
        remedy: "Write a decimal of 1 to 38 digits.",
      });
    if (Number.isInteger(precision) && Number.isInteger(scale) && precision >= 1 && scale > precision)
      throw new AnalysisError("DECIMAL_SCALE_EXCEEDS_PRECISION", {
        failed: `Decimal scale (${scale}) cannot be greater than precision (${precision})`,
        found: `in "${this.#text}"`,
        remedy: "Write at most as many digits after the point as there are in all.",
      });
    if (!Number.isInteger(precision) || !Number.isInteger(scale) || precision < 1 || precision > 38 || scale < 0 || scale > precision) {
      this.#fail("a decimal has 1 to 38 digits and at most that many after the point");
    }
    return { type: "decimal", precision, scale };
  }

  #expect(mark: string): void {
    const token = this.#next();
    if (token?.text !== mark) this.#fail(`"${mark}" is missing${token === undefined ? "" : ` before "${token.text}"`}`);
  }

  #peek(): { kind: "name" | "mark"; text: string } | undefined {
    const at = this.#at;
    const token = this.#next();
    this.#at = at;
    return token;
  }

  #next(): { kind: "name" | "mark"; text: string } | undefined {
    TOKEN.lastIndex = this.#at;
    const match = TOKEN.exec(this.#text);
    if (match === null) {
      if (this.#text.slice(this.#at).trim() !== "") this.#fail(`cannot read "${this.#text.slice(this.#at).trim()}"`);
      return undefined;
    }
    this.#at = TOKEN.lastIndex;
    if (match[1] !== undefined) return { kind: "name", text: match[1].slice(1, -1).replaceAll("``", "`") };
    if (match[4] !== undefined) return { kind: "mark", text: match[4] };
    return { kind: "name", text: match[2] ?? match[3] ?? "" };
  }

  #fail(found: string): never {
    throw new AnalysisError("PARSE_SYNTAX_ERROR", {
      failed: `Cannot read the schema "${this.#text}"`,
      found,
      remedy: 'Write it as in "device string, value double, tags array<string>".',
    });
  }
}
