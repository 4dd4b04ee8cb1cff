import { crc32c } from "../../kafka-protocol/crc32c.ts";
import type { BatchHeader } from "../../kafka-protocol/record-batch.ts";
import type { AbortedTransaction } from "./aborted-transactions.ts";
import type { LogFiles } from "./log-files.ts";
import type { ProducerEntry } from "./producer-state.ts";

/** A batch is entered when so many bytes lie behind the last entry: what a look-up steps through at most, beside one batch. */
export const INDEX_INTERVAL_BYTES: number = 16 * 1024;

/** The sparse index of a segment: where some of its batches lie, by offset and by time. Three lists of the same length. */
export interface SegmentIndex {
  /** Base offset of the batch. */
  readonly offsets: number[];
  /** Byte at which it starts. */
  readonly positions: number[];
  /** The latest record time of everything before that byte in the segment; −1 at the first. */
  readonly latestBeforeMs: number[];
  /** The latest record time of the segment; −1 while empty. */
  latestMs: number;
}

export function createSegmentIndex(): SegmentIndex {
  return { offsets: [], positions: [], latestBeforeMs: [], latestMs: -1 };
}

/** Takes note of a batch that lies at `position`. */
export function indexBatch(index: SegmentIndex, batch: BatchHeader, position: number): void {
  const last = index.positions.at(-1);
  if (last === undefined || position - last >= INDEX_INTERVAL_BYTES) {
    index.offsets.push(batch.baseOffset);
    index.positions.push(position);
    index.latestBeforeMs.push(index.latestMs);
  }
  if (batch.maxTimestampMs > index.latestMs) index.latestMs = batch.maxTimestampMs;
}

/** The number of entries whose value is at most `wanted`, in a list that never falls. */
function countUpTo(list: readonly number[], wanted: number): number {
  let low = 0;
  let high = list.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((list[middle] as number) <= wanted) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** A byte from which stepping forward finds the batch that holds `offset`. */
export function positionOfOffset(index: SegmentIndex, offset: number): number {
  return index.positions[countUpTo(index.offsets, offset) - 1] ?? 0;
}

/** A byte from which stepping forward finds the first batch with a record at or after `timeMs`. */
export function positionOfTime(index: SegmentIndex, timeMs: number): number {
  return index.positions[Math.max(0, countUpTo(index.latestBeforeMs, timeMs - 0.5) - 1)] ?? 0;
}

/** What is known about a segment without reading it. */
export interface SegmentSnapshot {
  /** The bytes that index and producers speak of; what lies behind was written later. */
  readonly coveredBytes: number;
  readonly nextOffset: number;
  readonly index: SegmentIndex;
  readonly producers: readonly ProducerEntry[];
  /** The transactions whose abort markers lie in the segment, in their order. */
  readonly aborted: readonly AbortedTransaction[];
}

/** CRC-32C, then the length of a JSON head, the head, and three numbers an entry. */
export function encodeSnapshot(snapshot: SegmentSnapshot): Buffer {
  const { index } = snapshot;
  const head = Buffer.from(
    JSON.stringify({
      coveredBytes: snapshot.coveredBytes,
      nextOffset: snapshot.nextOffset,
      latestMs: index.latestMs,
      entries: index.offsets.length,
      producers: snapshot.producers,
      aborted: snapshot.aborted,
    }),
  );
  const bytes = Buffer.alloc(8 + head.length + index.offsets.length * 24);
  bytes.writeUInt32BE(head.length, 4);
  bytes.set(head, 8);
  let at = 8 + head.length;
  for (let i = 0; i < index.offsets.length; i++) {
    at = bytes.writeDoubleBE(index.offsets[i] as number, at);
    at = bytes.writeDoubleBE(index.positions[i] as number, at);
    at = bytes.writeDoubleBE(index.latestBeforeMs[i] as number, at);
  }
  bytes.writeUInt32BE(crc32c(bytes, 4), 0);
  return bytes;
}

/** The snapshot, or undefined where there is none or it is damaged: then the segment itself is read. */
export async function readSnapshot(files: LogFiles, file: string): Promise<SegmentSnapshot | undefined> {
  const bytes = await files.readStart(file);
  if (!bytes || bytes.length < 8 || crc32c(bytes, 4) !== bytes.readUInt32BE(0)) return undefined;
  const headEnd = 8 + bytes.readUInt32BE(4);
  const head = JSON.parse(bytes.toString("utf8", 8, headEnd)) as {
    coveredBytes: number;
    nextOffset: number;
    latestMs: number;
    entries: number;
    producers: ProducerEntry[];
    aborted?: AbortedTransaction[];
  };
  const index = createSegmentIndex();
  index.latestMs = head.latestMs;
  for (let i = 0, at = headEnd; i < head.entries; i++, at += 24) {
    index.offsets.push(bytes.readDoubleBE(at));
    index.positions.push(bytes.readDoubleBE(at + 8));
    index.latestBeforeMs.push(bytes.readDoubleBE(at + 16));
  }
  const { coveredBytes, nextOffset, producers, aborted = [] } = head;
  return { coveredBytes, nextOffset, index, producers, aborted };
}
