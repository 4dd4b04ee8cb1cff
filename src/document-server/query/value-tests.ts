import { Binary, BSONRegExp, Long } from "bson";
import { numericKind, toDouble, type Numeric } from "../bson/arithmetic.ts";
import { shown } from "../bson/shown.ts";
import { keyOf } from "../bson/values.ts";
import { CommandFailure } from "../failure.ts";
import { collatedKeys, compareCollated, type Collation } from "./collation.ts";
import { patternOf, readRegex } from "./regex.ts";
import { isNaNValue, parseTypes, typeName } from "./value-types.ts";

/** Whether one value passes; undefined stands for a missing field. What an array's elements have to say is asked by the caller. */
export type ValueTest = (value: unknown) => boolean;

const NUMBERS = new Set(["int", "long", "double", "decimal"]);

export function equalTo(wanted: unknown, collation: Collation | undefined): ValueTest {
  if (wanted === null || wanted === undefined) return (value) => value == null;
  if (collation !== undefined && (typeof wanted === "string" || typeof wanted === "object"))
    return (value) => value != null && typeof value === typeof wanted && compareCollated(value, wanted, collation) === 0;
  if (typeof wanted === "object" || typeof wanted === "number") {
    const key = keyOf(wanted);
    return (value) => {
      if (value === wanted) return true;
      return value != null && (typeof value === "object" || typeof value === "number") && keyOf(value).equals(key);
    };
  }
  return (value) => value === wanted;
}

export function oneOf(list: unknown, collation: Collation | undefined, name: string): ValueTest {
  if (!Array.isArray(list)) throw new CommandFailure("BadValue", `${name} needs an array`);
  const dollar = list.find((item) => isOperatorDocument(item));
  if (dollar !== undefined) throw new CommandFailure("BadValue", `cannot nest $ under ${name}`);
  const patterns = list.filter((item) => item instanceof RegExp).map(patternOf);
  const key = collatedKeys(collation);
  const keys = new Set(list.filter((item) => item != null).map(key));
  const orNull = list.some((item) => item == null);
  return (value) => {
    if (value == null) return orNull;
    if (typeof value === "string" && patterns.some((pattern) => pattern.test(value))) return true;
    return keys.has(key(value));
  };
}

function isOperatorDocument(item: unknown): boolean {
  return (
    typeof item === "object" &&
    item !== null &&
    Object.getPrototypeOf(item) === Object.prototype &&
    Object.keys(item)[0]?.startsWith("$") === true
  );
}

/** Comparisons hold only within one type bracket ({$lt: 5} says nothing about text or NaN). */
export function comparedTo(wanted: unknown, holds: (order: number) => boolean, collation: Collation | undefined, name: string): ValueTest {
  if (wanted == null) return (value) => holds(0) && value == null;
  if (wanted instanceof RegExp) throw new CommandFailure("BadValue", `Can't have RegEx as arg to predicate over field '${name}'.`);
  const bracket = typeName(wanted);
  const kind = NUMBERS.has(bracket) ? "number" : bracket;
  if (isNaNValue(wanted)) return (value) => holds(0) && isNaNValue(value);
  return (value) => {
    if (value == null) return false;
    if (typeof value === "number" && typeof wanted === "number")
      return value === value && holds(value < wanted ? -1 : value > wanted ? 1 : 0);
    if (kind === "minKey" || kind === "maxKey") return holds(compareCollated(value, wanted, collation));
    const type = typeName(value);
    return (NUMBERS.has(type) ? "number" : type) === kind && !isNaNValue(value) && holds(compareCollated(value, wanted, collation));
  };
}

export function ofType(wanted: unknown): ValueTest {
  const names = parseTypes(wanted);
  return (value) => {
    if (value === undefined) return false;
    const name = typeName(value);
    return names.has(name) || (names.has("number") && NUMBERS.has(name));
  };
}

