import { readdir, readFile, stat } from "node:fs/promises";
import path from "node:path";
import { codeOf } from "../../base/errors.ts";
import type { Offset } from "../sources/source.ts";
import { STATE_FORMATS, decodeStateFile } from "../state/state-frame.ts";
import { decodeLines, parseLine } from "./checked-file.ts";
import { CheckpointError, RESTORE_OR_RENEW } from "./checkpoint-error.ts";
import type { CheckpointCode } from "./checkpoint-error.ts";
import type { CommitEntry, OffsetEntry } from "./entries.ts";
import { decodeCommit, decodeOffsets } from "./entries.ts";
import { filesToRestore } from "./file-journal.ts";
import { lockHolder } from "./lock.ts";

/** Something that is wrong with one file of a checkpoint. `stops` is false where a restart does not need the file. */
export type CheckpointFault = {
  readonly file: string;
  readonly code: CheckpointCode;
  readonly found: string;
  readonly remedy: string;
  readonly stops: boolean;
};

/** Some files of one kind. */
export type FolderSize = { readonly files: number; readonly bytes: number };

/** One stateful operator's files: which versions there are, and the chain that the next start reads. */
export type StateInspection = FolderSize & {
  readonly operator: number;
  /** Kind and layout of the operator's state, as the query that wrote it had it. */
  readonly name: string;
  readonly snapshots: readonly number[];
  readonly deltas: readonly number[];
  /** The version that the next start loads; 0 is the empty state. */
  readonly needed: number;
};

/** What the next start of the query does with batch `batchId`: run it again over the same range, or begin it anew from `from` on. */
export type RestartPlan =
  | { readonly action: "repeat"; readonly batchId: number; readonly ranges: readonly { readonly from: Offset; readonly to: Offset }[] }
  | { readonly action: "begin"; readonly batchId: number; readonly from: readonly Offset[] };

/** All that a checkpoint says, read without a lock and without changing anything. */
export type CheckpointInspection = {
  readonly folder: string;
  readonly queryId: string | undefined;
  readonly sources: number;
  readonly holder: { readonly pid: number; readonly alive: boolean } | undefined;
  /** The last batch with a W1 entry, and that entry. */
  readonly begun: ({ readonly batchId: number } & OffsetEntry) | undefined;
  readonly committed: ({ readonly batchId: number } & CommitEntry) | undefined;
  /** The watermark that the next batch runs under, milliseconds. */
  readonly watermarkMs: number;
  readonly initialOffsets: readonly Offset[];
  readonly offsets: FolderSize & { readonly batches: readonly number[] };
  readonly commits: FolderSize & { readonly batches: readonly number[] };
  readonly state: readonly StateInspection[];
  /** The write-ahead journal of a query that runs or was killed. */
  readonly journal: FolderSize;
  /** Files that a power cut has taken; the next start puts them back from the journal, and they count as there. */
  readonly restored: readonly string[];
  /** Files of interrupted writes; the next start sweeps them. */
  readonly leftovers: readonly string[];
  readonly bytes: number;
  /** What the next start does; undefined where it is refused. */
  readonly restart: RestartPlan | undefined;
  readonly faults: readonly CheckpointFault[];
};

/** Reads every file of a checkpoint and says what is in it, what is wrong with it and what a restart would do. Rejects where there is no such folder. */
export async function inspectCheckpoint(folder: string): Promise<CheckpointInspection> {
  await stat(folder).catch((cause: unknown) => {
    throw new CheckpointError("CHECKPOINT_MISSING", {
      failed: `Cannot inspect ${folder}`,
      found: codeOf(cause) === "ENOENT" ? "there is no such folder" : (codeOf(cause) ?? "it cannot be read"),
      remedy: "Name the query's checkpointLocation.",
      cause,
    });
  });
  return new Inspector(folder).inspect();
}

const RESTORE_ONE = "A restart does not need it: put it back from a copy, or let later batches remove it.";

class Inspector {
  readonly #folder: string;
  readonly #faults: CheckpointFault[] = [];
  readonly #leftovers: string[] = [];
  readonly #journaled: ReadonlyMap<string, Uint8Array>;
  readonly #restored: string[] = [];
  #bytes = 0;

  constructor(folder: string) {
    this.#folder = folder;
    this.#journaled = filesToRestore(folder);
  }

