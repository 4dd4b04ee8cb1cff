import type { Document } from "bson";
import { decodeDocument } from "../bson/values.ts";
import { shown } from "../bson/shown.ts";
import { NULL_LEAF, open, plainValue, type ArrayNode, type Node, type ObjectNode } from "../bson/tree.ts";
import { CommandFailure } from "../failure.ts";
import type { MatchOptions } from "../query/matcher.ts";
import type { ArrayFilters } from "./array-filters.ts";
import { operatorFor, REMOVE, type Operator, type Place } from "./operators.ts";
import { positionalIndex } from "./positional.ts";
import { compareFieldPaths } from "./update-path.ts";

/** One field of an update document: `{$inc: {"a.b": 1}}` is name `$inc`, path `a.b`, argument 1. */
export type Change = { readonly name: string; readonly path: string; readonly argument: Node };

export type ApplyScope = {
  readonly filter: Document;
  readonly arrayFilters: ArrayFilters;
  readonly match: MatchOptions;
  readonly nowMs: number;
  readonly inserting: boolean;
};

/** MongoDB's bound on the nulls that a far index puts into an array. */
const MAX_PADDING = 1_500_000;

/** Carries out the changes on a document that is open, in the order of their paths. `stored` is its bytes, for the filter's `$`. */
export function applyChanges(root: ObjectNode, stored: Buffer, changes: readonly Change[], scope: ApplyScope): void {
  const held = root.fields.get("_id");
  const id = held && plainValue(held);
  for (const change of [...changes].sort((a, b) => compareFieldPaths(a.path, b.path))) {
    if (change.name === "$setOnInsert" && !scope.inserting) continue;
    if (change.name === "$rename") {
      rename(root, change, id);
      continue;
    }
    const operator = operatorFor(change.name, change.path, change.argument, scope) as Operator;
    const parts = resolved(change.path, stored, scope);
    walk(root, { parts, operator, filters: scope.arrayFilters, id }, 0);
  }
}

/** The path with `$` replaced by the index that the filter found. */
function resolved(path: string, stored: Buffer, scope: ApplyScope): string[] {
  const parts = path.split(".");
  const at = parts.indexOf("$");
  if (at < 0) return parts;
  if (scope.inserting) throw new CommandFailure("BadValue", "The positional operator did not find the match needed from the query.");
  parts[at] = String(positionalIndex(decodeDocument(stored), parts.slice(0, at).join("."), scope.filter, scope.match));
  return parts;
}

type Walk = { readonly parts: readonly string[]; readonly operator: Operator; readonly filters: ArrayFilters; readonly id: unknown };

/** Changes what lies below `node`, which is open, at the path's rest. */
function walk(node: ObjectNode | ArrayNode, way: Walk, depth: number): void {
  const part = way.parts[depth] as string;
  if (node.kind === "object") {
    if (isArrayStep(part)) refuseArrayStep(way, depth, node);
    step(way, depth, node.fields.get(part), (value) => {
      if (value === REMOVE) node.fields.delete(part);
      else node.fields.set(part, value);
    });
    return;
  }
  if (isArrayStep(part)) {
    const means = part === "$[]" ? (): boolean => true : (way.filters.get(part.slice(2, -1)) as (item: Node) => boolean);
    for (const [i, item] of [...node.items].entries())
      if (means(item)) step(way, depth, item, (value) => (node.items[i] = value === REMOVE ? NULL_LEAF : value));
    return;
  }
  if (!/^(0|[1-9]\d*)$/.test(part)) {
    if (way.operator.creates) throw notViable(way, depth, node);
    return;
  }
  const index = Number(part);
  step(way, depth, node.items[index], (value) => {
    if (value === REMOVE) {
      if (index < node.items.length) node.items[index] = NULL_LEAF;
      return;
    }
    if (index - node.items.length > MAX_PADDING)
      throw new CommandFailure(
        "CannotBackfillArray",
        `can't backfill more than ${MAX_PADDING} elements in an array, while updating '${way.parts.join(".")}'`,
      );
    while (node.items.length < index) node.items.push(NULL_LEAF);
    node.items[index] = value;
  });
}

/** One step down: the operator's work at the end of the path, or the walk into what stands here, made where it is missing. */
function step(way: Walk, depth: number, child: Node | undefined, put: (value: Node | typeof REMOVE) => void): void {
  if (depth === way.parts.length - 1) {
    const place: Place = { path: way.parts.join("."), name: way.parts[depth] as string, id: way.id };
    const result = way.operator.apply(child, place);
    if (result !== undefined) put(result);
    return;
  }
  if (child === undefined) {
    if (!way.operator.creates) return;
    if (isArrayStep(way.parts[depth + 1] as string))
      throw new CommandFailure(
        "BadValue",
        `The path '${way.parts.slice(0, depth + 1).join(".")}' must exist in the document in order to apply array updates.`,
      );
    const made: ObjectNode = { kind: "object", fields: new Map() };
    walk(made, way, depth + 1);
    put(made);
    return;
  }
  const inner = open(child);
  if (inner.kind === "leaf") {
    if (isArrayStep(way.parts[depth + 1] as string)) refuseArrayStep(way, depth + 1, inner);
    if (way.operator.creates) throw notViable(way, depth + 1, inner);
    return;
  }
  put(inner);
  walk(inner, way, depth + 1);
}

function isArrayStep(part: string): boolean {
  return part.startsWith("$[") && part.endsWith("]");
}

function refuseArrayStep(way: Walk, depth: number, node: Node): never {
  const name = way.parts[depth - 1] ?? "";
  throw new CommandFailure("BadValue", `Cannot apply array updates to non-array element ${name}: ${shown(plainValue(node))}`);
}

function notViable(way: Walk, depth: number, node: Node): CommandFailure {
  const name = way.parts[depth - 1] ?? "";
  return new CommandFailure(
    "PathNotViable",
    `Cannot create field '${way.parts[depth] as string}' in element {${name}: ${shown(plainValue(node))}}`,
  );
}

/** Takes the value from one path and puts it at another; neither may lead through an array. */
function rename(root: ObjectNode, change: Change, id: unknown): void {
  const from = change.argument;
  const source = (plainValue(from) as string).split(".");
  const target = change.path.split(".");
  let value: Node | undefined;
  const take: Operator = {
    creates: false,
    apply: (existing) => {
      value = existing;
      return existing === undefined ? undefined : REMOVE;
    },
  };
  refuseArrays(root, source, "source", id);
  if (valueIn(root, source) === undefined) return;
  refuseArrays(root, target, "destination", id);
  const way = { filters: new Map(), id };
  walk(root, { ...way, parts: source, operator: take }, 0);
  walk(root, { ...way, parts: target, operator: { creates: true, apply: () => value } }, 0);
}

function valueIn(root: ObjectNode, parts: readonly string[]): Node | undefined {
  let at: Node | undefined = root;
  for (const part of parts) {
    const inner: Node | undefined = at && open(at);
    at = inner?.kind === "object" ? inner.fields.get(part) : undefined;
  }
  return at;
}

function refuseArrays(root: ObjectNode, parts: readonly string[], which: "source" | "destination", id: unknown): void {
  for (let length = 1; length < parts.length; length++) {
    const node = valueIn(root, parts.slice(0, length));
    if (node && open(node).kind === "array")
      throw new CommandFailure(
        "BadValue",
        `The ${which} field cannot be an array element, '${parts.join(".")}' in doc with _id: ${shown(id)} has an array field called '${parts[length - 1] as string}'`,
      );
  }
}
