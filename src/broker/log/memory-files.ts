import path from "node:path";
import type { LogFile, LogFiles } from "./log-files.ts";

const SMALLEST_CHUNK_BYTES = 4096;
const LARGEST_CHUNK_BYTES = 1024 * 1024;

/** A file's bytes in chunks that never move: a file that grows copies nothing of what it holds. */
class MemoryFile {
  readonly #chunks: { readonly at: number; readonly bytes: Buffer }[] = [];
  #capacity = 0;
  size = 0;

  #reserve(end: number): void {
    while (this.#capacity < end) {
      const bytes = Buffer.allocUnsafeSlow(Math.min(LARGEST_CHUNK_BYTES, Math.max(SMALLEST_CHUNK_BYTES, this.#capacity)));
      this.#chunks.push({ at: this.#capacity, bytes });
      this.#capacity += bytes.length;
    }
  }

  #chunkOf(position: number): number {
    let low = 0;
    let high = this.#chunks.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#chunks[middle] as { at: number }).at <= position) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }

  /** Copies between `bytes[at, end)` and the file from `position` on. */
  #copy(bytes: Uint8Array, at: number, end: number, position: number, into: "file" | "bytes"): void {
    for (let index = this.#chunkOf(position), done = at; done < end; index++) {
      const chunk = this.#chunks[index] as { at: number; bytes: Buffer };
      const from = position + done - at - chunk.at;
      const length = Math.min(end - done, chunk.bytes.length - from);
      if (into === "file") chunk.bytes.set(bytes.subarray(done, done + length), from);
      else bytes.set(chunk.bytes.subarray(from, from + length), done);
      done += length;
    }
  }

  read(target: Buffer, at: number, end: number, position: number): number {
    const length = Math.max(0, Math.min(end - at, this.size - position));
    this.#copy(target, at, at + length, position, "bytes");
    return length;
  }

  write(pieces: readonly Uint8Array[], position: number): void {
    let at = position;
    for (const piece of pieces) {
      this.#reserve(at + piece.length);
      this.#copy(piece, 0, piece.length, at, "file");
      at += piece.length;
    }
    this.size = Math.max(this.size, at);
  }

  truncate(size: number): void {
    this.#reserve(size);
    this.size = size;
    while (this.#chunks.length > 0 && (this.#chunks.at(-1) as { at: number }).at >= size) {
      this.#capacity = (this.#chunks.pop() as { at: number }).at;
    }
  }
}

/** Logs that live as long as their process: nothing touches a disk. */
export function createMemoryFiles(): LogFiles {
  const files = new Map<string, MemoryFile>();
  const opened = (file: string): MemoryFile => {
    let found = files.get(file);
    if (!found) files.set(file, (found = new MemoryFile()));
    return found;
  };
  const handle = (file: MemoryFile): LogFile => ({
    size: () => Promise.resolve(file.size),
    read: (target, at, end, position) => Promise.resolve(file.read(target, at, end, position)),
    write: (pieces, position) => Promise.resolve(file.write(pieces, position)),
    truncate: (size) => Promise.resolve(file.truncate(size)),
    sync: () => Promise.resolve(),
    close: () => Promise.resolve(),
  });
  const below = (folder: string): string[] => [...files.keys()].filter((name) => name.startsWith(`${folder}${path.sep}`));
  return {
    makeFolder: () => Promise.resolve(),
    list: (folder) => {
      const names = below(folder).map((name) => (name.slice(folder.length + 1).split(path.sep) as [string])[0]);
      return Promise.resolve([...new Set(names)]);
    },
    open: (file) => Promise.resolve(handle(opened(file))),
    sizeOf: (file) => Promise.resolve(files.get(file)?.size ?? 0),
    readStart: (file, most = Infinity) => {
      const found = files.get(file);
      if (!found) return Promise.resolve(undefined);
      const bytes = Buffer.allocUnsafe(Math.min(found.size, most));
      found.read(bytes, 0, bytes.length, 0);
      return Promise.resolve(bytes);
    },
    replace: (file, content) => {
      const made = new MemoryFile();
      made.write([content], 0);
      files.set(file, made);
      return Promise.resolve();
    },
    rename: (from, to) => {
      for (const name of [from, ...below(from)]) {
        const moved = files.get(name);
        if (!moved) continue;
        files.delete(name);
        files.set(`${to}${name.slice(from.length)}`, moved);
      }
      return Promise.resolve();
    },
    remove: (file) => {
      for (const name of [file, ...below(file)]) files.delete(name);
      return Promise.resolve();
    },
    syncFolder: () => Promise.resolve(),
    space: () => Promise.resolve({ totalBytes: -1, usableBytes: -1 }),
  };
}
