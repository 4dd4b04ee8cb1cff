import { once } from "node:events";
import { setTimeout as wait } from "node:timers/promises";
import {
  Collection,
  MongoServerError,
  type AbstractCursor,
  type ClientBulkWriteModel,
  type ClientSession,
  type Document,
  type GridFSBucket,
  type GridFSBucketReadStream,
} from "mongodb";
import type { Db, MongoClient, ObjectId } from "mongodb";
import { driverOptions, type Entities } from "./entities.ts";
import { matchEvents } from "./match-events.ts";
import { match, Mismatch } from "./match.ts";
import type { Operation } from "./test-file.ts";

/** What an operation gets: the entity it is called on, its arguments and the options among them, with the session in its place. */
type Call = {
  readonly entities: Entities;
  readonly operation: Operation;
  readonly args: Document;
  readonly session: ClientSession | undefined;
};

type Run = (call: Call) => Promise<unknown>;

/** An operation or an option of the format that the driver does not have: its test is declared in declared-skips.ts. */
export class NotInDriver extends Error {}

const EVENT_DEADLINE_MS = 10_000;

function collectionOf({ entities, operation }: Call): Collection {
  return entities.collection(operation.object);
}

function databaseOf({ entities, operation }: Call): Db {
  return entities.database(operation.object);
}

function clientOf({ entities, operation }: Call): MongoClient {
  return entities.client(operation.object);
}

function bucketOf({ entities, operation }: Call): GridFSBucket {
  return entities.bucket(operation.object);
}

/** The arguments without those named: what is left are options of the driver's method. */
function optionsOf(call: Call, ...taken: string[]): Document {
  const rest = Object.fromEntries(Object.entries(call.args).filter(([name]) => name !== "session" && !taken.includes(name)));
  return driverOptions(rest, call.session);
}

function mapToDocument(value: unknown): unknown {
  if (!(value instanceof Map)) return value;
  return Object.fromEntries([...value].map(([key, inner]) => [String(key), inner as unknown]));
}

/** The driver's bulk result in the format's terms; an unacknowledged one is empty. */
function bulkResult(result: unknown): unknown {
  const of = result as Document | undefined;
  if (!of) return of;
  const fields = [
    "acknowledged",
    "insertedCount",
    "matchedCount",
    "modifiedCount",
    "deletedCount",
    "upsertedCount",
    "insertedIds",
    "upsertedIds",
  ];
  return Object.fromEntries(fields.map((name) => [name, of[name] as unknown]));
}

function clientBulkResult(result: Document | undefined): Document | undefined {
  if (!result) return undefined;
  const shown: Document = {};
  for (const name of [
    "acknowledged",
    "insertedCount",
    "upsertedCount",
    "matchedCount",
    "modifiedCount",
    "deletedCount",
    "insertResults",
    "updateResults",
    "deleteResults",
  ])
    if (result[name] !== undefined)
      shown[name] = name === "updateResults" ? withoutUpsertFlag(mapToDocument(result[name])) : mapToDocument(result[name]);
  return shown;
}

/** The driver's results of updates say `didUpsert`, which the format does not know. */
function withoutUpsertFlag(results: unknown): unknown {
  return Object.fromEntries(
    Object.entries(results as Document).map(([index, result]) => {
      const { didUpsert: _, ...rest } = result as Document;
      return [index, rest];
    }),
  );
}

function clientModel(model: Document): ClientBulkWriteModel<Record<string, Document>> {
  const [name, fields] = Object.entries(model)[0] as [string, Document];
  return { name, ...fields } as unknown as ClientBulkWriteModel<Record<string, Document>>;
}

function returnDocument(options: Document): Document {
  if (options.returnDocument !== undefined && !["Before", "After"].includes(options.returnDocument as string))
    throw new Mismatch(`returnDocument is neither Before nor After: ${String(options.returnDocument)}`);
  return typeof options.returnDocument === "string" ? { ...options, returnDocument: options.returnDocument.toLowerCase() } : options;
}

