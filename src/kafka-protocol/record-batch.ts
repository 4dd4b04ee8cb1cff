import { compressionCode, type Compression, compress } from "./compression.ts";
import { crc32c } from "../base/crc32c.ts";
import { varintBytes, writeVarint } from "./varint.ts";

/**
 * Record batch v2 (magic 2), all numbers big-endian:
 *
 *      0 base offset 8        16 magic 1              27 base timestamp 8     51 producer epoch 2
 *      8 length 4             17 CRC-32C 4            35 max timestamp 8      53 base sequence 4
 *     12 leader epoch 4       21 attributes 2         43 producer id 8        57 record count 4
 *                             23 last offset delta 4                          61 records
 *
 * The length counts from byte 12. The CRC covers everything from the attributes on, so that a broker sets base offset and leader epoch
 * without touching it. Attributes: bits 0–2 compression, 3 log append time, 4 transactional, 5 control.
 */
export interface BatchHeader {
  /** Where the batch starts in its buffer. */
  readonly at: number;
  /** Where the next one starts. */
  readonly end: number;
  readonly baseOffset: number;
  readonly leaderEpoch: number;
  readonly crc: number;
  readonly attributes: number;
  readonly lastOffset: number;
  readonly baseTimestampMs: number;
  readonly maxTimestampMs: number;
  /** −1 without idempotence. */
  readonly producerId: number;
  readonly producerEpoch: number;
  readonly baseSequence: number;
  readonly count: number;
}

/** Bytes before the first record. */
export const BATCH_HEADER_BYTES: number = 61;
/** Bytes before the part that the length counts. */
export const BATCH_PREFIX_BYTES: number = 12;

const ATTRIBUTES_AT = 21;
const LOG_APPEND_TIME = 0x08;
const TRANSACTIONAL = 0x10;
const CONTROL = 0x20;

export const isLogAppendTime = (attributes: number): boolean => (attributes & LOG_APPEND_TIME) !== 0;
export const isTransactional = (attributes: number): boolean => (attributes & TRANSACTIONAL) !== 0;
export const isControl = (attributes: number): boolean => (attributes & CONTROL) !== 0;

const readLong = (buffer: Buffer, at: number): number => buffer.readInt32BE(at) * 4294967296 + buffer.readUInt32BE(at + 4);

/** Eight bytes, exact within ±2^53. */
export const writeLong = (buffer: Buffer, at: number, value: number): void => {
  const high = Math.floor(value / 4294967296);
  buffer.writeInt32BE(high, at);
  buffer.writeUInt32BE(value - high * 4294967296, at + 4);
};

/** Why `readBatchHeader` gave none. */
export type BatchFault = "cut" | "old format" | "bad length";

/**
 * The header of the batch at `at`; bytes beyond `end` are not there. "cut": the batch goes on beyond the end, as a fetch's last one may.
 * "old format": a message set of before Kafka 0.11. The CRC is not looked at.
 */
export function readBatchHeader(buffer: Buffer, at: number, end: number): BatchHeader | BatchFault {
  if (end - at < 17) return "cut";
  const length = buffer.readInt32BE(at + 8);
  const magic = buffer[at + 16] as number;
  if (magic < 2) return length < 14 ? "bad length" : "old format";
  if (magic !== 2 || length < BATCH_HEADER_BYTES - BATCH_PREFIX_BYTES) return "bad length";
  if (length > end - at - BATCH_PREFIX_BYTES) return "cut";
  const baseOffset = readLong(buffer, at);
  return {
    at,
    end: at + BATCH_PREFIX_BYTES + length,
    baseOffset,
    leaderEpoch: buffer.readInt32BE(at + 12),
    crc: buffer.readUInt32BE(at + 17),
    attributes: buffer.readInt16BE(at + ATTRIBUTES_AT),
    lastOffset: baseOffset + buffer.readInt32BE(at + 23),
    baseTimestampMs: readLong(buffer, at + 27),
    maxTimestampMs: readLong(buffer, at + 35),
    producerId: readLong(buffer, at + 43),
    producerEpoch: buffer.readInt16BE(at + 51),
    baseSequence: buffer.readInt32BE(at + 53),
    count: buffer.readInt32BE(at + 57),
  };
}

export function isCrcValid(buffer: Buffer, batch: BatchHeader): boolean {
  return crc32c(buffer, batch.at + ATTRIBUTES_AT, batch.end) === batch.crc;
}

/** What a leader sets on a batch that it appends; both fields lie outside the CRC. */
export function patchBatch(buffer: Buffer, at: number, baseOffset: number, leaderEpoch: number): void {
  writeLong(buffer, at, baseOffset);
  buffer.writeInt32BE(leaderEpoch, at + 12);
}

