import { deserialize, ObjectId, serialize, type Document } from "bson";
import {
  BSON,
  buildDocument,
  documentSize,
  elementsOf,
  findElement,
  isNamed,
  MAX_DOCUMENT_BYTES,
  nameOf,
  type RawElement,
} from "../bson/raw.ts";
import { decodeDocument } from "../bson/values.ts";
import { CommandFailure } from "../failure.ts";
import { compileFilter, type Matcher } from "../query/matcher.ts";
import { parseSort, planQuery } from "../query/planner.ts";
import { scan } from "../query/scan.ts";
import { sortKeys } from "../query/sort.ts";
import type { Collection, Stored } from "../storage/collection.ts";
import { idKeyOf } from "../storage/index-spec.ts";
import { modify, readModification, upsertDocument } from "../update/modify.ts";
import { applyDirect, readDirectUpdate } from "../update/operation.ts";
import { collectionName, documentOffsets, wantsSync, type Command, type CommandContext } from "./command.ts";

const MAX_BULK = 100_000;
const ID_NAME = Buffer.from("_id");

type WriteError = { readonly index: number; readonly code: number; readonly errmsg: string };

/** Runs the operations of a bulk in order; an ordered one stops at the first failure. What was done before stays done. */
function runBulk(offsets: readonly number[], ordered: boolean, one: (at: number, index: number) => void): WriteError[] {
  const errors: WriteError[] = [];
  for (const [index, at] of offsets.entries()) {
    try {
      one(at, index);
    } catch (thrown) {
      if (!(thrown instanceof CommandFailure)) throw thrown;
      errors.push({ index, code: thrown.code, ...thrown.extra, errmsg: thrown.message });
      if (ordered) break;
    }
  }
  return errors;
}

function bulkOf(
  context: CommandContext,
  field: string,
): { readonly offsets: readonly number[]; readonly ordered: boolean; readonly sync: boolean; readonly name: string } {
  const offsets = documentOffsets(context, field);
  if (offsets.length === 0 || offsets.length > MAX_BULK)
    throw new CommandFailure("InvalidLength", `Write batch sizes must be between 1 and ${MAX_BULK}. Got ${offsets.length} operations.`);
  return { offsets, ordered: context.body.ordered !== false, sync: wantsSync(context.body), name: collectionName(context) };
}

/** A document that may be stored: size, `_id` first (made here when the client sent none) and of a kind that can be a key. */
function storable(document: Buffer): Buffer {
  const id = findElement(document, 0, ID_NAME);
  let whole = document;
  if (id === undefined) {
    const made = serialize({ _id: new ObjectId() });
    whole = buildDocument([made.subarray(4, made.length - 1), document.subarray(4, document.length - 1)]);
  } else {
    if (id.type === BSON.array || id.type === BSON.regex || id.type === BSON.undefined)
      throw new CommandFailure("InvalidIdField", "The '_id' value cannot be of type array, regex or undefined");
    if (id.head !== 4)
      whole = buildDocument([
        document.subarray(id.head, id.end),
        document.subarray(4, id.head),
        document.subarray(id.end, document.length - 1),
      ]);
  }
  if (whole.length > MAX_DOCUMENT_BYTES)
    throw new CommandFailure(
      "BSONObjectTooLarge",
      `BSONObj size: ${whole.length} is invalid. Size must be between 0 and ${MAX_DOCUMENT_BYTES}`,
    );
  return whole;
}

const validators = new WeakMap<Collection, { readonly matcher: Matcher | undefined }>();

/** A document that the collection's validator refuses: code 121. */
export function checkValid(collection: Collection, document: Buffer): void {
  if (collection.options.validator === undefined) return;
  let known = validators.get(collection);
  if (!known) {
    known = { matcher: compileFilter(collection.options.validator as Document) };
    validators.set(collection, known);
  }
  if (known.matcher && !known.matcher.matches(document))
    throw new CommandFailure("DocumentValidationFailure", "Document failed validation");
}

