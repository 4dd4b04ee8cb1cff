import { AnalysisError } from "../columns/analysis-error.ts";
import type { Expression } from "../columns/expression.ts";
import { literalExpression } from "../columns/literal.ts";
import type { Plan } from "../plan/plan.ts";
import type { Input } from "./from.ts";
import type { Relation } from "./names.ts";
import { columnNamed } from "./names.ts";
import type { Ast, AstObject } from "./parser.ts";
import { isObject, placeOf, variantOf } from "./parser.ts";
import type { SourceText } from "./source-text.ts";
import { unsupportedSql } from "./sql-error.ts";
import { sqlExpression } from "./sql-expression.ts";

/** What subqueries of WHERE need of the translation around them. */
export interface SubqueryContext {
  readonly source: SourceText;
  columnsOf(plan: Plan): readonly string[];
  subquery(node: AstObject): Plan;
}

/**
 * WHERE's condition in two: the parts, joined by AND, that are `x [NOT] IN (query)` or `[NOT] EXISTS (query)` become joins of the input, and the rest
 * stays a condition. Queries that read columns of the query around them are refused.
 */
export function withoutSubqueries(where: Ast, input: Input, context: SubqueryContext): { readonly input: Input; readonly rest: Ast[] } {
  let { plan } = input;
  const rest: Ast[] = [];
  for (const part of parts(where)) {
    const found = subqueryOf(part);
    if (!found) {
      rest.push(part);
      continue;
    }
    const right = independent(found.query, input.relations, part, context);
    const condition = found.value ? membership(found.value, found.negated, right, { ...input, plan }, context) : literalExpression(true);
    const columns = context.columnsOf(right).map((name, i) => ({ name: `__subquery_${i}`, expr: column(name) }));
    plan = {
      op: "join",
      left: plan,
      right: { op: "project", input: right, columns },
      type: found.negated ? "anti" : "semi",
      condition,
    };
  }
  return { input: { ...input, plan }, rest };
}

type Subquery = { readonly query: AstObject; readonly negated: boolean; readonly value?: Ast };

const column = (name: string): Expression => ({ kind: "column", path: [name] });

function parts(node: Ast): Ast[] {
  const [kind, content] = variantOf(node);
  if (kind === "Nested") return parts(content);
  if (kind === "BinaryOp" && isObject(content) && variantOf(content.op)[0] === "And")
    return [...parts(content.left ?? null), ...parts(content.right ?? null)];
  return [node];
}

function subqueryOf(node: Ast): Subquery | undefined {
  const [kind, content] = variantOf(node);
  if (!isObject(content)) return undefined;
  if (kind === "UnaryOp" && ["Not", "BangNot"].includes(variantOf(content.op)[0])) {
    const [inner] = parts(content.expr ?? null);
    const found = inner === undefined ? undefined : subqueryOf(inner);
    return found && { ...found, negated: !found.negated };
  }
  if ((kind !== "InSubquery" && kind !== "Exists") || !isObject(content.subquery)) return undefined;
  const value = kind === "InSubquery" ? (content.expr ?? null) : undefined;
  return { query: content.subquery, negated: content.negated === true, ...(value !== undefined && { value }) };
}

/** `x = member`; for NOT IN a comparison without an answer counts as a match, since the row is then not kept. */
function membership(value: Ast, negated: boolean, right: Plan, input: Input, context: SubqueryContext): Expression {
  if (context.columnsOf(right).length !== 1)
    throw unsupportedSql("IN with a query of several columns", placeOf(value, context.source), "Select one column.");
  const left = sqlExpression(value, { source: context.source, relations: input.relations });
  const equal: Expression = { kind: "call", fn: "=", args: [left, column("__subquery_0")] };
  return negated ? { kind: "call", fn: "coalesce", args: [equal, literalExpression(true)] } : equal;
}

function independent(query: AstObject, outer: readonly Relation[], node: Ast, context: SubqueryContext): Plan {
  try {
    return context.subquery(query);
  } catch (thrown) {
    const [, name] = thrown instanceof AnalysisError ? (/with name (\S+) cannot be resolved/.exec(thrown.message) ?? []) : [];
    if (
      name !== undefined &&
      isKnown(
        name.split(".").map((part) => part.replaceAll("`", "")),
        outer,
      )
    )
      throw unsupportedSql(
        "A subquery that reads the query around it",
        placeOf(node, context.source),
        "Write LEFT SEMI JOIN or LEFT ANTI JOIN.",
      );
    throw thrown;
  }
}

function isKnown(path: readonly string[], relations: readonly Relation[]): boolean {
  try {
    columnNamed(path, relations);
    return true;
  } catch {
    return false;
  }
}
