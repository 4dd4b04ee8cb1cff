import { compressionOf, decompress } from "./compression.ts";
import { KafkaProtocolError } from "./protocol-error.ts";
import { BATCH_HEADER_BYTES, isControl, isCrcValid, isLogAppendTime, readBatchHeader, type BatchHeader } from "./record-batch.ts";
import { readVarint, type VarintCursor } from "./varint.ts";

export type RecordHeaders = readonly (readonly [key: string, value: Uint8Array | null])[];

/** Where the records of one buffer lie: arrays that grow and are filled again, no object a record. */
export interface RecordArrays {
  count: number;
  /** Four per record: key start, key end, value start, value end; start −1 for a null. */
  positions: Int32Array;
  /** One per record. */
  offsets: Float64Array;
  /** One per record, milliseconds since the epoch. */
  timestampsMs: Float64Array;
  /** Filled only where `createRecordArrays` was asked for headers. */
  readonly headers: RecordHeaders[] | null;
}

export function createRecordArrays(capacity: number = 1024, withHeaders: boolean = false): RecordArrays {
  return {
    count: 0,
    positions: new Int32Array(capacity * 4),
    offsets: new Float64Array(capacity),
    timestampsMs: new Float64Array(capacity),
    headers: withHeaders ? [] : null,
  };
}

/** Empties the arrays and keeps their memory. */
export function clearRecordArrays(arrays: RecordArrays): void {
  arrays.count = 0;
  if (arrays.headers) arrays.headers.length = 0;
}

/** Length, attributes, two deltas, key, value and header count take a byte each. */
const MIN_RECORD_BYTES = 7;

function reserve(arrays: RecordArrays, count: number): void {
  if (count <= arrays.offsets.length) return;
  const capacity = Math.max(count, arrays.offsets.length * 2);
  const positions = new Int32Array(capacity * 4);
  positions.set(arrays.positions);
  arrays.positions = positions;
  const offsets = new Float64Array(capacity);
  offsets.set(arrays.offsets);
  arrays.offsets = offsets;
  const timestampsMs = new Float64Array(capacity);
  timestampsMs.set(arrays.timestampsMs);
  arrays.timestampsMs = timestampsMs;
}

function corrupt(batch: BatchHeader, found: string): KafkaProtocolError {
  return new KafkaProtocolError("CORRUPT_BATCH", {
    failed: `Cannot read the record batch at offset ${batch.baseOffset}`,
    found,
    remedy: "The bytes were damaged on their way or on disk; fetch them again, or skip to a later offset.",
  });
}

function readHeaders(bytes: Buffer, cursor: VarintCursor, end: number): RecordHeaders {
  const headers: [string, Uint8Array | null][] = [];
  for (let left = readVarint(bytes, cursor, end); left > 0; left--) {
    const keyLength = readVarint(bytes, cursor, end);
    const keyAt = cursor.at;
    cursor.at += keyLength;
    const valueLength = readVarint(bytes, cursor, end);
    const valueAt = cursor.at;
    if (valueLength >= 0) cursor.at += valueLength;
    if (keyLength < 0 || cursor.at > end) return headers;
    headers.push([
      bytes.toString("utf8", keyAt, keyAt + keyLength),
      valueLength < 0 ? null : Uint8Array.prototype.slice.call(bytes, valueAt, cursor.at),
    ]);
  }
  return headers;
}

/**
 * Appends to `arrays` where the records of one batch lie in `bytes[at, end)`: the batch's own buffer behind its header, or what
 * `decompress` gave for it. Records outside [fromOffset, toOffset) are stepped over. Nothing is copied.
 */
export function appendRecords(
  arrays: RecordArrays,
  batch: BatchHeader,
  bytes: Buffer,
  at: number,
  end: number,
  fromOffset: number,
  toOffset: number,
): void {
  if (batch.count < 0 || batch.count * MIN_RECORD_BYTES > end - at) throw corrupt(batch, `${batch.count} records in ${end - at} bytes`);
  reserve(arrays, arrays.count + batch.count);
  const { positions, offsets, timestampsMs, headers } = arrays;
  const appendTime = isLogAppendTime(batch.attributes) ? batch.maxTimestampMs : -1;
  const cursor: VarintCursor = { at };
  let filled = arrays.count;
  for (let left = batch.count; left > 0; left--) {
    const length = readVarint(bytes, cursor, end);
    const recordEnd = cursor.at + length;
    if (length < 0 || recordEnd > end) throw corrupt(batch, `a record of ${length} bytes runs over its end`);
    cursor.at++;
    const timestampDelta = readVarint(bytes, cursor, recordEnd);
    const offset = batch.baseOffset + readVarint(bytes, cursor, recordEnd);
    const keyLength = readVarint(bytes, cursor, recordEnd);
    const keyAt = cursor.at;
    if (keyLength > 0) cursor.at += keyLength;
    const valueLength = readVarint(bytes, cursor, recordEnd);
    const valueAt = cursor.at;
    if (keyLength < -1 || valueLength < -1 || valueAt + valueLength > recordEnd) {
      throw corrupt(batch, `the record at offset ${offset} has a key of ${keyLength} and a value of ${valueLength} bytes in ${length}`);
    }
    if (offset >= fromOffset && offset < toOffset) {
      const slot = filled * 4;
      positions[slot] = keyLength < 0 ? -1 : keyAt;
      positions[slot + 1] = keyLength < 0 ? -1 : keyAt + keyLength;
      positions[slot + 2] = valueLength < 0 ? -1 : valueAt;
      positions[slot + 3] = valueLength < 0 ? -1 : valueAt + valueLength;
      offsets[filled] = offset;
      timestampsMs[filled] = appendTime < 0 ? batch.baseTimestampMs + timestampDelta : appendTime;
      if (headers) {
        if (valueLength > 0) cursor.at = valueAt + valueLength;
        headers.push(readHeaders(bytes, cursor, recordEnd));
      }
      filled++;
    }
    cursor.at = recordEnd;
  }
  arrays.count = filled;
}

