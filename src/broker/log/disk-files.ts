import fs from "node:fs";
import path from "node:path";
import { promisify } from "node:util";
import { syncFolder } from "../../base/atomic-file.ts";
import { codeOf } from "../../base/errors.ts";
import type { LogFile, LogFiles } from "./log-files.ts";

/** So many pieces go into one system call at most. */
const MAX_PIECES = 512;

const open = (file: string, flags: number): Promise<number> =>
  new Promise((resolve, reject) => {
    fs.open(file, flags, 0o600, (error, fd) => (error ? reject(error) : resolve(fd)));
  });

const readOnce = (fd: number, target: Buffer, at: number, length: number, position: number): Promise<number> =>
  new Promise((resolve, reject) => {
    fs.read(fd, target, at, length, position, (error, bytes) => (error ? reject(error) : resolve(bytes)));
  });

const writevOnce = (fd: number, pieces: readonly Uint8Array[], position: number): Promise<number> =>
  new Promise((resolve, reject) => {
    fs.writev(fd, pieces as Uint8Array[], position, (error, written) => (error ? reject(error) : resolve(written)));
  });

async function readFully(fd: number, target: Buffer, at: number, end: number, position: number): Promise<number> {
  let filled = at;
  while (filled < end) {
    const read = await readOnce(fd, target, filled, end - filled, position + filled - at);
    if (read === 0) break;
    filled += read;
  }
  return filled - at;
}

async function writeFully(fd: number, pieces: readonly Uint8Array[], position: number): Promise<void> {
  let left = pieces.slice();
  let at = position;
  while (left.length > 0) {
    let written = await writevOnce(fd, left.slice(0, MAX_PIECES), at);
    at += written;
    let done = 0;
    while (done < left.length && written >= (left[done] as Uint8Array).length) written -= (left[done++] as Uint8Array).length;
    left = left.slice(done);
    if (written > 0) left[0] = (left[0] as Uint8Array).subarray(written);
  }
}

const diskFile = (fd: number): LogFile => ({
  size: async () => (await promisify(fs.fstat)(fd)).size,
  read: (target, at, end, position) => readFully(fd, target, at, end, position),
  write: (pieces, position) => writeFully(fd, pieces, position),
  truncate: (size) => promisify(fs.ftruncate)(fd, size),
  sync: () => new Promise((resolve, reject) => fs.fdatasync(fd, (error) => (error ? reject(error) : resolve()))),
  close: () => promisify(fs.close)(fd),
});

async function readStart(file: string, most?: number): Promise<Buffer | undefined> {
  let fd: number;
  try {
    fd = await open(file, fs.constants.O_RDONLY);
  } catch (thrown) {
    if (codeOf(thrown) === "ENOENT") return undefined;
    throw thrown;
  }
  try {
    const bytes = Buffer.allocUnsafeSlow(most ?? (await promisify(fs.fstat)(fd)).size);
    return bytes.subarray(0, await readFully(fd, bytes, 0, bytes.length, 0));
  } finally {
    await promisify(fs.close)(fd);
  }
}

async function replace(file: string, content: Uint8Array): Promise<void> {
  const temporary = path.join(path.dirname(file), `.${path.basename(file)}.tmp`);
  await fs.promises.writeFile(temporary, content, { mode: 0o600 });
  await fs.promises.rename(temporary, file);
}

/** Logs on a disk, through plain file descriptors. */
export const diskFiles: LogFiles = {
  makeFolder: async (folder) => {
    await fs.promises.mkdir(folder, { recursive: true });
  },
  list: (folder) => fs.promises.readdir(folder),
  open: async (file) => diskFile(await open(file, fs.constants.O_RDWR | fs.constants.O_CREAT)),
  sizeOf: async (file) => {
    try {
      return (await promisify(fs.stat)(file)).size;
    } catch (thrown) {
      if (codeOf(thrown) === "ENOENT") return 0;
      throw thrown;
    }
  },
  readStart,
  replace,
  rename: (from, to) => fs.promises.rename(from, to),
  remove: (file) => fs.promises.rm(file, { recursive: true, force: true }),
  syncFolder,
  space: async (folder) => {
    const { bsize, blocks, bavail } = await fs.promises.statfs(folder);
    return { totalBytes: bsize * blocks, usableBytes: bsize * bavail };
  },
};
