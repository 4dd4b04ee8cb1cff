import { distinctAggregate } from "../functions/distinct-aggregate.ts";
import { builtinAggregates } from "../functions/registry.ts";
import type { ResolvedAggregate } from "../functions/aggregate-entry.ts";
import type { StructType } from "../types/data-type.ts";
import { AnalysisError } from "./analysis-error.ts";
import { expressionText } from "./expression-text.ts";
import type { Expression } from "./expression.ts";
import type { Resolved } from "./resolved.ts";
import type { ResolveScope } from "./resolve.ts";
import { noGenerator, resolveIn } from "./resolve.ts";
import { structuralKey } from "../codegen/structural-key.ts";

/** A grouping key as written and as resolved over the aggregation's input (or over what a window operator made of it). */
export interface GroupingKey {
  readonly name: string;
  readonly expr: Expression;
  readonly resolved: Resolved;
}

/** One aggregate call of an aggregation. */
export interface AggregateCall {
  readonly text: string;
  /** The function's name, lower case. */
  readonly fn: string;
  readonly distinct: boolean;
  readonly aggregate: ResolvedAggregate;
}

/** grouping and grouping_id, which only an aggregation by rollup, cube or grouping sets gives a meaning. */
export function isGroupingFunction(fn: string): boolean {
  return fn === "grouping" || fn === "grouping_id";
}

/** Whether there is an aggregate call anywhere in it. */
export function containsAggregate(expression: Expression): boolean {
  switch (expression.kind) {
    case "call":
      return (
        builtinAggregates.has(expression.fn.toLowerCase()) ||
        isGroupingFunction(expression.fn.toLowerCase()) ||
        expression.args.some(containsAggregate)
      );
    case "cast":
      return containsAggregate(expression.input);
    case "lambda":
      return containsAggregate(expression.body);
    case "case":
      return (
        expression.branches.some((pair) => pair.some(containsAggregate)) ||
        (expression.otherwise !== undefined && containsAggregate(expression.otherwise))
      );
    default:
      return false;
  }
}

/**
 * Resolves an output column of an aggregation such as `avg(x) + 1`: the aggregate calls in it are added to `calls` (equal ones once), and the answer
 * computes the column from a row of the keys followed by the calls' results, in the order of `keys` and `calls`.
 * A column that is neither a grouping key nor inside an aggregate is refused.
 */
export function resolveAggregateExpression(
  expression: Expression,
  scope: ResolveScope,
  keys: readonly GroupingKey[],
  calls: AggregateCall[],
): Resolved {
  const keyTexts = keys.map((key) => JSON.stringify(key.expr));
  const intercept = (part: Expression): Resolved | undefined => {
    const key = keys[keyTexts.indexOf(JSON.stringify(part))];
    if (key) return keyField(keys, key);
    if (part.kind === "call") {
      const call = aggregateCall(part, scope, calls);
      if (call === undefined) return undefined;
      const { dataType, nullable } = call.aggregate;
      return { kind: "field", ordinal: keys.length + calls.indexOf(call), name: call.text, dataType, nullable };
    }
    return part.kind === "column" ? keyColumn(part, scope, keys) : undefined;
  };
  return resolveIn(expression, { ...scope, intercept });
}

function keyField(keys: readonly GroupingKey[], key: GroupingKey): Resolved {
  const { dataType, nullable } = key.resolved;
  return { kind: "field", ordinal: keys.indexOf(key), name: key.name, dataType, nullable };
}

function keyColumn(column: Extract<Expression, { kind: "column" }>, scope: ResolveScope, keys: readonly GroupingKey[]): Resolved {
  const named = keys.find((key) => key.name === column.path[0]);
  if (named && !scope.input.fields.some((one) => one.name.toLowerCase() === named.name.toLowerCase())) {
    const row: StructType = {
      type: "struct",
      fields: keys.map(({ name, resolved }) => ({ name, dataType: resolved.dataType, nullable: resolved.nullable })),
    };
    return resolveIn(column, { ...scope, input: row });
  }
  const wanted = structuralKey(resolveIn(column, scope));
  const key = keys.find((one) => structuralKey(one.resolved) === wanted);
  if (key) return keyField(keys, key);
  throw new AnalysisError(keys.length === 0 ? "MISSING_GROUP_BY" : "MISSING_AGGREGATION", {
    failed: `The non-aggregating expression "${expressionText(column)}" is based on columns which are not participating in the GROUP BY clause`,
    found: `the grouping keys are ${keys.map((one) => one.name).join(", ") || "none"}`,
    remedy: `Add the columns or the expression to the GROUP BY, aggregate the expression, or use "any_value(${expressionText(column)})".`,
  });
}

function aggregateCall(
  part: Extract<Expression, { kind: "call" }>,
  scope: ResolveScope,
  calls: AggregateCall[],
): AggregateCall | undefined {
  const entry = builtinAggregates.get(part.fn.toLowerCase());
  if (entry === undefined) return undefined;
  const text = expressionText(part);
  if (part.args.some(containsAggregate)) {
    throw new AnalysisError("NESTED_AGGREGATE_FUNCTION", {
      failed: "It is not allowed to use an aggregate function in the argument of another aggregate function",
      found: text,
      remedy: "Use the inner aggregate function in a sub-query.",
    });
  }
  const args = part.args.map((one) => noGenerator(resolveIn(one, scope), part));
  if (args.some((one) => isVolatile(one) || (scope.streaming === true && readsBatchTime(one))))
    throw new AnalysisError("AGGREGATE_FUNCTION_WITH_NONDETERMINISTIC_EXPRESSION", {
      failed: `Non-deterministic expression "${text}" should not appear in the arguments of an aggregate function`,
      found: "its value is another one at every call",
      remedy: "Give the value a column of its own first, by select or withColumn.",
    });
  const distinct = part.options?.distinct === true;
  const identity = `${part.fn.toLowerCase()} ${distinct} ${JSON.stringify(part.options ?? {})} ${args.map(structuralKey).join(",")}`;
  const known = calls.find((one) => identities.get(one) === identity);
  if (known) return known;
  const aggregate = entry.resolve(args, part.options ?? {}, scope.settings);
  const call: AggregateCall = { text, fn: part.fn.toLowerCase(), distinct, aggregate: distinct ? distinctAggregate(aggregate) : aggregate };
  identities.set(call, identity);
  calls.push(call);
  return call;
}

const isVolatile = (expression: Resolved): boolean => someCall(expression, (call) => call.entry.volatile === true);

/** Of a stream the batch's time is another one in every batch. */
const BATCH_TIME: ReadonlySet<string> = new Set([
  "current_timestamp",
  "now",
  "current_date",
  "curdate",
  "localtimestamp",
  "unix_timestamp",
]);
const readsBatchTime = (expression: Resolved): boolean =>
  someCall(expression, (call) => BATCH_TIME.has(call.entry.name) && call.args.length === 0);

function someCall(expression: Resolved, test: (call: Extract<Resolved, { kind: "call" }>) => boolean): boolean {
  const within = (one: Resolved): boolean => someCall(one, test);
  switch (expression.kind) {
    case "call":
      return test(expression) || expression.args.some(within);
    case "cast":
    case "getField":
      return within(expression.input);
    case "case":
      return expression.branches.some((pair) => pair.some(within)) || (expression.otherwise !== undefined && within(expression.otherwise));
    default:
      return false;
  }
}

const identities = new WeakMap<AggregateCall, string>();
