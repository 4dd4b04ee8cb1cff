import type { Resolved } from "../columns/resolved.ts";
import { andOf, isNotNull } from "./conditions.ts";
import { conjuncts, isDeterministic, referencesOf, replaceFields } from "./expressions.ts";
import { withEventTimes } from "./event-times.ts";
import type { Node } from "./node.ts";
import { allNodes } from "./node.ts";
import { withoutRedundantAggregate } from "./optimize-aggregate.ts";
import { optimizeJoin } from "./optimize-join.ts";

/**
 * Rewrites that change what a query means for its watermark and its state, as Spark's optimizer does before it runs: filters move down as far
 * as they may, below a watermark whose column they do not read, below projections, windows, unions, aggregations by their keys and into the
 * sides of joins; casts that change nothing and aggregations that only prepare another one go. Columns need no pruning: generated code reads a column when something first uses it.
 */
export function optimize(node: Node): Node {
  return simplify(withFiltersBelow(node));
}

function withFiltersBelow(node: Node): Node {
  if (node.op === "filter") return pushDown(withFiltersBelow(node.input), conjuncts(node.condition));
  if (node.op === "limit" && node.input.op === "limit") return withFiltersBelow({ ...node.input, n: Math.min(node.n, node.input.n) });
  const inputs = withInputs(node, withFiltersBelow);
  if (inputs.op === "join") return optimizeJoin(inputs, [], pushDown, filterOver);
  return inputs.op === "window" || inputs.op === "session" ? dropWithoutTime(inputs) : inputs;
}

/** What is left to do from the sources up, once filters are where they stay. */
function simplify(node: Node): Node {
  const made = withEventTimes(withInputs(node, simplify));
  return made.op === "aggregate" ? withoutRedundantAggregate(made) : made;
}

function withInputs(node: Node, walk: (input: Node) => Node): Node {
  if ("left" in node) return { ...node, left: walk(node.left), right: walk(node.right) };
  return "input" in node ? { ...node, input: walk(node.input) } : node;
}

function filterOver(input: Node, conditions: readonly Resolved[]): Node {
  const condition = andOf(conditions);
  return condition ? { op: "filter", input, condition, columns: input.columns, streaming: input.streaming } : input;
}

/** Rows without the time that windows are made of go as early as a filter would: below the watermark, when that is of another column, and into joins. */
function dropWithoutTime(node: Extract<Node, { op: "window" | "session" }>): Node {
  const marked =
    node.op === "session" || [...referencesOf(node.time)].some((ordinal) => node.input.columns[ordinal]?.eventTimeDelayMs !== undefined);
  const stays = marked && !allNodes(node.input).some((one) => one.op === "join");
  return stays || !node.time.nullable || !isDeterministic(node.time)
    ? node
    : { ...node, input: pushDown(node.input, [isNotNull(node.time)]) };
}

/** `input` filtered by all conditions, each as deep as it may go. */
function pushDown(input: Node, conditions: readonly Resolved[]): Node {
  if (conditions.length === 0) return input;
  const split = (may: (condition: Resolved) => boolean): { readonly below: Resolved[]; readonly above: Resolved[] } => {
    const moves = (condition: Resolved): boolean => isDeterministic(condition) && may(condition);
    return { below: conditions.filter(moves), above: conditions.filter((one) => !moves(one)) };
  };
  const reads = (condition: Resolved, test: (ordinal: number) => boolean): boolean => [...referencesOf(condition)].some(test);
  switch (input.op) {
    case "filter":
      return pushDown(input.input, [...conjuncts(input.condition), ...conditions]);
    case "watermark": {
      const { below, above } = split((one) => !reads(one, (ordinal) => ordinal === input.ordinal));
      return filterOver({ ...input, input: pushDown(input.input, below) }, above);
    }
    case "project": {
      if (!input.expressions.every(isDeterministic)) return filterOver(input, conditions);
      const { below, above } = split(() => true);
      const rewritten = below.map((one) => replaceFields(one, (ordinal, field) => input.expressions[ordinal] ?? field));
      return filterOver({ ...input, input: pushDown(input.input, rewritten) }, above);
    }
    case "generate":
    case "window": {
      const width = input.input.columns.length;
      const { below, above } = split((one) => !reads(one, (ordinal) => ordinal >= width));
      return filterOver({ ...input, input: pushDown(input.input, below) }, above);
    }
    case "union": {
      const { below, above } = split(() => true);
      return filterOver({ ...input, left: pushDown(input.left, below), right: pushDown(input.right, below) }, above);
    }
    case "aggregate":
    case "session": {
      if (input.keys.length === 0 || (input.op === "aggregate" && input.sets)) return filterOver(input, conditions);
      const plain = input.keyColumns.map((_, i) => i).filter((i) => input.op === "aggregate" || i !== input.sessionKey);
      const keyOf = (ordinal: number): Resolved | undefined => {
        const result = input.results[ordinal];
        return result?.kind === "field" && plain.includes(result.ordinal) ? input.keys[plain.indexOf(result.ordinal)] : undefined;
      };
      const { below, above } = split((one) => !reads(one, (ordinal) => keyOf(ordinal) === undefined));
      const rewritten = below.map((one) => replaceFields(one, (ordinal, field) => keyOf(ordinal) ?? field));
      return filterOver({ ...input, input: pushDown(input.input, rewritten) }, above);
    }
    case "sort":
      return { ...input, input: pushDown(input.input, conditions) };
    case "join":
      return optimizeJoin(input, conditions, pushDown, filterOver);
    default:
      return filterOver(input, conditions);
  }
}
