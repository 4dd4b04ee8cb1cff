import path from "node:path";
import { failpoint } from "../../base/failpoint.ts";
import { isControl, isTransactional, readBatchHeader, type BatchHeader } from "../../kafka-protocol/record-batch.ts";
import type { TopicSettings } from "../configs/topic-settings.ts";
import type { AbortedTransaction } from "./aborted-transactions.ts";
import { batchChunks } from "./batch-scan.ts";
import { deleteHorizonOf, emptied, rawRecords, withRecords, type RawRecord } from "./batch-rewriting.ts";
import { KeyOffsets } from "./key-offsets.ts";
import type { LogFiles } from "./log-files.ts";
import { createPartitionProducers, type PartitionProducers, type ProducerStates } from "./producer-state.ts";
import { readHead } from "./segment-index.ts";
import { cleanedName, decideSwap, finishSwaps } from "./segment-swap.ts";
import { Segment, segmentName } from "./segment.ts";
import type { WarmSegments } from "./warm-segments.ts";

/** A log as compaction sees it. */
export interface CompactionTask {
  readonly files: LogFiles;
  readonly folder: string;
  readonly warm: WarmSegments | undefined;
  readonly settings: TopicSettings;
  readonly nowMs: number;
  /** Memory for the keys of one round. */
  readonly bufferBytes: number;
  /** All segments, the last of which is still written and never touched. Nobody else adds or removes meanwhile, but for new ones at the end. */
  readonly segments: readonly Segment[];
  readonly startOffset: number;
  /** Nothing from here on is touched: transactions may be open there. */
  readonly stableOffset: number;
  readonly producers: ProducerStates;
  /** Where the last compaction ended; undefined: it is looked up. */
  readonly cleanedTo: number | undefined;
  readonly isCancelled: () => boolean;
  /** Called when a decided swap could not be done: the files and what is in memory differ until a restart. */
  readonly onBroken: (cause: Error) => void;
  /** Called when a compacted segment lies in the place of `olds`. */
  readonly replace: (olds: readonly Segment[], cleaned: Segment) => void;
}

export interface CompactionResult {
  readonly hasCleaned: boolean;
  readonly cleanedTo: number;
}

const CHECKPOINT = "cleaned-to";
/** What is written at once. */
const WRITE_BYTES = 1024 * 1024;
/** Offsets within a segment are 32 bits wide in Kafka's indexes. */
const MAX_OFFSETS = 2 ** 31 - 1;

async function cleanedTo(task: CompactionTask): Promise<number> {
  const known = task.cleanedTo ?? Number((await task.files.readStart(path.join(task.folder, CHECKPOINT)))?.toString() ?? 0);
  return Math.max(Number.isSafeInteger(known) ? known : 0, task.startOffset, (task.segments[0] as Segment).baseOffset);
}

/** The segments that may be compacted: closed, stable, and with no record younger than min.compaction.lag.ms. */
function cleanable(task: CompactionTask): Segment[] {
  const found: Segment[] = [];
  for (const [at, segment] of task.segments.entries()) {
    const next = task.segments[at + 1];
    const isYoung = task.settings.minCompactionLagMs > 0 && segment.latestMs > task.nowMs - task.settings.minCompactionLagMs;
    if (!next || next.baseOffset > task.stableOffset || isYoung) break;
    found.push(segment);
  }
  return found;
}

/** Kafka's rule: more than the ratio is dirty, or something dirty has waited for max.compaction.lag.ms. */
function isDue(task: CompactionTask, closed: readonly Segment[], from: number): boolean {
  const dirty = closed.filter((_, at) => (task.segments[at + 1] as Segment).baseOffset > from);
  const bytes = (list: readonly Segment[]): number => list.reduce((sum, segment) => sum + segment.size, 0);
  const dirtyBytes = bytes(dirty);
  if (dirtyBytes === 0) return false;
  const oldestMs = Math.min(...dirty.map((segment) => (segment.firstMs >= 0 ? segment.firstMs : Infinity)));
  return dirtyBytes / bytes(closed) > task.settings.minCleanableDirtyRatio || task.nowMs - oldestMs > task.settings.maxCompactionLagMs;
}

/** Tells whether a batch belongs to a transaction that was aborted. */
function abortedTest(segments: readonly Segment[]): (batch: BatchHeader) => boolean {
  const byProducer = new Map<number, AbortedTransaction[]>();
  for (const one of segments.flatMap((segment) => segment.aborted)) {
    const known = byProducer.get(one.producerId);
    if (known) known.push(one);
    else byProducer.set(one.producerId, [one]);
  }
  return (batch) =>
    isTransactional(batch.attributes) &&
    (byProducer.get(batch.producerId) ?? []).some((one) => one.firstOffset <= batch.baseOffset && batch.lastOffset < one.lastOffset);
}

