import { chmod, open, readFile, rename, rm, stat } from "node:fs/promises";
import { messageOf } from "../../base/errors.ts";
import { BrokerError } from "../broker-error.ts";

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

/** Reads a file with secrets. Throws INVALID_OPTION where others than its owner may read it (not on Windows), or where it is not there. */
export async function readFilePrivate(file: string, failed: string): Promise<string> {
  const refuse = (found: string, remedy: string, cause?: unknown): BrokerError =>
    new BrokerError("INVALID_OPTION", { failed, found, remedy, ...(cause === undefined ? {} : { cause }) });
  let text: string;
  let mode: number;
  try {
    mode = (await stat(file)).mode;
    text = await readFile(file, "utf8");
  } catch (thrown) {
    throw refuse(messageOf(thrown), "Name a file that is there and may be read.", thrown);
  }
  if (process.platform !== "win32" && (mode & 0o077) !== 0) {
    throw refuse(`others may read ${file}, which holds secrets`, `Run "chmod 600 ${file}" first.`);
  }
  return text;
}
