import { Decimal128, Long, type Document } from "bson";
import { compareValues, keyOf } from "../bson/values.ts";
import type { FieldBounds } from "./bounds.ts";
import { compileFilter } from "./matcher.ts";
import { isPlain } from "./predicates.ts";

/**
 * Whether every document that a filter finds is in a partial index: what the filter says of each field must imply what the index' own filter says.
 * It may answer no where the truth is yes, never the other way.
 */
export function impliesPartial(partial: Document, bounds: ReadonlyMap<string, FieldBounds>): boolean {
  return Object.entries(partial).every(([name, condition]) => {
    if (name === "$and") return (condition as Document[]).every((part) => impliesPartial(part, bounds));
    if (name === "$or") return (condition as Document[]).some((part) => impliesPartial(part, bounds));
    const held = bounds.get(name);
    if (!held) return false;
    const operators = isPlain(condition) ? Object.entries(condition) : [];
    const conditions = operators.some(([operator]) => operator.startsWith("$")) ? operators : ([["$eq", condition]] as const);
    return conditions.every(([operator, value]) => implies(held, operator, value));
  });
}

function implies(held: FieldBounds, operator: string, value: unknown): boolean {
  if (operator === "$exists") return isPresent(held);
  if (held.points) {
    const matcher = compileFilter({ v: { [operator]: value } });
    return held.points.every((point) => matcher?.matchesDecoded({ v: point }) ?? true);
  }
  if (operator === "$gt" || operator === "$gte") return held.low !== undefined && isInside(held.low, value, 1, operator === "$gte");
  if (operator === "$lt" || operator === "$lte") return held.high !== undefined && isInside(held.high, value, -1, operator === "$lte");
  const edge = held.low ?? held.high;
  return operator === "$type" && edge !== undefined && TYPE_OF_EDGE[String(value)]?.(edge.value) === true;
}

/** The types whose ranges hold values of no other type. */
const TYPE_OF_EDGE: Readonly<Record<string, (value: unknown) => boolean>> = {
  number: (value) => typeof value === "number" || value instanceof Long || value instanceof Decimal128,
  string: (value) => typeof value === "string",
  "2": (value) => typeof value === "string",
  date: (value) => value instanceof Date,
  "9": (value) => value instanceof Date,
};

/** Whether an edge of the filter lies on the right side of the index' edge, within one type. */
function isInside(
  edge: { readonly value: unknown; readonly inclusive: boolean },
  limit: unknown,
  sense: 1 | -1,
  inclusive: boolean,
): boolean {
  if (keyOf(edge.value)[0] !== keyOf(limit)[0]) return false;
  const order = compareValues(edge.value, limit) * sense;
  return order > 0 || (order === 0 && (inclusive || !edge.inclusive));
}

/** Whether a filter can only find documents that have the field. */
export function isPresent(held: FieldBounds): boolean {
  return (
    held.exists === true || held.low !== undefined || held.high !== undefined || (held.points?.every((point) => point != null) ?? false)
  );
}
