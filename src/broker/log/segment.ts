import path from "node:path";
import { BATCH_HEADER_BYTES, isCrcValid, readBatchHeader, type BatchHeader } from "../../kafka-protocol/record-batch.ts";
import type { LogFile, LogFiles } from "./log-files.ts";
import {
  createSegmentIndex,
  indexBatch,
  positionOfOffset,
  positionOfTime,
  encodeSnapshot,
  readSnapshot,
  INDEX_INTERVAL_BYTES,
} from "./segment-index.ts";
import type { SegmentIndex } from "./segment-index.ts";
import type { AbortedTransaction } from "./aborted-transactions.ts";
import { noteStored, restoreProducers, type PartitionProducers, type ProducerEntry } from "./producer-state.ts";

const SCAN_BYTES = 1024 * 1024;
const BASE_DIGITS = 20;

const nameOf = (baseOffset: number): string => String(baseOffset).padStart(BASE_DIGITS, "0");

/** The base offsets of the segments in a folder, in order. */
export async function listSegments(files: LogFiles, folder: string): Promise<number[]> {
  const names = await files.list(folder);
  return names
    .filter((name) => /^\d{20}\.log$/.test(name))
    .map((name) => Number(name.slice(0, BASE_DIGITS)))
    .sort((a, b) => a - b);
}

/**
 * One file of a partition's log, from `baseOffset` on, with its sparse index. Batches lie in it as they came, one behind the other. The
 * file is opened when it is first needed, and closed when the last reader of a closed segment is done.
 */
export class Segment {
  readonly baseOffset: number;
  /** Bytes that are written and may be read. */
  size = 0;
  /** Offset behind the last batch. */
  nextOffset: number;
  index: SegmentIndex = createSegmentIndex();
  /** The transactions whose abort markers lie here, in their order. */
  readonly aborted: AbortedTransaction[] = [];
  /** Bytes that the index file on disk speaks of. */
  snapshotBytes = 0;
  readonly #files: LogFiles;
  readonly #folder: string;
  #open: Promise<LogFile> | undefined;
  #users = 0;
  #closing = false;
  #snapshots: Promise<void> = Promise.resolve();

  constructor(files: LogFiles, folder: string, baseOffset: number) {
    this.#files = files;
    this.#folder = folder;
    this.baseOffset = baseOffset;
    this.nextOffset = baseOffset;
  }

