import { QueryExecutionError } from "../../codegen/execution-error.ts";
import type { DataType, StructType } from "../../types/data-type.ts";
import { normalLong } from "../../types/long.ts";
import { parseDecimal } from "../../types/number-text.ts";
import { parseDate } from "../../types/timestamp-text.ts";
import { sqlTypeName } from "../../types/type-text.ts";
import { givenOptions, parseMode, refuseCharsets, zoneOf } from "../csv/csv-options.ts";
import { dateReader, timestampReader } from "../csv/csv-reader.ts";
import type { JsonLeniency } from "./json-text.ts";
import { JsonSyntaxError, JsonText } from "./json-text.ts";

/** The answer of a converter for a value that is not of its type; the value has been consumed. */
const BAD = Symbol("bad");
type Converter = () => unknown;

/**
 * from_json by Spark's rules (JacksonParser, PERMISSIVE): a field that is not of its type is null and the others stay, broken text makes all fields null,
 * empty text makes the record null, names are compared with case, the last of several equal names wins. One parser reads one record after another.
 */
export class JsonParser {
  readonly #schema: DataType;
  readonly #corrupt: number;
  readonly #failFast: boolean;
  readonly #exact: boolean;
  readonly #plainInstants: boolean;
  readonly #plainDates: boolean;
  readonly #nonNumeric: boolean;
  readonly #timestamp: (text: string) => number | null;
  readonly #date: (text: string) => number | null;
  readonly #cursor: JsonText;
  readonly #root: Converter;
  /** Why the last record was malformed; null if it was not. One of few texts (it names fields and types, not values), so that malformed records can be counted by it. */
  reason: string | null = null;

  /** `exact`: values that are no text, where text is wanted, are taken as they stand in the record; otherwise they are written anew. */
  constructor(schema: DataType, options: Readonly<Record<string, string>> = {}, exact = false) {
    this.#schema = schema;
    this.#exact = exact;
    const given = givenOptions(options);
    const corruptName = given.get("columnnameofcorruptrecord") ?? "_corrupt_record";
    this.#corrupt = schema.type === "struct" ? schema.fields.findIndex((one) => one.name === corruptName) : -1;
    if (schema.type === "struct") checkCorruptColumn(schema, corruptName);
    refuseCharsets(given);
    this.#plainInstants = !given.has("timestampformat") && zoneOf(given) === undefined;
    this.#failFast = parseMode(given.get("mode")) === "FAILFAST";
    this.#nonNumeric = given.get("allownonnumericnumbers")?.toLowerCase() !== "false";
    this.#cursor = new JsonText(leniencyOf(options));
    const dateFormat = given.get("dateformat");
    this.#plainDates = dateFormat === undefined;
    this.#date = dateFormat === undefined ? dateOrDays : dateReader(dateFormat);
    this.#timestamp = timestampReader(given.get("timestampformat"), zoneOf(given));
    this.#root = this.#rootConverter();
  }

  /** The ordinal of the column that takes the text of malformed records, −1 without one. */
  get corruptOrdinal(): number {
    return this.#corrupt;
  }

  /** Whether a malformed record ends the query. */
  get failFast(): boolean {
    return this.#failFast;
  }

  /** Whether instants are read as the cast reads them, in UTC. */
  get readsPlainInstants(): boolean {
    return this.#plainInstants;
  }

  /** Whether days are read as the cast reads them. */
  get readsPlainDates(): boolean {
    return this.#plainDates;
  }

