import type { Document } from "bson";
import { RANK } from "../bson/order-key.ts";
import { keyOf } from "../bson/values.ts";
import { CommandFailure } from "../failure.ts";
import { idIndex, type Collection, type CollectionIndex } from "../storage/collection.ts";
import { keyPattern, type IndexField } from "../storage/index-spec.ts";
import { ALL_KEYS, boundsOf, columnRanges, type FieldBounds, type KeyRange } from "./bounds.ts";
import { isPlain } from "./predicates.ts";
import { impliesPartial, isPresent } from "./partial.ts";

/** How a query reads an index. `sorted`: the order of reading is the order asked for. */
export type IndexPlan = {
  readonly stage: "IXSCAN" | "IDHACK";
  readonly index: CollectionIndex;
  readonly ranges: readonly KeyRange[];
  readonly backward: boolean;
  readonly sorted: boolean;
  /** What is held of each column of the index that the filter bounds, in the order of the columns. */
  readonly bounded: readonly { readonly field: string; readonly bounds: FieldBounds }[];
  /** Nothing is left of the filter: no document needs to be matched. */
  readonly exact: boolean;
};

/** How a query reads its collection. */
export type QueryPlan = { readonly stage: "COLLSCAN"; readonly backward: boolean; readonly sorted: boolean } | IndexPlan;

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
  return planQueries(collection, filter, sort, hint)[0] as QueryPlan;
}

/** Every plan that would give the answer, the one to take first. */
export function planQueries(collection: Collection, filter: Document, sort: SortSpec, hint?: unknown): QueryPlan[] {
  if (sort.length === 1 && sort[0]?.path === "$natural") return [{ stage: "COLLSCAN", backward: sort[0].descending, sorted: true }];
  const bounds = boundsOf(filter);
  const id = idIndex(collection);
  const hinted = hint === undefined || hint === null || hint === "" ? undefined : resolveHint(collection, id, hint);
  if (hinted === undefined && isIdLookup(filter, bounds)) {
    const held = bounds.get("_id") as FieldBounds;
    const ranges = columnRanges(Buffer.alloc(0), held, false);
    return [{ stage: "IDHACK", index: id, ranges, backward: false, sorted: true, bounded: [{ field: "_id", bounds: held }], exact: true }];
  }
  if (hinted === "forward" || hinted === "backward")
    return [{ stage: "COLLSCAN", backward: hinted === "backward", sorted: sort.length === 0 }];
  if (hinted) return [planIndex(hinted, filter, bounds, sort).plan];
  const candidates = [id, ...collection.indexes]
    .filter((index) => !index.spec.hidden && !index.isBuilding && serves(index, bounds))
    .map((index) => planIndex(index, filter, bounds, sort))
    .filter(({ score }) => score > 0)
    .sort((a, b) => b.score - a.score);
  if (candidates.length > 0) return candidates.map(({ plan }) => plan);
  return [{ stage: "COLLSCAN", backward: false, sorted: sort.length === 0 }];
}

/** Whether the index holds every document that the filter may find. */
function serves({ spec }: CollectionIndex, bounds: ReadonlyMap<string, FieldBounds>): boolean {
  const held = (field: IndexField): FieldBounds | undefined => bounds.get(field.path.text);
  if (spec.sparse && !spec.fields.some((field) => isPresent(held(field) ?? {}))) return false;
  return spec.partial === undefined || impliesPartial(spec.partial.filter, bounds);
}

function resolveHint(collection: Collection, id: CollectionIndex, hint: unknown): CollectionIndex | "forward" | "backward" {
  if (typeof hint === "object" && hint !== null && "$natural" in hint) return Number(hint.$natural) < 0 ? "backward" : "forward";
  if (typeof hint !== "string" && (typeof hint !== "object" || Array.isArray(hint)))
    throw new CommandFailure("FailedToParse", "Hint must be a string or an object");
  const wanted =
    typeof hint === "string"
      ? hint
      : JSON.stringify(Object.entries(hint as Document).map(([name, order]) => [name, typeof order === "string" ? order : Number(order)]));
  const found = [id, ...collection.indexes].find((index) =>
    typeof hint === "string" ? index.spec.name === hint : JSON.stringify(Object.entries(keyPattern(index.spec))) === wanted,
  );
  if (!found || found.spec.hidden || found.isBuilding)
    throw new CommandFailure(
      "BadValue",
      "error processing query: planner returned error :: caused by :: hint provided does not correspond to an existing index",
    );
  return found;
}

const MAX_RANGES = 1000;

