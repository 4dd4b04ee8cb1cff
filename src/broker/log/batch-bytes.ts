import { BATCH_PREFIX_BYTES, readBatchHeader } from "../../kafka-protocol/record-batch.ts";

const bufferOf = (bytes: Uint8Array): Buffer => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);

/** The part of a buffer of batches that lies before the first one at or behind `offset`. Steps from header to header. */
export function cutAtOffset(bytes: Uint8Array, offset: number): Uint8Array {
  const buffer = bufferOf(bytes);
  for (let at = 0; buffer.length - at >= BATCH_PREFIX_BYTES;) {
    const baseOffset = buffer.readInt32BE(at) * 4294967296 + buffer.readUInt32BE(at + 4);
    if (baseOffset >= offset) return bytes.subarray(0, at);
    at += BATCH_PREFIX_BYTES + Math.max(0, buffer.readInt32BE(at + 8));
  }
  return bytes;
}

/** The offset behind the last whole batch of a buffer; 0 where there is none. */
export function offsetBehind(bytes: Uint8Array): number {
  const buffer = bufferOf(bytes);
  let behind = 0;
  for (let at = 0; at < buffer.length;) {
    const batch = readBatchHeader(buffer, at, buffer.length);
    if (typeof batch !== "object") break;
    behind = batch.lastOffset + 1;
    at = batch.end;
  }
  return behind;
}
