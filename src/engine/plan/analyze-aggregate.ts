import { AnalysisError } from "../columns/analysis-error.ts";
import type { AggregateCall, GroupingKey } from "../columns/resolve-aggregate.ts";
import { containsAggregate, resolveAggregateExpression } from "../columns/resolve-aggregate.ts";
import { resolveIn } from "../columns/resolve.ts";
import type { Resolved } from "../columns/resolved.ts";
import { sessionSpec } from "../functions/time-window.ts";
import type { ResolvedCallNode } from "../functions/function-entry.ts";
import type { AnalysisContext } from "./scope.ts";
import { columnOf, eventTimeOf, scopeOf } from "./scope.ts";
import { severalWindows, WindowColumns } from "./window-columns.ts";
import type { Column, Node } from "./node.ts";
import { fieldRef, schemaOf } from "./node.ts";
import type { Plan } from "./plan.ts";

type AggregatePlan = Extract<Plan, { op: "aggregate" }>;

/** An aggregation: a window among the keys becomes a node below it, a session makes it a session aggregation. */
export function analyzeAggregate(plan: AggregatePlan, input: Node, context: AnalysisContext): Node {
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
      keyColumns.push(columnOf(name, lifted, windows.below.columns));
      return { name, expr, resolved: lifted };
    }
    if (kind === "rows") throw generatorInGroupBy(name);
    if (session || (kind === "session" && windows.below !== input)) throw severalWindows();
    if (kind === "session") {
      session = { call: resolved, key: i };
      const eventTimeDelayMs = eventTimeOf(sessionSpec(resolved).time, input.columns);
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
  const computed = plan.aggregates.map(({ expr }) => resolveAggregateExpression(expr, scope, keys, calls));
  const sets = groupingSets(plan.grouping, keys.length);
  const outputKeys = sets ? keyColumns.map((column): Column => ({ ...column, nullable: true })) : keyColumns;
  const row: Column[] = [
    ...outputKeys,
    ...calls.map((call): Column => ({ name: call.text, dataType: call.aggregate.dataType, nullable: call.aggregate.nullable })),
  ];
  const results = [...outputKeys.map((_, i) => fieldRef(row, i)), ...computed];
  const names = [...plan.groupBy, ...plan.aggregates].map((one) => one.name);
  const columns = results.map((result, i) => columnOf(names[i] ?? "", result, row));
  const shared = { input: windows.below, keyColumns: outputKeys, calls, results, columns, streaming: input.streaming };
  if (session === undefined) return { op: "aggregate", keys: keys.map((key) => key.resolved), ...shared, ...(sets && { sets }) };

  if (sets) throw groupedSessions(plan.grouping);
  const { call, key: sessionKey } = session;
  const plain: Resolved[] = keys.filter((_, i) => i !== sessionKey).map((key) => key.resolved);
  return { op: "session", ...sessionSpec(call), sessionKey, keys: plain, ...shared };
}

/** The masks of the keys that are null, one per grouping set. */
function groupingSets(grouping: AggregatePlan["grouping"], count: number): number[] | undefined {
  if (grouping === "plain") return undefined;
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
