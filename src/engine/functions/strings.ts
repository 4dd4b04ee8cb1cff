import { invalidArrayIndex } from "../codegen/execution-error.ts";
import { anyNull, valueOrNull } from "../codegen/emit.ts";
import { wrongArgumentCount } from "../columns/analysis-error.ts";
import { castTo, commonTypeWithoutText, literal } from "../columns/coerce.ts";
import type { ExpressionSettings, Resolved } from "../columns/resolved.ts";
import type { DataType } from "../types/data-type.ts";
import type { Long } from "../types/long.ts";
import { alike } from "./comparisons.ts";
import type { FunctionEntry, ResolvedCallNode } from "./function-entry.ts";
import { BIGINT, BINARY, BOOLEAN, implicitCast, INT, scalar, STRING } from "./scalar.ts";

/** Text functions. Positions count characters (code points), from 1. */
export const strings: readonly FunctionEntry[] = [
  scalar({ name: "upper", doc: "In upper case.", params: [STRING], result: STRING, inline: ([s]) => `${s}.toUpperCase()` }),
  scalar({ name: "ucase", doc: "The same as upper.", params: [STRING], result: STRING, inline: ([s]) => `${s}.toUpperCase()` }),
  scalar({ name: "lower", doc: "In lower case.", params: [STRING], result: STRING, inline: ([s]) => `${s}.toLowerCase()` }),
  scalar({ name: "lcase", doc: "The same as lower.", params: [STRING], result: STRING, inline: ([s]) => `${s}.toLowerCase()` }),
  scalar({
    name: "initcap",
    doc: "The first letter of every word in upper case, the others in lower case.",
    params: [STRING],
    result: STRING,
    run: initcap,
  }),
  trimming("trim", "Without blanks at both ends; trim(characters, text) without those.", true, true),
  trimming("btrim", "Without blanks at both ends; btrim(text, characters) without those.", true, true),
  trimming("ltrim", "Without blanks at the start.", true, false),
  trimming("rtrim", "Without blanks at the end.", false, true),
  scalar({ name: "length", doc: "How many characters.", params: [textOrBytes], result: INT, run: lengthOf }),
  scalar({ name: "char_length", doc: "The same as length.", params: [textOrBytes], result: INT, run: lengthOf }),
  scalar({ name: "len", doc: "The same as length.", params: [textOrBytes], result: INT, run: lengthOf }),
  scalar({ name: "octet_length", doc: "How many bytes in UTF-8.", params: [textOrBytes], result: INT, run: byteLength }),
  scalar({
    name: "bit_length",
    doc: "How many bits in UTF-8.",
    params: [textOrBytes],
    result: INT,
    run: (value: string | Uint8Array) => byteLength(value) * 8,
  }),
  scalar({ name: "character_length", doc: "The same as length.", params: [textOrBytes], result: INT, run: lengthOf }),
  cutting("substring", "Characters (or bytes) from a position, at most so many; a negative position counts from the end."),
  cutting("substr", "The same as substring."),
  scalar({
    name: "left",
    doc: "The first characters.",
    params: [textOrBytes, INT],
    result: typeOfFirst,
    make: ofTextOrBytes(
      (s, n: number) => (n <= 0 ? "" : substring(s, 1, n)),
      (b, n: number) => b.slice(0, Math.max(0, n)),
    ),
  }),
  scalar({
    name: "right",
    doc: "The last characters.",
    params: [STRING, INT],
    result: STRING,
    run: (s: string, n: number) => (n <= 0 ? "" : substring(s, -n, n)),
  }),
  scalar({
    name: "overlay",
    doc: "The text with so many characters from a position replaced; as many as the replacement has when not said.",
    params: [STRING, STRING, INT, INT],
    required: 3,
    result: STRING,
    run: overlay,
  }),
  scalar({
    name: "replace",
    doc: "Every occurrence of a text by another; without one, removed.",
    params: [STRING, STRING, STRING],
    required: 2,
    result: STRING,
    run: replace,
  }),
  scalar({
    name: "translate",
    doc: "Characters of the second text by those of the third at the same places; surplus ones are dropped.",
    params: [STRING, STRING, STRING],
    result: STRING,
    run: translate,
  }),
  scalar({
    name: "reverse",
    doc: "Back to front: characters, bytes or elements.",
    params: [reversible],
    result: typeOfFirst,
    run: reversed,
  }),
  scalar({
    name: "repeat",
    doc: "So many times over.",
    params: [STRING, INT],
    result: STRING,
    run: (s: string, n: number) => (n <= 0 ? "" : s.repeat(n)),
  }),
  scalar({ name: "space", doc: "So many blanks.", params: [INT], result: STRING, run: (n: number) => " ".repeat(Math.max(0, n)) }),
  scalar({
    name: "lpad",
    doc: "Filled from the left, or cut, to a length.",
    params: [textOrBytes, INT, textOrBytes],
    required: 2,
    result: typeOfFirst,
    make: ofTextOrBytes(
      (s, n: number, pad: string = " ") => padded(s, n, pad, true),
      (b, n: number, pad?: Uint8Array) => paddedBytes(b, n, pad, true),
    ),
  }),
  scalar({
    name: "rpad",
    doc: "Filled from the right, or cut, to a length.",
    params: [textOrBytes, INT, textOrBytes],
    required: 2,
    result: typeOfFirst,
    make: ofTextOrBytes(
      (s, n: number, pad: string = " ") => padded(s, n, pad, false),
      (b, n: number, pad?: Uint8Array) => paddedBytes(b, n, pad, false),
    ),
  }),
  scalar({
    name: "ascii",
    doc: "The code of the first character.",
    params: [STRING],
    result: INT,
    run: (s: string) => s.codePointAt(0) ?? 0,
  }),
  scalar({ name: "chr", doc: "The character of a code (modulo 256).", params: [BIGINT], result: STRING, run: characterOf }),
  scalar({ name: "char", doc: "The same as chr.", params: [BIGINT], result: STRING, run: characterOf }),
  scalar({ name: "quote", doc: "In single quotes, those in the text escaped.", params: [STRING], result: STRING, run: quoted }),
  scalar({ name: "luhn_check", doc: "Whether the digits follow Luhn's rule.", params: [STRING], result: BOOLEAN, run: luhn }),
  masking(),
  choosing(),
  {
    name: "concat",
    doc: "Texts, or arrays, one after the other; null if one is null.",
    resolve(args, _options, settings) {
      const arrays =
        args.length > 0 &&
        args.every((arg) => arg.dataType.type === "array" || arg.dataType.type === "null") &&
        args.some((arg) => arg.dataType.type === "array");
      if (!arrays && args.some((arg) => arg.dataType.type === "array")) alike("concat", args, settings, commonTypeWithoutText);
      const bytes = args.length > 0 && args.every((arg) => arg.dataType.type === "binary");
      const converted = arrays
        ? alike("concat", args, settings)
        : args.map((arg) => implicitCast(arg, bytes ? BINARY : STRING, "concat", settings));
      return { args: converted, dataType: converted[0]?.dataType ?? STRING, nullable: converted.some((arg) => arg.nullable) };
    },
    emit(call, context) {
      const parts = call.args.map((arg) => context.emit(arg));
      const isNull = anyNull(...parts);
      if (isNull === "true") return { value: "null", isNull };
      if (call.dataType.type === "array") {
        const text = `[${parts.map((part) => `...${part.value}`).join(", ")}]`;
        return { value: isNull === "false" ? text : `(${isNull} ? null : ${text})`, isNull };
      }
      if (call.dataType.type === "binary") {
        const text = `${context.writer.constant("concat", concatBytes)}([${parts.map((part) => part.value).join(", ")}])`;
        return { value: isNull === "false" ? text : `(${isNull} ? null : ${text})`, isNull };
      }
      return { value: parts.length === 0 ? '""' : parts.map((part) => part.value).join(" + "), isNull };
    },
  },
  {
    name: "concat_ws",
    doc: "Texts with a separator between them; nulls are left out, arrays count as their elements.",
    resolve(args, _options, settings) {
      if (args.length < 1) throw wrongArgumentCount("concat_ws", "at least 1", 0);
      const converted = args.map((arg) =>
        arg.dataType.type === "array"
          ? castTo(arg, { type: "array", element: STRING }, settings)
          : implicitCast(arg, STRING, "concat_ws", settings),
      );
      return { args: converted, dataType: STRING, nullable: converted[0]?.nullable ?? false };
    },
    emit(call, context) {
      const [separator, ...rest] = call.args.map((arg) => context.emit(arg));
      if (!separator || separator.isNull === "true") return { value: "null", isNull: "true" };
      const parts = rest.map((part) =>
        part.isNull === "false" ? part.value : part.isNull === "true" ? "null" : `${part.isNull} ? null : ${part.value}`,
      );
      const join = context.writer.constant("join", joinTexts);
      return { value: `${join}(${separator.value}, [${parts.join(", ")}])`, isNull: separator.isNull };
    },
  },
];

