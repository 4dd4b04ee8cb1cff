import { BSONRegExp, Decimal128 } from "bson";
import type { Document } from "bson";
import { RANK } from "../bson/order-key.ts";
import { keyOf } from "../bson/values.ts";
import { isPlain } from "./predicates.ts";

/** Keys from `low` up to, not with, `high`. */
export type KeyRange = { readonly low: Buffer; readonly high: Buffer };

/** What a filter says about one field: the points it may equal, or a lower and an upper edge within one type. */
export type FieldBounds = {
  points?: unknown[];
  low?: Edge;
  high?: Edge;
  /** {$exists: true}: no bound for keys, but what a sparse or partial index may need. */
  exists?: true;
};
export type Edge = { readonly value: unknown; readonly inclusive: boolean };

/** The bounds that a filter's conjunction sets on fields. What it cannot express is left to the matcher, which sees every candidate. */
export function boundsOf(filter: Document): Map<string, FieldBounds> {
  const bounds = new Map<string, FieldBounds>();
  addBounds(filter, bounds);
  return bounds;
}

function addBounds(filter: Document, bounds: Map<string, FieldBounds>): void {
  for (const [field, condition] of Object.entries(filter)) {
    if (field === "$and" && Array.isArray(condition)) for (const part of condition) addBounds(part as Document, bounds);
    if (field.startsWith("$")) continue;
    const held = bounds.get(field) ?? {};
    addCondition(condition, held);
    if (held.points || held.low || held.high || held.exists) bounds.set(field, held);
  }
}

function addCondition(condition: unknown, held: FieldBounds): void {
  if (isOperators(condition)) {
    for (const [operator, value] of Object.entries(condition)) {
      if (operator === "$eq") addPoints([value], held);
      else if (operator === "$in" && Array.isArray(value)) addPoints(value, held);
      else if (operator === "$exists" && (value === true || value === 1)) held.exists = true;
      else if (operator === "$regex" && condition.$options === undefined) addPrefix(value, held);
      else if (!isRangeable(value)) continue;
      else if (operator === "$gt" || operator === "$gte") held.low ??= { value, inclusive: operator === "$gte" };
      else if (operator === "$lt" || operator === "$lte") held.high ??= { value, inclusive: operator === "$lte" };
    }
  } else if (condition instanceof RegExp) addPrefix(condition, held);
  else addPoints([condition], held);
}

function addPoints(values: unknown[], held: FieldBounds): void {
  if (held.points !== undefined) return;
  if (values.some((value) => Array.isArray(value) || value instanceof RegExp || value instanceof BSONRegExp)) return;
  held.points = values;
}

/** A pattern that begins with ^ and plain characters, without flags, finds nothing but text that begins so (or itself, stored as a pattern). */
function addPrefix(pattern: unknown, held: FieldBounds): void {
  const source =
    pattern instanceof RegExp && pattern.flags.replace("u", "") === "" ? pattern.source : typeof pattern === "string" ? pattern : "";
  if (held.low || held.high || source.includes("|")) return;
  const prefix = /^\^((?:[\w \-:@/]|\\\.)+)(?![*?{+])/u.exec(source)?.[1]?.replaceAll("\\", "");
  if (prefix === undefined) return;
  const next = String.fromCharCode(prefix.charCodeAt(prefix.length - 1) + 1);
  held.low = { value: prefix, inclusive: true };
  held.high = { value: prefix.slice(0, -1) + next, inclusive: false };
}

function isOperators(condition: unknown): condition is Document {
  return isPlain(condition) && (Object.keys(condition)[0]?.startsWith("$") ?? false);
}

/** Values whose range stays within their type; NaN, null and containers are left to the matcher. */
function isRangeable(value: unknown): boolean {
  if (value === null || value === undefined || Array.isArray(value) || Number.isNaN(value) || value instanceof RegExp) return false;
  if (value instanceof Decimal128 && value.toString() === "NaN") return false;
  if (typeof value !== "object" || value instanceof Date) return true;
  return "_bsontype" in value && !["MinKey", "MaxKey", "Double", "BSONRegExp", "Code", "DBRef"].includes(String(value._bsontype));
}

/** The first key behind all that begin with `prefix`. */
export function successor(prefix: Buffer): Buffer {
  const next = Buffer.from(prefix);
  for (let at = next.length - 1; at >= 0; at--) {
    if (next[at] === 0xff) continue;
    next[at] = (next[at] as number) + 1;
    return next.subarray(0, at + 1);
  }
  return Buffer.from([0xff, 0xff]);
}

function prefixRange(prefix: Buffer): KeyRange {
  return { low: prefix, high: successor(prefix) };
}

/** The ranges of one key column, behind a prefix. null also reads what is stored as undefined (empty arrays), as $eq null may mean it. */
export function columnRanges(prefix: Buffer, bounds: FieldBounds, descending: boolean): KeyRange[] {
  if (bounds.points !== undefined) {
    const seen = new Map<string, KeyRange>();
    for (const point of bounds.points) {
      const keys =
        point === null || point === undefined
          ? [Buffer.from([flip(RANK.null, descending)]), Buffer.from([flip(RANK.undefined, descending)])]
          : [keyOf(point, descending)];
      for (const key of keys) seen.set(key.toString("latin1"), prefixRange(Buffer.concat([prefix, key])));
    }
    return [...seen.values()].sort((a, b) => Buffer.compare(a.low, b.low));
  }
  const { low, high } = bounds;
  const one = (low ?? high) as { readonly value: unknown };
  const bracket = Buffer.from([keyOf(one.value, descending)[0] as number]);
  const whole = prefixRange(Buffer.concat([prefix, bracket]));
  const lowerEdge = descending ? high : low;
  const upperEdge = descending ? low : high;
  const from = lowerEdge ? edge(prefix, lowerEdge.value, descending, !lowerEdge.inclusive) : whole.low;
  const to = upperEdge ? edge(prefix, upperEdge.value, descending, upperEdge.inclusive) : whole.high;
  return Buffer.compare(from, to) < 0 ? [{ low: from, high: to }] : [];
}

function edge(prefix: Buffer, value: unknown, descending: boolean, behind: boolean): Buffer {
  const key = Buffer.concat([prefix, keyOf(value, descending)]);
  return behind ? successor(key) : key;
}

function flip(byte: number, descending: boolean): number {
  return descending ? ~byte & 0xff : byte;
}

/** Every key there is. */
export const ALL_KEYS: KeyRange = { low: Buffer.alloc(0), high: Buffer.from([0xff, 0xff]) };