  get file(): string {
    return path.join(this.#folder, `${nameOf(this.baseOffset)}.log`);
  }

  get #indexFile(): string {
    return path.join(this.#folder, `${nameOf(this.baseOffset)}.index`);
  }

  async #use<T>(action: (file: LogFile) => Promise<T>): Promise<T> {
    if (this.#closing) throw new Error(`${path.basename(this.file)} was removed or closed`);
    this.#users++;
    try {
      this.#open ??= this.#files.open(this.file);
      return await action(await this.#open);
    } finally {
      this.#users--;
      if (this.#closing && this.#users === 0) await this.#closeNow();
    }
  }

  async #closeNow(): Promise<void> {
    const open = this.#open;
    this.#open = undefined;
    if (open) await (await open).close();
  }

  /** Writes batches at the end; they count once `size` has moved on, which is the caller's to do through `took`. */
  write(pieces: readonly Uint8Array[]): Promise<void> {
    return this.#use((file) => file.write(pieces, this.size));
  }

  /** Takes note of a written batch, which lies at `batch.at` of `buffer`, and of what it says about its producer. */
  took(batch: BatchHeader, bytes: number, buffer: Buffer, producers: PartitionProducers): void {
    indexBatch(this.index, batch, this.size);
    this.size += bytes;
    this.nextOffset = batch.lastOffset + 1;
    const aborted = noteStored(producers, batch, buffer);
    if (aborted) this.aborted.push(aborted);
  }

  sync(): Promise<void> {
    return this.#use((file) => file.sync());
  }

  /** Cuts off what a failed write may have left. */
  cutTail(): Promise<void> {
    return this.#use((file) => file.truncate(this.size));
  }

  /**
   * Reads what the index file does not speak of, checks each batch's CRC, and cuts the file behind the last good one. Returns the bytes
   * that were cut. `producers` are those as of the segment's start; they are brought to its end.
   */
  async recover(producers: PartitionProducers): Promise<number> {
    return this.#use(async (file) => {
      const onDisk = await file.size();
      const snapshot = await readSnapshot(this.#files, this.#indexFile);
      if (snapshot && snapshot.coveredBytes <= onDisk) {
        this.index = snapshot.index;
        this.size = this.snapshotBytes = snapshot.coveredBytes;
        this.nextOffset = snapshot.nextOffset;
        this.aborted.push(...snapshot.aborted);
        restoreProducers(producers, snapshot.producers);
      }
      if (this.size < onDisk) {
        await scan(file, this.size, onDisk, true, (batch, bytes, buffer) => {
          if (batch.baseOffset < this.nextOffset) return false;
          this.took(batch, bytes, buffer, producers);
          return true;
        });
      }
      if (this.size < onDisk) await file.truncate(this.size);
      return onDisk - this.size;
    });
  }

  /**
   * Syncs the segment and writes its index file, so that the next start need not read it up to here. One at a time, since a flush and the
   * end of a segment may both ask for it.
   */
  snapshot(producers: () => Iterable<ProducerEntry>): Promise<void> {
    const write = async (): Promise<void> => {
      const coveredBytes = this.size;
      if (coveredBytes === this.snapshotBytes) return;
      const { nextOffset, index, aborted } = this;
      const bytes = encodeSnapshot({ coveredBytes, nextOffset, index, producers: [...producers()], aborted });
      await this.sync();
      await this.#files.replace(this.#indexFile, bytes);
      this.snapshotBytes = coveredBytes;
    };
    this.#snapshots = this.#snapshots.then(write, write);
    return this.#snapshots;
  }

  /**
   * The bytes from the batch that holds `offset` on, about `maxBytes` of them; the last batch may be cut. With `atLeastOne` the first batch
   * is whole, however large. Empty where the segment ends before `offset`, or its first batch is too large.
   */
  read(offset: number, maxBytes: number, atLeastOne: boolean): Promise<Buffer> {
    const limit = this.size;
    return this.#use(async (file) => {
      let position = positionOfOffset(this.index, offset);
      for (;;) {
        const wanted = Math.min(limit - position, maxBytes + INDEX_INTERVAL_BYTES + BATCH_HEADER_BYTES);
        const buffer = Buffer.allocUnsafeSlow(Math.max(0, wanted));
        const filled = await file.read(buffer, 0, buffer.length, position);
        let at = 0;
        while (filled - at >= BATCH_HEADER_BYTES) {
          const length = buffer.readInt32BE(at + 8) + 12;
          const lastOffset = buffer.readInt32BE(at) * 4294967296 + buffer.readUInt32BE(at + 4) + buffer.readInt32BE(at + 23);
          if (lastOffset >= offset) return await this.#slice(file, buffer, at, filled, position, length, maxBytes, atLeastOne);
          at += length;
        }
        if (at === 0 || position + at >= limit) return buffer.subarray(0, 0);
        position += at;
      }
    });
  }

  async #slice(
    file: LogFile,
    buffer: Buffer,
    at: number,
    filled: number,
    position: number,
    length: number,
    maxBytes: number,
    atLeastOne: boolean,
  ): Promise<Buffer> {
    if (length <= maxBytes) {
      if (at + length <= filled) return buffer.subarray(at, Math.min(filled, at + maxBytes));
    } else if (!atLeastOne) return buffer.subarray(0, 0);
    if (at + length <= filled) return buffer.subarray(at, at + length);
    const wanted = Math.max(length, Math.min(maxBytes, this.size - position - at));
    const larger = Buffer.allocUnsafeSlow(wanted);
    const got = await file.read(larger, 0, wanted, position + at);
    return larger.subarray(0, got);
  }

  /** The first batch with a record at or after `timeMs`, whole; undefined where there is none. */
  async batchAtTime(timeMs: number): Promise<Buffer | undefined> {
    if (this.index.latestMs < timeMs) return undefined;
    const limit = this.size;
    return this.#use(async (file) => {
      let found: Buffer | undefined;
      await scan(file, positionOfTime(this.index, timeMs), limit, false, (batch, _bytes, buffer) => {
        if (batch.maxTimestampMs < timeMs) return true;
        found = Buffer.from(buffer.subarray(batch.at, batch.end));
        return false;
      });
      return found;
    });
  }

  /** Closes the file when nobody reads it any more. */
  async close(): Promise<void> {
    this.#closing = true;
    if (this.#users === 0) await this.#closeNow();
  }

  /** Closes and removes the files; readers under way keep what they have. */
  async remove(): Promise<void> {
    await this.close();
    await this.#snapshots.catch(() => undefined);
    await this.#files.remove(this.file);
    await this.#files.remove(this.#indexFile);
  }
}

/**
 * Steps through the whole batches of a file from `from` up to `to`, as long as they are sound and `visit` says so. With `checkCrc` a batch
 * whose CRC is wrong ends it.
 */
async function scan(
  file: LogFile,
  from: number,
  to: number,
  checkCrc: boolean,
  visit: (batch: BatchHeader, bytes: number, buffer: Buffer) => boolean,
): Promise<void> {
  let chunk = Buffer.allocUnsafeSlow(Math.min(SCAN_BYTES, to - from));
  let position = from;
  while (position < to) {
    const filled = await file.read(chunk, 0, Math.min(chunk.length, to - position), position);
    let at = 0;
    for (;;) {
      const batch = readBatchHeader(chunk, at, filled);
      if (batch === "cut") break;
      if (typeof batch === "string") return;
      if (checkCrc && !isCrcValid(chunk, batch)) return;
      if (!visit(batch, batch.end - batch.at, chunk)) return;
      at = batch.end;
    }
    if (at > 0) {
      position += at;
      continue;
    }
    if (filled < 12) return;
    const needed = chunk.readInt32BE(8) + 12;
    if (needed <= chunk.length || position + needed > to) return;
    chunk = Buffer.allocUnsafeSlow(needed);
  }
}
