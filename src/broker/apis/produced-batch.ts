import { compressionCode, compressionOf, decompress } from "../../kafka-protocol/compression.ts";
import { crc32c } from "../../base/crc32c.ts";
import { errorCodes } from "../../kafka-protocol/error-codes.ts";
import {
  BATCH_HEADER_BYTES,
  isControl,
  isCrcValid,
  isLogAppendTime,
  readBatchHeader,
  stampLogAppendTime,
  writeLong,
  type BatchHeader,
} from "../../kafka-protocol/record-batch.ts";
import { readVarint, type VarintCursor } from "../../kafka-protocol/varint.ts";
import type { TopicSettings } from "../configs/topic-settings.ts";
import { repacked } from "../log/batch-rewriting.ts";

/** A record that Kafka names when it refuses its batch (KIP-467). */
export interface RecordError {
  readonly batchIndex: number;
  readonly batchIndexErrorMessage: string;
}

/** Why a batch is not taken. Kafka tells a message only where it is about single records. */
export class Refusal extends Error {
  readonly errorCode: number;
  /** Whether Kafka's log itself refuses: then the answer bears the offset that the log begins at. */
  readonly byLog: boolean;
  readonly recordErrors: readonly RecordError[];
  constructor(errorCode: number, message: string, byLog: boolean = false, recordErrors: readonly RecordError[] = []) {
    super(message);
    this.errorCode = errorCode;
    this.byLog = byLog;
    this.recordErrors = recordErrors;
  }
}

/** A producer's batch as it is appended: `bytes` is what is stored. */
export interface ProducedBatch {
  readonly batch: BatchHeader;
  readonly bytes: Buffer;
  /** −1 where the records keep their own times. */
  readonly logAppendTimeMs: number;
}

const MOST_MAGIC = 2;
const MAGIC_AT = 16;
const ZSTD = 4;
const FIRST_VERSION_WITH_ZSTD = 7;
const ATTRIBUTES_AT = 21;
const CRC_AT = 17;
const MAX_TIMESTAMP_AT = 35;
const LOG_APPEND_TIME = 0x08;
const COMPRESSION_BITS = 0x07;
const NO_TIMESTAMP = -1;

const NO_LIMIT_MS = 2n ** 63n - 1n;

const invalid = (message: string, byLog: boolean = false): Refusal => new Refusal(errorCodes.INVALID_RECORD, message, byLog);

/** The one batch of a partition's records, by Kafka's checks in their order. What follows it and is not a batch is dropped, as Kafka does. */
function soundBatch(records: Buffer, maxBytes: number, version: number): BatchHeader {
  const batch = readBatchHeader(records, 0, records.length);
  const magic = records.length > MAGIC_AT ? (records[MAGIC_AT] as number) : 0;
  if (magic > MOST_MAGIC) throw new Refusal(errorCodes.CORRUPT_MESSAGE, `Invalid magic found in record: ${magic}`);
  if (batch === "old format") throw invalid("Message formats before Kafka 0.11 are not taken.");
  if (typeof batch === "string") throw invalid("The record batch is cut or its length is wrong.");
  if (typeof readBatchHeader(records, batch.end, records.length) === "object") {
    throw invalid("A partition takes exactly one record batch a request.");
  }
  if ((batch.attributes & COMPRESSION_BITS) === ZSTD && version < FIRST_VERSION_WITH_ZSTD) {
    throw new Refusal(errorCodes.UNSUPPORTED_COMPRESSION_TYPE, "This version of Produce does not know the compression of the batch.");
  }
  if (batch.end > maxBytes) {
    throw new Refusal(errorCodes.MESSAGE_TOO_LARGE, `The record batch is ${batch.end} bytes large, the topic takes ${maxBytes}.`);
  }
  if (!isCrcValid(records, batch)) throw new Refusal(errorCodes.CORRUPT_MESSAGE, "The CRC-32C of the record batch does not match.");
  if (batch.baseOffset !== 0) throw invalid(`The base offset of the record batch should be 0, but it is ${batch.baseOffset}.`, true);
  if (batch.count <= 0 || batch.lastOffset !== batch.count - 1) {
    throw invalid("The record count of the batch does not fit its last offset.", true);
  }
  if (batch.producerId >= 0 && batch.baseSequence < 0) throw invalid("A batch of an idempotent producer needs a sequence.", true);
  if (isControl(batch.attributes)) throw invalid("Clients may not write control batches.", true);
  return batch;
}

function unpacked(batch: BatchHeader, records: Buffer, version: number): Buffer {
  try {
    const code = batch.attributes & COMPRESSION_BITS;
    if (code > ZSTD) throw new Refusal(errorCodes.UNKNOWN_SERVER_ERROR, `Unknown compression ${code}`, version >= FIRST_VERSION_WITH_ZSTD);
    return decompress(compressionOf(batch.attributes), records.subarray(BATCH_HEADER_BYTES, batch.end));
  } catch (thrown) {
    if (thrown instanceof Refusal) throw thrown;
    throw new Refusal(errorCodes.UNKNOWN_SERVER_ERROR, thrown instanceof Error ? thrown.message : String(thrown), true);
  }
}

interface RecordRules {
  readonly needsKey: boolean;
  readonly nowMs: number;
  readonly earliestMs: number;
  readonly latestMs: number;
  /** "topic-partition", for messages. */
  readonly partition: string;
}

function skipField(bytes: Buffer, cursor: VarintCursor, end: number): number {
  const length = readVarint(bytes, cursor, end);
  if (length > 0) cursor.at += length;
  if (length < -1 || cursor.at > end) throw invalid("A field of a record runs over its end.", true);
  return length;
}

