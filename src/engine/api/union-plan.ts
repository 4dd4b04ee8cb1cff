import { AnalysisError } from "../columns/analysis-error.ts";
import type { Expression } from "../columns/expression.ts";
import type { Plan } from "../plan/plan.ts";
import { named } from "./frame-columns.ts";

/** One side of a union. */
export interface UnionSide {
  readonly plan: Plan;
  readonly columns: readonly string[];
}

const NULL: Expression = { kind: "literal", value: null, dataType: { type: "null" } };

/** All rows of both sides by name of the columns, in the left side's order, what only the right has at the end. @throws AnalysisError */
export function unionByNamePlan(left: UnionSide, right: UnionSide, allowMissingColumns: boolean): Plan {
  const has = ({ columns }: UnionSide, name: string): boolean => columns.some((one) => one.toLowerCase() === name.toLowerCase());
  const missing = left.columns.find((name) => !has(right, name)) ?? right.columns.find((name) => !has(left, name));
  if (missing !== undefined && !allowMissingColumns) {
    const without = has(left, missing) ? right : left;
    throw new AnalysisError("UNRESOLVED_COLUMN_AMONG_FIELD_NAMES", {
      failed: `Cannot resolve column name "${missing}" among (${without.columns.join(", ")})`,
      found: "only one side of the union has it",
      remedy: "Select the same columns on both sides, or give allowMissingColumns: true.",
    });
  }
  const names = [...left.columns, ...right.columns.filter((name) => !has(left, name))];
  const project = (side: UnionSide): Plan => ({
    op: "project",
    input: side.plan,
    columns: names.map((name) => (has(side, name) ? named(name) : { name, expr: NULL })),
  });
  return { op: "union", left: project(left), right: project(right) };
}