function bytesOf(source: unknown): Buffer {
  return Buffer.from(String((source as Document).$$hexBytes ?? ""), "hex");
}

async function readAll(stream: GridFSBucketReadStream): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

const onCollection: Readonly<Record<string, Run>> = {
  insertOne: (call) => collectionOf(call).insertOne(call.args.document as Document, optionsOf(call, "document")),
  insertMany: (call) => collectionOf(call).insertMany(call.args.documents as Document[], optionsOf(call, "documents")),
  updateOne: (call) =>
    collectionOf(call).updateOne(call.args.filter as Document, call.args.update as Document, optionsOf(call, "filter", "update")),
  updateMany: (call) =>
    collectionOf(call).updateMany(call.args.filter as Document, call.args.update as Document, optionsOf(call, "filter", "update")),
  replaceOne: (call) =>
    collectionOf(call).replaceOne(
      call.args.filter as Document,
      call.args.replacement as Document,
      optionsOf(call, "filter", "replacement"),
    ),
  deleteOne: (call) => collectionOf(call).deleteOne(call.args.filter as Document, optionsOf(call, "filter")),
  deleteMany: (call) => collectionOf(call).deleteMany(call.args.filter as Document, optionsOf(call, "filter")),
  bulkWrite: async (call) => bulkResult(await collectionOf(call).bulkWrite(call.args.requests as never, optionsOf(call, "requests"))),
  findOne: (call) => collectionOf(call).findOne(call.args.filter as Document, optionsOf(call, "filter")),
  findOneAndUpdate: (call) =>
    collectionOf(call).findOneAndUpdate(
      call.args.filter as Document,
      call.args.update as Document,
      returnDocument(optionsOf(call, "filter", "update")),
    ),
  findOneAndReplace: (call) =>
    collectionOf(call).findOneAndReplace(
      call.args.filter as Document,
      call.args.replacement as Document,
      returnDocument(optionsOf(call, "filter", "replacement")),
    ),
  findOneAndDelete: (call) => collectionOf(call).findOneAndDelete(call.args.filter as Document, optionsOf(call, "filter")),
  countDocuments: (call) => collectionOf(call).countDocuments(call.args.filter as Document, optionsOf(call, "filter")),
  estimatedDocumentCount: (call) => collectionOf(call).estimatedDocumentCount(optionsOf(call)),
  count: (call) => collectionOf(call).count(call.args.filter as Document, optionsOf(call, "filter")),
  distinct: (call) =>
    collectionOf(call).distinct(call.args.fieldName as string, call.args.filter as Document, optionsOf(call, "fieldName", "filter")),
  createFindCursor: async (call) => {
    const cursor = collectionOf(call).find(call.args.filter as Document, optionsOf(call, "filter"));
    await cursor.hasNext();
    return cursor;
  },
  createIndex: (call) => collectionOf(call).createIndex(call.args.keys as Document, optionsOf(call, "keys")),
  dropIndex: (call) => collectionOf(call).dropIndex(call.args.name as string, optionsOf(call, "name")),
  dropIndexes: (call) => collectionOf(call).dropIndexes(optionsOf(call)),
  listIndexes: (call) => collectionOf(call).listIndexes(optionsOf(call)).toArray(),
  listIndexNames: async (call) => (await collectionOf(call).listIndexes(optionsOf(call)).toArray()).map((index) => index.name as string),
  createSearchIndex: (call) => collectionOf(call).createSearchIndex(call.args.model as never),
};