/** Steps through all records of a batch; returns their latest time. Throws where they do not fit the batch or break a rule. */
function checkRecords(batch: BatchHeader, bytes: Buffer, rules: RecordRules): number {
  const errors: RecordError[] = [];
  let hasBadTime = false;
  let maxTimestampMs = NO_TIMESTAMP;
  const cursor: VarintCursor = { at: 0 };
  for (let index = 0; index < batch.count; index++) {
    const length = readVarint(bytes, cursor, bytes.length);
    const end = cursor.at + length;
    if (length < 0 || end > bytes.length) throw invalid("A record runs over the end of its batch.", true);
    cursor.at++;
    const timestampMs = batch.baseTimestampMs + readVarint(bytes, cursor, end);
    readVarint(bytes, cursor, end);
    const keyLength = skipField(bytes, cursor, end);
    skipField(bytes, cursor, end);
    for (let headers = readVarint(bytes, cursor, end); headers !== 0; headers--) {
      if (headers < 0 || skipField(bytes, cursor, end) < 0) throw invalid("A record has a header without a name.", true);
      skipField(bytes, cursor, end);
    }
    if (cursor.at !== end) throw invalid("A record is not as long as it says.", true);
    if (timestampMs > maxTimestampMs) maxTimestampMs = timestampMs;
    if (keyLength < 0 && rules.needsKey) {
      const message = `Compacted topic cannot accept message without key in topic partition ${rules.partition}`;
      errors.push({ batchIndex: index, batchIndexErrorMessage: message });
    } else if (timestampMs !== NO_TIMESTAMP && (timestampMs < rules.earliestMs || timestampMs > rules.latestMs)) {
      const earliest = rules.earliestMs === -Infinity ? BigInt(rules.nowMs) - NO_LIMIT_MS : rules.earliestMs;
      const range = `[${earliest}, ${rules.latestMs}]`;
      const message = `Timestamp ${timestampMs} of message with offset ${index} is out of range. The timestamp should be within ${range}`;
      hasBadTime = true;
      errors.push({ batchIndex: index, batchIndexErrorMessage: message });
    }
  }
  if (cursor.at !== bytes.length) throw invalid("The record batch holds more than its records.", true);
  if (hasBadTime) {
    throw new Refusal(errorCodes.INVALID_TIMESTAMP, "One or more records have been rejected due to invalid timestamp", true, errors);
  }
  if (errors.length > 0) throw new Refusal(errorCodes.INVALID_RECORD, rejected(errors), true, errors);
  return maxTimestampMs;
}

function rejected(errors: readonly RecordError[]): string {
  const shown = errors.slice(0, 3).map((one) => `RecordError(batchIndex=${one.batchIndex}, message='${one.batchIndexErrorMessage}')`);
  return `One or more records have been rejected due to ${errors.length} record errors in total, and only showing the first three errors at most: [${shown.join(", ")}]`;
}

function checkedRecords(batch: BatchHeader, bytes: Buffer, rules: RecordRules): number {
  try {
    return checkRecords(batch, bytes, rules);
  } catch (thrown) {
    throw thrown instanceof Refusal ? thrown : invalid("The records of the batch cannot be read.", true);
  }
}

/** Has the header say what a topic with times of the producers keeps: the type of time, and the latest time there is. */
function withTrueTimes(batch: BatchHeader, bytes: Buffer, maxTimestampMs: number): BatchHeader {
  if (batch.maxTimestampMs === maxTimestampMs && !isLogAppendTime(batch.attributes)) return batch;
  const attributes = batch.attributes & ~LOG_APPEND_TIME;
  bytes.writeInt16BE(attributes, ATTRIBUTES_AT);
  writeLong(bytes, MAX_TIMESTAMP_AT, maxTimestampMs);
  bytes.writeUInt32BE(crc32c(bytes, ATTRIBUTES_AT, batch.end), CRC_AT);
  return { ...batch, attributes, maxTimestampMs };
}

/**
 * Checks the records that a producer sent for a partition, all of them, and makes of them what the topic stores: packed anew where
 * `compression.type` asks for it, stamped where its times are the broker's. Throws a Refusal with Kafka's code.
 */
export function producedBatch(records: Buffer, settings: TopicSettings, version: number, partition: string): ProducedBatch {
  let batch = soundBatch(records, settings.maxMessageBytes, version);
  let bytes = batch.end === records.length ? records : records.subarray(0, batch.end);
  const nowMs = Date.now();
  const body = unpacked(batch, bytes, version);
  const maxTimestampMs = checkedRecords(batch, body, {
    needsKey: settings.isCompacted,
    nowMs,
    earliestMs: settings.isLogAppendTime ? -Infinity : nowMs - settings.timestampBeforeMaxMs,
    latestMs: settings.isLogAppendTime ? Infinity : nowMs + settings.timestampAfterMaxMs,
    partition,
  });
  const { compression } = settings;
  if (compression !== undefined && compression !== compressionOf(batch.attributes)) {
    bytes = repacked(batch, bytes, body, compression, compressionCode(compression), settings.compressionLevel);
    batch = readBatchHeader(bytes, 0, bytes.length) as BatchHeader;
    if (bytes.length > settings.maxMessageBytes) {
      throw new Refusal(errorCodes.MESSAGE_TOO_LARGE, `The record batch is ${bytes.length} bytes large as the topic packs it.`);
    }
  }
  if (!settings.isLogAppendTime) return { batch: withTrueTimes(batch, bytes, maxTimestampMs), bytes, logAppendTimeMs: -1 };
  stampLogAppendTime(bytes, batch, nowMs);
  return {
    batch: { ...batch, attributes: batch.attributes | LOG_APPEND_TIME, maxTimestampMs: nowMs },
    bytes,
    logAppendTimeMs: nowMs,
  };
}
