import { deserialize, type Document } from "bson";
import { buildDocument, documentSize } from "../bson/raw.ts";
import { decodeDocument } from "../bson/values.ts";
import { CommandFailure } from "../failure.ts";
import { compileFilter, type MatchOptions } from "../query/matcher.ts";
import type { Collection } from "../storage/collection.ts";
import { checkName } from "../storage/catalog.ts";
import { applyDirect, readDirectUpdate } from "../update/operation.ts";
import { collectionName, documentOffsets, wantsSync, type Command, type CommandContext } from "./command.ts";
import { readMatchOptions, withCollation } from "./command-options.ts";
import { insertDocument, refuseView, replaceStored, select } from "./stored-writes.ts";
import { changeInSlices, isLarge } from "./large-writes.ts";
import { readUpdateOperation, runUpdate, updateStored, type UpdateOperation, type UpdateTarget } from "./update-operation.ts";
import { textOf } from "../bson/shown.ts";

const MAX_BULK = 100_000;

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

type Bulk = {
  readonly offsets: readonly number[];
  readonly ordered: boolean;
  readonly sync: boolean;
  readonly name: string;
  readonly bypassValidation: boolean;
  readonly match: MatchOptions;
};

function bulkOf(context: CommandContext, field: string): Bulk {
  const { body } = context;
  const offsets = documentOffsets(context, field);
  if (offsets.length === 0 || offsets.length > MAX_BULK)
    throw new CommandFailure("InvalidLength", `Write batch sizes must be between 1 and ${MAX_BULK}. Got ${offsets.length} operations.`);
  const name = collectionName(context);
  checkName(context.database, name);
  return {
    offsets,
    ordered: body.ordered !== false,
    sync: wantsSync(body),
    name,
    bypassValidation: body.bypassDocumentValidation === true,
    match: readMatchOptions(body, undefined),
  };
}

