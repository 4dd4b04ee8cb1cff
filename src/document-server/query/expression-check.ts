import type { Document } from "bson";
import { CommandFailure } from "../failure.ts";
import { isPlain } from "./predicates.ts";

const SYSTEM_VARIABLES = new Set([
  "ROOT",
  "CURRENT",
  "NOW",
  "CLUSTER_TIME",
  "REMOVE",
  "DESCEND",
  "PRUNE",
  "KEEP",
  "SEARCH_META",
  "USER_ROLES",
]);

/** Names that an operator binds for what is inside it. */
function bound(operator: string, argument: unknown): readonly string[] {
  if (!isPlain(argument)) return [];
  if (operator === "$let") return Object.keys((argument.vars ?? {}) as Document);
  if (operator === "$map" || operator === "$filter") return [typeof argument.as === "string" ? argument.as : "this"];
  return operator === "$reduce" ? ["value", "this"] : [];
}

/**
 * Throws what can be told of an expression before it meets a document: 168 for an operator that does not exist, 17276 for `$$name` that nothing
 * defines. `known` are the variables of the command.
 */
export function checkExpression(expression: unknown, known: ReadonlySet<string>, isOperator: (name: string) => boolean): void {
  if (typeof expression === "string") {
    if (!expression.startsWith("$$")) return;
    const name = expression.slice(2).split(".")[0] as string;
    if (!SYSTEM_VARIABLES.has(name) && !known.has(name)) throw new CommandFailure("Location17276", `Use of undefined variable: ${name}`);
    return;
  }
  if (Array.isArray(expression)) {
    for (const part of expression) checkExpression(part, known, isOperator);
    return;
  }
  if (!isPlain(expression)) return;
  const names = Object.keys(expression);
  const operator = names[0]?.startsWith("$") ? names[0] : undefined;
  if (operator === undefined) {
    for (const part of Object.values(expression)) checkExpression(part, known, isOperator);
    return;
  }
  if (names.length > 1)
    throw new CommandFailure("Location15983", `an object representing an expression must have exactly one field: ${names.join(", ")}`);
  if (operator === "$literal" || operator === "$const") return;
  if (!isOperator(operator)) throw new CommandFailure("InvalidPipelineOperator", `Unrecognized expression '${operator}'`);
  const argument = expression[operator] as unknown;
  const inner = bound(operator, argument);
  checkExpression(argument, inner.length > 0 ? new Set([...known, ...inner]) : known, isOperator);
}
