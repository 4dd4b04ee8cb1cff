import { AnalysisError, wrongArgumentCount } from "../columns/analysis-error.ts";
import type { Expression, NamedExpression } from "../columns/expression.ts";
import type { AggregateCall, GroupingKey } from "../columns/resolve-aggregate.ts";
import { containsAggregate, isGroupingFunction, resolveAggregateExpression } from "../columns/resolve-aggregate.ts";
import { resolveIn } from "../columns/resolve.ts";
import type { Resolved } from "../columns/resolved.ts";
import { builtinFunctions } from "../functions/registry.ts";
import { sessionSpec } from "../functions/time-window.ts";
import type { ResolvedCallNode } from "../functions/function-entry.ts";
import type { AnalysisContext } from "./scope.ts";
import { columnOf, columnTimeOf, scopeOf } from "./scope.ts";
import { severalWindows, WindowColumns } from "./window-columns.ts";
import type { Column, Node } from "./node.ts";
import { fieldRef, schemaOf } from "./node.ts";
import type { Plan } from "./plan.ts";

type AggregatePlan = Extract<Plan, { op: "aggregate" }>;

/** An aggregation: a window among the keys becomes a node below it, a session makes it a session aggregation. */
export function analyzeAggregate(plan: AggregatePlan, input: Node, context: AnalysisContext): Node {
  const again = plan.groupBy.findIndex(
    (one, i) => isSession(one.expr) && plan.groupBy.slice(0, i).some((other) => same(one.expr, other.expr)),
  );
  if (again >= 0 && plan.grouping === "plain") return sessionAgain(plan, again, input, context);
  const scope = scopeOf(input, context);
  const windows = new WindowColumns(input);
  let session: { readonly call: ResolvedCallNode; readonly key: number } | undefined;
  const keyColumns: Column[] = [];
  const keys = plan.groupBy.map(({ name, expr }, i): GroupingKey => {
    if (containsAggregate(expr)) throw aggregateInGroupBy(name);
    const resolved = resolveIn(expr, scope);
    const kind = resolved.kind === "call" ? resolved.entry.generator?.kind : undefined;
    if (kind === undefined || resolved.kind !== "call") {
      const lifted = windows.lifted(resolved);
      keyColumns.push(keyColumn(name, lifted, windows.below.columns));
      return { name, expr, resolved: lifted };
    }
    if (kind === "rows") throw generatorInGroupBy(name);
    if (session || (kind === "session" && windows.below !== input)) throw severalWindows();
    if (kind === "session") {
      session = { call: resolved, key: i };
      const eventTimeDelayMs = columnTimeOf(sessionSpec(resolved).time, input.columns);
      keyColumns.push({
        name,
        dataType: resolved.dataType,
        nullable: false,
        window: "session",
        ...(eventTimeDelayMs !== undefined && { eventTimeDelayMs }),
      });
      return { name, expr, resolved };
    }
    const field = windows.column(resolved, name);
    keyColumns.push(columnOf(name, field, windows.below.columns));
    return { name, expr, resolved: field };
  });

  const calls: AggregateCall[] = [];
  const sets = groupingSets(plan, keys.length);
  const rowKeys = sets ? [...keys, GROUPING_KEY] : keys;
  const computed = plan.aggregates.map(({ expr }) => resolveAggregateExpression(withGroupings(expr, plan), scope, rowKeys, calls));
  const outputKeys = sets ? keyColumns.map((column): Column => ({ ...column, nullable: true })) : keyColumns;
  const hidden: readonly Column[] = sets ? [{ name: GROUPING_KEY.name, dataType: GROUPING_KEY.resolved.dataType, nullable: false }] : [];
  const row: Column[] = [
    ...outputKeys,
    ...hidden,
    ...calls.map((call): Column => ({ name: call.text, dataType: call.aggregate.dataType, nullable: call.aggregate.nullable })),
  ];
  const results = [...outputKeys.map((_, i) => fieldRef(row, i)), ...computed];
  const names = [...plan.groupBy, ...plan.aggregates].map((one) => one.name);
  const columns = results.map((result, i) => columnOf(names[i] ?? "", result, row));
  const shared = { input: windows.below, keyColumns: [...outputKeys, ...hidden], calls, results, columns, streaming: input.streaming };
  if (session === undefined) return { op: "aggregate", keys: keys.map((key) => key.resolved), ...shared, ...(sets && { sets }) };

  if (sets) throw groupedSessions(plan.grouping);
  const { call, key: sessionKey } = session;
  const { never, ...spec } = sessionSpec(call);
  if (never) shared.input = nothingOf(shared.input);
  const plain: Resolved[] = keys.filter((_, i) => i !== sessionKey).map((key) => key.resolved);
  return { op: "session", ...spec, sessionKey, keys: plain, ...shared };
}