/** insert: documents as sent, one by one. */
const insert: Command = {
  name: "insert",
  run: async (context) => {
    const { offsets, ordered, sync, name, bypassValidation } = bulkOf(context, "documents");
    const { bytes } = context.request;
    const { catalog, file } = context.state;
    return await file.write(
      () => {
        const collection = catalog.findOrCreate(context.database, name);
        refuseView(collection);
        let n = 0;
        const errors = runBulk(offsets, ordered, (at) => {
          insertDocument(collection, bytes.subarray(at, at + documentSize(bytes, at)) as Buffer, bypassValidation);
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
    const { offsets, ordered, sync, name, bypassValidation, match } = bulkOf(context, "updates");
    const { bytes } = context.request;
    const { catalog, file, clock } = context.state;
    const existing = catalog.find(context.database, name);
    if (offsets.length === 1 && isLarge(existing)) {
      const operation = readable(() => readUpdateOperation(bytes, offsets[0] as number, "update", match));
      const many = operation && (await updateMany(context, existing, operation, bypassValidation));
      if (many) return many;
    }
    return await file.write(
      () => {
        const counts: UpdateCounts = { n: 0, nModified: 0, upserted: [] };
        refuseView(catalog.find(context.database, name));
        const errors = runBulk(offsets, ordered, (at, index) => {
          const target: UpdateTarget = {
            existing: catalog.find(context.database, name),
            create: () => catalog.findOrCreate(context.database, name),
            bypassValidation,
            nowMs: clock.nowMs(),
          };
          if (updateDirectly(target, bytes, at, index, counts)) return;
          const outcome = runUpdate(readUpdateOperation(bytes, at, "update", match), target);
          counts.n += outcome.matched + (outcome.upserted ? 1 : 0);
          counts.nModified += outcome.modified;
          if (outcome.upserted) counts.upserted.push({ index, _id: outcome.upserted._id });
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

/** An update of all that match in a large collection; undefined for any other, and where nothing matches. */
async function updateMany(
  context: CommandContext,
  collection: Collection,
  operation: UpdateOperation,
  bypassValidation: boolean,
): Promise<Document | undefined> {
  if (!operation.multi) return undefined;
  refuseView(collection);
  let n = 0;
  let nModified = 0;
  const target: UpdateTarget = { existing: collection, create: () => collection, bypassValidation, nowMs: context.state.clock.nowMs() };
  const errors = await ofMany(() =>
    changeInSlices(context, collection, operation, wantsSync(context.body), (stored) => {
      n++;
      if (updateStored(operation, target, stored)) nModified++;
    }),
  );
  return n === 0 && errors.length === 0 ? undefined : { n, nModified, ...(errors.length > 0 ? { writeErrors: errors } : {}), ok: 1 };
}

/** An operation that can be read; one that cannot is refused where bulks are. */
function readable<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (thrown) {
    if (thrown instanceof CommandFailure) return undefined;
    throw thrown;
  }
}

/** What one operation of a bulk refuses is told as its error, not as the command's; that it was stopped is the command's own. */
async function ofMany(run: () => Promise<void>): Promise<WriteError[]> {
  try {
    await run();
    return [];
  } catch (thrown) {
    if (!(thrown instanceof CommandFailure) || ["MaxTimeMSExpired", "Interrupted", "ClientDisconnect"].includes(thrown.codeName))
      throw thrown;
    return [{ index: 0, code: thrown.code, ...thrown.extra, errmsg: thrown.message }];
  }
}

function updateDirectly(target: UpdateTarget, bytes: Buffer, at: number, index: number, counts: UpdateCounts): boolean {
  const direct = readDirectUpdate(bytes, at);
  if (direct === undefined) return false;
  const stored = target.existing?.byId(direct.idKey);
  if (stored === undefined) {
    if (!direct.upsert) return true;
    const document = applyDirect(direct, undefined);
    insertDocument(target.create(), document, target.bypassValidation);
    counts.n++;
    counts.upserted.push({ index, _id: idValue(direct.idElement) });
    return true;
  }
  const document = applyDirect(direct, stored.document);
  if (!document.equals(stored.document)) {
    replaceStored(target.existing as Collection, stored, document, target.bypassValidation);
    counts.nModified++;
  }
  counts.n++;
  return true;
}

function idValue(element: Buffer): unknown {
  return deserialize(buildDocument([element]), { promoteValues: false, promoteBuffers: false })._id as unknown;
}

/** Removes what matches; the number of documents removed. */
export function removeMatching(
  collection: Collection | undefined,
  filter: Document,
  limit: number,
  hint: unknown,
  match: MatchOptions,
): number {
  if (!collection) {
    compileFilter(filter, match);
    return 0;
  }
  const found = select(collection, filter, { limit, hint, match });
  for (const stored of found) collection.remove(stored);
  return found.length;
}

const DELETE_FIELDS = new Set(["q", "limit", "collation", "hint", "sampleId"]);

type DeleteOperation = { readonly filter: Document; readonly limit: number; readonly hint: unknown; readonly match: MatchOptions };

function readDelete(bytes: Buffer, at: number, match: MatchOptions): DeleteOperation {
  const operation = decodeDocument(bytes.subarray(at, at + documentSize(bytes, at)));
  const unknown = Object.keys(operation).find((field) => !DELETE_FIELDS.has(field));
  if (unknown) throw new CommandFailure("Location40415", `BSON field 'delete.deletes.${unknown}' is an unknown field.`);
  const limit = Number(operation.limit);
  if (limit !== 0 && limit !== 1)
    throw new CommandFailure("FailedToParse", `The limit field in delete objects must be 0 or 1. Got ${textOf(operation.limit)}`);
  return { filter: operation.q as Document, limit, hint: operation.hint as unknown, match: withCollation(match, operation.collation) };
}

async function deleteMany(context: CommandContext, collection: Collection, operation: DeleteOperation): Promise<Document> {
  refuseView(collection);
  let n = 0;
  const errors = await ofMany(() =>
    changeInSlices(context, collection, operation, wantsSync(context.body), (stored) => {
      collection.remove(stored);
      n++;
    }),
  );
  return { n, ...(errors.length > 0 ? { writeErrors: errors } : {}), ok: 1 };
}

/** delete: limit 1 or 0 (all). */
const deleteCommand: Command = {
  name: "delete",
  run: async (context) => {
    const { offsets, ordered, sync, name, match } = bulkOf(context, "deletes");
    const { bytes } = context.request;
    const { catalog, file } = context.state;
    const existing = catalog.find(context.database, name);
    if (offsets.length === 1 && isLarge(existing)) {
      const operation = readable(() => readDelete(bytes, offsets[0] as number, match));
      if (operation?.limit === 0) return await deleteMany(context, existing, operation);
    }
    return await file.write(
      () => {
        let n = 0;
        refuseView(catalog.find(context.database, name));
        const errors = runBulk(offsets, ordered, (at) => {
          const { filter, limit, hint, match: own } = readDelete(bytes, at, match);
          n += removeMatching(catalog.find(context.database, name), filter, limit, hint, own);
        });
        return { n, ...(errors.length > 0 ? { writeErrors: errors } : {}), ok: 1 };
      },
      { sync },
    );
  },
};

export const writeCommands: readonly Command[] = [insert, update, deleteCommand];