function insertDocument(collection: Collection, document: Buffer): Buffer {
  const whole = storable(document);
  checkValid(collection, whole);
  collection.insert(idKeyOf(whole) as Buffer, whole);
  return whole;
}

/** insert: documents as sent, one by one. */
const insert: Command = {
  name: "insert",
  run: async (context) => {
    const { offsets, ordered, sync, name } = bulkOf(context, "documents");
    const { bytes } = context.request;
    const { catalog, file } = context.state;
    return await file.write(
      () => {
        const collection = catalog.findOrCreate(context.database, name);
        let n = 0;
        const errors = runBulk(offsets, ordered, (at) => {
          insertDocument(collection, bytes.subarray(at, at + documentSize(bytes, at)) as Buffer);
          n++;
        });
        return { n, ...(errors.length > 0 ? { writeErrors: errors } : {}), ok: 1 };
      },
      { sync },
    );
  },
};

type UpdateCounts = { n: number; nModified: number; upserted: { index: number; _id: unknown }[] };

/** update: the direct way where an operation allows it, the query language else. */
const update: Command = {
  name: "update",
  run: async (context) => {
    const { offsets, ordered, sync, name } = bulkOf(context, "updates");
    const { bytes } = context.request;
    const { catalog, file } = context.state;
    return await file.write(
      () => {
        const counts: UpdateCounts = { n: 0, nModified: 0, upserted: [] };
        const errors = runBulk(offsets, ordered, (at, index) => {
          const existing = catalog.find(context.database, name);
          const create = (): Collection => catalog.findOrCreate(context.database, name);
          if (!updateDirectly(existing, create, bytes, at, index, counts)) updateGenerally(existing, create, bytes, at, index, counts);
        });
        return {
          n: counts.n,
          ...(counts.upserted.length > 0 ? { upserted: counts.upserted } : {}),
          nModified: counts.nModified,
          ...(errors.length > 0 ? { writeErrors: errors } : {}),
          ok: 1,
        };
      },
      { sync },
    );
  },
};

function updateDirectly(
  existing: Collection | undefined,
  create: () => Collection,
  bytes: Buffer,
  at: number,
  index: number,
  counts: UpdateCounts,
): boolean {
  const direct = readDirectUpdate(bytes, at);
  if (direct === undefined) return false;
  const stored = existing?.byId(direct.idKey);
  if (stored === undefined) {
    if (!direct.upsert) return true;
    const document = applyDirect(direct, undefined);
    insertDocument(create(), document);
    counts.n++;
    counts.upserted.push({ index, _id: idValue(direct.idElement) });
    return true;
  }
  const document = applyDirect(direct, stored.document);
  if (!document.equals(stored.document)) {
    replaceStored(existing as Collection, stored, document);
    counts.nModified++;
  }
  counts.n++;
  return true;
}

function replaceStored(collection: Collection, stored: Stored, document: Buffer): void {
  if (document.length > MAX_DOCUMENT_BYTES)
    throw new CommandFailure("BSONObjectTooLarge", `Resulting document after update is larger than ${MAX_DOCUMENT_BYTES}`);
  checkValid(collection, document);
  collection.replace(stored, document);
}

function idValue(element: Buffer): unknown {
  return deserialize(buildDocument([element]), { promoteBuffers: false })._id as unknown;
}

const UPDATE_FIELDS = new Set(["q", "u", "upsert", "multi", "arrayFilters", "hint", "collation", "c", "sort", "upsertSupplied"]);

