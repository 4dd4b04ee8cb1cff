import { findMatches } from "./lz-matches.ts";
import { malformed } from "./protocol-error.ts";

/** How Java's producers frame snappy: this magic, two versions, then blocks behind their lengths. librdkafka sends one bare block. */
const JAVA_MAGIC: Buffer = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0]);
const JAVA_HEADER_BYTES = 16;

interface Size {
  readonly bytes: number;
  /** Where the block's elements start. */
  readonly at: number;
}

function sizeOf(block: Buffer): Size {
  let bytes = 0;
  for (let at = 0, scale = 1; at < Math.min(5, block.length); at++, scale *= 128) {
    const byte = block[at] as number;
    bytes += (byte & 0x7f) * scale;
    if (byte < 0x80) return { bytes, at: at + 1 };
  }
  throw malformed("a snappy block without a length");
}

/** Unpacks one block (github.com/google/snappy, format_description.txt): literals, and copies from what was unpacked before. */
function unpackBlock(block: Buffer, maxBytes: number): Buffer {
  const size = sizeOf(block);
  if (size.bytes > maxBytes) throw malformed(`a snappy block of ${size.bytes} bytes`);
  const out = Buffer.allocUnsafe(size.bytes);
  let to = 0;
  for (let at = size.at; at < block.length;) {
    const tag = block[at++] as number;
    let length: number;
    if ((tag & 3) === 0) {
      length = (tag >> 2) + 1;
      if (length > 60) {
        const lengthBytes = length - 60;
        if (at + lengthBytes > block.length) throw malformed("a snappy literal that is cut");
        length = block.readUIntLE(at, lengthBytes) + 1;
        at += lengthBytes;
      }
      if (at + length > block.length || to + length > out.length) throw malformed("a snappy literal that is cut");
      block.copy(out, to, at, at + length);
      at += length;
      to += length;
      continue;
    }
    const distanceBytes = (tag & 3) === 1 ? 1 : (tag & 3) === 2 ? 2 : 4;
    if (at + distanceBytes > block.length) throw malformed("a snappy copy that is cut");
    length = distanceBytes === 1 ? ((tag >> 2) & 7) + 4 : (tag >> 2) + 1;
    const distance = block.readUIntLE(at, distanceBytes) + (distanceBytes === 1 ? (tag >> 5) * 256 : 0);
    at += distanceBytes;
    to = copyWithin(out, to, distance, length);
  }
  if (to !== out.length) throw malformed(`a snappy block of ${to} bytes that says ${out.length}`);
  return out;
}

/** Repeats `length` bytes from `distance` back, byte by byte where they overlap; returns the place behind them. */
export function copyWithin(out: Buffer, to: number, distance: number, length: number): number {
  if (distance === 0 || distance > to || to + length > out.length) throw malformed("a copy from outside what was unpacked");
  if (distance >= length) out.copyWithin(to, to - distance, to - distance + length);
  else for (let i = to; i < to + length; i++) out[i] = out[i - distance] as number;
  return to + length;
}

/** Unpacks snappy, bare or framed as Java's producers do. Throws on bytes that are none, and above `maxBytes`. */
export function unpackSnappy(bytes: Buffer, maxBytes: number): Buffer {
  if (!bytes.subarray(0, JAVA_MAGIC.length).equals(JAVA_MAGIC)) return unpackBlock(bytes, maxBytes);
  const blocks: Buffer[] = [];
  let total = 0;
  for (let at = JAVA_HEADER_BYTES; at < bytes.length;) {
    if (at + 4 > bytes.length) throw malformed("a snappy frame that is cut");
    const end = at + 4 + bytes.readUInt32BE(at);
    if (end > bytes.length) throw malformed("a snappy frame that is cut");
    const block = unpackBlock(bytes.subarray(at + 4, end), maxBytes - total);
    total += block.length;
    blocks.push(block);
    at = end;
  }
  return blocks.length === 1 ? (blocks[0] as Buffer) : Buffer.concat(blocks);
}

const BLOCK_BYTES = 32 * 1024;

function packBlock(bytes: Buffer, start: number, end: number, out: Buffer, outAt: number): number {
  let to = outAt;
  for (let left = end - start; ; left >>>= 7) {
    out[to++] = left > 127 ? (left & 127) | 128 : left;
    if (left <= 127) break;
  }
  const literals = (from: number, until: number): void => {
    const length = until - from - 1;
    if (length < 0) return;
    if (length < 60) out[to++] = length << 2;
    else if (length < 256) {
      out[to++] = 60 << 2;
      out[to++] = length;
    } else {
      out[to++] = 61 << 2;
      out[to++] = length & 255;
      out[to++] = length >> 8;
    }
    to += bytes.copy(out, to, from, until);
  };
  const tail = findMatches(bytes, start, end, (literalsAt, at, distance, length) => {
    literals(literalsAt, at);
    for (let left = length; left > 0;) {
      const part = Math.min(left, 64);
      out[to++] = ((part - 1) << 2) | 2;
      out[to++] = distance & 255;
      out[to++] = distance >> 8;
      left -= part;
    }
  });
  literals(tail, end);
  return to;
}

/** Packs as Java's producers do: blocks of 32 KiB, each behind its length. */
export function packSnappy(bytes: Buffer): Buffer {
  const blocks = Math.ceil(bytes.length / BLOCK_BYTES);
  const out = Buffer.allocUnsafe(JAVA_HEADER_BYTES + bytes.length + Math.ceil(bytes.length / 6) + blocks * 16);
  JAVA_MAGIC.copy(out);
  out.writeInt32BE(1, 8);
  out.writeInt32BE(1, 12);
  let to = JAVA_HEADER_BYTES;
  for (let at = 0; at < bytes.length; at += BLOCK_BYTES) {
    const next = packBlock(bytes, at, Math.min(at + BLOCK_BYTES, bytes.length), out, to + 4);
    out.writeInt32BE(next - to - 4, to);
    to = next;
  }
  return out.subarray(0, to);
}
