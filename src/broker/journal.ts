import fs from "node:fs";
import path from "node:path";
import { promisify } from "node:util";
import { writeFileAtomic } from "../base/atomic-file.ts";
import { crc32c } from "../base/crc32c.ts";

const open = promisify(fs.open);
const close = promisify(fs.close);
const fdatasync = promisify(fs.fdatasync);
const ftruncate = promisify(fs.ftruncate);
const write = (fd: number, bytes: Buffer, position: number): Promise<number> =>
  new Promise((resolve, reject) => {
    fs.write(fd, bytes, 0, bytes.length, position, (error, written) => (error ? reject(error) : resolve(written)));
  });

const HEADER_BYTES = 8;
/** A journal below this size is never worth rewriting. */
const COMPACT_FROM_BYTES = 1024 * 1024;

/** A folder that is on no disk: journals in it live as long as their process. */
export const MEMORY_FOLDER: string = "memory:";

export interface JournalOptions<Entry> {
  /** One below MEMORY_FOLDER keeps nothing but the state that `apply` makes. */
  readonly file: string;
  /** Brings the state that the journal stands for up to date: called for each entry in order, when it is read back and when it is written. */
  readonly apply: (entry: Entry) => void;
  /** The entries that would rebuild the present state: what a rewritten journal holds. */
  readonly snapshot: () => Iterable<Entry>;
  /** fsync before an append counts as done. Without it an entry survives the process, not a power cut. */
  readonly sync: boolean;
}

/**
 * A list of JSON entries that survives the process: each is length, CRC-32C and text. A torn entry at the end is cut when the journal is
 * opened. When the file has grown to several times what its state needs, it is rewritten.
 */
export interface Journal<Entry> {
  /** Resolves when the entries are written (and synced, if asked) and applied. Appends that come together share one write. */
  append(entries: readonly Entry[]): Promise<void>;
  /** fsync of what was written so far. */
  flush(): Promise<void>;
  close(): Promise<void>;
}

function encode(entry: unknown): Buffer {
  const text = Buffer.from(JSON.stringify(entry));
  const framed = Buffer.allocUnsafe(HEADER_BYTES + text.length);
  framed.writeUInt32BE(text.length, 0);
  framed.writeUInt32BE(crc32c(text), 4);
  framed.set(text, HEADER_BYTES);
  return framed;
}

/** Replays what is whole and returns how many bytes that is. */
function replayAll(bytes: Buffer, replay: (entry: unknown) => void): number {
  let at = 0;
  while (bytes.length - at >= HEADER_BYTES) {
    const end = at + HEADER_BYTES + bytes.readUInt32BE(at);
    if (end > bytes.length) break;
    const text = bytes.subarray(at + HEADER_BYTES, end);
    if (crc32c(text) !== bytes.readUInt32BE(at + 4)) break;
    replay(JSON.parse(text.toString()));
    at = end;
  }
  return at;
}

interface Waiting<Entry> {
  readonly entries: readonly Entry[];
  readonly resolve: () => void;
  readonly reject: (cause: unknown) => void;
}

class FileJournal<Entry> implements Journal<Entry> {
  readonly #options: JournalOptions<Entry>;
  #fd: number;
  #size: number;
  #compactAt: number;
  #waiting: Waiting<Entry>[] = [];
  #writing: Promise<void> | undefined;
  #dirty = false;

  constructor(options: JournalOptions<Entry>, fd: number, size: number) {
    this.#options = options;
    this.#fd = fd;
    this.#size = size;
    this.#compactAt = Math.max(COMPACT_FROM_BYTES, size * 2);
  }

  append(entries: readonly Entry[]): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ entries, resolve, reject });
      this.#writing ??= Promise.resolve().then(() => this.#drain());
    });
  }

  async #drain(): Promise<void> {
    while (this.#waiting.length > 0) {
      const group = this.#waiting;
      this.#waiting = [];
      try {
        await this.#write(Buffer.concat(group.flatMap((one) => one.entries.map(encode))));
        for (const one of group) {
          for (const entry of one.entries) this.#options.apply(entry);
          one.resolve();
        }
        if (this.#size >= this.#compactAt) await this.#compact();
      } catch (thrown) {
        for (const one of group) one.reject(thrown);
      }
    }
    this.#writing = undefined;
  }

  async #write(bytes: Buffer): Promise<void> {
    try {
      let done = 0;
      while (done < bytes.length) done += await write(this.#fd, bytes.subarray(done), this.#size + done);
      if (this.#options.sync) await fdatasync(this.#fd);
      else this.#dirty = true;
    } catch (thrown) {
      await ftruncate(this.#fd, this.#size).catch(() => undefined);
      throw thrown;
    }
    this.#size += bytes.length;
  }

  async #compact(): Promise<void> {
    const bytes = Buffer.concat([...this.#options.snapshot()].map(encode));
    await writeFileAtomic(this.#options.file, bytes);
    const before = this.#fd;
    this.#fd = await open(this.#options.file, "r+");
    await close(before);
    this.#size = bytes.length;
    this.#compactAt = Math.max(COMPACT_FROM_BYTES, bytes.length * 4);
    this.#dirty = false;
  }

  async flush(): Promise<void> {
    if (!this.#dirty) return;
    this.#dirty = false;
    await fdatasync(this.#fd);
  }

  async close(): Promise<void> {
    await this.#writing;
    await this.flush();
    await close(this.#fd);
  }
}

const memoryJournal = <Entry>({ apply }: JournalOptions<Entry>): Journal<Entry> => ({
  append: async (entries) => {
    await Promise.resolve();
    for (const entry of entries) apply(entry);
  },
  flush: () => Promise.resolve(),
  close: () => Promise.resolve(),
});

/** Opens a journal, replays it and cuts a torn end. Its folder is made where it is not there. */
export async function openJournal<Entry>(options: JournalOptions<Entry>): Promise<Journal<Entry>> {
  if (options.file.startsWith(MEMORY_FOLDER)) return memoryJournal(options);
  await fs.promises.mkdir(path.dirname(options.file), { recursive: true });
  const fd = await open(options.file, fs.constants.O_RDWR | fs.constants.O_CREAT, 0o600);
  try {
    const bytes = await fs.promises.readFile(options.file);
    const whole = replayAll(bytes, options.apply as (entry: unknown) => void);
    if (whole < bytes.length) await ftruncate(fd, whole);
    return new FileJournal(options, fd, whole);
  } catch (thrown) {
    await close(fd);
    throw thrown;
  }
}
