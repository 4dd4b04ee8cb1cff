import { arithmeticOverflow } from "../codegen/execution-error.ts";
import { isIntegral } from "../columns/coerce.ts";
import type { ExpressionSettings, Resolved } from "../columns/resolved.ts";
import type { DataType } from "../types/data-type.ts";
import { normalLong, type Long } from "../types/long.ts";
import { halfUp, pow10 } from "../types/number-text.ts";
import type { FunctionEntry, ResolvedCallNode } from "./function-entry.ts";
import { anyNumber, BIGINT, DOUBLE, INT, scalar, STRING } from "./scalar.ts";

/** Mathematical functions; over doubles NaN stays NaN, logarithms of what has none are null. */
export const math: readonly FunctionEntry[] = [
  scalar({ name: "abs", doc: "The size without the sign.", params: [anyNumber], result: typeOfFirst, make: absOf }),
  scalar({
    name: "ceil",
    doc: "The least whole number that is not less.",
    params: [anyNumber],
    result: wholeType,
    make: (call, settings) => wholeOf(call, Math.ceil, 1n, settings),
  }),
  scalar({
    name: "ceiling",
    doc: "The same as ceil.",
    params: [anyNumber],
    result: wholeType,
    make: (call, settings) => wholeOf(call, Math.ceil, 1n, settings),
  }),
  scalar({
    name: "floor",
    doc: "The greatest whole number that is not greater.",
    params: [anyNumber],
    result: wholeType,
    make: (call, settings) => wholeOf(call, Math.floor, 0n, settings),
  }),
  scalar({
    name: "round",
    doc: "Rounded to so many digits, halves away from zero.",
    params: [anyNumber, INT],
    required: 1,
    result: roundType,
    make: (call, settings) => rounding(call, false, settings),
  }),
  scalar({
    name: "bround",
    doc: "Rounded to so many digits, halves to the even neighbour.",
    params: [anyNumber, INT],
    required: 1,
    result: roundType,
    make: (call, settings) => rounding(call, true, settings),
  }),
  scalar({
    name: "rint",
    doc: "The nearest whole number as a double, halves to the even one.",
    params: [DOUBLE],
    result: DOUBLE,
    run: (x: number) => roundDouble(x, 0, true),
  }),
  ofDouble("sqrt", "The square root.", Math.sqrt),
  ofDouble("cbrt", "The cube root.", Math.cbrt),
  ofDouble("exp", "e to the power.", Math.exp),
  ofDouble("expm1", "e to the power, less 1.", Math.expm1),
  logarithm("ln", "The natural logarithm, null for what is not positive.", Math.log, 0),
  logarithm("log10", "The logarithm to base 10.", Math.log10, 0),
  logarithm("log2", "The logarithm to base 2.", Math.log2, 0),
  logarithm("log1p", "The natural logarithm of 1 + x.", Math.log1p, -1),
  scalar({
    name: "log",
    doc: "The natural logarithm; log(base, x) to another base.",
    params: [DOUBLE, DOUBLE],
    required: 1,
    result: DOUBLE,
    partial: true,
    run: logOf,
  }),
  scalar({ name: "power", doc: "x to the power of y.", params: [DOUBLE, DOUBLE], result: DOUBLE, run: power }),
  scalar({ name: "pow", doc: "The same as power.", params: [DOUBLE, DOUBLE], result: DOUBLE, run: power }),
  ofDouble("signum", "−1, 0 or 1 by the sign.", Math.sign),
  ofDouble("sign", "The same as signum.", Math.sign),
  ofDouble("sin", "The sine.", Math.sin),
  ofDouble("cos", "The cosine.", Math.cos),
  ofDouble("tan", "The tangent.", Math.tan),
  ofDouble("cot", "The cotangent.", (x) => 1 / Math.tan(x)),
  ofDouble("asin", "The angle of a sine.", Math.asin),
  ofDouble("acos", "The angle of a cosine.", Math.acos),
  ofDouble("atan", "The angle of a tangent.", Math.atan),
  ofDouble("sinh", "The hyperbolic sine.", Math.sinh),
  ofDouble("cosh", "The hyperbolic cosine.", Math.cosh),
  ofDouble("tanh", "The hyperbolic tangent.", Math.tanh),
  ofDouble("degrees", "Radians as degrees.", (x) => (x * 180) / Math.PI),
  ofDouble("radians", "Degrees as radians.", (x) => (x / 180) * Math.PI),
  scalar({
    name: "atan2",
    doc: "The angle of a point (y, x).",
    params: [DOUBLE, DOUBLE],
    result: DOUBLE,
    inline: ([y, x]) => `Math.atan2(${y} + 0, ${x} + 0)`,
    total: true,
  }),
  scalar({
    name: "hypot",
    doc: "The length of the diagonal.",
    params: [DOUBLE, DOUBLE],
    result: DOUBLE,
    inline: ([a, b]) => `Math.hypot(${a}, ${b})`,
    total: true,
  }),
  scalar({ name: "pi", doc: "The number π.", params: [], result: DOUBLE, inline: () => "Math.PI" }),
  scalar({ name: "e", doc: "Euler's number.", params: [], result: DOUBLE, inline: () => "Math.E" }),
  scalar({ name: "hex", doc: "A whole number, text or bytes as hexadecimal text.", params: [(arg) => arg], result: STRING, run: hex }),
  scalar({
    name: "bin",
    doc: "A whole number in binary.",
    params: [BIGINT],
    result: STRING,
    run: (n: Long) => BigInt.asUintN(64, BigInt(n)).toString(2),
  }),
  scalar({
    name: "conv",
    doc: "A number as text from one base to another.",
    params: [STRING, INT, INT],
    result: STRING,
    run: conv,
    partial: true,
  }),
];

