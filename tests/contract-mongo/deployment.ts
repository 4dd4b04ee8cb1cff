import { randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { MongoClient, MongoServerError, type Collection, type Db, type Document } from "mongodb";
import { startDocumentServer } from "../../src/document-server/index.ts";

/** The server that a file of the contract is held against: that of STREAMLAB_MONGO_URI, or a document server of its own. */
export type ContractServer = { readonly client: MongoClient; readonly isOurs: boolean; readonly close: () => Promise<void> };

/**
 * Opens the server. The contract only calls the driver and works in databases of its own, which it drops: it may be run against a MongoDB that
 * holds other things, with STREAMLAB_MONGO_URI=mongodb://….
 */
export async function openContractServer(): Promise<ContractServer> {
  const given = process.env.STREAMLAB_MONGO_URI;
  if (given !== undefined && given !== "") {
    const client = await MongoClient.connect(given);
    return { client, isOurs: false, close: () => client.close() };
  }
  const folder = await mkdtemp(path.join(tmpdir(), "contract-mongo-"));
  const server = await startDocumentServer({ dataDir: folder, port: 0 });
  const client = await MongoClient.connect(server.uri);
  return {
    client,
    isOurs: true,
    close: async () => {
      await client.close();
      await server.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** Runs a test in a database of its own, which is dropped whatever happens. */
export async function inDatabase<T>(server: ContractServer, run: (db: Db) => Promise<T>): Promise<T> {
  const db = server.client.db(`contract_${randomBytes(6).toString("hex")}`);
  try {
    return await run(db);
  } finally {
    await db.dropDatabase();
  }
}

/** The same with one collection of documents, whose numbers come back as BSON's types where `typed`. */
export async function withDocuments<T>(
  server: ContractServer,
  documents: readonly Document[],
  run: (collection: Collection, db: Db) => Promise<T>,
): Promise<T> {
  return await inDatabase(server, async (db) => {
    const collection = db.collection("c");
    if (documents.length > 0) await collection.insertMany(documents.map((one) => ({ ...one })));
    return await run(collection, db);
  });
}

/** The server's error that a call ends with; throws where it ends with none. */
export async function failureOf(work: Promise<unknown>): Promise<MongoServerError> {
  const thrown: unknown = await work.then(
    () => new Error("the call gave no error"),
    (error: unknown) => error,
  );
  if (thrown instanceof MongoServerError) return thrown;
  throw thrown as Error;
}
