import { open, rename, rm } from "node:fs/promises";
import path from "node:path";
import { StreamlabError, codeOf } from "./errors.ts";

/** Makes the names in a folder durable. Windows cannot open folders; there rename is durable by itself. */
export async function syncFolder(folder: string): Promise<void> {
  if (process.platform === "win32") return;
  const handle = await open(folder, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/**
 * Writes a file that is either wholly there or not at all, also after a power cut: temporary name, fsync, rename, fsync of the folder.
 * The temporary file is `.<name>.<pid>.tmp` beside it; a crash may leave it behind, and no reader takes it for the file.
 * Where there is no room it rejects with the code DISK_FULL, and the file is as it was.
 */
export async function writeFileAtomic(file: string, content: string | Uint8Array): Promise<void> {
  const temporary = path.join(path.dirname(file), `.${path.basename(file)}.${process.pid}.tmp`);
  try {
    const handle = await open(temporary, "w");
    try {
      await handle.writeFile(content);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(temporary, file);
  } catch (thrown) {
    await rm(temporary, { force: true });
    throw isFull(thrown) ? diskFull(file, thrown) : thrown;
  }
  await syncFolder(path.dirname(file));
}

function isFull(thrown: unknown): boolean {
  return ["ENOSPC", "EDQUOT"].includes(codeOf(thrown) ?? "");
}

function diskFull(file: string, cause: unknown): StreamlabError {
  return new StreamlabError("DISK_FULL", {
    failed: `Cannot write ${file}`,
    found: "no space is left on the disk",
    remedy: "Make room there, or move the folder to a disk that has some, then start again: what was written before is whole.",
    cause,
  });
}
