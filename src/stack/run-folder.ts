import { mkdir, readFile, readdir, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { codeOf } from "../base/errors.ts";

const OWNER = "owner.pid";

/** A folder for the data of one run, of which nothing is left when the run has ended. */
export interface RunFolder {
  readonly path: string;
  remove(): Promise<void>;
}

/** Makes a fresh folder below `parent`, and removes those of earlier runs whose process is gone. */
export async function createRunFolder(parent: string, name: string): Promise<RunFolder> {
  await mkdir(parent, { recursive: true });
  for (const entry of await readdir(parent)) {
    const folder = path.join(parent, entry);
    if (!(await isOwned(folder))) await rm(folder, { recursive: true, force: true });
  }
  const folder = path.join(parent, name);
  await mkdir(folder, { recursive: true });
  await writeFile(path.join(folder, OWNER), String(process.pid));
  return { path: folder, remove: () => rm(folder, { recursive: true, force: true, maxRetries: 5 }) };
}

async function isOwned(folder: string): Promise<boolean> {
  try {
    process.kill(Number(await readFile(path.join(folder, OWNER), "utf8")), 0);
    return true;
  } catch (thrown) {
    return codeOf(thrown) === "EPERM";
  }
}