  /** The value of a record: an array of the struct's fields, an array, a Map; null for text without a value. Sets `reason`. */
  parse(text: string): unknown {
    this.reason = null;
    this.#cursor.open(text);
    let value: unknown = BAD;
    try {
      if (Number.isNaN(this.#cursor.peek())) return null;
      value = this.#root();
    } catch (thrown) {
      if (!(thrown instanceof JsonSyntaxError)) throw thrown;
      this.reason = `not JSON: ${thrown.message}`;
      value = BAD;
    }
    if (value === null || value === BAD) this.reason ??= "no JSON object";
    if (this.reason === null) return value;
    if (this.#failFast) throw malformedRecord(text, this.reason, this.#schema.type === "struct" && text.trimStart().startsWith("["));
    if (this.#schema.type !== "struct") return value === BAD ? null : value;
    const row = Array.isArray(value) ? value : new Array<unknown>(this.#schema.fields.length).fill(null);
    if (this.#corrupt >= 0) row[this.#corrupt] = text;
    return row;
  }

  /**
   * The rows of a record of a file: one of an object, one of each object of an array, none of an empty one or of blank text. Of a record that is
   * malformed as a whole it is one row of nulls; the column of corrupt records takes the text. Sets `reason`; modes are the caller's.
   */
  rows(text: string): unknown[][] {
    this.reason = null;
    const cursor = this.#cursor;
    cursor.open(text);
    let rows: unknown[][] = [];
    try {
      if (Number.isNaN(cursor.peek())) return rows;
      const each = (): void => {
        const row = this.#root();
        if (Array.isArray(row)) rows.push(row);
        else throw new JsonSyntaxError("no JSON object");
      };
      if (cursor.token() === "array") cursor.array(each);
      else each();
    } catch (thrown) {
      if (!(thrown instanceof JsonSyntaxError)) throw thrown;
      this.reason = `not JSON: ${thrown.message}`;
      rows = [new Array<unknown>(this.#schema.type === "struct" ? this.#schema.fields.length : 1).fill(null)];
    }
    if (this.reason !== null && this.#corrupt >= 0) for (const row of rows) row[this.#corrupt] = text;
    return rows;
  }

  #bad(what: string): typeof BAD {
    this.reason ??= what;
    return BAD;
  }

  #rootConverter(): Converter {
    const schema = this.#schema;
    if (schema.type === "struct") {
      const struct = this.#struct(schema, this.#corrupt, "");
      return () => (this.#cursor.token() === "object" ? struct() : this.#bad("no JSON object"));
    }
    if (schema.type === "array" && schema.element.type === "struct") {
      const array = this.#converter(schema, "the record");
      const single = this.#converter(schema.element, "the record");
      return () => (this.#cursor.token() === "object" ? [single()] : array());
    }
    return this.#converter(schema, "the record");
  }

  /** A converter that consumes one value; JSON's null is null for every type. `name` tells in reasons which value it is. */
  #converter(type: DataType, name: string): Converter {
    const cursor = this.#cursor;
    const reason = `${name} is no ${sqlTypeName(type)}`;
    const mismatch = (): typeof BAD => {
      cursor.skip();
      return this.#bad(reason);
    };
    const scalarOr = (convert: (kind: string, text: () => string) => unknown): Converter => {
      return () => {
        const kind = cursor.token();
        if (kind === "null") {
          cursor.scalar();
          return null;
        }
        if (kind === "object" || kind === "array") return mismatch();
        const from = cursor.position;
        const result = convert(kind, () => (kind === "string" ? cursor.string() : cursor.scalar()));
        if (result !== BAD) return result;
        if (cursor.position === from) return mismatch();
        return this.#bad(reason);
      };
    };
    switch (type.type) {
      case "string":
        return () => this.#string();
      case "boolean":
        return scalarOr((kind, text) => (kind === "true" || kind === "false" ? text() === "true" : BAD));
      case "tinyint":
      case "smallint":
      case "int":
      case "bigint":
        return scalarOr((kind, text) => (kind === "whole" ? (wholeInRange(text(), type.type) ?? BAD) : BAD));
      case "float":
      case "double":
        return scalarOr((kind, text) => {
          const value = fractionOf(kind, text, this.#nonNumeric);
          return value === null ? BAD : type.type === "float" ? Math.fround(value) : value;
        });
      case "decimal":
        return scalarOr((kind, text) => {
          if (kind !== "whole" && kind !== "fraction" && kind !== "string") return BAD;
          return decimalOf(text(), kind === "string", type.precision, type.scale) ?? BAD;
        });
      case "timestamp":
        return scalarOr((kind, text) => {
          if (kind === "string") return this.#timestamp(text()) ?? BAD;
          const seconds = kind === "whole" ? wholeInRange(text(), "bigint") : null;
          return seconds === null ? BAD : Number(seconds) * 1_000_000;
        });
      case "date":
        return scalarOr((kind, text) => {
          if (kind === "string") return this.#date(text()) ?? BAD;
          return BAD;
        });
      case "binary":
        return scalarOr((kind, text) => (kind === "string" ? (bytesOf(text()) ?? BAD) : BAD));
      case "struct": {
        const struct = this.#struct(type, -1, `${name}.`);
        return this.#composite("object", struct, mismatch);
      }
      case "array": {
        const element = this.#converter(type.element, `an element of ${name}`);
        return this.#composite("array", () => this.#array(element), mismatch);
      }
      case "map": {
        const value = this.#converter(type.value, `a value of ${name}`);
        return this.#composite("object", () => this.#map(value), mismatch);
      }
      default:
        return () => {
          cursor.skip();
          return null;
        };
    }
  }

  #composite(kind: "object" | "array", read: Converter, mismatch: () => typeof BAD): Converter {
    return () => {
      const token = this.#cursor.token();
      if (token === kind) return read();
      if (token !== "null") return mismatch();
      this.#cursor.scalar();
      return null;
    };
  }

  /** Text as it is; any other value as it stands in the record. */
  #string(): string | null {
    const cursor = this.#cursor;
    const kind = cursor.token();
    if (kind === "string") return cursor.string();
    if (kind === "null") {
      cursor.scalar();
      return null;
    }
    const from = cursor.position;
    const copy = this.#exact ? undefined : cursor.copy();
    if (copy === undefined) cursor.skip();
    const text = cursor.slice(from);
    if (kind === "fraction" && !this.#nonNumeric && !/\d/.test(text)) throw new JsonSyntaxError("NaN and infinities are not taken");
    return copy ?? text;
  }

  #struct(type: StructType, without: number, path: string): Converter {
    const fields = new Map<string, { readonly ordinal: number; readonly convert: Converter }>();
    type.fields.forEach((one, ordinal) => {
      if (ordinal !== without) fields.set(one.name, { ordinal, convert: this.#converter(one.dataType, `${path}${one.name}`) });
    });
    const count = type.fields.length;
    return () => {
      const row: unknown[] = new Array(count).fill(null);
      this.#cursor.object((name) => {
        const field = fields.get(name);
        if (field === undefined) return this.#cursor.skip();
        const value = field.convert();
        if (value !== BAD) row[field.ordinal] = value;
      });
      return row;
    };
  }

  /** An element that is not of its type spoils the whole array. */
  #array(element: Converter): unknown {
    const values: unknown[] = [];
    let bad = false;
    this.#cursor.array(() => {
      const value = element();
      if (value === BAD) bad = true;
      else values.push(value);
    });
    return bad ? BAD : values;
  }

  #map(convert: Converter): unknown {
    const values = new Map<unknown, unknown>();
    let bad = false;
    this.#cursor.object((name) => {
      const value = convert();
      if (value === BAD) bad = true;
      else values.set(name, value);
    });
    return bad ? BAD : values;
  }
}

/** @throws QueryExecutionError INVALID_CORRUPT_RECORD_TYPE for a column of corrupt records that is no text */
export function checkCorruptColumn(schema: StructType, name: string): void {
  const corrupt = schema.fields.find((one) => one.name === name);
  if (!corrupt || corrupt.dataType.type === "string") return;
  throw new QueryExecutionError("INVALID_CORRUPT_RECORD_TYPE", {
    failed: `The column \`${name}\` for corrupt records must have the nullable STRING type`,
    found: sqlTypeName(corrupt.dataType),
    remedy: "Make it a string, or name another column by columnNameOfCorruptRecord.",
  });
}

/** A date by the cast's rules, or a whole number of days since 1970, as Spark 1.5 wrote dates. */
function dateOrDays(text: string): number | null {
  return parseDate(text) ?? (/^[+-]?\d+$/.test(text) ? (wholeInRange(text.replace("+", ""), "int") as number | null) : null);
}

/** Text may have commas between its digits, but no blanks around them. */
function decimalOf(text: string, isText: boolean, precision: number, scale: number): bigint | null {
  if (isText && text !== text.trim()) return null;
  return parseDecimal(isText ? text.replaceAll(",", "") : text, precision, scale);
}

/** Strict base64; null for anything else. */
function bytesOf(text: string): Uint8Array | null {
  const strict = text.length % 4 === 0 && /^[A-Za-z0-9+/]*={0,2}$/.test(text);
  return strict ? new Uint8Array(Buffer.from(text, "base64")) : null;
}

/** What JSON text may look like under the options of from_json; their names are read without case. */
export function leniencyOf(given: Readonly<Record<string, string>>): JsonLeniency {
  const options = givenOptions(given);
  const is = (name: string): boolean => options.get(name.toLowerCase())?.toLowerCase() === "true";
  return {
    comments: is("allowComments"),
    unquotedNames: is("allowUnquotedFieldNames"),
    singleQuotes: options.get("allowsinglequotes")?.toLowerCase() !== "false",
    leadingZeros: is("allowNumericLeadingZeros"),
    anyEscape: is("allowBackslashEscapingAnyCharacter"),
    controlCharacters: is("allowUnquotedControlChars"),
  };
}

const LIMITS: Readonly<Record<string, readonly [bigint, bigint]>> = {
  tinyint: [-128n, 127n],
  smallint: [-32768n, 32767n],
  int: [-2147483648n, 2147483647n],
  bigint: [-(2n ** 63n), 2n ** 63n - 1n],
};

function wholeInRange(text: string, type: string): number | bigint | null {
  const [low, high] = LIMITS[type] ?? [0n, 0n];
  const value = text.length < 16 ? Number(text) + 0 : BigInt(text);
  return value >= low && value <= high ? (typeof value === "bigint" ? normalLong(value) : value) : null;
}

function fractionOf(kind: string, text: () => string, nonNumeric: boolean): number | null {
  if (kind === "whole") return Number(text()) + 0;
  if (kind !== "fraction" && kind !== "string") return null;
  const found = text();
  switch (found) {
    case "NaN":
      return nonNumeric ? NaN : null;
    case "+INF":
    case "+Infinity":
    case "Infinity":
      return nonNumeric ? Infinity : null;
    case "-INF":
    case "-Infinity":
      return nonNumeric ? -Infinity : null;
    default:
      return kind === "string" ? null : Number(found);
  }
}

function malformedRecord(text: string, reason: string, arrayForStruct: boolean): QueryExecutionError {
  const kind = arrayForStruct ? "CANNOT_PARSE_JSON_ARRAYS_AS_STRUCTS" : "WITHOUT_SUGGESTION";
  return new QueryExecutionError(`MALFORMED_RECORD_IN_PARSING.${kind}`, {
    failed: `Malformed records are detected in record parsing: ${text.slice(0, 200)}`,
    found: reason,
    remedy: "Parse Mode: FAILFAST. To process malformed records as null result, try setting the option 'mode' as 'PERMISSIVE'.",
  });
}
