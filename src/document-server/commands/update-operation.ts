import { deserialize, type Document } from "bson";
import { BSON, documentSize, elementsOf, isNamed, nameOf, type RawElement } from "../bson/raw.ts";
import { decodeDocument } from "../bson/values.ts";
import { CommandFailure } from "../failure.ts";
import { compileFilter, type MatchOptions } from "../query/matcher.ts";
import type { Collection, Stored } from "../storage/collection.ts";
import { modify, readModification, upsertDocument, type Modification } from "../update/modify.ts";
import { withCollation } from "./command-options.ts";
import { insertDocument, refuseView, replaceStored, select } from "./stored-writes.ts";

/** One update as it was asked for, by `update`, `bulkWrite` or `findAndModify`. */
export type UpdateOperation = {
  readonly filter: Document;
  readonly filterBytes: Buffer;
  readonly modification: Modification;
  readonly multi: boolean;
  readonly upsert: boolean;
  readonly arrayFilters: readonly unknown[];
  readonly hint: unknown;
  readonly sort: Document | undefined;
  readonly match: MatchOptions;
};

/** Where updates go and what they share. */
export type UpdateTarget = {
  readonly existing: Collection | undefined;
  readonly create: () => Collection;
  readonly bypassValidation: boolean;
  readonly nowMs: number;
};

export type UpdateOutcome = {
  readonly matched: number;
  readonly modified: number;
  readonly upserted: { readonly _id: unknown } | undefined;
};

const NAMES = {
  update: {
    filter: "q",
    change: "u",
    fields: ["multi", "upsert", "arrayFilters", "hint", "collation", "c", "sort", "upsertSupplied", "sampleId"],
  },
  bulkWrite: {
    filter: "filter",
    change: "updateMods",
    fields: ["update", "multi", "upsert", "arrayFilters", "hint", "collation", "constants", "sort", "upsertSupplied", "sampleId"],
  },
} as const;

/** Reads one operation of a bulk from its bytes at `at`. */
export function readUpdateOperation(bytes: Buffer, at: number, command: keyof typeof NAMES, match: MatchOptions): UpdateOperation {
  const names = NAMES[command];
  const known = new Set<string>([names.filter, names.change, ...names.fields]);
  const where = command === "update" ? "update.updates" : "bulkWrite.ops";
  const elements = elementsOf(bytes, at);
  for (const element of elements)
    if (!known.has(nameOf(bytes, element)))
      throw new CommandFailure("Location40415", `BSON field '${where}.${nameOf(bytes, element)}' is an unknown field.`);
  const operation = decodeDocument(bytes.subarray(at, at + documentSize(bytes, at)));
  const q = required(bytes, elements, names.filter, where);
  const u = required(bytes, elements, names.change, where);
  if (q.type !== BSON.object)
    throw new CommandFailure("TypeMismatch", `BSON field '${where}.${names.filter}' is the wrong type, expected type 'object'`);
  if (u.type !== BSON.object && u.type !== BSON.array)
    throw new CommandFailure("FailedToParse", "Update argument must be either an object or an array");
  const modification = readModification(bytes.subarray(u.start, u.end) as Buffer, u.type === BSON.array);
  const multi = flag(operation.multi);
  const sort = operation.sort as Document | undefined;
  if (multi && modification.kind === "replace")
    throw new CommandFailure("FailedToParse", "multi update is not supported for replacement-style update");
  if (multi && sort !== undefined) throw new CommandFailure("FailedToParse", "Cannot specify sort with multi=true");
  if (operation.arrayFilters !== undefined && modification.kind === "pipeline")
    throw new CommandFailure("FailedToParse", "arrayFilters may not be specified for pipeline-syle updates");
  if (operation.arrayFilters !== undefined && modification.kind === "replace")
    throw new CommandFailure("FailedToParse", "arrayFilters may not be specified for replacement-style updates");
  return {
    filter: operation[names.filter] as Document,
    filterBytes: bytes.subarray(q.start, q.end) as Buffer,
    modification,
    multi,
    upsert: flag(operation.upsert),
    arrayFilters: (operation.arrayFilters ?? []) as unknown[],
    hint: operation.hint as unknown,
    sort,
    match: withCollation(match, operation.collation),
  };
}

function flag(value: unknown): boolean {
  return value === true || (typeof value === "number" && value !== 0);
}

function required(bytes: Buffer, elements: readonly RawElement[], name: string, where: string): RawElement {
  const element = elements.find((candidate) => isNamed(bytes, candidate, name));
  if (!element) throw new CommandFailure("Location40414", `BSON field '${where}.${name}' is missing but a required field`);
  return element;
}

/** Carries an update out, inside a write job. */
export function runUpdate(operation: UpdateOperation, target: UpdateTarget): UpdateOutcome {
  const { filter, modification, match } = operation;
  const options = { filter, arrayFilters: operation.arrayFilters, match, nowMs: target.nowMs };
  refuseView(target.existing);
  const found = target.existing
    ? select(target.existing, filter, { limit: operation.multi ? 0 : 1, hint: operation.hint, sort: operation.sort, match })
    : [];
  if (found.length === 0) {
    compileFilter(filter, match);
    if (!operation.upsert) return { matched: 0, modified: 0, upserted: undefined };
    const document = insertDocument(target.create(), upsertDocument(operation.filterBytes, modification, options), target.bypassValidation);
    return {
      matched: 0,
      modified: 0,
      upserted: { _id: deserialize(document, { promoteValues: false, promoteBuffers: false })._id as unknown },
    };
  }
  let modified = 0;
  for (const stored of found) if (updateStored(operation, target, stored)) modified++;
  return { matched: found.length, modified, upserted: undefined };
}

/** Updates one stored document, inside a write job; false where that changes nothing. */
export function updateStored(operation: UpdateOperation, target: UpdateTarget, stored: Stored): boolean {
  const { filter, modification, match, arrayFilters } = operation;
  const document = modify(stored.document, modification, { filter, arrayFilters, match, nowMs: target.nowMs });
  if (document.equals(stored.document)) return false;
  replaceStored(target.existing as Collection, stored, document, target.bypassValidation);
  return true;
}