function keyColumn(name: string, key: Resolved, input: readonly Column[]): Column {
  const { eventTimeDelayMs: _, ...column } = columnOf(name, key, input);
  const delayMs = columnTimeOf(key, input);
  return { ...column, ...(delayMs !== undefined && { eventTimeDelayMs: delayMs }) };
}

/** A filter that lets nothing through. As any filter it goes below a watermark, which does not move then. */
function nothingOf(input: Node): Node {
  const condition: Resolved = { kind: "literal", value: false, dataType: { type: "boolean" }, nullable: false };
  return { op: "filter", input, condition, columns: input.columns, streaming: input.streaming };
}

/** Grouping by a session that the select below has made is grouping by the session itself: the select's expressions take the place of its columns. */
export function sessionOfSelect(plan: AggregatePlan): AggregatePlan {
  const { input } = plan;
  if (input.op !== "project" || !input.columns.some((one) => isSession(one.expr))) return plan;
  if (input.columns.some(({ expr }) => isStar(expr) || makesRows(expr))) return plan;
  const of = new Map(input.columns.map((one) => [one.name.toLowerCase(), one.expr]));
  const grouped = plan.groupBy.some(({ expr }) => expr.kind === "column" && isSession(of.get((expr.path[0] ?? "").toLowerCase()) ?? expr));
  if (!grouped) return plan;
  const inlined = ({ name, expr }: NamedExpression): NamedExpression => ({ name, expr: replaced(expr, of) });
  return { ...plan, input: input.input, groupBy: plan.groupBy.map(inlined), aggregates: plan.aggregates.map(inlined) };
}

const isStar = (expr: Expression): boolean => expr.kind === "column" && expr.path.at(-1) === "*";
const makesRows = (expr: Expression): boolean =>
  expr.kind === "call" && builtinFunctions.get(expr.fn.toLowerCase())?.generator?.kind === "rows";

function replaced(expr: Expression, of: ReadonlyMap<string, Expression>): Expression {
  switch (expr.kind) {
    case "column": {
      const [first = "", ...rest] = expr.path;
      const made = of.get(first.toLowerCase());
      if (made === undefined) return expr;
      if (made.kind === "column") return { kind: "column", path: [...made.path, ...rest] };
      return rest.reduce<Expression>(
        (input, name) => call("field", input, { kind: "literal", value: name, dataType: { type: "string" } }),
        made,
      );
    }
    case "call":
      return { ...expr, args: expr.args.map((one) => replaced(one, of)) };
    case "cast":
      return { ...expr, input: replaced(expr.input, of) };
    case "case":
      return {
        ...expr,
        branches: expr.branches.map(([when, then]): readonly [Expression, Expression] => [replaced(when, of), replaced(then, of)]),
        ...(expr.otherwise && { otherwise: replaced(expr.otherwise, of) }),
      };
    default:
      return expr;
  }
}

function isSession(expr: Expression): boolean {
  return expr.kind === "call" && expr.fn.toLowerCase() === "session_window";
}

function same(a: Expression, b: Expression): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

/** The same session twice among the keys is one key, shown twice. */
function sessionAgain(plan: AggregatePlan, again: number, input: Node, context: AnalysisContext): Node {
  const node = analyzeAggregate({ ...plan, groupBy: plan.groupBy.filter((_, i) => i !== again) }, input, context);
  const first = plan.groupBy.findIndex((one) => same(one.expr, plan.groupBy[again]?.expr ?? one.expr));
  const names = [...plan.groupBy, ...plan.aggregates].map((one) => one.name);
  const expressions = names.map((_, i) => fieldRef(node.columns, i === again ? first : i > again ? i - 1 : i));
  const columns = expressions.map((one, i) => columnOf(names[i] ?? "", one, node.columns));
  return { op: "project", input: node, expressions, columns, streaming: node.streaming };
}

/** The mask of a row's grouping set (bit i: key i is left out) is a key of its own; no name of the user's reaches it. */
const GROUPING_KEY: GroupingKey = {
  name: "spark_grouping_id",
  expr: { kind: "call", fn: "spark_grouping_id", args: [] },
  resolved: { kind: "literal", value: 0, dataType: { type: "int" }, nullable: false },
};

