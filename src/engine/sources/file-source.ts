import { watch } from "node:fs";
import type { FSWatcher } from "node:fs";
import path from "node:path";
import type { Clock } from "../../base/clock.ts";
import { codeOf, StreamlabError } from "../../base/errors.ts";
import type { Options } from "../plan/plan.ts";
import type { StructType } from "../types/data-type.ts";
import type { ListedFile } from "./file-list.ts";
import { listFiles, watchedFolder } from "./file-list.ts";
import type { FileFormatName } from "./file-rows.ts";
import { fileRows, readsWhole } from "./file-rows.ts";
import { lineBlocks } from "./line-blocks.ts";
import { SeenFiles } from "./seen-files.ts";
import type { Block, Offset, Source } from "./source.ts";

/** How often a folder is looked through where the system tells nothing of its changes. */
const CHECK_MS = 1000;

/** What a source of files is opened with. */
export interface FileSourceOptions {
  readonly format: FileFormatName;
  readonly path: string;
  readonly schema: StructType;
  readonly options: Options;
  readonly clock: Clock;
  /** Where the seen files are kept; without it the source is a table: all files there are, at once. */
  readonly checkpointDir: string | undefined;
  readonly maxFilesPerTrigger: number | undefined;
  readonly latestFirst: boolean;
}

/**
 * Files as a stream (Spark's FileStreamSource): every file that appears under a path is read once, the oldest first, at most
 * `maxFilesPerTrigger` a batch. Files must appear whole, by a rename into the folder. Offsets are `{"logOffset": step}`.
 */
export class FileSource implements Source {
  readonly schema: StructType;
  readonly description: string;
  readonly #options: FileSourceOptions;
  readonly #seen: SeenFiles;
  #frozen: ReadonlySet<string> | undefined;
  readonly #watchers = new Set<FSWatcher>();

  private constructor(options: FileSourceOptions, seen: SeenFiles) {
    this.#options = options;
    this.#seen = seen;
    this.schema = options.schema;
    this.description = `FileStreamSource[file:${path.resolve(options.path)}]`;
  }

  /** @throws StreamlabError PATH_NOT_FOUND; CheckpointError */
  static async open(options: FileSourceOptions, checkpointDir: string): Promise<FileSource> {
    await listFiles(options.path, options.options);
    return new FileSource(options, await SeenFiles.open(path.join(checkpointDir, "seen")));
  }

  initial(): Promise<Offset> {
    return Promise.resolve({ logOffset: -1 });
  }

  async latest(from: Offset): Promise<Offset> {
    const step = stepOf(from);
    if (this.#seen.last > step) return { logOffset: this.#seen.last };
    const fresh = await this.#unseen();
    if (this.#options.latestFirst) fresh.reverse();
    const taken = fresh.slice(0, this.#options.maxFilesPerTrigger);
    if (taken.length > 0) await this.#seen.add(taken);
    return { logOffset: this.#seen.last };
  }

  /** Not known without a look at the folder: null, as Spark's. */
  reportLatestOffset(): Offset {
    return null;
  }

  async *read(from: Offset, to: Offset, signal: AbortSignal): AsyncIterable<Block> {
    yield* blocksOf(this.#seen.between(stepOf(from), stepOf(to)), this.#options, signal);
  }

  async changed(from: Offset, signal: AbortSignal): Promise<void> {
    const over = new AbortController();
    const abort = (): void => over.abort(signal.reason);
    signal.addEventListener("abort", abort, { once: true });
    let wake: () => void = () => undefined;
    let told = false;
    const watcher = watched(watchedFolder(this.#options.path), () => {
      told = true;
      wake();
    });
    if (watcher) this.#watchers.add(watcher);
    try {
      for (;;) {
        signal.throwIfAborted();
        told = false;
        if (this.#seen.last > stepOf(from) || (await this.#unseen()).length > 0) return;
        const event = new Promise<void>((resolve) => (wake = resolve));
        if (told) continue;
        const pause = new AbortController();
        const slept = this.#options.clock.sleep(CHECK_MS, AbortSignal.any([over.signal, pause.signal]));
        await Promise.race([event, slept.catch(() => undefined)]);
        pause.abort(new Error("no longer waited for"));
        await slept.catch(() => undefined);
      }
    } finally {
      signal.removeEventListener("abort", abort);
      if (watcher) {
        watcher.close();
        this.#watchers.delete(watcher);
      }
    }
  }

  commit(): Promise<void> {
    return Promise.resolve();
  }

  async freeze(): Promise<void> {
    this.#frozen = new Set((await this.#unseen()).map((file) => file.path));
  }

  close(): Promise<void> {
    for (const watcher of this.#watchers) watcher.close();
    return Promise.resolve();
  }

  async #unseen(): Promise<ListedFile[]> {
    const files = await listFiles(this.#options.path, this.#options.options);
    return files.filter((file) => !this.#seen.has(file.path) && (this.#frozen?.has(file.path) ?? true));
  }
}

/** All files of a path as a table: what is there when the rows are read. */
export function fileTable(options: FileSourceOptions): Source {
  return {
    schema: options.schema,
    description: `FileScan ${options.format} [file:${path.resolve(options.path)}]`,
    initial: () => Promise.resolve(0),
    latest: () => Promise.resolve(1),
    read: (_from, _to, signal) => tableBlocks(options, signal),
    changed: () => Promise.resolve(),
    commit: () => Promise.resolve(),
    close: () => Promise.resolve(),
  };
}

async function* tableBlocks(options: FileSourceOptions, signal: AbortSignal): AsyncIterable<Block> {
  yield* blocksOf(await listFiles(options.path, options.options), options, signal);
}

async function* blocksOf(files: readonly ListedFile[], options: FileSourceOptions, signal: AbortSignal): AsyncIterable<Block> {
  for (const file of files) {
    try {
      if (handsOverLines(options)) yield* lineBlocks(file.path, options.options.lineSep, signal);
      else
        for await (const rows of fileRows(options.format, file.path, options.schema, options.options, signal)) yield { kind: "rows", rows };
    } catch (thrown) {
      if (codeOf(thrown) !== "ENOENT") throw thrown;
      if (options.options.ignoreMissingFiles !== "true") throw fileGone(file.path, thrown);
    }
  }
}

/** Lines of text go on as bytes, which the query may read without a string; not so those that end with characters beyond ASCII. */
function handsOverLines({ format, schema, options }: FileSourceOptions): boolean {
  const [column] = schema.fields;
  const plain = schema.fields.length === 1 && column?.dataType.type === "string";
  return format === "text" && plain && !readsWhole(format, options) && /^[\0-\x7f]+$/.test(options.lineSep ?? "\n");
}

function stepOf(offset: Offset): number {
  return typeof offset === "object" && offset !== null && "logOffset" in offset && typeof offset.logOffset === "number"
    ? offset.logOffset
    : -1;
}

/** A watcher of a folder or file; undefined where the system has none for it, and the regular look must do. */
function watched(folder: string, changed: () => void): FSWatcher | undefined {
  try {
    const watcher = watch(folder, { persistent: false }, changed);
    watcher.on("error", () => watcher.close());
    return watcher;
  } catch {
    return undefined;
  }
}

function fileGone(file: string, cause: unknown): StreamlabError {
  return new StreamlabError("FAILED_READ_FILE.FILE_NOT_EXIST", {
    failed: `Cannot read ${file}`,
    found: "it was listed before, and is gone now",
    remedy: 'Leave files in place until the query has read them, or set the option "ignoreMissingFiles" to "true".',
    cause,
  });
}
