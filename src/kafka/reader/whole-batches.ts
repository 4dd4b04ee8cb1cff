import { readControlMarker } from "../../kafka-protocol/control-marker.ts";
import { KafkaProtocolError } from "../../kafka-protocol/protocol-error.ts";
import { BATCH_HEADER_BYTES, type BatchHeader, isControl, isTransactional, readBatchHeader } from "../../kafka-protocol/record-batch.ts";
import { appendRecords, createRecordArrays } from "../../kafka-protocol/record-iteration.ts";

/** A transaction that was aborted, as a Fetch answer lists it: its producer, and the offset of its first record. */
export type AbortedTransaction = { readonly producerId: number; readonly firstOffset: number };

/** Bytes `[start, end)` of what was fetched. */
export type FetchedPart = readonly [start: number, end: number];

/**
 * The offset behind the last whole batch, and the stretches of bytes without the batches of aborted transactions: a producer's batches do not count
 * from the first offset of its aborted transaction to its abort marker (KIP-98, "Consumer coordinator and transactions").
 * @throws KafkaProtocolError UNSUPPORTED_BATCH, CORRUPT_BATCH
 */
export function wholeBatches(
  records: Buffer,
  position: number,
  aborted: readonly AbortedTransaction[],
): { readonly next: number; readonly parts: readonly FetchedPart[] } {
  const starting = [...aborted].sort((a, b) => a.firstOffset - b.firstOffset);
  const aborting = new Set<number>();
  const parts: FetchedPart[] = [];
  let next = position;
  let from = 0;
  let at = 0;
  while (at < records.length) {
    const batch = readBatchHeader(records, at, records.length);
    if (batch === "cut") break;
    if (typeof batch === "string") throw unreadable(batch);
    if (aborted.length > 0) {
      while (starting[0] && starting[0].firstOffset <= batch.lastOffset) aborting.add(starting.shift()?.producerId ?? -1);
      if (isControl(batch.attributes)) {
        if (aborting.has(batch.producerId) && isAbortMarker(records, batch)) aborting.delete(batch.producerId);
      } else if (isTransactional(batch.attributes) && aborting.has(batch.producerId)) {
        if (from < at) parts.push([from, at]);
        from = batch.end;
      }
    }
    next = batch.lastOffset + 1;
    at = batch.end;
  }
  if (from < at) parts.push([from, at]);
  return { next, parts };
}

/** Whether the record of a control batch ends a transaction by an abort. */
function isAbortMarker(records: Buffer, batch: BatchHeader): boolean {
  const arrays = createRecordArrays(1);
  appendRecords(arrays, batch, records, batch.at + BATCH_HEADER_BYTES, batch.end, -Infinity, Infinity);
  const [start = -1, end = -1] = arrays.positions;
  return start >= 0 && readControlMarker(records.subarray(start, end)) === "abort";
}

function unreadable(fault: "old format" | "bad length"): KafkaProtocolError {
  return new KafkaProtocolError(fault === "old format" ? "UNSUPPORTED_BATCH" : "CORRUPT_BATCH", {
    failed: "Cannot read what was fetched",
    found: `a record batch with ${fault === "old format" ? "a format of before Kafka 0.11" : "a length that makes no sense"}`,
    remedy: "Check that the broker is of Kafka 1.0 or later and its disk is sound.",
  });
}
