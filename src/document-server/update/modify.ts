import { BSONRegExp, Double, Int32, Long, ObjectId, type Document } from "bson";
import { shown } from "../bson/shown.ts";
import { encodeNode, leafOf, nodeKey, nodeType, openDocument, open, plainValue, type Node, type ObjectNode } from "../bson/tree.ts";
import { decodeDocument, decodeTyped, encodeDocument } from "../bson/values.ts";
import { CommandFailure } from "../failure.ts";
import type { MatchOptions } from "../query/matcher.ts";
import { asCommandFailure } from "../query/mingo-failure.ts";
import { mingo, mingoOptions } from "../query/mingo-context.ts";
import { isPlain } from "../query/predicates.ts";
import { applyChanges, type Change } from "./apply.ts";
import { readArrayFilters } from "./array-filters.ts";
import { operatorFor } from "./operators.ts";
import { checkConflicts, checkUpdatePath } from "./update-path.ts";

/** What an update does to documents, read from the bytes of `u`: a replacement, operators, or a pipeline. */
export type Modification =
  | { readonly kind: "replace"; readonly document: Buffer }
  | { readonly kind: "operators"; readonly changes: readonly Change[] }
  | { readonly kind: "pipeline"; readonly stages: readonly Document[] };

/** What an update needs beside the modification. */
export type ModifyOptions = {
  readonly filter: Document;
  readonly arrayFilters: readonly unknown[];
  readonly match: MatchOptions;
  readonly nowMs: number;
};

const PIPELINE_STAGES = new Set(["$set", "$addFields", "$unset", "$project", "$replaceRoot", "$replaceWith"]);
const OPERATORS = new Set([
  "$set",
  "$setOnInsert",
  "$unset",
  "$inc",
  "$mul",
  "$min",
  "$max",
  "$rename",
  "$push",
  "$addToSet",
  "$pull",
  "$pullAll",
  "$pop",
  "$bit",
  "$currentDate",
]);
const NOTHING: MatchOptions = {};

export function readModification(bytes: Buffer, isArray: boolean): Modification {
  if (isArray) {
    const stages = Object.values(decodeDocument(bytes)) as Document[];
    for (const stage of stages) {
      const name = Object.keys(stage)[0] ?? "";
      if (!PIPELINE_STAGES.has(name)) throw new CommandFailure("InvalidOptions", `${name} is not allowed to be used within an update`);
    }
    return { kind: "pipeline", stages };
  }
  const { fields } = openDocument(bytes);
  const names = [...fields.keys()];
  if (!names[0]?.startsWith("$")) {
    const dollar = names.find((name) => name.startsWith("$"));
    if (dollar)
      throw new CommandFailure(
        "DollarPrefixedFieldName",
        `The dollar ($) prefixed field '${dollar}' in '${dollar}' is not allowed in the context of an update's replacement document. Consider using an aggregation pipeline with $replaceWith.`,
      );
    return { kind: "replace", document: bytes };
  }
  const changes = [...fields].flatMap(([name, argument]) => changesOf(name, argument));
  checkConflicts(
    changes.flatMap((change) => (change.name === "$rename" ? [change.path, plainValue(change.argument) as string] : [change.path])),
  );
  return { kind: "operators", changes };
}

/** The fields of one operator, each checked once: what is wrong with it does not wait for a document that matches. */
function changesOf(name: string, argument: Node): Change[] {
  if (!OPERATORS.has(name))
    throw new CommandFailure(
      "FailedToParse",
      `Unknown modifier: ${name}. Expected a valid update modifier or pipeline-style update specified as an array`,
    );
  const fields = open(argument);
  if (fields.kind !== "object")
    throw new CommandFailure(
      "FailedToParse",
      `Modifiers operate on fields but we found type ${nodeType(argument)} instead. For example: {$mod: {<field>: ...}} not {${name}: ${shown(plainValue(argument))}}`,
    );
  return [...fields.fields].map(([path, value]) => {
    checkUpdatePath(path);
    if (name === "$rename") return renaming(path, value);
    operatorFor(name, path, value, { nowMs: 0, match: NOTHING });
    return { name, path, argument: value };
  });
}

/** $rename as a change at its target; the argument is the source. */
function renaming(from: string, target: Node): Change {
  const to = plainValue(target);
  if (typeof to !== "string") throw new CommandFailure("BadValue", `The 'to' field for $rename must be a string: ${from}: ${shown(to)}`);
  checkUpdatePath(to);
  if (from === to) throw new CommandFailure("BadValue", `The source and target field for $rename must differ: ${from}: "${to}"`);
  for (const [what, path] of [
    ["source", from],
    ["destination", to],
  ] as const)
    if (path.split(".").some((part) => part.startsWith("$")))
      throw new CommandFailure("BadValue", `The ${what} field for $rename may not be dynamic: ${path}`);
  return { name: "$rename", path: to, argument: leafOf(from) };
}

/** The stored document after the modification. Throws ImmutableField when `_id` would change. */
export function modify(stored: Buffer, modification: Modification, options: ModifyOptions): Buffer {
  if (modification.kind === "replace") return replaced(stored, modification.document);
  if (modification.kind === "pipeline") return withSameId(stored, openDocument(throughPipeline(stored, modification.stages, options)));
  const root = openDocument(stored);
  change(root, stored, modification.changes, options, false);
  return withSameId(stored, root);
}

function change(root: ObjectNode, stored: Buffer, changes: readonly Change[], options: ModifyOptions, inserting: boolean): void {
  const paths = changes.map(({ path }) => path);
  const arrayFilters = readArrayFilters(options.arrayFilters, paths, options.match);
  applyChanges(root, stored, changes, { ...options, arrayFilters, inserting });
}