/** Turns a batch into one of log append time: every record reads as written at `timestampMs`. Makes the CRC anew. */
export function stampLogAppendTime(buffer: Buffer, batch: BatchHeader, timestampMs: number): void {
  buffer.writeInt16BE(batch.attributes | LOG_APPEND_TIME, batch.at + ATTRIBUTES_AT);
  writeLong(buffer, batch.at + 35, timestampMs);
  buffer.writeUInt32BE(crc32c(buffer, batch.at + ATTRIBUTES_AT, batch.end), batch.at + 17);
}

export interface RecordToWrite {
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;
  readonly timestampMs: number;
  readonly headers?: readonly (readonly [key: string, value: Uint8Array | null])[];
}

export interface BatchOptions {
  readonly baseOffset?: number;
  readonly leaderEpoch?: number;
  readonly compression?: Compression;
  readonly producerId?: number;
  readonly producerEpoch?: number;
  readonly baseSequence?: number;
  readonly isTransactional?: boolean;
  readonly isControl?: boolean;
}

const lengthBytes = (bytes: Uint8Array | null): number => (bytes === null ? 1 : varintBytes(bytes.length) + bytes.length);

function recordBytes(record: RecordToWrite, timestampDelta: number, offsetDelta: number): number {
  let bytes = 1 + varintBytes(timestampDelta) + varintBytes(offsetDelta) + lengthBytes(record.key) + lengthBytes(record.value);
  const headers = record.headers ?? [];
  bytes += varintBytes(headers.length);
  for (const [key, value] of headers) {
    const keyBytes = Buffer.byteLength(key);
    bytes += varintBytes(keyBytes) + keyBytes + lengthBytes(value);
  }
  return bytes;
}

function writeField(buffer: Buffer, at: number, bytes: Uint8Array | null): number {
  if (bytes === null) return writeVarint(buffer, at, -1);
  const next = writeVarint(buffer, at, bytes.length);
  buffer.set(bytes, next);
  return next + bytes.length;
}

function writeRecord(
  buffer: Buffer,
  start: number,
  record: RecordToWrite,
  size: number,
  timestampDelta: number,
  offsetDelta: number,
): number {
  let at = writeVarint(buffer, start, size);
  buffer[at++] = 0;
  at = writeVarint(buffer, at, timestampDelta);
  at = writeVarint(buffer, at, offsetDelta);
  at = writeField(buffer, at, record.key);
  at = writeField(buffer, at, record.value);
  const headers = record.headers ?? [];
  at = writeVarint(buffer, at, headers.length);
  for (const [key, value] of headers) {
    const keyBytes = Buffer.byteLength(key);
    at = writeVarint(buffer, at, keyBytes);
    buffer.write(key, at, keyBytes, "utf8");
    at = writeField(buffer, at + keyBytes, value);
  }
  return at;
}

/** One batch of at least one record, as a producer sends it and a log keeps it. */
export function encodeBatch(records: readonly RecordToWrite[], options: BatchOptions = {}): Buffer {
  const first = records[0];
  if (!first) throw new RangeError("a batch has at least one record");
  const baseTimestampMs = first.timestampMs;
  let maxTimestampMs = baseTimestampMs;
  const sizes = records.map((record, index) => {
    maxTimestampMs = Math.max(maxTimestampMs, record.timestampMs);
    return recordBytes(record, record.timestampMs - baseTimestampMs, index);
  });
  const total = sizes.reduce((sum, size) => sum + varintBytes(size) + size, 0);
  const compression = options.compression ?? "none";
  let batch = Buffer.allocUnsafe(BATCH_HEADER_BYTES + total);
  let at = BATCH_HEADER_BYTES;
  records.forEach((record, index) => {
    at = writeRecord(batch, at, record, sizes[index] as number, record.timestampMs - baseTimestampMs, index);
  });
  if (compression !== "none") {
    const packed = compress(compression, batch.subarray(BATCH_HEADER_BYTES));
    batch = Buffer.concat([batch.subarray(0, BATCH_HEADER_BYTES), packed]);
  }
  writeLong(batch, 0, options.baseOffset ?? 0);
  batch.writeInt32BE(batch.length - BATCH_PREFIX_BYTES, 8);
  batch.writeInt32BE(options.leaderEpoch ?? -1, 12);
  batch[16] = 2;
  const flags = (options.isTransactional ? TRANSACTIONAL : 0) | (options.isControl ? CONTROL : 0);
  batch.writeInt16BE(compressionCode(compression) | flags, ATTRIBUTES_AT);
  batch.writeInt32BE(records.length - 1, 23);
  writeLong(batch, 27, baseTimestampMs);
  writeLong(batch, 35, maxTimestampMs);
  writeLong(batch, 43, options.producerId ?? -1);
  batch.writeInt16BE(options.producerEpoch ?? -1, 51);
  batch.writeInt32BE(options.baseSequence ?? -1, 53);
  batch.writeInt32BE(records.length, 57);
  batch.writeUInt32BE(crc32c(batch, ATTRIBUTES_AT), 17);
  return batch;
}
