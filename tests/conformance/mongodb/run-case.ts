import type { Document, MongoClient } from "mongodb";
import { Entities } from "./entities.ts";
import { matchEvents } from "./match-events.ts";
import { Mismatch, sameDocuments } from "./match.ts";
import { runOperation } from "./operations.ts";
import type { CollectionData, Operation, TestCase, TestFile } from "./test-file.ts";

/** Puts a file's data in place: each collection is dropped and made afresh. */
async function place(observer: MongoClient, data: readonly CollectionData[]): Promise<void> {
  for (const { databaseName, collectionName, documents, createOptions } of data) {
    const database = observer.db(databaseName);
    await database.dropCollection(collectionName).catch(() => false);
    if (documents.length === 0 || createOptions) await database.createCollection(collectionName, createOptions);
    if (documents.length > 0) await database.collection(collectionName).insertMany(documents.map((one) => ({ ...one })));
  }
}

async function checkOutcome(observer: MongoClient, outcome: readonly CollectionData[]): Promise<void> {
  for (const { databaseName, collectionName, documents } of outcome) {
    const found = await observer.db(databaseName).collection(collectionName).find().sort({ _id: 1 }).toArray();
    if (!sameDocuments(documents, found))
      throw new Mismatch(`outcome of ${collectionName}: expected ${JSON.stringify(documents)}, found ${JSON.stringify(found)}`);
  }
}

function failPointsOf(operations: readonly Operation[]): string[] {
  return operations
    .filter((operation) => operation.name === "failPoint")
    .map((operation) => String((operation.arguments?.failPoint as Document).configureFailPoint));
}

/**
 * Runs one test of a file as the format says: data in place, entities made, operations one by one, then the events and the outcome.
 * `observer` is a client of the runner's own. Throws Mismatch for what does not hold, or what an operation threw unexpectedly.
 */
export async function runCase(uri: string, observer: MongoClient, file: TestFile, test: TestCase): Promise<void> {
  if (!file.schemaVersion.startsWith("1.")) throw new Error(`the runner does not know schema version ${file.schemaVersion}`);
  await place(observer, file.initialData ?? []);
  const entities = new Entities(uri, observer);
  try {
    for (const spec of file.createEntities ?? []) await entities.create(spec);
    for (const operation of test.operations) await runOperation(entities, operation);
    for (const { client, eventType, events, ignoreExtraEvents } of test.expectEvents ?? [])
      matchEvents(events, entities.events(client).ofType(eventType ?? "command"), ignoreExtraEvents === true, entities);
  } finally {
    for (const name of failPointsOf(test.operations)) await observer.db("admin").command({ configureFailPoint: name, mode: "off" });
    await entities.close();
  }
  await checkOutcome(observer, test.outcome ?? []);
}