function updateGenerally(
  existing: Collection | undefined,
  create: () => Collection,
  bytes: Buffer,
  at: number,
  index: number,
  counts: UpdateCounts,
): void {
  const elements = elementsOf(bytes, at);
  for (const element of elements)
    if (!UPDATE_FIELDS.has(nameOf(bytes, element)))
      throw new CommandFailure("Location40415", `BSON field 'update.updates.${nameOf(bytes, element)}' is an unknown field.`);
  const operation = decodeDocument(bytes.subarray(at, at + documentSize(bytes, at)));
  const u = requiredElement(bytes, elements, "u");
  const q = requiredElement(bytes, elements, "q");
  const filter = operation.q as Document;
  const modification = readModification(bytes.subarray(u.start, u.end) as Buffer, u.type === BSON.array);
  if (operation.multi === true && modification.kind === "replace")
    throw new CommandFailure("FailedToParse", "multi update is not supported for replacement-style update");
  const options = { filter, arrayFilters: (operation.arrayFilters ?? []) as Document[] };
  const found = existing
    ? select(existing, filter, {
        limit: operation.multi === true ? 0 : 1,
        hint: operation.hint,
        sort: operation.sort as Document | undefined,
      })
    : [];
  if (found.length === 0 && operation.upsert === true) {
    const document = insertDocument(create(), upsertDocument(bytes.subarray(q.start, q.end) as Buffer, modification, options));
    counts.n++;
    counts.upserted.push({ index, _id: deserialize(document, { promoteBuffers: false })._id as unknown });
    return;
  }
  if (found.length === 0) compileFilter(filter);
  for (const stored of found) {
    const document = modify(stored.document, modification, options);
    counts.n++;
    if (document.equals(stored.document)) continue;
    replaceStored(existing as Collection, stored, document);
    counts.nModified++;
  }
}

function requiredElement(bytes: Buffer, elements: readonly RawElement[], name: string): RawElement {
  const element = elements.find((candidate) => isNamed(bytes, candidate, name));
  if (!element || (element.type !== BSON.object && element.type !== BSON.array))
    throw new CommandFailure("FailedToParse", `BSON field 'update.updates.${name}' is missing or not an object`);
  return element;
}

/** The stored documents that match, all of them before any is changed; `limit` 0 for all. */
export function select(
  collection: Collection,
  filter: Document,
  options: { readonly limit: number; readonly hint?: unknown; readonly sort?: Document | undefined },
): Stored[] {
  const sort = parseSort(options.sort);
  const plan = planQuery(collection, filter, sort, options.hint ?? undefined);
  const matcher = compileFilter(filter);
  const found: Stored[] = [];
  const stop = options.limit > 0 && plan.sorted ? options.limit : Infinity;
  for (const stored of scan(collection, plan, matcher, options.limit || undefined)) {
    found.push(stored);
    if (found.length >= stop) break;
  }
  if (plan.sorted) return found;
  const keyOf = sortKeys(sort);
  const keyed = found.map((stored) => ({ stored, key: keyOf(stored.document) }));
  keyed.sort((a, b) => Buffer.compare(a.key, b.key) || a.stored.rid - b.stored.rid);
  return keyed.slice(0, options.limit || undefined).map((item) => item.stored);
}

/** delete: limit 1 or 0 (all). */
const deleteCommand: Command = {
  name: "delete",
  run: async (context) => {
    const { offsets, ordered, sync, name } = bulkOf(context, "deletes");
    const { bytes } = context.request;
    const { catalog, file } = context.state;
    return await file.write(
      () => {
        let n = 0;
        const errors = runBulk(offsets, ordered, (at) => {
          const operation = decodeDocument(bytes.subarray(at, at + documentSize(bytes, at)));
          const limit = Number(operation.limit);
          if (limit !== 0 && limit !== 1)
            throw new CommandFailure("FailedToParse", `The limit field in delete objects must be 0 or 1. Got ${String(operation.limit)}`);
          const collection = catalog.find(context.database, name);
          if (!collection) return;
          for (const stored of select(collection, operation.q as Document, { limit, hint: operation.hint as unknown })) {
            collection.remove(stored);
            n++;
          }
        });
        return { n, ...(errors.length > 0 ? { writeErrors: errors } : {}), ok: 1 };
      },
      { sync },
    );
  },
};

export const writeCommands: readonly Command[] = [insert, update, deleteCommand];
export { insertDocument, replaceStored };
