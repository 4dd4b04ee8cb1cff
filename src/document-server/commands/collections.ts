import { randomUUID } from "node:crypto";
import { Binary, Long, type Document } from "bson";
import { shown, textOf } from "../bson/shown.ts";
import { encodeDocument } from "../bson/values.ts";
import { CommandFailure } from "../failure.ts";
import { compileFilter } from "../query/matcher.ts";
import { isPlain } from "../query/predicates.ts";
import { withoutSecrets } from "../security/access.ts";
import { requireIdKey, type Collection, type CollectionIndex } from "../storage/collection.ts";
import { checkExpiry, describeIndex, ID_INDEX, keyPattern } from "../storage/index-spec.ts";
import { cursorReply } from "../wire/cursor-reply.ts";
import { readingOf } from "./find.ts";
import { checkPipeline } from "./pipeline.ts";
import { readValidator } from "./validation.ts";
import { collectionName, subDocumentOf, wantsSync, type Command, type CommandContext } from "./command.ts";

const OPTION_FIELDS = new Set([
  "capped",
  "size",
  "max",
  "validator",
  "validationLevel",
  "validationAction",
  "clusteredIndex",
  "expireAfterSeconds",
  "changeStreamPreAndPostImages",
  "indexOptionDefaults",
  "storageEngine",
  "viewOn",
  "pipeline",
]);
const CREATE_FIELDS = new Set([
  "create",
  "writeConcern",
  "comment",
  "autoIndexId",
  "idIndex",
  "flags",
  "temp",
  "collation",
  "encryptedFields",
]);
const REFUSED_FIELDS: Readonly<Record<string, string>> = {
  timeseries: "Time series collections are",
};
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

/** The options of a collection as `create` gives them, as they are kept and listed. */
function optionsOf(body: Document): Document {
  for (const field of Object.keys(body)) {
    const refused = REFUSED_FIELDS[field];
    if (refused) throw new CommandFailure("InvalidOptions", `${refused} not offered by this development server`);
    if (!OPTION_FIELDS.has(field) && !CREATE_FIELDS.has(field) && !GENERIC_FIELDS.has(field))
      throw new CommandFailure("Location40415", `BSON field 'create.${field}' is an unknown field.`);
  }
  if (body.autoIndexId === false)
    throw new CommandFailure("InvalidOptions", "autoIndexId: false is not allowed for collections in this database");
  if (body.viewOn !== undefined) return viewOptions(body);
  if (body.pipeline !== undefined) throw new CommandFailure("InvalidOptions", "'pipeline' requires 'viewOn' to also be specified");
  const options: Document = { ...capOptions(body), ...readValidator(body) };
  if (body.clusteredIndex !== undefined) {
    options.clusteredIndex = clusteredIndex(body.clusteredIndex);
    if (body.capped) throw new CommandFailure("Location6049200", "Cannot combine 'clusteredIndex' and 'capped'");
  }
  for (const field of ["changeStreamPreAndPostImages", "indexOptionDefaults", "storageEngine"]) {
    if (body[field] === undefined) continue;
    if (!isPlain(body[field]))
      throw new CommandFailure("TypeMismatch", `BSON field 'create.${field}' is the wrong type, expected type 'object'`);
    options[field] = body[field];
  }
  if (body.expireAfterSeconds !== undefined && !body.clusteredIndex)
    throw new CommandFailure(
      "InvalidOptions",
      "'expireAfterSeconds' is only supported on time-series collections or when the 'clusteredIndex' option is specified",
    );
  if (body.expireAfterSeconds !== undefined) options.expireAfterSeconds = body.expireAfterSeconds;
  return options;
}

/** A view is kept as the name of what it reads and the pipeline that it puts before every question. */
function viewOptions(body: Document): Document {
  const { viewOn, pipeline = [] } = body;
  if (typeof viewOn !== "string")
    throw new CommandFailure("TypeMismatch", "BSON field 'create.viewOn' is the wrong type, expected type 'string'");
  if (viewOn === "") throw new CommandFailure("BadValue", "'viewOn' cannot be empty");
  for (const field of OPTION_FIELDS)
    if (body[field] !== undefined && field !== "viewOn" && field !== "pipeline")
      throw new CommandFailure("InvalidOptions", `Cannot specify '${field}' on a view`);
  const stages = checkPipeline(pipeline);
  if (stages.some((stage) => "$out" in stage || "$merge" in stage))
    throw new CommandFailure("OptionNotSupportedOnView", "The aggregation stages $out and $merge cannot be used in a view definition");
  return { viewOn, pipeline: stages };
}

