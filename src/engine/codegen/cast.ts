import type { Resolved } from "../columns/resolved.ts";
import { isIntegral } from "../columns/coerce.ts";
import { readFraction, readWhole } from "../functions/bytes/byte-number.ts";
import { instantReader, readDay } from "../functions/bytes/byte-timestamp.ts";
import { textOf } from "../functions/bytes/interned-text.ts";
import { rawText } from "../functions/bytes/raw-text.ts";
import type { EmitContext, RawText } from "../functions/function-entry.ts";
import { dayOfUs, US_PER_DAY } from "../types/calendar.ts";
import type { DataType, DecimalType } from "../types/data-type.ts";
import { fitsLong, normalLong, wrapLong, type Long } from "../types/long.ts";
import {
  decimalTextDigits,
  decimalToDouble,
  doubleToDecimal,
  formatDouble,
  formatFloat,
  parseBoolean,
  parseDecimal,
  parseDouble,
  parseIntegral,
  parseIntegralCut,
  pow10,
  rescaleDecimal,
} from "../types/number-text.ts";
import { sameType } from "../types/schema.ts";
import { formatDate, formatTimestamp, parseDate, parseTimestamp } from "../types/timestamp-text.ts";
import { simpleString, sqlTypeName } from "../types/type-text.ts";
import { bytesText, valueText } from "../types/value-text.ts";
import type { Emitted } from "./code.ts";
import { literalText, placeholder } from "./literal-text.ts";
import {
  arithmeticOverflow,
  castInvalidInput,
  castOverflow,
  decimalOverflow,
  decimalUnsupported,
  type QueryExecutionError,
} from "./execution-error.ts";

/** One way to convert a value that is not null; null answers "there is no such value". */
type Convert = (value: never) => unknown;

/** How a cast is written: an expression text, or a function that may answer null. */
interface Conversion {
  readonly inline?: (value: string) => string;
  readonly call?: Convert;
  /** Whether `call` may answer null: an error under ANSI rules, null otherwise. */
  readonly partial?: boolean;
  /** A test by name: null for other values is no error under ANSI rules either (NaN as a decimal). */
  readonly fails?: "Number.isFinite";
}

/** Writes a cast by Spark's rules: ANSI casts stop the query, try_cast and casts without ANSI rules give null. */
export function emitCast(expression: Extract<Resolved, { kind: "cast" }>, context: EmitContext): Emitted {
  const from = expression.input.dataType;
  const to = expression.dataType;
  const known = foldedCast(expression, context) ?? emitByteCast(expression, context);
  if (known) return known;
  const raw = from.type === "binary" ? rawText(expression, context) : undefined;
  if (raw) return emitRawText(raw, context);
  const input = context.emit(expression.input);
  if (input.isNull === "true") return input;
  const strict = context.settings.ansi || expression.mode === "try";
  const found = conversion(from, to, strict, expression.mode);
  if (found.inline) return { value: guarded(found.inline(input.value), input.isNull, to), isNull: input.isNull };
  const { writer } = context;
  const convert = writer.constant("cast", found.call);
  const isNull = input.isNull;
  if (!found.partial) return { value: guarded(`${convert}(${input.value})`, isNull, to), isNull };
  const result = writer.assign("cast", isNull === "false" ? `${convert}(${input.value})` : `${isNull} ? null : ${convert}(${input.value})`);
  if (expression.mode === "try" || !context.settings.ansi) return { value: result, isNull: `${result} === null` };
  const fail = writer.constant("castError", castErrorOf(from, to));
  const test = found.fails === undefined ? "" : ` && ${found.fails}(${input.value})`;
  writer.line(`if (${result} === null${isNull === "false" ? "" : ` && !${isNull}`}${test}) throw ${fail}(${input.value});`);
  return { value: result, isNull: found.fails === undefined ? isNull : `${result} === null` };
}

