import { ObjectId, type Document } from "bson";
import { encodeNode, leafOf, openDocument, plainValue, type Node } from "../bson/tree.ts";
import { decodeDocument, encodeDocument } from "../bson/values.ts";
import { shown } from "../bson/shown.ts";
import { CommandFailure } from "../failure.ts";
import type { MatchOptions } from "../query/matcher.ts";
import { mingo, mingoOptions } from "../query/mingo-context.ts";
import { asCommandFailure } from "../query/mingo-failure.ts";
import { isPlain } from "../query/predicates.ts";
import type { Catalog } from "../storage/catalog.ts";
import type { Collection } from "../storage/collection.ts";
import { insertDocument, replaceStored, select } from "./stored-writes.ts";

type Target = { readonly database: string; readonly name: string };

/** What an output stage writes with. */
export type OutputScope = {
  readonly catalog: Catalog;
  readonly database: string;
  readonly match: MatchOptions;
  readonly bypassValidation: boolean;
};

/** Carries out $out (the target is replaced as a whole) or $merge, inside a write job. */
export function writeResult(scope: OutputScope, stage: Document, documents: readonly Buffer[]): void {
  if (stage.$out !== undefined) {
    replaceCollection(scope, targetOf(scope.database, stage.$out, "$out"), documents);
    return;
  }
  const merge = readMerge(scope, stage.$merge);
  const collection = scope.catalog.findOrCreate(merge.target.database, merge.target.name);
  checkJoinFields(collection, merge.on);
  for (const document of documents) mergeOne(collection, document, merge, scope);
}

function targetOf(database: string, target: unknown, stage: string): Target {
  if (typeof target === "string" && target !== "") return { database, name: target };
  if (isPlain(target) && typeof target.coll === "string" && target.coll !== "")
    return { database: typeof target.db === "string" ? target.db : database, name: target.coll };
  throw new CommandFailure("FailedToParse", `${stage} needs the name of a collection, as text or as {db, coll}`);
}

/** The indexes of the target stay, its documents go; a failure (a duplicate) leaves the old ones, as the new ones are put in place at the end. */
function replaceCollection({ catalog, bypassValidation }: OutputScope, target: Target, documents: readonly Buffer[]): void {
  const old = catalog.find(target.database, target.name);
  if (old?.options.viewOn !== undefined)
    throw new CommandFailure("CommandNotSupportedOnView", `cannot $out to a view: ${target.database}.${target.name}`);
  if (old?.options.capped === true)
    throw new CommandFailure("Location17152", `namespace '${target.database}.${target.name}' is capped so it can't be used for $out`);
  const temporary = catalog.create(target.database, `tmp.agg_out.${new ObjectId().toHexString()}`, old?.options ?? {});
  try {
    for (const index of old?.indexes ?? []) catalog.createIndex(temporary, index.spec);
    for (const document of documents) insertDocument(temporary, document, bypassValidation);
  } catch (thrown) {
    if (thrown instanceof CommandFailure) catalog.drop(temporary);
    throw thrown;
  }
  catalog.rename(temporary, target.database, target.name, true);
}

type Merge = {
  readonly target: Target;
  readonly on: readonly string[];
  readonly whenMatched: string | readonly Document[];
  readonly whenNotMatched: string;
  readonly variables: Document | undefined;
};

const MERGE_FIELDS = new Set([
  "into",
  "on",
  "let",
  "whenMatched",
  "whenNotMatched",
  "targetCollectionVersion",
  "allowMergeOnNullishValues",
]);
const WHEN_MATCHED = ["replace", "keepExisting", "merge", "fail"];
const WHEN_NOT_MATCHED = ["insert", "discard", "fail"];

function readMerge(scope: OutputScope, given: unknown): Merge {
  const spec: Document = typeof given === "string" ? { into: given } : ((given ?? {}) as Document);
  const unknown = Object.keys(spec).find((name) => !MERGE_FIELDS.has(name));
  if (unknown) throw new CommandFailure("Location40415", `BSON field '$merge.${unknown}' is an unknown field.`);
  const { whenMatched = "merge", whenNotMatched = "insert", on = "_id" } = spec;
  if (!Array.isArray(whenMatched) && !WHEN_MATCHED.includes(whenMatched as string))
    throw new CommandFailure("BadValue", `Enumeration value '${String(whenMatched)}' for field '$merge.whenMatched' is not a valid value.`);
  if (!WHEN_NOT_MATCHED.includes(whenNotMatched as string))
    throw new CommandFailure(
      "BadValue",
      `Enumeration value '${String(whenNotMatched)}' for field '$merge.whenNotMatched' is not a valid value.`,
    );
  const fields = (Array.isArray(on) ? on : [on]) as unknown[];
  if (fields.length === 0)
    throw new CommandFailure("Location51187", "If explicitly specifying $merge 'on', must include at least one field");
  if (!fields.every((field) => typeof field === "string"))
    throw new CommandFailure("Location51186", "$merge 'on' field must be either a string or an array of strings");
  return {
    target: targetOf(scope.database, spec.into, "$merge"),
    on: fields as string[],
    whenMatched: whenMatched as Merge["whenMatched"],
    whenNotMatched: whenNotMatched as string,
    variables: spec.let as Document | undefined,
  };
}

