import { ObjectId, type Document } from "bson";
import type { Options } from "mingo/types";
import { decodeDocument, encodeDocument } from "../bson/values.ts";
import { CommandFailure } from "../failure.ts";
import { mingo } from "../query/mingo-context.ts";
import { asCommandFailure } from "../query/mingo-failure.ts";
import type { Catalog } from "../storage/catalog.ts";
import type { Collection } from "../storage/collection.ts";
import { insertDocument, replaceStored, select } from "./stored-writes.ts";

/** Carries out $out (the target is replaced as a whole) or $merge, inside a write job. */
export function writeResult(catalog: Catalog, database: string, stage: Document, documents: readonly Document[], options: Options): void {
  if (stage.$out !== undefined) {
    const target = targetOf(database, stage.$out);
    replaceCollection(catalog, target, documents);
    return;
  }
  const merge = stage.$merge as Document | string;
  const spec: Document = typeof merge === "string" ? { into: merge } : merge;
  const target = targetOf(database, spec.into);
  const collection = catalog.findOrCreate(target.database, target.name);
  for (const document of documents) mergeOne(collection, document, spec, options);
}

function targetOf(database: string, target: unknown): { readonly database: string; readonly name: string } {
  if (typeof target === "string") return { database, name: target };
  const named = target as Document | null;
  if (typeof named?.coll === "string") return { database: typeof named.db === "string" ? named.db : database, name: named.coll };
  throw new CommandFailure("FailedToParse", "$out and $merge need the name of a collection");
}

/** The indexes of the target stay, its documents go; a failure (a duplicate) leaves the old ones, as the new ones are put in place at the end. */
function replaceCollection(
  catalog: Catalog,
  target: { readonly database: string; readonly name: string },
  documents: readonly Document[],
): void {
  const old = catalog.find(target.database, target.name);
  const temporary = catalog.create(target.database, `tmp.agg_out.${new ObjectId().toHexString()}`, old?.options ?? {});
  try {
    for (const index of old?.indexes ?? []) catalog.createIndex(temporary, index.spec);
    for (const document of documents) insertDocument(temporary, encodeDocument(document));
  } catch (thrown) {
    if (thrown instanceof CommandFailure) catalog.drop(temporary);
    throw thrown;
  }
  catalog.rename(temporary, target.database, target.name, true);
}

function mergeOne(collection: Collection, document: Document, spec: Document, options: Options): void {
  const on = (Array.isArray(spec.on) ? spec.on : [spec.on ?? "_id"]) as string[];
  const whole: Document = "_id" in document || !on.includes("_id") ? document : { _id: new ObjectId(), ...document };
  const filter = Object.fromEntries(
    on.map((field) => [
      field,
      { $eq: field.split(".").reduce<unknown>((value, part) => (value as Document | undefined)?.[part], whole) ?? null },
    ]),
  );
  const [stored] = select(collection, filter, { limit: 1 });
  if (!stored) {
    if (spec.whenNotMatched === "discard") return;
    if (spec.whenNotMatched === "fail")
      throw new CommandFailure("Location13113", "$merge could not find a matching document in the target collection");
    insertDocument(collection, encodeDocument(whole));
    return;
  }
  const existing = decodeDocument(stored.document);
  let merged: Document;
  if (Array.isArray(spec.whenMatched)) {
    const variables = { ...options.variables, new: whole };
    merged = asCommandFailure(
      () => new (mingo().Aggregator)(spec.whenMatched as Document[], { ...options, variables }).run([existing])[0] as Document,
    );
  } else if (spec.whenMatched === "keepExisting") return;
  else if (spec.whenMatched === "fail")
    throw new CommandFailure("DuplicateKey", "$merge with whenMatched: fail found an existing document");
  else if (spec.whenMatched === "replace") merged = { ...whole, _id: existing._id };
  else merged = { ...existing, ...whole, _id: existing._id };
  replaceStored(collection, stored, encodeDocument(merged));
}
