import type { Resolved } from "../columns/resolved.ts";
import { andOf, isNotNull } from "./conditions.ts";
import { conditionsOf, constraintsOf, inferred, signature } from "./constraints.ts";
import { conjuncts, isDeterministic, referencesOf, shiftFields } from "./expressions.ts";
import { splitKeys } from "./join-keys.ts";
import type { JoinNode, Node } from "./node.ts";
import { fieldRef } from "./node.ts";
import { dropsNulls, nullIntolerant } from "./nulls.ts";
import type { JoinType } from "./plan.ts";

/** Filters a node by all conditions, each as deep as it may go. */
export type PushDown = (input: Node, conditions: readonly Resolved[]) => Node;

/** Which sides a filter above the join, or a part of its own condition, may go to. */
const ABOVE_TO_LEFT: readonly JoinType[] = ["inner", "cross", "left", "semi", "anti"];
const ABOVE_TO_RIGHT: readonly JoinType[] = ["inner", "cross", "right"];
const CONDITION_TO_LEFT: readonly JoinType[] = ["inner", "cross", "right", "semi"];
const CONDITION_TO_RIGHT: readonly JoinType[] = ["inner", "cross", "left", "semi", "anti"];

/**
 * A join below a filter by `above`, which may be nothing. An outer join whose made-up rows the filter drops is none (EliminateOuterJoin); conditions on
 * one side filter that side where its rows are not kept anyway, the others become part of an inner join's condition; and rows whose key or
 * bound is null, or which a condition on the other side's equal column rules out, go before they reach the state (InferFiltersFromConstraints).
 */
export function optimizeJoin(node: JoinNode, above: readonly Resolved[], pushDown: PushDown, filterOver: PushDown): Node {
  const width = node.left.columns.length;
  const onLeft = (one: Resolved): boolean => {
    const references = [...referencesOf(one)];
    return isDeterministic(one) && references.length > 0 && references.every((ordinal) => ordinal < width);
  };
  const onRight = (one: Resolved): boolean => {
    const references = [...referencesOf(one)];
    return isDeterministic(one) && references.length > 0 && references.every((ordinal) => ordinal >= width);
  };
  const type = withoutMadeUpRows(node.type, above.filter(onLeft).some(dropsNulls), above.filter(onRight).some(dropsNulls));
  const toLeft = above.filter((one) => ABOVE_TO_LEFT.includes(type) && onLeft(one));
  const toRight = above.filter((one) => ABOVE_TO_RIGHT.includes(type) && onRight(one));
  const stay = above.filter((one) => !toLeft.includes(one) && !toRight.includes(one));
  const merges = (type === "inner" || type === "cross") && stay.every(isDeterministic);

  const own = [...(node.condition ? conjuncts(node.condition) : []), ...(merges ? stay : [])];
  const split = splitKeys(own, width);
  const ownLeft = split.rest.filter((one) => CONDITION_TO_LEFT.includes(type) && onLeft(one));
  const ownRight = split.rest.filter((one) => CONDITION_TO_RIGHT.includes(type) && onRight(one));
  const remaining = andOf(split.rest.filter((one) => !ownLeft.includes(one) && !ownRight.includes(one)));
  const { condition: _, ...plain } = node;
  const join: JoinNode = {
    ...plain,
    type,
    left: pushDown(node.left, [...toLeft, ...ownLeft]),
    right: pushDown(
      node.right,
      [...toRight, ...ownRight].map((one) => shiftFields(one, -width)),
    ),
    leftKeys: [...node.leftKeys, ...split.keys.leftKeys],
    rightKeys: [...node.rightKeys, ...split.keys.rightKeys],
    nullSafe: [...(node.nullSafe ?? node.leftKeys.map(() => false)), ...split.keys.nullSafe],
    ...(remaining && { condition: remaining }),
  };
  return filterOver(withInferredFilters(join, pushDown), merges ? [] : stay);
}

function withoutMadeUpRows(type: JoinType, leftNeeded: boolean, rightNeeded: boolean): JoinType {
  if (type === "left") return rightNeeded ? "inner" : "left";
  if (type === "right") return leftNeeded ? "inner" : "right";
  if (type !== "full") return type;
  if (leftNeeded) return rightNeeded ? "inner" : "left";
  return rightNeeded ? "right" : "full";
}

function withInferredFilters(join: JoinNode, pushDown: PushDown): JoinNode {
  const width = join.left.columns.length;
  const known = { left: constraintsOf(join.left), right: constraintsOf(join.right) };
  const all = [...known.left, ...known.right.map((one) => shiftFields(one, width)), ...conditionsOf(join)];
  const facts = [...all, ...inferred(all.filter(isDeterministic))];
  const columns = [...join.left.columns, ...join.right.columns];
  const present = new Set(facts.flatMap(nullIntolerantRoots));
  const needed = (side: "left" | "right"): Resolved[] => {
    const [from, to] = side === "left" ? [0, width] : [width, columns.length];
    const inside = (one: Resolved): boolean => {
      const references = [...referencesOf(one)];
      return references.length > 0 && references.every((ordinal) => ordinal >= from && ordinal < to);
    };
    const notNull = [...present]
      .filter((ordinal) => ordinal >= from && ordinal < to && columns[ordinal]?.nullable)
      .map((ordinal) => isNotNull(fieldRef(columns, ordinal)));
    const before = new Set(known[side].map(signature));
    const wanted = [...facts.slice(all.length).filter((one) => isDeterministic(one) && inside(one)), ...notNull];
    const distinct = new Map(wanted.map((one) => shiftFields(one, -from)).map((one) => [signature(one), one]));
    return [...distinct].flatMap(([text, one]) => (before.has(text) ? [] : [one]));
  };
  return {
    ...join,
    left: CONDITION_TO_LEFT.includes(join.type) ? pushDown(join.left, needed("left")) : join.left,
    right: CONDITION_TO_RIGHT.includes(join.type) ? pushDown(join.right, needed("right")) : join.right,
  };
}

/** The columns that are not null where this condition is true. */
function nullIntolerantRoots(condition: Resolved): number[] {
  return condition.kind === "call" && condition.entry.name === "isnotnull"
    ? condition.args.flatMap(nullIntolerant)
    : nullIntolerant(condition);
}
