import type { Document } from "bson";
import { decodeDocument } from "../bson/values.ts";
import { CommandFailure } from "../failure.ts";
import type { DocumentFile } from "./document-file.ts";
import { ID_INDEX, idKeyOf, keyPattern, keysOfDocument, type IndexSpec } from "./index-spec.ts";

/** A stored document: its row in the collection's table and its bytes, `_id` first. */
export type Stored = { readonly rid: number; readonly document: Buffer };

export type CollectionIndex = { readonly spec: IndexSpec; readonly table: string; multikey: boolean };

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
  readonly options: Document;
  readonly uuid: Buffer;
  readonly table: string;
  readonly indexes: CollectionIndex[];
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
    this.options = row.options;
    this.uuid = row.uuid;
    this.table = `c${row.id}`;
    this.indexes = indexes;
    this.#onMultikey = onMultikey;
  }

  get namespace(): string {
    return `${this.database}.${this.name}`;
  }

  count(): number {
    return Number(this.#file.prepare(`SELECT count(*) AS n FROM ${this.table}`).get()?.n ?? 0);
  }

  /** Bytes of all documents. */
  size(): number {
    return Number(this.#file.prepare(`SELECT coalesce(sum(length(doc)), 0) AS n FROM ${this.table}`).get()?.n ?? 0);
  }

  byId(idKey: Buffer): Stored | undefined {
    const row = this.#file.prepare(`SELECT rid, doc FROM ${this.table} WHERE id = ?`).get(idKey);
    return row ? { rid: Number(row.rid), document: bufferOf(row.doc) } : undefined;
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
    const keys = this.indexes.length === 0 ? undefined : this.#checkedKeys(document, -1);
    const done = this.#file.prepare(`INSERT INTO ${this.table} (id, doc) VALUES (?, ?) ON CONFLICT (id) DO NOTHING`).run(idKey, document);
    if (Number(done.changes) === 0) throw this.#duplicate(ID_INDEX, document);
    if (keys) this.#addKeys(keys, Number(done.lastInsertRowid));
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
  }

  remove(stored: Stored): void {
    for (const index of this.indexes)
      for (const key of keysOfDocument(index.spec, stored.document).keys)
        this.#file.prepare(`DELETE FROM ${index.table} WHERE key = ? AND rid = ?`).run(key, stored.rid);
    this.#file.prepare(`DELETE FROM ${this.table} WHERE rid = ?`).run(stored.rid);
  }

  /** Fills an index that was just created. Throws DuplicateKey on the first clash. */
  buildIndex(index: CollectionIndex): void {
    let after = -1;
    for (;;) {
      const rows = this.scanNatural(after, 500, false);
      if (rows.length === 0) return;
      for (const row of rows) {
        for (const key of this.#keysFor(index, row.document, row.rid))
          this.#file.prepare(`INSERT INTO ${index.table} (key, rid) VALUES (?, ?)`).run(key, row.rid);
        after = row.rid;
      }
    }
  }

  #checkedKeys(document: Buffer, ownRid: number): (readonly Buffer[])[] {
    return this.indexes.map((index) => this.#keysFor(index, document, ownRid));
  }

  #keysFor(index: CollectionIndex, document: Buffer, ownRid: number): readonly Buffer[] {
    const { keys, multikey } = keysOfDocument(index.spec, document);
    if (multikey && !index.multikey) {
      index.multikey = true;
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
    const shown = Object.entries(keyValue).map(([name, value]) => `${name}: ${JSON.stringify(value)}`);
    return new CommandFailure(
      "DuplicateKey",
      `E11000 duplicate key error collection: ${this.namespace} index: ${spec.name} dup key: { ${shown.join(", ")} }`,
      { keyPattern: keyPattern(spec), keyValue },
    );
  }
}

/** Where a chunk of an index scan begins (behind afterKey, afterRid) and the key at which the scan ends. */
export type IndexRange = { readonly afterKey: Buffer; readonly afterRid: number; readonly edge: Buffer };

/** The `_id` index of a collection, as the planner sees it. */
export function idIndex(collection: Collection): CollectionIndex {
  return { spec: ID_INDEX, table: collection.table, multikey: false };
}

export function requireIdKey(document: Buffer): Buffer {
  const key = idKeyOf(document);
  if (key === undefined) throw new CommandFailure("InternalError", "a document without _id");
  return key;
}