export interface BatchReadOptions {
  /** The first offset that is wanted; a fetch may begin within a batch. */
  readonly fromOffset: number;
  /** Records from here on are left out; absent: none. */
  readonly toOffset?: number;
  /** CRC-32C of every batch; true by default. */
  readonly checkCrc?: boolean;
}

/** The records of one buffer that `readRecords` hands on. */
export interface RecordRun {
  /** The buffer that `arrays.positions` point into. */
  readonly buffer: Buffer;
  /** Reused for the next run: take what is needed before going on. */
  readonly arrays: RecordArrays;
  readonly timestampType: 0 | 1;
  /** The offset to go on from behind this run. */
  readonly nextOffset: number;
}

/**
 * The records of a fetched buffer, lazily: one run for each stretch of uncompressed batches of one timestamp type, one for each
 * compressed batch. Control batches (transaction markers) count for `nextOffset` and give no records. A batch that is cut at the end is
 * left out. Throws CORRUPT_BATCH on a wrong CRC or length, UNSUPPORTED_BATCH on message formats before Kafka 0.11.
 */
export function* readRecords(
  buffer: Buffer,
  start: number,
  end: number,
  options: BatchReadOptions,
  arrays: RecordArrays,
): Generator<RecordRun> {
  const { fromOffset, toOffset = Infinity, checkCrc = true } = options;
  let timestampType: 0 | 1 = 0;
  let nextOffset = fromOffset;
  clearRecordArrays(arrays);
  for (let at = start; at < end;) {
    const batch = readBatchHeader(buffer, at, end);
    if (batch === "cut") break;
    if (typeof batch === "string") throw unreadable(batch, at);
    at = batch.end;
    if (batch.lastOffset < fromOffset) continue;
    if (batch.baseOffset >= toOffset) break;
    if (checkCrc && !isCrcValid(buffer, batch)) throw corrupt(batch, "its CRC-32C does not match");
    const type = isLogAppendTime(batch.attributes) ? 1 : 0;
    const compression = compressionOf(batch.attributes);
    const isMarker = isControl(batch.attributes);
    if (arrays.count > 0 && (type !== timestampType || compression !== "none")) {
      yield { buffer, arrays, timestampType, nextOffset };
      clearRecordArrays(arrays);
    }
    timestampType = type;
    nextOffset = Math.min(batch.lastOffset + 1, toOffset);
    if (isMarker) continue;
    const bodyAt = batch.at + BATCH_HEADER_BYTES;
    if (compression === "none") {
      appendRecords(arrays, batch, buffer, bodyAt, batch.end, fromOffset, toOffset);
      continue;
    }
    const unpacked = decompress(compression, buffer.subarray(bodyAt, batch.end));
    appendRecords(arrays, batch, unpacked, 0, unpacked.length, fromOffset, toOffset);
    yield { buffer: unpacked, arrays, timestampType, nextOffset };
    clearRecordArrays(arrays);
  }
  if (arrays.count > 0 || nextOffset > fromOffset) yield { buffer, arrays, timestampType, nextOffset };
}

function unreadable(fault: "old format" | "bad length", at: number): KafkaProtocolError {
  return fault === "old format"
    ? new KafkaProtocolError("UNSUPPORTED_BATCH", {
        failed: "Cannot read a message set of a format before Kafka 0.11",
        found: `magic below 2 at byte ${at}`,
        remedy: "Use a producer and a broker of Kafka 0.11 or later.",
      })
    : new KafkaProtocolError("CORRUPT_BATCH", {
        failed: "Cannot read a record batch",
        found: `a length or magic that makes no sense at byte ${at}`,
        remedy: "The bytes were damaged on their way or on disk; fetch them again.",
      });
}

/** One record as an object: for tools and tests, not for the hot path. */
export interface DecodedRecord {
  readonly offset: number;
  readonly timestampMs: number;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers: RecordHeaders;
}

/** Every record of a buffer of batches, as objects. */
export function decodeRecords(buffer: Buffer, options: BatchReadOptions = { fromOffset: 0 }): DecodedRecord[] {
  const records: DecodedRecord[] = [];
  for (const { buffer: bytes, arrays } of readRecords(buffer, 0, buffer.length, options, createRecordArrays(64, true))) {
    for (let i = 0; i < arrays.count; i++) {
      const [keyAt, keyEnd, valueAt, valueEnd] = arrays.positions.subarray(i * 4, i * 4 + 4) as unknown as [number, number, number, number];
      records.push({
        offset: arrays.offsets[i] as number,
        timestampMs: arrays.timestampsMs[i] as number,
        key: keyAt < 0 ? null : bytes.subarray(keyAt, keyEnd),
        value: valueAt < 0 ? null : bytes.subarray(valueAt, valueEnd),
        headers: arrays.headers?.[i] ?? [],
      });
    }
  }
  return records;
}
