import { Binary, type Document } from "bson";
import { CommandFailure } from "../failure.ts";
import { compileFilter } from "../query/matcher.ts";
import { describeIndex, ID_INDEX } from "../storage/index-spec.ts";
import type { Collection } from "../storage/collection.ts";
import { encodeDocument } from "../bson/values.ts";
import { cursorReply } from "../wire/cursor-reply.ts";
import { collectionName, subDocumentOf, wantsSync, type Command, type CommandContext } from "./command.ts";

const CREATE_FIELDS = new Set([
  "create",
  "validator",
  "validationLevel",
  "validationAction",
  "writeConcern",
  "comment",
  "autoIndexId",
  "idIndex",
  "encryptedFields",
]);
const GENERIC_FIELDS = new Set([
  "lsid",
  "$db",
  "$clusterTime",
  "$readPreference",
  "readConcern",
  "maxTimeMS",
  "apiVersion",
  "apiStrict",
  "apiDeprecationErrors",
  "txnNumber",
]);

const create: Command = {
  name: "create",
  run: async (context) => {
    const name = collectionName(context);
    const refused = Object.keys(context.body).find((field) => !CREATE_FIELDS.has(field) && !GENERIC_FIELDS.has(field));
    if (refused) throw new CommandFailure("InvalidOptions", `create with "${refused}" is not offered by this development server`);
    const validator = subDocumentOf(context, "validator");
    if (validator && "$jsonSchema" in validator)
      throw new CommandFailure("InvalidOptions", "$jsonSchema validators are not offered by this development server; use query operators");
    if (validator) compileFilter(validator);
    await context.state.file.write(() => context.state.catalog.create(context.database, name, validator ? { validator } : {}), {
      sync: wantsSync(context.body),
    });
    return { ok: 1 };
  },
};

const drop: Command = {
  name: "drop",
  run: async (context) => {
    const name = collectionName(context);
    const { catalog, file } = context.state;
    return await file.write(
      () => {
        const collection = catalog.find(context.database, name);
        if (!collection) return { ok: 1 };
        const nIndexesWas = collection.indexes.length + 1;
        catalog.drop(collection);
        return { nIndexesWas, ns: `${context.database}.${name}`, ok: 1 };
      },
      { sync: wantsSync(context.body) },
    );
  },
};

const dropDatabase: Command = {
  name: "dropDatabase",
  run: async (context) => {
    const { catalog, file } = context.state;
    return await file.write(
      () => {
        const collections = catalog.collections(context.database);
        for (const collection of collections) catalog.drop(collection);
        return collections.length > 0 ? { dropped: context.database, ok: 1 } : { ok: 1 };
      },
      { sync: wantsSync(context.body) },
    );
  },
};

const renameCollection: Command = {
  name: "renameCollection",
  run: async (context) => {
    const from = splitNamespace(context.body.renameCollection);
    const to = splitNamespace(context.body.to);
    const { catalog, file } = context.state;
    await file.write(
      () => {
        const collection = catalog.find(from.database, from.name);
        if (!collection) throw new CommandFailure("NamespaceNotFound", `Source collection ${from.database}.${from.name} does not exist`);
        catalog.rename(collection, to.database, to.name, context.body.dropTarget === true);
      },
      { sync: wantsSync(context.body) },
    );
    return { ok: 1 };
  },
};

function splitNamespace(namespace: unknown): { readonly database: string; readonly name: string } {
  const text = String(namespace);
  const dot = text.indexOf(".");
  if (typeof namespace !== "string" || dot < 1) throw new CommandFailure("InvalidNamespace", `Invalid namespace specified '${text}'`);
  return { database: text.slice(0, dot), name: text.slice(dot + 1) };
}

function listed(collection: Collection, nameOnly: boolean): Document {
  if (nameOnly) return { name: collection.name, type: "collection" };
  return {
    name: collection.name,
    type: "collection",
    options: collection.options,
    info: { readOnly: false, uuid: new Binary(collection.uuid, Binary.SUBTYPE_UUID) },
    idIndex: describeIndex(ID_INDEX),
  };
}

const listCollections: Command = {
  name: "listCollections",
  run: (context) => {
    const matcher = compileFilter(subDocumentOf(context, "filter") ?? {});
    const documents = context.state.catalog
      .collections(context.database)
      .map((collection) => listed(collection, context.body.nameOnly === true))
      .filter((document) => matcher?.matchesDecoded(document) ?? true)
      .map(encodeDocument);
    const namespace = `${context.database}.$cmd.listCollections`;
    const size = (subDocumentOf(context, "cursor")?.batchSize as number | undefined) ?? documents.length;
    const batch = context.state.cursors.open(namespace, documents.values(), size, false);
    return cursorReply("firstBatch", batch.documents, batch.cursorId, namespace);
  },
};

const listDatabases: Command = {
  name: "listDatabases",
  run: (context) => {
    const { catalog } = context.state;
    const matcher = compileFilter(subDocumentOf(context, "filter") ?? {});
    const databases = catalog
      .databases()
      .map((name) => {
        if (context.body.nameOnly === true) return { name };
        const sizeOnDisk = catalog.collections(name).reduce((sum, collection) => sum + collection.size(), 0);
        return { name, sizeOnDisk, empty: false };
      })
      .filter((document) => matcher?.matchesDecoded(document) ?? true);
    const totalSize = databases.reduce((sum, database) => sum + (database.sizeOnDisk ?? 0), 0);
    return { databases, ...(context.body.nameOnly === true ? {} : { totalSize }), ok: 1 };
  },
};

function measured(collection: Collection): { readonly count: number; readonly size: number } {
  return { count: collection.count(), size: collection.size() };
}

const collStats: Command = {
  name: "collStats",
  run: (context) => {
    const name = collectionName(context);
    const collection = context.state.catalog.find(context.database, name);
    const { count, size } = collection ? measured(collection) : { count: 0, size: 0 };
    return {
      ns: `${context.database}.${name}`,
      count,
      size,
      avgObjSize: count > 0 ? Math.round(size / count) : 0,
      storageSize: size,
      nindexes: collection ? collection.indexes.length + 1 : 0,
      totalIndexSize: 0,
      capped: false,
      ok: 1,
    };
  },
};

function dbStats(context: CommandContext): Document {
  const collections = context.state.catalog.collections(context.database);
  const all = collections.map(measured);
  const objects = all.reduce((sum, one) => sum + one.count, 0);
  const dataSize = all.reduce((sum, one) => sum + one.size, 0);
  return {
    db: context.database,
    collections: collections.length,
    views: 0,
    objects,
    avgObjSize: objects > 0 ? dataSize / objects : 0,
    dataSize,
    storageSize: dataSize,
    indexes: collections.reduce((sum, collection) => sum + collection.indexes.length + 1, 0),
    ok: 1,
  };
}

export const collectionCommands: readonly Command[] = [
  create,
  drop,
  dropDatabase,
  renameCollection,
  listCollections,
  listDatabases,
  collStats,
  { ...collStats, name: "collstats" },
  { name: "dbStats", run: dbStats },
  { name: "dbstats", run: dbStats },
];