function planIndex(
  index: CollectionIndex,
  filter: Document,
  bounds: Map<string, FieldBounds>,
  sort: SortSpec,
): { readonly plan: IndexPlan; readonly score: number } {
  const { fields } = index.spec;
  let ranges: KeyRange[] = [ALL_KEYS];
  let prefixes: Buffer[] = [Buffer.alloc(0)];
  const bounded: { readonly field: string; readonly bounds: FieldBounds }[] = [];
  let score = 0;
  let equalityColumns = 0;
  let arrays = 0;
  for (const [column, field] of fields.entries()) {
    const held = bounds.get(field.path.text);
    if (!held?.points && !held?.low && !held?.high) break;
    const isArray = isMultikey(index, column);
    if (isArray && arrays++ > 0) break;
    if (field.order === "hashed" && !held.points) break;
    const usable = isArray && !held.points && held.low && held.high ? { low: held.low } : held;
    const next = prefixes.flatMap((prefix) => columnRanges(prefix, usable, field.descending));
    if (next.length > MAX_RANGES) break;
    ranges = next;
    bounded.push({ field: field.path.text, bounds: usable });
    if (!held.points) {
      score += held.low && held.high ? 25 : 20;
      break;
    }
    score += 40;
    if (ranges.length === 1 && equalityColumns === column) equalityColumns++;
    prefixes = ranges.map((range) => range.low);
  }
  if (score > 0) score += (index.spec.unique && bounded.length === fields.length ? 5 : 0) + (index.spec.partial ? 1 : 0);
  const direction = sortDirection(index, equalityColumns, sort, bounded.length);
  const sorted = sort.length === 0 || direction !== undefined;
  if (sort.length > 0 && sorted) score += 30;
  if (score === 0 && (index.spec.sparse || index.spec.partial)) score = 10;
  return {
    plan: { stage: "IXSCAN", index, ranges, backward: direction === "backward", sorted, bounded, exact: isExact(index, filter, bounded) },
    score,
  };
}

const POINTS = new Set(["$eq", "$in"]);
const LOWS = new Set(["$gt", "$gte"]);
const HIGHS = new Set(["$lt", "$lte"]);

/**
 * Whether the ranges that are read say all that the filter does, so that no document needs to be held against it. Ranges of numbers without a
 * lower edge do not: they begin with NaN.
 */
function isExact(index: CollectionIndex, filter: Document, bounded: IndexPlan["bounded"]): boolean {
  if (index.multikey !== 0) return false;
  const held = new Map(bounded.map(({ field, bounds }) => [field, bounds]));
  return Object.entries(filter).every(([field, condition]) => {
    const bounds = held.get(field);
    if (!bounds || condition instanceof RegExp) return false;
    if (bounds.points?.some((point) => point === null || point === undefined)) return false;
    const names = isPlain(condition) ? Object.keys(condition) : [];
    if (!names.some((name) => name.startsWith("$"))) return true;
    if (bounds.points) return names.length === 1 && POINTS.has(names[0] as string);
    if (!bounds.low && bounds.high && keyOf(bounds.high.value)[0] === RANK.number) return false;
    const lows = names.filter((name) => LOWS.has(name)).length;
    const highs = names.filter((name) => HIGHS.has(name)).length;
    if (bounds.low && bounds.high && keyOf(bounds.low.value)[0] !== keyOf(bounds.high.value)[0]) return false;
    return lows + highs === names.length && lows === (bounds.low ? 1 : 0) && highs === (bounds.high ? 1 : 0);
  });
}

export function isMultikey(index: CollectionIndex, column: number): boolean {
  return ((index.multikey >> column) & 1) === 1;
}

/**
 * Whether reading the index gives the order: the sort's fields follow the columns that are held equal, all in the same sense or all against it.
 * A column of arrays gives it only where the index is read as a whole: its documents come by their least element then.
 */
function sortDirection(
  index: CollectionIndex,
  equalityColumns: number,
  sort: SortSpec,
  boundedColumns: number,
): "forward" | "backward" | undefined {
  if (sort.length === 0) return undefined;
  const { fields } = index.spec;
  const equal = new Set(
    fields
      .slice(0, equalityColumns)
      .filter((_, column) => !isMultikey(index, column))
      .map((field) => field.path.text),
  );
  const open = sort.filter((key) => !equal.has(key.path));
  if (open.length === 0) return "forward";
  for (let from = 0; from <= equalityColumns; from++) {
    const columns = fields.slice(from, from + open.length);
    if (columns.length < open.length || !columns.every((field, i) => field.path.text === open[i]?.path)) continue;
    if (columns.some((field, i) => field.order === "hashed" || (isMultikey(index, from + i) && boundedColumns > 0))) return undefined;
    const senses = columns.map((field, i) => field.descending === open[i]?.descending);
    if (senses.every((same) => same)) return "forward";
    if (senses.every((same) => !same)) return "backward";
  }
  return undefined;
}
