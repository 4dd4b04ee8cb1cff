import { BATCH_PREFIX_BYTES, isCrcValid, readBatchHeader, type BatchHeader } from "../../kafka-protocol/record-batch.ts";
import type { LogFile } from "./log-files.ts";

/** What is looked at before others have a turn: compaction spends some milliseconds on it. */
const CHUNK_BYTES = 256 * 1024;

/** A stretch of whole batches of a file. */
export interface BatchChunk {
  /** Good until the next chunk is asked for. */
  readonly buffer: Buffer;
  readonly batches: readonly BatchHeader[];
  /** Byte of the file at which `buffer` begins. */
  readonly fileAt: number;
}

/**
 * The whole batches of a file from `from` up to `to`, a quarter of a megabyte or one batch at a time; it ends where they are not sound. With `checkCrc` a batch whose
 * CRC is wrong is not sound.
 */
export async function* batchChunks(file: LogFile, from: number, to: number, checkCrc: boolean): AsyncGenerator<BatchChunk> {
  let buffer = Buffer.allocUnsafeSlow(Math.max(0, Math.min(CHUNK_BYTES, to - from)));
  let fileAt = from;
  while (fileAt < to) {
    const filled = await file.read(buffer, 0, Math.min(buffer.length, to - fileAt), fileAt);
    const batches: BatchHeader[] = [];
    let at = 0;
    let isSound = true;
    for (;;) {
      const batch = readBatchHeader(buffer, at, filled);
      if (batch === "cut") break;
      isSound = typeof batch === "object" && (!checkCrc || isCrcValid(buffer, batch));
      if (!isSound || typeof batch !== "object") break;
      batches.push(batch);
      at = batch.end;
    }
    if (batches.length > 0) yield { buffer, batches, fileAt };
    if (!isSound) return;
    if (at > 0) {
      fileAt += at;
      continue;
    }
    if (filled < BATCH_PREFIX_BYTES) return;
    const needed = buffer.readInt32BE(8) + BATCH_PREFIX_BYTES;
    if (needed <= buffer.length || fileAt + needed > to) return;
    buffer = Buffer.allocUnsafeSlow(needed);
  }
}

/** Steps through `batchChunks` as long as `visit` says so: it gets each batch, the buffer it lies in, and its first byte in the file. */
export async function scanBatches(
  file: LogFile,
  from: number,
  to: number,
  checkCrc: boolean,
  visit: (batch: BatchHeader, buffer: Buffer, fileAt: number) => boolean,
): Promise<void> {
  for await (const { buffer, batches, fileAt } of batchChunks(file, from, to, checkCrc)) {
    for (const batch of batches) if (!visit(batch, buffer, fileAt + batch.at)) return;
  }
}
