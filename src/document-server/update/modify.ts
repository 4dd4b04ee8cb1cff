import { BSONRegExp, Double, Int32, Long, ObjectId, type Document } from "bson";
import { decodeDocument, decodeTyped, encodeDocument, keyOf } from "../bson/values.ts";
import { CommandFailure } from "../failure.ts";
import { isPlain } from "../query/predicates.ts";
import { asCommandFailure } from "../query/mingo-failure.ts";
import { mingo } from "../query/mingo-context.ts";

/**
 * What an update does to documents, read from the bytes of `u`: a replacement, operators, or a pipeline. The plain form is what mingo works
 * with, the typed one keeps the BSON types of its numbers.
 */
export type Modification =
  | { readonly kind: "replace"; readonly typed: Document }
  | {
      readonly kind: "operators";
      readonly plain: Document;
      readonly typed: Document;
      readonly onInsert: Document;
      readonly onInsertTyped: Document;
    }
  | { readonly kind: "pipeline"; readonly stages: readonly Document[] };

const PIPELINE_STAGES = new Set(["$set", "$addFields", "$unset", "$project", "$replaceRoot", "$replaceWith"]);
const OPERATORS = new Set([
  "$set",
  "$setOnInsert",
  "$inc",
  "$mul",
  "$min",
  "$max",
  "$unset",
  "$rename",
  "$push",
  "$addToSet",
  "$pull",
  "$pullAll",
  "$pop",
  "$bit",
  "$currentDate",
]);
const NUMERIC_OPERATORS = ["$inc", "$mul"];

export function readModification(bytes: Buffer, isArray: boolean): Modification {
  const plain = decodeDocument(bytes);
  if (isArray) {
    const stages = Object.values(plain) as Document[];
    for (const stage of stages) {
      const name = Object.keys(stage)[0] ?? "";
      if (!PIPELINE_STAGES.has(name)) throw new CommandFailure("InvalidOptions", `${name} is not allowed to be used within an update`);
    }
    return { kind: "pipeline", stages };
  }
  const typed = decodeTyped(bytes);
  const names = Object.keys(plain);
  if (!names[0]?.startsWith("$")) {
    const dollar = names.find((name) => name.startsWith("$"));
    if (dollar)
      throw new CommandFailure(
        "DollarPrefixedFieldName",
        `The dollar ($) prefixed field '${dollar}' in '${dollar}' is not allowed in the context of an update's replacement document.`,
      );
    return { kind: "replace", typed };
  }
  for (const name of names) {
    if (!OPERATORS.has(name))
      throw new CommandFailure(
        "FailedToParse",
        `Unknown modifier: ${name}. Expected a valid update modifier or pipeline-style update specified as an array`,
      );
    if (typeof plain[name] !== "object" || plain[name] === null)
      throw new CommandFailure("FailedToParse", `Modifiers operate on fields but we found another type instead: {${name}: ...}`);
  }
  for (const name of NUMERIC_OPERATORS)
    for (const [field, amount] of Object.entries((plain[name] ?? {}) as Document)) {
      if (amount instanceof Long) (plain[name] as Document)[field] = amount.toNumber();
      else if (typeof amount !== "number")
        throw new CommandFailure(
          "TypeMismatch",
          `Cannot ${name === "$inc" ? "increment" : "multiply"} with non-numeric argument: {${field}: ${JSON.stringify(amount)}}`,
        );
    }
  const { $setOnInsert: onInsert = {}, ...rest } = plain;
  const { $setOnInsert: onInsertTyped = {}, ...restTyped } = typed;
  return { kind: "operators", plain: rest, typed: restTyped, onInsert: onInsert as Document, onInsertTyped: onInsertTyped as Document };
}

export type ModifyOptions = { readonly filter: Document; readonly arrayFilters: Document[]; readonly inserting?: boolean };

/** The stored document after the modification. Throws ImmutableField when `_id` would change. */
export function modify(stored: Buffer, modification: Modification, options: ModifyOptions): Buffer {
  const before = decodeTyped(stored);
  let after: Document;
  if (modification.kind === "replace") after = { ...modification.typed };
  else if (modification.kind === "pipeline") {
    const run = new (mingo().Aggregator)(modification.stages as Document[], mingo().options);
    after = retype(
      asCommandFailure(() => run.run([decodeDocument(stored)])[0] ?? {}),
      before,
    ) as Document;
  } else {
    const document = decodeDocument(stored);
    checkNumericTargets(document, modification.plain);
    if (Object.keys(modification.plain).length > 0) applyOperators(document, modification.plain, options);
    const hints = before;
    for (const [path, value] of Object.entries((modification.typed.$set ?? {}) as Document)) setPath(hints, path, value);
    if (options.inserting)
      for (const [path, value] of Object.entries(modification.onInsert)) {
        setPath(document, path, value);
        setPath(hints, path, modification.onInsertTyped[path]);
      }
    after = retype(document, hints) as Document;
  }
  return withId(after, decodeTyped(stored)._id);
}

