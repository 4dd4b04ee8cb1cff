import type { DataType } from "./data-type.ts";
import { foldHash, type Hasher } from "./value-hash.ts";

const MASK = (1n << 64n) - 1n;
const P1 = 0x9e3779b185ebca87n;
const P2 = 0xc2b2ae3d27d4eb4fn;
const P3 = 0x165667b19e3779f9n;
const P4 = 0x85ebca77c2b2ae63n;
const P5 = 0x27d4eb2f165667c5n;

const rotate = (x: bigint, bits: bigint): bigint => ((x << bits) | (x >> (64n - bits))) & MASK;

function finish(hash: bigint): bigint {
  hash = ((hash ^ (hash >> 33n)) * P2) & MASK;
  hash = ((hash ^ (hash >> 29n)) * P3) & MASK;
  return hash ^ (hash >> 32n);
}

function round(lane: bigint, input: bigint): bigint {
  return (rotate((lane + input * P2) & MASK, 31n) * P1) & MASK;
}

/** XXH64 of bytes, as an unsigned 64-bit number. */
export function hashBytes(bytes: Uint8Array, seed: bigint): bigint {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = 0;
  let hash: bigint;
  if (bytes.length >= 32) {
    let [a, b, c, d] = [(seed + P1 + P2) & MASK, (seed + P2) & MASK, seed, (seed - P1) & MASK];
    for (; at + 32 <= bytes.length; at += 32) {
      a = round(a, view.getBigUint64(at, true));
      b = round(b, view.getBigUint64(at + 8, true));
      c = round(c, view.getBigUint64(at + 16, true));
      d = round(d, view.getBigUint64(at + 24, true));
    }
    hash = (rotate(a, 1n) + rotate(b, 7n) + rotate(c, 12n) + rotate(d, 18n)) & MASK;
    for (const lane of [a, b, c, d]) hash = ((hash ^ round(0n, lane)) * P1 + P4) & MASK;
  } else {
    hash = (seed + P5) & MASK;
  }
  hash = (hash + BigInt(bytes.length)) & MASK;
  for (; at + 8 <= bytes.length; at += 8) hash = (rotate(hash ^ round(0n, view.getBigUint64(at, true)), 27n) * P1 + P4) & MASK;
  if (at + 4 <= bytes.length) {
    hash = (rotate(hash ^ ((BigInt(view.getUint32(at, true)) * P1) & MASK), 23n) * P2 + P3) & MASK;
    at += 4;
  }
  for (; at < bytes.length; at++) hash = (rotate(hash ^ ((BigInt(view.getUint8(at)) * P5) & MASK), 11n) * P1) & MASK;
  return finish(hash);
}

function hashInt(value: number, seed: bigint): bigint {
  const hash = (seed + P5 + 4n) & MASK;
  return finish((rotate(hash ^ ((BigInt(value >>> 0) * P1) & MASK), 23n) * P2 + P3) & MASK);
}

function hashLong(value: bigint, seed: bigint): bigint {
  const hash = (seed + P5 + 8n) & MASK;
  return finish((rotate(hash ^ round(0n, BigInt.asUintN(64, value)), 27n) * P1 + P4) & MASK);
}

const XX: Hasher<bigint> = { int: hashInt, long: (value, seed) => hashLong(BigInt(value), seed), bytes: hashBytes };

/** The 64-bit hash that Spark's xxhash64 gives a value that is not null (XxHash64Function), unsigned; composite values fold their parts. */
export function hashValue(value: unknown, type: DataType, seed: bigint): bigint {
  return foldHash(XX, value, type, seed);
}
