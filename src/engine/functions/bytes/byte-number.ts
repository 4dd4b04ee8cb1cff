/** Powers of ten that a double holds exactly. */
export const EXACT_POWERS: Float64Array = Float64Array.from({ length: 23 }, (_, i) => Number(`1e${i}`));

/** Digits that a double holds whatever they are. */
export const EXACT_DIGITS = 15;

/** A whole number below `limit` that fills [start, end) of a buffer, with a sign or without; NaN for anything else and for more than 15 digits. */
export function readWhole(buffer: Uint8Array, start: number, end: number, limit: number): number {
  let p = start;
  const sign = p < end ? buffer[p] : 0;
  if (sign === 45 || sign === 43) p++;
  if (p >= end || end - p > EXACT_DIGITS) return NaN;
  let number = 0;
  for (; p < end; p++) {
    const digit = (buffer[p] ?? 0) - 48;
    if (digit >>> 0 > 9) return NaN;
    number = number * 10 + digit;
  }
  if (sign === 45) return number > limit ? NaN : 0 - number;
  return number >= limit ? NaN : number;
}

/** A number that fills [start, end), digits with a point among or before them or without one: exact, because it has at most 15 digits. NaN for anything else. */
export function readFraction(buffer: Uint8Array, start: number, end: number): number {
  let p = start;
  const sign = p < end ? buffer[p] : 0;
  if (sign === 45 || sign === 43) p++;
  const first = p;
  let number = 0;
  let point = -1;
  for (; p < end; p++) {
    const digit = (buffer[p] ?? 0) - 48;
    if (digit >>> 0 <= 9) number = number * 10 + digit;
    else if (digit === -2 && point < 0) point = p;
    else return NaN;
  }
  const count = p - first - (point < 0 ? 0 : 1);
  if (count === 0 || count > EXACT_DIGITS) return NaN;
  if (point >= 0) number /= EXACT_POWERS[p - point - 1] ?? NaN;
  return sign === 45 ? -number : number;
}

/** The unscaled value of a decimal that fills [start, end); null for what is not plain, has more than 15 digits or digits beyond the scale. */
export function readDecimal(buffer: Uint8Array, start: number, end: number, precision: number, scale: number): bigint | null {
  let p = start;
  const sign = p < end ? buffer[p] : 0;
  if (sign === 45 || sign === 43) p++;
  const first = p;
  let number = 0;
  let point = -1;
  for (; p < end; p++) {
    const digit = (buffer[p] ?? 0) - 48;
    if (digit >>> 0 <= 9) number = number * 10 + digit;
    else if (digit === -2 && point < 0) point = p;
    else return null;
  }
  const fraction = point < 0 ? 0 : p - point - 1;
  const count = p - first - (point < 0 ? 0 : 1);
  if (count === 0 || count + scale - fraction > EXACT_DIGITS || fraction > scale) return null;
  number *= EXACT_POWERS[scale - fraction] ?? NaN;
  if (precision < EXACT_DIGITS && number >= (EXACT_POWERS[precision] ?? 0)) return null;
  return BigInt(sign === 45 ? -number : number);
}
