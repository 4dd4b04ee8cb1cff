import { open, rename, rm } from "node:fs/promises";
import path from "node:path";

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
 */
export async function writeFileAtomic(file: string, content: string | Uint8Array): Promise<void> {
  const temporary = path.join(path.dirname(file), `.${path.basename(file)}.${process.pid}.tmp`);
  const handle = await open(temporary, "w");
  try {
    await handle.writeFile(content);
    await handle.sync();
  } catch (thrown) {
    await handle.close();
    await rm(temporary, { force: true });
    throw thrown;
  }
  await handle.close();
  await rename(temporary, file);
  await syncFolder(path.dirname(file));
}
