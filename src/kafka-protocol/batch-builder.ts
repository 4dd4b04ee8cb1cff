import { compress, compressionCode, type Compression } from "./compression.ts";
import { crc32c } from "../base/crc32c.ts";
import { BATCH_HEADER_BYTES, BATCH_PREFIX_BYTES, writeLong } from "./record-batch.ts";
import { varintBytes, writeVarint } from "./varint.ts";

/** In the order in which they are sent; a name may come several times. */
export type HeadersToWrite = readonly (readonly [name: string, value: string | Uint8Array | null])[];

type Field = string | Uint8Array | null;

/** Length, attributes, both deltas, both lengths and the header count of a record at their largest. */
const RECORD_OVERHEAD_BYTES = 5 + 1 + 8 + 5 + 5 + 5 + 5;
const MAX_BYTES_A_CHARACTER = 3;
/** Up to here a loop over the characters is faster than a call into the runtime. */
const SHORT_CHARACTERS = 24;

const exactBytes = (field: Field): number => (field === null ? -1 : typeof field === "string" ? Buffer.byteLength(field) : field.length);

/**
 * A record batch (v2) that grows record by record: texts and bytes are encoded straight into the batch's memory, with no object a record. It is
 * filled with `append`, made whole by `seal`, and made its producer's by `stampProducer`.
 */
export class BatchBuilder {
  #buffer: Buffer;
  #at: number = BATCH_HEADER_BYTES;
  #count = 0;
  #baseTimestampMs = 0;
  #maxTimestampMs = 0;

  /** `memory` has room for the header at least; the batch moves to larger memory when it is full. */
  constructor(memory: Buffer) {
    this.#buffer = memory;
  }

  get count(): number {
    return this.#count;
  }

  /** Of the batch so far, header included, before compression. */
  get bytes(): number {
    return this.#at;
  }

  /** Where the batch lies now: what was given, or what it has moved to. */
  get memory(): Buffer {
    return this.#buffer;
  }

  append(key: Field, value: Field, timestampMs: number, headers?: HeadersToWrite): void {
    if (this.#count === 0) this.#baseTimestampMs = this.#maxTimestampMs = timestampMs;
    else if (timestampMs > this.#maxTimestampMs) this.#maxTimestampMs = timestampMs;
    const characters = (key === null ? 0 : key.length) + (value === null ? 0 : value.length);
    const headerBytes = headers === undefined ? 1 : bytesOfHeaders(headers);
    this.#reserve(RECORD_OVERHEAD_BYTES + headerBytes + characters * MAX_BYTES_A_CHARACTER);
    const start = this.#at;
    const asAscii = this.#write(
      key,
      key === null ? -1 : key.length,
      value,
      value === null ? -1 : value.length,
      timestampMs,
      headers,
      headerBytes,
    );
    if (!asAscii) {
      this.#at = start;
      this.#write(key, exactBytes(key), value, exactBytes(value), timestampMs, headers, headerBytes);
    }
    this.#count++;
  }

  /** The whole batch, of no producer as yet and without its CRC: `stampProducer` brings both. A view of `memory` where nothing is compressed. */
  seal(compression: Compression): Buffer {
    let batch = this.#buffer.subarray(0, this.#at);
    if (compression !== "none") {
      batch = Buffer.concat([batch.subarray(0, BATCH_HEADER_BYTES), compress(compression, batch.subarray(BATCH_HEADER_BYTES))]);
    }
    writeLong(batch, 0, 0);
    batch.writeInt32BE(batch.length - BATCH_PREFIX_BYTES, 8);
    batch.writeInt32BE(-1, 12);
    batch[16] = 2;
    batch.writeInt16BE(compressionCode(compression), 21);
    batch.writeInt32BE(this.#count - 1, 23);
    writeLong(batch, 27, this.#baseTimestampMs);
    writeLong(batch, 35, this.#maxTimestampMs);
    batch.writeInt32BE(this.#count, 57);
    return batch;
  }

  /** Writes a record whose key and value have so many bytes; false where a text turned out to have more. */
  #write(
    key: Field,
    keyBytes: number,
    value: Field,
    valueBytes: number,
    timestampMs: number,
    headers: HeadersToWrite | undefined,
    headerBytes: number,
  ): boolean {
    const buffer = this.#buffer;
    const timestampDelta = timestampMs - this.#baseTimestampMs;
    const size =
      1 +
      varintBytes(timestampDelta) +
      varintBytes(this.#count) +
      varintBytes(keyBytes) +
      Math.max(0, keyBytes) +
      varintBytes(valueBytes) +
      Math.max(0, valueBytes) +
      headerBytes;
    let at = writeVarint(buffer, this.#at, size);
    buffer[at++] = 0;
    at = writeVarint(buffer, at, timestampDelta);
    at = writeVarint(buffer, at, this.#count);
    at = writeVarint(buffer, at, keyBytes);
    if (key !== null && writeField(buffer, at, key) !== keyBytes) return false;
    at = writeVarint(buffer, at + Math.max(0, keyBytes), valueBytes);
    if (value !== null && writeField(buffer, at, value) !== valueBytes) return false;
    at += Math.max(0, valueBytes);
    if (headers === undefined) buffer[at++] = 0;
    else at = writeHeaders(buffer, at, headers);
    this.#at = at;
    return true;
  }

  #reserve(bytes: number): void {
    const needed = this.#at + bytes;
    if (needed <= this.#buffer.length) return;
    const larger = Buffer.allocUnsafe(Math.max(needed, this.#buffer.length * 2));
    this.#buffer.copy(larger, BATCH_HEADER_BYTES, BATCH_HEADER_BYTES, this.#at);
    this.#buffer = larger;
  }
}

/** Makes a sealed batch that of a producer, and its CRC right: before it is sent, and again when it gets another sequence. −1 for none of them. */
export function stampProducer(batch: Buffer, producerId: number, producerEpoch: number, baseSequence: number): void {
  writeLong(batch, 43, producerId);
  batch.writeInt16BE(producerEpoch, 51);
  batch.writeInt32BE(baseSequence, 53);
  batch.writeUInt32BE(crc32c(batch, 21), 17);
}

/** Writes a text or bytes and says how many bytes that were. */
function writeField(buffer: Buffer, at: number, field: string | Uint8Array): number {
  if (typeof field !== "string") {
    buffer.set(field, at);
    return field.length;
  }
  if (field.length > SHORT_CHARACTERS) return buffer.write(field, at);
  for (let i = 0; i < field.length; i++) {
    const code = field.charCodeAt(i);
    if (code > 127) return buffer.write(field, at);
    buffer[at + i] = code;
  }
  return field.length;
}

function bytesOfHeaders(headers: HeadersToWrite): number {
  let bytes = varintBytes(headers.length);
  for (const [name, value] of headers) {
    const nameBytes = Buffer.byteLength(name);
    const valueBytes = exactBytes(value);
    bytes += varintBytes(nameBytes) + nameBytes + varintBytes(valueBytes) + Math.max(0, valueBytes);
  }
  return bytes;
}

function writeHeaders(buffer: Buffer, start: number, headers: HeadersToWrite): number {
  let at = writeVarint(buffer, start, headers.length);
  for (const header of headers) {
    for (const field of header) {
      at = writeVarint(buffer, at, exactBytes(field));
      if (field !== null) at += writeField(buffer, at, field);
    }
  }
  return at;
}
