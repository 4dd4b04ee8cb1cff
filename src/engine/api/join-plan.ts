import { AnalysisError, unresolvedColumn } from "../columns/analysis-error.ts";
import type { Expression, NamedExpression } from "../columns/expression.ts";
import type { JoinType, Plan } from "../plan/plan.ts";
import { named } from "./frame-columns.ts";

const JOIN_TYPES: Readonly<Record<string, JoinType>> = {
  inner: "inner",
  cross: "cross",
  left: "left",
  leftouter: "left",
  right: "right",
  rightouter: "right",
  full: "full",
  outer: "full",
  fullouter: "full",
  semi: "semi",
  leftsemi: "semi",
  anti: "anti",
  leftanti: "anti",
};

/** A side of a join: its plan and the names of its columns. */
export interface JoinSide {
  readonly plan: Plan;
  readonly columns: readonly string[];
}

/** The join type by any of Spark's names. @throws AnalysisError UNSUPPORTED_JOIN_TYPE */
export function joinTypeOf(name: string): JoinType {
  const kind = JOIN_TYPES[name.toLowerCase().replaceAll("_", "")];
  if (kind) return kind;
  throw new AnalysisError("UNSUPPORTED_JOIN_TYPE", {
    failed: `Unsupported join type '${name}'`,
    found: name,
    remedy: `Supported join types include: ${Object.keys(JOIN_TYPES).join(", ")}.`,
  });
}

const RIGHT = "__right_";
const column = (name: string): Expression => ({ kind: "column", path: [name] });

/**
 * A join whose condition is made from the columns of both sides. Where both have a column of one name, the right one goes by a hidden name until the
 * join is done, so that the condition can tell them apart; the result has both, under their own names.
 */
export function joinPlan(
  left: JoinSide,
  right: JoinSide,
  type: JoinType,
  conditionOf: (rightNames: readonly string[]) => Expression,
): Plan {
  const taken = new Set(left.columns.map((name) => name.toLowerCase()));
  const hidden = right.columns.map((name) => (taken.has(name.toLowerCase()) ? RIGHT + name : name));
  if (hidden.every((name, i) => name === right.columns[i]))
    return { op: "join", left: left.plan, right: right.plan, type, condition: conditionOf(right.columns) };
  const renamed: Plan = {
    op: "project",
    input: right.plan,
    columns: right.columns.map((name, i): NamedExpression => ({ name: hidden[i] ?? name, expr: column(name) })),
  };
  const join: Plan = { op: "join", left: left.plan, right: renamed, type, condition: conditionOf(hidden) };
  if (type === "semi" || type === "anti") return join;
  const back = right.columns.map((name, i): NamedExpression => ({ name, expr: column(hidden[i] ?? name) }));
  return { op: "project", input: join, columns: [...left.columns.map(named), ...back] };
}

/** A join on equal values of columns that both sides have: they come first and once, then the others of the left and of the right side (Spark's USING). */
export function usingPlan(left: JoinSide, right: JoinSide, type: JoinType, names: readonly string[]): Plan {
  const same = (a: string, b: string): boolean => a.toLowerCase() === b.toLowerCase();
  for (const side of [left, right])
    for (const name of names) if (!side.columns.some((one) => same(one, name))) throw unresolvedColumn(name, side.columns);
  const hide = (name: string): string => RIGHT + name;
  const renamed: Plan = {
    op: "project",
    input: right.plan,
    columns: right.columns.map((name): NamedExpression => ({ name: hide(name), expr: column(name) })),
  };
  const keyOf = (name: string): string => right.columns.find((one) => same(one, name)) ?? name;
  const equal = names.map((name): Expression => ({ kind: "call", fn: "=", args: [column(name), column(hide(keyOf(name)))] }));
  const condition = equal.reduce((all, one): Expression => ({ kind: "call", fn: "and", args: [all, one] }));
  const join: Plan = { op: "join", left: left.plan, right: renamed, type, condition };
  if (type === "semi" || type === "anti") return join;
  const isKey = (name: string): boolean => names.some((one) => same(one, name));
  const key = (name: string): Expression => {
    if (type === "right") return column(hide(keyOf(name)));
    return type === "full" ? { kind: "call", fn: "coalesce", args: [column(name), column(hide(keyOf(name)))] } : column(name);
  };
  const columns: NamedExpression[] = [
    ...names.map((name) => ({ name, expr: key(name) })),
    ...left.columns.filter((name) => !isKey(name)).map(named),
    ...right.columns.filter((name) => !isKey(name)).map((name) => ({ name, expr: column(hide(name)) })),
  ];
  return { op: "project", input: join, columns };
}