/** A cast of a literal is done once, here, unless it fails: then it fails where the row would make it fail. */
function foldedCast(expression: Extract<Resolved, { kind: "cast" }>, context: EmitContext): Emitted | undefined {
  const { input, dataType: to, mode } = expression;
  if (input.kind !== "literal") return undefined;
  try {
    const value = converterOf(input.dataType, to, context.settings.ansi, mode)(input.value);
    return value === null ? { value: "null", isNull: "true" } : { value: literalText(value, context.writer), isNull: "false" };
  } catch {
    return undefined;
  }
}

function guarded(text: string, isNull: string, to: DataType): string {
  return isNull === "false" ? text : `(${isNull} ? ${placeholder(to)} : ${text})`;
}

/** The text that lies as bytes in a block. */
export function emitRawText(raw: RawText, context: EmitContext): Emitted {
  const isNull = `${raw.start} < 0`;
  const text = `${context.writer.constant("textOf", textOf)}(${raw.buffer}, ${raw.start}, ${raw.end})`;
  return { value: raw.nullable === false ? text : `(${isNull} ? "" : ${text})`, isNull: raw.nullable === false ? "false" : isNull };
}

/** How a plain text of a type is read from its bytes: NaN where it is not plain. */
function byteReader(to: DataType, raw: RawText, context: EmitContext): string | undefined {
  const { writer } = context;
  const place = `${raw.buffer}, ${raw.start}, ${raw.end}`;
  switch (to.type) {
    case "tinyint":
    case "smallint":
    case "int":
    case "bigint":
      return `${writer.constant("wholeOf", readWhole)}(${place}, ${to.type === "bigint" ? "Infinity" : 2 ** (BITS[to.type] - 1)})`;
    case "float":
    case "double": {
      const number = `${writer.constant("fractionOf", readFraction)}(${place})`;
      return to.type === "float" ? `Math.fround(${number})` : number;
    }
    case "date":
      return `${writer.constant("dayOf", readDay)}(${place})`;
    case "timestamp":
      return `${writer.constant("instantOf", instantReader())}(${place})`;
    default:
      return undefined;
  }
}

/** A cast of a text that lies as bytes: plain ones from their digits, any other by the rules of the cast over the text. */
function emitByteCast(expression: Extract<Resolved, { kind: "cast" }>, context: EmitContext): Emitted | undefined {
  const { input, dataType: to, mode } = expression;
  if (input.dataType.type !== "string") return undefined;
  const raw = rawText(input, context);
  const read = raw && byteReader(to, raw, context);
  if (!raw || read === undefined) return undefined;
  const { writer, settings } = context;
  const full = converterOf(input.dataType, to, settings.ansi, mode);
  const slow = (buffer: Buffer, start: number, end: number): unknown => full(buffer.utf8Slice(start, end));
  writer.comment(`${mode === "try" ? "try_cast" : "cast"} to ${simpleString(to)}, from its bytes`);
  const value = writer.local("cast");
  const strict = settings.ansi && mode === "cast";
  const isNull = raw.nullable === false ? "false" : `${raw.start} < 0`;
  writer.line(`let ${value} = ${isNull === "false" ? read : `${isNull} ? ${strict ? "0" : "null"} : ${read}`};`);
  writer.line(`if (${value} !== ${value}) ${value} = ${writer.constant("castText", slow)}(${raw.buffer}, ${raw.start}, ${raw.end});`);
  return { value, isNull: strict ? isNull : `${value} === null` };
}

const errorMakers = new Map<string, (value: unknown) => QueryExecutionError>();