/** Bits of the whole-number types. */
const WIDTHS: Readonly<Record<string, number>> = { tinyint: 8, smallint: 16, int: 32, bigint: 64 };

function typeOfFirst(args: readonly Resolved[]): DataType {
  return args[0]?.dataType ?? DOUBLE;
}

function ofDouble(name: string, doc: string, run: (x: number) => number): FunctionEntry {
  const known = (Math as unknown as Record<string, unknown>)[name] === run ? `Math.${name}` : undefined;
  if (known === undefined) return scalar({ name, doc, params: [DOUBLE], result: DOUBLE, run });
  return scalar({ name, doc, params: [DOUBLE], result: DOUBLE, inline: ([x]) => `${known}(${x})`, total: true });
}

function logarithm(name: string, doc: string, run: (x: number) => number, above: number): FunctionEntry {
  return scalar({ name, doc, params: [DOUBLE], result: DOUBLE, partial: true, run: (x: number) => (x <= above ? null : run(x)) });
}

function logOf(a: number, b?: number): number | null {
  if (b === undefined) return a <= 0 ? null : Math.log(a);
  return a <= 0 || b <= 0 ? null : Math.log(b) / Math.log(a);
}

/** Java's pow: 1 to the power of NaN is NaN there and in JavaScript alike. */
function power(x: number, y: number): number {
  return Math.pow(x, y);
}

function absOf(call: ResolvedCallNode, { ansi }: ExpressionSettings): (value: never) => unknown {
  const type = call.dataType.type;
  if (type === "decimal") return (value: bigint) => (value < 0n ? -value : value);
  const bits = WIDTHS[type];
  if (bits === undefined) return Math.abs;
  const least = -(2 ** (bits - 1));
  return (value: Long) => {
    if (value >= 0) return value;
    if (bits < 64 ? value === least : value === -(2n ** 63n)) return ansi ? overflow(bits < 64 ? "integer" : "long") : value;
    return typeof value === "bigint" ? normalLong(-value) : -value;
  };
}

function overflow(what: string): never {
  throw arithmeticOverflow(what);
}

function wholeType(args: readonly Resolved[]): DataType {
  const type = typeOfFirst(args);
  return type.type === "decimal" ? { type: "decimal", precision: Math.min(38, type.precision - type.scale + 1), scale: 0 } : BIGINT;
}

/** ceil and floor: NaN is 0; what is beyond 64 bits stops the query (ANSI), or becomes the nearest end, as Java's conversion gives it. */
function wholeOf(
  call: ResolvedCallNode,
  round: (x: number) => number,
  up: bigint,
  { ansi }: ExpressionSettings,
): (value: never) => unknown {
  const type = call.args[0]?.dataType;
  if (type?.type === "decimal") {
    const unit = pow10(type.scale);
    return (value: bigint) => {
      const cut = value / unit;
      const rest = value % unit;
      if (rest === 0n) return cut;
      return rest > 0n ? cut + up : cut - (1n - up);
    };
  }
  if (type && isIntegral(type)) return (value: Long) => value;
  return (value: number) => (ansi && Math.abs(value) > 2 ** 63 ? overflow("long") : toLong(round(value)));
}

function toLong(value: number): Long {
  if (Number.isSafeInteger(value)) return value + 0;
  if (Number.isNaN(value)) return 0;
  if (value >= 2 ** 63) return 2n ** 63n - 1n;
  if (value <= -(2 ** 63)) return -(2n ** 63n);
  return normalLong(BigInt(value));
}

