import { malformed } from "./protocol-error.ts";

/** A place in bytes that the functions of this file move on; one is kept and reused for a whole batch. */
export interface VarintCursor {
  at: number;
}

/**
 * Reads a zigzag varint of up to 64 bits (record format v2: lengths are 32 bits, timestamp deltas 64) and moves the cursor behind it.
 * Exact within ±2^52; beyond that the nearest double.
 */
export function readVarint(bytes: Uint8Array, cursor: VarintCursor, end: number): number {
  let at = cursor.at;
  let low = 0;
  for (let shift = 0; shift < 28; shift += 7) {
    if (at >= end) throw malformed("a varint that runs over the end");
    const byte = bytes[at++] as number;
    low |= (byte & 0x7f) << shift;
    if (byte < 0x80) {
      cursor.at = at;
      return (low >>> 1) ^ -(low & 1);
    }
  }
  let value = low;
  for (let scale = 2 ** 28; scale < 2 ** 70; scale *= 128) {
    if (at >= end) throw malformed("a varint that runs over the end");
    const byte = bytes[at++] as number;
    value += (byte & 0x7f) * scale;
    if (byte < 0x80) {
      cursor.at = at;
      return low & 1 ? -((value - 1) / 2) - 1 : value / 2;
    }
  }
  throw malformed("a varint of more than 64 bits");
}

/** How many bytes `writeVarint` needs. */
export function varintBytes(value: number): number {
  if (value >= 0 && value < 64) return 1;
  if (value >= 0 && value < 8192) return 2;
  let left = zigzag(value);
  let bytes = 1;
  for (; left > 127; left = Math.floor(left / 128)) bytes++;
  return bytes;
}

/** Writes a zigzag varint at `at` and returns the place behind it. Exact within ±2^52. */
export function writeVarint(bytes: Uint8Array, at: number, value: number): number {
  if (value >= 0 && value < 64) {
    bytes[at] = value << 1;
    return at + 1;
  }
  if (value >= 0 && value < 8192) {
    bytes[at] = ((value << 1) & 127) | 128;
    bytes[at + 1] = value >> 6;
    return at + 2;
  }
  let left = zigzag(value);
  let next = at;
  while (left > 127) {
    bytes[next++] = (left % 128) | 0x80;
    left = Math.floor(left / 128);
  }
  bytes[next++] = left;
  return next;
}

const zigzag = (value: number): number => (value < 0 ? -value * 2 - 1 : value * 2);
