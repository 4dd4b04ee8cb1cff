import { compress, compressionOf, decompress, type Compression } from "../../kafka-protocol/compression.ts";
import { crc32c } from "../../base/crc32c.ts";
import { BATCH_HEADER_BYTES, BATCH_PREFIX_BYTES, isLogAppendTime, writeLong, type BatchHeader } from "../../kafka-protocol/record-batch.ts";
import { readVarint, varintBytes, writeVarint, type VarintCursor } from "../../kafka-protocol/varint.ts";

const ATTRIBUTES_AT = 21;
const COMPRESSION_BITS = 0x07;
/** Attribute bit 6: the base timestamp is the time from which compaction may drop the batch's tombstones (KIP-534). */
const DELETE_HORIZON = 0x40;

/** When compaction may drop the tombstones of a batch, or the marker in it; undefined until a first compaction has met them. */
export const deleteHorizonOf = (batch: BatchHeader): number | undefined =>
  (batch.attributes & DELETE_HORIZON) !== 0 ? batch.baseTimestampMs : undefined;

/** A record in its unpacked batch. */
export interface RawRecord {
  readonly offset: number;
  readonly timestampMs: number;
  /** Undefined for none. */
  readonly key: Buffer | undefined;
  readonly hasValue: boolean;
  /** What follows the timestamp delta: the bytes that a rewritten batch takes over as they are. */
  readonly rest: Buffer;
}

/** The records of a batch, one by one, with the bytes they consist of. Throws CORRUPT_BATCH where they do not unpack. */
export function* rawRecords(batch: BatchHeader, buffer: Buffer): Generator<RawRecord> {
  const bytes = decompress(compressionOf(batch.attributes), buffer.subarray(batch.at + BATCH_HEADER_BYTES, batch.end));
  const appendTime = isLogAppendTime(batch.attributes) ? batch.maxTimestampMs : undefined;
  const cursor: VarintCursor = { at: 0 };
  for (let left = batch.count; left > 0; left--) {
    const length = readVarint(bytes, cursor, bytes.length);
    const end = cursor.at + length;
    if (length < 0 || end > bytes.length) throw new RangeError(`a record of the batch at offset ${batch.baseOffset} runs over its end`);
    cursor.at++;
    const timestampDelta = readVarint(bytes, cursor, end);
    const restAt = cursor.at;
    const offset = batch.baseOffset + readVarint(bytes, cursor, end);
    const keyLength = readVarint(bytes, cursor, end);
    const key = keyLength < 0 ? undefined : bytes.subarray(cursor.at, cursor.at + keyLength);
    cursor.at += Math.max(0, keyLength);
    const hasValue = readVarint(bytes, cursor, end) >= 0;
    yield { offset, timestampMs: appendTime ?? batch.baseTimestampMs + timestampDelta, key, hasValue, rest: bytes.subarray(restAt, end) };
    cursor.at = end;
  }
}

function sealed(batch: Buffer): Buffer {
  batch.writeInt32BE(batch.length - BATCH_PREFIX_BYTES, 8);
  batch.writeUInt32BE(crc32c(batch, ATTRIBUTES_AT), 17);
  return batch;
}

/**
 * A batch with only some of its records, as Kafka's cleaner writes it: base offset, last offset, producer, epoch, sequence and compression stay.
 * With `horizonMs` it is marked with the time from which its tombstones may go.
 */
export function withRecords(batch: BatchHeader, buffer: Buffer, records: readonly RawRecord[], horizonMs?: number): Buffer {
  const baseTimestampMs = horizonMs ?? batch.baseTimestampMs;
  const isAppendTime = isLogAppendTime(batch.attributes);
  const deltas = records.map(({ timestampMs }) => (isAppendTime ? 0 : timestampMs - baseTimestampMs));
  const sizes = records.map(({ rest }, i) => 1 + varintBytes(deltas[i] as number) + rest.length);
  const body = Buffer.allocUnsafe(sizes.reduce((sum, size) => sum + varintBytes(size) + size, 0));
  let at = 0;
  records.forEach(({ rest }, i) => {
    at = writeVarint(body, at, sizes[i] as number);
    body[at++] = 0;
    at = writeVarint(body, at, deltas[i] as number);
    body.set(rest, at);
    at += rest.length;
  });
  const header = buffer.subarray(batch.at, batch.at + BATCH_HEADER_BYTES);
  const made = Buffer.concat([header, compress(compressionOf(batch.attributes), body)]);
  if (horizonMs !== undefined) made.writeInt16BE(batch.attributes | DELETE_HORIZON, ATTRIBUTES_AT);
  writeLong(made, 27, baseTimestampMs);
  if (!isAppendTime) writeLong(made, 35, Math.max(...records.map(({ timestampMs }) => timestampMs)));
  made.writeInt32BE(records.length, 57);
  return sealed(made);
}

/** A batch without any record, which still says up to where its producer had come. */
export function emptied(batch: BatchHeader, buffer: Buffer): Buffer {
  const made = Buffer.from(buffer.subarray(batch.at, batch.at + BATCH_HEADER_BYTES));
  made.writeInt16BE(batch.attributes & ~(COMPRESSION_BITS | DELETE_HORIZON), ATTRIBUTES_AT);
  writeLong(made, 27, -1);
  made.writeInt32BE(0, 57);
  return sealed(made);
}

/** The batch packed in another way. Everything else stays. */
export function repacked(
  batch: BatchHeader,
  buffer: Buffer,
  unpacked: Buffer,
  compression: Compression,
  code: number,
  level?: number,
): Buffer {
  const header = buffer.subarray(batch.at, batch.at + BATCH_HEADER_BYTES);
  const made = Buffer.concat([header, compress(compression, unpacked, level)]);
  made.writeInt16BE((batch.attributes & ~COMPRESSION_BITS) | code, ATTRIBUTES_AT);
  return sealed(made);
}
