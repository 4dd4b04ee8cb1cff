import { randomUUID } from "node:crypto";
import { deserialize, serialize, type Document } from "bson";
import { shown } from "../bson/shown.ts";
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
    for (const collection of this.#collections.values())
      for (const index of collection.indexes.filter(({ isBuilding }) => isBuilding)) this.dropIndex(collection, index);
  }

  #read(): void {
    const indexRows = this.#file.prepare("SELECT id, collection, spec, multikey FROM catalog_index ORDER BY id").all();
    const before = new Map([...this.#collections.values()].map((collection) => [collection.id, collection]));
    this.#collections = new Map();
    for (const row of this.#file.prepare("SELECT id, db, name, options, uuid FROM catalog ORDER BY id").all()) {
      const indexes = indexRows
        .filter((index) => index.collection === row.id)
        .map((index): CollectionIndex => ({
          ...storedIndex(index.spec as Uint8Array),
          table: `x${String(index.id)}`,
          multikey: multikeyOf(Number(index.multikey)),
          uses: 0,
          sinceMs: this.#file.clock.nowMs(),
        }));
      const options = deserialize(row.options as Uint8Array, { promoteBuffers: false });
      const known = before.get(Number(row.id));
      if (known?.namespace === `${String(row.db)}.${String(row.name)}`) {
        known.readAgain(options, indexes);
        this.#collections.set(known.namespace, known);
        continue;
      }
      const uuid = Buffer.from(row.uuid as Uint8Array);
      this.#hold({ id: Number(row.id), database: String(row.db), name: String(row.name), options, uuid }, indexes);
    }
  }

  #hold(row: ConstructorParameters<typeof Collection>[1], indexes: CollectionIndex[]): Collection {
    const collection = new Collection(this.#file, row, indexes, (index) => {
      this.#file.prepare("UPDATE catalog_index SET multikey = ? WHERE id = ?").run((index.multikey << 1) | 1, Number(index.table.slice(1)));
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
    const rid = options.capped === true ? "INTEGER PRIMARY KEY AUTOINCREMENT" : "INTEGER PRIMARY KEY";
    this.#file.exec(`CREATE TABLE c${id} (rid ${rid}, id BLOB NOT NULL UNIQUE, doc BLOB NOT NULL)`);
    return this.#hold({ id, database, name, options, uuid }, []);
  }

  drop(collection: Collection): void {
    this.#file.forgetStatements();
    for (const index of collection.indexes) this.#file.exec(`DROP TABLE ${index.table}`);
    this.#file.exec(`DROP TABLE ${collection.table}`);
    this.#file.prepare("DELETE FROM catalog_index WHERE collection = ?").run(collection.id);
    this.#file.prepare("DELETE FROM catalog WHERE id = ?").run(collection.id);
    this.#collections.delete(collection.namespace);
    this.#end(collection, "dropped");
  }

  #end(collection: Collection, why: "dropped" | "renamed"): void {
    collection.gone = why;
    this.#file.afterCommit(() => collection.wakeWaiting());
  }

  /** Other options for a collection, as collMod gives them. */
  setOptions(collection: Collection, options: Document): void {
    this.#file.prepare("UPDATE catalog SET options = ? WHERE id = ?").run(serialize(options), collection.id);
    collection.options = options;
  }

  /** Another definition for an index whose keys stay as they are: hidden, expireAfterSeconds. */
  redefineIndex(index: CollectionIndex, spec: IndexSpec): void {
    this.#file.prepare("UPDATE catalog_index SET spec = ? WHERE id = ?").run(serialize(describeIndex(spec)), Number(index.table.slice(1)));
    index.spec = spec;
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
    this.#end(collection, "renamed");
    this.#hold({ id: collection.id, database, name, options: collection.options, uuid: collection.uuid }, collection.indexes);
  }

  /** Creates an index and fills it, `now` or in later write jobs; false when the same one was there. Codes 85 and 86 where name, keys or options clash. */
  createIndex(collection: Collection, spec: IndexSpec, when: "now" | "later" = "now"): boolean {
    if (isSame(keyPattern(spec), { _id: 1 })) return false;
    if (isThere(collection, spec)) return false;
    if (spec.name === ID_INDEX.name)
      throw new CommandFailure(
        "BadValue",
        `The index name '_id_' is reserved for the _id index, which must have key pattern { _id: 1 }, found key: ${shown(keyPattern(spec))}`,
      );
    if (collection.indexes.length + 1 >= MAX_INDEXES)
      throw new CommandFailure(
        "CannotCreateIndex",
        `add index fails, too many indexes for ${collection.namespace} key:${shown(keyPattern(spec))}`,
      );
    if (collection.cap && spec.expireAfterSeconds !== undefined)
      throw new CommandFailure("CannotCreateIndex", "Cannot create TTL index on a capped collection");
    const done = this.#file
      .prepare("INSERT INTO catalog_index (collection, name, spec) VALUES (?, ?, ?)")
      .run(collection.id, spec.name, serialize({ ...describeIndex(spec), ...(when === "later" ? { isBuilding: true } : {}) }));
    const index: CollectionIndex = {
      spec,
      table: `x${Number(done.lastInsertRowid)}`,
      multikey: 0,
      uses: 0,
      sinceMs: this.#file.clock.nowMs(),
      isBuilding: when === "later",
    };
    this.#file.exec(`CREATE TABLE ${index.table} (key BLOB NOT NULL, rid INTEGER NOT NULL, PRIMARY KEY (key, rid)) WITHOUT ROWID`);
    try {
      if (when === "now") collection.buildIndex(index);
    } catch (thrown) {
      if (thrown instanceof CommandFailure) this.#removeIndex(index);
      throw thrown;
    }
    collection.indexes.push(index);
    return true;
  }

  /** An index that was filled bit by bit is whole now. */
  finishIndex(index: CollectionIndex): void {
    index.isBuilding = false;
    this.redefineIndex(index, index.spec);
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

const MAX_INDEXES = 64;

function isSame(left: Document, right: Document): boolean {
  return JSON.stringify(Object.entries(left)) === JSON.stringify(Object.entries(right));
}

/** What makes two indexes the same one, whatever their names: keys, unique, sparse and partial filter. */
function isEquivalent(one: IndexSpec, other: IndexSpec): boolean {
  return (
    isSame(keyPattern(one), keyPattern(other)) &&
    one.unique === other.unique &&
    one.sparse === other.sparse &&
    shown(one.partial?.filter) === shown(other.partial?.filter)
  );
}

/** Whether the collection has the index already; @throws CommandFailure where it has one that it clashes with */
function isThere(collection: Collection, spec: IndexSpec): boolean {
  const asked = `Requested index: ${shown(describeIndex(spec))}`;
  const named = collection.indexes.find(({ spec: other }) => other.name === spec.name)?.spec;
  if (named) {
    const existing = `existing index: ${shown(describeIndex(named))}`;
    if (!isEquivalent(named, spec))
      throw new CommandFailure(
        "IndexKeySpecsConflict",
        `An existing index has the same name as the requested index. When index names are not specified, they are auto generated and can cause conflicts. Please refer to our documentation. ${asked}, ${existing}`,
      );
    if (named.expireAfterSeconds === spec.expireAfterSeconds) return true;
    throw new CommandFailure(
      "IndexOptionsConflict",
      `An equivalent index already exists with the same name but different options. ${asked}, ${existing}`,
    );
  }
  const alike = collection.indexes.find(({ spec: other }) => isEquivalent(other, spec))?.spec;
  if (!alike) return false;
  if (alike.expireAfterSeconds === spec.expireAfterSeconds)
    throw new CommandFailure("IndexOptionsConflict", `Index already exists with a different name: ${alike.name}`);
  throw new CommandFailure(
    "IndexOptionsConflict",
    `An equivalent index already exists with a different name and options. ${asked}, existing index: ${shown(describeIndex(alike))}`,
  );
}

/** How the file keeps which fields are multikey: 0 for none, 1 (of older files) for all, else the bits above 1. */
function multikeyOf(stored: number): number {
  return stored === 1 ? -1 : stored >> 1;
}

function storedIndex(bytes: Uint8Array): Pick<CollectionIndex, "spec" | "isBuilding"> {
  const { isBuilding, ...spec } = deserialize(bytes, { promoteBuffers: false });
  return { spec: parseIndexSpec(spec), isBuilding: isBuilding === true };
}
