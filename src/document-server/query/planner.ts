import type { Document } from "bson";
import { CommandFailure } from "../failure.ts";
import { idIndex, type Collection, type CollectionIndex } from "../storage/collection.ts";
import { keyPattern, type IndexField } from "../storage/index-spec.ts";
import { ALL_KEYS, boundsOf, columnRanges, type FieldBounds, type KeyRange } from "./bounds.ts";

/** How a query reads its collection. `sorted`: the order of reading is the order asked for. */
export type QueryPlan =
  | { readonly stage: "COLLSCAN"; readonly backward: boolean; readonly sorted: boolean }
  | {
      readonly stage: "IXSCAN" | "IDHACK";
      readonly index: CollectionIndex;
      readonly ranges: readonly KeyRange[];
      readonly backward: boolean;
      readonly sorted: boolean;
      /** Columns whose bounds the filter gave. */
      readonly bounded: readonly string[];
      /** Nothing is left of the filter: no document needs to be matched. */
      readonly exact: boolean;
    };

export type SortSpec = readonly { readonly path: string; readonly descending: boolean }[];

/** Reads a sort document; BadValue for anything but 1 and −1. $natural may stand alone. */
export function parseSort(sort: Document | undefined): SortSpec {
  if (sort === undefined || sort === null) return [];
  return Object.entries(sort).map(([path, order]) => {
    if (Number(order) !== 1 && Number(order) !== -1)
      throw new CommandFailure("BadValue", `$sort key ordering must be 1 (for ascending) or -1 (for descending): ${path}`);
    return { path, descending: Number(order) === -1 };
  });
}

/** Whether the filter is exactly {_id: value}. */
function isIdLookup(filter: Document, bounds: Map<string, FieldBounds>): boolean {
  return (
    Object.keys(filter).length === 1 && "_id" in filter && bounds.get("_id")?.points?.length === 1 && bounds.get("_id")?.points?.[0] != null
  );
}

/** Chooses the index with the longest equality prefix, then a range, then the order asked for; a scan of the collection else. */
export function planQuery(collection: Collection, filter: Document, sort: SortSpec, hint?: unknown): QueryPlan {
  if (sort.length === 1 && sort[0]?.path === "$natural") return { stage: "COLLSCAN", backward: sort[0].descending, sorted: true };
  const bounds = boundsOf(filter);
  const id = idIndex(collection);
  if (isIdLookup(filter, bounds) && hint === undefined) {
    const ranges = columnRanges(Buffer.alloc(0), bounds.get("_id") as FieldBounds, false);
    return { stage: "IDHACK", index: id, ranges, backward: false, sorted: true, bounded: ["_id"], exact: true };
  }
  const hinted = hint === undefined || hint === "" ? undefined : resolveHint(collection, id, hint);
  if (hinted === "natural") return { stage: "COLLSCAN", backward: false, sorted: sort.length === 0 };
  const choices = hinted ? [hinted] : [id, ...collection.indexes.filter((index) => !index.spec.sparse)];
  let best: { readonly plan: QueryPlan; readonly score: number } | undefined;
  for (const index of choices) {
    const candidate = planIndex(index, bounds, sort);
    const score = candidate.score + (hinted ? 1 : 0);
    if (score > (best?.score ?? 0)) best = { plan: candidate.plan, score };
  }
  return best?.plan ?? { stage: "COLLSCAN", backward: false, sorted: sort.length === 0 };
}

function resolveHint(collection: Collection, id: CollectionIndex, hint: unknown): CollectionIndex | "natural" {
  if (typeof hint === "object" && hint !== null && "$natural" in hint) return "natural";
  const wanted = JSON.stringify(
    typeof hint === "string" ? hint : Object.entries(hint as Document).map(([name, order]) => [name, Number(order)]),
  );
  const found = [id, ...collection.indexes].find((index) =>
    typeof hint === "string" ? index.spec.name === hint : JSON.stringify(Object.entries(keyPattern(index.spec))) === wanted,
  );
  if (!found)
    throw new CommandFailure(
      "BadValue",
      "error processing query: planner returned error: hint provided does not correspond to an existing index",
    );
  return found;
}

const MAX_RANGES = 1000;

function planIndex(
  index: CollectionIndex,
  bounds: Map<string, FieldBounds>,
  sort: SortSpec,
): { readonly plan: QueryPlan; readonly score: number } {
  const fields = index.spec.fields;
  let ranges: KeyRange[] = [ALL_KEYS];
  let prefixes: Buffer[] = [Buffer.alloc(0)];
  const bounded: string[] = [];
  let score = 0;
  let column = 0;
  let equalityColumns = 0;
  for (; column < fields.length; column++) {
    if (index.multikey && column > 0) break;
    const field = fields[column] as IndexField;
    const held = bounds.get(field.path.text);
    if (!held) break;
    const usable = index.multikey && !held.points && held.low && held.high ? { low: held.low } : held;
    const next = prefixes.flatMap((prefix) => columnRanges(prefix, usable, field.descending));
    if (next.length > MAX_RANGES) break;
    ranges = next;
    bounded.push(field.path.text);
    if (!held.points) {
      score += 20;
      break;
    }
    score += 40;
    if (ranges.length === 1 && equalityColumns === column) equalityColumns++;
    prefixes = ranges.map((range) => range.low);
  }
  const direction = sortDirection(fields, equalityColumns, sort, index.multikey && bounded.length > 0);
  const sorted = sort.length === 0 || direction !== undefined;
  if (sort.length > 0 && sorted) score += 30;
  return {
    plan: { stage: "IXSCAN", index, ranges, backward: direction === "backward", sorted, bounded, exact: false },
    score,
  };
}

/** Whether reading the index gives the order: the sort's fields follow the columns that are held equal, all in the same sense or all against it. */
function sortDirection(
  fields: readonly IndexField[],
  equalityColumns: number,
  sort: SortSpec,
  unordered: boolean,
): "forward" | "backward" | undefined {
  if (sort.length === 0 || unordered) return undefined;
  const equal = new Set(fields.slice(0, equalityColumns).map((field) => field.path.text));
  const open = sort.filter((key) => !equal.has(key.path));
  if (open.length === 0) return "forward";
  for (let from = 0; from <= equalityColumns; from++) {
    const columns = fields.slice(from, from + open.length);
    if (columns.length < open.length || !columns.every((field, i) => field.path.text === open[i]?.path)) continue;
    const senses = columns.map((field, i) => field.descending === open[i]?.descending);
    if (senses.every((same) => same)) return "forward";
    if (senses.every((same) => !same)) return "backward";
  }
  return undefined;
}
