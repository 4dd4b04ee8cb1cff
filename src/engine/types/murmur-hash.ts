import type { DataType } from "./data-type.ts";
import type { Long } from "./long.ts";
import { bigEndian } from "./xx-hash.ts";

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

const scratch = new DataView(new ArrayBuffer(8));

/** The 32-bit hash that Spark's `hash` gives a value that is not null (Murmur3HashFunction); composite values fold their parts. */
export function murmurValue(value: unknown, type: DataType, seed: number): number {
  switch (type.type) {
    case "boolean":
      return hashInt(value === true ? 1 : 0, seed);
    case "tinyint":
    case "smallint":
    case "int":
    case "date":
      return hashInt(value as number, seed);
    case "bigint":
    case "timestamp":
    case "interval":
      return hashLong(value as Long, seed);
    case "float":
      scratch.setFloat32(0, (value as number) + 0);
      return hashInt(scratch.getInt32(0), seed);
    case "double":
      scratch.setFloat64(0, (value as number) + 0);
      return finish(mix(mix(seed, scratch.getInt32(4)), scratch.getInt32(0)), 8);
    case "string":
      return hashBytes(Buffer.from(value as string, "utf8"), seed);
    case "binary":
      return hashBytes(value as Uint8Array, seed);
    case "decimal":
      return type.precision <= 18 ? hashLong(value as bigint, seed) : hashBytes(bigEndian(value as bigint), seed);
    case "array":
      return (value as unknown[]).reduce<number>((hash, one) => (one === null ? hash : murmurValue(one, type.element, hash)), seed);
    case "struct":
      return type.fields.reduce((hash, one, i) => {
        const part = (value as unknown[])[i];
        return part === null ? hash : murmurValue(part, one.dataType, hash);
      }, seed);
    default:
      return seed;
  }
}
