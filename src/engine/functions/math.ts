import { arithmeticOverflow } from "../codegen/execution-error.ts";
import type { ExpressionSettings, Resolved } from "../columns/resolved.ts";
import type { DataType } from "../types/data-type.ts";
import { normalLong, type Long } from "../types/long.ts";
import type { FunctionEntry, ResolvedCallNode } from "./function-entry.ts";
import { anyNumber, BIGINT, DOUBLE, INT, scalar } from "./scalar.ts";

/** Mathematical functions; over doubles NaN stays NaN, logarithms of what has none are null. */
export const math: readonly FunctionEntry[] = [
  scalar({ name: "abs", doc: "The size without the sign.", params: [anyNumber], result: typeOfFirst, make: absOf }),
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
  ofDouble("sec", "The secant.", (x) => 1 / Math.cos(x)),
  ofDouble("csc", "The cosecant.", (x) => 1 / Math.sin(x)),
  ofDouble("asin", "The angle of a sine.", Math.asin),
  ofDouble("acos", "The angle of a cosine.", Math.acos),
  ofDouble("atan", "The angle of a tangent.", Math.atan),
  ofDouble("sinh", "The hyperbolic sine.", Math.sinh),
  ofDouble("cosh", "The hyperbolic cosine.", Math.cosh),
  ofDouble("tanh", "The hyperbolic tangent.", Math.tanh),
  ofDouble("asinh", "The inverse hyperbolic sine.", Math.asinh),
  ofDouble("acosh", "The inverse hyperbolic cosine.", Math.acosh),
  ofDouble("atanh", "The inverse hyperbolic tangent.", Math.atanh),
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
  scalar({
    name: "factorial",
    doc: "The factorial of a number from 0 to 20, null of others.",
    params: [INT],
    result: BIGINT,
    partial: true,
    run: (n: number) => FACTORIALS[n] ?? null,
  }),
  scalar({
    name: "width_bucket",
    doc: "The number of the bucket that holds the first, of so many equal ones between two ends; 0 and one more beyond them.",
    params: [DOUBLE, DOUBLE, DOUBLE, BIGINT],
    result: BIGINT,
    partial: true,
    run: widthBucket,
  }),
];

const FACTORIALS: readonly Long[] = Array.from({ length: 21 }, (_, n) => {
  let product = 1n;
  for (let i = 2n; i <= BigInt(n); i++) product *= i;
  return normalLong(product);
});

function widthBucket(value: number, from: number, to: number, buckets: Long): number | null {
  const count = Number(buckets);
  if (count <= 0 || count >= 2 ** 63 || Number.isNaN(value) || from === to || !Number.isFinite(from) || !Number.isFinite(to)) return null;
  const before = from < to ? value < from : value > from;
  if (before) return 0;
  const beyond = from < to ? value >= to : value <= to;
  return beyond ? count + 1 : Math.trunc((count * (value - from)) / (to - from)) + 1;
}

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
