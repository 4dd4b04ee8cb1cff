import path from "node:path";
import { BATCH_HEADER_BYTES, isCrcValid, readBatchHeader, type BatchHeader } from "../../kafka-protocol/record-batch.ts";
import { scanBatches } from "./batch-scan.ts";
import type { LogFile, LogFiles } from "./log-files.ts";
import {
  createSegmentIndex,
  indexBatch,
  positionOfOffset,
  positionOfTime,
  encodeSnapshot,
  readHead,
  readIndex,
  INDEX_ENTRY_BYTES,
  INDEX_INTERVAL_BYTES,
} from "./segment-index.ts";
import type { SegmentHead, SegmentIndex } from "./segment-index.ts";
import type { AbortedTransaction } from "./aborted-transactions.ts";
import type { Coolable, WarmSegments } from "./warm-segments.ts";
import { noteStored, restoreProducers, type PartitionProducers, type ProducerEntry } from "./producer-state.ts";

const BASE_DIGITS = 20;

/** The file names of a segment, without what follows the dot. */
export const segmentName = (baseOffset: number): string => String(baseOffset).padStart(BASE_DIGITS, "0");

/** The base offsets of the segments in a folder, in order. */
export async function listSegments(files: LogFiles, folder: string): Promise<number[]> {
  const names = await files.list(folder);
  return names
    .filter((name) => /^\d{20}\.log$/.test(name))
    .map((name) => Number(name.slice(0, BASE_DIGITS)))
    .sort((a, b) => a - b);
}

/** A reader came when the segment had just been removed or replaced: the log has another one for what it wants. */
export class SegmentGone extends Error {}

/**
 * One file of a partition's log, from `baseOffset` on, with its sparse index. Batches lie in it as they came, one behind the other. The
 * file is opened and the index read when they are needed; the pool of warm segments has them let go of again. Only the last segment of a log, which
 * is still written, always has its index in memory.
 */
export class Segment implements Coolable {
  readonly baseOffset: number;
  /** Bytes that are written and may be read. */
  size = 0;
  /** Offset behind the last batch. */
  nextOffset: number;
  /** The latest record time of the first batch; −1 while there is none. */
  firstMs = -1;
  /** The latest record time; −1 while there is none. */
  latestMs = -1;
  /** The transactions whose abort markers lie here, in their order. */
  readonly aborted: AbortedTransaction[] = [];
  /** Bytes that the index file on disk speaks of. */
  snapshotBytes = 0;
  /** Bytes that are known to be on the disk. */
  syncedBytes = 0;
  /** When the segment was begun or opened. */
  readonly sinceMs: number = Date.now();
  #index: SegmentIndex | undefined = createSegmentIndex();
  #isSealed = false;
  #foreseen: { readonly onDisk: number; readonly head: SegmentHead | undefined } | undefined;
  readonly #files: LogFiles;
  readonly #folder: string;
  readonly #name: string;
  readonly #warm: WarmSegments | undefined;
  #open: Promise<LogFile> | undefined;
  #users = 0;
  #closing = false;
  #snapshots: Promise<void> = Promise.resolve();

  /** `name` is the file's name where it is not yet that of a segment. */
  constructor(files: LogFiles, folder: string, baseOffset: number, warm?: WarmSegments, name?: string) {
    this.#files = files;
    this.#name = name ?? `${segmentName(baseOffset)}.log`;
    this.#warm = warm;
    this.#folder = folder;
    this.baseOffset = baseOffset;
    this.nextOffset = baseOffset;
  }

