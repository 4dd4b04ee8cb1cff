import { createHash } from "node:crypto";
import { invalidParameter } from "../codegen/execution-error.ts";
import { wrongArgumentCount } from "../columns/analysis-error.ts";
import { castTo } from "../columns/coerce.ts";
import { anyNull } from "../codegen/emit.ts";
import { formatDouble } from "../types/number-text.ts";
import type { FunctionEntry } from "./function-entry.ts";
import { alike } from "./comparisons.ts";
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
  scalar({ name: "character_length", doc: "The same as length.", params: [textOrBytes], result: INT, run: lengthOf }),
  scalar({
    name: "substring",
    doc: "Characters from a position, at most so many; a negative position counts from the end.",
    params: [STRING, INT, INT],
    required: 2,
    result: STRING,
    run: substring,
  }),
  scalar({ name: "substr", doc: "The same as substring.", params: [STRING, INT, INT], required: 2, result: STRING, run: substring }),
  scalar({
    name: "substring_index",
    doc: "The text before the n-th delimiter, after it from the end for a negative n.",
    params: [STRING, STRING, INT],
    result: STRING,
    run: substringIndex,
  }),
  scalar({
    name: "left",
    doc: "The first characters.",
    params: [STRING, INT],
    result: STRING,
    run: (s: string, n: number) => (n <= 0 ? "" : substring(s, 1, n)),
  }),
  scalar({
    name: "right",
    doc: "The last characters.",
    params: [STRING, INT],
    result: STRING,
    run: (s: string, n: number) => (n <= 0 ? "" : substring(s, -n, n)),
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
  scalar({ name: "reverse", doc: "Back to front.", params: [STRING], result: STRING, run: (s: string) => [...s].reverse().join("") }),
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
    params: [STRING, INT, STRING],
    required: 2,
    result: STRING,
    run: (s: string, n: number, pad: string = " ") => padded(s, n, pad, true),
  }),
  scalar({
    name: "rpad",
    doc: "Filled from the right, or cut, to a length.",
    params: [STRING, INT, STRING],
    required: 2,
    result: STRING,
    run: (s: string, n: number, pad: string = " ") => padded(s, n, pad, false),
  }),
  scalar({
    name: "contains",
    doc: "Whether the second is in the first.",
    params: [STRING, STRING],
    result: BOOLEAN,
    inline: ([a, b]) => `${a}.includes(${b})`,
  }),
  scalar({
    name: "startswith",
    doc: "Whether the first begins with the second.",
    params: [STRING, STRING],
    result: BOOLEAN,
    inline: ([a, b]) => `${a}.startsWith(${b})`,
  }),
  scalar({
    name: "endswith",
    doc: "Whether the first ends with the second.",
    params: [STRING, STRING],
    result: BOOLEAN,
    inline: ([a, b]) => `${a}.endsWith(${b})`,
  }),
  scalar({
    name: "instr",
    doc: "The position of the second in the first, 0 if it is not there.",
    params: [STRING, STRING],
    result: INT,
    run: (s: string, part: string) => locate(part, s, 1),
  }),
  scalar({
    name: "locate",
    doc: "The position of the first in the second, looked for from the third on.",
    params: [STRING, STRING, INT],
    required: 2,
    result: INT,
    run: locate,
  }),
  scalar({ name: "position", doc: "The same as locate.", params: [STRING, STRING, INT], required: 2, result: INT, run: locate }),
  scalar({
    name: "ascii",
    doc: "The code of the first character.",
    params: [STRING],
    result: INT,
    run: (s: string) => s.codePointAt(0) ?? 0,
  }),
  scalar({
    name: "chr",
    doc: "The character of a code (modulo 256).",
    params: [BIGINT],
    result: STRING,
    run: (n: number) => (n < 0 ? "" : String.fromCharCode(Number(n) % 256)),
  }),
  scalar({
    name: "base64",
    doc: "Bytes as base64.",
    params: [BINARY],
    result: STRING,
    run: (b: Uint8Array) => Buffer.from(b).toString("base64"),
  }),
  scalar({
    name: "unbase64",
    doc: "The bytes of base64.",
    params: [STRING],
    result: BINARY,
    run: (s: string) => new Uint8Array(Buffer.from(s, "base64")),
  }),
  scalar({
    name: "md5",
    doc: "The MD5 sum as hexadecimal text.",
    params: [BINARY],
    result: STRING,
    run: (b: Uint8Array) => createHash("md5").update(b).digest("hex"),
  }),
  scalar({
    name: "sha1",
    doc: "The SHA-1 sum as hexadecimal text.",
    params: [BINARY],
    result: STRING,
    run: (b: Uint8Array) => createHash("sha1").update(b).digest("hex"),
  }),
  scalar({
    name: "sha2",
    doc: "The SHA-2 sum of 224, 256 (or 0), 384 or 512 bits as hexadecimal text.",
    params: [BINARY, INT],
    result: STRING,
    run: sha2,
    partial: true,
  }),
  scalar({
    name: "levenshtein",
    doc: "How many single-character edits lie between two texts.",
    params: [STRING, STRING],
    result: INT,
    run: levenshtein,
  }),
  {
    name: "concat",
    doc: "Texts, or arrays, one after the other; null if one is null.",
    resolve(args, _options, settings) {
      const arrays =
        args.length > 0 &&
        args.every((arg) => arg.dataType.type === "array" || arg.dataType.type === "null") &&
        args.some((arg) => arg.dataType.type === "array");
      const converted = arrays ? alike("concat", args, settings) : args.map((arg) => implicitCast(arg, STRING, "concat", settings));
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
  {
    name: "format_string",
    doc: "printf: %d, %s, %.2f and their kin.",
    resolve(args, _options, settings) {
      const [pattern, ...rest] = args;
      if (!pattern) throw wrongArgumentCount("format_string", "at least 1", 0);
      return { args: [implicitCast(pattern, STRING, "format_string", settings), ...rest], dataType: STRING, nullable: pattern.nullable };
    },
    emit(call, context) {
      const [pattern, ...rest] = call.args.map((arg) => context.emit(arg));
      if (!pattern || pattern.isNull === "true") return { value: "null", isNull: "true" };
      const types = call.args.slice(1).map((arg) => arg.dataType.type);
      const values = rest.map((part) => (part.isNull === "false" ? part.value : `(${part.isNull} ? null : ${part.value})`));
      const format = context.writer.constant("format", formatString);
      const list = context.writer.constant("types", types);
      const text = `${format}(${pattern.value}, [${values.join(", ")}], ${list})`;
      return { value: pattern.isNull === "false" ? text : `(${pattern.isNull} ? "" : ${text})`, isNull: pattern.isNull };
    },
  },
];

function textOrBytes(
  arg: Parameters<typeof implicitCast>[0],
  name: string,
  settings: Parameters<typeof implicitCast>[3],
): ReturnType<typeof implicitCast> {
  return arg.dataType.type === "binary" ? arg : implicitCast(arg, STRING, name, settings);
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

function substringIndex(text: string, delimiter: string, count: number): string {
  if (delimiter === "" || count === 0) return "";
  const parts = text.split(delimiter);
  return count > 0 ? parts.slice(0, count).join(delimiter) : parts.slice(Math.max(0, parts.length + count)).join(delimiter);
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

function locate(part: string, text: string, from: number = 1): number {
  if (from < 1) return 0;
  if (part === "") return 1;
  const units = [...text];
  const found = text.indexOf(part, units.slice(0, from - 1).join("").length);
  return found < 0 ? 0 : [...text.slice(0, found)].length + 1;
}

function initcap(text: string): string {
  return text.toLowerCase().replace(/(^| )(\S)/gu, (_, before: string, letter: string) => before + letter.toUpperCase());
}

function sha2(bytes: Uint8Array, bits: number): string | null {
  if (bits !== 0 && bits !== 224 && bits !== 256 && bits !== 384 && bits !== 512) return null;
  return createHash(`sha${bits === 0 ? 256 : bits}`)
    .update(bytes)
    .digest("hex");
}

function levenshtein(a: string, b: string): number {
  const to = [...b];
  let previous = Array.from({ length: to.length + 1 }, (_, i) => i);
  [...a].forEach((letter, i) => {
    const current = [i + 1];
    to.forEach((other, j) => {
      current.push(Math.min((previous[j] ?? 0) + (letter === other ? 0 : 1), (previous[j + 1] ?? 0) + 1, (current[j] ?? 0) + 1));
    });
    previous = current;
  });
  return previous[to.length] ?? 0;
}

function joinTexts(separator: string, parts: readonly (string | null | readonly (string | null)[])[]): string {
  const texts: string[] = [];
  for (const part of parts) {
    if (typeof part === "string") texts.push(part);
    else if (part !== null) texts.push(...part.filter((one) => one !== null));
  }
  return texts.join(separator);
}

const DIRECTIVE = /%(?:(\d+)\$)?([-+ 0,]*)(\d+)?(?:\.(\d+))?([a-zA-Z%])/g;

/** The part of java.util.Formatter that format_string is used for. */
function formatString(pattern: string, values: readonly unknown[], types: readonly string[]): string {
  let next = 0;
  return pattern.replace(
    DIRECTIVE,
    (_all, position: string | undefined, flags: string, width: string | undefined, precision: string | undefined, kind: string) => {
      if (kind === "%") return "%";
      if (kind === "n") return "\n";
      const at = position === undefined ? next++ : Number(position) - 1;
      if (at >= values.length) throw invalidParameter("format_string", "the pattern asks for more arguments than there are", pattern);
      const text = formatOne(kind, values[at], types[at] ?? "", flags, precision);
      const length = Number(width ?? 0);
      if (flags.includes("-")) return text.padEnd(length);
      if (!flags.includes("0") || text.length >= length) return text.padStart(length);
      const sign = /^[+-]/.exec(text)?.[0] ?? "";
      return sign + text.slice(sign.length).padStart(length - sign.length, "0");
    },
  );
}

function formatOne(kind: string, value: unknown, type: string, flags: string, precision: string | undefined): string {
  if (value === null) return "null";
  const grouped = (digits: string): string => (flags.includes(",") ? digits.replace(/\B(?=(\d{3})+(?!\d))/g, ",") : digits);
  const signed = (text: string): string => (flags.includes("+") && !text.startsWith("-") ? `+${text}` : text);
  switch (kind) {
    case "d":
      if (typeof value !== "number" && typeof value !== "bigint")
        throw invalidParameter("format_string", "%d needs a whole number", String(value));
      return signed(grouped(String(value)));
    case "f": {
      const [whole = "", fraction] = Number(value)
        .toFixed(Number(precision ?? 6))
        .split(".");
      return signed(grouped(whole) + (fraction === undefined ? "" : `.${fraction}`));
    }
    case "e":
      return signed(
        Number(value)
          .toExponential(Number(precision ?? 6))
          .replace(/e([+-])(\d)$/, "e$10$2"),
      );
    case "x":
      return BigInt.asUintN(type === "bigint" ? 64 : 32, BigInt(value as number)).toString(16);
    case "X":
      return BigInt.asUintN(type === "bigint" ? 64 : 32, BigInt(value as number))
        .toString(16)
        .toUpperCase();
    case "s":
    case "S": {
      const text = type === "double" || type === "float" ? formatDouble(value as number) : String(value);
      const cut = precision === undefined ? text : text.slice(0, Number(precision));
      return kind === "S" ? cut.toUpperCase() : cut;
    }
    case "c":
      return typeof value === "number" ? String.fromCodePoint(value) : String(value);
    case "b":
      return String(value);
    default:
      throw invalidParameter("format_string", `%${kind} is not known`, kind);
  }
}