  async inspect(): Promise<CheckpointInspection> {
    await this.#names(".");
    const metadata = await this.#metadata();
    const commits = await this.#log("commits", decodeCommit);
    const offsets = await this.#log("offsets", decodeOffsets, commits.batches.at(-1));
    const begun = offsets.batches.at(-1) ?? -1;
    const committed = commits.batches.at(-1) ?? -1;
    this.#checkLogs(offsets.batches, commits.batches);
    const initialOffsets = await this.#initialOffsets(metadata?.sources ?? 0, begun >= 0);
    const next = committed === begun ? begun + 1 : begun;
    const state: StateInspection[] = [];
    for (const [operator, name] of (metadata?.state ?? []).entries()) state.push(await this.#state(operator, name, next, begun));
    const [last, done] = [offsets.entries.get(begun), commits.entries.get(committed)];
    for (const [batchId, entry] of offsets.entries)
      if (metadata && entry.offsets.length !== metadata.sources)
        this.#fault(
          path.join("offsets", String(batchId)),
          "CHECKPOINT_OTHER_QUERY",
          `${entry.offsets.length} sources instead of ${metadata.sources}`,
        );
    const stops = this.#faults.some((fault) => fault.stops);
    const before = begun === next ? offsets.entries.get(begun - 1)?.offsets : undefined;
    return {
      folder: this.#folder,
      queryId: metadata?.id,
      sources: metadata?.sources ?? 0,
      holder: await lockHolder(this.#folder),
      begun: last && { batchId: begun, ...last },
      committed: done && { batchId: committed, ...done },
      watermarkMs: Math.max(last?.batchWatermarkMs ?? 0, committed === begun ? (done?.nextBatchWatermarkMs ?? 0) : 0),
      initialOffsets,
      offsets: { files: offsets.files, bytes: offsets.bytes, batches: offsets.batches },
      commits: { files: commits.files, bytes: commits.bytes, batches: commits.batches },
      state,
      journal: await this.#journal(),
      restored: this.#restored,
      leftovers: this.#leftovers,
      bytes: this.#bytes,
      restart: stops ? undefined : restartOf(next, begun, last, before ?? initialOffsets, initialOffsets),
      faults: this.#faults,
    };
  }

  #fault(file: string, code: CheckpointCode, found: string, stops: boolean = true, remedy: string = RESTORE_OR_RENEW): void {
    const full = path.join(this.#folder, file);
    if (this.#faults.some((fault) => fault.file === full)) return;
    this.#faults.push({ file: full, code, found, remedy: stops ? remedy : RESTORE_ONE, stops });
  }

  /** The files of a folder, leftovers noted and set aside. */
  async #names(folder: string): Promise<string[]> {
    const names = await readdir(path.join(this.#folder, folder)).catch((thrown: unknown) => {
      if (codeOf(thrown) === "ENOENT") return [] as string[];
      throw thrown;
    });
    const isLeftover = (name: string): boolean => name.endsWith(".tmp") || name.endsWith(".stale");
    this.#leftovers.push(...names.filter(isLeftover).map((name) => path.join(this.#folder, folder, name)));
    const journaled = [...this.#journaled.keys()]
      .filter((name) => path.normalize(path.dirname(name)) === folder)
      .map((name) => path.basename(name));
    return [...new Set([...names.filter((name) => !isLeftover(name)), ...journaled])];
  }

  async #journal(): Promise<FolderSize> {
    const names = await this.#names("journal");
    const sizes = await Promise.all(names.map(async (name) => (await stat(path.join(this.#folder, "journal", name))).size));
    const bytes = sizes.reduce((sum, size) => sum + size, 0);
    this.#bytes += bytes;
    return { files: names.length, bytes };
  }

  /** Reads a file and what `decode` makes of it; what is wrong becomes a fault, and undefined. */
  async #read<T>(
    file: string,
    decode: (bytes: Buffer, full: string) => T,
    stops: boolean = true,
  ): Promise<{ value?: T; bytes: number } | undefined> {
    const full = path.join(this.#folder, file);
    const found = await readFile(full).catch((thrown: unknown) => {
      if (codeOf(thrown) === "ENOENT") return undefined;
      throw thrown;
    });
    const journaled = this.#journaled.get(file.replaceAll(path.sep, "/"));
    if (journaled && !found?.equals(journaled)) this.#restored.push(full);
    const bytes = journaled ? Buffer.from(journaled) : found;
    if (!bytes) return undefined;
    this.#bytes += bytes.length;
    try {
      return { value: decode(bytes, full), bytes: bytes.length };
    } catch (thrown) {
      if (!(thrown instanceof CheckpointError)) throw thrown;
      this.#fault(file, thrown.code, thrown.problem.found, stops, thrown.problem.remedy);
      return { bytes: bytes.length };
    }
  }

  async #metadata(): Promise<{ id: string; sources: number; state: readonly string[] } | undefined> {
    const read = await this.#read("metadata", (bytes, file) => {
      const found = parseLine(decodeLines(bytes.toString("utf8"), file)[0], file) as {
        id?: unknown;
        shape?: { sources?: unknown; state?: unknown };
      };
      const { sources, state } = found.shape ?? {};
      if (typeof found.id !== "string" || typeof sources !== "number" || !Array.isArray(state))
        throw new CheckpointError("CHECKPOINT_FOREIGN", { failed: `Cannot read ${file}`, found: "no query id", remedy: RESTORE_OR_RENEW });
      return { id: found.id, sources, state: state.map(String) };
    });
    if (!read) this.#fault("metadata", "CHECKPOINT_FOREIGN", "it is missing: this is no checkpoint, or its beginning is lost");
    return read?.value;
  }

  /** The entries of a log; a restart reads those from `from` on, or the last one. */
  async #log<T>(folder: string, decode: (lines: readonly string[], file: string) => T, from: number = Infinity) {
    const batches = (await this.#names(folder))
      .filter((name) => /^\d+$/.test(name))
      .map(Number)
      .sort((a, b) => a - b);
    const entries = new Map<number, T>();
    let bytes = 0;
    for (const batch of batches) {
      const needed = batch >= Math.min(from, batches.at(-1) ?? 0);
      const read = await this.#read(
        path.join(folder, String(batch)),
        (raw, file) => decode(decodeLines(raw.toString("utf8"), file), file),
        needed,
      );
      bytes += read?.bytes ?? 0;
      if (read && read.value !== undefined) entries.set(batch, read.value);
    }
    return { batches, entries, files: batches.length, bytes };
  }

  /** Both logs go on without a gap, and the commits end where the offsets do or one before. */
  #checkLogs(offsets: readonly number[], commits: readonly number[]): void {
    const [begun, committed] = [offsets.at(-1) ?? -1, commits.at(-1) ?? -1];
    if (committed > begun)
      this.#fault(path.join("offsets", String(committed)), "CHECKPOINT_MISSING", "it is missing, but its commit is there");
    else if (committed < begun - 1) this.#fault(path.join("commits", String(begun - 1)), "CHECKPOINT_MISSING", "it is missing");
    const first = Math.min(offsets[0] ?? Infinity, commits[0] ?? Infinity);
    for (let batch = first; batch < begun; batch++) {
      const needed = committed < begun && batch === begun - 1;
      if (!offsets.includes(batch)) this.#fault(path.join("offsets", String(batch)), "CHECKPOINT_MISSING", "it is missing", needed);
      if (batch < committed && !commits.includes(batch))
        this.#fault(path.join("commits", String(batch)), "CHECKPOINT_MISSING", "it is missing", false);
    }
  }

  async #initialOffsets(sources: number, required: boolean): Promise<Offset[]> {
    const out: Offset[] = [];
    for (let source = 0; source < sources; source++) {
      const name = path.join("sources", String(source), "0");
      await this.#names(path.dirname(name));
      const read = await this.#read(name, (bytes, file) => parseLine(decodeLines(bytes.toString("utf8"), file)[0], file) as Offset);
      if (!read && required) this.#fault(name, "CHECKPOINT_MISSING", "it is missing");
      out.push(read?.value ?? null);
    }
    return out;
  }

