import type { Document } from "bson";
import { shown, textOf } from "../bson/shown.ts";
import { encodeDocument } from "../bson/values.ts";
import { CommandFailure } from "../failure.ts";
import { isPlain } from "../query/predicates.ts";
import type { Collection, CollectionIndex } from "../storage/collection.ts";
import { describeIndex, ID_INDEX, keyPattern, parseIndexSpec, type IndexSpec } from "../storage/index-spec.ts";
import { cursorReply } from "../wire/cursor-reply.ts";
import { collectionName, subDocumentOf, wantsSync, type Command, type CommandContext } from "./command.ts";
import { readingOf } from "./find.ts";
import { buildInSlices, isLarge } from "./large-writes.ts";

const createIndexes: Command = {
  name: "createIndexes",
  run: async (context) => {
    const name = collectionName(context);
    const asked = context.body.indexes as unknown;
    if (asked === undefined)
      throw new CommandFailure("Location40414", "BSON field 'createIndexes.indexes' is missing but a required field");
    if (!Array.isArray(asked))
      throw new CommandFailure("TypeMismatch", "BSON field 'createIndexes.indexes' is the wrong type, expected type 'array'");
    if (asked.length === 0) throw new CommandFailure("BadValue", "Must specify at least one index to create");
    const specs = (asked as unknown[]).map((spec) => {
      if (!isPlain(spec)) throw new CommandFailure("TypeMismatch", "The elements of the 'indexes' array must be objects");
      return parseIndexSpec(spec);
    });
    const { catalog, file } = context.state;
    const large = catalog.find(context.database, name);
    if (isLarge(large)) return await createLater(context, large, specs);
    return await file.write(
      () => {
        const createdCollectionAutomatically = !catalog.find(context.database, name);
        const collection = catalog.findOrCreate(context.database, name);
        const numIndexesBefore = collection.indexes.length + 1;
        const created = new Set<string>();
        try {
          for (const spec of specs) if (catalog.createIndex(collection, spec)) created.add(spec.name);
        } catch (thrown) {
          for (const index of collection.indexes.filter(({ spec }) => created.has(spec.name))) catalog.dropIndex(collection, index);
          throw thrown;
        }
        return counted(numIndexesBefore, collection.indexes.length + 1, createdCollectionAutomatically);
      },
      { sync: wantsSync(context.body) },
    );
  },
};

function counted(numIndexesBefore: number, numIndexesAfter: number, createdCollectionAutomatically: boolean): Document {
  const note = numIndexesAfter === numIndexesBefore ? { note: "all indexes already exist" } : {};
  return { numIndexesBefore, numIndexesAfter, createdCollectionAutomatically, ...note, ok: 1 };
}

/** The indexes of a large collection, built while others read and write it. */
async function createLater(context: CommandContext, collection: Collection, specs: readonly IndexSpec[]): Promise<Document> {
  const { catalog, file } = context.state;
  const numIndexesBefore = whole(collection).length + 1;
  const created: string[] = [];
  try {
    for (const spec of specs) if (await buildInSlices(context, collection, spec)) created.push(spec.name);
  } catch (thrown) {
    await file.write(() => {
      if (collection.gone) return;
      for (const index of collection.indexes.filter(({ spec }) => created.includes(spec.name))) catalog.dropIndex(collection, index);
    });
    throw thrown;
  }
  await file.write(() => undefined, { sync: wantsSync(context.body) });
  return counted(numIndexesBefore, whole(collection).length + 1, false);
}

function whole(collection: Collection): CollectionIndex[] {
  return collection.indexes.filter(({ isBuilding }) => !isBuilding);
}

