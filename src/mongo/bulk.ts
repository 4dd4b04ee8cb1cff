import {
  MongoBulkWriteError,
  MongoServerError,
  type AnyBulkWriteOperation,
  type Collection,
  type Document,
  type WriteConcernSettings,
} from "mongodb";
import type { MongoSinkOptions } from "./sink-options.ts";

/** A document that the server refused for what it is, and why. */
export type Refused = { readonly document: Document; readonly error: { readonly code?: unknown; readonly message: string } };

/**
 * Writes documents in one unordered bulk. A duplicate of the same `_id` counts as written (another attempt of this write was there first);
 * any other refusal of a single document is returned. Throws what concerns the whole: a lost connection, a login, a full disk. The driver
 * wraps even a lost connection in its error of bulk writes, as if a server had answered; what is inside is thrown here.
 */
export async function writeBulk(collection: Collection, documents: readonly Document[], options: MongoSinkOptions): Promise<Refused[]> {
  const concern: WriteConcernSettings = {};
  if (options.writeConcern !== undefined) concern.w = options.writeConcern as number | "majority";
  if (options.journal) concern.journal = true;
  const settings = { ordered: false, ...(Object.keys(concern).length > 0 ? { writeConcern: concern } : {}) };
  try {
    await collection.bulkWrite(operationsOf(documents, options), settings);
    return [];
  } catch (thrown) {
    if (thrown instanceof MongoBulkWriteError) {
      const inner: unknown = thrown.errorResponse;
      if (inner instanceof Error) throw inner;
      const errors = [thrown.writeErrors].flat();
      if (errors.length > 0)
        return errors
          .filter((error) => !isSameId(error.err))
          .map((error) => ({
            document: documents[error.index] as Document,
            error: { code: error.code, message: error.errmsg ?? "refused" },
          }));
    }
    if (!isAboutDocuments(thrown)) throw thrown;
    if (documents.length === 1) return [{ document: documents[0] as Document, error: thrown as Refused["error"] }];
    const refused: Refused[] = [];
    for (const document of documents) refused.push(...(await writeBulk(collection, [document], options)));
    return refused;
  }
}

function operationsOf(documents: readonly Document[], options: MongoSinkOptions): AnyBulkWriteOperation<Document>[] {
  if (options.writeMode === "append") return documents.map((document) => ({ insertOne: { document } }));
  return documents.map((document) => ({ replaceOne: { filter: { _id: document._id as never }, replacement: document, upsert: true } }));
}

/** Code 11000 on `_id` itself, not on another unique index. */
function isSameId(error: unknown): boolean {
  const { code, keyPattern, errmsg } = error as { code?: number; keyPattern?: Document; errmsg?: string };
  if (code !== 11000) return false;
  return keyPattern ? Object.keys(keyPattern).join() === "_id" : /index: _id_/.test(errmsg ?? "");
}

/** MongoDB's codes for a document that is too large or not to be stored; and what the driver itself refuses to encode. */
const DOCUMENT_CODES = new Set([2, 9, 14, 52, 53, 121, 10334, 17280, 17419, 17420]);

function isAboutDocuments(thrown: unknown): boolean {
  if (thrown instanceof MongoServerError) return DOCUMENT_CODES.has(Number(thrown.code));
  const name = thrown instanceof Error ? thrown.name : "";
  return name === "MongoInvalidArgumentError" || name.startsWith("BSON") || thrown instanceof RangeError;
}
