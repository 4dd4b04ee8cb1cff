import { mkdir, readFile, readdir, rm } from "node:fs/promises";
import path from "node:path";
import { codeOf } from "../../base/errors.ts";
import { CheckpointError, RESTORE_OR_RENEW } from "../checkpoint/checkpoint-error.ts";
import { syncedFiles, type DurableFiles } from "../checkpoint/durable-files.ts";
import type { ByteWriter } from "./byte-writer.ts";
import { ByteReader } from "./byte-writer.ts";
import type { StateContent } from "./state-frame.ts";
import { decodeStateFile, sealStateFile } from "./state-frame.ts";

/** The longest chain of deltas that a restart reads back. */
const MAX_CHAIN = 1000;
/** So many versions are removed for each that comes: a snapshot may make a thousand of them needless, which at once would hold up a batch for a fifth of a second. */
const PURGED_AT_ONCE = 1;
/** Below this many bytes of deltas no snapshot is worth its write. */
const MIN_SNAPSHOT_BYTES = 256 * 1024;

/**
 * The versions of one state partition in `state/<operator>/<partition>`: `<version>.delta` holds the changes against the version before,
 * `<version>.snapshot` everything. A snapshot is written in place of a delta when the deltas since the last one outweigh it, so that the cost
 * over time follows the changes.
 */
export class StateFiles {
  readonly #folder: string;
  #deltaBytes = 0;
  #snapshotBytes = 0;
  #chain = 0;
  #made = false;
  /** The versions that have files, and those that have a snapshot, the oldest first. */
  #versions: number[] = [];
  #snapshots: number[] = [];

  /** Versions that an interrupted run may have left as the other kind: all up to this one. */
  #leftUpTo = Infinity;

  readonly #minSnapshotBytes: number;
  readonly #files: DurableFiles;

  /** `minSnapshotBytes`: how many bytes of deltas there are at least before a snapshot. `files`: where they go, each synced by itself if not given. */
  constructor(folder: string, minSnapshotBytes: number = MIN_SNAPSHOT_BYTES, files: DurableFiles = syncedFiles) {
    this.#folder = folder;
    this.#minSnapshotBytes = minSnapshotBytes;
    this.#files = files;
  }

  #file(version: number, kind: "delta" | "snapshot"): string {
    return path.join(this.#folder, `${version}.${kind}`);
  }

  /** Whether the next version had better be a snapshot. */
  get wantsSnapshot(): boolean {
    return this.#chain >= MAX_CHAIN || this.#deltaBytes > Math.max(this.#minSnapshotBytes, this.#snapshotBytes);
  }

  /** Writes what a `stateWriter` holds, in this format; durable with the next sync of the files. Resolves with the bytes of the file. */
  async write(version: number, kind: "delta" | "snapshot", writer: ByteWriter, format: number): Promise<number> {
    if (!this.#made) {
      await mkdir(this.#folder, { recursive: true });
      this.#made = true;
    }
    const framed = sealStateFile(writer, format);
    await this.#files.write(this.#file(version, kind), framed);
    if (version <= this.#leftUpTo) {
      await rm(this.#file(version, kind === "delta" ? "snapshot" : "delta"), { force: true });
      this.#leftUpTo = version;
    }
    if (this.#versions.at(-1) !== version) this.#versions.push(version);
    if (kind === "snapshot") {
      this.#snapshots.push(version);
      this.#snapshotBytes = framed.length;
      this.#deltaBytes = 0;
      this.#chain = 0;
    } else {
      this.#deltaBytes += framed.length;
      this.#chain++;
    }
    return framed.length;
  }

  /**
   * Gives the last snapshot up to `version` and the deltas after it, in order, each with its kind and format; leftovers of interrupted writes are swept.
   * `oldest`: the first format that the caller knows, an older file is refused by name.
   */
  async read(
    version: number,
    oldest: number,
    apply: (reader: ByteReader, kind: "delta" | "snapshot", format: number) => void,
  ): Promise<void> {
    this.#deltaBytes = 0;
    this.#snapshotBytes = 0;
    this.#chain = 0;
    const names = new Set(await this.#names());
    for (const name of names) if (name.endsWith(".tmp")) await rm(path.join(this.#folder, name), { force: true });
    const numbers = (pattern: RegExp): number[] =>
      [...new Set([...names].flatMap((name) => Number(pattern.exec(name)?.[1] ?? [])))].sort((a, b) => a - b);
    this.#versions = numbers(/^(\d+)\.(?:delta|snapshot)$/).filter((one) => one <= version);
    this.#snapshots = numbers(/^(\d+)\.snapshot$/).filter((one) => one <= version);
    if (version === 0) return;
    let from = version;
    while (from > 0 && !names.has(`${from}.snapshot`)) from--;
    for (let at = Math.max(from, 1); at <= version; at++) {
      const kind = at === from ? "snapshot" : "delta";
      const { format, content } = await this.#content(this.#file(at, kind), oldest);
      try {
        const reader = new ByteReader(content);
        apply(reader, kind, format);
        if (!reader.done) throw new RangeError("bytes are left over");
      } catch (cause) {
        throw new CheckpointError("CHECKPOINT_DAMAGED", {
          failed: `Cannot read ${this.#file(at, kind)}`,
          found: "its content has another shape",
          remedy: RESTORE_OR_RENEW,
          cause,
        });
      }
      if (kind === "snapshot") this.#snapshotBytes = content.length;
      else {
        this.#deltaBytes += content.length;
        this.#chain++;
      }
    }
  }

  async #content(file: string, oldest: number): Promise<StateContent> {
    let framed: Buffer;
    try {
      framed = await readFile(file);
    } catch (thrown) {
      if (codeOf(thrown) !== "ENOENT") throw thrown;
      throw new CheckpointError("CHECKPOINT_MISSING", {
        failed: "Cannot restore the state",
        found: `${file} is missing`,
        remedy: RESTORE_OR_RENEW,
      });
    }
    return decodeStateFile(framed, file, oldest);
  }

  async #names(): Promise<string[]> {
    if (this.#folder === "") return [];
    return readdir(this.#folder).catch((thrown: unknown) => {
      if (codeOf(thrown) === "ENOENT") return [];
      throw thrown;
    });
  }

  /** Removes some of the files that restoring `version` or a later one does not need, the oldest first: a few for every batch keep pace. */
  purge(version: number): void {
    while ((this.#snapshots[1] ?? Infinity) <= version) this.#snapshots.shift();
    const base = this.#snapshots[0] ?? 0;
    if (base > version) return;
    const oldest = this.#versions.slice(0, PURGED_AT_ONCE).filter((one) => one < base);
    this.#versions.splice(0, oldest.length);
    for (const one of oldest) for (const kind of ["delta", "snapshot"] as const) this.#files.discard(this.#file(one, kind));
  }
}
