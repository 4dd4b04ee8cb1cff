import type { Document } from "bson";
import { shown } from "../bson/shown.ts";
import { decodeDocument } from "../bson/values.ts";
import { CommandFailure } from "../failure.ts";
import type { DocumentFile } from "./document-file.ts";
import { ID_INDEX, idKeyOf, keyPattern, keysOfDocument, type IndexSpec } from "./index-spec.ts";

/** A stored document: its row in the collection's table and its bytes, `_id` first. */
export type Stored = { readonly rid: number; readonly document: Buffer };

/**
 * An index and its B-tree in SQLite (the collection itself for `_id`). `multikey` has the bit of each field that was ever met as, or in, an array;
 * `uses` counts the queries that read it since `sinceMs`. While it `isBuilding` writes keep it up, and nobody reads it.
 */
export type CollectionIndex = {
  spec: IndexSpec;
  readonly table: string;
  multikey: number;
  uses: number;
  readonly sinceMs: number;
  isBuilding: boolean;
};

/** What a capped collection may hold. */
export type Cap = { readonly bytes: number; readonly documents: number };

/** Bytes on the disk (or in memory) that a table and its indexes take. */
export type StorageSizes = { readonly table: number; readonly indexes: Readonly<Record<string, number>> };

function bufferOf(cell: unknown): Buffer {
  const bytes = cell as Uint8Array;
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/**
 * One collection: a table (rid in order of insertion, the order key of `_id`, the document's bytes) and one table (key, rid) for each secondary
 * index. Everything here is synchronous and is called inside a write job (or for reading, at any time).
 */
export class Collection {
  readonly id: number;
  readonly database: string;
  readonly name: string;
  readonly uuid: Buffer;
  readonly table: string;
  readonly indexes: CollectionIndex[];
  readonly idIndex: CollectionIndex;
  /** Set when it was dropped or renamed: cursors on it end. */
  gone: "dropped" | "renamed" | undefined;
  #options: Document;
  #cap: Cap | undefined;
  #count: number | undefined;
  #bytes: number | undefined;
  readonly #waiting = new Set<() => void>();
  readonly #file: DocumentFile;
  readonly #onMultikey: (index: CollectionIndex) => void;

  constructor(
    file: DocumentFile,
    row: { readonly id: number; readonly database: string; readonly name: string; readonly options: Document; readonly uuid: Buffer },
    indexes: CollectionIndex[],
    onMultikey: (index: CollectionIndex) => void,
  ) {
    this.#file = file;
    this.id = row.id;
    this.database = row.database;
    this.name = row.name;
    this.#options = row.options;
    this.#cap = capOf(row.options);
    this.uuid = row.uuid;
    this.table = `c${row.id}`;
    this.indexes = indexes;
    this.idIndex = { spec: ID_INDEX, table: this.table, multikey: 0, uses: 0, sinceMs: file.clock.nowMs(), isBuilding: false };
    this.#onMultikey = onMultikey;
  }

  get namespace(): string {
    return `${this.database}.${this.name}`;
  }

  get options(): Document {
    return this.#options;
  }

  set options(options: Document) {
    this.#options = options;
    this.#cap = capOf(options);
  }

  /** After a rollback: what the file says now. Totals are counted anew. */
  readAgain(options: Document, indexes: readonly CollectionIndex[]): void {
    this.options = options;
    this.indexes.splice(0, Infinity, ...indexes);
    this.#count = undefined;
    this.#bytes = undefined;
  }

  get cap(): Cap | undefined {
    return this.#cap;
  }

  count(): number {
    this.#count ??= Number(this.#file.prepare(`SELECT count(*) AS n FROM ${this.table}`).get()?.n ?? 0);
    return this.#count;
  }

  /** Bytes of all documents. The first call reads the table, later ones know. */
  size(): number {
    this.#bytes ??= Number(this.#file.prepare(`SELECT coalesce(sum(length(doc)), 0) AS n FROM ${this.table}`).get()?.n ?? 0);
    return this.#bytes;
  }

  /** What SQLite's pages say; reads all of them. */
  storageSizes(): StorageSizes {
    const of = (table: string): number =>
      Number(this.#file.prepare("SELECT coalesce(sum(pgsize), 0) AS n FROM dbstat WHERE aggregate = 1 AND name = ?").get(table)?.n ?? 0);
    const indexes = Object.fromEntries(this.indexes.map((index) => [index.spec.name, of(index.table)]));
    return { table: of(this.table), indexes: { [ID_INDEX.name]: of(`sqlite_autoindex_${this.table}_1`), ...indexes } };
  }

  /** Calls `wake` once after the next insert, or when the collection goes; gives what takes it back. For cursors that wait at the end. */
  onInsert(wake: () => void): () => void {
    this.#waiting.add(wake);
    return () => this.#waiting.delete(wake);
  }

  wakeWaiting(): void {
    if (this.#waiting.size === 0) return;
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const wake of waiting) wake();
  }

  byId(idKey: Buffer): Stored | undefined {
    const row = this.#file.prepare(`SELECT rid, doc FROM ${this.table} WHERE id = ?`).get(idKey);
    return row ? { rid: Number(row.rid), document: bufferOf(row.doc) } : undefined;
  }

  byRow(rid: number): Stored | undefined {
    const row = this.#file.prepare(`SELECT doc FROM ${this.table} WHERE rid = ?`).get(rid);
    return row && { rid, document: bufferOf(row.doc) };
  }

  hasRow(rid: number): boolean {
    return this.#file.prepare(`SELECT 1 FROM ${this.table} WHERE rid = ?`).get(rid) !== undefined;
  }

  /** In order of insertion, after `rid`. */
  scanNatural(afterRid: number, limit: number, backward: boolean): Stored[] {
    const sql = backward
      ? `SELECT rid, doc FROM ${this.table} WHERE rid < ? ORDER BY rid DESC LIMIT ?`
      : `SELECT rid, doc FROM ${this.table} WHERE rid > ? ORDER BY rid LIMIT ?`;
    const rows = this.#file.prepare(sql).all(afterRid, limit);
    return rows.map((row) => ({ rid: Number(row.rid), document: bufferOf(row.doc) }));
  }

  /** By an index's keys in [low, high), after (afterKey, afterRid), upwards or downwards. */
  scanIndex(index: CollectionIndex, range: IndexRange, limit: number, backward: boolean): (Stored & { readonly key: Buffer })[] {
    const own = index.table === this.table;
    const key = own ? "c.id" : "x.key";
    const from = own ? `${this.table} c` : `${index.table} x CROSS JOIN ${this.table} c ON c.rid = x.rid`;
    const rid = own ? "c.rid" : "x.rid";
    const sql = backward
      ? `SELECT ${key} AS key, c.rid AS rid, c.doc AS doc FROM ${from} WHERE (${key}, ${rid}) < (?, ?) AND ${key} >= ? ORDER BY ${key} DESC, ${rid} DESC LIMIT ?`
      : `SELECT ${key} AS key, c.rid AS rid, c.doc AS doc FROM ${from} WHERE (${key}, ${rid}) > (?, ?) AND ${key} < ? ORDER BY ${key}, ${rid} LIMIT ?`;
    const rows = this.#file.prepare(sql).all(range.afterKey, range.afterRid, range.edge, limit);
    return rows.map((row) => ({ key: bufferOf(row.key), rid: Number(row.rid), document: bufferOf(row.doc) }));
  }

  /** Throws DuplicateKey, with nothing changed. */
  insert(idKey: Buffer, document: Buffer): void {
    if (this.#cap && document.length > this.#cap.bytes)
      throw new CommandFailure("BadValue", `object to insert exceeds cappedMaxSize; document: ${document.length}, max: ${this.#cap.bytes}`);
    const keys = this.indexes.length === 0 ? undefined : this.#checkedKeys(document, -1);
    const done = this.#file.prepare(`INSERT INTO ${this.table} (id, doc) VALUES (?, ?) ON CONFLICT (id) DO NOTHING`).run(idKey, document);
    if (Number(done.changes) === 0) throw this.#duplicate(ID_INDEX, document);
    if (keys) this.#addKeys(keys, Number(done.lastInsertRowid));
    if (this.#count !== undefined) this.#count++;
    if (this.#bytes !== undefined) this.#bytes += document.length;
    if (this.#cap) this.#keepCap(this.#cap);
    if (this.#waiting.size > 0) this.#file.afterCommit(() => this.wakeWaiting());
  }

  #keepCap(cap: Cap): void {
    while (this.count() > cap.documents || this.size() > cap.bytes) {
      const [oldest] = this.scanNatural(-1, 1, false);
      if (!oldest) return;
      this.remove(oldest);
    }
  }

  /** Puts other bytes in a document's place; its `_id` must be the same. Throws DuplicateKey, with nothing changed. */
  replace(stored: Stored, document: Buffer): void {
    if (this.indexes.length > 0) {
      const after = this.#checkedKeys(document, stored.rid);
      this.indexes.forEach((index, i) => {
        const before = keysOfDocument(index.spec, stored.document).keys;
        const now = after[i] as readonly Buffer[];
        if (before.length === now.length && before.every((key, k) => key.equals(now[k] as Buffer))) return;
        for (const key of before) this.#file.prepare(`DELETE FROM ${index.table} WHERE key = ? AND rid = ?`).run(key, stored.rid);
        for (const key of now) this.#file.prepare(`INSERT INTO ${index.table} (key, rid) VALUES (?, ?)`).run(key, stored.rid);
      });
    }
    this.#file.prepare(`UPDATE ${this.table} SET doc = ? WHERE rid = ?`).run(document, stored.rid);
    if (this.#bytes !== undefined) this.#bytes += document.length - stored.document.length;
  }

  remove(stored: Stored): void {
    for (const index of this.indexes)
      for (const key of keysOfDocument(index.spec, stored.document).keys)
        this.#file.prepare(`DELETE FROM ${index.table} WHERE key = ? AND rid = ?`).run(key, stored.rid);
    this.#file.prepare(`DELETE FROM ${this.table} WHERE rid = ?`).run(stored.rid);
    if (this.#count !== undefined) this.#count--;
    if (this.#bytes !== undefined) this.#bytes -= stored.document.length;
  }

  /** Fills an index that was just created. Throws DuplicateKey on the first clash. */
  buildIndex(index: CollectionIndex): void {
    for (let after: number | undefined = -1; after !== undefined;) after = this.buildSome(index, after, 500);
  }

  /** Adds the keys of so many documents behind a row; gives the last of these rows, undefined at the end. What writes have added stays. */
  buildSome(index: CollectionIndex, after: number, limit: number): number | undefined {
    const rows = this.scanNatural(after, limit, false);
    const add = this.#file.prepare(`INSERT INTO ${index.table} (key, rid) VALUES (?, ?) ON CONFLICT DO NOTHING`);
    for (const row of rows) for (const key of this.#keysFor(index, row.document, row.rid)) add.run(key, row.rid);
    return rows.at(-1)?.rid;
  }

  /** Holds each index against the documents: how many keys it has, and what does not agree. */
  check(): { readonly keys: Readonly<Record<string, number>>; readonly errors: readonly string[] } {
    const wanted = this.indexes.map(() => 0);
    const errors: string[] = [];
    for (let after = -1; ;) {
      const rows = this.scanNatural(after, 500, false);
      for (const row of rows) {
        this.indexes.forEach((index, i) => {
          const { keys } = keysOfDocument(index.spec, row.document);
          wanted[i] = (wanted[i] ?? 0) + keys.length;
          const find = this.#file.prepare(`SELECT 1 FROM ${index.table} WHERE key = ? AND rid = ?`);
          if (keys.some((key) => find.get(key, row.rid) === undefined))
            errors.push(`${index.spec.name}: a key of row ${row.rid} is missing`);
        });
        after = row.rid;
      }
      if (rows.length === 0) break;
    }
    const keys: Record<string, number> = { [ID_INDEX.name]: this.count() };
    this.indexes.forEach((index, i) => {
      const there = Number(this.#file.prepare(`SELECT count(*) AS n FROM ${index.table}`).get()?.n ?? 0);
      keys[index.spec.name] = there;
      if (there > (wanted[i] ?? 0)) errors.push(`${index.spec.name}: ${there - (wanted[i] ?? 0)} keys of no document`);
    });
    return { keys, errors };
  }

  #checkedKeys(document: Buffer, ownRid: number): (readonly Buffer[])[] {
    return this.indexes.map((index) => this.#keysFor(index, document, ownRid));
  }

  #keysFor(index: CollectionIndex, document: Buffer, ownRid: number): readonly Buffer[] {
    const { keys, multikey } = keysOfDocument(index.spec, document);
    if ((multikey & ~index.multikey) !== 0) {
      index.multikey |= multikey;
      this.#onMultikey(index);
    }
    if (index.spec.unique)
      for (const key of keys) {
        const other = this.#file.prepare(`SELECT rid FROM ${index.table} WHERE key = ? AND rid <> ? LIMIT 1`).get(key, ownRid);
        if (other) throw this.#duplicate(index.spec, document);
      }
    return keys;
  }

  #addKeys(keys: readonly (readonly Buffer[])[], rid: number): void {
    this.indexes.forEach((index, i) => {
      for (const key of keys[i] as readonly Buffer[])
        this.#file.prepare(`INSERT INTO ${index.table} (key, rid) VALUES (?, ?)`).run(key, rid);
    });
  }

  #duplicate(spec: IndexSpec, document: Buffer): CommandFailure {
    const decoded = decodeDocument(document);
    const keyValue: Document = {};
    for (const field of spec.fields) {
      let value: unknown = decoded;
      for (const part of field.path.text.split(".")) value = (value as Document | null | undefined)?.[part];
      keyValue[field.path.text] = value ?? null;
    }
    return new CommandFailure(
      "DuplicateKey",
      `E11000 duplicate key error collection: ${this.namespace} index: ${spec.name} dup key: ${shown(keyValue)}`,
      { keyPattern: keyPattern(spec), keyValue },
    );
  }
}

/** Where a chunk of an index scan begins (behind afterKey, afterRid) and the key at which the scan ends. */
export type IndexRange = { readonly afterKey: Buffer; readonly afterRid: number; readonly edge: Buffer };

/** The `_id` index of a collection, as the planner sees it. */
export function idIndex(collection: Collection): CollectionIndex {
  return collection.idIndex;
}

export function requireIdKey(document: Buffer): Buffer {
  const key = idKeyOf(document);
  if (key === undefined) throw new CommandFailure("InternalError", "a document without _id");
  return key;
}

/** What `create` was told of a cap; undefined for a collection without. */
function capOf(options: Document): Cap | undefined {
  return options.capped === true ? { bytes: Number(options.size), documents: Number(options.max) || Infinity } : undefined;
}
