import path from "node:path";
import { createRecordArrays, readRecords } from "../../kafka-protocol/record-iteration.ts";
import { readTransactionEnd } from "../../kafka-protocol/control-marker.ts";
import { isControl, patchBatch, type BatchHeader } from "../../kafka-protocol/record-batch.ts";
import { abortedBetween, type AbortedRange } from "./aborted-transactions.ts";
import { cutAtOffset, offsetBehind } from "./batch-bytes.ts";
import {
  createPartitionProducers,
  expireProducers,
  firstOpenOffset,
  hasOpenTransaction,
  judgeSequence,
  noteBatch,
  noteMarker,
  type PartitionProducers,
  type ProducerEntry,
  type ProducerStates,
  type SequenceVerdict,
} from "./producer-state.ts";
import { listSegments, Segment } from "./segment.ts";
import { diskFiles } from "./disk-files.ts";
import type { LogFiles } from "./log-files.ts";
import { cacheBatch, createTailCache, readCached, type TailCache } from "./tail-cache.ts";

export interface PartitionLogOptions {
  /** Where the log lies: a disk if not given. */
  readonly files?: LogFiles;
  /** The partition's own folder; made if it is not there. */
  readonly folder: string;
  /** A segment that would grow beyond this is closed and the next one begun. Asked at every append: the topic's config may change. */
  readonly segmentBytes: () => number;
  /** The first offset that is to be seen, where DeleteRecords has moved it. */
  readonly startOffset?: number;
  /** True: an append is done when it is synced; false: when it is written, which survives the process. */
  readonly sync: boolean;
  /** How much may be written before the index file is brought up to date; a start after a crash reads about so much. */
  readonly snapshotEveryBytes?: number;
  /** What the last batches may take in memory. */
  readonly cacheBytes?: number;
  /** Told when opening cut a torn tail. */
  readonly onCut?: (file: string, bytes: number) => void;
  /** Told when a write failed; its producers are answered with an error. */
  readonly onFailure?: (folder: string, cause: unknown) => void;
}

/** Offsets that an append got, and when they are safe. */
export interface Appended {
  readonly baseOffset: number;
  /** Resolves when the batch may be acknowledged; rejects when it could not be stored. */
  readonly stored: Promise<void>;
}

/** Called when records became readable, with their bytes; with −1 when the log went away. */
export type LogListener = (bytes: number) => void;

interface PendingAppend {
  readonly batch: BatchHeader;
  readonly bytes: Buffer;
  readonly resolve: () => void;
  readonly reject: (cause: unknown) => void;
}

const DEFAULT_CACHE_BYTES = 1024 * 1024;
const LEADER_EPOCH = 0;
const SNAPSHOT_EVERY_BYTES = 16 * 1024 * 1024;

/**
 * The log of one partition. Offsets are given at `append`, in order; writes go to the disk one group at a time, and what was appended
 * meanwhile forms the next group. Only what is written can be read. A write that fails loses nothing that was acknowledged: the file is cut
 * back and everything under way is refused.
 */
export class PartitionLog {
  readonly #options: PartitionLogOptions;
  readonly #files: LogFiles;
  readonly #segments: Segment[] = [];
  readonly #cache: TailCache = createTailCache();
  readonly #listeners = new Set<LogListener>();
  /** The producers as of everything that is stored. */
  readonly #stored: PartitionProducers = createPartitionProducers();
  /** The same as of everything that was appended: what the next batch is judged by. */
  #appended: ProducerStates = new Map();
  #pending: PendingAppend[] = [];
  #writing: Promise<void> | undefined;
  #nextOffset = 0;
  #startOffset = 0;
  #dirty = false;
  #closed = false;

  private constructor(options: PartitionLogOptions) {
    this.#options = options;
    this.#files = options.files ?? diskFiles;
  }