/** The largest cap, 1 PB. */
const MAX_CAP_BYTES = 2 ** 50;
const MAX_CAP_DOCUMENTS = 2 ** 31;

function capOptions({ capped, size, max }: Document): Document {
  const isCapped = capped === true || (typeof capped === "number" && capped !== 0);
  const numberOf = (value: unknown, name: string): number => {
    const number = value instanceof Long ? value.toNumber() : value;
    if (typeof number !== "number")
      throw new CommandFailure("TypeMismatch", `BSON field 'create.${name}' is the wrong type, expected a number`);
    return Math.trunc(number);
  };
  if (!isCapped) {
    if (size !== undefined || max !== undefined)
      throw new CommandFailure("InvalidOptions", "the 'capped' field needs to be true when either the 'size' or 'max' fields are present");
    return {};
  }
  if (size === undefined) throw new CommandFailure("InvalidOptions", "the 'size' field is required when 'capped' is true");
  const bytes = numberOf(size, "size");
  if (bytes < 1 || bytes > MAX_CAP_BYTES)
    throw new CommandFailure("BadValue", `BSON field 'size' value must be >= 1 and <= ${MAX_CAP_BYTES}, actual value '${bytes}'`);
  if (max === undefined) return { capped: true, size: bytes };
  const documents = numberOf(max, "max");
  if (documents >= MAX_CAP_DOCUMENTS) throw new CommandFailure("BadValue", "max in a capped collection has to be < 2^31 or not set");
  return { capped: true, size: bytes, max: Math.max(0, documents) };
}

/** The one clustered index there can be is that of `_id`, which is how every collection lies here. */
function clusteredIndex(given: unknown): Document {
  if (!isPlain(given))
    throw new CommandFailure("TypeMismatch", "BSON field 'create.clusteredIndex' is the wrong type, expected type 'object'");
  const { key, unique, name = "_id_" } = given as Document;
  if (!isPlain(key) || JSON.stringify(key) !== '{"_id":1}')
    throw new CommandFailure("InvalidIndexSpecificationOption", "The clusteredIndex option is only supported with the key {_id: 1}");
  if (unique !== true) throw new CommandFailure("Location5979700", "The clusteredIndex option requires unique: true to be specified");
  return { v: 2, key: { _id: 1 }, name: String(name), unique: true };
}

const create: Command = {
  name: "create",
  run: async (context) => {
    const name = collectionName(context);
    const options = optionsOf(context.body);
    const { catalog, file } = context.state;
    const sync = wantsSync(context.body);
    await file.write(
      () => {
        const there = catalog.find(context.database, name);
        if (there && shown(there.options) === shown(options)) return;
        catalog.create(context.database, name, options);
      },
      { sync },
    );
    return { ok: 1 };
  },
};

const MODIFIED_FIELDS = new Set([
  "collMod",
  "index",
  "validator",
  "validationLevel",
  "validationAction",
  "cappedSize",
  "cappedMax",
  "changeStreamPreAndPostImages",
  "expireAfterSeconds",
  "dryRun",
  "comment",
  "writeConcern",
  "viewOn",
  "pipeline",
]);