function textOrBytes(arg: Resolved, name: string, settings: ExpressionSettings): Resolved {
  return arg.dataType.type === "binary" ? arg : implicitCast(arg, STRING, name, settings);
}

function reversible(arg: Resolved, name: string, settings: ExpressionSettings): Resolved {
  return arg.dataType.type === "array" ? arg : textOrBytes(arg, name, settings);
}

function reversed(value: string | Uint8Array | readonly unknown[]): unknown {
  return typeof value === "string" ? [...value].reverse().join("") : value.slice().reverse();
}

function typeOfFirst(args: readonly Resolved[]): DataType {
  return args[0]?.dataType ?? STRING;
}

/** The function over text or the one over bytes, by the type of the first argument. */
function ofTextOrBytes<A extends unknown[]>(
  text: (value: string, ...rest: A) => string,
  bytes: (value: Uint8Array, ...rest: never[]) => Uint8Array,
): (call: ResolvedCallNode) => (...values: never[]) => unknown {
  return (call) => (call.args[0]?.dataType.type === "binary" ? bytes : text) as (...values: never[]) => unknown;
}

function cutting(name: string, doc: string): FunctionEntry {
  const make = ofTextOrBytes(substring, substringBytes);
  return scalar({ name, doc, params: [textOrBytes, INT, INT], required: 2, result: typeOfFirst, make });
}