export function matchingRegex(wanted: unknown, options: unknown): ValueTest {
  const pattern = readRegex(wanted, options);
  return (value) => {
    if (typeof value === "string") return pattern.test(value);
    if (value instanceof RegExp) return patternOf(value).source === pattern.source && patternOf(value).flags === pattern.flags;
    return value instanceof BSONRegExp && value.pattern === pattern.source;
  };
}

function wholeNumberOf(value: unknown): number | undefined {
  if (numericKind(value) === undefined) return undefined;
  const number = toDouble(value as Numeric);
  return Number.isFinite(number) ? Math.trunc(number) : undefined;
}

export function remainder(wanted: unknown): ValueTest {
  if (!Array.isArray(wanted)) throw new CommandFailure("BadValue", "malformed mod, needs to be an array");
  if (wanted.length < 2) throw new CommandFailure("BadValue", "malformed mod, not enough elements");
  if (wanted.length > 2) throw new CommandFailure("BadValue", "malformed mod, too many elements");
  const [divisor, rest] = wanted.map(wholeNumberOf);
  if (divisor === undefined) throw new CommandFailure("BadValue", "malformed mod, divisor not a number");
  if (rest === undefined) throw new CommandFailure("BadValue", "malformed mod, remainder not a number");
  if (divisor === 0) throw new CommandFailure("BadValue", "divisor cannot be 0");
  return (value) => {
    const number = wholeNumberOf(value);
    return number !== undefined && number % divisor === rest;
  };
}

export function ofSize(wanted: unknown): ValueTest {
  const size = numericKind(wanted) === undefined ? NaN : toDouble(wanted as Numeric);
  if (Number.isNaN(size)) throw new CommandFailure("BadValue", `Failed to parse $size. Expected a number in: $size: ${shown(wanted)}`);
  if (!Number.isInteger(size)) throw new CommandFailure("BadValue", `Failed to parse $size. Expected an integer: $size: ${shown(wanted)}`);
  if (size < 0) throw new CommandFailure("BadValue", `Failed to parse $size. Expected a non-negative number in: $size: ${shown(wanted)}`);
  return (value) => Array.isArray(value) && value.length === size;
}

/** $bitsAllSet and its kin: a mask as a number, as binary, or as a list of positions. */
export function ofBits(wanted: unknown, name: string): ValueTest {
  const mask = bitMask(wanted, name);
  return (value) => {
    const bits = bitsOf(value);
    if (bits === undefined) return false;
    switch (name) {
      case "$bitsAllSet":
        return (bits & mask) === mask;
      case "$bitsAllClear":
        return (bits & mask) === 0n;
      case "$bitsAnySet":
        return (bits & mask) !== 0n;
      default:
        return (bits & mask) !== mask;
    }
  };
}

function bitMask(wanted: unknown, name: string): bigint {
  if (Array.isArray(wanted)) {
    let mask = 0n;
    for (const position of wanted) {
      const bit = wholeNumberOf(position);
      if (bit === undefined || bit < 0 || bit !== toDouble(position as Numeric))
        throw new CommandFailure("BadValue", `bit positions must be an integer >= 0 but got: ${name}: ${shown(position)}`);
      mask |= 1n << BigInt(bit);
    }
    return mask;
  }
  const mask = bitsOf(wanted);
  if (mask === undefined || (numericKind(wanted) !== undefined && mask < 0n))
    throw new CommandFailure("FailedToParse", `${name} takes an Array, a number, or a BinData but received: ${name}: ${shown(wanted)}`);
  return mask;
}

function bitsOf(value: unknown): bigint | undefined {
  if (value instanceof Binary) return [...value.value()].reduceRight((bits, byte) => (bits << 8n) | BigInt(byte), 0n);
  if (numericKind(value) === undefined) return undefined;
  if (value instanceof Long) return value.toBigInt();
  const number = toDouble(value as Numeric);
  return Number.isInteger(number) && Math.abs(number) < 2 ** 63 ? BigInt(number) : undefined;
}