/** One function per pair of types, so that the same code is written for the same plan. */
function castErrorOf(from: DataType, to: DataType): (value: unknown) => QueryExecutionError {
  const key = `${sqlTypeName(from)} ${sqlTypeName(to)}`;
  let make = errorMakers.get(key);
  if (make === undefined) {
    make = (value) => {
      if (from.type === "string" && to.type === "decimal") return decimalTextError(String(value), to);
      if (from.type === "string") return castInvalidInput(value, "STRING", sqlTypeName(to));
      if (to.type === "decimal") return decimalOverflow(valueText(value, from), to.precision, to.scale);
      if ((from.type === "double" || from.type === "float") && to.type === "timestamp")
        return Number.isFinite(value)
          ? castOverflow(value, sqlTypeName(from), "TIMESTAMP")
          : castInvalidInput(value, sqlTypeName(from), "TIMESTAMP");
      if (from.type === "timestamp" && isIntegral(to)) return castOverflow(valueText(value, from), "TIMESTAMP", sqlTypeName(to));
      if (from.type === "timestamp" || to.type === "timestamp") return arithmeticOverflow("long");
      return castOverflow(valueText(value, from), sqlTypeName(from), sqlTypeName(to));
    };
    errorMakers.set(key, make);
  }
  return make;
}

function decimalTextError(text: string, to: DecimalType): QueryExecutionError {
  const digits = decimalTextDigits(text);
  if (digits === null) return castInvalidInput(text, "STRING", sqlTypeName(to));
  return digits > 38 ? decimalUnsupported(text) : decimalOverflow(text, to.precision, to.scale);
}

const cache = new Map<string, Conversion>();

function conversion(from: DataType, to: DataType, strict: boolean, mode: "cast" | "try"): Conversion {
  const key = `${sqlTypeName(from)} ${sqlTypeName(to)} ${strict} ${mode}`;
  let known = cache.get(key);
  if (known === undefined) {
    known = makeConversion(from, to, strict, mode);
    cache.set(key, known);
  }
  return known;
}

/** A conversion as a plain function over values that may be null, for elements of arrays, maps and structs; null stays null. */
export function converterOf(from: DataType, to: DataType, ansi: boolean, mode: "cast" | "try"): (value: unknown) => unknown {
  if (sameType(from, to)) return (value) => value;
  const found = conversion(from, to, ansi || mode === "try", mode);
  const call = (found.call ?? inlined(found)) as (value: unknown) => unknown;
  const fails = found.partial && ansi && mode === "cast";
  const failure = castErrorOf(from, to);
  return (value) => {
    if (value === null) return null;
    const result = call(value);
    if (result === null && fails && !(found.fails && !Number.isFinite(value))) throw failure(value);
    return result;
  };
}

function inlined(found: Conversion): (value: unknown) => unknown {
  const body = found.inline?.("value") ?? "value";
  return new Function("value", `return ${body};`) as (value: unknown) => unknown;
}

function makeConversion(from: DataType, to: DataType, strict: boolean, mode: "cast" | "try"): Conversion {
  if (from.type === "null") return { inline: () => "null" };
  if (sameType(from, to)) return { inline: (v) => v };
  if (from.type === "date" && to.type !== "string" && to.type !== "timestamp") return { call: () => null, partial: true };
  switch (to.type) {
    case "string":
      return toText(from);
    case "boolean":
      return toBoolean(from);
    case "tinyint":
    case "smallint":
    case "int":
    case "bigint":
      return toIntegral(from, to.type, strict);
    case "float":
    case "double":
      return toFraction(from, to.type);
    case "decimal":
      return toDecimal(from, to.precision, to.scale);
    case "date":
      if (from.type === "string") return { call: parseDate, partial: true };
      return { call: dayOfUs };
    case "timestamp":
      return toTimestamp(from);
    case "binary": {
      const width = { tinyint: 1, smallint: 2, int: 4, bigint: 8 }[from.type as string];
      if (width !== undefined) return { call: (value: Long) => bigEndianBytes(value, width) };
      return { call: (value: string) => new Uint8Array(Buffer.from(value, "utf8")) };
    }
    case "array":
    case "map":
    case "struct":
      return toComposite(from, to, strict, mode);
    default:
      return { inline: (v) => v };
  }
}