const onDatabase: Readonly<Record<string, Run>> = {
  runCommand: (call) => databaseOf(call).command(orderedCommand(call), optionsOf(call, "command", "commandName")),
  runCursorCommand: (call) => runCursor(call).toArray(),
  createCommandCursor: async (call) => {
    const cursor = runCursor(call);
    await cursor.hasNext();
    return cursor;
  },
  createCollection: (call) => databaseOf(call).createCollection(call.args.collection as string, optionsOf(call, "collection")),
  dropCollection: (call) => databaseOf(call).dropCollection(call.args.collection as string, optionsOf(call, "collection")),
  modifyCollection: (call) => {
    const { collection, session: _, ...rest } = call.args;
    return databaseOf(call).command({ collMod: collection as string, ...rest }, driverOptions({}, call.session));
  },
  listCollections: (call) =>
    databaseOf(call)
      .listCollections(call.args.filter as Document, optionsOf(call, "filter"))
      .toArray(),
  listCollectionNames: async (call) =>
    (
      await databaseOf(call)
        .listCollections(call.args.filter as Document, { ...optionsOf(call, "filter"), nameOnly: true })
        .toArray()
    ).map((one) => one.name),
};

const onClient: Readonly<Record<string, Run>> = {
  clientBulkWrite: async (call) =>
    clientBulkResult(
      (await clientOf(call).bulkWrite(
        (call.args.models as Document[]).map(clientModel) as never,
        optionsOf(call, "models"),
      )) as unknown as Document,
    ),
  listDatabases: (call) =>
    clientOf(call)
      .db()
      .admin()
      .listDatabases(optionsOf(call))
      .then((found) => found.databases),
  listDatabaseNames: (call) =>
    clientOf(call)
      .db()
      .admin()
      .listDatabases({ ...optionsOf(call), nameOnly: true })
      .then((found) => found.databases.map((one) => one.name)),
};

const onBucket: Readonly<Record<string, Run>> = {
  upload: async (call) => {
    const { filename, source, id, contentType, disableMD5: _, ...rest } = call.args;
    const metadata = contentType === undefined ? rest.metadata : { ...(rest.metadata as Document), contentType };
    const options = {
      ...rest,
      ...(metadata === undefined ? {} : { metadata: metadata as Document }),
      ...(id === undefined ? {} : { id: id as ObjectId }),
    };
    const stream = bucketOf(call).openUploadStream(String(filename), options);
    stream.end(bytesOf(source));
    await once(stream, "finish");
    return stream.id;
  },
  download: (call) => readAll(bucketOf(call).openDownloadStream(call.args.id as ObjectId)),
  downloadByName: (call) => readAll(bucketOf(call).openDownloadStreamByName(String(call.args.filename), optionsOf(call, "filename"))),
  delete: (call) => bucketOf(call).delete(call.args.id as ObjectId, optionsOf(call, "id")),
};

const onCursor: Readonly<Record<string, Run>> = {
  iterateUntilDocumentOrError: (call) => call.entities.cursor(call.operation.object).next(),
  iterateOnce: (call) => call.entities.cursor(call.operation.object).tryNext(),
};

const onSession: Readonly<Record<string, Run>> = {
  endSession: (call) => call.entities.session(call.operation.object).endSession(),
};

