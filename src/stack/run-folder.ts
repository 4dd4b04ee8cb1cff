import { mkdir, readdir, rm } from "node:fs/promises";
import path from "node:path";
import { codeOf } from "../base/errors.ts";

/** A folder for the data of one run, of which nothing is left when the run has ended. */
export interface RunFolder {
  readonly path: string;
  /** When the run began, which process it is, and which of its runs: "20261121093000123-4711-1". Good for topics and databases, too. */
  readonly name: string;
  remove(): Promise<void>;
}

let runs = 0;

/** Makes a fresh folder below `parent`, and removes those of earlier runs whose process, told by the name, is gone. */
export async function createRunFolder(parent: string): Promise<RunFolder> {
  await mkdir(parent, { recursive: true });
  for (const entry of await readdir(parent)) {
    if (!isAlive(Number(entry.split("-")[1]))) await rm(path.join(parent, entry), { recursive: true, force: true });
  }
  const name = `${new Date().toISOString().replace(/\D/g, "")}-${process.pid}-${++runs}`;
  const folder = path.join(parent, name);
  await mkdir(folder);
  return { path: folder, name, remove: () => rm(folder, { recursive: true, force: true, maxRetries: 5 }) };
}

function isAlive(pid: number): boolean {
  if (!Number.isInteger(pid) || pid <= 0) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (thrown) {
    return codeOf(thrown) === "EPERM";
  }
}