function digitsOf(args: readonly Resolved[]): number {
  const digits = args[1];
  return digits?.kind === "literal" && typeof digits.value === "number" ? digits.value : 0;
}

function roundType(args: readonly Resolved[]): DataType {
  const type = typeOfFirst(args);
  if (type.type !== "decimal") return type;
  const digits = digitsOf(args);
  const whole = type.precision - type.scale + 1;
  if (digits < 0) return { type: "decimal", precision: Math.min(38, Math.max(whole, -digits + 1)), scale: 0 };
  const scale = Math.min(type.scale, digits);
  return { type: "decimal", precision: Math.min(38, whole + scale), scale };
}

/** Rounding before the point may leave the type of a whole number: that stops the query (ANSI), or wraps. */
function rounding(call: ResolvedCallNode, even: boolean, { ansi }: ExpressionSettings): (...values: never[]) => unknown {
  const type = call.args[0]?.dataType ?? DOUBLE;
  if (type.type === "decimal") {
    const to = call.dataType.type === "decimal" ? call.dataType.scale : 0;
    return (value: bigint, digits: number = 0) => roundUnscaled(value, type.scale, digits, even, to);
  }
  if (isIntegral(type)) {
    const bits = WIDTHS[type.type] ?? 64;
    return (value: Long, digits: number = 0) => {
      if (digits >= 0) return value;
      const rounded = roundUnscaled(BigInt(value), 0, digits, even, 0);
      const wrapped = BigInt.asIntN(bits, rounded);
      return wrapped === rounded || !ansi ? normalLong(wrapped) : overflow("integer");
    };
  }
  if (type.type === "float") return (value: number, digits: number = 0) => Math.fround(roundDouble(value, digits, even));
  return (value: number, digits: number = 0) => roundDouble(value, digits, even);
}

function roundUnscaled(value: bigint, scale: number, digits: number, even: boolean, to: number): bigint {
  const drop = scale - digits;
  const rounded = drop <= 0 ? value : roundQuotient(value, pow10(drop), even) * pow10(drop);
  return to >= scale ? rounded * pow10(to - scale) : rounded / pow10(scale - to);
}

function roundQuotient(a: bigint, b: bigint, even: boolean): bigint {
  if (!even) return halfUp(a, b);
  const cut = a / b;
  const rest = (a < 0n ? -a : a) % b;
  const up = rest * 2n > b || (rest * 2n === b && cut % 2n !== 0n);
  return up ? cut + (a < 0n ? -1n : 1n) : cut;
}

/** Spark rounds the decimal text of the double (BigDecimal(x).setScale), not its binary value: 1.005 to two digits is 1.01. */
function roundDouble(value: number, digits: number, even: boolean): number {
  if (!Number.isFinite(value)) return value;
  const text = String(Math.abs(value));
  const [mantissa = "", exponent = "0"] = text.split("e");
  const [whole = "", fraction = ""] = mantissa.split(".");
  const scale = fraction.length - Number(exponent);
  if (scale <= digits) return value + 0;
  const drop = scale - digits;
  const unscaled = BigInt(whole + fraction);
  const rounded = drop > 400 ? 0n : roundQuotient(unscaled, pow10(drop), even);
  const size = Number(`${rounded}e${-digits}`);
  return value < 0 ? 0 - size : size;
}

function hex(value: Long | string | Uint8Array): string {
  if (typeof value === "string") return Buffer.from(value, "utf8").toString("hex").toUpperCase();
  if (value instanceof Uint8Array) return Buffer.from(value).toString("hex").toUpperCase();
  return BigInt.asUintN(64, BigInt(value)).toString(16).toUpperCase();
}

function conv(text: string, from: number, to: number): string | null {
  if (from < 2 || from > 36 || Math.abs(to) < 2 || Math.abs(to) > 36) return null;
  const trimmed = text.trim();
  const negative = trimmed.startsWith("-");
  let value = 0n;
  for (const letter of negative ? trimmed.slice(1) : trimmed) {
    const digit = parseInt(letter, from);
    if (Number.isNaN(digit)) break;
    value = value * BigInt(from) + BigInt(digit);
  }
  if (trimmed === "") return null;
  const unsigned = BigInt.asUintN(64, negative ? -value : value);
  if (to > 0) return unsigned.toString(to).toUpperCase();
  return BigInt.asIntN(64, unsigned).toString(-to).toUpperCase();
}