function checkJoinFields(collection: Collection, on: readonly string[]): void {
  if (on.length === 1 && on[0] === "_id") return;
  const wanted = [...on].sort().join("\0");
  const isUnique = collection.indexes.some(
    ({ spec }) =>
      spec.unique &&
      spec.partial === undefined &&
      spec.fields
        .map((field) => field.path.text)
        .sort()
        .join("\0") === wanted,
  );
  if (!isUnique) throw new CommandFailure("Location51183", "Cannot find index to verify that join fields will be unique");
}

function mergeOne(collection: Collection, document: Buffer, merge: Merge, scope: OutputScope): void {
  const { on, whenMatched, whenNotMatched } = merge;
  const whole = withId(document, on);
  const plain = decodeDocument(whole);
  const key = Object.fromEntries(
    on.map((field) => [field, field.split(".").reduce<unknown>((value, part) => (isPlain(value) ? value[part] : undefined), plain)]),
  );
  for (const [field, value] of Object.entries(key)) {
    if (value === undefined || value === null)
      throw new CommandFailure("Location51132", `$merge write error: 'on' field '${field}' cannot be missing, null, undefined or an array`);
    if (Array.isArray(value))
      throw new CommandFailure("Location51185", `$merge write error: 'on' field '${field}' cannot be missing, null, undefined or an array`);
  }
  const filter = Object.fromEntries(Object.entries(key).map(([field, value]) => [field, { $eq: value }]));
  const [stored] = select(collection, filter, { limit: 1 });
  if (!stored) {
    if (whenNotMatched === "discard") return;
    if (whenNotMatched === "fail")
      throw new CommandFailure(
        "Location13113",
        "$merge could not find a matching document in the target collection for at least one document in the source collection",
      );
    insertDocument(collection, whole, scope.bypassValidation);
    return;
  }
  if (whenMatched === "keepExisting") return;
  if (whenMatched === "fail") {
    const name = on.length === 1 && on[0] === "_id" ? "_id_" : `${on.join("_1_")}_1`;
    const shownKey = Object.entries(key).map(([field, value]) => `${field}: ${shown(value)}`);
    throw new CommandFailure(
      "DuplicateKey",
      `$merge failed due to a DuplicateKey error :: caused by :: E11000 duplicate key error collection: ${collection.namespace} index: ${name} dup key: { ${shownKey.join(", ")} }`,
      { keyPattern: Object.fromEntries(on.map((field) => [field, 1])), keyValue: key },
    );
  }
  const merged = mergedWith(stored.document, whole, plain, merge, scope);
  if (!merged.equals(stored.document)) replaceStored(collection, stored, merged, scope.bypassValidation);
}

function withId(document: Buffer, on: readonly string[]): Buffer {
  const { fields } = openDocument(document);
  if (fields.has("_id") || !on.includes("_id")) return document;
  return encodeNode({ kind: "object", fields: new Map([["_id", leafOf(new ObjectId())], ...fields]) });
}

/** The stored document with the new one in it, or in its place, or as the stages of whenMatched make it; its `_id` stays. */
function mergedWith(stored: Buffer, fresh: Buffer, plain: Document, merge: Merge, scope: OutputScope): Buffer {
  const existing = openDocument(stored).fields;
  const id = existing.get("_id") as Node;
  const given = openDocument(fresh).fields;
  const own = given.get("_id");
  if (own && shown(plainValue(own)) !== shown(plainValue(id)))
    throw new CommandFailure(
      "ImmutableField",
      "$merge failed to update the matching document, did you attempt to modify the _id or the shard key? :: caused by :: Performing an update on the path '_id' would modify the immutable field '_id'",
    );
  if (!Array.isArray(merge.whenMatched)) {
    given.delete("_id");
    const base = merge.whenMatched === "replace" ? new Map([["_id", id]]) : existing;
    for (const [name, node] of given) base.set(name, node);
    return encodeNode({ kind: "object", fields: base });
  }
  const { evaluate, Aggregator } = mingo();
  const stages = merge.whenMatched as Document[];
  return asCommandFailure(() => {
    const outer = mingoOptions(scope.match);
    const bound = Object.fromEntries(
      Object.entries(merge.variables ?? { new: "$$ROOT" }).map(([name, expression]) => [
        name,
        evaluate(plain, expression as never, outer) as unknown,
      ]),
    );
    const options = mingoOptions({ ...scope.match, variables: { ...scope.match.variables, ...bound } });
    const [result] = new Aggregator(stages, options).run([decodeDocument(stored)]) as Document[];
    const made = openDocument(encodeDocument(result ?? {})).fields;
    made.delete("_id");
    return encodeNode({ kind: "object", fields: new Map([["_id", id], ...made]) });
  });
}