const onRunner: Readonly<Record<string, Run>> = {
  createEntities: async ({ entities, args }) => {
    for (const spec of args.entities as Document[]) await entities.create(spec);
  },
  failPoint: ({ entities, args }) =>
    entities
      .client(String(args.client))
      .db("admin")
      .command(args.failPoint as Document),
  wait: ({ args }) => wait(Number(args.ms)),
  runOnThread: async ({ entities, args }) => {
    entities.runOn(String(args.thread), () => runOperation(entities, args.operation as Operation));
    return Promise.resolve();
  },
  waitForThread: ({ entities, args }) => entities.waitFor(String(args.thread)),
  waitForEvent: async ({ entities, args }) => {
    const deadline = performance.now() + EVENT_DEADLINE_MS;
    while (countEvents(entities, args) < Number(args.count)) {
      if (performance.now() > deadline) throw new Mismatch(`fewer than ${String(args.count)} events ${JSON.stringify(args.event)} came`);
      await wait(5);
    }
  },
  assertEventCount: async ({ entities, args }) => {
    const found = countEvents(entities, args);
    if (found !== Number(args.count)) throw new Mismatch(`${found} events ${JSON.stringify(args.event)}, expected ${String(args.count)}`);
    return Promise.resolve();
  },
  assertNumberConnectionsCheckedOut: async ({ entities, args }) => {
    const found = entities.events(String(args.client)).checkedOut;
    if (found !== Number(args.connections))
      throw new Mismatch(`${found} connections are checked out, expected ${String(args.connections)}`);
    return Promise.resolve();
  },
  assertSameLsidOnLastTwoCommands: (call) => lastLsids(call, true),
  assertDifferentLsidOnLastTwoCommands: (call) => lastLsids(call, false),
  assertSessionDirty: (call) => sessionDirty(call, true),
  assertSessionNotDirty: (call) => sessionDirty(call, false),
  assertCollectionExists: (call) => collectionExists(call, true),
  assertCollectionNotExists: (call) => collectionExists(call, false),
  assertIndexExists: (call) => indexExists(call, true),
  assertIndexNotExists: (call) => indexExists(call, false),
};

/** Operations that several kinds of entities have. */
const onSeveral: Readonly<Record<string, Run>> = {
  find: (call) => {
    const target = call.entities.get(call.operation.object);
    const found =
      target instanceof Collection
        ? target.find(call.args.filter as Document, optionsOf(call, "filter"))
        : bucketOf(call).find(call.args.filter as Document, optionsOf(call, "filter"));
    return found.toArray();
  },
  aggregate: (call) => {
    const target = call.entities.get(call.operation.object) as Collection | Db;
    return target.aggregate(call.args.pipeline as Document[], optionsOf(call, "pipeline")).toArray();
  },
  createChangeStream: async (call) => {
    const target = call.entities.get(call.operation.object) as Collection | Db | MongoClient;
    const stream = target.watch(call.args.pipeline as Document[], optionsOf(call, "pipeline"));
    await stream.tryNext();
    return stream;
  },
  drop: async (call) => {
    const target = call.entities.get(call.operation.object) as Collection | GridFSBucket;
    return await target.drop(optionsOf(call));
  },
  rename: async (call) => {
    const target = call.entities.get(call.operation.object);
    if (target instanceof Collection) await target.rename(call.args.to as string, optionsOf(call, "to"));
    else await bucketOf(call).rename(call.args.id as ObjectId, call.args.newFilename as string, optionsOf(call, "id", "newFilename"));
  },
  close: async (call) => {
    await (call.entities.get(call.operation.object) as { close(): Promise<void> }).close();
  },
};

const OPERATIONS: ReadonlyMap<string, Run> = new Map(
  [onCollection, onDatabase, onClient, onBucket, onCursor, onSession, onRunner, onSeveral].flatMap((table) => Object.entries(table)),
);

/** The command with its name in front, as the format asks for. */
function orderedCommand(call: Call): Document {
  const { commandName, command } = call.args;
  const { [String(commandName)]: first, ...rest } = command as Document;
  return { [String(commandName)]: first, ...rest };
}

function runCursor(call: Call): AbstractCursor {
  const { batchSize, comment, maxTimeMS, cursorType, timeoutMode, timeoutMS, readPreference } = call.args;
  const options = driverOptions(
    Object.fromEntries(
      Object.entries({ timeoutMode, timeoutMS, cursorType, readPreference }).filter(([, value]) => value !== undefined),
    ) as Document,
    call.session,
  );
  const cursor = databaseOf(call).runCursorCommand(orderedCommand(call), options);
  if (batchSize !== undefined) cursor.setBatchSize(Number(batchSize));
  if (comment !== undefined) cursor.setComment(comment);
  if (maxTimeMS !== undefined) cursor.setMaxTimeMS(Number(maxTimeMS));
  return cursor;
}

