import { readdir } from "node:fs/promises";
import path from "node:path";
import { projectRoot } from "../base/project.ts";

/** Where the project's notebooks lie. */
export const notebooksFolder: string = path.join(projectRoot, "notebooks");

/** The paths of a folder's notebooks in the order of their numbers. */
export async function listNotebooks(folder: string = notebooksFolder): Promise<string[]> {
  const names = await readdir(folder).catch(() => [] as string[]);
  return names
    .filter((name) => name.endsWith(".ipynb") && !name.startsWith("."))
    .sort()
    .map((name) => path.join(folder, name));
}