function applyOperators(document: Document, operators: Document, options: ModifyOptions): void {
  const positional = Object.values(operators).some((fields) =>
    Object.keys(fields as Document).some((path) => path.includes(".$") && !path.includes(".$[")),
  );
  asCommandFailure(() =>
    mingo().update(document, operators as never, options.arrayFilters, positional ? (options.filter as never) : {}, {
      cloneMode: "deep",
      queryOptions: mingo().options,
    }),
  );
}

/** MongoDB refuses $inc and $mul on a field that is not a number (code 14); mingo passes over it. */
function checkNumericTargets(document: Document, operators: Document): void {
  for (const name of NUMERIC_OPERATORS)
    for (const path of Object.keys((operators[name] ?? {}) as Document)) {
      if (path.includes("$")) continue;
      const parts = path.split(".");
      let value: unknown = document;
      for (const part of parts) value = (value as Document | null | undefined)?.[part];
      if (value instanceof Long) setPath(document, path, value.toNumber());
      else if (value !== undefined && typeof value !== "number")
        throw new CommandFailure(
          "TypeMismatch",
          `Cannot apply ${name} to a value of non-numeric type. {_id: ${JSON.stringify(document._id)}} has the field '${parts.at(-1)}' of non-numeric type`,
        );
    }
}

/** Puts `_id` first and refuses a change of it. A document without one keeps `id`. */
function withId(document: Document, id: unknown): Buffer {
  if (id === undefined) return encodeDocument(document);
  if (document._id !== undefined && !keyOf(document._id).equals(keyOf(id)))
    throw new CommandFailure("ImmutableField", "Performing an update on the path '_id' would modify the immutable field '_id'");
  const { _id, ...rest } = document;
  return encodeDocument({ _id: _id ?? id, ...rest });
}

/** The document that an upsert inserts: the filter's equalities, then the modification; `_id` from either, or a new ObjectId. */
export function upsertDocument(filterBytes: Buffer, modification: Modification, options: ModifyOptions): Buffer {
  const seed: Document = {};
  seedFrom(decodeTyped(filterBytes), seed);
  if (modification.kind === "replace") {
    const { _id, ...rest } = modification.typed;
    return withId({ _id: _id ?? seed._id ?? new ObjectId(), ...rest }, seed._id);
  }
  const onInsertId =
    modification.kind === "operators"
      ? (modification.onInsertTyped._id ?? (modification.typed.$set as Document | undefined)?._id)
      : undefined;
  if (seed._id === undefined && onInsertId !== undefined) seed._id = onInsertId;
  const cleared = modification.kind === "operators" ? withoutId(modification) : modification;
  const made = modify(encodeDocument(seed), cleared, { ...options, inserting: true });
  return "_id" in seed ? made : withNewId(made);
}

function withNewId(document: Buffer): Buffer {
  const decoded = decodeTyped(document);
  return "_id" in decoded ? document : encodeDocument({ _id: new ObjectId(), ...decoded });
}

function withoutId(modification: Extract<Modification, { kind: "operators" }>): Modification {
  const drop = (fields: Document): Document => Object.fromEntries(Object.entries(fields).filter(([name]) => name !== "_id"));
  const plain = modification.plain.$set ? { ...modification.plain, $set: drop(modification.plain.$set as Document) } : modification.plain;
  return { ...modification, plain, onInsert: drop(modification.onInsert) };
}

function seedFrom(filter: Document, seed: Document): void {
  for (const [field, condition] of Object.entries(filter)) {
    if (field === "$and" && Array.isArray(condition)) for (const part of condition) seedFrom(part as Document, seed);
    if (field.startsWith("$")) continue;
    const isOperators = isPlain(condition) && Object.keys(condition)[0]?.startsWith("$");
    if (!isOperators) {
      if (!(condition instanceof BSONRegExp)) setPath(seed, field, condition);
    } else if ("$eq" in condition) setPath(seed, field, condition.$eq);
  }
}

function setPath(document: Document, path: string, value: unknown): void {
  if (path.includes("$")) return;
  const parts = path.split(".");
  if (parts.includes("__proto__")) throw new CommandFailure("BadValue", `'__proto__' may not stand in the path '${path}'`);
  let at = document;
  for (const part of parts.slice(0, -1)) {
    if (!Object.hasOwn(at, part) || typeof at[part] !== "object" || at[part] === null) at[part] = {};
    at = at[part] as Document;
  }
  at[parts.at(-1) as string] = value;
}

/** Numbers get back the BSON type that the same place had: a Double stays one when its value is whole, a Long stays one when it is small. */
function retype(value: unknown, hint: unknown): unknown {
  if (typeof value === "number") {
    if (hint instanceof Double) return new Double(value);
    if (hint instanceof Long && Number.isInteger(value)) return Long.fromNumber(value);
    if (Number.isInteger(value) && Number.isSafeInteger(value) && Math.abs(value) >= 2 ** 31 && hint instanceof Int32)
      return Long.fromNumber(value);
    return value;
  }
  if (value instanceof RegExp && hint instanceof BSONRegExp) return hint;
  if (Array.isArray(value)) return value.map((item, i) => retype(item, Array.isArray(hint) ? hint[i] : undefined));
  if (isPlain(value)) {
    const hints = isPlain(hint) ? hint : {};
    return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, retype(inner, hints[name])]));
  }
  return value;
}