/** Notes the last offset of each key from `from` on; it ends, in the middle if need be, where the memory is full. */
async function mapKeys(
  task: CompactionTask,
  dirty: readonly Segment[],
  from: number,
  isAborted: (batch: BatchHeader) => boolean,
): Promise<{ map: KeyOffsets; isFull: boolean }> {
  const map = new KeyOffsets(task.bufferBytes);
  for (const segment of dirty) {
    const isFull = await segment.withFile(async (file) => {
      for await (const { buffer, batches } of batchChunks(file, 0, segment.size, true)) {
        if (task.isCancelled()) return true;
        for (const batch of batches) {
          if (batch.lastOffset < from) continue;
          if (!isControl(batch.attributes) && !isAborted(batch)) {
            for (const { key, offset } of rawRecords(batch, buffer)) {
              if (offset < from) continue;
              if (key && !map.put(key, offset)) return true;
              map.latestOffset = offset;
            }
          }
          map.latestOffset = batch.lastOffset;
        }
      }
      return false;
    });
    if (isFull) return { map, isFull };
  }
  return { map, isFull: false };
}

/** Runs of segments that fit into one segment together. */
function grouped(segments: readonly Segment[], next: (segment: Segment) => number, maxBytes: number): Segment[][] {
  const groups: Segment[][] = [];
  let bytes = 0;
  for (const segment of segments) {
    const group = groups.at(-1);
    const fits = group && bytes + segment.size <= maxBytes && next(segment) - (group[0] as Segment).baseOffset <= MAX_OFFSETS;
    if (fits) group.push(segment);
    else groups.push([segment]);
    bytes = (fits ? bytes : 0) + segment.size;
  }
  return groups;
}

/** What one round knows of all batches. */
interface Round {
  readonly task: CompactionTask;
  readonly map: KeyOffsets;
  /** The offset behind the last one that the map knows. */
  readonly end: number;
  readonly isAborted: (batch: BatchHeader) => boolean;
  /** Producers with a batch since their last marker, in the order of the log. */
  readonly inTransaction: Set<number>;
}

/** The last batch of a producer says which sequence or epoch comes next: it stays, without records if need be. */
function isLastOfProducer(producers: ProducerStates, batch: BatchHeader): boolean {
  if (batch.producerId < 0) return false;
  const known = producers.get(batch.producerId);
  if (!known) return false;
  const last = known.batches.at(-1);
  return last ? last.lastOffset === batch.lastOffset : isControl(batch.attributes) && known.epoch === batch.producerEpoch;
}

/** What becomes of a batch: its bytes as they are, rewritten, emptied, or undefined where it goes. */
function cleanBatch(round: Round, batch: BatchHeader, buffer: Buffer): Buffer | undefined {
  const { task, map } = round;
  const asItIs = (): Buffer => Buffer.from(buffer.subarray(batch.at, batch.end));
  const horizon = deleteHorizonOf(batch);
  const isMarker = isControl(batch.attributes);
  const mustStay = isLastOfProducer(task.producers, batch) || batch.lastOffset + 1 === round.end;
  let isGone = false;
  let isMarkerOfNothing = false;
  if (isMarker) {
    isMarkerOfNothing = !round.inTransaction.delete(batch.producerId);
    isGone = isMarkerOfNothing && horizon !== undefined && horizon <= task.nowMs;
  } else if (isTransactional(batch.attributes)) {
    round.inTransaction.add(batch.producerId);
    isGone = round.isAborted(batch);
  }
  if (isGone) return mustStay ? emptied(batch, buffer) : undefined;
  const kept: RawRecord[] = [];
  let hasTombstones = false;
  let total = 0;
  for (const record of rawRecords(batch, buffer)) {
    total++;
    if (!isMarker && record.offset <= map.latestOffset) {
      if (!record.key || record.offset < map.get(record.key)) continue;
      if (!record.hasValue && horizon !== undefined && horizon <= task.nowMs) continue;
      if (!record.hasValue) hasTombstones = true;
    }
    kept.push(record);
  }
  if (kept.length === 0) return mustStay ? emptied(batch, buffer) : undefined;
  const isHorizonDue = (hasTombstones || isMarkerOfNothing) && horizon === undefined;
  if (kept.length === total && !isHorizonDue) return asItIs();
  return withRecords(batch, buffer, kept, isHorizonDue ? task.nowMs + task.settings.deleteRetentionMs : horizon);
}

