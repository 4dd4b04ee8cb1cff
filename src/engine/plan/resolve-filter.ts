import { AnalysisError, datatypeMismatch } from "../columns/analysis-error.ts";
import type { Expression } from "../columns/expression.ts";
import { expressionText } from "../columns/expression-text.ts";
import { containsAggregate } from "../columns/resolve-aggregate.ts";
import { requireCondition, resolveIn } from "../columns/resolve.ts";
import type { ResolveScope } from "../columns/resolve.ts";
import type { Resolved } from "../columns/resolved.ts";
import { builtinFunctions } from "../functions/registry.ts";

/**
 * A filter's condition: boolean, and without what makes or joins rows (Spark's CheckAnalysis). Throws AnalysisError INVALID_WHERE_CONDITION,
 * UNSUPPORTED_GENERATOR.OUTSIDE_SELECT, WINDOW_FUNCTION_NOT_ALLOWED_IN_CLAUSE, DATATYPE_MISMATCH.FILTER_NOT_BOOLEAN.
 */
export function resolveFilter(condition: Expression, scope: ResolveScope): Resolved {
  const text = expressionText(condition);
  if (containsAggregate(condition))
    throw new AnalysisError("INVALID_WHERE_CONDITION", {
      failed: `The WHERE condition "${text}" contains invalid expressions`,
      found: "an aggregate function",
      remedy: "Aggregate first, then filter the result (HAVING in SQL).",
    });
  if (partsSome(condition, isGenerator))
    throw new AnalysisError("UNSUPPORTED_GENERATOR.OUTSIDE_SELECT", {
      failed: "The generator is not supported outside the SELECT clause",
      found: `the filter ${text}`,
      remedy: "Select the generator first, then filter the new column.",
    });
  if (partsSome(condition, (part) => part.kind === "over"))
    throw new AnalysisError("WINDOW_FUNCTION_NOT_ALLOWED_IN_CLAUSE", {
      failed: "It is not allowed to use window functions inside WHERE clause",
      found: text,
      remedy: "Filter by a column; in streaming, group by window(…) instead.",
    });
  const resolved = resolveIn(condition, scope);
  if (resolved.dataType.type === "null")
    throw datatypeMismatch(
      "FILTER_NOT_BOOLEAN",
      text,
      'the filter expression is of type "VOID"',
      "A condition must be of type BOOLEAN: write CAST(NULL AS BOOLEAN), or leave the filter out.",
    );
  return requireCondition(resolved, condition);
}

function isGenerator(part: Expression): boolean {
  return part.kind === "call" && builtinFunctions.get(part.fn.toLowerCase())?.generator?.kind === "rows";
}

function partsSome(expression: Expression, test: (part: Expression) => boolean): boolean {
  if (test(expression)) return true;
  switch (expression.kind) {
    case "call":
      return expression.args.some((one) => partsSome(one, test));
    case "cast":
      return partsSome(expression.input, test);
    case "lambda":
      return partsSome(expression.body, test);
    case "case":
      return (
        expression.branches.some((pair) => pair.some((one) => partsSome(one, test))) ||
        (expression.otherwise !== undefined && partsSome(expression.otherwise, test))
      );
    default:
      return false;
  }
}
