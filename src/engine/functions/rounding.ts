import { arithmeticOverflow } from "../codegen/execution-error.ts";
import { AnalysisError, datatypeMismatch, wrongArgumentCount } from "../columns/analysis-error.ts";
import { castTo, decimalFor, isIntegral } from "../columns/coerce.ts";
import type { ExpressionSettings, Resolved } from "../columns/resolved.ts";
import type { DataType } from "../types/data-type.ts";
import { normalLong, type Long } from "../types/long.ts";
import { halfUp, pow10 } from "../types/number-text.ts";
import type { FunctionEntry, ResolvedCallNode } from "./function-entry.ts";
import { anyNumber, BIGINT, DOUBLE, INT, scalar } from "./scalar.ts";

type Mode = "half-up" | "half-even" | "up" | "down";

/** ceil, floor, round, bround, rint. */
export const rounding: readonly FunctionEntry[] = [
  whole("ceil", "The least whole number that is not less; with digits a decimal.", Math.ceil, "up"),
  whole("ceiling", "The same as ceil.", Math.ceil, "up"),
  whole("floor", "The greatest whole number that is not greater; with digits a decimal.", Math.floor, "down"),
  round("round", "Rounded to so many digits, halves away from zero.", "half-up"),
  round("bround", "Rounded to so many digits, halves to the even neighbour.", "half-even"),
  scalar({
    name: "rint",
    doc: "The nearest whole number as a double, halves to the even one; −0.0 stays.",
    params: [DOUBLE],
    result: DOUBLE,
    run: rint,
  }),
];

/** Bits of the whole-number types. */
const WIDTHS: Readonly<Record<string, number>> = { tinyint: 8, smallint: 16, int: 32, bigint: 64 };

function typeOfFirst(args: readonly Resolved[]): DataType {
  return args[0]?.dataType ?? DOUBLE;
}

function round(name: string, doc: string, mode: Mode): FunctionEntry {
  const entry = scalar({
    name,
    doc,
    params: [anyNumber, INT],
    required: 1,
    result: roundType,
    make: (call, settings) => rounder(call, mode, settings),
  });
  return {
    ...entry,
    resolve(args, options, settings) {
      requireFixedDigits(name, args[1]);
      return entry.resolve(args, options, settings);
    },
  };
}

/** ceil and floor: with digits the argument is read as a decimal and the result is one. */
function whole(name: string, doc: string, double: (x: number) => number, mode: Mode): FunctionEntry {
  const plain = scalar({
    name,
    doc,
    params: [anyNumber],
    result: wholeType,
    make: (call, settings) => wholeOf(call, double, mode, settings),
  });
  const toDigits = scalar({
    name,
    doc,
    params: [anyNumber, INT],
    result: roundType,
    make: (call) => {
      const from = call.args[0]?.dataType;
      const to = call.dataType.type === "decimal" ? call.dataType.scale : 0;
      const scale = from?.type === "decimal" ? from.scale : 0;
      return (value: bigint, digits: number) => roundUnscaled(value, scale, digits, mode, to);
    },
  });
  return {
    name,
    doc,
    resolve(args, options, settings) {
      const [value, digits] = args;
      if (args.length < 1 || args.length > 2 || !value) throw wrongArgumentCount(name, "[1, 2]", args.length);
      if (digits === undefined) return plain.resolve(args, options, settings);
      requireFixedDigits(name, digits);
      const number = anyNumber(value, name, settings);
      return toDigits.resolve([castTo(number, decimalFor(number.dataType), settings), digits], options, settings);
    },
    emit: (call, context) => (call.args.length === 1 ? plain : toDigits).emit(call, context),
  };
}

function requireFixedDigits(name: string, digits: Resolved | undefined): void {
  if (digits === undefined || digits.kind === "literal" || fixedDigits(digits) !== undefined) return;
  const found = "the number of digits depends on the row";
  if (name === "round" || name === "bround")
    throw datatypeMismatch("NON_FOLDABLE_INPUT", `${name}(…)`, found, "Give the digits as a literal.");
  throw new AnalysisError("NON_FOLDABLE_ARGUMENT", {
    failed: `The function \`${name}\` requires the parameter \`scale\` to be a foldable expression`,
    found,
    remedy: "Give the digits as a literal.",
  });
}

function fixedDigits(digits: Resolved | undefined): number | undefined {
  if (digits?.kind === "literal") return typeof digits.value === "number" ? digits.value : undefined;
  if (digits?.kind === "cast") return fixedDigits(digits.input);
  if (digits?.kind !== "call" || digits.entry.name !== "negative") return undefined;
  const inner = fixedDigits(digits.args[0]);
  return inner === undefined ? undefined : -inner;
}

