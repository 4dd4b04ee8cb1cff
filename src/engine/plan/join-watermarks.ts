import type { Resolved } from "../columns/resolved.ts";
import { conjuncts } from "./expressions.ts";
import type { Column, JoinNode } from "./node.ts";

/** How far state of one side must reach back: `ordinal` of that side, rows with a value <= watermark + `shiftUs` will not match any more. */
export type StateWatermarkRule = { readonly ordinal: number; readonly shiftUs: number };

/**
 * The bound that the join's condition puts on a side's column, given the watermark of the other side's event time: from
 * `click_ts <= imp_ts + interval 30 seconds` follows that an impression older than the clicks' watermark less 30 seconds finds no match
 * (Spark's StreamingJoinHelper.getStateValueWatermark). Undefined when the condition bounds nothing.
 */
export function stateWatermarkRule(join: JoinNode, side: "left" | "right"): StateWatermarkRule | undefined {
  const offset = join.left.columns.length;
  const columns = [...join.left.columns, ...join.right.columns];
  const onSide = (ordinal: number): boolean => (side === "left" ? ordinal < offset : ordinal >= offset);
  let best: StateWatermarkRule | undefined;
  for (const part of join.condition ? conjuncts(join.condition) : []) {
    const rule = ruleOf(part, columns, onSide);
    if (rule && (best === undefined || rule.shiftUs > best.shiftUs)) best = rule;
  }
  return best && { ordinal: side === "left" ? best.ordinal : best.ordinal - offset, shiftUs: best.shiftUs };
}

type Linear = { readonly positive: number[]; readonly negative: number[]; readonly constantUs: number };

/** `a < b` and its kin as `state > mark + constant`, where `state` is a column of the side and `mark` an event time of the other. */
function ruleOf(part: Resolved, columns: readonly Column[], onSide: (ordinal: number) => boolean): StateWatermarkRule | undefined {
  if (part.kind !== "call" || !["<", "<=", ">", ">="].includes(part.entry.name)) return undefined;
  const [a, b] = part.args;
  const less = part.entry.name.startsWith("<");
  const [small, large] = less ? [a, b] : [b, a];
  const low = small && linear(small);
  const high = large && linear(large);
  if (!low || !high) return undefined;
  // low <= high, that is: 0 <= high - low
  const positive = [...high.positive, ...low.negative];
  const negative = [...high.negative, ...low.positive];
  const constantUs = high.constantUs - low.constantUs;
  const [state] = positive;
  const [mark] = negative;
  if (positive.length !== 1 || negative.length !== 1 || state === undefined || mark === undefined) return undefined;
  const marked = (ordinal: number): boolean => columns[ordinal]?.eventTimeDelayMs !== undefined;
  if (!onSide(state) || onSide(mark) || !marked(state) || !marked(mark)) return undefined;
  // mark <= state + constant, so state >= watermark - constant is needed and one millisecond less may go; mark < state + constant lets equals go
  return { ordinal: state, shiftUs: -constantUs - (part.entry.name.endsWith("=") ? 1000 : 0) };
}

/** A sum of timestamps and constant intervals; undefined for anything else. */
function linear(expression: Resolved): Linear | undefined {
  if (expression.kind === "field" && expression.dataType.type === "timestamp")
    return { positive: [expression.ordinal], negative: [], constantUs: 0 };
  if (
    expression.kind === "literal" &&
    typeof expression.value === "number" &&
    (expression.dataType.type === "interval" || expression.dataType.type === "timestamp")
  ) {
    return { positive: [], negative: [], constantUs: expression.value };
  }
  if (expression.kind === "cast" && expression.dataType.type === "timestamp") return linear(expression.input);
  if (expression.kind !== "call" || (expression.entry.name !== "+" && expression.entry.name !== "-")) return undefined;
  const [a, b] = expression.args;
  const left = a && linear(a);
  const right = b && linear(b);
  if (!left || !right) return undefined;
  return expression.entry.name === "+"
    ? {
        positive: [...left.positive, ...right.positive],
        negative: [...left.negative, ...right.negative],
        constantUs: left.constantUs + right.constantUs,
      }
    : {
        positive: [...left.positive, ...right.negative],
        negative: [...left.negative, ...right.positive],
        constantUs: left.constantUs - right.constantUs,
      };
}