/** Spark's function form takes the characters first, except btrim's. */
function trimming(name: string, doc: string, start: boolean, end: boolean): FunctionEntry {
  const ofText = (text: string, characters: string = " "): string => trimmed(text, characters, start, end);
  const run =
    name === "btrim" ? ofText : (first: string, text?: string): string => (text === undefined ? ofText(first) : ofText(text, first));
  return scalar({ name, doc, params: [STRING, STRING], required: 1, result: STRING, run });
}

function trimmed(text: string, characters: string, start: boolean, end: boolean): string {
  let from = 0;
  let to = text.length;
  while (start && from < to && characters.includes(text.charAt(from))) from++;
  while (end && to > from && characters.includes(text.charAt(to - 1))) to--;
  return text.slice(from, to);
}

const ASCII = /^[\0-\x7f]*$/;

function lengthOf(value: string | Uint8Array): number {
  if (typeof value !== "string") return value.length;
  let length = value.length;
  for (let i = 1; i < value.length; i++) {
    const code = value.charCodeAt(i);
    if (code >= 0xdc00 && code < 0xe000 && (value.charCodeAt(i - 1) & 0xfc00) === 0xd800) length--;
  }
  return length;
}

/** UTF8String.substringSQL. */
export function substring(text: string, position: number, length: number = 2147483647): string {
  const units = ASCII.test(text) ? undefined : [...text];
  const count = units?.length ?? text.length;
  const start = position > 0 ? position - 1 : position < 0 ? count + position : 0;
  const end = start + length;
  if (end <= start) return "";
  return units ? units.slice(Math.max(0, start), Math.max(0, end)).join("") : text.slice(Math.max(0, start), Math.max(0, end));
}

function substringBytes(bytes: Uint8Array, position: number, length: number = 2147483647): Uint8Array {
  const start = position > 0 ? position - 1 : position < 0 ? bytes.length + position : 0;
  const end = start + length;
  return end <= start ? new Uint8Array(0) : bytes.slice(Math.max(0, start), Math.max(0, end));
}

/** The position counts from 1; without a length the replacement's own is taken (Overlay). */
function overlay(text: string, by: string, position: number, length: number = -1): string {
  const taken = length >= 0 ? length : lengthOf(by);
  return substring(text, 1, position - 1) + by + substring(text, position + taken);
}

function replace(text: string, part: string, other: string = ""): string {
  return part === "" ? text : text.replaceAll(part, () => other);
}

function translate(text: string, from: string, to: string): string {
  const target = [...to];
  const table = new Map<string, string>();
  [...from].forEach((letter, i) => {
    if (!table.has(letter)) table.set(letter, target[i] ?? "");
  });
  return [...text].map((letter) => table.get(letter) ?? letter).join("");
}

function padded(text: string, length: number, pad: string, left: boolean): string {
  const units = [...text];
  if (length <= 0) return "";
  if (units.length >= length || pad === "") return units.slice(0, length).join("");
  const fill = [...pad];
  const missing = length - units.length;
  const filling = Array.from({ length: missing }, (_, i) => fill[i % fill.length]).join("");
  return left ? filling + text : text + filling;
}

function paddedBytes(bytes: Uint8Array, length: number, pad: Uint8Array = new Uint8Array(1), left: boolean): Uint8Array {
  const size = Math.max(0, length);
  if (bytes.length >= size || pad.length === 0) return bytes.slice(0, size);
  const filled = new Uint8Array(size);
  const missing = size - bytes.length;
  const at = left ? 0 : bytes.length;
  for (let i = 0; i < missing; i++) filled[at + i] = pad[i % pad.length] ?? 0;
  filled.set(bytes, left ? missing : 0);
  return filled;
}

function concatBytes(parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts));
}

function byteLength(value: string | Uint8Array): number {
  return typeof value === "string" ? Buffer.byteLength(value, "utf8") : value.length;
}