/** collMod: another validator, another cap, an index' expiry or whether it is hidden. */
const collMod: Command = {
  name: "collMod",
  run: async (context) => {
    const name = collectionName(context);
    const { body } = context;
    for (const field of Object.keys(body)) {
      const refused = REFUSED_FIELDS[field];
      if (refused) throw new CommandFailure("InvalidOptions", `${refused} not offered by this development server`);
      if (!MODIFIED_FIELDS.has(field) && !GENERIC_FIELDS.has(field))
        throw new CommandFailure("Location40415", `BSON field 'collMod.${field}' is an unknown field.`);
    }
    const { catalog, file } = context.state;
    return await file.write(
      () => {
        const collection = catalog.find(context.database, name);
        if (!collection) throw new CommandFailure("NamespaceNotFound", `ns does not exist: ${context.database}.${name}`);
        if (collection.options.viewOn !== undefined) {
          catalog.setOptions(collection, viewOptions({ ...collection.options, ...body }));
          return { ok: 1 };
        }
        if (body.viewOn !== undefined || body.pipeline !== undefined)
          throw new CommandFailure("InvalidOptions", `${collection.namespace} is not a view; 'viewOn' and 'pipeline' need one`);
        const options: Document = { ...collection.options, ...readValidator(body) };
        if (isPlain(options.validator) && Object.keys(options.validator).length === 0) delete options.validator;
        if (body.changeStreamPreAndPostImages !== undefined) options.changeStreamPreAndPostImages = body.changeStreamPreAndPostImages;
        if (body.cappedSize !== undefined || body.cappedMax !== undefined) {
          if (!collection.cap) throw new CommandFailure("InvalidOptions", "Collection must be capped.");
          const { capped, size, max } = collection.options;
          Object.assign(options, capOptions({ capped, size: body.cappedSize ?? size, max: body.cappedMax ?? max }));
        }
        const changed = body.index === undefined ? {} : changeIndex(context, collection, body.index);
        if (shown(options) !== shown(collection.options)) catalog.setOptions(collection, options);
        return { ...changed, ok: 1 };
      },
      { sync: wantsSync(body) },
    );
  },
};

function changeIndex(context: CommandContext, collection: Collection, asked: unknown): Document {
  if (!isPlain(asked)) throw new CommandFailure("TypeMismatch", "BSON field 'collMod.index' is the wrong type, expected type 'object'");
  const { name, keyPattern: pattern, expireAfterSeconds, hidden } = asked as Document;
  if ((name === undefined) === (pattern === undefined))
    throw new CommandFailure(
      "InvalidOptions",
      name === undefined ? "Must specify either index name or key pattern." : "Cannot specify both key pattern and name.",
    );
  if (expireAfterSeconds === undefined && hidden === undefined && asked.unique === undefined && asked.prepareUnique === undefined)
    throw new CommandFailure("InvalidOptions", "no expireAfterSeconds, hidden, unique, or prepareUnique field");
  if (asked.unique !== undefined || asked.prepareUnique !== undefined)
    throw new CommandFailure("InvalidOptions", "An index cannot be made unique by this development server; create one that is");
  const isAsked = (index: CollectionIndex): boolean =>
    pattern === undefined
      ? index.spec.name === name
      : JSON.stringify(Object.entries(keyPattern(index.spec))) === JSON.stringify(Object.entries(pattern as Document));
  if (isAsked(collection.idIndex)) throw new CommandFailure("BadValue", "can't hide _id index");
  const index = collection.indexes.find(isAsked);
  if (!index) throw new CommandFailure("IndexNotFound", `cannot find index ${shown(pattern ?? name)} for ns ${collection.namespace}`);
  const { spec } = index;
  const reply: Document = {};
  let changed = spec;
  if (expireAfterSeconds !== undefined) {
    checkExpiry(expireAfterSeconds, describeIndex(spec), spec.fields);
    const seconds = Number(expireAfterSeconds);
    if (spec.expireAfterSeconds !== seconds) {
      if (spec.expireAfterSeconds !== undefined) reply.expireAfterSeconds_old = Long.fromNumber(spec.expireAfterSeconds);
      reply.expireAfterSeconds_new = Long.fromNumber(seconds);
      changed = { ...changed, expireAfterSeconds: seconds };
    }
  }
  if (hidden !== undefined && spec.hidden !== (hidden === true)) {
    reply.hidden_old = spec.hidden;
    reply.hidden_new = hidden === true;
    changed = { ...changed, hidden: hidden === true };
  }
  if (changed !== spec) context.state.catalog.redefineIndex(index, changed);
  return reply;
}