function overflow(what: string): never {
  throw arithmeticOverflow(what);
}

function wholeType(args: readonly Resolved[]): DataType {
  const type = typeOfFirst(args);
  return type.type === "decimal" ? { type: "decimal", precision: Math.min(38, type.precision - type.scale + 1), scale: 0 } : BIGINT;
}

/** NaN is 0; what is beyond 64 bits stops the query (ANSI), or becomes the nearest end, as Java's conversion gives it. */
function wholeOf(
  call: ResolvedCallNode,
  round: (x: number) => number,
  mode: Mode,
  { ansi }: ExpressionSettings,
): (value: never) => unknown {
  const type = call.args[0]?.dataType;
  if (type?.type === "decimal") {
    const { scale } = type;
    return (value: bigint) => roundUnscaled(value, scale, 0, mode, 0);
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

/** One more digit before the point for the carry (RoundBase.dataType). */
function roundType(args: readonly Resolved[]): DataType {
  const type = typeOfFirst(args);
  if (type.type !== "decimal") return type;
  const digits = fixedDigits(args[1]) ?? 0;
  const places = type.precision - type.scale + 1;
  if (digits < 0) return { type: "decimal", precision: Math.min(38, Math.max(places, -digits + 1)), scale: 0 };
  const scale = Math.min(type.scale, digits);
  return { type: "decimal", precision: Math.min(38, places + scale), scale };
}

/** Rounding before the point may leave the type of a whole number: that stops the query (ANSI), or wraps. */
function rounder(call: ResolvedCallNode, mode: Mode, { ansi }: ExpressionSettings): (...values: never[]) => unknown {
  const type = call.args[0]?.dataType ?? DOUBLE;
  if (type.type === "decimal") {
    const to = call.dataType.type === "decimal" ? call.dataType.scale : 0;
    return (value: bigint, digits: number = 0) => roundUnscaled(value, type.scale, digits, mode, to);
  }
  if (isIntegral(type)) {
    const bits = WIDTHS[type.type] ?? 64;
    return (value: Long, digits: number = 0) => {
      if (digits >= 0) return value;
      const rounded = roundUnscaled(BigInt(value), 0, digits, mode, 0);
      const wrapped = BigInt.asIntN(bits, rounded);
      return wrapped === rounded || !ansi ? normalLong(wrapped) : overflow("integer");
    };
  }
  if (type.type === "float") return (value: number, digits: number = 0) => Math.fround(roundDouble(value, digits, mode));
  return (value: number, digits: number = 0) => roundDouble(value, digits, mode);
}

function roundUnscaled(value: bigint, scale: number, digits: number, mode: Mode, to: number): bigint {
  const drop = scale - digits;
  const rounded = drop <= 0 ? value : roundQuotient(value, pow10(drop), mode) * pow10(drop);
  return to >= scale ? rounded * pow10(to - scale) : rounded / pow10(scale - to);
}

/** a / b as a whole number; b > 0. */
export function roundQuotient(a: bigint, b: bigint, mode: Mode): bigint {
  if (mode === "half-up") return halfUp(a, b);
  const cut = a / b;
  const rest = a % b;
  if (rest === 0n) return cut;
  if (mode === "up") return rest > 0n ? cut + 1n : cut;
  if (mode === "down") return rest < 0n ? cut - 1n : cut;
  const twice = (rest < 0n ? -rest : rest) * 2n;
  const away = twice > b || (twice === b && cut % 2n !== 0n);
  return away ? cut + (a < 0n ? -1n : 1n) : cut;
}

/** Spark rounds the decimal text of the double (BigDecimal(x).setScale), not its binary value: 1.005 to two digits is 1.01. */
function roundDouble(value: number, digits: number, mode: Mode): number {
  if (!Number.isFinite(value)) return value;
  const text = String(Math.abs(value));
  const [mantissa = "", exponent = "0"] = text.split("e");
  const [integral = "", fraction = ""] = mantissa.split(".");
  const scale = fraction.length - Number(exponent);
  if (scale <= digits) return value + 0;
  const drop = scale - digits;
  const unscaled = BigInt(integral + fraction);
  const rounded = drop > 400 ? 0n : roundQuotient(unscaled, pow10(drop), mode);
  const size = Number(`${rounded}e${-digits}`);
  return value < 0 ? 0 - size : size;
}

function rint(value: number): number {
  const low = Math.floor(value);
  if (value - low !== 0.5) return Math.abs(value) < 0.5 ? value * 0 : Math.round(value);
  const even = low % 2 === 0 ? low : low + 1;
  return even === 0 ? value * 0 : even;
}
