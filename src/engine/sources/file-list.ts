import type { Stats } from "node:fs";
import { glob, readdir, stat } from "node:fs/promises";
import path from "node:path";
import { codeOf, StreamlabError } from "../../base/errors.ts";
import type { Options } from "../plan/plan.ts";
import { committedFiles } from "../sinks/file-commits.ts";

/** A file as a listing finds it. */
export type ListedFile = { readonly path: string; readonly modifiedMs: number };

/** Whether the path is a pattern. */
export function isPattern(text: string): boolean {
  return /[*?[\]{}]/.test(text);
}

/** The folder in which changes of a path can be seen: the path, or what stands before its first pattern. */
export function watchedFolder(text: string): string {
  if (!isPattern(text)) return text;
  const fixed = path.resolve(text).split(path.sep);
  const first = fixed.findIndex(isPattern);
  return fixed.slice(0, first).join(path.sep) || path.sep;
}

/**
 * The files of a path, the oldest first: a file, the files of a folder (of its subfolders with `recursiveFileLookup`), or what a pattern matches.
 * Names that begin with `_` or `.` are no data. A folder written by the file sink has the files that its log names, and no others.
 * @throws StreamlabError PATH_NOT_FOUND
 */
export async function listFiles(given: string, options: Options): Promise<ListedFile[]> {
  const roots: string[] = [];
  if (isPattern(given)) for await (const root of glob(given)) roots.push(root);
  else roots.push(given);
  const found = new Map<string, ListedFile>();
  for (const root of roots) {
    for (const file of await filesOf(path.resolve(root), options, !isPattern(given))) found.set(file.path, file);
  }
  return [...found.values()].sort((a, b) => a.modifiedMs - b.modifiedMs || (a.path < b.path ? -1 : 1));
}

async function filesOf(root: string, options: Options, mustExist: boolean): Promise<ListedFile[]> {
  const known = await statOf(root);
  if (!known) {
    if (mustExist) throw pathNotFound(root);
    return [];
  }
  if (known.isFile()) return isData(path.basename(root)) ? [{ path: root, modifiedMs: known.mtimeMs }] : [];
  const committed = await committedFiles(root);
  const recursive = options.recursiveFileLookup === "true";
  const names = committed ?? (await readdir(root, { recursive }));
  const files: ListedFile[] = [];
  for (const name of names) {
    if (!name.split(path.sep).every(isData) || !matches(path.basename(name), options.pathGlobFilter)) continue;
    const file = path.resolve(root, name);
    const found = await statOf(file);
    if (found?.isFile()) files.push({ path: file, modifiedMs: found.mtimeMs });
    else if (committed && !found) throw pathNotFound(file);
  }
  return files;
}

async function statOf(file: string): Promise<Stats | undefined> {
  try {
    return await stat(file);
  } catch (thrown) {
    if (codeOf(thrown) === "ENOENT" || codeOf(thrown) === "ENOTDIR") return undefined;
    throw thrown;
  }
}

function isData(name: string): boolean {
  return !name.startsWith("_") && !name.startsWith(".");
}

function matches(name: string, pattern: string | undefined): boolean {
  return pattern === undefined || path.matchesGlob(name, pattern);
}

/** What reading a path that is not there ends with. */
export function pathNotFound(file: string): StreamlabError {
  return new StreamlabError("PATH_NOT_FOUND", {
    failed: `Path does not exist: ${file}`,
    found: "neither a file nor a folder",
    remedy: "Check the path, or make the folder before the query starts.",
  });
}
