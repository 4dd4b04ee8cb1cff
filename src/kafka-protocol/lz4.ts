import { findMatches } from "./lz-matches.ts";
import { malformed } from "./protocol-error.ts";
import { copyWithin } from "./snappy.ts";

const FRAME_MAGIC = 0x184d2204;
const MIN_MATCH = 4;

interface Output {
  buffer: Buffer;
  at: number;
  readonly maxBytes: number;
}

function reserve(out: Output, bytes: number): void {
  const needed = out.at + bytes;
  if (needed <= out.buffer.length) return;
  if (needed > out.maxBytes) throw malformed(`an lz4 frame of more than ${out.maxBytes} bytes`);
  const larger = Buffer.allocUnsafe(Math.min(out.maxBytes, Math.max(needed, out.buffer.length * 2)));
  out.buffer.copy(larger, 0, 0, out.at);
  out.buffer = larger;
}

/** Unpacks one block behind what is there already: sequences of literals and a match. */
function unpackBlock(block: Buffer, out: Output): void {
  let at = 0;
  const longer = (length: number): number => {
    if (length !== 15) return length;
    let sum = length;
    for (;;) {
      if (at >= block.length) throw malformed("an lz4 length that is cut");
      const byte = block[at++] as number;
      sum += byte;
      if (byte !== 255) return sum;
    }
  };
  while (at < block.length) {
    const token = block[at++] as number;
    const literals = longer(token >> 4);
    if (at + literals > block.length) throw malformed("lz4 literals that are cut");
    reserve(out, literals);
    block.copy(out.buffer, out.at, at, at + literals);
    out.at += literals;
    at += literals;
    if (at === block.length) return;
    if (at + 2 > block.length) throw malformed("an lz4 match that is cut");
    const distance = block.readUInt16LE(at);
    at += 2;
    const length = longer(token & 15) + MIN_MATCH;
    reserve(out, length);
    out.at = copyWithin(out.buffer, out.at, distance, length);
  }
}

/**
 * Unpacks one LZ4 frame (lz4_Frame_format.md). Its own checksums are not looked at: a record batch has a CRC over all of them. Throws on
 * bytes that are none, and above `maxBytes`.
 */
export function unpackLz4(bytes: Buffer, maxBytes: number): Buffer {
  if (bytes.length < 7 || bytes.readUInt32LE(0) !== FRAME_MAGIC) throw malformed("an lz4 frame without its magic");
  const flags = bytes[4] as number;
  const hasBlockChecksum = (flags & 0x10) !== 0;
  const hasContentSize = (flags & 0x08) !== 0;
  const hasDictionary = (flags & 0x01) !== 0;
  const out: Output = { buffer: Buffer.allocUnsafe(Math.min(maxBytes, bytes.length * 4)), at: 0, maxBytes };
  let at = 7 + (hasContentSize ? 8 : 0) + (hasDictionary ? 4 : 0);
  for (;;) {
    if (at + 4 > bytes.length) throw malformed("an lz4 frame that is cut");
    const head = bytes.readUInt32LE(at);
    if (head === 0) return out.buffer.subarray(0, out.at);
    const size = head & 0x7fffffff;
    at += 4;
    if (at + size > bytes.length) throw malformed("an lz4 block that is cut");
    const block = bytes.subarray(at, at + size);
    if (head >= 0x80000000) {
      reserve(out, size);
      block.copy(out.buffer, out.at);
      out.at += size;
    } else unpackBlock(block, out);
    at += size + (hasBlockChecksum ? 4 : 0);
  }
}

const BLOCK_BYTES = 64 * 1024;
/** Version 1, blocks that stand alone, 64 KiB at most each; the last byte is the checksum of the two before it. */
const FRAME_HEADER: Buffer = Buffer.from("04224d18604082", "hex");
const UNPACKED = 0x80000000;

function packBlock(bytes: Buffer, start: number, end: number, out: Buffer, outAt: number): number {
  let to = outAt;
  const rest = (length: number): void => {
    let left = length - 15;
    for (; left >= 255; left -= 255) out[to++] = 255;
    out[to++] = left;
  };
  const sequence = (literalsAt: number, literals: number, extra: number): void => {
    out[to++] = (Math.min(literals, 15) << 4) | Math.min(extra, 15);
    if (literals >= 15) rest(literals);
    to += bytes.copy(out, to, literalsAt, literalsAt + literals);
  };
  const tail = findMatches(bytes, start, end, (literalsAt, at, distance, length) => {
    const extra = length - MIN_MATCH;
    sequence(literalsAt, at - literalsAt, extra);
    out[to++] = distance & 255;
    out[to++] = distance >> 8;
    if (extra >= 15) rest(extra);
  });
  sequence(tail, end - tail, 0);
  return to;
}

/** Packs into one LZ4 frame; a block that does not get smaller stays as it is. */
export function packLz4(bytes: Buffer): Buffer {
  const blocks = Math.ceil(bytes.length / BLOCK_BYTES);
  const out = Buffer.allocUnsafe(FRAME_HEADER.length + bytes.length + Math.ceil(bytes.length / 128) + blocks * 32 + 4);
  let to = FRAME_HEADER.copy(out);
  for (let at = 0; at < bytes.length; at += BLOCK_BYTES) {
    const end = Math.min(at + BLOCK_BYTES, bytes.length);
    const next = packBlock(bytes, at, end, out, to + 4);
    if (next - to - 4 < end - at) {
      out.writeUInt32LE(next - to - 4, to);
      to = next;
    } else {
      out.writeUInt32LE(UNPACKED + end - at, to);
      to += 4 + bytes.copy(out, to + 4, at, end);
    }
  }
  return out.subarray(0, out.writeUInt32LE(0, to));
}
