import type { AggregateCall } from "../columns/resolve-aggregate.ts";
import type { Resolved } from "../columns/resolved.ts";
import { isDeterministic, referencesOf, replaceFields } from "./expressions.ts";
import type { AggregateNode, Node } from "./node.ts";

/** Aggregates that give the same when a row comes several times (Spark's EliminateDistinct). */
const DUPLICATE_AGNOSTIC: ReadonlySet<string> = new Set([
  "max",
  "min",
  "bit_and",
  "bit_or",
  "collect_set",
  "first",
  "first_value",
  "last",
  "last_value",
  "any_value",
  "bool_and",
  "every",
  "bool_or",
  "some",
  "any",
]);

const ONE: Resolved = { kind: "literal", value: 1, dataType: { type: "bigint" }, nullable: false };

/**
 * An aggregation directly over another one, with nothing but projections between, needs no second state where the lower one only brings equal rows
 * together: where the upper one sums up the lower one's counts of rows, or asks about the keys in a way that does not count them (Spark's
 * RemoveRedundantAggregates). Windows between them keep both.
 */
export function withoutRedundantAggregate(upper: AggregateNode): AggregateNode {
  const found = upper.sets ? undefined : lowerAggregate(upper.input);
  if (!found) return upper;
  const { lower, over } = found;
  const overKeys = (expression: Resolved): Resolved | undefined => {
    const made = over(expression);
    if ([...referencesOf(made)].some((ordinal) => ordinal >= lower.keyColumns.length)) return undefined;
    return replaceFields(made, (ordinal, field) => lower.keys[ordinal] ?? field);
  };
  const keys = upper.keys.map(overKeys);
  const sums = upper.calls.length > 0 && upper.calls.every((call) => isSumOfCounts(call, over, lower));
  const calls = sums ? upper.calls.map((call) => withArgs(call, [ONE])) : upper.calls.map((call) => agnosticOver(call, overKeys));
  if (!keys.every((one) => one !== undefined) || !calls.every((one) => one !== undefined)) return upper;
  return { ...upper, input: lower.input, keys, calls };
}

/** The aggregation below projections, and how an expression over the top one reads the lower aggregation's keys and calls. */
function lowerAggregate(input: Node): { readonly lower: AggregateNode; readonly over: (expression: Resolved) => Resolved } | undefined {
  if (input.op === "aggregate" && !input.sets && input.keys.length > 0 && input.keys.every(isDeterministic)) {
    return { lower: input, over: (expression) => replaceFields(expression, (ordinal, field) => input.results[ordinal] ?? field) };
  }
  if (input.op !== "project" || !input.expressions.every(isDeterministic)) return undefined;
  const below = lowerAggregate(input.input);
  return (
    below && {
      lower: below.lower,
      over: (expression) => below.over(replaceFields(expression, (ordinal, field) => input.expressions[ordinal] ?? field)),
    }
  );
}

function isSumOfCounts(call: AggregateCall, over: (expression: Resolved) => Resolved, lower: AggregateNode): boolean {
  const [arg] = call.aggregate.args;
  if (call.fn !== "sum" || call.distinct || !arg) return false;
  const made = over(arg);
  const counted = made.kind === "field" ? lower.calls[made.ordinal - lower.keyColumns.length] : undefined;
  return counted?.fn === "count" && !counted.distinct && isOfRows(counted.aggregate.args);
}

function isOfRows(args: readonly Resolved[]): boolean {
  return args.length <= 1 && args.every((arg) => arg.kind === "literal" && arg.value !== null);
}

function agnosticOver(call: AggregateCall, overKeys: (expression: Resolved) => Resolved | undefined): AggregateCall | undefined {
  if (!call.distinct && !DUPLICATE_AGNOSTIC.has(call.fn)) return undefined;
  const args = call.aggregate.args.map(overKeys);
  return args.every((one) => one !== undefined) ? withArgs(call, args) : undefined;
}

function withArgs(call: AggregateCall, args: readonly Resolved[]): AggregateCall {
  return { ...call, aggregate: { ...call.aggregate, args } };
}