  get file(): string {
    return path.join(this.#folder, this.#name);
  }

  get #indexFile(): string {
    return path.join(this.#folder, `${segmentName(this.baseOffset)}.index`);
  }

  /** Runs `action` on the file, which stays open as long as it takes. */
  async withFile<T>(action: (file: LogFile) => Promise<T>): Promise<T> {
    if (this.#closing) throw new SegmentGone(`${path.basename(this.file)} was removed or closed`);
    this.#users++;
    this.#warm?.touch(this);
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
    this.#warm?.forget(this);
    if (open) await (await open).close();
  }

  get warmBytes(): number {
    return this.#isSealed ? (this.#index?.offsets.length ?? 0) * INDEX_ENTRY_BYTES : 0;
  }

  cool(): boolean {
    if (this.#users > 0) return false;
    if (this.#isSealed && this.snapshotBytes === this.size) this.#index = undefined;
    const open = this.#open;
    this.#open = undefined;
    void open?.then((file) => file.close()).catch(() => undefined);
    return true;
  }

  /** Says that nothing will be written here any more. */
  seal(): void {
    this.#isSealed = true;
  }

  /** The same segment, closed for good, where its file has got the name of a segment. */
  placed(): Segment {
    const segment = new Segment(this.#files, this.#folder, this.baseOffset, this.#warm);
    segment.size = segment.syncedBytes = this.size;
    segment.nextOffset = this.nextOffset;
    segment.firstMs = this.firstMs;
    segment.latestMs = this.latestMs;
    segment.aborted.push(...this.aborted);
    segment.#index = this.#index;
    segment.#isSealed = true;
    return segment;
  }

  /** The index, read from its file or made anew from the segment where that is lost. */
  async #indexIn(file: LogFile): Promise<SegmentIndex> {
    if (this.#index) return this.#index;
    const read = await readIndex(this.#files, this.#indexFile);
    if (this.#index) return this.#index;
    const index = read ?? createSegmentIndex();
    if (!read) {
      let latestMs = -1;
      await scanBatches(file, 0, this.size, false, (batch, _buffer, fileAt) => {
        indexBatch(index, batch, fileAt, latestMs);
        latestMs = Math.max(latestMs, batch.maxTimestampMs);
        return true;
      });
    }
    this.#index = index;
    this.#warm?.touch(this);
    return index;
  }

  /** Writes batches at the end; they count once `size` has moved on, which is the caller's to do through `took`. */
  write(pieces: readonly Uint8Array[]): Promise<void> {
    return this.withFile((file) => file.write(pieces, this.size));
  }

  /** Takes note of a written batch, which lies at `batch.at` of `buffer`, and of what it says about its producer. */
  took(batch: BatchHeader, bytes: number, buffer: Buffer, producers: PartitionProducers): void {
    if (this.#index) indexBatch(this.#index, batch, this.size, this.latestMs);
    if (this.firstMs < 0) this.firstMs = batch.maxTimestampMs;
    this.latestMs = Math.max(this.latestMs, batch.maxTimestampMs);
    this.size += bytes;
    this.nextOffset = batch.lastOffset + 1;
    const aborted = noteStored(producers, batch, buffer);
    if (aborted) this.aborted.push(aborted);
  }

  sync(): Promise<void> {
    return this.withFile(async (file) => {
      const bytes = this.size;
      await file.sync();
      this.syncedBytes = Math.max(this.syncedBytes, bytes);
    });
  }

  /** Syncs what was written behind `size`: before it counts. */
  syncAhead(): Promise<void> {
    return this.withFile((file) => file.sync());
  }

  /**
   * After a sync that failed: the system may have let go of what it could not write, and answers reads from what it still has in memory. Writes the
   * bytes behind the last good sync once more and syncs them. Returns the bytes that were not sound any more and are cut off.
   */
  rewriteUnsynced(): Promise<number> {
    return this.withFile(async (file) => {
      const from = Math.min(this.syncedBytes, this.size);
      const bytes = Buffer.allocUnsafeSlow(this.size - from);
      const filled = await file.read(bytes, 0, bytes.length, from);
      let sound = 0;
      for (;;) {
        const batch = readBatchHeader(bytes, sound, filled);
        if (typeof batch === "string" || !isCrcValid(bytes, batch)) break;
        sound = batch.end;
      }
      await file.truncate(from);
      await file.write([bytes.subarray(0, sound)], from);
      await file.sync();
      this.syncedBytes = from + sound;
      return bytes.length - sound;
    });
  }

  /** Cuts off what a failed write may have left. */
  cutTail(): Promise<void> {
    return this.withFile((file) => file.truncate(this.size));
  }

  /** Looks up what `recover` begins with, and is independent of other segments: many can do so at once. */
  async foresee(): Promise<void> {
    const [onDisk, head] = await Promise.all([this.#files.sizeOf(this.file), readHead(this.#files, this.#indexFile)]);
    this.#foreseen = { onDisk, head };
  }

  /**
   * Reads what the index file does not speak of, checks each batch's CRC, and cuts the file behind the last good one. Returns the bytes
   * that were cut. `producers` are those as of the segment's start; they are brought to its end. `foresee` comes first.
   */
  async recover(producers: PartitionProducers): Promise<number> {
    const { onDisk = 0, head } = this.#foreseen ?? {};
    this.#foreseen = undefined;
    if (head && head.coveredBytes <= onDisk) {
      this.size = this.snapshotBytes = this.syncedBytes = head.coveredBytes;
      this.nextOffset = head.nextOffset;
      this.firstMs = head.firstMs;
      this.latestMs = head.latestMs;
      this.aborted.push(...head.aborted);
      this.#index = undefined;
      restoreProducers(producers, head.producers);
    }
    if (this.size === onDisk) return 0;
    return this.withFile(async (file) => {
      await this.#indexIn(file);
      await scanBatches(file, this.size, onDisk, true, (batch, buffer) => {
        if (batch.baseOffset < this.nextOffset) return false;
        this.took(batch, batch.end - batch.at, buffer, producers);
        return true;
      });
      if (this.size < onDisk) await file.truncate(this.size);
      return onDisk - this.size;
    });
  }

  /** Reads the index, which a segment that is written must have in memory. */
  async ready(): Promise<void> {
    if (!this.#index) await this.withFile((file) => this.#indexIn(file));
  }

  /**
   * Syncs the segment and writes its index file, so that the next start need not read it up to here. One at a time, since a flush and the
   * end of a segment may both ask for it.
   */
  snapshot(producers: () => Iterable<ProducerEntry>): Promise<void> {
    const write = async (): Promise<void> => {
      const coveredBytes = this.size;
      if (coveredBytes === this.snapshotBytes) return;
      const { nextOffset, firstMs, latestMs, aborted } = this;
      const head = { coveredBytes, nextOffset, firstMs, latestMs, producers: [...producers()], aborted };
      const bytes = encodeSnapshot(head, this.#index ?? createSegmentIndex());
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
    return this.withFile(async (file) => {
      let position = positionOfOffset(await this.#indexIn(file), offset);
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

  /** The first batch that reaches `fromOffset` and has a record at or after `timeMs`, whole; undefined where there is none. */
  async batchAtTime(timeMs: number, fromOffset: number): Promise<Buffer | undefined> {
    if (this.latestMs < timeMs) return undefined;
    const limit = this.size;
    return this.withFile(async (file) => {
      let found: Buffer | undefined;
      const from = positionOfTime(await this.#indexIn(file), timeMs);
      await scanBatches(file, from, limit, false, (batch, buffer) => {
        if (batch.maxTimestampMs < timeMs || batch.lastOffset < fromOffset) return true;
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