function withSameId(stored: Buffer, after: ObjectNode): Buffer {
  const before = openDocument(stored).fields.get("_id") as Node;
  const id = after.fields.get("_id");
  if (id === undefined || !nodeKey(id).equals(nodeKey(before)))
    throw new CommandFailure("ImmutableField", "Performing an update on the path '_id' would modify the immutable field '_id'");
  if ([...after.fields.keys()][0] === "_id") return encodeNode(after);
  const { fields } = after;
  fields.delete("_id");
  return encodeNode({ kind: "object", fields: new Map([["_id", id], ...fields]) });
}

function replaced(stored: Buffer, document: Buffer): Buffer {
  const id = openDocument(stored).fields.get("_id") as Node;
  const { fields } = openDocument(document);
  const own = fields.get("_id");
  if (own && !nodeKey(own).equals(nodeKey(id)))
    throw new CommandFailure(
      "ImmutableField",
      `After applying the update, the (immutable) field '_id' was found to have been altered to _id: ${shown(plainValue(own))}`,
    );
  fields.delete("_id");
  return encodeNode({ kind: "object", fields: new Map([["_id", id], ...fields]) });
}

function throughPipeline(document: Buffer, stages: readonly Document[], options: ModifyOptions): Buffer {
  const before = decodeTyped(document);
  const after = asCommandFailure(
    () => new (mingo().Aggregator)(stages as Document[], mingoOptions(options.match)).run([decodeDocument(document)])[0] ?? {},
  );
  const typed = retype(after, before) as Document;
  return encodeDocument("_id" in typed || before._id === undefined ? typed : { _id: before._id as unknown, ...typed });
}

/** The document that an upsert inserts: the filter's equalities, then the modification; `_id` from either, or a new ObjectId. */
export function upsertDocument(filterBytes: Buffer, modification: Modification, options: ModifyOptions): Buffer {
  const equalities = new Map<string, Node>();
  equalitiesOf(openDocument(filterBytes), equalities);
  const idFromFilter = equalities.get("_id");
  if (modification.kind === "replace") {
    const { fields } = openDocument(modification.document);
    const own = fields.get("_id");
    if (own && idFromFilter && !nodeKey(own).equals(nodeKey(idFromFilter)))
      throw new CommandFailure(
        "ImmutableField",
        `After applying the update, the (immutable) field '_id' was found to have been altered to _id: ${shown(plainValue(own))}`,
      );
    return withId(fields, own ?? idFromFilter);
  }
  const seed: ObjectNode = { kind: "object", fields: new Map() };
  const given = [...equalities].map(([path, argument]): Change => ({ name: "$set", path, argument }));
  change(seed, Buffer.alloc(0), given, { ...options, arrayFilters: [] }, true);
  const seeded = encodeNode(seed);
  let root = openDocument(seeded);
  if (modification.kind === "pipeline") root = openDocument(throughPipeline(seeded, modification.stages, options));
  else change(root, seeded, modification.changes, options, true);
  const id = root.fields.get("_id");
  if (idFromFilter && (id === undefined || !nodeKey(id).equals(nodeKey(idFromFilter))))
    throw new CommandFailure("ImmutableField", "Performing an update on the path '_id' would modify the immutable field '_id'");
  return withId(root.fields, id);
}

function withId(fields: Map<string, Node>, id: Node | undefined): Buffer {
  fields.delete("_id");
  return encodeNode({ kind: "object", fields: new Map([["_id", id ?? leafOf(new ObjectId())], ...fields]) });
}

/** What a filter holds equal: the fields that an upsert begins with. */
function equalitiesOf(filter: ObjectNode, found: Map<string, Node>): void {
  for (const [field, condition] of filter.fields) {
    const inner = open(condition);
    if (field === "$and" && inner.kind === "array") for (const part of inner.items) descend(part, found);
    if (field === "$or" && inner.kind === "array" && inner.items.length === 1) descend(inner.items[0] as Node, found);
    if (field.startsWith("$")) continue;
    const value = equalityOf(condition, inner);
    if (value === undefined) continue;
    const twice = [...found.keys()].find((path) => path === field || path.startsWith(`${field}.`) || field.startsWith(`${path}.`));
    if (twice !== undefined)
      throw new CommandFailure("NotSingleValueField", `cannot infer query fields to set, path '${twice}' is matched twice`);
    found.set(field, value);
  }
}

function descend(node: Node, found: Map<string, Node>): void {
  const part = open(node);
  if (part.kind === "object") equalitiesOf(part, found);
}

function equalityOf(condition: Node, inner: Node): Node | undefined {
  if (inner.kind !== "object" || ![...inner.fields.keys()][0]?.startsWith("$"))
    return nodeType(condition) === "regex" ? undefined : condition;
  const equal = inner.fields.get("$eq");
  if (equal) return equal;
  for (const name of ["$in", "$all"]) {
    const list = inner.fields.get(name);
    const items = list && open(list);
    if (items?.kind === "array" && items.items.length === 1)
      return nodeType(items.items[0] as Node) === "regex" ? undefined : items.items[0];
  }
  return undefined;
}

/** Numbers of a pipeline's result get back the BSON type that the same place had: a Double stays one when its value is whole, a Long when it is small. */
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
    return Object.fromEntries(
      Object.entries(value).map(([name, inner]) => [name, retype(inner, Object.hasOwn(hints, name) ? hints[name] : undefined)]),
    );
  }
  return value;
}