  async #state(operator: number, name: string, needed: number, begun: number): Promise<StateInspection> {
    const folder = path.join("state", String(operator), "0");
    const names = await this.#names(folder);
    const versions = (kind: string): number[] =>
      names
        .filter((one) => new RegExp(`^\\d+\\.${kind}$`).test(one))
        .map((one) => Number.parseInt(one, 10))
        .sort((a, b) => a - b);
    const [snapshots, deltas] = [versions("snapshot"), versions("delta")];
    const base = snapshots.filter((version) => version <= needed).at(-1) ?? 0;
    const oldest = name.startsWith("symmetricHashJoin") ? STATE_FORMATS.places : STATE_FORMATS.rows;
    let bytes = 0;
    for (const [kind, list] of [
      ["snapshot", snapshots],
      ["delta", deltas],
    ] as const) {
      for (const version of list) {
        const stops = version <= needed && (kind === "snapshot" ? version === base : version > base);
        const read = await this.#read(path.join(folder, `${version}.${kind}`), (raw, file) => decodeStateFile(raw, file, oldest), stops);
        bytes += read?.bytes ?? 0;
      }
    }
    for (let version = base + 1; version <= needed; version++)
      if (!deltas.includes(version)) this.#fault(path.join(folder, `${version}.delta`), "CHECKPOINT_MISSING", "it is missing");
    const newest = Math.max(0, ...snapshots, ...deltas);
    if (newest > begun + 1)
      this.#fault(path.join("offsets", String(newest - 1)), "CHECKPOINT_MISSING", `it is missing, but the state has version ${newest}`);
    return { operator, name, snapshots, deltas, needed, files: snapshots.length + deltas.length, bytes };
  }
}

function restartOf(
  next: number,
  begun: number,
  last: OffsetEntry | undefined,
  before: readonly Offset[],
  initial: readonly Offset[],
): RestartPlan {
  if (!last) return { action: "begin", batchId: 0, from: initial };
  if (next > begun) return { action: "begin", batchId: next, from: last.offsets };
  return { action: "repeat", batchId: next, ranges: last.offsets.map((to, i) => ({ from: before[i] ?? null, to })) };
}
