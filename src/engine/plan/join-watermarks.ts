import type { Resolved } from "../columns/resolved.ts";
import { conjuncts } from "./expressions.ts";
import type { Column, JoinNode } from "./node.ts";

/** One side of a join. */
export type JoinSide = "left" | "right";

/**
 * One comparison of a join's condition, solved for one side: rows of that side are needed only from `sign * watermark + constantUs` on (`sign` is 0
 * where the comparison has no event time of the other side). `inclusive`: a row at that instant is still needed.
 */
type Bound = { readonly sign: number; readonly constantUs: number; readonly inclusive: boolean };

/** How state of one side goes: rows whose `ordinal` (an event time, or the end of a window) is at or before `atUs(watermark)`. */
export interface StateWatermark {
  readonly ordinal: number;
  atUs(watermarkUs: number): number;
}

/**
 * Whether the condition bounds the state of a side by the watermark of the other one (StreamingJoinHelper.getStateValueWatermark). This is asked before an
 * outer or semi join may start; the side's column in the comparison need not be its event time.
 */
export function boundsState(join: JoinNode, side: JoinSide): boolean {
  return boundsOf(join, side).length > 0;
}

/**
 * The bound that the condition puts on a side's event time, given the watermark: from `click_ts <= imp_ts + interval 30 seconds` follows that an impression
 * before the watermark less 30 seconds finds no click any more. The lowest of all bounds counts, whole milliseconds. Undefined for a side
 * without a watermark, or without a bound.
 */
export function stateWatermark(join: JoinNode, side: JoinSide): StateWatermark | undefined {
  const ordinal = eventTimeOf(join[side].columns);
  const bounds = boundsOf(join, side);
  if (ordinal < 0 || bounds.length === 0) return undefined;
  const atUs = (watermarkUs: number): number =>
    Math.min(
      ...bounds.map(({ sign, constantUs, inclusive }) => {
        const ms = Math.trunc((sign * Math.floor(watermarkUs / 1000) * 1000 + constantUs) / 1000);
        return (inclusive ? ms - 1 : ms) * 1000;
      }),
    );
  return { ordinal, atUs };
}

/** The position of the first key that is an event time, of the left side if there is one; −1 if none is. */
export function watermarkKey(join: JoinNode): number {
  const marked = (side: JoinSide): number =>
    (side === "left" ? join.leftKeys : join.rightKeys).findIndex(
      (key, i) => key.kind === "field" && !join.nullSafe?.[i] && join[side].columns[key.ordinal]?.eventTimeDelayMs !== undefined,
    );
  const left = marked("left");
  return left >= 0 ? left : marked("right");
}

/** The ordinal of the column that has a watermark, −1 without one. */
export function eventTimeOf(columns: readonly Column[]): number {
  return columns.findIndex((column) => column.eventTimeDelayMs !== undefined);
}

function boundsOf(join: JoinNode, side: JoinSide): Bound[] {
  const width = join.left.columns.length;
  const other = join[side === "left" ? "right" : "left"];
  if (!join.condition || eventTimeOf(other.columns) < 0) return [];
  const columns = [...join.left.columns, ...join.right.columns];
  const onSide = (ordinal: number): boolean => (side === "left" ? ordinal < width : ordinal >= width);
  return conjuncts(join.condition).flatMap((part) => boundOf(part, columns, onSide) ?? []);
}

/** `a < b` and its kin as `mark + constants < state`; undefined where Spark does not see such a form. */
function boundOf(part: Resolved, columns: readonly Column[], onSide: (ordinal: number) => boolean): Bound | undefined {
  if (part.kind !== "call" || !["<", "<=", ">", ">="].includes(part.entry.name)) return undefined;
  const { name } = part.entry;
  const [small, large] = name.startsWith("<") ? [part.args[0], part.args[1]] : [part.args[1], part.args[0]];
  const terms: Term[] = [];
  if (!small || !large || !collect(small, false, terms) || !collect(large, true, terms)) return undefined;
  const distinct = [...new Map(terms.map((term, i) => [term.kind === "constant" ? i : `${term.ordinal} ${term.negative}`, term])).values()];
  const states = distinct.filter((term) => term.kind === "column" && onSide(term.ordinal));
  const others = new Set(terms.flatMap((term) => (term.kind === "column" && !onSide(term.ordinal) ? [term.ordinal] : [])));
  const [state] = states;
  if (states.length !== 1 || !state?.negative || others.size > 1 || distinct.length < 2) return undefined;
  let [sign, constantUs] = [0, 0];
  for (const term of distinct) {
    if (term === state) continue;
    const one = term.negative ? -1 : 1;
    if (term.kind === "constant") constantUs += one * term.us;
    else if (columns[term.ordinal]?.eventTimeDelayMs === undefined) return undefined;
    else sign += one;
  }
  return { sign, constantUs, inclusive: name.endsWith("=") };
}

type Term =
  | { readonly kind: "column"; readonly ordinal: number; readonly negative: boolean }
  | { readonly kind: "constant"; readonly us: number; readonly negative: boolean };

const NUMERIC: readonly string[] = ["int", "bigint", "float", "double", "decimal"];

/**
 * The expression as a sum of columns and constants; false where it is none. Numbers count as seconds; the difference of two instants is no sum to
 * Spark.
 */
function collect(expression: Resolved, negative: boolean, into: Term[]): boolean {
  const type = expression.dataType.type;
  switch (expression.kind) {
    case "field":
      into.push({ kind: "column", ordinal: expression.ordinal, negative });
      return true;
    case "literal": {
      const us = constantUs(expression.value, expression.dataType);
      if (us === undefined) return false;
      into.push({ kind: "constant", us, negative });
      return true;
    }
    case "cast":
      return (NUMERIC.includes(type) || type === "timestamp") && collect(expression.input, negative, into);
    case "call": {
      const [a, b] = expression.args;
      const { name } = expression.entry;
      if (name === "negative" && a) return collect(a, !negative, into);
      if ((name !== "+" && name !== "-") || !a) return false;
      if (!b) return collect(a, name === "-" ? !negative : negative, into);
      if (a.dataType.type === "date" || (type === "interval" && a.dataType.type === "timestamp")) return false;
      return collect(a, negative, into) && collect(b, name === "-" ? !negative : negative, into);
    }
    default:
      return false;
  }
}

function constantUs(value: unknown, type: Resolved["dataType"]): number | undefined {
  if (value === null || value === undefined) return undefined;
  if (type.type === "interval") return typeof value === "number" ? value : undefined;
  if (type.type === "decimal") return (Number(value) / 10 ** type.scale) * 1e6;
  return NUMERIC.includes(type.type) ? Number(value) * 1e6 : undefined;
}
