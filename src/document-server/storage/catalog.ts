import { randomUUID } from "node:crypto";
import { deserialize, serialize, type Document } from "bson";
import { CommandFailure } from "../failure.ts";
import { Collection, type CollectionIndex } from "./collection.ts";
import type { DocumentFile } from "./document-file.ts";
import { describeIndex, ID_INDEX, keyPattern, parseIndexSpec, type IndexSpec } from "./index-spec.ts";

/**
 * Which databases, collections and indexes there are: two tables of the file, held in memory besides. Changes are made inside write jobs;
 * a rollback reads everything again.
 */
export class Catalog {
  readonly #file: DocumentFile;
  #collections = new Map<string, Collection>();

  constructor(file: DocumentFile) {
    this.#file = file;
    file.exec(`
      CREATE TABLE IF NOT EXISTS catalog (id INTEGER PRIMARY KEY AUTOINCREMENT, db TEXT NOT NULL, name TEXT NOT NULL, options BLOB NOT NULL,
        uuid BLOB NOT NULL, UNIQUE (db, name));
      CREATE TABLE IF NOT EXISTS catalog_index (id INTEGER PRIMARY KEY AUTOINCREMENT, collection INTEGER NOT NULL, name TEXT NOT NULL,
        spec BLOB NOT NULL, multikey INTEGER NOT NULL DEFAULT 0, UNIQUE (collection, name));`);
    file.onRollback(() => this.#read());
    this.#read();
  }

  #read(): void {
    const indexRows = this.#file.prepare("SELECT id, collection, spec, multikey FROM catalog_index ORDER BY id").all();
    this.#collections = new Map();
    for (const row of this.#file.prepare("SELECT id, db, name, options, uuid FROM catalog ORDER BY id").all()) {
      const indexes = indexRows
        .filter((index) => index.collection === row.id)
        .map((index): CollectionIndex => ({
          spec: parseIndexSpec(deserialize(index.spec as Uint8Array)),
          table: `x${String(index.id)}`,
          multikey: index.multikey === 1,
        }));
      this.#hold(
        {
          id: Number(row.id),
          database: String(row.db),
          name: String(row.name),
          options: deserialize(row.options as Uint8Array),
          uuid: Buffer.from(row.uuid as Uint8Array),
        },
        indexes,
      );
    }
  }

  #hold(row: ConstructorParameters<typeof Collection>[1], indexes: CollectionIndex[]): Collection {
    const collection = new Collection(this.#file, row, indexes, (index) => {
      this.#file.prepare("UPDATE catalog_index SET multikey = 1 WHERE id = ?").run(Number(index.table.slice(1)));
    });
    this.#collections.set(collection.namespace, collection);
    return collection;
  }

  find(database: string, name: string): Collection | undefined {
    return this.#collections.get(`${database}.${name}`);
  }

  collections(database: string): Collection[] {
    return [...this.#collections.values()]
      .filter((collection) => collection.database === database)
      .sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  databases(): string[] {
    return [...new Set([...this.#collections.values()].map((collection) => collection.database))].sort();
  }

  /** The collection, created when it is not there (as a first insert does). */
  findOrCreate(database: string, name: string): Collection {
    return this.find(database, name) ?? this.create(database, name, {});
  }

  create(database: string, name: string, options: Document): Collection {
    checkName(database, name);
    if (this.find(database, name)) throw new CommandFailure("NamespaceExists", `Collection ${database}.${name} already exists.`);
    const uuid = Buffer.from(randomUUID().replaceAll("-", ""), "hex");
    const done = this.#file
      .prepare("INSERT INTO catalog (db, name, options, uuid) VALUES (?, ?, ?, ?)")
      .run(database, name, serialize(options), uuid);
    const id = Number(done.lastInsertRowid);
    this.#file.exec(`CREATE TABLE c${id} (rid INTEGER PRIMARY KEY, id BLOB NOT NULL UNIQUE, doc BLOB NOT NULL)`);
    return this.#hold({ id, database, name, options, uuid }, []);
  }

  drop(collection: Collection): void {
    this.#file.forgetStatements();
    for (const index of collection.indexes) this.#file.exec(`DROP TABLE ${index.table}`);
    this.#file.exec(`DROP TABLE ${collection.table}`);
    this.#file.prepare("DELETE FROM catalog_index WHERE collection = ?").run(collection.id);
    this.#file.prepare("DELETE FROM catalog WHERE id = ?").run(collection.id);
    this.#collections.delete(collection.namespace);
  }

  /** Takes another name (and, with `dropTarget`, the place of a collection that had it). */
  rename(collection: Collection, database: string, name: string, dropTarget: boolean): void {
    checkName(database, name);
    const target = this.find(database, name);
    if (target === collection) throw new CommandFailure("IllegalOperation", "Can't rename a collection to itself");
    if (target && !dropTarget) throw new CommandFailure("NamespaceExists", "target namespace exists");
    if (target) this.drop(target);
    this.#file.prepare("UPDATE catalog SET db = ?, name = ? WHERE id = ?").run(database, name, collection.id);
    this.#collections.delete(collection.namespace);
    this.#hold({ id: collection.id, database, name, options: collection.options, uuid: collection.uuid }, collection.indexes);
  }

  /** Creates and fills an index; false when the same one was there. Codes 85 and 86 where name or keys clash. */
  createIndex(collection: Collection, spec: IndexSpec): boolean {
    const pattern = JSON.stringify(Object.entries(keyPattern(spec)));
    if (pattern === JSON.stringify([["_id", 1]])) return false;
    for (const { spec: other } of collection.indexes) {
      const samePattern = JSON.stringify(Object.entries(keyPattern(other))) === pattern;
      const sameOptions = other.unique === spec.unique && other.sparse === spec.sparse;
      if (other.name === spec.name && samePattern && sameOptions) return false;
      if (other.name === spec.name)
        throw new CommandFailure(
          "IndexKeySpecsConflict",
          `An existing index has the same name as the requested index: ${spec.name}, but other keys or options`,
        );
      if (samePattern && sameOptions)
        throw new CommandFailure("IndexOptionsConflict", `Index already exists with a different name: ${other.name}`);
      if (samePattern)
        throw new CommandFailure(
          "IndexOptionsConflict",
          `An equivalent index already exists with the name ${other.name} and other options`,
        );
    }
    if (spec.name === ID_INDEX.name) throw new CommandFailure("BadValue", "The index name '_id_' is reserved for the _id index");
    const done = this.#file
      .prepare("INSERT INTO catalog_index (collection, name, spec) VALUES (?, ?, ?)")
      .run(collection.id, spec.name, serialize(describeIndex(spec)));
    const index: CollectionIndex = { spec, table: `x${Number(done.lastInsertRowid)}`, multikey: false };
    this.#file.exec(`CREATE TABLE ${index.table} (key BLOB NOT NULL, rid INTEGER NOT NULL, PRIMARY KEY (key, rid)) WITHOUT ROWID`);
    try {
      collection.buildIndex(index);
    } catch (thrown) {
      if (thrown instanceof CommandFailure) this.#removeIndex(index);
      throw thrown;
    }
    collection.indexes.push(index);
    return true;
  }

  dropIndex(collection: Collection, index: CollectionIndex): void {
    this.#removeIndex(index);
    collection.indexes.splice(collection.indexes.indexOf(index), 1);
  }

  #removeIndex(index: CollectionIndex): void {
    this.#file.forgetStatements();
    this.#file.exec(`DROP TABLE ${index.table}`);
    this.#file.prepare("DELETE FROM catalog_index WHERE id = ?").run(Number(index.table.slice(1)));
  }
}

/** The rules for names: no "$", no NUL, not empty, at most 255 bytes with the database; databases without / \ . " and space. */
export function checkName(database: string, name: string): void {
  if (database === "" || /[/\\. "$\0]/.test(database) || Buffer.byteLength(database) > 63)
    throw new CommandFailure("InvalidNamespace", `Invalid database name: '${database}'`);
  if (name === "" || /[$\0]/.test(name) || name.startsWith(".") || name.endsWith(".") || Buffer.byteLength(`${database}.${name}`) > 255)
    throw new CommandFailure("InvalidNamespace", `Invalid collection name: ${name}`);
}
