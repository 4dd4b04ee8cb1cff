import type { DataFrame } from "../../src/engine/index.ts";
import type { AnyColumn } from "../../src/engine/columns/column.ts";
import { Column, col, columnOf, parsePath } from "../../src/engine/columns/column.ts";
import type { Expression } from "../../src/engine/columns/expression.ts";
import type { GoldenAggregate, GoldenKey, GoldenPlan, GoldenSelect } from "./case.ts";
import type { GoldenExpression } from "./expression.ts";
import { goldenExpression } from "./expression.ts";

function column(expression: Expression, alias?: string): AnyColumn {
  return columnOf(expression, alias) as unknown as AnyColumn;
}

function literalText(value: string): Expression {
  return { kind: "literal", value, dataType: { type: "string" } };
}

function call(fn: string, args: readonly Expression[]): Expression {
  return { kind: "call", fn, args };
}

function path(name: string): Expression {
  return { kind: "column", path: parsePath(name) };
}

function need<T>(value: T | undefined, what: string): T {
  if (value === undefined) throw new Error(`the plan node has no ${what}`);
  return value;
}

function groupKey(key: GoldenKey): AnyColumn {
  if (key.window) {
    const { column: time, size, slide, offset } = key.window;
    const args = [
      path(time),
      literalText(size),
      ...(slide !== undefined || offset !== undefined ? [literalText(slide ?? size)] : []),
      ...(offset === undefined ? [] : [literalText(offset)]),
    ];
    return column(call("window", args), key.as ?? "window");
  }
  if (key.sessionWindow) {
    const { column: time, gap } = key.sessionWindow;
    return column(
      call("session_window", [path(time), typeof gap === "string" ? literalText(gap) : goldenExpression(gap)]),
      key.as ?? "session_window",
    );
  }
  return selected(key);
}

function selected(one: GoldenSelect): AnyColumn {
  if (one.column !== undefined) return column(path(one.column), one.as ?? parsePath(one.column).at(-1));
  return column(goldenExpression(need<GoldenExpression>(one.expr, "expr")), need(one.as, "as"));
}

/** What the recorder hands to an aggregate that names no column: count(1). */
const ONE: Expression = { kind: "literal", value: 1, dataType: { type: "int" } };

function aggregate(one: GoldenAggregate): AnyColumn {
  const argument = one.expr
    ? [goldenExpression(one.expr)]
    : one.column === undefined
      ? [ONE]
      : [{ kind: "column" as const, path: [one.column] }];
  const options = one.distinct ? { options: { distinct: true } } : {};
  const made: Expression = { kind: "call", fn: one.fn, args: [...argument, ...(one.args ?? []).map(goldenExpression)], ...options };
  return column(one.sorted ? call("sort_array", [made]) : made, one.as);
}

/** A golden plan through the engine's public API; `tables` are the inputs and static tables by name. */
export function buildFrame(plan: GoldenPlan, tables: Readonly<Record<string, DataFrame>>): DataFrame {
  const input = (): DataFrame => buildFrame(need(plan.input, "input"), tables);
  const left = (): DataFrame => buildFrame(need(plan.left, "left"), tables);
  const right = (): DataFrame => buildFrame(need(plan.right, "right"), tables);
  const names = (): string[] => (plan.columns ?? []).map(String);
  switch (plan.op) {
    case "source":
    case "static":
      return need(tables[plan.name ?? ""], `table ${plan.name ?? ""}`);
    case "withWatermark":
      return input().withWatermark(need(plan.column, "column"), need(plan.delay, "delay"));
    case "where":
      return input().where(new Column<boolean>(goldenExpression(need(plan.condition, "condition"))));
    case "select":
      return input().select(...(plan.columns ?? []).map((one) => (typeof one === "string" ? one : selected(one))));
    case "withColumn":
      return input().withColumn(need(plan.name, "name"), columnOf(goldenExpression(need(plan.expr, "expr")))) as DataFrame;
    case "aggregate": {
      const frame = input();
      const keys = (plan.groupBy ?? []).map(groupKey);
      const grouped = plan.kind === "rollup" ? frame.rollup(...keys) : plan.kind === "cube" ? frame.cube(...keys) : frame.groupBy(...keys);
      return grouped.agg(...(plan.aggregates ?? []).map(aggregate));
    }
    case "dropDuplicates":
      return input().dropDuplicates(...names());
    case "dropDuplicatesWithinWatermark":
      return input().dropDuplicatesWithinWatermark(...names());
    case "join":
      return left().join(right(), new Column<boolean>(goldenExpression(need(plan.condition, "condition"))), plan.type ?? "inner");
    case "union":
      return left().union(right());
    case "intersect":
      return left().intersect(right());
    case "except":
      return left().exceptAll(right());
    case "sort":
      return input().orderBy(...(plan.by ?? []).map((key) => (key.desc ? col(key.column).desc() : col(key.column).asc())));
    case "limit":
      return input().limit(need(plan.n, "n"));
    case "offset":
      return input().offset(need(plan.n, "n"));
    case "sample":
      return input().sample(need(plan.fraction, "fraction"));
    default:
      throw new Error(`unknown plan node ${plan.op}`);
  }
}
