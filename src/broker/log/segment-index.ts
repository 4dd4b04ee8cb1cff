import { crc32c } from "../../base/crc32c.ts";
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
}

/** Bytes of memory, and of the index file, that an entry takes. */
export const INDEX_ENTRY_BYTES: number = 24;

export function createSegmentIndex(): SegmentIndex {
  return { offsets: [], positions: [], latestBeforeMs: [] };
}

/** Takes note of a batch that lies at `position`; `latestMs` is the latest record time before it in the segment, −1 for the first. */
export function indexBatch(index: SegmentIndex, batch: BatchHeader, position: number, latestMs: number): void {
  const last = index.positions.at(-1);
  if (last !== undefined && position - last < INDEX_INTERVAL_BYTES) return;
  index.offsets.push(batch.baseOffset);
  index.positions.push(position);
  index.latestBeforeMs.push(latestMs);
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
export interface SegmentHead {
  /** The bytes that head and index speak of; what lies behind was written later. */
  readonly coveredBytes: number;
  readonly nextOffset: number;
  /** The latest record time of the first batch, −1 while there is none: what segment.ms counts from. */
  readonly firstMs: number;
  /** The latest record time of the segment, −1 while it is empty. */
  readonly latestMs: number;
  readonly producers: readonly ProducerEntry[];
  /** The transactions whose abort markers lie in the segment, in their order. */
  readonly aborted: readonly AbortedTransaction[];
}

const HEAD_AT = 8;
/** What is read of an index file at first: the head of most. */
const FIRST_READ_BYTES = 8192;

/** Two parts, each a CRC-32C, a length and content: the head as JSON, then the three lists of the index, eight bytes a number. */
export function encodeSnapshot(head: SegmentHead, index: SegmentIndex): Buffer {
  const text = Buffer.from(JSON.stringify(head));
  const indexAt = HEAD_AT + text.length;
  const bytes = Buffer.allocUnsafe(indexAt + 8 + index.offsets.length * INDEX_ENTRY_BYTES);
  bytes.writeUInt32BE(text.length, 4);
  bytes.set(text, HEAD_AT);
  bytes.writeUInt32BE(crc32c(bytes, 4, indexAt), 0);
  bytes.writeUInt32BE(index.offsets.length, indexAt + 4);
  let at = indexAt + 8;
  for (const list of [index.offsets, index.positions, index.latestBeforeMs]) {
    const numbers = new Uint8Array(Float64Array.from(list).buffer);
    bytes.set(numbers, at);
    at += numbers.length;
  }
  bytes.writeUInt32BE(crc32c(bytes, indexAt + 4), indexAt);
  return bytes;
}

function headOf(bytes: Buffer): { head: SegmentHead; indexAt: number } | undefined {
  if (bytes.length < HEAD_AT) return undefined;
  const indexAt = HEAD_AT + bytes.readUInt32BE(4);
  if (indexAt > bytes.length || crc32c(bytes, 4, indexAt) !== bytes.readUInt32BE(0)) return undefined;
  return { head: JSON.parse(bytes.toString("utf8", HEAD_AT, indexAt)) as SegmentHead, indexAt };
}

/** The head of an index file, or undefined where there is none or it is damaged: then the segment itself is read. */
export async function readHead(files: LogFiles, file: string): Promise<SegmentHead | undefined> {
  const start = await files.readStart(file, FIRST_READ_BYTES);
  if (!start || start.length < HEAD_AT) return undefined;
  const isWhole = HEAD_AT + start.readUInt32BE(4) <= start.length;
  const bytes = isWhole || start.length < FIRST_READ_BYTES ? start : await files.readStart(file);
  return bytes && headOf(bytes)?.head;
}

/** The index of an index file, or undefined where there is none or it is damaged: then the segment itself is read. */
export async function readIndex(files: LogFiles, file: string): Promise<SegmentIndex | undefined> {
  const bytes = await files.readStart(file);
  const found = bytes && headOf(bytes);
  if (!found || bytes.length < found.indexAt + 8) return undefined;
  const { indexAt } = found;
  const entries = bytes.readUInt32BE(indexAt + 4);
  const end = indexAt + 8 + entries * INDEX_ENTRY_BYTES;
  if (end !== bytes.length || crc32c(bytes, indexAt + 4) !== bytes.readUInt32BE(indexAt)) return undefined;
  const list = (nth: number): number[] => {
    const at = indexAt + 8 + nth * entries * 8;
    return [...new Float64Array(Uint8Array.prototype.slice.call(bytes, at, at + entries * 8).buffer)];
  };
  return { offsets: list(0), positions: list(1), latestBeforeMs: list(2) };
}
