import { readdir } from "node:fs/promises";
import path from "node:path";
import { codeOf } from "../../base/errors.ts";
import { parseLine, readLines } from "../checkpoint/checked-file.ts";

/** The folder, beside the files of a file sink, in which `<batch>` names the files of each batch (as Spark's FileStreamSinkLog). */
export const COMMITS_FOLDER = "_spark_metadata";

/** A file that a batch has written. */
export type CommittedFile = { readonly path: string; readonly size: number; readonly action: "add" };

/** The names of the files that a file sink has committed to a folder; undefined for a folder without a log. @throws CheckpointError for a damaged log */
export async function committedFiles(folder: string): Promise<string[] | undefined> {
  const log = path.join(folder, COMMITS_FOLDER);
  let names: string[];
  try {
    names = await readdir(log);
  } catch (thrown) {
    if (codeOf(thrown) === "ENOENT" || codeOf(thrown) === "ENOTDIR") return undefined;
    throw thrown;
  }
  const batches = names.filter((name) => /^\d+$/.test(name)).map(Number);
  const files: string[] = [];
  for (const batch of batches.sort((a, b) => a - b)) {
    const file = path.join(log, String(batch));
    for (const line of (await readLines(file)) ?? []) if (line !== "") files.push((parseLine(line, file) as CommittedFile).path);
  }
  return files;
}
