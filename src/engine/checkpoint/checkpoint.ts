import { randomUUID } from "node:crypto";
import { mkdir, readdir, rm } from "node:fs/promises";
import path from "node:path";
import { codeOf } from "../../base/errors.ts";
import type { Offset } from "../sources/source.ts";
import type { BatchLog } from "./batch-log.ts";
import { openBatchLog } from "./batch-log.ts";
import { parseLine, readLines, writeLines } from "./checked-file.ts";
import { CheckpointError, RESTORE_OR_RENEW } from "./checkpoint-error.ts";
import type { CheckpointFiles } from "./durable-files.ts";
import type { CommitEntry, OffsetEntry } from "./entries.ts";
import { decodeCommit, decodeOffsets, encodeCommit, encodeOffsets } from "./entries.ts";
import type { CheckpointLock } from "./lock.ts";
import { takeLock } from "./lock.ts";

/** What must be the same for a query to go on from a checkpoint: its sources' number and its stateful operators with their keys. */
export type QueryShape = { readonly sources: number; readonly state: readonly string[] };

/**
 * A query's checkpoint, laid out as Spark's: `metadata` (query id), `offsets/N`, `commits/N`, `sources/<i>`, `state/<operator>/<partition>`.
 * Who calls: one query, from start to end; `close` gives the lock back.
 */
export interface Checkpoint {
  readonly folder: string;
  readonly queryId: string;
  readonly stateFolder: string;
  sourceFolder(source: number): string;
  /** The last batch with offsets, or undefined in a new checkpoint. */
  latestOffsets(): Promise<{ readonly batchId: number; readonly entry: OffsetEntry } | undefined>;
  latestCommit(): Promise<{ readonly batchId: number; readonly entry: CommitEntry } | undefined>;
  offsets(batchId: number): Promise<OffsetEntry>;
  /** W1: durable with the next `sync`. */
  writeOffsets(batchId: number, entry: OffsetEntry): Promise<void>;
  /** W1 and W2, what the operators' stores have written, survive a power cut when this resolves. */
  sync(): Promise<void>;
  /** W4, durable. */
  writeCommit(batchId: number, entry: CommitEntry): Promise<void>;
  /** The starting offset of a source, asked for once and kept. */
  initialOffset(source: number, ask: () => Promise<Offset>): Promise<Offset>;
  /** The newest version of any operator's state, 0 for none. */
  newestState(): Promise<number>;
  /** Removes what restarts will not need: entries below `batchId`. */
  purge(batchId: number): Promise<void>;
  /** Throws CHECKPOINT_LOST when another run has taken the checkpoint over. To be called before anything is written: state (W2), results (W3). */
  verify(): void;
  close(): Promise<void>;
}

/**
 * Opens or makes a checkpoint; refuses a folder in use, a foreign one, a damaged one and one of another query. `files` is where the batches' files go;
 * the checkpoint opens and closes it.
 */
export async function openCheckpoint(folder: string, shape: QueryShape, files: CheckpointFiles): Promise<Checkpoint> {
  await mkdir(folder, { recursive: true });
  const lock = await takeLock(folder);
  try {
    await files.open?.();
    await sweep(folder);
    const queryId = await identify(folder, shape);
    const logs = {
      offsets: await openBatchLog(path.join(folder, "offsets"), files),
      commits: await openBatchLog(path.join(folder, "commits"), files),
    };
    return checkpointOf(folder, queryId, lock, logs, files);
  } catch (thrown) {
    await lock.release();
    throw thrown;
  }
}

/** Removes what interrupted writes of `metadata` and `sources/<i>/0` have left; the logs and the state sweep their own folders. */
async function sweep(folder: string): Promise<void> {
  const sources = await readdir(path.join(folder, "sources")).catch(() => []);
  for (const one of [folder, ...sources.map((name) => path.join(folder, "sources", name))])
    for (const name of await readdir(one)) if (/^\..*\.tmp$/.test(name)) await rm(path.join(one, name), { force: true });
}

