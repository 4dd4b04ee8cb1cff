import { AnalysisError } from "../columns/analysis-error.ts";
import { expressionText } from "../columns/expression-text.ts";
import { containsAggregate } from "../columns/resolve-aggregate.ts";
import { analyzeAggregate } from "./analyze-aggregate.ts";
import type { Node, ObserveNode } from "./node.ts";
import { schemaOf } from "./node.ts";
import type { Plan } from "./plan.ts";
import type { AnalysisContext } from "./scope.ts";

/** Named aggregates beside the rows (Spark's CollectMetrics). @throws AnalysisError INVALID_OBSERVED_METRICS */
export function analyzeObserve(plan: Extract<Plan, { op: "observe" }>, input: Node, context: AnalysisContext): ObserveNode {
  if (plan.name === "") throw invalid("MISSING_NAME", "the metrics have no name", 'Name them: observe("stats", …).');
  for (const { expr } of plan.aggregates)
    if (expr.kind !== "literal" && !containsAggregate(expr)) {
      const found = `Attribute "${expressionText(expr)}" can only be used as an argument to an aggregate function`;
      throw invalid("NON_AGGREGATE_FUNC_ARG_IS_ATTRIBUTE", found, `Aggregate it, as in max(${expressionText(expr)}).`);
    }
  const aggregate = analyzeAggregate(
    { op: "aggregate", input: plan.input, groupBy: [], aggregates: plan.aggregates, grouping: "plain" },
    input,
    context,
  );
  if (aggregate.op !== "aggregate") throw invalid("WINDOW_EXPRESSIONS_UNSUPPORTED", "a window among the metrics", "Leave it out.");
  const { calls, results, columns } = aggregate;
  if (calls.some((call) => call.distinct))
    throw invalid(
      "AGGREGATE_EXPRESSION_WITH_DISTINCT_UNSUPPORTED",
      "a distinct aggregate",
      "Consider using approx_count_distinct() instead.",
    );
  return {
    op: "observe",
    input,
    name: plan.name,
    calls,
    results,
    metrics: schemaOf(columns),
    columns: input.columns,
    streaming: input.streaming,
  };
}

function invalid(kind: string, found: string, remedy: string): AnalysisError {
  return new AnalysisError(`INVALID_OBSERVED_METRICS.${kind}`, { failed: "Invalid observed metrics", found, remedy });
}
