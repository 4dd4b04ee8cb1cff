import { AnalysisError } from "../columns/analysis-error.ts";
import { resolveIn } from "../columns/resolve.ts";
import type { Resolved } from "../columns/resolved.ts";
import { sqlTypeName } from "../types/type-text.ts";
import type { AnalysisContext } from "./scope.ts";
import { scopeOf } from "./scope.ts";
import { conjuncts, referencesOf, shiftFields } from "./expressions.ts";
import { andOf } from "./conditions.ts";
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
  const leftKeys: Resolved[] = [];
  const rightKeys: Resolved[] = [];
  const rest: Resolved[] = [];
  for (const part of condition ? conjuncts(condition) : []) {
    const pair = equiPair(part, left.columns.length);
    if (!pair) {
      rest.push(part);
      continue;
    }
    leftKeys.push(pair[0]);
    rightKeys.push(shiftFields(pair[1], -left.columns.length));
  }
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
    leftKeys,
    rightKeys,
    ...(remaining && { condition: remaining }),
    columns,
    streaming: left.streaming || right.streaming,
  };
}

function equiPair(part: Resolved, leftCount: number): readonly [Resolved, Resolved] | undefined {
  if (part.kind !== "call" || part.entry.name !== "=") return undefined;
  const [a, b] = part.args;
  if (!a || !b) return undefined;
  const sideOf = (one: Resolved): "left" | "right" | undefined => {
    const references = [...referencesOf(one)];
    if (references.length === 0) return undefined;
    if (references.every((ordinal) => ordinal < leftCount)) return "left";
    return references.every((ordinal) => ordinal >= leftCount) ? "right" : undefined;
  };
  const sides = [sideOf(a), sideOf(b)];
  if (sides[0] === "left" && sides[1] === "right") return [a, b];
  if (sides[0] === "right" && sides[1] === "left") return [b, a];
  return undefined;
}
