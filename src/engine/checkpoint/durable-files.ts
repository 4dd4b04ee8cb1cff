import { rmSync } from "node:fs";
import { placeFile, writeFileAtomic } from "../../base/atomic-file.ts";

/** Where the files of a checkpoint's batches go: `offsets/N`, `commits/N`, versions of the state. */
export interface DurableFiles {
  /** The file is wholly there under its name when this resolves, and survives the process; a power cut only once `sync` has resolved. */
  write(file: string, content: Uint8Array): Promise<void>;
  /** Resolves when everything written so far survives a power cut. */
  sync(): Promise<void>;
  /** The file is not needed any more, and goes now or soon. */
  discard(file: string): void;
}

/** The same for a whole checkpoint, which opens it under its lock before it reads anything, and closes it before it gives the lock back. */
export interface CheckpointFiles extends DurableFiles {
  open?(): Promise<void>;
  close?(): Promise<void>;
}

/** Each file is synced by itself, with its folder. */
export const syncedFiles: DurableFiles = { write: writeFileAtomic, sync: () => Promise.resolve(), discard: remove };

/** For a checkpoint that goes when its query ends: no power cut is waited for. */
export const passingFiles: DurableFiles = {
  write: (file, content) => Promise.resolve(placeFile(file, content)),
  sync: () => Promise.resolve(),
  discard: remove,
};

function remove(file: string): void {
  rmSync(file, { force: true });
}