function characterOf(code: Long): string {
  if (code < 0) return "";
  return String.fromCharCode(Number(BigInt.asUintN(8, BigInt(code))));
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "\\'")}'`;
}

function luhn(text: string): boolean {
  if (!/^[0-9]+$/.test(text)) return false;
  let sum = 0;
  for (let i = text.length - 1, second = false; i >= 0; i--, second = !second) {
    const digit = Number(text[i]) * (second ? 2 : 1);
    sum += digit > 9 ? digit - 9 : digit;
  }
  return sum % 10 === 0;
}

/** mask(text, upper, lower, digit, other): a null replacement keeps its kind of characters. */
function masking(): FunctionEntry {
  const kinds = ["X", "x", "n", null];
  return {
    name: "mask",
    doc: "Upper-case letters as X, lower-case ones as x, digits as n, or as the next arguments say; null keeps them.",
    resolve(args, _options, settings) {
      if (args.length < 1 || args.length > 5) throw wrongArgumentCount("mask", "[1, 5]", args.length);
      const given = kinds.map((kind, i) => args[i + 1] ?? literal(kind, STRING));
      const converted = [args[0] ?? literal(null, STRING), ...given].map((arg) => implicitCast(arg, STRING, "mask", settings));
      return { args: converted, dataType: STRING, nullable: converted[0]?.nullable ?? true };
    },
    emit(call, context) {
      const [text, ...by] = call.args.map((arg) => context.emit(arg));
      if (!text || text.isNull === "true") return { value: "null", isNull: "true" };
      const run = `${context.writer.constant("mask", masked)}(${text.value}, ${by.map(valueOrNull).join(", ")})`;
      return { value: text.isNull === "false" ? run : `(${text.isNull} ? "" : ${run})`, isNull: text.isNull };
    },
  };
}

function masked(text: string, upper: string | null, lower: string | null, digit: string | null, other: string | null): string {
  let out = "";
  for (const letter of text) {
    const by = /\p{Lu}/u.test(letter) ? upper : /\p{Ll}/u.test(letter) ? lower : /\p{Nd}/u.test(letter) ? digit : other;
    out += by ?? letter;
  }
  return out;
}

/** elt(n, first, second, …). */
function choosing(): FunctionEntry {
  return {
    name: "elt",
    doc: "The n-th of the arguments that follow; under ANSI rules one that is not there stops the query.",
    resolve(args, _options, settings) {
      const [place, ...values] = args;
      if (!place || values.length === 0) throw wrongArgumentCount("elt", "> 1", args.length);
      const bytes = values.every((arg) => arg.dataType.type === "binary");
      const converted = values.map((arg) => implicitCast(arg, bytes ? BINARY : STRING, "elt", settings));
      return { args: [implicitCast(place, INT, "elt", settings), ...converted], dataType: bytes ? BINARY : STRING, nullable: true };
    },
    emit(call, context) {
      const [place, ...values] = call.args;
      if (!place) throw wrongArgumentCount("elt", "> 1", 0);
      const { writer, settings } = context;
      const at = context.emit(place);
      if (at.isNull === "true") return at;
      const found = writer.local("elt");
      writer.line(`let ${found} = null;`);
      writer.block(at.isNull === "false" ? "" : `if (!(${at.isNull}))`, () => {
        writer.block(`switch (${at.value})`, () => {
          values.forEach((value, i) => {
            writer.block(`case ${i + 1}:`, () => {
              writer.line(`${found} = ${valueOrNull(context.emit(value))};`);
              writer.line("break;");
            });
          });
          if (settings.ansi)
            writer.line(`default: throw ${writer.constant("invalidIndex", invalidArrayIndex)}(${at.value}, ${values.length});`);
        });
      });
      return { value: found, isNull: `${found} === null` };
    },
  };
}

function initcap(text: string): string {
  return text.toLowerCase().replace(/(^| )([^ ])/gu, (_, before: string, letter: string) => before + titleCase(letter));
}

const DIGRAPHS: Readonly<Record<string, string>> = { ǆ: "ǅ", ǉ: "ǈ", ǌ: "ǋ", ǳ: "ǲ" };

/** One character in title case; of several that it becomes only the first that has a case is upper. */
function titleCase(letter: string): string {
  const known = DIGRAPHS[letter];
  if (known !== undefined) return known;
  const upper = [...letter.toUpperCase()];
  const first = upper.findIndex((one) => one.toLowerCase() !== one.toUpperCase());
  return upper.map((one, i) => (i > first ? one.toLowerCase() : one)).join("");
}

function joinTexts(separator: string, parts: readonly (string | null | readonly (string | null)[])[]): string {
  const texts: string[] = [];
  for (const part of parts) {
    if (typeof part === "string") texts.push(part);
    else if (part !== null) texts.push(...part.filter((one) => one !== null));
  }
  return texts.join(separator);
}
