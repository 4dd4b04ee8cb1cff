/** A bigint column's value: a number while it is a safe integer, BigInt beyond. */
export type Long = number | bigint;

export const MIN_LONG: bigint = -(2n ** 63n);
export const MAX_LONG: bigint = 2n ** 63n - 1n;

/** The one representation of a whole number of at most 64 bits. */
export function normalLong(value: bigint): Long {
  return value >= -9007199254740991n && value <= 9007199254740991n ? Number(value) : value;
}

/** Whether it fits 64 bits. */
export function fitsLong(value: bigint): boolean {
  return value >= MIN_LONG && value <= MAX_LONG;
}

/** The sum, null if it does not fit 64 bits. */
export function addLong(a: Long, b: Long): Long | null {
  if (typeof a === "number" && typeof b === "number") {
    const sum = a + b;
    if (Number.isSafeInteger(sum)) return sum;
  }
  return boundedLong(BigInt(a) + BigInt(b));
}

/** The difference, null if it does not fit 64 bits. */
export function subtractLong(a: Long, b: Long): Long | null {
  if (typeof a === "number" && typeof b === "number") {
    const difference = a - b;
    if (Number.isSafeInteger(difference)) return difference;
  }
  return boundedLong(BigInt(a) - BigInt(b));
}

/** The product, null if it does not fit 64 bits. */
export function multiplyLong(a: Long, b: Long): Long | null {
  if (typeof a === "number" && typeof b === "number") {
    const product = a * b;
    if (Number.isSafeInteger(product)) return product + 0;
  }
  return boundedLong(BigInt(a) * BigInt(b));
}

/** The quotient cut towards zero, null if it does not fit 64 bits; `b` is not 0. */
export function divideLong(a: Long, b: Long): Long | null {
  if (typeof a === "number" && typeof b === "number") return Math.trunc(a / b) === a / b ? a / b + 0 : exactQuotient(a, b);
  return boundedLong(BigInt(a) / BigInt(b));
}

function exactQuotient(a: number, b: number): number {
  return (a - (a % b)) / b + 0;
}

/** The remainder with the sign of `a`; `b` is not 0. */
export function remainderLong(a: Long, b: Long): Long {
  if (typeof a === "number" && typeof b === "number") return (a % b) + 0;
  return normalLong(BigInt(a) % BigInt(b));
}

/** Cut to 64 bits, as arithmetic without ANSI rules does. */
export function wrapLong(value: bigint): Long {
  return normalLong(BigInt.asIntN(64, value));
}

function boundedLong(value: bigint): Long | null {
  return fitsLong(value) ? normalLong(value) : null;
}
