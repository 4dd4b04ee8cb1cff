import { closeSync, fsync, ftruncateSync, openSync, renameSync, rmSync, writeSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import path from "node:path";
import { StreamlabError, codeOf } from "./errors.ts";

/** Up to this size the system takes content into its memory at once: a turn through the thread pool costs more than the write. */
const AT_ONCE_BYTES = 64 * 1024;

/** Makes the names in a folder durable. Windows cannot open folders; there rename is durable by itself. */
export async function syncFolder(folder: string): Promise<void> {
  if (process.platform === "win32") return;
  await synced(openSync(folder, "r"));
}

/**
 * Writes a file that is either wholly there or not at all, also after a power cut: temporary name, fsync, rename, fsync of the folder.
 * The temporary file is `.<name>.<pid>.tmp` beside it; a crash may leave it behind, and no reader takes it for the file.
 * Where there is no room it rejects with the code DISK_FULL, and the file is as it was.
 * Only what waits for the disk leaves the main thread: the fsyncs, and the write of a large content.
 */
export async function writeFileAtomic(file: string, content: string | Uint8Array): Promise<void> {
  const folder = path.dirname(file);
  const temporary = temporaryOf(file);
  try {
    const bytes = typeof content === "string" ? Buffer.from(content) : content;
    if (bytes.length > AT_ONCE_BYTES) await writeFile(temporary, bytes);
    const descriptor = openSync(temporary, bytes.length > AT_ONCE_BYTES ? "r+" : "w");
    try {
      if (bytes.length <= AT_ONCE_BYTES) writeWhole(descriptor, bytes);
    } catch (thrown) {
      closeSync(descriptor);
      throw thrown;
    }
    await synced(descriptor);
    renameSync(temporary, file);
  } catch (thrown) {
    rmSync(temporary, { force: true });
    throw isFull(thrown) ? diskFull(file, thrown) : thrown;
  }
  await syncFolder(folder);
}

/**
 * Writes a small file that is wholly there when this returns, and survives the process; a power cut only after a sync. `spare` is a file that nobody
 * needs any more: it becomes the new one, because some file systems (ext4) take long to make a file where many have just been removed.
 * @throws as `writeFileAtomic`
 */
export function placeFile(file: string, content: Uint8Array, spare?: string): void {
  const temporary = temporaryOf(file);
  try {
    const descriptor = spare === undefined ? openSync(temporary, "w") : openSpare(spare, temporary);
    try {
      writeWhole(descriptor, content);
      if (spare !== undefined) ftruncateSync(descriptor, content.length);
    } finally {
      closeSync(descriptor);
    }
    renameSync(temporary, file);
  } catch (thrown) {
    rmSync(temporary, { force: true });
    throw isFull(thrown) ? diskFull(file, thrown) : thrown;
  }
}

/** The name beside a file under which its content is made. */
function temporaryOf(file: string): string {
  return path.join(path.dirname(file), `.${path.basename(file)}.${process.pid}.tmp`);
}

function openSpare(spare: string, temporary: string): number {
  try {
    renameSync(spare, temporary);
  } catch (thrown) {
    if (codeOf(thrown) !== "ENOENT") throw thrown;
    return openSync(temporary, "w");
  }
  return openSync(temporary, "r+");
}

/** Waits until a file that others wrote is on the disk; nothing where it is gone. */
export async function syncFile(file: string): Promise<void> {
  let descriptor: number;
  try {
    descriptor = openSync(file, "r+");
  } catch (thrown) {
    if (codeOf(thrown) === "ENOENT") return;
    throw thrown;
  }
  await synced(descriptor);
}

function writeWhole(descriptor: number, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length;) at += writeSync(descriptor, bytes, at);
}

/** Waits until the disk has what the descriptor stands for, and closes it. */
async function synced(descriptor: number): Promise<void> {
  try {
    await new Promise<void>((resolve, reject) => fsync(descriptor, (failed) => (failed ? reject(failed) : resolve())));
  } finally {
    closeSync(descriptor);
  }
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