  /** Opens or makes the log in its folder; a torn tail is cut, and segments behind a damaged one go. */
  static async open(options: PartitionLogOptions): Promise<PartitionLog> {
    const log = new PartitionLog(options);
    await log.#files.makeFolder(options.folder);
    await log.#load();
    return log;
  }

  async #load(): Promise<void> {
    const bases = await listSegments(this.#files, this.#options.folder);
    let cut = 0;
    for (const base of bases) {
      const segment = new Segment(this.#files, this.#options.folder, base);
      if (cut > 0) {
        await segment.remove();
        continue;
      }
      cut = await segment.recover(this.#stored);
      if (cut > 0) this.#options.onCut?.(segment.file, cut);
      this.#segments.push(segment);
    }
    if (this.#segments.length === 0) this.#segments.push(new Segment(this.#files, this.#options.folder, this.#options.startOffset ?? 0));
    this.#appended = new Map(this.#stored.states);
    this.#nextOffset = this.#active.nextOffset;
    this.#startOffset = Math.min(Math.max((this.#segments[0] as Segment).baseOffset, this.#options.startOffset ?? 0), this.#nextOffset);
  }

  get #active(): Segment {
    return this.#segments.at(-1) as Segment;
  }

  /** The first offset that can be read. */
  get startOffset(): number {
    return this.#startOffset;
  }

  /** The offset behind the last one that can be read: the high watermark. */
  get endOffset(): number {
    return this.#active.nextOffset;
  }

  /** What read_committed may read up to: where the oldest open transaction begins, or the high watermark. */
  get lastStableOffset(): number {
    return Math.max(this.#startOffset, firstOpenOffset(this.#stored) ?? this.endOffset);
  }

  /** Bytes of all segments. */
  get sizeBytes(): number {
    return this.#segments.reduce((sum, segment) => sum + segment.size, 0);
  }

  /** What KIP-98 says to a producer's batch. A duplicate's `stored` resolves when the first one is safe. */
  judge(batch: BatchHeader): SequenceVerdict {
    return judgeSequence(this.#appended, batch);
  }

  /** Whether the producer has a transaction open here in just this epoch. */
  hasOpenTransaction(producerId: number, producerEpoch: number): boolean {
    return hasOpenTransaction(this.#appended, producerId, producerEpoch);
  }

  /** The producers that have written here and have not expired. */
  producers(): Iterable<ProducerEntry> {
    return this.#appended.values();
  }

  /** Forgets producers that have written nothing for so long. */
  expireProducers(nowMs: number, expirationMs: number): void {
    expireProducers(this.#appended, nowMs, expirationMs);
    expireProducers(this.#stored.states, nowMs, expirationMs);
  }

  /**
   * Appends a batch that has been checked, a producer's or a transaction's marker. The bytes are kept as they are but for base offset and
   * leader epoch; they must not change.
   */
  append(batch: BatchHeader, bytes: Buffer): Appended {
    if (this.#closed) throw new Error("the log is closed");
    const baseOffset = this.#nextOffset;
    const lastOffset = baseOffset + batch.count - 1;
    patchBatch(bytes, 0, baseOffset, LEADER_EPOCH);
    const placed: BatchHeader = { ...batch, at: 0, end: bytes.length, baseOffset, lastOffset, leaderEpoch: LEADER_EPOCH };
    this.#nextOffset = lastOffset + 1;
    const end = isControl(placed.attributes) ? readTransactionEnd(placed, bytes) : undefined;
    if (end) noteMarker(this.#appended, placed, end);
    else noteBatch(this.#appended, placed);
    const stored = new Promise<void>((resolve, reject) => {
      this.#pending.push({ batch: placed, bytes, resolve, reject });
    });
    this.#writing ??= Promise.resolve().then(() => this.#drain());
    return { baseOffset, stored };
  }

  /** Resolves when everything that was appended so far is safe. */
  async settled(): Promise<void> {
    while (this.#writing) await this.#writing;
  }

  async #drain(): Promise<void> {
    while (this.#pending.length > 0) {
      const group = this.#pending;
      this.#pending = [];
      try {
        await this.#writeGroup(group);
      } catch (thrown) {
        await this.#abandon(group, thrown);
      }
    }
    this.#writing = undefined;
  }

  async #writeGroup(group: PendingAppend[]): Promise<void> {
    const limit = this.#options.segmentBytes();
    let from = 0;
    while (from < group.length) {
      let to = from;
      let bytes = 0;
      while (to < group.length) {
        const next = (group[to] as PendingAppend).bytes.length;
        const full = this.#active.size + bytes + next > limit;
        if (full && (to > from || this.#active.size > 0)) break;
        bytes += next;
        to++;
      }
      if (to === from) await this.#roll((group[from] as PendingAppend).batch.baseOffset);
      else await this.#writeRun(group.slice(from, to), bytes);
      from = to;
    }
  }

  async #writeRun(run: readonly PendingAppend[], bytes: number): Promise<void> {
    const segment = this.#active;
    await segment.write(run.map((one) => one.bytes));
    if (this.#options.sync) {
      await segment.sync();
      if (segment.size === 0) await this.#files.syncFolder(this.#options.folder);
    } else this.#dirty = true;
    const cacheBytes = this.#options.cacheBytes ?? DEFAULT_CACHE_BYTES;
    for (const { batch, bytes: own } of run) {
      segment.took(batch, own.length, own, this.#stored);
      cacheBatch(this.#cache, batch.baseOffset, batch.lastOffset, own, cacheBytes);
    }
    for (const one of run) one.resolve();
    for (const listener of this.#listeners) listener(bytes);
  }

  async #roll(baseOffset: number): Promise<void> {
    const full = this.#active;
    await full.snapshot(() => this.#stored.states.values());
    this.#segments.push(new Segment(this.#files, this.#options.folder, baseOffset));
  }

  /** A write failed: nothing of the group that is not stored yet may ever be seen, nor anything that was appended behind it. */
  async #abandon(group: readonly PendingAppend[], cause: unknown): Promise<void> {
    const lost = [...group.filter((one) => one.batch.baseOffset >= this.endOffset), ...this.#pending];
    this.#pending = [];
    this.#nextOffset = this.endOffset;
    this.#appended = new Map(this.#stored.states);
    await this.#active.cutTail().catch(() => undefined);
    for (const one of lost) one.reject(cause);
    this.#options.onFailure?.(this.#options.folder, cause);
  }

  /**
   * Whole batches from the one that holds `offset` on (the last may be cut), about `maxBytes`; with `atLeastOne` the first whatever its
   * size. `offset` lies within [startOffset, endOffset]; nothing from `toOffset` on is read. At once where the last batches are still in
   * memory.
   */
  read(offset: number, maxBytes: number, atLeastOne: boolean, toOffset: number = this.endOffset): Uint8Array[] | Promise<Uint8Array[]> {
    if (offset >= toOffset || offset >= this.endOffset || (maxBytes <= 0 && !atLeastOne)) return [];
    return readCached(this.#cache, offset, maxBytes, atLeastOne, toOffset) ?? this.#readFile(offset, maxBytes, atLeastOne, toOffset);
  }

  async #readFile(offset: number, maxBytes: number, atLeastOne: boolean, toOffset: number): Promise<Uint8Array[]> {
    let at = this.#segments.length - 1;
    while (at > 0 && (this.#segments[at] as Segment).baseOffset > offset) at--;
    for (const segment of this.#segments.slice(at)) {
      if (segment.nextOffset <= offset) continue;
      const bytes = await segment.read(offset, maxBytes, atLeastOne);
      const wanted = toOffset < segment.nextOffset ? cutAtOffset(bytes, toOffset) : bytes;
      return wanted.length > 0 ? [wanted] : [];
    }
    return [];
  }

  /** The aborted transactions that have records in `pieces`, which `read` gave for `offset`: what a fetch of read_committed tells. */
  abortedIn(offset: number, pieces: readonly Uint8Array[]): AbortedRange[] {
    const segments = this.#segments.filter((segment) => segment.nextOffset > offset && segment.aborted.length > 0);
    const last = pieces.at(-1);
    if (segments.length === 0 || !last) return [];
    const lists = segments.map((segment) => segment.aborted);
    return abortedBetween(lists, offset, offsetBehind(last));
  }

  /** The first record at or after `timeMs`, exactly; undefined where there is none. */
  async findTime(timeMs: number): Promise<{ offset: number; timestampMs: number } | undefined> {
    for (const segment of [...this.#segments]) {
      if (segment.nextOffset <= this.#startOffset) continue;
      const batch = await segment.batchAtTime(timeMs);
      if (!batch) continue;
      const options = { fromOffset: this.#startOffset, checkCrc: false };
      for (const { arrays } of readRecords(batch, 0, batch.length, options, createRecordArrays())) {
        for (let i = 0; i < arrays.count; i++) {
          const timestampMs = arrays.timestampsMs[i] as number;
          if (timestampMs >= timeMs) return { offset: arrays.offsets[i] as number, timestampMs };
        }
      }
    }
    return undefined;
  }

  /** The latest record time of the log, −1 while it is empty. */
  get latestTimestampMs(): number {
    return this.#segments.reduce((latest, segment) => Math.max(latest, segment.index.latestMs), -1);
  }

  /** Calls `listener` on every change until the returned function is called. */
  listen(listener: LogListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Moves the first readable offset; segments wholly before it are removed. */
  async deleteBefore(offset: number): Promise<void> {
    this.#startOffset = Math.max(this.#startOffset, Math.min(offset, this.endOffset));
    while (this.#segments.length > 1 && (this.#segments[0] as Segment).nextOffset <= this.#startOffset) {
      await (this.#segments.shift() as Segment).remove();
    }
  }

  /** Removes closed segments that are older than `retentionMs` or beyond `retentionBytes`; −1 keeps. Returns true if the start moved. */
  async retain(nowMs: number, retentionMs: number, retentionBytes: number): Promise<boolean> {
    const before = this.#startOffset;
    while (this.#segments.length > 1) {
      const oldest = this.#segments[0] as Segment;
      const tooOld = retentionMs >= 0 && oldest.index.latestMs >= 0 && nowMs - oldest.index.latestMs > retentionMs;
      const tooMuch = retentionBytes >= 0 && this.sizeBytes - oldest.size >= retentionBytes;
      if (!tooOld && !tooMuch) break;
      await this.deleteBefore(oldest.nextOffset);
    }
    return this.#startOffset > before;
  }

  /** fsync of what was written since the last one; the index file follows from time to time. */
  async flush(): Promise<void> {
    if (!this.#dirty || this.#closed) return;
    this.#dirty = false;
    const segment = this.#active;
    const isSnapshotDue = segment.size - segment.snapshotBytes >= (this.#options.snapshotEveryBytes ?? SNAPSHOT_EVERY_BYTES);
    await (isSnapshotDue ? segment.snapshot(() => this.#stored.states.values()) : segment.sync());
  }

  /** Finishes what is under way, syncs, writes the index files and closes. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.settled();
    for (const listener of [...this.#listeners]) listener(-1);
    const active = this.#active;
    if (active.size > 0) await active.snapshot(() => this.#stored.states.values());
    for (const segment of this.#segments) await segment.close();
  }

  /** Closes and removes everything: the folder is moved away first, so that a crash leaves no half of a log. */
  async remove(): Promise<void> {
    await this.close();
    const gone = `${this.#options.folder}.deleted`;
    await this.#files.rename(this.#options.folder, gone);
    await this.#files.syncFolder(path.dirname(gone));
    await this.#files.remove(gone);
  }
}
