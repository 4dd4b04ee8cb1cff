import type { AnyColumn, Operand } from "../../columns/column.ts";
import { call, type Column } from "../../columns/column.ts";
import type { Long } from "../../types/schema-builder.ts";
import { given } from "./arguments.ts";

/** The same as %. */
export function mod<T>(a: Column<T>, b: Operand<T>): Column<T> {
  return call("mod", [a, b]);
}
/** The remainder that is not negative for a positive divisor. */
export function pmod<T>(a: Column<T>, b: Operand<T>): Column<T> {
  return call("pmod", [a, b]);
}
/** The sum, null where it does not fit. */
export function tryAdd<T>(a: Column<T>, b: Operand<T>): Column<T> {
  return call("try_add", [a, b]);
}
/** The difference, null where it does not fit. */
export function trySubtract<T>(a: Column<T>, b: Operand<T>): Column<T> {
  return call("try_subtract", [a, b]);
}
/** The product, null where it does not fit. */
export function tryMultiply<T>(a: Column<T>, b: Operand<T>): Column<T> {
  return call("try_multiply", [a, b]);
}
/** The quotient, null where the divisor is 0. */
export function tryDivide(a: AnyColumn, b: Operand<number>): Column<number> {
  return call("try_divide", [a, b]);
}
/** The remainder, null where the divisor is 0. */
export function tryMod<T>(a: Column<T>, b: Operand<T>): Column<T> {
  return call("try_mod", [a, b]);
}
/** The number with the other sign. */
export function negative<T>(value: Column<T>): Column<T> {
  return call("negative", [value]);
}
/** The number itself. */
export function positive<T>(value: Column<T>): Column<T> {
  return call("positive", [value]);
}
/** The size without the sign. */
export function abs<T>(column: Column<T>): Column<T> {
  return call("abs", [column]);
}
/** The square root. */
export function sqrt(column: AnyColumn): Column<number> {
  return call("sqrt", [column]);
}
/** The cube root. */
export function cbrt(value: AnyColumn): Column<number> {
  return call("cbrt", [value]);
}
/** e to the power. */
export function exp(column: AnyColumn): Column<number> {
  return call("exp", [column]);
}
/** e to the power, less 1. */
export function expm1(value: AnyColumn): Column<number> {
  return call("expm1", [value]);
}
/** The natural logarithm, null for what is not positive. */
export function ln(column: AnyColumn): Column<number> {
  return call("ln", [column]);
}
/** The logarithm to base 10. */
export function log10(column: AnyColumn): Column<number> {
  return call("log10", [column]);
}
/** The logarithm to base 2. */
export function log2(column: AnyColumn): Column<number> {
  return call("log2", [column]);
}
/** The natural logarithm of 1 + x. */
export function log1p(value: AnyColumn): Column<number> {
  return call("log1p", [value]);
}
/** The natural logarithm; log(base, x) to another base. */
export function log(value: AnyColumn, of?: AnyColumn): Column<number> {
  return call("log", [value, ...given(of)]);
}
/** x to the power of y. */
export function power(base: AnyColumn, exponent: Operand<number>): Column<number> {
  return call("power", [base, exponent]);
}
/** The same as power. */
export function pow(base: AnyColumn, exponent: Operand<number>): Column<number> {
  return call("power", [base, exponent]);
}
/** −1, 0 or 1 by the sign. */
export function signum(column: AnyColumn): Column<number> {
  return call("signum", [column]);
}
/** The same as signum. */
export function sign(value: AnyColumn): Column<number> {
  return call("sign", [value]);
}
/** The sine. */
export function sin(column: AnyColumn): Column<number> {
  return call("sin", [column]);
}
/** The cosine. */
export function cos(column: AnyColumn): Column<number> {
  return call("cos", [column]);
}
/** The tangent. */
export function tan(column: AnyColumn): Column<number> {
  return call("tan", [column]);
}
/** The cotangent. */
export function cot(angle: AnyColumn): Column<number> {
  return call("cot", [angle]);
}
/** The secant. */
export function sec(angle: AnyColumn): Column<number> {
  return call("sec", [angle]);
}
/** The cosecant. */
export function csc(angle: AnyColumn): Column<number> {
  return call("csc", [angle]);
}
/** The angle of a sine. */
export function asin(column: AnyColumn): Column<number> {
  return call("asin", [column]);
}
/** The angle of a cosine. */
export function acos(column: AnyColumn): Column<number> {
  return call("acos", [column]);
}
/** The angle of a tangent. */
export function atan(column: AnyColumn): Column<number> {
  return call("atan", [column]);
}
/** The hyperbolic sine. */
export function sinh(value: AnyColumn): Column<number> {
  return call("sinh", [value]);
}
/** The hyperbolic cosine. */
export function cosh(value: AnyColumn): Column<number> {
  return call("cosh", [value]);
}
/** The hyperbolic tangent. */
export function tanh(value: AnyColumn): Column<number> {
  return call("tanh", [value]);
}
/** The inverse hyperbolic sine. */
export function asinh(value: AnyColumn): Column<number> {
  return call("asinh", [value]);
}
/** The inverse hyperbolic cosine. */
export function acosh(value: AnyColumn): Column<number> {
  return call("acosh", [value]);
}
/** The inverse hyperbolic tangent. */
export function atanh(value: AnyColumn): Column<number> {
  return call("atanh", [value]);
}
/** Radians as degrees. */
export function degrees(angle: AnyColumn): Column<number> {
  return call("degrees", [angle]);
}
/** Degrees as radians. */
export function radians(angle: AnyColumn): Column<number> {
  return call("radians", [angle]);
}
/** The angle of a point (y, x). */
export function atan2(y: Operand<number>, x: Operand<number>): Column<number> {
  return call("atan2", [y, x]);
}
/** The length of the diagonal. */
export function hypot(a: AnyColumn, b: Operand<number>): Column<number> {
  return call("hypot", [a, b]);
}
/** The number π. */
export function pi(): Column<number> {
  return call("pi", []);
}
/** Euler's number. */
export function e(): Column<number> {
  return call("e", []);
}
/** The factorial of a number from 0 to 20, null of others. */
export function factorial(value: AnyColumn): Column<Long> {
  return call("factorial", [value]);
}
/** The number of the bucket that holds the first, of so many equal ones between two ends; 0 and one more beyond them. */
export function widthBucket(value: AnyColumn, low: Operand<number>, high: Operand<number>, buckets: Operand<number>): Column<Long> {
  return call("width_bucket", [value, low, high, buckets]);
}
/** The least whole number that is not less; with digits a decimal. */
export function ceil(column: AnyColumn): Column<Long> {
  return call("ceil", [column]);
}
/** The same as ceil. */
export function ceiling(value: AnyColumn): Column<Long> {
  return call("ceiling", [value]);
}
/** The greatest whole number that is not greater; with digits a decimal. */
export function floor(column: AnyColumn): Column<Long> {
  return call("floor", [column]);
}
/** Rounded to so many digits, halves away from zero. */
export function round<T>(column: Column<T>, digits: number = 0): Column<T> {
  return call("round", [column, digits]);
}
/** Rounded to so many digits, halves to the even neighbour. */
export function bround<T>(column: Column<T>, digits: number = 0): Column<T> {
  return call("bround", [column, digits]);
}
/** The nearest whole number as a double, halves to the even one; −0.0 stays. */
export function rint(value: AnyColumn): Column<number> {
  return call("rint", [value]);
}
/** An even random number from [0, 1); the seed is a fixed whole number. */
export function rand(seed?: number): Column<number> {
  return call("rand", [...given(seed)]);
}
/** The same as rand. */
export function random(seed?: number): Column<number> {
  return call("random", [...given(seed)]);
}
/** A random number of the standard normal distribution. */
export function randn(seed?: number): Column<number> {
  return call("randn", [...given(seed)]);
}
/** A whole number in binary. */
export function bin(value: AnyColumn): Column<string> {
  return call("bin", [value]);
}
/** A number as text from one base to another; under ANSI rules one beyond 64 bits stops the query. */
export function conv(value: AnyColumn | string, from: number, to: number): Column<string> {
  return call("conv", [value, from, to]);
}