/** Writes what is left of a group of segments as one, and puts it in their place. */
async function cleanGroup(round: Round, group: readonly Segment[], next: number): Promise<void> {
  const { files, folder, warm } = round.task;
  const first = group[0] as Segment;
  const cleaned = new Segment(files, folder, first.baseOffset, warm, cleanedName(first.baseOffset));
  try {
    await writeCleaned(round, group, cleaned);
    const head = await readHead(files, path.join(folder, `${segmentName((group.at(-1) as Segment).baseOffset)}.index`));
    await cleaned.sync();
    await cleaned.close();
    await decideSwap(files, folder, first.baseOffset, next);
    const placed = await swap(round.task, group, cleaned);
    await placed.snapshot(() => head?.producers ?? []);
  } catch (thrown) {
    await cleaned.close().catch(() => undefined);
    await files.remove(cleaned.file).catch(() => undefined);
    throw thrown;
  }
}

async function swap(task: CompactionTask, group: readonly Segment[], cleaned: Segment): Promise<Segment> {
  try {
    await Promise.all(group.map((segment) => segment.close()));
    await finishSwaps(task.files, task.folder);
    const placed = cleaned.placed();
    task.replace(group, placed);
    return placed;
  } catch (cause) {
    task.onBroken(new Error("a compacted segment could not be put in its place; the next start does it", { cause }));
    throw cause;
  }
}

async function writeCleaned(round: Round, group: readonly Segment[], cleaned: Segment): Promise<void> {
  const { task } = round;
  const scratch: PartitionProducers = createPartitionProducers();
  const markers = new Set<number>();
  let pieces: Buffer[] = [];
  let bytes = 0;
  const write = async (): Promise<void> => {
    if (pieces.length > 0) await cleaned.write(pieces);
    for (const piece of pieces) {
      const header = readBatchHeader(piece, 0, piece.length) as BatchHeader;
      cleaned.took(header, piece.length, piece, scratch);
      if (isControl(header.attributes)) markers.add(header.lastOffset);
    }
    pieces = [];
    bytes = 0;
    failpoint("compaction.written", cleaned.baseOffset);
  };
  for (const segment of group) {
    await segment.withFile(async (file) => {
      let read = 0;
      for await (const { buffer, batches } of batchChunks(file, 0, segment.size, true)) {
        if (task.isCancelled()) throw new CompactionCancelled();
        for (const batch of batches) {
          const left = cleanBatch(round, batch, buffer);
          if (left) bytes += pieces[pieces.push(left) - 1]?.length ?? 0;
          read += batch.end - batch.at;
        }
        if (bytes >= WRITE_BYTES) await write();
      }
      if (read !== segment.size)
        throw new Error(`${path.basename(segment.file)} is damaged ${read} bytes from its start: it is not compacted`);
    });
  }
  await write();
  cleaned.aborted.length = 0;
  cleaned.aborted.push(...group.flatMap((segment) => segment.aborted).filter((one) => markers.has(one.lastOffset)));
}

class CompactionCancelled extends Error {}

/**
 * Log compaction as Kafka's cleaner does it: of the records of each key only the last stays, offsets never change, a tombstone stays for
 * delete.retention.ms from its first compaction on, records of aborted transactions go, and a transaction's marker goes delete.retention.ms after its
 * last record. Closed segments are copied and swapped (segment-swap.ts); several small ones become one. The keys of one round fit into a bounded
 * memory; what they do not cover is the next round's.
 */
export async function compactLog(task: CompactionTask): Promise<CompactionResult> {
  let from = await cleanedTo(task);
  let hasCleaned = false;
  const closed = cleanable(task);
  if (!isDue(task, closed, from)) return { hasCleaned, cleanedTo: from };
  const last = closed.at(-1) as Segment;
  const end = (task.segments[task.segments.indexOf(last) + 1] as Segment).baseOffset;
  try {
    while (from < end) {
      const segments = task.segments.filter((segment) => segment.baseOffset < end);
      const next = (segment: Segment): number => (task.segments[task.segments.indexOf(segment) + 1] as Segment).baseOffset;
      const isAborted = abortedTest(task.segments);
      const dirty = segments.filter((segment) => next(segment) > from);
      const { map, isFull } = await mapKeys(task, dirty, from, isAborted);
      if (task.isCancelled()) break;
      const upTo = isFull ? map.latestOffset + 1 : end;
      if (upTo <= from) break;
      if (!isFull) map.latestOffset = end - 1;
      const round: Round = { task, map, end: upTo, isAborted, inTransaction: new Set() };
      const touched = segments.filter((segment) => segment.baseOffset < upTo);
      for (const group of grouped(touched, next, task.settings.segmentBytes)) {
        await cleanGroup(round, group, next(group.at(-1) as Segment));
        hasCleaned = true;
      }
      from = upTo;
      await task.files.replace(path.join(task.folder, CHECKPOINT), Buffer.from(String(from)));
    }
  } catch (thrown) {
    if (!(thrown instanceof CompactionCancelled)) throw thrown;
  }
  return { hasCleaned, cleanedTo: from };
}
