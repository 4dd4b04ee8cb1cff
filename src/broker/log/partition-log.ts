import path from "node:path";
import { createRecordArrays, readRecords } from "../../kafka-protocol/record-iteration.ts";
import { readTransactionEnd } from "../../kafka-protocol/control-marker.ts";
import { isControl, isTransactional, patchBatch, readBatchHeader, type BatchHeader } from "../../kafka-protocol/record-batch.ts";
import { abortedBetween, type AbortedRange } from "./aborted-transactions.ts";
import { cutAtOffset, offsetBehind } from "./batch-bytes.ts";
import {
  createPartitionProducers,
  expireProducers,
  firstOpenOffset,
  hasOpenTransaction,
  judgeSequence,
  noteAttempt,
  noteBatch,
  noteMarker,
  type FirstAttempts,
  type PartitionProducers,
  type ProducerEntry,
  type ProducerStates,
  type SequenceVerdict,
} from "./producer-state.ts";
import type { TopicSettings } from "../configs/topic-settings.ts";
import { compactLog } from "./compaction.ts";
import { recoverSwaps } from "./segment-swap.ts";
import { listSegments, Segment, SegmentGone } from "./segment.ts";
import type { WarmSegments } from "./warm-segments.ts";
import { diskFiles } from "./disk-files.ts";
import type { LogFiles } from "./log-files.ts";
import { cacheBatch, createTailCache, dropCachedBefore, readCached, type TailCache } from "./tail-cache.ts";

