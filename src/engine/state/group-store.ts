import type { AggregateSlot } from "../functions/aggregate-entry.ts";
import type { DataType, Row } from "../types/data-type.ts";
import type { ByteReader } from "./byte-writer.ts";
import { ByteWriter } from "./byte-writer.ts";
import { DeadlineQueue } from "./deadline-queue.ts";
import { KeyDictionary } from "./key-dictionary.ts";
import type { StateFiles } from "./state-files.ts";
import type { StateStore } from "./state-store.ts";

/** How one column of the key is held: whole numbers in a Float64Array (null is −Infinity), everything else as a code of a dictionary. */
export type KeyStorage = "number" | "code";

const INITIAL_CAPACITY = 64;

/** The storage that fits a type: whole numbers that a double holds exactly go in directly. */
export function keyStorage(dataType: DataType): KeyStorage {
  return ["tinyint", "smallint", "int", "date", "timestamp", "interval"].includes(dataType.type) ? "number" : "code";
}

function isPlain(dataType: DataType): boolean {
  return !["binary", "array", "map", "struct"].includes(dataType.type);
}

export type GroupColumns = { readonly keys: readonly DataType[]; readonly slots: readonly AggregateSlot[] };

/**
 * Groups by ordinal, column by column in typed arrays: the state of aggregations and deduplications. Generated code finds a group by walking
 * the chain of its hash (`heads`, `next`) and reads and writes the columns itself; the methods are for everything less frequent.
 * After `allocate` the arrays may be others (`capacity` tells).
 */
export class GroupStore implements StateStore {
  readonly storages: readonly KeyStorage[];
  readonly dictionaries: readonly KeyDictionary[];
  readonly slotColumns: readonly AggregateSlot[];
  /** Per key column: Float64Array of numbers, or Int32Array of codes. */
  readonly keys: (Float64Array | Int32Array)[] = [];
  readonly slots: (Float64Array | unknown[])[] = [];
  heads: Int32Array = new Int32Array(0);
  next: Int32Array = new Int32Array(0);
  hashes: Int32Array = new Int32Array(0);
  /** The serial number of the batch that touched a group last. */
  stamps: Int32Array = new Int32Array(0);
  /** 1 while the ordinal is a live group. */
  alive: Uint8Array = new Uint8Array(0);
  /** When a group goes, microseconds; Infinity for never. */
  deadlines: Float64Array = new Float64Array(0);
  /** The groups that this batch touched, in order of first touch. */
  touched: Int32Array = new Int32Array(0);
  touchedCount: number = 0;
  serial: number = 1;
  capacity: number = 0;
  mask: number = 0;
  #size = 0;
  #used = 0;
  #free: number[] = [];
  #version = 0;
  readonly #queue = new DeadlineQueue();
  #removed = new ByteWriter();
  #removedCount = 0;
  readonly #files: StateFiles;
  readonly #initial: readonly unknown[];

  constructor(columns: GroupColumns, files: StateFiles) {
    this.#files = files;
    this.storages = columns.keys.map(keyStorage);
    this.dictionaries = columns.keys.map((type) => new KeyDictionary(isPlain(type)));
    this.slotColumns = columns.slots;
    this.#initial = columns.slots.map((slot) => (slot.storage === "double" ? 0 : null));
    this.#resize(INITIAL_CAPACITY);
  }

  get version(): number {
    return this.#version;
  }

  get size(): number {
    return this.#size;
  }

  get memoryBytes(): number {
    const perGroup = 29 + this.storages.reduce((sum, storage) => sum + (storage === "number" ? 8 : 4), 0) + this.slots.length * 8;
    return this.capacity * perGroup + this.heads.length * 4 + this.dictionaries.reduce((sum, dictionary) => sum + dictionary.size * 80, 0);
  }

  #resize(capacity: number): void {
    const grown = <T extends Float64Array | Int32Array | Uint8Array>(make: new (n: number) => T, old: T | undefined): T => {
      const array = new make(capacity);
      if (old) array.set(old);
      return array;
    };
    this.storages.forEach((storage, i) => {
      this.keys[i] =
        storage === "number"
          ? grown(Float64Array, this.keys[i] as Float64Array | undefined)
          : grown(Int32Array, this.keys[i] as Int32Array | undefined);
    });
    this.slotColumns.forEach((slot, i) => {
      if (slot.storage === "double") this.slots[i] = grown(Float64Array, this.slots[i] as Float64Array | undefined);
      else this.slots[i] ??= [];
    });
    this.next = grown(Int32Array, this.next);
    this.hashes = grown(Int32Array, this.hashes);
    this.stamps = grown(Int32Array, this.stamps);
    this.alive = grown(Uint8Array, this.alive);
    this.deadlines = grown(Float64Array, this.deadlines);
    this.touched = grown(Int32Array, this.touched);
    this.capacity = capacity;
    this.heads = new Int32Array(capacity).fill(-1);
    this.mask = capacity - 1;
    for (let group = 0; group < this.#used; group++) if (this.alive[group] === 1) this.#link(group);
  }