const dropIndexes: Command = {
  name: "dropIndexes",
  run: async (context) => {
    const name = collectionName(context);
    const { catalog, file } = context.state;
    const asked = context.body.index as unknown;
    if (asked === undefined) throw new CommandFailure("Location40414", "BSON field 'dropIndexes.index' is missing but a required field");
    return await file.write(
      () => {
        const collection = catalog.find(context.database, name);
        if (!collection) throw new CommandFailure("NamespaceNotFound", `ns not found ${context.database}.${name}`);
        const nIndexesWas = collection.indexes.length + 1;
        for (const index of chosen(collection, asked)) catalog.dropIndex(collection, index);
        return { nIndexesWas, ...(asked === "*" ? { msg: "non-_id indexes dropped for collection" } : {}), ok: 1 };
      },
      { sync: wantsSync(context.body) },
    );
  },
};

/** The indexes that a command names: by a name, several names, a key pattern, or "*" for all but that of `_id`. */
function chosen(collection: Collection, wanted: unknown): CollectionIndex[] {
  const { indexes } = collection;
  if (wanted === "*") return [...indexes];
  if (Array.isArray(wanted)) return [...new Set((wanted as unknown[]).map((one) => named(indexes, one)))];
  if (typeof wanted === "string") return [named(indexes, wanted)];
  if (!isPlain(wanted)) throw new CommandFailure("TypeMismatch", "BSON field 'dropIndexes.index' is the wrong type");
  const pattern = JSON.stringify(Object.entries(wanted));
  if (pattern === '[["_id",1]]') throw new CommandFailure("InvalidOptions", "cannot drop _id index");
  const found = indexes.filter(({ spec }) => JSON.stringify(Object.entries(keyPattern(spec))) === pattern);
  if (found.length === 0) throw new CommandFailure("IndexNotFound", `can't find index with key: ${shown(wanted)}`);
  if (found.length > 1)
    throw new CommandFailure(
      "AmbiguousIndexKeyPattern",
      `${found.length} indexes found for key: ${shown(wanted)}, identify by name instead`,
    );
  return found;
}

function named(indexes: readonly CollectionIndex[], name: unknown): CollectionIndex {
  if (name === ID_INDEX.name) throw new CommandFailure("InvalidOptions", "cannot drop _id index");
  const found = indexes.find(({ spec }) => spec.name === name);
  if (!found) throw new CommandFailure("IndexNotFound", `index not found with name [${textOf(name)}]`);
  return found;
}

const listIndexes: Command = {
  name: "listIndexes",
  run: async (context) => {
    const name = collectionName(context);
    const namespace = `${context.database}.${name}`;
    const collection = context.state.catalog.find(context.database, name);
    if (!collection) throw new CommandFailure("NamespaceNotFound", `ns does not exist: ${namespace}`);
    const clustered = collection.options.clusteredIndex as Document | undefined;
    const first = clustered ? { ...clustered, clustered: true } : describeIndex(ID_INDEX);
    const documents = [first, ...whole(collection).map((index) => describeIndex(index.spec))].map(encodeDocument);
    const size = subDocumentOf(context, "cursor")?.batchSize as unknown;
    const reading = readingOf(context, typeof size === "number" ? size : documents.length);
    const source = { namespace, steps: documents.values(), collection, session: reading.session, user: reading.user };
    const batch = await context.state.cursors.open(source, reading);
    return cursorReply("firstBatch", batch.documents, batch.cursorId, namespace);
  },
};

const reIndex: Command = {
  name: "reIndex",
  run: async (context) => {
    const name = collectionName(context);
    const { catalog, file } = context.state;
    return await file.write(() => {
      const collection = catalog.find(context.database, name);
      if (!collection) throw new CommandFailure("NamespaceNotFound", `ns does not exist: ${context.database}.${name}`);
      const specs = collection.indexes.map(({ spec }) => spec);
      for (const index of [...collection.indexes]) catalog.dropIndex(collection, index);
      for (const spec of specs) catalog.createIndex(collection, spec);
      const indexes = [ID_INDEX, ...specs].map(describeIndex);
      return { nIndexesWas: indexes.length, nIndexes: indexes.length, indexes, ok: 1 };
    });
  },
};

export const indexCommands: readonly Command[] = [
  createIndexes,
  dropIndexes,
  { ...dropIndexes, name: "deleteIndexes" },
  listIndexes,
  reIndex,
];