/** The expression with grouping(key) and grouping_id(…) as computations over the grouping set's mask. */
function withGroupings(expr: Expression, plan: AggregatePlan): Expression {
  switch (expr.kind) {
    case "call": {
      const fn = expr.fn.toLowerCase();
      if (isGroupingFunction(fn)) return groupingValue(fn, expr, plan);
      return { ...expr, args: expr.args.map((one) => withGroupings(one, plan)) };
    }
    case "cast":
      return { ...expr, input: withGroupings(expr.input, plan) };
    case "case":
      return {
        ...expr,
        branches: expr.branches.map(([when, then]): readonly [Expression, Expression] => [
          withGroupings(when, plan),
          withGroupings(then, plan),
        ]),
        ...(expr.otherwise && { otherwise: withGroupings(expr.otherwise, plan) }),
      };
    default:
      return expr;
  }
}

const call = (fn: string, ...args: readonly Expression[]): Expression => ({ kind: "call", fn, args });
const whole = (value: number): Expression => ({ kind: "literal", value, dataType: { type: "int" } });

function groupingValue(fn: string, expr: Extract<Expression, { kind: "call" }>, plan: AggregatePlan): Expression {
  if (plan.grouping === "plain")
    throw new AnalysisError("UNSUPPORTED_GROUPING_EXPRESSION", {
      failed: "grouping()/grouping_id() can only be used with GroupingSets/Cube/Rollup",
      found: `${fn} over plain grouping keys`,
      remedy: "Group by rollup or cube, or leave the function out.",
    });
  const places = expr.args.map((one) => plan.groupBy.findIndex((key) => same(key.expr, one)));
  const bit = (place: number): Expression => call("&", call("shiftright", GROUPING_KEY.expr, whole(place)), whole(1));
  const keys = plan.groupBy.map((key) => key.name).join(", ");
  if (fn === "grouping") {
    const [place] = places;
    if (places.length !== 1) throw wrongArgumentCount("grouping", "1", places.length);
    if (place === undefined || place < 0)
      throw new AnalysisError("GROUPING_COLUMN_MISMATCH", {
        failed: "Column of grouping can't be found in grouping columns",
        found: `the grouping columns are ${keys}`,
        remedy: "Name one of the keys, as it is written there.",
      });
    return { kind: "cast", input: bit(place), to: { type: "tinyint" }, mode: "cast" };
  }
  const all = plan.groupBy.map((_, i) => i);
  if (places.length > 0 && (places.length !== all.length || places.some((place, i) => place !== i)))
    throw new AnalysisError("GROUPING_ID_COLUMN_MISMATCH", {
      failed: "Columns of grouping_id does not match grouping columns",
      found: `the grouping columns are ${keys}`,
      remedy: "Write grouping_id() without arguments, or with all keys in their order.",
    });
  const id = all.reduce<Expression>((sum, i) => call("+", call("*", sum, whole(2)), bit(i)), whole(0));
  return { kind: "cast", input: id, to: { type: "bigint" }, mode: "cast" };
}

/** The masks of the keys that are null, one per grouping set. */
function groupingSets({ grouping, sets }: AggregatePlan, count: number): number[] | undefined {
  if (grouping === "plain") return undefined;
  if (grouping === "sets") {
    const all = Array.from({ length: count }, (_, i) => i);
    return (sets ?? []).map((kept) => all.reduce((mask, i) => (kept.includes(i) ? mask : mask | (1 << i)), 0));
  }
  if (grouping === "cube") return Array.from({ length: 1 << count }, (_, mask) => mask);
  return Array.from({ length: count + 1 }, (_, dropped) => ((1 << dropped) - 1) << (count - dropped));
}

function groupedSessions(grouping: string): AnalysisError {
  return new AnalysisError("UNSUPPORTED_FEATURE", {
    failed: `session_window cannot be one of the keys of a ${grouping}`,
    found: "sessions are merged per key, and the grouping sets leave keys out",
    remedy: "Group by the session and the other keys with groupBy.",
  });
}

function aggregateInGroupBy(name: string): AnalysisError {
  return new AnalysisError("GROUP_BY_AGGREGATE", {
    failed: "Aggregate functions are not allowed in GROUP BY",
    found: `the grouping key ${name}`,
    remedy: "Aggregate first, then group the result again.",
  });
}

function generatorInGroupBy(name: string): AnalysisError {
  return new AnalysisError("MISSING_AGGREGATION", {
    failed: "The generator is not supported outside the SELECT clause",
    found: `the grouping key ${name}`,
    remedy: "Select it first, then group by the new column.",
  });
}

/** The row that an aggregation's results are computed from. */
export function aggregateRow(node: Extract<Node, { op: "aggregate" | "session" }>): ReturnType<typeof schemaOf> {
  return schemaOf([
    ...node.keyColumns,
    ...node.calls.map((call): Column => ({ name: call.text, dataType: call.aggregate.dataType, nullable: call.aggregate.nullable })),
  ]);
}