/** convertToCapped: the documents of a collection, the latest that have room, in one with a cap; its other indexes go. */
const convertToCapped: Command = {
  name: "convertToCapped",
  run: async (context) => {
    const name = collectionName(context);
    const options = capOptions({ capped: true, size: context.body.size });
    const { catalog, file } = context.state;
    await file.write(
      () => {
        const from = catalog.find(context.database, name);
        if (!from) throw new CommandFailure("NamespaceNotFound", `source collection ${context.database}.${name} does not exist`);
        const temporary = catalog.create(context.database, `tmp.capped.${randomUUID()}`, { ...from.options, ...options });
        for (let after = -1; ;) {
          const rows = from.scanNatural(after, 500, false);
          for (const row of rows) temporary.insert(requireIdKey(row.document), row.document);
          const last = rows.at(-1);
          if (!last) break;
          after = last.rid;
        }
        catalog.rename(temporary, context.database, name, true);
      },
      { sync: wantsSync(context.body) },
    );
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
  const text = textOf(namespace);
  const dot = text.indexOf(".");
  if (typeof namespace !== "string" || dot < 1) throw new CommandFailure("InvalidNamespace", `Invalid namespace specified '${text}'`);
  return { database: text.slice(0, dot), name: text.slice(dot + 1) };
}

function listed(collection: Collection, nameOnly: boolean): Document {
  const type = collection.options.viewOn === undefined ? "collection" : "view";
  if (nameOnly) return { name: collection.name, type };
  if (type === "view") return { name: collection.name, type, options: collection.options, info: { readOnly: true } };
  return {
    name: collection.name,
    type,
    options: collection.options,
    info: { readOnly: false, uuid: new Binary(collection.uuid, Binary.SUBTYPE_UUID) },
    ...(collection.options.clusteredIndex ? {} : { idIndex: describeIndex(ID_INDEX) }),
  };
}

const listCollections: Command = {
  name: "listCollections",
  run: async (context) => {
    const { access, catalog, cursors } = context.state;
    const matcher = compileFilter(subDocumentOf(context, "filter") ?? {});
    const mayList =
      access.allows(context.connection, "listCollections", context.database) || access.allows(context.connection, "find", context.database);
    const documents = (mayList ? catalog.collections(context.database) : [])
      .map((collection) => listed(collection, context.body.nameOnly === true))
      .filter((document) => matcher?.matchesDecoded(document) ?? true)
      .map(encodeDocument);
    const namespace = `${context.database}.$cmd.listCollections`;
    const size = (subDocumentOf(context, "cursor")?.batchSize as number | undefined) ?? documents.length;
    const reading = readingOf(context, size);
    const batch = await cursors.open({ namespace, steps: documents.values(), session: reading.session, user: reading.user }, reading);
    return cursorReply("firstBatch", batch.documents, batch.cursorId, namespace);
  },
};

const listDatabases: Command = {
  name: "listDatabases",
  run: (context) => {
    if (context.database !== "admin") throw new CommandFailure("Unauthorized", "listDatabases may only be run against the admin database.");
    const { access, catalog } = context.state;
    const { body, connection } = context;
    const matcher = compileFilter(subDocumentOf(context, "filter") ?? {});
    const mayListAll = access.allows(connection, "listDatabases", undefined);
    if (!mayListAll && body.authorizedDatabases === false)
      throw new CommandFailure("Unauthorized", `not authorized on admin to execute command ${shown(withoutSecrets(body))}`);
    const onlyOwn = !mayListAll || body.authorizedDatabases === true;
    const databases = catalog
      .databases()
      .filter((name) => !onlyOwn || access.allows(connection, "find", name) || access.allows(connection, "listCollections", name))
      .map((name) => {
        if (body.nameOnly === true) return { name };
        const sizeOnDisk = catalog.collections(name).reduce((sum, collection) => sum + bytesOf(collection), 0);
        return { name, sizeOnDisk: Long.fromNumber(sizeOnDisk), empty: false };
      })
      .filter((document) => matcher?.matchesDecoded(document) ?? true);
    const totalSize = databases.reduce((sum, database) => sum + Number(database.sizeOnDisk ?? 0), 0);
    const totals =
      body.nameOnly === true
        ? {}
        : { totalSize: Long.fromNumber(totalSize), totalSizeMb: Long.fromNumber(Math.floor(totalSize / 2 ** 20)) };
    return { databases, ...totals, ok: 1 };
  },
};

function bytesOf(collection: Collection): number {
  const { table, indexes } = collection.storageSizes();
  return Object.values(indexes).reduce((sum, bytes) => sum + bytes, table);
}

export const collectionCommands: readonly Command[] = [
  create,
  collMod,
  convertToCapped,
  drop,
  dropDatabase,
  renameCollection,
  listCollections,
  listDatabases,
];
