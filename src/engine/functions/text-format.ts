import { QueryExecutionError } from "../codegen/execution-error.ts";
import { valueOrNull } from "../codegen/emit.ts";
import { wrongArgumentCount } from "../columns/analysis-error.ts";
import type { ExpressionSettings, Resolved } from "../columns/resolved.ts";
import type { DataType } from "../types/data-type.ts";
import type { Long } from "../types/long.ts";
import { formatDecimal, formatDouble, formatFloat, pow10 } from "../types/number-text.ts";
import { murmurValue } from "../types/murmur-hash.ts";
import { valueText } from "../types/value-text.ts";
import type { FunctionEntry } from "./function-entry.ts";
import { roundQuotient } from "./rounding.ts";
import { anyNumber, implicitCast, INT, scalar, STRING } from "./scalar.ts";

/** Text from values by a pattern. */
export const textFormat: readonly FunctionEntry[] = [
  formatting("format_string", "printf: %d, %s, %.2f and their kin (java.util.Formatter)."),
  formatting("printf", "The same as format_string."),
  scalar({
    name: "format_number",
    doc: "A number with groups of three digits and so many decimal places (or by a pattern such as #,##0.00), halves to the even neighbour.",
    params: [anyNumber, placesOrPattern],
    result: STRING,
    partial: true,
    make: (call) => numberFormatter(call.args[0]?.dataType ?? INT),
  }),
];

function formatting(name: string, doc: string): FunctionEntry {
  return {
    name,
    doc,
    resolve(args, _options, settings) {
      const [pattern, ...rest] = args;
      if (!pattern) throw wrongArgumentCount(name, "> 0", 0);
      return { args: [implicitCast(pattern, STRING, name, settings), ...rest], dataType: STRING, nullable: pattern.nullable };
    },
    emit(call, context) {
      const [pattern, ...rest] = call.args.map((arg) => context.emit(arg));
      if (!pattern || pattern.isNull === "true") return { value: "null", isNull: "true" };
      const types = call.args.slice(1).map((arg) => arg.dataType);
      const format = context.writer.constant("format", formatString);
      const text = `${format}(${pattern.value}, [${rest.map(valueOrNull).join(", ")}], ${context.writer.constant("types", types)})`;
      return { value: pattern.isNull === "false" ? text : `(${pattern.isNull} ? "" : ${text})`, isNull: pattern.isNull };
    },
  };
}

interface Directive {
  readonly all: string;
  readonly flags: string;
  readonly width: number;
  readonly precision: number | undefined;
  readonly kind: string;
}

