import type { Row } from "../types/data-type.ts";
import { ByteArena } from "./byte-arena.ts";
import { ByteReader, ByteWriter } from "./byte-writer.ts";
import { normalizedKey } from "./key-text.ts";
import { SlotHeap } from "./slot-heap.ts";
import type { StateFiles } from "./state-files.ts";
import { STATE_FORMATS, stateWriter } from "./state-frame.ts";
import type { StateStore } from "./state-store.ts";

/** The row is there. */
const ALIVE = 1;
/** It has matched; the owner's mark, kept with the row. */
const MARKED = 2;
/** The last commit knows it. */
const COMMITTED = 4;
/** It came, or its mark changed, after the last commit. */
const CHANGED = 8;
/** It waits in the heap of deadlines, so that its slot may not be given to another row. */
const QUEUED = 16;

/** Key and row lengths before the bytes. */
const HEADER = 8;
const NONE = -1;

/**
 * A state of any number of rows by key, each with a mark and an instant at which it goes (joins). Rows are bytes in an arena and are decoded when
 * asked for; besides them a row costs 45 bytes of columns. The rows of a key are a list of their own, whose first row stands for the key in the hash table. As a StateStore, a key has one row, the newest.
 */
export class KeyedRows implements StateStore {
  readonly #files: StateFiles;
  readonly #arena = new ByteArena();
  readonly #writer = new ByteWriter();
  readonly #queues: SlotHeap[];
  #starts = new Float64Array(64);
  #deadlines = new Float64Array(64);
  #hashes = new Int32Array(64);
  /** The next and the previous row of the same key. */
  #next = new Int32Array(64);
  #previous = new Int32Array(64);
  /** Of the first row of a key: the first row of the next key with this place in the table. */
  #chain = new Int32Array(64);
  #flags = new Uint8Array(64);
  #table = new Int32Array(128).fill(NONE);
  #used = 0;
  #free: number[] = [];
  #size = 0;
  #keys = 0;
  #changed: number[] = [];
  #removed: number[] = [];
  #version = 0;

  /** `queues`: how many separate orders of deadlines there are. */
  constructor(files: StateFiles, queues: number = 1) {
    this.#files = files;
    this.#queues = Array.from({ length: queues }, () => new SlotHeap((slot) => this.#deadlines[slot] as number));
  }

  get version(): number {
    return this.#version;
  }

  /** How many rows it holds. */
  get size(): number {
    return this.#size;
  }

  get memoryBytes(): number {
    const columns = this.#flags.length * 33 + this.#table.byteLength;
    return this.#arena.bytes + columns + this.#queues.reduce((sum, queue) => sum + queue.bytes, 0);
  }

  /** The first row of a key, −1 without one. Go on with `following`. */
  first(key: Row): number {
    this.#encodeKey(key);
    return this.#find(this.#hash());
  }