  #link(group: number): void {
    const bucket = (this.hashes[group] as number) & this.mask;
    this.next[group] = this.heads[bucket] as number;
    this.heads[bucket] = group;
  }

  /** A new group with this hash, linked and untouched; the caller writes its keys (retaining codes) and slots. */
  allocate(hash: number): number {
    if (this.#free.length === 0 && this.#used === this.capacity) this.#resize(this.capacity * 2);
    const group = this.#free.pop() ?? this.#used++;
    this.hashes[group] = hash;
    this.alive[group] = 1;
    this.stamps[group] = 0;
    this.deadlines[group] = Infinity;
    this.#link(group);
    this.#size++;
    return group;
  }

  /** Sets when a group goes; to be called once per group. */
  schedule(group: number, deadlineUs: number): void {
    this.deadlines[group] = deadlineUs;
    this.#queue.add(group, deadlineUs);
  }

  touch(group: number): void {
    if (this.stamps[group] === this.serial) return;
    this.stamps[group] = this.serial;
    this.touched[this.touchedCount++] = group;
  }

  /**
   * The live groups whose deadline is at or before `us`, taken off the queue; each is to be released after its result is read. A group that was
   * removed otherwise may have left its ordinal to another one: only the deadline that a group has now counts, and once.
   */
  takeExpired(us: number): number[] {
    return [...new Set(this.#queue.take(us))].filter((group) => this.alive[group] === 1 && (this.deadlines[group] as number) <= us);
  }

  /** Removes a group; its ordinal will be used again. */
  release(group: number): void {
    if (this.alive[group] !== 1) return;
    this.#writeKey(this.#removed, group);
    this.#removedCount++;
    this.#drop(group);
  }

  #drop(group: number): void {
    const bucket = (this.hashes[group] as number) & this.mask;
    let at = this.heads[bucket] as number;
    if (at === group) this.heads[bucket] = this.next[group] as number;
    else {
      while (this.next[at] !== group) at = this.next[at] as number;
      this.next[at] = this.next[group] as number;
    }
    this.storages.forEach((storage, i) => {
      if (storage === "code") this.dictionaries[i]?.release(this.keys[i]?.[group] as number);
    });
    this.slotColumns.forEach((slot, i) => {
      if (slot.storage === "value") (this.slots[i] as unknown[])[group] = null;
    });
    this.alive[group] = 0;
    this.stamps[group] = 0;
    this.#free.push(group);
    this.#size--;
  }

  /** Every live group. */
  groups(): number[] {
    const out: number[] = [];
    for (let group = 0; group < this.#used; group++) if (this.alive[group] === 1) out.push(group);
    return out;
  }

  /** The groups of this batch that still live. */
  touchedGroups(): number[] {
    const out: number[] = [];
    for (let i = 0; i < this.touchedCount; i++) {
      const group = this.touched[i] as number;
      if (this.alive[group] === 1 && this.stamps[group] === this.serial) out.push(group);
    }
    return out;
  }

  /** The value of a key column, as a row holds it. */
  keyValue(column: number, group: number): unknown {
    const raw = this.keys[column]?.[group] as number;
    if (this.storages[column] === "code") return this.dictionaries[column]?.values[raw];
    return raw === -Infinity ? null : raw;
  }

  #raw(column: number, value: unknown): number {
    if (this.storages[column] === "code") return this.dictionaries[column]?.code(value) ?? 0;
    return value === null ? -Infinity : Number(value);
  }

  #find(raw: readonly number[], hash: number): number {
    for (let group = this.heads[hash & this.mask] as number; group >= 0; group = this.next[group] as number) {
      if (raw.every((value, i) => this.keys[i]?.[group] === value)) return group;
    }
    return -1;
  }

  #insert(key: Row): number {
    const raw = key.map((value, i) => this.#raw(i, value));
    const hash = hashOf(raw);
    const known = this.#find(raw, hash);
    if (known >= 0) return known;
    const group = this.allocate(hash);
    raw.forEach((value, i) => {
      (this.keys[i] as Float64Array)[group] = value;
      if (this.storages[i] === "code") this.dictionaries[i]?.retain(value);
    });
    this.#initial.forEach((value, i) => ((this.slots[i] as unknown[])[group] = value));
    return group;
  }

  get(key: Row): Row | undefined {
    const raw = key.map((value, i) => this.#raw(i, value));
    const group = this.#find(raw, hashOf(raw));
    return group < 0 ? undefined : this.slots.map((column) => column[group]);
  }

  put(key: Row, value: Row): void {
    const group = this.#insert(key);
    value.forEach((cell, i) => ((this.slots[i] as unknown[])[group] = cell));
    this.touch(group);
  }

  remove(key: Row): boolean {
    const raw = key.map((value, i) => this.#raw(i, value));
    const group = this.#find(raw, hashOf(raw));
    if (group >= 0) this.release(group);
    return group >= 0;
  }

  *scan(): Iterable<readonly [Row, Row]> {
    for (const group of this.groups()) {
      yield [this.storages.map((_, i) => this.keyValue(i, group)), this.slots.map((column) => column[group])] as const;
    }
  }

  /** Begins a batch: nothing is touched. */
  beginBatch(): void {
    this.serial++;
    this.touchedCount = 0;
  }

  async load(version: number): Promise<void> {
    this.#reset();
    await this.#files.read(version, (reader) => this.#apply(reader));
    for (const group of this.groups()) {
      const deadline = this.deadlines[group] as number;
      if (deadline !== Infinity) this.#queue.add(group, deadline);
    }
    this.#version = version;
    this.#forgetChanges();
  }

  #reset(): void {
    this.dictionaries.forEach((dictionary) => dictionary.clear());
    this.#queue.clear();
    this.alive.fill(0);
    this.stamps.fill(0);
    this.heads.fill(-1);
    this.#size = 0;
    this.#used = 0;
    this.#free = [];
  }

  #forgetChanges(): void {
    this.#removed = new ByteWriter();
    this.#removedCount = 0;
    this.beginBatch();
  }

  #apply(reader: ByteReader): void {
    const key = (): Row => this.storages.map((storage) => (storage === "number" ? plainNumber(reader.double()) : reader.value()));
    for (let n = reader.uint32(); n > 0; n--) this.remove(key());
    for (let n = reader.uint32(); n > 0; n--) {
      const group = this.#insert(key());
      const deadline = reader.double();
      this.deadlines[group] = deadline;
      this.slotColumns.forEach((slot, i) => {
        (this.slots[i] as unknown[])[group] = slot.storage === "double" ? reader.double() : reader.value();
      });
    }
  }

  #writeKey(writer: ByteWriter, group: number): void {
    this.storages.forEach((storage, i) => {
      const raw = this.keys[i]?.[group] as number;
      if (storage === "number") writer.double(raw);
      else writer.value(this.dictionaries[i]?.values[raw]);
    });
  }

  #writeGroups(writer: ByteWriter, groups: readonly number[]): void {
    writer.uint32(groups.length);
    for (const group of groups) {
      this.#writeKey(writer, group);
      writer.double(this.deadlines[group] as number);
      this.slotColumns.forEach((slot, i) => {
        const cell = this.slots[i]?.[group];
        if (slot.storage === "double") writer.double(cell as number);
        else writer.value(cell);
      });
    }
  }

  async commit(version: number): Promise<number> {
    const snapshot = this.#files.wantsSnapshot;
    const writer = new ByteWriter();
    if (snapshot) {
      writer.uint32(0);
      this.#writeGroups(writer, this.groups());
    } else {
      writer.uint32(this.#removedCount);
      writer.raw(this.#removed.take());
      this.#writeGroups(writer, this.touchedGroups());
    }
    const bytes = await this.#files.write(version, snapshot ? "snapshot" : "delta", writer.take());
    this.#version = version;
    this.#forgetChanges();
    return bytes;
  }

  async abort(): Promise<void> {
    await this.load(this.#version);
  }

  purge(version: number): Promise<void> {
    return this.#files.purge(version);
  }
}

function plainNumber(raw: number): number | null {
  return raw === -Infinity ? null : raw;
}

/** The hash of raw key cells; generated code computes the same (see `hashText`). */
export function hashOf(raw: readonly number[]): number {
  let hash = 0;
  for (const value of raw) hash = Math.imul(hash ^ (value | 0), 0x9e3779b1);
  return hash ^ (hash >>> 15);
}

/** JavaScript text of `hashOf` over the named locals. */
export function hashText(names: readonly string[]): string {
  const chained = names.reduce((inner, name) => `Math.imul(${inner === "0" ? "" : `${inner} ^ `}(${name} | 0), 0x9e3779b1)`, "0");
  return chained;
}
