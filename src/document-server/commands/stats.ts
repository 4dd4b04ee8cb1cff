import type { Document } from "bson";
import { CommandFailure } from "../failure.ts";
import type { Collection } from "../storage/collection.ts";
import { collectionName, type Command, type CommandContext } from "./command.ts";
import { textOf } from "../bson/shown.ts";

/** How many documents a collection has, and their bytes. */
export function countsOf(collection: Collection): { readonly count: number; readonly size: number } {
  return { count: collection.count(), size: collection.size() };
}

/** What collStats and $collStats tell: bytes of documents, and of the pages that hold them and the indexes. */
export function collectionStats(collection: Collection, scale: number): Document {
  const { count, size } = countsOf(collection);
  const pages = collection.storageSizes();
  const scaled = (bytes: number): number => Math.floor(bytes / scale);
  const indexSizes = Object.fromEntries(Object.entries(pages.indexes).map(([name, bytes]) => [name, scaled(bytes)]));
  const totalIndexSize = Object.values(pages.indexes).reduce((sum, bytes) => sum + bytes, 0);
  return {
    size: scaled(size),
    count,
    ...(count > 0 ? { avgObjSize: Math.round(size / count) } : {}),
    numOrphanDocs: 0,
    storageSize: scaled(pages.table),
    freeStorageSize: 0,
    capped: collection.cap !== undefined,
    ...(collection.cap
      ? { max: Number.isFinite(collection.cap.documents) ? collection.cap.documents : 0, maxSize: scaled(collection.cap.bytes) }
      : {}),
    nindexes: collection.indexes.length + 1,
    indexDetails: {},
    indexBuilds: [],
    totalIndexSize: scaled(totalIndexSize),
    indexSizes,
    totalSize: scaled(pages.table + totalIndexSize),
    scaleFactor: scale,
  };
}

function scaleOf(context: CommandContext): number {
  const { scale } = context.body;
  if (scale === undefined || scale === null) return 1;
  if (typeof scale !== "number") throw new CommandFailure("TypeMismatch", "BSON field 'scale' is the wrong type, expected a number");
  if (scale < 1) throw new CommandFailure("BadValue", "Scale factor must be greater than zero");
  return Math.trunc(scale);
}

function collStats(context: CommandContext): Document {
  const name = collectionName(context);
  const scale = scaleOf(context);
  const collection = context.state.catalog.find(context.database, name);
  const ns = `${context.database}.${name}`;
  if (collection) return { ns, ...collectionStats(collection, scale), ok: 1 };
  return {
    ns,
    size: 0,
    count: 0,
    numOrphanDocs: 0,
    storageSize: 0,
    totalSize: 0,
    nindexes: 0,
    totalIndexSize: 0,
    indexDetails: {},
    indexSizes: {},
    scaleFactor: scale,
    ok: 1,
  };
}

function dbStats(context: CommandContext): Document {
  const scale = scaleOf(context);
  const { catalog, file } = context.state;
  const collections = catalog.collections(context.database);
  let objects = 0;
  let dataSize = 0;
  let storageSize = 0;
  let indexSize = 0;
  for (const collection of collections) {
    const { count, size } = countsOf(collection);
    const pages = collection.storageSizes();
    objects += count;
    dataSize += size;
    storageSize += pages.table;
    for (const bytes of Object.values(pages.indexes)) indexSize += bytes;
  }
  const disk = file.diskUse();
  return {
    db: context.database,
    collections: collections.length,
    views: 0,
    objects,
    avgObjSize: objects > 0 ? dataSize / objects : 0,
    dataSize: dataSize / scale,
    storageSize: storageSize / scale,
    indexes: collections.reduce((sum, collection) => sum + collection.indexes.length + 1, 0),
    indexSize: indexSize / scale,
    totalSize: (storageSize + indexSize) / scale,
    scaleFactor: scale,
    ...(disk && collections.length > 0 ? { fsUsedSize: disk.used / scale, fsTotalSize: disk.total / scale } : {}),
    ok: 1,
  };
}

/** The bytes of a collection's documents. */
function dataSize(context: CommandContext): Document {
  const namespace = textOf(context.body.dataSize);
  const dot = namespace.indexOf(".");
  const collection = context.state.catalog.find(namespace.slice(0, dot), namespace.slice(dot + 1));
  const { count, size } = collection ? countsOf(collection) : { count: 0, size: 0 };
  return { size, numObjects: count, millis: 0, ok: 1 };
}

function validate(context: CommandContext): Document {
  const name = collectionName(context);
  const collection = context.state.catalog.find(context.database, name);
  if (!collection) throw new CommandFailure("NamespaceNotFound", `Collection '${context.database}.${name}' does not exist to validate.`);
  const { errors, keys } = collection.check();
  return {
    ns: collection.namespace,
    nInvalidDocuments: 0,
    nrecords: collection.count(),
    nIndexes: collection.indexes.length + 1,
    keysPerIndex: keys,
    indexDetails: Object.fromEntries(
      Object.keys(keys).map((index) => [index, { valid: !errors.some((error) => error.startsWith(`${index}:`)) }]),
    ),
    valid: errors.length === 0,
    repaired: false,
    warnings: [],
    errors,
    extraIndexEntries: [],
    missingIndexEntries: [],
    ok: 1,
  };
}

export const statsCommands: readonly Command[] = [
  { name: "collStats", run: collStats },
  { name: "collstats", run: collStats },
  { name: "dbStats", run: dbStats },
  { name: "dbstats", run: dbStats },
  { name: "dataSize", run: dataSize },
  { name: "datasize", run: dataSize },
  { name: "validate", run: validate },
];