function bigEndianBytes(value: Long, width: number): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigInt64(0, BigInt(value));
  return bytes.slice(8 - width);
}

function toText(from: DataType): Conversion {
  switch (from.type) {
    case "boolean":
    case "tinyint":
    case "smallint":
    case "int":
    case "bigint":
      return { inline: (v) => `String(${v})` };
    case "double":
      return { call: formatDouble };
    case "float":
      return { call: formatFloat };
    case "date":
      return { call: formatDate };
    case "timestamp":
      return { call: formatTimestamp };
    case "binary":
      return { call: bytesText };
    default:
      return { call: (value: unknown) => valueText(value, from) };
  }
}

function toBoolean(from: DataType): Conversion {
  if (from.type === "string") return { call: parseBoolean, partial: true };
  if (from.type === "bigint") return { inline: (v) => `(${v} !== 0)` };
  if (from.type === "decimal") return { inline: (v) => `(${v} !== 0n)` };
  return { inline: (v) => `(${v} !== 0)` };
}

const BITS = { tinyint: 8, smallint: 16, int: 32, bigint: 64 } as const;
const WIDTH = ["tinyint", "smallint", "int", "bigint"];

function toIntegral(from: DataType, to: "tinyint" | "smallint" | "int" | "bigint", strict: boolean): Conversion {
  const bits = BITS[to];
  if (from.type === "string") {
    return { call: strict ? (text: string) => parseIntegral(text, to) : (text: string) => parseIntegralCut(text, to), partial: true };
  }
  if (from.type === "boolean") return { inline: (v) => `(${v} ? 1 : 0)` };
  if (isIntegral(from)) {
    if (WIDTH.indexOf(from.type) <= WIDTH.indexOf(to)) return { inline: (v) => v };
    return strict ? { call: (value: Long) => ranged(value, bits), partial: true } : { call: (value: Long) => wrapped(value, bits) };
  }
  if (from.type === "timestamp") {
    const seconds = (us: number): number => Math.floor(us / 1_000_000);
    if (to === "bigint") return { call: seconds };
    return { call: (us: number) => ranged(seconds(us), bits), partial: true };
  }
  if (from.type === "decimal") {
    const unit = pow10(from.scale);
    return strict
      ? { call: (value: bigint) => ranged(normalWide(value / unit), bits), partial: true }
      : { call: (value: bigint) => wrapped(value / unit, bits) };
  }
  return strict
    ? { call: (value: number) => rangedDouble(value, bits), partial: true }
    : { call: (value: number) => saturated(value, bits) };
}

function normalWide(value: bigint): Long {
  return fitsLong(value) ? normalLong(value) : value;
}

function ranged(value: Long, bits: number): Long | null {
  if (bits === 64) return typeof value === "number" || fitsLong(value) ? value : null;
  const limit = 2 ** (bits - 1);
  return value >= -limit && value < limit ? Number(value) : null;
}

function wrapped(value: Long, bits: number): Long {
  if (bits === 64) return wrapLong(BigInt(value));
  return Number(BigInt.asIntN(bits, BigInt(value)));
}

/** Cut towards zero; null for NaN and what does not fit. */
function rangedDouble(value: number, bits: number): Long | null {
  const whole = Math.trunc(value) + 0;
  const limit = 2 ** (bits - 1);
  if (!(whole >= -limit && whole < limit)) return null;
  return Number.isSafeInteger(whole) ? whole : normalLong(BigInt(whole));
}

/** Java's conversion: NaN is 0, what does not fit is the nearest end, smaller types are cut from an int. */
function saturated(value: number, bits: number): Long {
  if (Number.isNaN(value)) return 0;
  const width = Math.max(bits, 32);
  const limit = 2 ** (width - 1);
  const whole = Math.trunc(value);
  const wide = whole >= limit ? 2n ** BigInt(width - 1) - 1n : whole < -limit ? -(2n ** BigInt(width - 1)) : BigInt(whole);
  return wrapped(wide, bits);
}

