import type { AggregateSlot } from "../functions/aggregate-entry.ts";
import type { DataType, Row } from "../types/data-type.ts";
import type { ByteReader } from "./byte-writer.ts";
import { ByteWriter } from "./byte-writer.ts";
import { DeadlineQueue } from "./deadline-queue.ts";
import { capacityFor, grown, INITIAL_CAPACITY, packed } from "./group-columns.ts";
import { groupSnapshot, readGroupSnapshot } from "./group-snapshot.ts";
import { KeyDictionary } from "./key-dictionary.ts";
import type { StateFiles } from "./state-files.ts";
import { STATE_FORMATS, stateWriter } from "./state-frame.ts";
import type { StateStore } from "./state-store.ts";

/** How one column of the key is held: whole numbers in a Float64Array (null is −Infinity), everything else as a code of a dictionary. */
export type KeyStorage = "number" | "code";

/** A store with room for fewer groups than this is never made smaller. */
const MIN_SHRINK = 1024;
/** The fewest bytes that a group takes in a file: its deadline. */
const MIN_GROUP_BYTES = 8;
/** `alive` of a group that is being taken off the queue. */
const TAKEN = 2;

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
    return (
      this.capacity * perGroup + this.#queue.memoryBytes + this.dictionaries.reduce((sum, dictionary) => sum + dictionary.memoryBytes, 0)
    );
  }

  #resize(capacity: number): void {
    this.storages.forEach((storage, i) => {
      const old = this.keys[i];
      this.keys[i] =
        storage === "number"
          ? grown(Float64Array, old as Float64Array | undefined, capacity)
          : grown(Int32Array, old as Int32Array | undefined, capacity);
    });
    this.slotColumns.forEach((slot, i) => {
      if (slot.storage === "double") this.slots[i] = grown(Float64Array, this.slots[i] as Float64Array | undefined, capacity);
      else this.slots[i] ??= [];
    });
    this.hashes = grown(Int32Array, this.hashes, capacity);
    this.stamps = grown(Int32Array, this.stamps, capacity);
    this.alive = grown(Uint8Array, this.alive, capacity);
    this.deadlines = grown(Float64Array, this.deadlines, capacity);
    this.touched = grown(Int32Array, this.touched, capacity);
    this.#relink(capacity);
  }

  #relink(capacity: number): void {
    this.next = new Int32Array(capacity);
    this.heads = new Int32Array(capacity).fill(-1);
    this.capacity = capacity;
    this.mask = capacity - 1;
    for (let group = 0; group < this.#used; group++) if (this.alive[group] === 1) this.#link(group);
  }

  /**
   * Gives memory back when most places are empty: groups and key values are numbered anew. Only between batches, as a group's ordinal and the arrays
   * change.
   */
  #shrink(): void {
    this.dictionaries.forEach((dictionary, i) => {
      const moved = dictionary.shrink();
      const column = this.keys[i];
      if (!moved || !column) return;
      for (let group = 0; group < this.#used; group++) {
        if (this.alive[group] !== 1) continue;
        column[group] = moved[column[group] as number] as number;
        this.hashes[group] = this.#hashAt(group);
      }
      this.#relink(this.capacity);
    });
    if (this.capacity <= MIN_SHRINK || this.#size * 8 > this.capacity) return;
    const living = this.groups();
    const capacity = capacityFor(living.length * 2);
    this.storages.forEach((storage, i) => {
      this.keys[i] = packed(storage === "number" ? Float64Array : Int32Array, this.keys[i] as Float64Array | Int32Array, living, capacity);
    });
    this.slotColumns.forEach((slot, i) => {
      const cells = this.slots[i] as unknown[];
      this.slots[i] =
        slot.storage === "double"
          ? packed(Float64Array, this.slots[i] as Float64Array, living, capacity)
          : living.map((group) => cells[group]);
    });
    this.hashes = packed(Int32Array, this.hashes, living, capacity);
    this.deadlines = packed(Float64Array, this.deadlines, living, capacity);
    this.stamps = new Int32Array(capacity);
    this.touched = new Int32Array(capacity);
    this.alive = new Uint8Array(capacity).fill(1, 0, living.length);
    this.#used = living.length;
    this.#free = [];
    this.#relink(capacity);
    this.#requeue();
  }

  #requeue(): void {
    this.#queue.clear();
    for (let group = 0; group < this.#used; group++) {
      const deadline = this.deadlines[group] as number;
      if (this.alive[group] === 1 && deadline !== Infinity) this.#queue.add(group, deadline);
    }
  }

  #hashAt(group: number): number {
    let hash = 0;
    for (const column of this.keys) hash = Math.imul(hash ^ ((column[group] as number) | 0), 0x9e3779b1);
    return hash ^ (hash >>> 15);
  }

  #link(group: number): void {
    const bucket = (this.hashes[group] as number) & this.mask;
    this.next[group] = this.heads[bucket] as number;
    this.heads[bucket] = group;
  }

  /** A new group with this hash, linked; the caller writes its keys (retaining codes) and slots and touches it: its place may be one that this batch has touched. */
  allocate(hash: number): number {
    if (this.#free.length === 0 && this.#used === this.capacity) this.#resize(this.capacity * 2);
    const group = this.#free.pop() ?? this.#used++;
    this.hashes[group] = hash;
    this.alive[group] = 1;
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
    const due = this.#queue.take(us);
    const out: number[] = [];
    for (const group of due) {
      if (this.alive[group] !== 1 || (this.deadlines[group] as number) > us) continue;
      this.alive[group] = TAKEN;
      out.push(group);
    }
    for (const group of out) this.alive[group] = 1;
    return out;
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
    for (let i = 0; i < this.storages.length; i++)
      if (this.storages[i] === "code") this.dictionaries[i]?.release(this.keys[i]?.[group] as number);
    for (let i = 0; i < this.slotColumns.length; i++)
      if (this.slotColumns[i]?.storage === "value") (this.slots[i] as unknown[])[group] = null;
    this.alive[group] = 0;
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

  /** The group of a key, −1 where there is none. */
  #known(key: Row): number {
    const raw = key.map((value, i) => (this.storages[i] === "code" ? this.dictionaries[i]?.known(value) : this.#raw(i, value)));
    if (raw.includes(undefined)) return -1;
    const cells = Float64Array.from(raw as number[]);
    return this.#find(cells, hashOf(cells));
  }

  #insert(key: Row): number {
    const raw = Float64Array.from(key, (value, i) => this.#raw(i, value));
    const hash = hashOf(raw);
    const known = this.#find(raw, hash);
    if (known >= 0) return known;
    const group = this.#add(raw, hash);
    this.#initial.forEach((value, i) => ((this.slots[i] as unknown[])[group] = value));
    return group;
  }

  get(key: Row): Row | undefined {
    const group = this.#known(key);
    return group < 0 ? undefined : this.slots.map((column) => column[group]);
  }

  put(key: Row, value: Row): void {
    const group = this.#insert(key);
    value.forEach((cell, i) => ((this.slots[i] as unknown[])[group] = cell));
    this.touch(group);
  }

  remove(key: Row): boolean {
    const group = this.#known(key);
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
    await this.#files.read(version, STATE_FORMATS.rows, (reader, kind, format) =>
      kind === "snapshot" && format >= STATE_FORMATS.columns ? this.#applyColumns(reader) : this.#apply(reader),
    );
    this.#requeue();
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

  /** Applies a file: removed keys, then changed groups. A restart's time is spent here: no row is made, cells go straight into the columns. */
  #apply(reader: ByteReader): void {
    const raw = new Float64Array(this.storages.length);
    for (let n = reader.uint32(); n > 0; n--) {
      const hash = this.#readKey(reader, raw);
      const group = this.#find(raw, hash);
      if (group >= 0) this.release(group);
    }
    const count = reader.uint32();
    const empty = this.#size === 0;
    const capacity = capacityFor(this.#size + Math.min(count, reader.left / MIN_GROUP_BYTES));
    if (capacity > this.capacity) this.#resize(capacity);
    for (let n = count; n > 0; n--) {
      const hash = this.#readKey(reader, raw);
      let group = empty ? -1 : this.#find(raw, hash);
      if (group < 0) group = this.#add(raw, hash);
      this.deadlines[group] = reader.double();
      for (let i = 0; i < this.slotColumns.length; i++) {
        const column = this.slots[i] as Float64Array | unknown[];
        column[group] = this.slotColumns[i]?.storage === "double" ? reader.double() : reader.value();
      }
    }
  }

  /** Reads a key's cells into `raw` and gives their hash. */
  #readKey(reader: ByteReader, raw: Float64Array): number {
    let hash = 0;
    for (let i = 0; i < raw.length; i++) {
      const cell = this.storages[i] === "number" ? reader.double() : this.#readCode(reader, this.dictionaries[i] as KeyDictionary);
      raw[i] = cell;
      hash = Math.imul(hash ^ (cell | 0), 0x9e3779b1);
    }
    return hash ^ (hash >>> 15);
  }

  #readCode(reader: ByteReader, dictionary: KeyDictionary): number {
    const value = reader.value();
    return typeof value === "string" ? dictionary.codeOfLoaded(value) : dictionary.code(value);
  }

  #find(raw: Float64Array, hash: number): number {
    for (let group = this.heads[hash & this.mask] as number; group >= 0; group = this.next[group] as number) {
      let i = 0;
      while (i < raw.length && this.keys[i]?.[group] === raw[i]) i++;
      if (i === raw.length) return group;
    }
    return -1;
  }

  #add(raw: Float64Array, hash: number): number {
    const group = this.allocate(hash);
    for (let i = 0; i < raw.length; i++) {
      const cell = raw[i] as number;
      (this.keys[i] as Float64Array)[group] = cell;
      if (this.storages[i] === "code") this.dictionaries[i]?.retain(cell);
    }
    return group;
  }

  #writeKey(writer: ByteWriter, group: number): void {
    for (let i = 0; i < this.storages.length; i++) {
      const raw = this.keys[i]?.[group] as number;
      if (this.storages[i] === "number") writer.double(raw);
      else writer.value(this.dictionaries[i]?.values[raw]);
    }
  }

  #writeGroups(writer: ByteWriter, groups: readonly number[]): void {
    writer.uint32(groups.length);
    for (const group of groups) {
      this.#writeKey(writer, group);
      writer.double(this.deadlines[group] as number);
      for (let i = 0; i < this.slotColumns.length; i++) {
        const cell = this.slots[i]?.[group];
        if (this.slotColumns[i]?.storage === "double") writer.double(cell as number);
        else writer.value(cell);
      }
    }
  }

  async commit(version: number): Promise<number> {
    const snapshot = this.#files.wantsSnapshot;
    const bytes = snapshot
      ? await this.#files.write(
          version,
          "snapshot",
          groupSnapshot(this, this.#size === this.#used ? undefined : this.groups()),
          STATE_FORMATS.columns,
        )
      : await this.#files.write(version, "delta", this.#changes(), STATE_FORMATS.rows);
    this.#version = version;
    this.#forgetChanges();
    this.#shrink();
    return bytes;
  }

  #changes(): ByteWriter {
    const writer = stateWriter();
    writer.uint32(this.#removedCount);
    writer.raw(this.#removed.take());
    this.#writeGroups(writer, this.touchedGroups());
    return writer;
  }

  /** Takes a snapshot into the empty store. */
  #applyColumns(reader: ByteReader): void {
    const count = reader.uint32();
    if (count > reader.left) throw new RangeError("more groups than bytes");
    const capacity = capacityFor(count);
    if (capacity > this.capacity) this.#resize(capacity);
    readGroupSnapshot(this, count, reader);
    this.alive.fill(1, 0, count);
    this.#used = count;
    this.#size = count;
    this.#relink(this.capacity);
  }

  async abort(): Promise<void> {
    await this.load(this.#version);
  }

  purge(version: number): void {
    this.#files.purge(version);
  }
}

/** The hash of raw key cells; generated code computes the same (see `hashText`). */
function hashOf(raw: Float64Array): number {
  let hash = 0;
  for (const value of raw) hash = Math.imul(hash ^ (value | 0), 0x9e3779b1);
  return hash ^ (hash >>> 15);
}

/** JavaScript text of `hashOf` over the named locals. */
export function hashText(names: readonly string[]): string {
  const chained = names.reduce((inner, name) => `Math.imul(${inner === "0" ? "" : `${inner} ^ `}(${name} | 0), 0x9e3779b1)`, "0");
  return chained;
}
