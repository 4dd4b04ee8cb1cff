import { AnalysisError } from "../columns/analysis-error.ts";
import { resolveIn } from "../columns/resolve.ts";
import { sqlTypeName } from "../types/type-text.ts";
import type { AnalysisContext } from "./scope.ts";
import { scopeOf } from "./scope.ts";
import { conjuncts } from "./expressions.ts";
import { andOf } from "./conditions.ts";
import { splitKeys } from "./join-keys.ts";
import type { Column, JoinNode, Node } from "./node.ts";
import type { Plan } from "./plan.ts";

/** A join: equalities between the sides become keys, the rest stays a condition. */
export function analyzeJoin(plan: Extract<Plan, { op: "join" }>, left: Node, right: Node, context: AnalysisContext): JoinNode {
  const both: Node = { ...left, columns: [...left.columns, ...right.columns] };
  const condition = plan.condition && resolveIn(plan.condition, scopeOf(both, context));
  if (condition && condition.dataType.type !== "boolean") {
    throw new AnalysisError("JOIN_CONDITION_IS_NOT_BOOLEAN_TYPE", {
      failed: "The join condition has the wrong type",
      found: `it is of type "${sqlTypeName(condition.dataType)}", expected "BOOLEAN"`,
      remedy: "Compare columns of both sides.",
    });
  }
  const { keys, rest } = splitKeys(condition ? conjuncts(condition) : [], left.columns.length);
  const nullable = (columns: readonly Column[]): Column[] => columns.map((column) => ({ ...column, nullable: true }));
  const leftColumns = plan.type === "right" || plan.type === "full" ? nullable(left.columns) : left.columns;
  const rightColumns = plan.type === "left" || plan.type === "full" ? nullable(right.columns) : right.columns;
  const columns = plan.type === "semi" || plan.type === "anti" ? left.columns : [...leftColumns, ...rightColumns];
  const remaining = andOf(rest);
  return {
    op: "join",
    left,
    right,
    type: plan.type,
    ...keys,
    ...(remaining && { condition: remaining }),
    columns,
    streaming: left.streaming || right.streaming,
  };
}