function toFraction(from: DataType, to: "float" | "double"): Conversion {
  const round = (text: string): string => (to === "float" ? `Math.fround(${text})` : text);
  switch (from.type) {
    case "string":
      if (to === "double") return { call: parseDouble, partial: true };
      return { call: (text: string) => roundFloat(parseDouble(text)), partial: true };
    case "boolean":
      return { inline: (v) => `(${v} ? 1 : 0)` };
    case "bigint":
      return { inline: (v) => round(`Number(${v})`) };
    case "timestamp":
      return { inline: (v) => round(`(${v} / 1e6)`) };
    case "decimal": {
      const scale = from.scale;
      return to === "double"
        ? { call: (value: bigint) => decimalToDouble(value, scale) }
        : { call: (value: bigint) => Math.fround(decimalToDouble(value, scale)) };
    }
    default:
      return { inline: round };
  }
}

function roundFloat(value: number | null): number | null {
  return value === null ? null : Math.fround(value);
}

function toDecimal(from: DataType, precision: number, scale: number): Conversion {
  switch (from.type) {
    case "string":
      return { call: (text: string) => parseDecimal(text, precision, scale), partial: true };
    case "boolean":
      return { call: (value: boolean) => rescaleDecimal(value ? 1n : 0n, 0, precision, scale), partial: true };
    case "decimal": {
      const own = from.scale;
      return { call: (value: bigint) => rescaleDecimal(value, own, precision, scale), partial: true };
    }
    case "float":
      return {
        call: (value: number) => doubleToDecimal(value, precision, scale),
        partial: true,
        fails: "Number.isFinite",
      };
    case "double":
      return { call: (value: number) => doubleToDecimal(value, precision, scale), partial: true, fails: "Number.isFinite" };
    case "timestamp":
      return { call: (us: number) => rescaleDecimal(BigInt(us), 6, precision, scale), partial: true };
    default:
      return { call: (value: Long) => rescaleDecimal(BigInt(value), 0, precision, scale), partial: true };
  }
}

const MAX_US = 2 ** 63;

function toTimestamp(from: DataType): Conversion {
  switch (from.type) {
    case "string":
      return { call: parseTimestamp, partial: true };
    case "date":
      return { inline: (v) => `(${v} * ${US_PER_DAY})` };
    case "boolean":
      return { inline: (v) => `(${v} ? 1 : 0)` };
    case "decimal": {
      const scale = from.scale;
      return { call: (value: bigint) => Number(wrapLong(scale >= 6 ? value / pow10(scale - 6) : value * pow10(6 - scale))) };
    }
    case "float":
    case "double":
      return {
        call: (seconds: number) => (Number.isFinite(seconds) && Math.abs(seconds * 1e6) < MAX_US ? Math.trunc(seconds * 1e6) + 0 : null),
        partial: true,
      };
    default:
      return { call: (seconds: Long) => Number(seconds) * 1_000_000 };
  }
}

function toComposite(from: DataType, to: DataType, strict: boolean, mode: "cast" | "try"): Conversion {
  const nested = (a: DataType, b: DataType): ((value: unknown) => unknown) => converterOf(a, b, strict, mode);
  if (from.type === "array" && to.type === "array") {
    const element = nested(from.element, to.element);
    return { call: (value: unknown[]) => value.map(element) };
  }
  if (from.type === "map" && to.type === "map") {
    const key = nested(from.key, to.key);
    const item = nested(from.value, to.value);
    return { call: (value: Map<unknown, unknown>) => new Map([...value].map(([k, v]) => [key(k), item(v)])) };
  }
  if (from.type === "struct" && to.type === "struct") {
    const fields = from.fields.map((one, i) => nested(one.dataType, to.fields[i]?.dataType ?? one.dataType));
    return { call: (value: unknown[]) => value.map((one, i) => fields[i]?.(one)) };
  }
  return { inline: (v) => v };
}
