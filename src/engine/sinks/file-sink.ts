import { randomUUID } from "node:crypto";
import { mkdir, readdir, rename, rm, stat } from "node:fs/promises";
import path from "node:path";
import { syncFolder, writeFileAtomic } from "../../base/atomic-file.ts";
import { codeOf, StreamlabError } from "../../base/errors.ts";
import { failpoint } from "../../base/failpoint.ts";
import type { CompactLog } from "../checkpoint/compact-log.ts";
import { openCompactLog } from "../checkpoint/compact-log.ts";
import type { SaveContext, SinkContext } from "../formats.ts";
import type { Options } from "../plan/plan.ts";
import type { FileFormatName } from "../sources/file-rows.ts";
import type { CommittedFile } from "./file-commits.ts";
import { fileOptions } from "./file-options.ts";
import { COMMITS_FOLDER } from "./file-commits.ts";
import { checkFileSchema, fileText } from "./file-lines.ts";
import type { Sink, SinkBatch } from "./sink.ts";

/**
 * Files as a sink (Spark's FileStreamSink): one file a batch, which counts once the log `_spark_metadata` names it. A batch that is there already is not
 * written again; a file whose batch was never committed is written over. Append mode only. As in Spark a folder belongs to one query: a query
 * that begins anew, with batch 0, writes nothing into a folder that has its batch 0.
 */
export async function openFileSink(format: FileFormatName, context: SinkContext): Promise<Sink> {
  const options = sinkOptions(format, context.options);
  const folder = folderOf(format, options);
  if (context.outputMode !== "append") {
    throw new StreamlabError("UNSUPPORTED_OUTPUT_MODE", {
      failed: `Data source ${format} does not support ${context.outputMode} output mode`,
      found: `outputMode("${context.outputMode}")`,
      remedy: "Files are only added to: use append mode, or foreachBatch to replace them yourself.",
    });
  }
  await mkdir(folder, { recursive: true });
  return new FileSink(format, folder, options, await openCompactLog(path.join(folder, COMMITS_FOLDER)));
}

class FileSink implements Sink {
  readonly description: string;
  readonly countsRows = false;
  readonly #format: FileFormatName;
  readonly #folder: string;
  readonly #options: Options;
  readonly #log: CompactLog;
  #written = 0;

  constructor(format: FileFormatName, folder: string, options: Options, log: CompactLog) {
    this.description = `FileSink[${path.resolve(folder)}]`;
    this.#format = format;
    this.#folder = folder;
    this.#options = options;
    this.#log = log;
  }

  async write(batch: SinkBatch): Promise<void> {
    this.#written = 0;
    if (batch.batchId <= this.#log.latest) return;
    checkFileSchema(this.#format, batch.schema, "write");
    const files: CommittedFile[] = [];
    if (batch.rows.length > 0) {
      const name = `part-00000-batch-${String(batch.batchId).padStart(8, "0")}.${extensionOf(this.#format)}`;
      const text = fileText(this.#format, batch.schema, batch.rows, this.#options);
      batch.verify?.();
      await writeFileAtomic(path.join(this.#folder, name), text);
      files.push({ path: name, size: Buffer.byteLength(text), action: "add" });
      failpoint("w3.mid", batch.batchId, undefined, 1);
    }
    batch.verify?.();
    await this.#log.write(
      batch.batchId,
      files.map((file) => JSON.stringify(file)),
    );
    this.#written = batch.rows.length;
  }

  metrics(): Readonly<Record<string, string>> {
    return { numOutputRows: String(this.#written) };
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

/**
 * Writes rows as a new file of a folder, by the save mode: `errorifexists` refuses a folder that is there, `ignore` leaves it as it is, `append` adds,
 * `overwrite` replaces its content once the new file is complete.
 * @throws StreamlabError PATH_ALREADY_EXISTS
 */
export async function saveFiles(format: FileFormatName, context: SaveContext): Promise<void> {
  const options = sinkOptions(format, context.options);
  const folder = folderOf(format, options);
  checkFileSchema(format, context.batch.schema, "write");
  const names = await namesIn(folder);
  const { mode } = context;
  if (names && mode === "ignore") return;
  if (names && mode === "errorifexists") {
    throw new StreamlabError("PATH_ALREADY_EXISTS", {
      failed: `Path ${path.resolve(folder)} already exists`,
      found: `${names.length} entries`,
      remedy: 'Set mode as "overwrite" to replace it, or "append" to add to it.',
    });
  }
  if (mode === "append" && names?.includes(COMMITS_FOLDER)) {
    throw new StreamlabError("FILE_SINK_FOLDER", {
      failed: `Cannot append to ${path.resolve(folder)}`,
      found: "a streaming query writes there; readers would not see other files",
      remedy: "Choose another folder.",
    });
  }
  await mkdir(folder, { recursive: true });
  const name = `part-00000-${randomUUID()}-c000.${extensionOf(format)}`;
  const hidden = path.join(folder, `.${name}.new`);
  await writeFileAtomic(hidden, fileText(format, context.batch.schema, context.batch.rows, options));
  if (mode === "overwrite") for (const old of names ?? []) await rm(path.join(folder, old), { recursive: true, force: true });
  await rename(hidden, path.join(folder, name));
  await writeFileAtomic(path.join(folder, "_SUCCESS"), "");
  await syncFolder(folder);
}

/** The options by Spark's names. @throws StreamlabError for what would be written otherwise than Spark writes it */
function sinkOptions(format: FileFormatName, given: Options): Options {
  const options = fileOptions(given);
  const packed = (options.compression ?? options.codec ?? "none").toLowerCase();
  if (packed === "none" || packed === "uncompressed") return options;
  throw new StreamlabError("FILE_OPTION", {
    failed: `Cannot write ${format} files with these options`,
    found: `compression "${packed}"`,
    remedy: "Leave it out: files are written as they are.",
  });
}

async function namesIn(folder: string): Promise<string[] | undefined> {
  try {
    if ((await stat(folder)).isFile())
      throw new StreamlabError("PATH_ALREADY_EXISTS", {
        failed: `Cannot write to ${path.resolve(folder)}`,
        found: "it is a file",
        remedy: "Name a folder: the files are made in it.",
      });
    return await readdir(folder);
  } catch (thrown) {
    if (codeOf(thrown) === "ENOENT") return undefined;
    throw thrown;
  }
}

function folderOf(format: FileFormatName, options: Options): string {
  if (options.path) return options.path;
  throw new StreamlabError("PATH_MISSING", {
    failed: `Cannot write ${format} files`,
    found: "'path' is not specified",
    remedy: 'Name the folder: option("path", "results/alerts").',
  });
}

function extensionOf(format: FileFormatName): string {
  return format === "text" ? "txt" : format;
}
