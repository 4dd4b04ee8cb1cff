import type { Expression } from "../columns/expression.ts";
import { UNKNOWN_RELATION } from "./names.ts";
import type { AstObject } from "./parser.ts";
import { identifier, isObject, listOf, parseSql, variantOf } from "./parser.ts";
import { syntaxError } from "./sql-error.ts";
import { sqlExpression } from "./sql-expression.ts";

/**
 * The expression that one column of a SELECT list stands for, and its name where AS gives one: "value * 2 AS twice". Names are taken as they are written;
 * the plan that it goes into checks them. @throws AnalysisError PARSE_SYNTAX_ERROR for more, or less, than one column
 */
export function columnText(text: string): { readonly expression: Expression; readonly alias: string | undefined } {
  const { query, source } = parseSql(`SELECT ${text}`);
  const [kind, select] = variantOf(query.body);
  const [item, second] = kind === "Select" && isObject(select) ? listOf(select.projection) : [];
  if (kind !== "Select" || !isObject(select) || item === undefined || second !== undefined || !isBare(query, select))
    throw syntaxError(`"${text}" is not one column`, undefined);
  const scope = { source, relations: [UNKNOWN_RELATION] };
  const [form, content] = variantOf(item);
  if (form === "Wildcard") return { expression: { kind: "column", path: ["*"] }, alias: undefined };
  if (form === "ExprWithAlias" && isObject(content))
    return { expression: sqlExpression(content.expr, scope), alias: identifier(content.alias) };
  if (form !== "UnnamedExpr") throw syntaxError(`"${text}" is not one column`, undefined);
  return { expression: sqlExpression(content, scope), alias: undefined };
}

/** Whether nothing follows the list: no FROM, no WHERE, no ORDER BY. */
function isBare(query: AstObject, select: AstObject): boolean {
  const clauses = [select.selection, select.having, query.order_by, query.limit_clause, query.limit, query.fetch, query.with];
  const [groups] = listOf(variantOf(select.group_by)[1]);
  return listOf(select.from).length === 0 && listOf(groups).length === 0 && !clauses.some(isObject);
}