const DIRECTIVE = /%(?:(\d+)\$|(<))?([-#+ 0,(]*)(\d+)?(?:\.(\d+))?([a-zA-Z%])/g;

function refused(all: string, why: string): QueryExecutionError {
  return new QueryExecutionError("INVALID_PARAMETER_VALUE.PATTERN", {
    failed: `format_string cannot write ${all}`,
    found: why,
    remedy: "Correct the pattern, or cast the argument to the type that the directive takes.",
  });
}

/** The part of java.util.Formatter that format_string is used for. */
function formatString(pattern: string, values: readonly unknown[], types: readonly DataType[]): string {
  let next = 0;
  let last = -1;
  let end = 0;
  let out = "";
  for (const match of pattern.matchAll(DIRECTIVE)) {
    out += literalPart(pattern.slice(end, match.index));
    end = match.index + match[0].length;
    const [all, position, again, flags = "", width, precision, kind = ""] = match;
    const directive: Directive = {
      all,
      flags,
      width: Number(width ?? 0),
      precision: precision === undefined ? undefined : Number(precision),
      kind,
    };
    if (kind === "n") {
      out += "\n";
    } else if (kind === "%") {
      out += aligned("%", directive);
    } else {
      last = again !== undefined ? last : position === undefined ? next++ : Number(position) - 1;
      if (last < 0 || last >= values.length) throw refused(all, "there is no argument for it");
      out += formatOne(directive, values[last], types[last] ?? STRING);
    }
  }
  return out + literalPart(pattern.slice(end));
}

function literalPart(text: string): string {
  if (text.includes("%")) throw refused(text, "the directive is not known");
  return text;
}

function aligned(text: string, { flags, width }: Directive): string {
  return flags.includes("-") ? text.padEnd(width) : text.padStart(width);
}

const INTEGRAL = ["tinyint", "smallint", "int", "bigint"];

function formatOne(directive: Directive, value: unknown, type: DataType): string {
  const { kind, precision } = directive;
  const lower = kind.toLowerCase();
  const upper = kind !== lower;
  const finish = (text: string): string => aligned(upper ? text.toUpperCase() : text, directive);
  if (lower === "b") return finish(cut(value === null ? "false" : type.type === "boolean" ? String(value) : "true", precision));
  if (lower === "s") return finish(cut(value === null ? "null" : javaText(value, type), precision));
  if (value === null) return finish(cut("null", lower === "d" || lower === "c" ? undefined : precision));
  switch (lower) {
    case "h":
      return finish(javaHash(value, type).toString(16));
    case "c":
      if (!INTEGRAL.includes(type.type) || type.type === "bigint") throw refused(directive.all, `an argument of type ${type.type}`);
      return finish(String.fromCodePoint(value as number));
    case "d":
    case "o":
    case "x":
      if (!INTEGRAL.includes(type.type)) throw refused(directive.all, `an argument of type ${type.type}`);
      return lower === "d"
        ? numeric(BigInt(value as Long) < 0n, digitsOf(value as Long), directive)
        : radix(value as Long, type, directive);
    case "e":
    case "f":
    case "g":
      if (type.type !== "double" && type.type !== "float") throw refused(directive.all, `an argument of type ${type.type}`);
      return fraction(value as number, directive);
    default:
      throw refused(directive.all, "the directive is not known");
  }
}

function cut(text: string, precision: number | undefined): string {
  return precision === undefined ? text : text.slice(0, precision);
}

function digitsOf(value: Long): string {
  return String(value < 0 ? -value : value);
}

/** What toString gives for Spark's own values: a date is its number of days, a timestamp its microseconds. */
function javaText(value: unknown, type: DataType): string {
  switch (type.type) {
    case "double":
      return formatDouble(value as number);
    case "float":
      return formatFloat(value as number);
    case "decimal":
      return formatDecimal(value as bigint, type.scale);
    case "string":
    case "boolean":
    case "date":
    case "timestamp":
      return String(value);
    default:
      return valueText(value, type);
  }
}

function javaHash(value: unknown, type: DataType): number {
  if (type.type === "boolean") return value === true ? 1231 : 1237;
  if (type.type === "bigint") {
    const bits = BigInt.asUintN(64, BigInt(value as Long));
    return Number((bits ^ (bits >> 32n)) & 0xffffffffn);
  }
  if (typeof value === "number" && INTEGRAL.includes(type.type)) return value >>> 0;
  return murmurValue(value, type, 42) >>> 0;
}

/** Digits with their sign, groups, and zeros or blanks up to the width. */
function numeric(negative: boolean, digits: string, directive: Directive): string {
  const { flags, width, kind } = directive;
  let body = digits;
  if (flags.includes(",")) {
    const [whole = "", ...rest] = digits.split(/(?=[.e])/);
    body = whole.replace(/\B(?=(\d{3})+(?!\d))/g, ",") + rest.join("");
  }
  const before = negative ? (flags.includes("(") ? "(" : "-") : flags.includes("+") ? "+" : flags.includes(" ") ? " " : "";
  const after = negative && flags.includes("(") ? ")" : "";
  if (flags.includes("0")) body = body.padStart(width - before.length - after.length, "0");
  return aligned(kind === kind.toLowerCase() ? before + body + after : (before + body + after).toUpperCase(), directive);
}

const BITS: Readonly<Record<string, number>> = { tinyint: 8, smallint: 16, int: 32, bigint: 64 };

function radix(value: Long, type: DataType, directive: Directive): string {
  const octal = directive.kind === "o";
  const digits = BigInt.asUintN(BITS[type.type] ?? 64, BigInt(value)).toString(octal ? 8 : 16);
  const prefix = directive.flags.includes("#") ? (octal ? "0" : "0x") : "";
  const body = prefix + (directive.flags.includes("0") ? digits.padStart(directive.width - prefix.length, "0") : digits);
  return aligned(directive.kind === "X" ? body.toUpperCase() : body, directive);
}

function fraction(value: number, directive: Directive): string {
  const { kind, precision = 6, flags } = directive;
  const negative = value < 0 || Object.is(value, -0);
  const cased = (text: string): string => (kind === kind.toLowerCase() ? text : text.toUpperCase());
  if (Number.isNaN(value)) return aligned(cased("NaN"), directive);
  if (!Number.isFinite(value)) {
    const sign = negative ? (flags.includes("(") ? "(" : "-") : flags.includes("+") ? "+" : "";
    return aligned(cased(`${sign}Infinity${sign === "(" ? ")" : ""}`), directive);
  }
  const [digits, exponent] = decimalDigits(Math.abs(value));
  const lower = kind.toLowerCase();
  if (lower === "f") return numeric(negative, fixed(digits, exponent, precision), directive);
  if (lower === "e") return numeric(negative, scientific(digits, exponent, precision), directive);
  const significant = precision === 0 ? 1 : precision;
  const size = Number(scientific(digits, exponent, significant - 1));
  if (size === 0) return numeric(negative, fixed("0", 0, significant - 1), directive);
  if (size < 1e-4 || size >= 10 ** significant) return numeric(negative, scientific(digits, exponent, significant - 1), directive);
  return numeric(negative, fixed(digits, exponent, significant - 1 - Math.floor(Math.log10(size))), directive);
}

/** The shortest digits of a number and the power of ten of the last one. */
function decimalDigits(value: number): [digits: string, exponent: number] {
  const text = formatDouble(value);
  const [mantissa = "", exponent = "0"] = text.split("E");
  const [whole = "", rest = ""] = mantissa.split(".");
  const cutRest = rest.replace(/0+$/, "");
  return [whole + cutRest, Number(exponent) - cutRest.length];
}

function fixed(digits: string, exponent: number, places: number): string {
  const drop = -exponent - places;
  const unscaled =
    drop > 0
      ? drop > digits.length + 1
        ? 0n
        : roundQuotient(BigInt(digits), pow10(drop), "half-up")
      : BigInt(digits) * 10n ** BigInt(-drop);
  return formatDecimal(unscaled, places);
}

function scientific(digits: string, exponent: number, places: number): string {
  const plain = digits.replace(/^0+/, "");
  if (plain === "") return `${formatDecimal(0n, places)}e+00`;
  let power = exponent + plain.length - 1;
  const drop = plain.length - 1 - places;
  let unscaled = drop > 0 ? roundQuotient(BigInt(plain), pow10(drop), "half-up") : BigInt(plain) * 10n ** BigInt(-drop);
  if (String(unscaled).length > places + 1) {
    unscaled /= 10n;
    power++;
  }
  return `${formatDecimal(unscaled, places)}e${power < 0 ? "-" : "+"}${String(Math.abs(power)).padStart(2, "0")}`;
}

function placesOrPattern(arg: Resolved, name: string, settings: ExpressionSettings): Resolved {
  return arg.dataType.type === "string" ? arg : implicitCast(arg, INT, name, settings);
}

interface NumberPattern {
  readonly before: string;
  readonly after: string;
  readonly group: number;
  readonly whole: number;
  readonly least: number;
  readonly most: number;
}

function numberFormatter(type: DataType): (value: never, places: never) => string | null {
  const patterns = new Map<string, NumberPattern>();
  const read = (places: number | string): NumberPattern => {
    if (typeof places === "number") return { before: "", after: "", group: 3, whole: 1, least: places, most: places };
    let known = patterns.get(places);
    if (known === undefined) {
      known = numberPattern(places);
      patterns.set(places, known);
    }
    return known;
  };
  return (value: Long | bigint | number, places: number | string) => {
    if (typeof places === "number" && places < 0) return null;
    const pattern = read(places);
    if (type.type === "double" || type.type === "float") {
      const number = value as number;
      if (Number.isNaN(number)) return "NaN";
      const sign = number < 0 || Object.is(number, -0) ? "-" : "";
      if (!Number.isFinite(number)) return `${sign}${pattern.before}∞${pattern.after}`;
      return sign + patterned(evenly(Math.abs(number), pattern.most), pattern);
    }
    const scale = type.type === "decimal" ? type.scale : 0;
    const unscaled = BigInt(value);
    const size = unscaled < 0n ? -unscaled : unscaled;
    const rounded =
      scale <= pattern.most ? size * pow10(pattern.most - scale) : roundQuotient(size, pow10(scale - pattern.most), "half-even");
    return (unscaled < 0n ? "-" : "") + patterned(rounded, pattern);
  };
}

/** The shortest digits, rounded; a half is one only if the number itself is exactly there (java.text.DecimalFormat). */
function evenly(value: number, places: number): bigint {
  const [digits, exponent] = decimalDigits(value);
  const drop = -exponent - places;
  const unscaled = BigInt(digits);
  if (drop <= 0) return unscaled * 10n ** BigInt(-drop);
  if (drop > digits.length + 1) return 0n;
  const unit = pow10(drop);
  const cut = unscaled / unit;
  if ((unscaled % unit) * 2n !== unit) return roundQuotient(unscaled, unit, "half-even");
  const difference = comparedToHalf(value, cut * 2n + 1n, places);
  if (difference === 0) return cut % 2n === 0n ? cut : cut + 1n;
  return difference > 0 ? cut + 1n : cut;
}

/** The sign of value − twice / (2 · 10^places), exactly. */
function comparedToHalf(value: number, twice: bigint, places: number): number {
  let shift = 0;
  let scaled = value;
  while (!Number.isInteger(scaled)) {
    scaled *= 2;
    shift++;
  }
  const left = BigInt(scaled) * 2n * pow10(places);
  const right = twice << BigInt(shift);
  return left < right ? -1 : left > right ? 1 : 0;
}

function patterned(rounded: bigint, pattern: NumberPattern): string {
  const [whole = "", rest = ""] = formatDecimal(rounded, pattern.most).split(".");
  let places = rest;
  while (places.length > pattern.least && places.endsWith("0")) places = places.slice(0, -1);
  let head = whole.padStart(pattern.whole, "0");
  if (pattern.group > 0) head = head.replace(new RegExp(`\\B(?=(\\d{${pattern.group}})+(?!\\d))`, "g"), ",");
  return `${pattern.before}${head}${places === "" ? "" : `.${places}`}${pattern.after}`;
}

function numberPattern(text: string): NumberPattern {
  const match = /^([^#0,.]*)([#0,]*)(?:\.([#0]*))?([^#0,.]*)$/.exec(text);
  const [, before = "", whole = "", places = "", after = ""] = match ?? [];
  if (match === null || !/^[#,]*[0,]*$/.test(whole) || !/^0*#*$/.test(places)) throw refused(text, "the number pattern is not understood");
  const group = whole.includes(",") ? whole.length - 1 - whole.lastIndexOf(",") : 0;
  const zeros = [...whole].filter((letter) => letter === "0").length;
  const least = [...places].filter((letter) => letter === "0").length;
  return { before, after, group, whole: zeros === 0 && text.includes(".") && whole !== "" ? 1 : zeros, least, most: places.length };
}
