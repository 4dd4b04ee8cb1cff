import path from "node:path";
import { codeOf } from "../../base/errors.ts";
import { parseLine } from "../checkpoint/checked-file.ts";
import { readCompactLog } from "../checkpoint/compact-log.ts";

/** The folder, beside the files of a file sink, whose log names the files of each batch (as Spark's FileStreamSinkLog). */
export const COMMITS_FOLDER = "_spark_metadata";

/** A file that a batch has written. */
export type CommittedFile = { readonly path: string; readonly size: number; readonly action: "add" };

/** The names of the files that a file sink has committed to a folder; undefined for a folder without a log. @throws CheckpointError for a damaged log */
export async function committedFiles(folder: string): Promise<string[] | undefined> {
  const log = path.join(folder, COMMITS_FOLDER);
  try {
    const content = await readCompactLog(log);
    return (content?.entries ?? []).map(({ number, line }) => (parseLine(line, path.join(log, String(number))) as CommittedFile).path);
  } catch (thrown) {
    if (codeOf(thrown) === "ENOENT" || codeOf(thrown) === "ENOTDIR") return undefined;
    throw thrown;
  }
}
