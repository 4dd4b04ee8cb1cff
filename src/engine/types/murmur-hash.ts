import type { DataType } from "./data-type.ts";
import type { Long } from "./long.ts";
import { foldHash, type Hasher } from "./value-hash.ts";

function rotate(x: number, bits: number): number {
  return (x << bits) | (x >>> (32 - bits));
}

function mix(hash: number, block: number): number {
  const k = Math.imul(rotate(Math.imul(block, 0xcc9e2d51), 15), 0x1b873593);
  return (Math.imul(rotate(hash ^ k, 13), 5) + 0xe6546b64) | 0;
}

function finish(hash: number, length: number): number {
  let h = hash ^ length;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return h ^ (h >>> 16);
}

function hashInt(value: number, seed: number): number {
  return finish(mix(seed, value), 4);
}

function hashLong(value: Long, seed: number): number {
  if (typeof value === "number") return finish(mix(mix(seed, value | 0), Math.floor(value / 4294967296) | 0), 8);
  return finish(mix(mix(seed, Number(BigInt.asIntN(32, value))), Number(BigInt.asIntN(32, value >> 32n))), 8);
}

/** Spark mixes each byte of the tail as a block of its own (Murmur3_x86_32.hashUnsafeBytes). */
function hashBytes(bytes: Uint8Array, seed: number): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let hash = seed;
  let at = 0;
  for (; at + 4 <= bytes.length; at += 4) hash = mix(hash, view.getInt32(at, true));
  for (; at < bytes.length; at++) hash = mix(hash, view.getInt8(at));
  return finish(hash, bytes.length);
}

/** MurmurHash3 of bytes in 32 bits, as its author defined it (Scala's MurmurHash3.bytesHash). */
export function murmurBytes(bytes: Uint8Array, seed: number): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let hash = seed;
  let at = 0;
  for (; at + 4 <= bytes.length; at += 4) hash = mix(hash, view.getInt32(at, true));
  let tail = 0;
  for (let i = bytes.length - 1; i >= at; i--) tail = (tail << 8) | (bytes[i] ?? 0);
  if (at < bytes.length) hash ^= Math.imul(rotate(Math.imul(tail, 0xcc9e2d51), 15), 0x1b873593);
  return finish(hash, bytes.length);
}

const MURMUR: Hasher<number> = { int: hashInt, long: hashLong, bytes: hashBytes };

/** The 32-bit hash that Spark's `hash` gives a value that is not null (Murmur3HashFunction); composite values fold their parts. */
export function murmurValue(value: unknown, type: DataType, seed: number): number {
  return foldHash(MURMUR, value, type, seed);
}
