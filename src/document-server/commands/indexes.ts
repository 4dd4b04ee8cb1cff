import type { Document } from "bson";
import { encodeDocument } from "../bson/values.ts";
import { CommandFailure } from "../failure.ts";
import type { CollectionIndex } from "../storage/collection.ts";
import { describeIndex, ID_INDEX, keyPattern, parseIndexSpec } from "../storage/index-spec.ts";
import { cursorReply } from "../wire/cursor-reply.ts";
import { collectionName, wantsSync, type Command } from "./command.ts";

const createIndexes: Command = {
  name: "createIndexes",
  run: async (context) => {
    const name = collectionName(context);
    const asked = context.body.indexes as unknown;
    if (!Array.isArray(asked) || asked.length === 0) throw new CommandFailure("BadValue", "Must specify at least one index to create");
    const specs = (asked as Document[]).map(parseIndexSpec);
    const { catalog, file } = context.state;
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
        const numIndexesAfter = collection.indexes.length + 1;
        const note = numIndexesAfter === numIndexesBefore ? { note: "all indexes already exist" } : {};
        return { numIndexesBefore, numIndexesAfter, createdCollectionAutomatically, ...note, ok: 1 };
      },
      { sync: wantsSync(context.body) },
    );
  },
};

const dropIndexes: Command = {
  name: "dropIndexes",
  run: async (context) => {
    const name = collectionName(context);
    const { catalog, file } = context.state;
    return await file.write(
      () => {
        const collection = catalog.find(context.database, name);
        if (!collection) throw new CommandFailure("NamespaceNotFound", `ns not found ${context.database}.${name}`);
        const nIndexesWas = collection.indexes.length + 1;
        for (const index of chosen(collection.indexes, context.body.index)) catalog.dropIndex(collection, index);
        return { nIndexesWas, ok: 1 };
      },
      { sync: wantsSync(context.body) },
    );
  },
};

function chosen(indexes: readonly CollectionIndex[], wanted: unknown): CollectionIndex[] {
  if (wanted === "*") return [...indexes];
  const list = Array.isArray(wanted) ? (wanted as unknown[]) : [wanted];
  return list.map((one) => {
    const pattern = typeof one === "object" ? JSON.stringify(Object.entries(one as Document)) : undefined;
    if (one === ID_INDEX.name || pattern === '[["_id",1]]') throw new CommandFailure("InvalidOptions", "cannot drop _id index");
    const found = indexes.find(({ spec }) =>
      pattern === undefined ? spec.name === one : JSON.stringify(Object.entries(keyPattern(spec))) === pattern,
    );
    if (!found) throw new CommandFailure("IndexNotFound", `index not found with name [${pattern ?? String(one)}]`);
    return found;
  });
}

const listIndexes: Command = {
  name: "listIndexes",
  run: (context) => {
    const name = collectionName(context);
    const collection = context.state.catalog.find(context.database, name);
    if (!collection) throw new CommandFailure("NamespaceNotFound", `ns does not exist: ${context.database}.${name}`);
    const documents = [ID_INDEX, ...collection.indexes.map((index) => index.spec)].map((spec) => encodeDocument(describeIndex(spec)));
    return cursorReply("firstBatch", documents, 0n, `${context.database}.${name}`);
  },
};

export const indexCommands: readonly Command[] = [createIndexes, dropIndexes, { ...dropIndexes, name: "deleteIndexes" }, listIndexes];
