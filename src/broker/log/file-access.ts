import fs from "node:fs";
import { promisify } from "node:util";

/** The file calls of the log, over plain descriptors. */
export const openFile: (file: string, flags: number) => Promise<number> = (file, flags) =>
  new Promise((resolve, reject) => {
    fs.open(file, flags, 0o600, (error, fd) => (error ? reject(error) : resolve(fd)));
  });
export const closeFile: (fd: number) => Promise<void> = promisify(fs.close);
export const syncFile: (fd: number) => Promise<void> = promisify(fs.fdatasync);
export const truncateFile: (fd: number, size: number) => Promise<void> = promisify(fs.ftruncate);
export const fileSize: (fd: number) => Promise<number> = async (fd) => (await promisify(fs.fstat)(fd)).size;

/** Fills `target[at, end)` from `position`; returns how many bytes there were. */
export async function readFully(fd: number, target: Buffer, at: number, end: number, position: number): Promise<number> {
  let filled = at;
  while (filled < end) {
    const read = await new Promise<number>((resolve, reject) => {
      fs.read(fd, target, filled, end - filled, position + filled - at, (error, bytes) => (error ? reject(error) : resolve(bytes)));
    });
    if (read === 0) break;
    filled += read;
  }
  return filled - at;
}

const writevOnce = (fd: number, pieces: readonly Uint8Array[], position: number): Promise<number> =>
  new Promise((resolve, reject) => {
    fs.writev(fd, pieces as Uint8Array[], position, (error, written) => (error ? reject(error) : resolve(written)));
  });

/** Writes all pieces one after the other from `position` on; a short write is gone on with. */
export async function writeFully(fd: number, pieces: readonly Uint8Array[], position: number): Promise<void> {
  let left = pieces.slice();
  let at = position;
  while (left.length > 0) {
    let written = await writevOnce(fd, left.slice(0, 512), at);
    at += written;
    let done = 0;
    while (done < left.length && written >= (left[done] as Uint8Array).length) written -= (left[done++] as Uint8Array).length;
    left = left.slice(done);
    if (written > 0) left[0] = (left[0] as Uint8Array).subarray(written);
  }
}