function countEvents(entities: Entities, args: Document): number {
  const [name] = Object.keys(args.event as Document) as [string];
  const events = entities.events(String(args.client)).all();
  return events.filter((event) => {
    if (event.name !== name) return false;
    try {
      matchEvents([args.event as Document], [event], false, entities);
      return true;
    } catch (thrown) {
      if (thrown instanceof Mismatch) return false;
      throw thrown;
    }
  }).length;
}

async function lastLsids({ entities, args }: Call, same: boolean): Promise<void> {
  const started = entities
    .events(String(args.client))
    .ofType("command")
    .filter((event) => event.name === "commandStartedEvent");
  const [first, second] = started.slice(-2).map((event) => (event.event.command as Document).lsid as Document | undefined);
  if (!first || !second) throw new Mismatch("the last two commands carried no session");
  const isSame = JSON.stringify(first) === JSON.stringify(second);
  if (isSame !== same) throw new Mismatch(`the last two commands were of ${isSame ? "one session" : "two sessions"}`);
  return Promise.resolve();
}

async function sessionDirty({ entities, args }: Call, dirty: boolean): Promise<void> {
  const { serverSession } = entities.session(String(args.session)) as unknown as { serverSession: { isDirty: boolean } };
  if (serverSession.isDirty !== dirty) throw new Mismatch(`the session is ${dirty ? "not " : ""}dirty`);
  return Promise.resolve();
}

async function collectionExists({ entities, args }: Call, wanted: boolean): Promise<void> {
  const names = await entities.observer.db(String(args.databaseName)).listCollections({}, { nameOnly: true }).toArray();
  const found = names.some((one) => one.name === args.collectionName);
  if (found !== wanted) throw new Mismatch(`the collection ${String(args.collectionName)} ${found ? "is" : "is not"} there`);
}

async function indexExists({ entities, args }: Call, wanted: boolean): Promise<void> {
  const collection = entities.observer.db(String(args.databaseName)).collection(String(args.collectionName));
  const names = await collection
    .listIndexes()
    .toArray()
    .catch((thrown: unknown) => {
      if (thrown instanceof MongoServerError && thrown.code === 26) return [];
      throw thrown;
    });
  const found = names.some((one) => one.name === args.indexName);
  if (found !== wanted) throw new Mismatch(`the index ${String(args.indexName)} ${found ? "is" : "is not"} there`);
}

/** Arguments without which an operation is malformed, whatever the test says of its outcome. */
const REQUIRED: Readonly<Record<string, readonly string[]>> = {
  insertOne: ["document"],
  insertMany: ["documents"],
  find: ["filter"],
  findOne: ["filter"],
  createFindCursor: ["filter"],
  updateOne: ["filter", "update"],
  updateMany: ["filter", "update"],
  replaceOne: ["filter", "replacement"],
  deleteOne: ["filter"],
  deleteMany: ["filter"],
  aggregate: ["pipeline"],
  bulkWrite: ["requests"],
  clientBulkWrite: ["models"],
  distinct: ["fieldName", "filter"],
  runCommand: ["command", "commandName"],
};

/** Calls one operation and gives its result; what the driver throws passes on. Throws NotInDriver for what the driver does not have. */
export async function callOperation(entities: Entities, operation: Operation): Promise<unknown> {
  const run = OPERATIONS.get(operation.name);
  if (!run) throw new NotInDriver(`the driver has no operation ${operation.name}`);
  const args = { ...operation.arguments };
  const missing = REQUIRED[operation.name]?.find((name) => !(name in args));
  if (missing) throw new Mismatch(`${operation.name} needs the argument ${missing}`);
  const session = typeof args.session === "string" && operation.object !== "testRunner" ? entities.session(args.session) : undefined;
  return await run({ entities, operation, args, session });
}

