import { chmod, open, readFile, rename, rm, stat } from "node:fs/promises";
import { messageOf } from "./errors.ts";

/** Whether a file of this mode may be read or changed by others than its owner; Windows has no such modes. */
export function isOpenToOthers(mode: number): boolean {
  return process.platform !== "win32" && (mode & 0o077) !== 0;
}

/** Writes a file that nobody but its owner may read, never half: under another name first. */
export async function writeFilePrivate(file: string, content: string): Promise<void> {
  const temporary = `${file}.${process.pid}.tmp`;
  await rm(temporary, { force: true });
  try {
    const handle = await open(temporary, "wx", 0o600);
    try {
      await handle.writeFile(content);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await chmod(temporary, 0o600);
    await rename(temporary, file);
  } catch (thrown) {
    await rm(temporary, { force: true });
    throw thrown;
  }
}

/**
 * Reads a file with secrets. `refuse` makes the error that is thrown where the file is not there, or where others than its owner may read it; `content`
 * names what it holds.
 */
export async function readFilePrivate(
  file: string,
  content: string,
  refuse: (found: string, remedy: string, cause?: unknown) => Error,
): Promise<string> {
  let text: string;
  let mode: number;
  try {
    mode = (await stat(file)).mode;
    text = await readFile(file, "utf8");
  } catch (thrown) {
    throw refuse(messageOf(thrown), "Name a file that is there and may be read.", thrown);
  }
  if (isOpenToOthers(mode)) throw refuse(`others may read ${file}, which holds ${content}`, `Run "chmod 600 ${file}" first.`);
  return text;
}
