import type { Offset } from "../sources/source.ts";
import { CheckpointError, RESTORE_OR_RENEW } from "./checkpoint-error.ts";
import { parseLine } from "./checked-file.ts";

/** The settings that are kept with a batch, by Spark's names. */
export type BatchConf = Readonly<Record<string, string>>;

/** `offsets/N` (Spark's OffsetSeq): what batch N reads, and under which watermark, time and settings. Written in step W1. */
export interface OffsetEntry {
  readonly batchWatermarkMs: number;
  readonly batchTimestampMs: number;
  readonly conf: BatchConf;
  /** The end of the range, one per source; null where a source has nothing yet. */
  readonly offsets: readonly Offset[];
}

/** `commits/N` (Spark's CommitMetadata): batch N is done. Written in step W4. */
export interface CommitEntry {
  readonly nextBatchWatermarkMs: number;
}

export function encodeOffsets(entry: OffsetEntry): string[] {
  const { batchWatermarkMs, batchTimestampMs, conf } = entry;
  return [
    JSON.stringify({ batchWatermarkMs, batchTimestampMs, conf }),
    ...entry.offsets.map((offset) => (offset === null ? "-" : JSON.stringify(offset))),
  ];
}

export function decodeOffsets(lines: readonly string[], file: string): OffsetEntry {
  const head = record(parseLine(lines[0], file), file);
  return {
    batchWatermarkMs: whole(head.batchWatermarkMs, file),
    batchTimestampMs: whole(head.batchTimestampMs, file),
    conf: record(head.conf, file) as BatchConf,
    offsets: lines.slice(1).map((line) => (line === "-" ? null : (parseLine(line, file) as Offset))),
  };
}

export function encodeCommit(entry: CommitEntry): string[] {
  return [JSON.stringify(entry)];
}

export function decodeCommit(lines: readonly string[], file: string): CommitEntry {
  return { nextBatchWatermarkMs: whole(record(parseLine(lines[0], file), file).nextBatchWatermarkMs, file) };
}

function record(value: unknown, file: string): Record<string, unknown> {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  throw new CheckpointError("CHECKPOINT_FOREIGN", {
    failed: `Cannot read ${file}`,
    found: "a line has another shape",
    remedy: RESTORE_OR_RENEW,
  });
}

function whole(value: unknown, file: string): number {
  if (typeof value === "number" && Number.isFinite(value)) return value;
  throw new CheckpointError("CHECKPOINT_FOREIGN", {
    failed: `Cannot read ${file}`,
    found: "a number is missing",
    remedy: RESTORE_OR_RENEW,
  });
}