/** Runs one operation and holds its result or its error against what is expected. */
export async function runOperation(entities: Entities, operation: Operation): Promise<void> {
  let result: unknown;
  try {
    result = await callOperation(entities, operation);
  } catch (thrown) {
    if (thrown instanceof NotInDriver || thrown instanceof Mismatch) throw thrown;
    if (operation.ignoreResultAndError === true) return;
    if (!operation.expectError) throw thrown;
    matchError(operation.expectError, thrown as Error, entities);
    return;
  }
  if (operation.ignoreResultAndError === true) return;
  if (operation.expectError) throw new Mismatch(`${operation.name} gave a result where an error is expected`);
  if ("expectResult" in operation) match(operation.expectResult, result, entities, true, operation.name);
  if (operation.saveResultAsEntity !== undefined) entities.set(operation.saveResultAsEntity, result);
}

function matchError(expected: NonNullable<Operation["expectError"]>, thrown: Error, entities: Entities): void {
  const error = thrown as Error & Document;
  const found = `${error.name} ${String(error.code ?? "")} ${error.message}`;
  const cause = error.cause instanceof MongoServerError ? error.cause : undefined;
  const isServer = error instanceof MongoServerError || cause !== undefined;
  const server = (cause ?? error) as Error & Document;
  if (expected.isClientError !== undefined && expected.isClientError === isServer && !/network|timeout/i.test(error.name))
    throw new Mismatch(`expected ${expected.isClientError ? "a client's" : "a server's"} error, found ${found}`);
  if (expected.isTimeoutError !== undefined && expected.isTimeoutError !== /OperationTimeout/.test(error.name))
    throw new Mismatch(`expected ${expected.isTimeoutError ? "a" : "no"} timeout, found ${found}`);
  if (expected.errorContains !== undefined && !error.message.toLowerCase().includes(expected.errorContains.toLowerCase()))
    throw new Mismatch(`expected "${expected.errorContains}", found ${found}`);
  if (expected.errorCode !== undefined && Number(server.code) !== Number(expected.errorCode))
    throw new Mismatch(`expected the code ${expected.errorCode}, found ${found}`);
  if (expected.errorCodeName !== undefined && server.codeName !== expected.errorCodeName)
    throw new Mismatch(`expected ${expected.errorCodeName}, found ${String(server.codeName)}: ${found}`);
  const labels = (error as unknown as { errorLabels?: string[] }).errorLabels ?? [];
  for (const label of expected.errorLabelsContain ?? [])
    if (!labels.includes(label)) throw new Mismatch(`the label ${label} is not on ${found}`);
  for (const label of expected.errorLabelsOmit ?? []) if (labels.includes(label)) throw new Mismatch(`the label ${label} is on ${found}`);
  if (expected.errorResponse !== undefined)
    match(expected.errorResponse, (server.errorResponse ?? server.result ?? server) as unknown, entities, true, "errorResponse");
  if (expected.writeErrors !== undefined) matchWriteErrors(expected.writeErrors, error.writeErrors, entities);
  if (expected.writeConcernErrors !== undefined)
    match(
      expected.writeConcernErrors,
      (error.writeConcernErrors as Document[] | undefined)?.map((one) => ({ ...one })),
      entities,
      true,
      "writeConcernErrors",
    );
  if (expected.expectResult !== undefined) {
    const partial = (error.partialResult ?? error.result) as Document | undefined;
    match(
      expected.expectResult,
      error.name === "MongoClientBulkWriteError" ? clientBulkResult(error.partialResult as Document | undefined) : bulkResult(partial),
      entities,
      true,
      "the error's result",
    );
  }
}

function matchWriteErrors(expected: Document, actual: unknown, entities: Entities): void {
  const found = actual instanceof Map ? (mapToDocument(actual) as Document) : {};
  for (const [index, one] of Object.entries(expected)) {
    const error = found[index] as Document | undefined;
    match(
      one,
      error && { code: error.code as number, message: error.message as string, details: error.details as unknown },
      entities,
      true,
      `writeErrors.${index}`,
    );
  }
}
