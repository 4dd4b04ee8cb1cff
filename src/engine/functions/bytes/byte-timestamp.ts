import { daysFromCivil, daysInMonth, US_PER_DAY } from "../../types/calendar.ts";

/**
 * Reads instants of the shape 2026-01-02T03:04:05[.123456789][Z|±hh:mm] from ASCII bytes. The day last seen is kept, because most instants of a stream
 * fall on the same one.
 */
export class ByteTimestamp {
  /** Where the text ended. */
  end = 0;
  #key = -1;
  #dayUs = 0;

  /** Microseconds, or NaN where the bytes have another shape; `end` is then undefined. */
  read(buffer: Uint8Array, p: number): number {
    const y = digits(buffer, p) * 100 + digits(buffer, p + 2);
    const month = digits(buffer, p + 5);
    const day = digits(buffer, p + 8);
    const hour = digits(buffer, p + 11);
    const minute = digits(buffer, p + 14);
    let second = digits(buffer, p + 17);
    if (y < 0 || month < 1 || day < 1 || hour > 23 || minute > 59 || second > 59 || (hour | minute | second) < 0) return NaN;
    const separator = buffer[p + 10];
    if (buffer[p + 4] !== 45 || buffer[p + 7] !== 45 || buffer[p + 13] !== 58 || buffer[p + 16] !== 58) return NaN;
    if (separator !== 84 && separator !== 32) return NaN;
    const key = y * 16384 + month * 128 + day;
    if (key !== this.#key) {
      if (month > 12 || day > daysInMonth(y, month)) return NaN;
      this.#key = key;
      this.#dayUs = daysFromCivil(y, month, day) * US_PER_DAY;
    }
    p += 19;
    let fraction = 0;
    if (buffer[p] === 46) {
      let count = 0;
      let c = buffer[++p] ?? 0;
      if (c < 48 || c > 57) return NaN;
      while (c >= 48 && c <= 57) {
        if (count < 6) fraction = fraction * 10 + (c - 48);
        count++;
        c = buffer[++p] ?? 0;
      }
      if (count < 6) fraction *= MICROS[count] ?? 0;
    }
    const zone = buffer[p];
    if (zone === 90) {
      p++;
    } else if (zone === 43 || zone === 45) {
      const hours = digits(buffer, p + 1);
      const minutes = digits(buffer, p + 4);
      if (hours > 17 || minutes > 59 || (hours | minutes) < 0 || buffer[p + 3] !== 58) return NaN;
      const offset = hours * 3600 + minutes * 60;
      second += zone === 43 ? -offset : offset;
      p += 6;
    }
    this.end = p;
    return this.#dayUs + (hour * 3600 + minute * 60 + second) * 1_000_000 + fraction;
  }
}

/** Reads instants that fill [start, end) of a buffer: microseconds, or NaN where the bytes have another shape than ByteTimestamp reads. */
export function instantReader(): (buffer: Uint8Array, start: number, end: number) => number {
  const reader = new ByteTimestamp();
  return (buffer, start, end) => {
    if (end - start < 19) return NaN;
    const us = reader.read(buffer, start);
    return reader.end === end ? us : NaN;
  };
}

/** Days since 1970 of a date that fills [start, end) in the shape 2026-01-02; NaN for any other. */
export function readDay(buffer: Uint8Array, start: number, end: number): number {
  if (end - start !== 10 || buffer[start + 4] !== 45 || buffer[start + 7] !== 45) return NaN;
  const year = digits(buffer, start) * 100 + digits(buffer, start + 2);
  const month = digits(buffer, start + 5);
  const day = digits(buffer, start + 8);
  if (year < 0 || month < 1 || month > 12 || day < 1 || day > daysInMonth(year, month)) return NaN;
  return daysFromCivil(year, month, day);
}

/** Microseconds in a unit of a fraction with so many digits. */
const MICROS = [1_000_000, 100_000, 10_000, 1000, 100, 10] as const;

/** Two digits as a whole number; so far below zero that a hundredfold of others does not lift it, if one is none. */
function digits(buffer: Uint8Array, p: number): number {
  const a = (buffer[p] ?? 0) - 48;
  const b = (buffer[p + 1] ?? 0) - 48;
  return a >>> 0 <= 9 && b >>> 0 <= 9 ? a * 10 + b : -100_000;
}