export interface PartitionLogOptions {
  /** Where the log lies: a disk if not given. */
  readonly files?: LogFiles;
  /** The partition's own folder; made if it is not there. */
  readonly folder: string;
  /** What holds for the topic. Asked again and again: its configs may change. */
  readonly settings: () => TopicSettings;
  /** The pool that bounds open files and indexes of all logs. */
  readonly warm?: WarmSegments;
  /** The first offset that is to be seen, where DeleteRecords has moved it. */
  readonly startOffset?: number;
  /** True: an append is done when it is synced; false: when it is written, which survives the process. */
  readonly sync: boolean;
  /** How much may be written before the index file is brought up to date; a start after a crash reads about so much. */
  readonly snapshotEveryBytes?: number;
  /** What the last batches may take in memory. Asked at every write. */
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

/** A record that was looked up by its time. */
export interface FoundTime {
  readonly offset: number;
  readonly timestampMs: number;
}

/** The first record of a batch, from `fromOffset` on, that is not before `timeMs`. A marker of a transaction counts as a record, as in Kafka. */
function timeInBatch(batch: Buffer, timeMs: number, fromOffset: number): FoundTime | undefined {
  const header = readBatchHeader(batch, 0, batch.length);
  if (typeof header === "object" && isControl(header.attributes)) return { offset: header.lastOffset, timestampMs: header.maxTimestampMs };
  for (const { arrays } of readRecords(batch, 0, batch.length, { fromOffset, checkCrc: false }, createRecordArrays(64))) {
    for (let i = 0; i < arrays.count; i++) {
      const timestampMs = arrays.timestampsMs[i] as number;
      if (timestampMs >= timeMs) return { offset: arrays.offsets[i] as number, timestampMs };
    }
  }
  return undefined;
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
/** Segments whose index files are read side by side at a start. */
const FORESEEN_AT_ONCE = 64;
const SNAPSHOT_EVERY_BYTES = 16 * 1024 * 1024;
/** The index file of a large segment is written anew less often: it grows with the segment. */
const SNAPSHOTS_A_SEGMENT = 16;

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
  readonly #attempts: FirstAttempts = new Map();
  #pending: PendingAppend[] = [];
  #writing: Promise<void> | undefined;
  #nextOffset = 0;
  #startOffset = 0;
  #dirty = false;
  #closed = false;
  /** Records since the last sync. */
  #unsyncedRecords = 0;
  #flushTimer: NodeJS.Timeout | undefined;
  /** A sync has failed: nothing is taken until what it was to cover was written and synced once more. */
  #isSuspect = false;
  /** The files are not what they should be: nothing is served before a restart has looked at what there is. */
  #lost: Error | undefined;
  /** What is to run between two writes. */
  #between: (() => Promise<void>)[] = [];
  #upkeep: Promise<unknown> = Promise.resolve();
  #cleanedTo: number | undefined;

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
    await recoverSwaps(this.#files, this.#options.folder);
    const found = (await listSegments(this.#files, this.#options.folder)).map((base) => this.#segmentAt(base));
    let cut = 0;
    for (let at = 0; at < found.length; at += FORESEEN_AT_ONCE) {
      const some = found.slice(at, at + FORESEEN_AT_ONCE);
      await Promise.all(some.map((segment) => segment.foresee()));
      for (const segment of some) {
        if (cut > 0) await segment.remove();
        else {
          cut = await segment.recover(this.#stored);
          if (cut > 0) this.#options.onCut?.(segment.file, cut);
          this.#segments.push(segment);
        }
      }
    }
    if (this.#segments.length === 0) this.#segments.push(this.#segmentAt(this.#options.startOffset ?? 0));
    for (const segment of this.#segments.slice(0, -1)) segment.seal();
    await this.#active.ready();
    this.#appended = new Map(this.#stored.states);
    this.#nextOffset = this.#active.nextOffset;
    this.#startOffset = Math.min(Math.max((this.#segments[0] as Segment).baseOffset, this.#options.startOffset ?? 0), this.#nextOffset);
  }

  #segmentAt(baseOffset: number): Segment {
    return new Segment(this.#files, this.#options.folder, baseOffset, this.#options.warm);
  }

  /** The partition's own folder. */
  get folder(): string {
    return this.#options.folder;
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
    return judgeSequence(this.#appended, batch, this.#attempts);
  }

  /** Takes note of a batch that is to begin its producer's transaction here, whether it may or not (KIP-890). */
  noteAttempt(batch: BatchHeader): void {
    noteAttempt(this.#attempts, batch);
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
    if (this.#lost) throw this.#lost;
    const baseOffset = this.#nextOffset;
    const lastOffset = baseOffset + batch.count - 1;
    patchBatch(bytes, 0, baseOffset, LEADER_EPOCH);
    const placed: BatchHeader = { ...batch, at: 0, end: bytes.length, baseOffset, lastOffset, leaderEpoch: LEADER_EPOCH };
    this.#nextOffset = lastOffset + 1;
    const end = isControl(placed.attributes) ? readTransactionEnd(placed, bytes) : undefined;
    if (end) noteMarker(this.#appended, placed, end);
    else noteBatch(this.#appended, placed);
    if (isTransactional(placed.attributes)) this.#attempts.delete(placed.producerId);
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
    while (this.#pending.length > 0 || this.#between.length > 0) {
      for (const action of this.#between.splice(0)) await action();
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

  /** Runs `action` while nothing is written. */
  #betweenWrites<T>(action: () => Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#between.push(() => action().then(resolve, reject));
      this.#writing ??= Promise.resolve().then(() => this.#drain());
    });
  }

  /** Runs what adds to the log's segments or takes from them, one after the other. */
  #maintain<T>(action: () => Promise<T>): Promise<T> {
    const result = this.#upkeep.then(action);
    this.#upkeep = result.catch(() => undefined);
    return result;
  }

  async #writeGroup(group: PendingAppend[]): Promise<void> {
    if (this.#isSuspect) await this.#rewrite();
    const settings = this.#options.settings();
    let from = 0;
    while (from < group.length) {
      let to = from;
      let bytes = 0;
      let firstMs = this.#active.firstMs;
      while (to < group.length) {
        const next = group[to] as PendingAppend;
        const isFull = this.#active.size + bytes + next.bytes.length > settings.segmentBytes;
        const isBegun = to > from || this.#active.size > 0;
        if (isBegun && (isFull || this.#isOverdue(settings, firstMs, next.batch.maxTimestampMs))) break;
        if (firstMs < 0) firstMs = next.batch.maxTimestampMs;
        bytes += next.bytes.length;
        to++;
      }
      if (to > from) await this.#writeRun(group.slice(from, to), bytes);
      if (to < group.length) await this.#roll((group[to] as PendingAppend).batch.baseOffset);
      from = to;
    }
  }

  /** Whether segment.ms (or max.compaction.lag.ms) asks for a new segment, as Kafka counts: by record times, the segment's first to the next one. */
  #isOverdue(settings: TopicSettings, firstMs: number, nextMs: number): boolean {
    const limit = settings.isCompacted ? Math.min(settings.maxCompactionLagMs, settings.segmentMs) : settings.segmentMs;
    if (limit === Infinity) return false;
    const share = (Math.imul(this.#active.baseOffset | 0, 0x9e3779b1) >>> 0) / 2 ** 32;
    const jitter = Math.min(limit, settings.segmentJitterMs) * share;
    const waited = firstMs >= 0 ? nextMs - firstMs : Date.now() - this.#active.sinceMs;
    return waited > limit - jitter;
  }

  async #writeRun(run: readonly PendingAppend[], bytes: number): Promise<void> {
    const segment = this.#active;
    const settings = this.#options.settings();
    await segment.write(run.map((one) => one.bytes));
    for (const { batch } of run) this.#unsyncedRecords += batch.count;
    const isSynced = this.#options.sync || this.#unsyncedRecords >= settings.flushMessages;
    if (isSynced) {
      await this.#trusted(() => segment.syncAhead());
      if (segment.size === 0) await this.#files.syncFolder(this.#options.folder);
      this.#unsyncedRecords = 0;
    } else {
      this.#dirty = true;
      if (settings.flushMs !== Infinity) this.#flushWithin(settings.flushMs);
    }
    const cacheBytes = this.#options.cacheBytes ?? DEFAULT_CACHE_BYTES;
    for (const { batch, bytes: own } of run) {
      segment.took(batch, own.length, own, this.#stored);
      cacheBatch(this.#cache, batch.baseOffset, batch.lastOffset, own, cacheBytes);
    }
    if (isSynced) segment.syncedBytes = segment.size;
    for (const one of run) one.resolve();
    for (const listener of this.#listeners) listener(bytes);
  }

  /** Begins a new segment. */
  async #roll(baseOffset: number): Promise<void> {
    const full = this.#active;
    await this.#trusted(() => full.sync());
    await full.snapshot(() => this.#stored.states.values());
    full.seal();
    this.#segments.push(this.#segmentAt(baseOffset));
  }

  /** Runs a sync. One that fails makes the log suspect: the system may have dropped what it could not write. */
  async #trusted(sync: () => Promise<void>): Promise<void> {
    try {
      await sync();
    } catch (thrown) {
      this.#isSuspect = true;
      throw thrown;
    }
  }

  async #rewrite(): Promise<void> {
    const lost = await this.#active.rewriteUnsynced();
    this.#isSuspect = false;
    this.#unsyncedRecords = 0;
    if (lost === 0) return;
    this.#lost = new Error(`${lost} bytes of ${path.basename(this.#active.file)} could not be read back after a sync had failed`);
    throw this.#lost;
  }

  #flushWithin(ms: number): void {
    if (this.#flushTimer) return;
    this.#flushTimer = setTimeout(() => {
      this.#flushTimer = undefined;
      this.flush().catch((thrown: unknown) => this.#options.onFailure?.(this.#options.folder, thrown));
    }, ms);
    this.#flushTimer.unref();
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
    if (this.#lost) throw this.#lost;
    if (offset >= toOffset || offset >= this.endOffset || (maxBytes <= 0 && !atLeastOne)) return [];
    return readCached(this.#cache, offset, maxBytes, atLeastOne, toOffset) ?? this.#readFile(offset, maxBytes, atLeastOne, toOffset);
  }

  async #readFile(offset: number, maxBytes: number, atLeastOne: boolean, toOffset: number): Promise<Uint8Array[]> {
    return this.#fromSegments(async (segments) => {
      for (const segment of segments) {
        if (segment.nextOffset <= offset || segment.size === 0) continue;
        const bytes = await segment.read(offset, maxBytes, atLeastOne);
        const wanted = toOffset < segment.nextOffset ? cutAtOffset(bytes, toOffset) : bytes;
        return wanted.length > 0 ? [wanted] : [];
      }
      return [];
    }, offset);
  }

  /** Reads from the segments from the one with `offset` on; once more where one was replaced or removed meanwhile. */
  async #fromSegments<T>(read: (segments: readonly Segment[]) => Promise<T>, offset: number): Promise<T> {
    for (;;) {
      let at = this.#segments.length - 1;
      while (at > 0 && (this.#segments[at] as Segment).baseOffset > offset) at--;
      try {
        return await read(this.#segments.slice(at));
      } catch (thrown) {
        if (!(thrown instanceof SegmentGone) || this.#closed || this.#lost) throw thrown;
        await new Promise((resolve) => setImmediate(resolve));
      }
    }
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
  async findTime(timeMs: number): Promise<FoundTime | undefined> {
    return this.#fromSegments(async (segments) => {
      for (const segment of segments) {
        for (let from = this.#startOffset; segment.nextOffset > from;) {
          const batch = await segment.batchAtTime(timeMs, from);
          if (!batch) break;
          const found = timeInBatch(batch, timeMs, from);
          if (found) return found;
          from = offsetBehind(batch);
        }
      }
      return undefined;
    }, this.#startOffset);
  }

  /** The latest record time of the log, −1 while it is empty. */
  get latestTimestampMs(): number {
    return this.#segments.reduce((latest, segment) => Math.max(latest, segment.latestMs), -1);
  }

  /** Calls `listener` on every change until the returned function is called. */
  listen(listener: LogListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Moves the first readable offset at once; segments wholly before it are removed by and by. */
  deleteBefore(offset: number): void {
    this.#startOffset = Math.max(this.#startOffset, Math.min(offset, this.endOffset));
    this.#maintain(() => this.#removeUnreadable()).catch((thrown: unknown) => this.#options.onFailure?.(this.#options.folder, thrown));
  }

  async #removeUnreadable(): Promise<void> {
    while (this.#segments.length > 1 && (this.#segments[1] as Segment).baseOffset <= this.#startOffset) {
      await (this.#segments.shift() as Segment).remove();
    }
  }

  /**
   * Removes segments that are older than retention.ms or beyond retention.bytes, where the policy says "delete". When even the last segment has
   * expired, a new one takes its place, as in Kafka. Returns true if the start moved.
   */
  retain(nowMs: number): Promise<boolean> {
    return this.#maintain(async () => {
      if (this.#closed) return false;
      const settings = this.#options.settings();
      const before = this.#startOffset;
      const expired = settings.isDeleted ? this.#expired(nowMs, settings) : 0;
      if (expired > 0) {
        if (expired === this.#segments.length) await this.#betweenWrites(() => this.#roll(this.endOffset));
        this.#startOffset = Math.max(before, (this.#segments[expired] as Segment).baseOffset);
      }
      await this.#removeUnreadable();
      return this.#startOffset > before;
    });
  }

  /** How many segments may go, from the oldest on. */
  #expired(nowMs: number, { retentionMs, retentionBytes }: TopicSettings): number {
    let excess = retentionBytes < 0 ? -1 : this.sizeBytes - retentionBytes;
    let count = 0;
    for (const segment of this.#segments) {
      if (segment === this.#active && segment.size === 0) break;
      const age = nowMs - (segment.latestMs >= 0 ? segment.latestMs : segment.sinceMs);
      const isTooOld = retentionMs >= 0 && age > retentionMs;
      if (!isTooOld && excess < segment.size) break;
      excess -= segment.size;
      count++;
    }
    return count;
  }

  /** Compacts the log where its policy says so and enough of it is dirty. `bufferBytes` bounds the memory for keys. Returns true if it did. */
  compact(nowMs: number, bufferBytes: number, signal?: AbortSignal): Promise<boolean> {
    return this.#maintain(async () => {
      const settings = this.#options.settings();
      if (this.#closed || !settings.isCompacted) return false;
      const done = await compactLog({
        files: this.#files,
        folder: this.#options.folder,
        warm: this.#options.warm,
        settings,
        nowMs,
        bufferBytes,
        segments: this.#segments,
        startOffset: this.#startOffset,
        stableOffset: this.lastStableOffset,
        producers: this.#stored.states,
        cleanedTo: this.#cleanedTo,
        isCancelled: () => this.#closed || signal?.aborted === true,
        onBroken: (cause) => {
          this.#lost = cause;
        },
        replace: (olds, cleaned) => {
          this.#segments.splice(this.#segments.indexOf(olds[0] as Segment), olds.length, cleaned);
          dropCachedBefore(this.#cache, this.#active.baseOffset);
        },
      });
      this.#cleanedTo = done.cleanedTo;
      return done.hasCleaned;
    });
  }

  /** fsync of what was written since the last one; the index file follows from time to time. */
  async flush(): Promise<void> {
    if (this.#closed || this.#lost) return;
    if (this.#isSuspect) await this.#betweenWrites(() => (this.#isSuspect ? this.#rewrite() : Promise.resolve()));
    const segment = this.#active;
    if (this.#dirty) {
      this.#dirty = false;
      this.#unsyncedRecords = 0;
      await this.#trusted(() => segment.sync());
    }
    const due = Math.max(this.#options.snapshotEveryBytes ?? SNAPSHOT_EVERY_BYTES, segment.size / SNAPSHOTS_A_SEGMENT);
    if (segment.size - segment.snapshotBytes >= due) await segment.snapshot(() => this.#stored.states.values());
  }

  /** Finishes what is under way, syncs, writes the index files and closes. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    clearTimeout(this.#flushTimer);
    await this.#upkeep;
    await this.settled();
    for (const listener of [...this.#listeners]) listener(-1);
    const active = this.#active;
    if (this.#isSuspect && !this.#lost) await this.#rewrite().catch(() => undefined);
    if (active.size > 0 && !this.#isSuspect && !this.#lost) await active.snapshot(() => this.#stored.states.values());
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