  /** The first row of the key that the writer holds. */
  #find(hash: number): number {
    for (let slot = this.#table[hash & (this.#table.length - 1)] as number; slot !== NONE; slot = this.#chain[slot] as number)
      if (this.#hashes[slot] === hash && this.#isKey(slot)) return slot;
    return NONE;
  }

  /** The next row of the same key, −1 after the last. */
  following(slot: number): number {
    return this.#next[slot] as number;
  }

  row(slot: number): Row {
    const start = this.#starts[slot] as number;
    const [chunk, at] = [this.#arena.chunk(start), this.#arena.offset(start)];
    return new ByteReader(chunk, at + HEADER + chunk.readUInt32LE(at)).value() as Row;
  }

  key(slot: number): Row {
    const start = this.#starts[slot] as number;
    return new ByteReader(this.#arena.chunk(start), this.#arena.offset(start) + HEADER).value() as Row;
  }

  isMarked(slot: number): boolean {
    return ((this.#flags[slot] as number) & MARKED) !== 0;
  }

  mark(slot: number): void {
    if (this.isMarked(slot)) return;
    this.#flags[slot] = (this.#flags[slot] as number) | MARKED;
    this.#touch(slot);
  }

  /** Adds a row; `deadlineUs` lets `takeExpired` of that queue find it. */
  add(key: Row, row: Row, marked: boolean, deadlineUs?: number, queue: number = 0): number {
    this.#encodeKey(key);
    const hash = this.#hash();
    const keyLength = this.#writer.length;
    const head = this.#find(hash);
    this.#writer.value(row);
    const slot = this.#free.pop() ?? this.#used++;
    if (slot >= this.#flags.length) this.#grow();
    this.#place(slot, hash, keyLength, head);
    this.#flags[slot] = ((this.#flags[slot] as number) & CHANGED) | (marked ? ALIVE | MARKED : ALIVE);
    this.#touch(slot);
    if (deadlineUs !== undefined) this.schedule(slot, deadlineUs, queue);
    return slot;
  }

  /** Lets a row that has no deadline yet go at `deadlineUs`. */
  schedule(slot: number, deadlineUs: number, queue: number): void {
    this.#deadlines[slot] = deadlineUs;
    this.#flags[slot] = (this.#flags[slot] as number) | QUEUED;
    this.#queues[queue]?.add(slot);
  }

  /** The next row of a queue whose deadline is at or before `us`, the earliest first; −1 when there is none. The caller reads it and drops it. */
  takeExpired(us: number, queue: number = 0): number {
    const heap = this.#queues[queue];
    for (let slot = heap?.take(us) ?? NONE; slot !== NONE; slot = heap?.take(us) ?? NONE) {
      const flags = (this.#flags[slot] as number) & ~QUEUED;
      this.#flags[slot] = flags;
      if ((flags & ALIVE) !== 0) return slot;
      this.#free.push(slot);
    }
    return NONE;
  }

  drop(slot: number): void {
    const flags = this.#flags[slot] as number;
    if ((flags & COMMITTED) !== 0) this.#removed.push(slot);
    const start = this.#starts[slot] as number;
    const [chunk, at] = [this.#arena.chunk(start), this.#arena.offset(start)];
    this.#arena.release(start, HEADER + chunk.readUInt32LE(at) + chunk.readUInt32LE(at + 4));
    this.#unlink(slot);
    this.#flags[slot] = flags & (QUEUED | CHANGED);
    if ((flags & QUEUED) === 0) this.#free.push(slot);
    this.#size--;
  }

  /** Every row's slot. */
  *slots(): Iterable<number> {
    for (let slot = 0; slot < this.#used; slot++) if (((this.#flags[slot] as number) & ALIVE) !== 0) yield slot;
  }

  get(key: Row): Row | undefined {
    const slot = this.first(key);
    return slot === NONE ? undefined : this.row(slot);
  }

  put(key: Row, value: Row): void {
    this.remove(key);
    this.add(key, value, false);
  }

  remove(key: Row): boolean {
    let found = false;
    for (let slot = this.first(key); slot !== NONE; slot = this.first(key)) {
      this.drop(slot);
      found = true;
    }
    return found;
  }

  *scan(): Iterable<readonly [Row, Row]> {
    for (const slot of this.slots()) yield [this.key(slot), this.row(slot)];
  }

  #touch(slot: number): void {
    const flags = this.#flags[slot] as number;
    if ((flags & CHANGED) !== 0) return;
    this.#flags[slot] = flags | CHANGED;
    this.#changed.push(slot);
  }

  #encodeKey(key: Row): void {
    this.#writer.reset();
    this.#writer.value(key.map(keyCell));
  }

  /** FNV-1a over what the writer holds. */
  #hash(): number {
    const bytes = this.#writer.take();
    let hash = 0x811c9dc5;
    for (let i = 0; i < bytes.length; i++) hash = Math.imul(hash ^ (bytes[i] as number), 0x01000193);
    return hash ^ (hash >>> 15);
  }

  #isKey(slot: number): boolean {
    const bytes = this.#writer.take();
    const start = this.#starts[slot] as number;
    const [chunk, at] = [this.#arena.chunk(start), this.#arena.offset(start)];
    return chunk.readUInt32LE(at) === bytes.length && sameBytes(bytes, 0, chunk, at + HEADER, bytes.length);
  }

  /** Writes the key and row that the writer holds to the arena, and links the slot: behind the first row of its key, if there is one. */
  #place(slot: number, hash: number, keyLength: number, head: number): void {
    const rowLength = this.#writer.length - keyLength;
    const start = this.#arena.take(HEADER + keyLength + rowLength);
    const [chunk, at] = [this.#arena.chunk(start), this.#arena.offset(start)];
    chunk.writeUInt32LE(keyLength, at);
    chunk.writeUInt32LE(rowLength, at + 4);
    this.#writer.copyTo(chunk, at + HEADER);
    this.#starts[slot] = start;
    this.#hashes[slot] = hash;
    this.#size++;
    this.#previous[slot] = head;
    if (head !== NONE) {
      const after = this.#next[head] as number;
      this.#next[slot] = after;
      if (after !== NONE) this.#previous[after] = slot;
      this.#next[head] = slot;
      return;
    }
    this.#next[slot] = NONE;
    if (++this.#keys > this.#table.length) this.#rehash();
    this.#linkKey(slot);
  }

  #linkKey(slot: number): void {
    const at = (this.#hashes[slot] as number) & (this.#table.length - 1);
    this.#chain[slot] = this.#table[at] as number;
    this.#table[at] = slot;
  }

  #unlink(slot: number): void {
    const [before, after] = [this.#previous[slot] as number, this.#next[slot] as number];
    if (after !== NONE) this.#previous[after] = before;
    if (before !== NONE) {
      this.#next[before] = after;
      return;
    }
    const rest = this.#chain[slot] as number;
    if (after === NONE) this.#keys--;
    else this.#chain[after] = rest;
    const successor = after === NONE ? rest : after;
    const place = (this.#hashes[slot] as number) & (this.#table.length - 1);
    let at = this.#table[place] as number;
    if (at === slot) {
      this.#table[place] = successor;
      return;
    }
    while (this.#chain[at] !== slot) at = this.#chain[at] as number;
    this.#chain[at] = successor;
  }

  #rehash(): void {
    this.#table = new Int32Array(this.#table.length * 2).fill(NONE);
    for (const slot of this.slots()) if (this.#previous[slot] === NONE) this.#linkKey(slot);
  }

  #grow(): void {
    const capacity = this.#flags.length * 2;
    this.#starts = widened(this.#starts, new Float64Array(capacity));
    this.#deadlines = widened(this.#deadlines, new Float64Array(capacity));
    this.#hashes = widened(this.#hashes, new Int32Array(capacity));
    this.#next = widened(this.#next, new Int32Array(capacity));
    this.#previous = widened(this.#previous, new Int32Array(capacity));
    this.#chain = widened(this.#chain, new Int32Array(capacity));
    this.#flags = widened(this.#flags, new Uint8Array(capacity));
  }

  async load(version: number): Promise<void> {
    this.#clear();
    await this.#files.read(version, STATE_FORMATS.places, (reader) => this.#apply(reader));
    for (let slot = this.#used - 1; slot >= 0; slot--) if (((this.#flags[slot] as number) & ALIVE) === 0) this.#free.push(slot);
    this.#version = version;
    this.#forgetChanges();
  }

  #clear(): void {
    this.#arena.clear();
    for (const queue of this.#queues) queue.clear();
    this.#flags.fill(0);
    this.#table.fill(NONE);
    this.#used = 0;
    this.#free = [];
    this.#size = 0;
    this.#keys = 0;
    this.#forgetChanges();
  }

  #forgetChanges(): void {
    for (const slot of this.#changed) this.#flags[slot] = (this.#flags[slot] as number) & ~CHANGED;
    this.#changed = [];
    this.#removed = [];
  }

  #apply(reader: ByteReader): void {
    for (let n = reader.uint32(); n > 0; n--) {
      const slot = reader.uint32();
      this.drop(slot);
      this.#free = [];
    }
    for (let n = reader.uint32(); n > 0; n--) {
      const slot = reader.uint32();
      this.#flags[slot] = (this.#flags[slot] as number) | MARKED;
    }
    for (let n = reader.uint32(); n > 0; n--) {
      const slot = reader.uint32();
      const marked = reader.uint32() === 1;
      const [key, row] = [reader.bytes(), reader.bytes()];
      while (slot >= this.#flags.length) this.#grow();
      this.#used = Math.max(this.#used, slot + 1);
      this.#writer.reset();
      this.#writer.raw(key);
      const hash = this.#hash();
      const head = this.#find(hash);
      this.#writer.raw(row);
      this.#place(slot, hash, key.length, head);
      this.#flags[slot] = ALIVE | COMMITTED | (marked ? MARKED : 0);
    }
  }

  async commit(version: number): Promise<number> {
    if (this.#arena.wasteful) this.#compact();
    const snapshot = this.#files.wantsSnapshot;
    const content = snapshot ? this.#everything() : this.#changes();
    const bytes = await this.#files.write(version, snapshot ? "snapshot" : "delta", content, STATE_FORMATS.places);
    for (const slot of this.#changed) {
      const flags = this.#flags[slot] as number;
      if ((flags & ALIVE) !== 0) this.#flags[slot] = flags | COMMITTED;
    }
    this.#forgetChanges();
    this.#version = version;
    return bytes;
  }

  #everything(): ByteWriter {
    const writer = stateWriter();
    writer.uint32(0);
    writer.uint32(0);
    writer.uint32(this.#size);
    for (const slot of this.slots()) this.#write(slot, writer);
    return writer;
  }

  #changes(): ByteWriter {
    const writer = stateWriter();
    const alive = this.#changed.filter((slot) => ((this.#flags[slot] as number) & ALIVE) !== 0);
    const isOld = (slot: number): boolean => ((this.#flags[slot] as number) & COMMITTED) !== 0;
    const added = alive.filter((slot) => !isOld(slot));
    const marked = alive.filter(isOld);
    writer.uint32(this.#removed.length);
    for (const slot of this.#removed) writer.uint32(slot);
    writer.uint32(marked.length);
    for (const slot of marked) writer.uint32(slot);
    writer.uint32(added.length);
    for (const slot of added) this.#write(slot, writer);
    return writer;
  }

  #write(slot: number, writer: ByteWriter): void {
    const start = this.#starts[slot] as number;
    const [chunk, at] = [this.#arena.chunk(start), this.#arena.offset(start)];
    const keyEnd = at + HEADER + chunk.readUInt32LE(at);
    writer.uint32(slot);
    writer.uint32(this.isMarked(slot) ? 1 : 0);
    writer.bytes(chunk.subarray(at + HEADER, keyEnd));
    writer.bytes(chunk.subarray(keyEnd, keyEnd + chunk.readUInt32LE(at + 4)));
  }

  /** Moves all rows together, when most of the arena is of rows that are gone. */
  #compact(): void {
    const rows = [...this.slots()].map((slot): [number, Buffer] => {
      const start = this.#starts[slot] as number;
      const [chunk, at] = [this.#arena.chunk(start), this.#arena.offset(start)];
      return [slot, Buffer.from(chunk.subarray(at, at + HEADER + chunk.readUInt32LE(at) + chunk.readUInt32LE(at + 4)))];
    });
    this.#arena.clear();
    for (const [slot, bytes] of rows) {
      const start = this.#arena.take(bytes.length);
      bytes.copy(this.#arena.chunk(start), this.#arena.offset(start));
      this.#starts[slot] = start;
    }
  }

  async abort(): Promise<void> {
    await this.load(this.#version);
  }

  purge(version: number): void {
    this.#files.purge(version);
  }
}

function keyCell(value: unknown): unknown {
  return typeof value === "number" ? (Number.isNaN(value) ? NaN : value === 0 ? 0 : value) : normalizedKey(value);
}

function sameBytes(a: Uint8Array, i: number, b: Uint8Array, j: number, length: number): boolean {
  for (let k = 0; k < length; k++) if (a[i + k] !== b[j + k]) return false;
  return true;
}

function widened<T extends { set(from: T): void }>(from: T, to: T): T {
  to.set(from);
  return to;
}
