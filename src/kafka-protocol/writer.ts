/**
 * A message being written. Small fields go into one growing buffer; large byte fields are kept as they are and sent in between, so that
 * record batches reach the socket without a copy.
 */
export interface Writer {
  buffer: Buffer;
  at: number;
  /** Where the piece under way starts in `buffer`. */
  start: number;
  readonly pieces: Uint8Array[];
  /** Bytes in `pieces`. */
  before: number;
}

/** Byte fields from this size on are sent as pieces of their own. */
const OWN_PIECE_BYTES = 2048;

export function createWriter(expectedBytes: number = 256): Writer {
  return { buffer: Buffer.allocUnsafe(expectedBytes), at: 0, start: 0, pieces: [], before: 0 };
}

/** Makes room for `bytes` more and returns where they go. */
function room(writer: Writer, bytes: number): number {
  const at = writer.at;
  const next = at + bytes;
  if (next > writer.buffer.length) {
    const used = at - writer.start;
    const larger = Buffer.allocUnsafe(Math.max((used + bytes) * 2, 512));
    writer.buffer.copy(larger, 0, writer.start, at);
    writer.buffer = larger;
    writer.start = 0;
    writer.at = used + bytes;
    return used;
  }
  writer.at = next;
  return at;
}

export function writeInt8(writer: Writer, value: number): void {
  const at = room(writer, 1);
  writer.buffer.writeInt8(value, at);
}

export function writeBool(writer: Writer, value: boolean): void {
  const at = room(writer, 1);
  writer.buffer[at] = value ? 1 : 0;
}

export function writeInt16(writer: Writer, value: number): void {
  const at = room(writer, 2);
  writer.buffer.writeInt16BE(value, at);
}

export function writeUint16(writer: Writer, value: number): void {
  const at = room(writer, 2);
  writer.buffer.writeUInt16BE(value, at);
}

export function writeInt32(writer: Writer, value: number): void {
  const at = room(writer, 4);
  writer.buffer.writeInt32BE(value, at);
}

export function writeUint32(writer: Writer, value: number): void {
  const at = room(writer, 4);
  writer.buffer.writeUInt32BE(value, at);
}

export function writeFloat64(writer: Writer, value: number): void {
  const at = room(writer, 8);
  writer.buffer.writeDoubleBE(value, at);
}

/** Exact within ±2^53. What reads as 2^63 is Java's Long.MAX_VALUE, and is written as that. */
export function writeInt64(writer: Writer, value: number): void {
  const at = room(writer, 8);
  if (value >= 2 ** 63) {
    writer.buffer.writeInt32BE(0x7fffffff, at);
    writer.buffer.writeInt32BE(-1, at + 4);
    return;
  }
  const high = Math.floor(value / 4294967296);
  writer.buffer.writeInt32BE(high, at);
  writer.buffer.writeUInt32BE(value - high * 4294967296, at + 4);
}

export function writeUuid(writer: Writer, value: string): void {
  const at = room(writer, 16);
  writer.buffer.fill(0, at, at + 16);
  writer.buffer.write(value, at, 16, "base64url");
}

export function writeUvarint(writer: Writer, value: number): void {
  let left = value;
  while (left > 127) {
    const at = room(writer, 1);
    writer.buffer[at] = (left % 128) | 0x80;
    left = Math.floor(left / 128);
  }
  const at = room(writer, 1);
  writer.buffer[at] = left;
}

export const writeLength32 = (writer: Writer, length: number): void => writeInt32(writer, length);
export const writeLength16 = (writer: Writer, length: number): void => writeInt16(writer, length);
export const writeCompactLength = (writer: Writer, length: number): void => writeUvarint(writer, length + 1);

/** Text without its length. */
export function writeText(writer: Writer, text: string, bytes: number): void {
  const at = room(writer, bytes);
  writer.buffer.write(text, at, bytes, "utf8");
}

/** Bytes without their length; not copied where they are many: the caller leaves them unchanged until they are sent. */
export function writeBytes(writer: Writer, bytes: Uint8Array): void {
  if (bytes.length < OWN_PIECE_BYTES) {
    const at = room(writer, bytes.length);
    writer.buffer.set(bytes, at);
    return;
  }
  if (writer.at > writer.start) writer.pieces.push(writer.buffer.subarray(writer.start, writer.at));
  writer.before += writer.at - writer.start + bytes.length;
  writer.start = writer.at;
  writer.pieces.push(bytes);
}

/** Bytes written so far. */
export const writtenBytes = (writer: Writer): number => writer.before + writer.at - writer.start;

/** All that was written, in order. The writer must not be used afterwards. */
export function finishWriter(writer: Writer): Uint8Array[] {
  if (writer.at > writer.start) writer.pieces.push(writer.buffer.subarray(writer.start, writer.at));
  return writer.pieces;
}

/** The same in one piece. */
export function joinPieces(pieces: readonly Uint8Array[]): Buffer {
  const only = pieces[0];
  if (pieces.length === 1 && only) return Buffer.from(only.buffer, only.byteOffset, only.byteLength);
  return Buffer.concat(pieces);
}
