import { mkdir, readdir, rm } from "node:fs/promises";
import path from "node:path";
import { CheckpointError, RESTORE_OR_RENEW } from "./checkpoint-error.ts";
import { encodeLines, readLines } from "./checked-file.ts";
import type { DurableFiles } from "./durable-files.ts";

/** A folder with one small file a batch, named by its number: `offsets/`, `commits/`. */
export interface BatchLog {
  /** The highest number that has a file, or −1. */
  latest(): Promise<number>;
  read(batchId: number): Promise<string[] | undefined>;
  /** Like `read`, where the file must be there. */
  require(batchId: number): Promise<string[]>;
  /** Durable with the next sync of the files. */
  write(batchId: number, lines: readonly string[]): Promise<void>;
  /** Removes every entry below `batchId`. Cheap where it is called for every batch. */
  purge(batchId: number): Promise<void>;
  file(batchId: number): string;
}

/** Opens (and makes) the folder; leftovers of interrupted writes are swept. */
export async function openBatchLog(folder: string, files: DurableFiles): Promise<BatchLog> {
  await mkdir(folder, { recursive: true });
  for (const name of await readdir(folder)) if (name.endsWith(".tmp")) await rm(path.join(folder, name), { force: true });

  const file = (batchId: number): string => path.join(folder, String(batchId));
  const numbers = async (): Promise<number[]> => (await readdir(folder)).filter((name) => /^\d+$/.test(name)).map(Number);
  let oldest: number | undefined;
  const log: BatchLog = {
    file,
    latest: async () => (await numbers()).reduce((high, n) => Math.max(high, n), -1),
    read: (batchId) => readLines(file(batchId)),
    require: async (batchId) => {
      const lines = await log.read(batchId);
      if (lines) return lines;
      throw new CheckpointError("CHECKPOINT_MISSING", {
        failed: `Cannot restart from ${folder}`,
        found: `${file(batchId)} is missing`,
        remedy: RESTORE_OR_RENEW,
      });
    },
    write: (batchId, lines) => files.write(file(batchId), Buffer.from(encodeLines(lines))),
    purge: async (batchId) => {
      oldest ??= (await numbers()).reduce((low, n) => Math.min(low, n), batchId);
      for (; oldest < batchId; oldest++) files.discard(file(oldest));
    },
  };
  return log;
}
