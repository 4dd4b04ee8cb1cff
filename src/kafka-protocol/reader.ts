import { malformed } from "./protocol-error.ts";

/** A place in a frame. `end` bounds what may be read; everything beyond throws MALFORMED_MESSAGE. */
export interface Reader {
  readonly buffer: Buffer;
  at: number;
  readonly end: number;
}

/** A reader over all of `bytes`, which are not copied: strings are decoded, byte fields stay views. */
export function createReader(bytes: Uint8Array): Reader {
  const buffer = Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return { buffer, at: 0, end: buffer.length };
}

/** Moves on by `bytes` and returns where it stood. */
export function advance(reader: Reader, bytes: number): number {
  const at = reader.at;
  const next = at + bytes;
  if (bytes < 0 || next > reader.end) throw malformed(`${bytes} bytes wanted at ${at} of ${reader.end}`);
  reader.at = next;
  return at;
}

export const readInt8 = (reader: Reader): number => reader.buffer.readInt8(advance(reader, 1));
export const readBool = (reader: Reader): boolean => reader.buffer[advance(reader, 1)] !== 0;
export const readInt16 = (reader: Reader): number => reader.buffer.readInt16BE(advance(reader, 2));
export const readUint16 = (reader: Reader): number => reader.buffer.readUInt16BE(advance(reader, 2));
export const readInt32 = (reader: Reader): number => reader.buffer.readInt32BE(advance(reader, 4));
export const readUint32 = (reader: Reader): number => reader.buffer.readUInt32BE(advance(reader, 4));
export const readFloat64 = (reader: Reader): number => reader.buffer.readDoubleBE(advance(reader, 8));

/** Exact within ±2^53; beyond that the nearest double. */
export function readInt64(reader: Reader): number {
  const at = advance(reader, 8);
  return reader.buffer.readInt32BE(at) * 4294967296 + reader.buffer.readUInt32BE(at + 4);
}

export const readUuid = (reader: Reader): string => {
  const at = advance(reader, 16);
  return reader.buffer.toString("base64url", at, at + 16);
};

/** Unsigned varint of at most 32 bits (KIP-482). */
export function readUvarint(reader: Reader): number {
  let value = 0;
  for (let shift = 0; shift < 35; shift += 7) {
    const byte = reader.buffer[advance(reader, 1)] as number;
    value += (byte & 0x7f) * 2 ** shift;
    if (byte < 0x80) {
      if (value > 0xffffffff) break;
      return value;
    }
  }
  throw malformed("a varint of more than 32 bits");
}

/** The length of what follows: −1 for null. Compact lengths are written plus one, so that 0 means null. */
export const readLength32 = (reader: Reader): number => readInt32(reader);
export const readLength16 = (reader: Reader): number => readInt16(reader);
export const readCompactLength = (reader: Reader): number => readUvarint(reader) - 1;

export function readText(reader: Reader, length: number): string | null {
  if (length === -1) return null;
  const at = advance(reader, length);
  return reader.buffer.toString("utf8", at, at + length);
}

/** A view of the frame, not a copy. */
export function readBytes(reader: Reader, length: number): Buffer | null {
  if (length === -1) return null;
  const at = advance(reader, length);
  return reader.buffer.subarray(at, at + length);
}

/** Steps over a section of tagged fields (KIP-482). */
export function skipTags(reader: Reader): void {
  for (let left = readUvarint(reader); left > 0; left--) {
    readUvarint(reader);
    advance(reader, readUvarint(reader));
  }
}