async function identify(folder: string, shape: QueryShape): Promise<string> {
  const file = path.join(folder, "metadata");
  const lines = await readLines(file);
  if (lines === undefined) {
    const strangers = (await readdir(folder)).filter((name) => name !== "lock" && !name.endsWith(".tmp"));
    if (strangers.length > 0) {
      throw new CheckpointError("CHECKPOINT_FOREIGN", {
        failed: `Cannot use ${folder} as a checkpoint`,
        found: `it holds ${strangers.slice(0, 3).join(", ")} but ${file} is missing`,
        remedy: RESTORE_OR_RENEW,
      });
    }
    const id = randomUUID();
    await writeLines(file, [JSON.stringify({ id, shape })]);
    return id;
  }
  const metadata = parseLine(lines[0], file) as { id?: unknown; shape?: unknown };
  if (typeof metadata.id !== "string") {
    throw new CheckpointError("CHECKPOINT_FOREIGN", { failed: `Cannot read ${file}`, found: "no query id", remedy: RESTORE_OR_RENEW });
  }
  if (JSON.stringify(metadata.shape) !== JSON.stringify(shape)) {
    throw new CheckpointError("CHECKPOINT_OTHER_QUERY", {
      failed: `Cannot go on from ${folder}`,
      found: `it was written by a query with ${JSON.stringify(metadata.shape)}, this one has ${JSON.stringify(shape)}`,
      remedy:
        "Give the changed query a checkpointLocation of its own; filters and results may change, sources, keys and aggregates may not.",
    });
  }
  return metadata.id;
}

function checkpointOf(
  folder: string,
  queryId: string,
  lock: CheckpointLock,
  { offsets, commits }: { readonly offsets: BatchLog; readonly commits: BatchLog },
  files: CheckpointFiles,
): Checkpoint {
  const sourceFolder = (source: number): string => path.join(folder, "sources", String(source));
  const readOffsets = async (batchId: number): Promise<OffsetEntry> => decodeOffsets(await offsets.require(batchId), offsets.file(batchId));
  return {
    folder,
    queryId,
    stateFolder: path.join(folder, "state"),
    sourceFolder,
    offsets: readOffsets,
    latestOffsets: async () => {
      const batchId = await offsets.latest();
      return batchId < 0 ? undefined : { batchId, entry: await readOffsets(batchId) };
    },
    latestCommit: async () => {
      const batchId = await commits.latest();
      return batchId < 0 ? undefined : { batchId, entry: decodeCommit(await commits.require(batchId), commits.file(batchId)) };
    },
    writeOffsets: async (batchId, entry) => {
      lock.verify();
      await offsets.write(batchId, encodeOffsets(entry));
    },
    writeCommit: async (batchId, entry) => {
      lock.verify();
      await commits.write(batchId, encodeCommit(entry));
      await files.sync();
    },
    initialOffset: async (source, ask) => {
      const file = path.join(sourceFolder(source), "0");
      const known = await readLines(file);
      if (known) return parseLine(known[0], file) as Offset;
      if ((await offsets.latest()) >= 0) {
        throw new CheckpointError("CHECKPOINT_MISSING", {
          failed: `Cannot restart from ${folder}`,
          found: `${file} is missing`,
          remedy: RESTORE_OR_RENEW,
        });
      }
      const offset = await ask();
      await mkdir(path.dirname(file), { recursive: true });
      await writeLines(file, [JSON.stringify(offset)]);
      return offset;
    },
    newestState: async () => {
      const names = await readdir(path.join(folder, "state"), { recursive: true }).catch((thrown: unknown) => {
        if (codeOf(thrown) === "ENOENT") return [];
        throw thrown;
      });
      const versions = names
        .filter((name) => /(^|[\\/])\d+\.(delta|snapshot)$/.test(name))
        .map((name) => Number.parseInt(path.basename(name), 10));
      return versions.reduce((high, version) => Math.max(high, version), 0);
    },
    purge: async (batchId) => {
      await offsets.purge(batchId);
      await commits.purge(batchId);
    },
    sync: () => files.sync(),
    verify: () => lock.verify(),
    close: async () => {
      try {
        await files.close?.();
      } finally {
        await lock.release();
      }
    },
  };
}
