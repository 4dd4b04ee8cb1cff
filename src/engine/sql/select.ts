import { containsAggregate } from "../columns/resolve-aggregate.ts";
import { AnalysisError, unresolvedColumn } from "../columns/analysis-error.ts";
import type { Expression, NamedExpression } from "../columns/expression.ts";
import { columnName } from "../columns/expression-text.ts";
import type { Plan } from "../plan/plan.ts";
import type { Input } from "./from.ts";
import { GroupedSelect, keyList } from "./group.ts";
import type { NamedColumn, Relation } from "./names.ts";
import { columnsOfRelation, withAliases } from "./names.ts";
import type { Ast, AstObject } from "./parser.ts";
import { identifier, isObject, listOf, placeNumber, placeOf, variantOf } from "./parser.ts";
import type { SourceText } from "./source-text.ts";
import { outOfRange, placeText, unsupportedSql } from "./sql-error.ts";
import { sqlExpression } from "./sql-expression.ts";
import { withoutSubqueries } from "./subquery.ts";

/** A key of ORDER BY. */
export type OrderItem = { readonly node: Ast; readonly descending: boolean; readonly nullsFirst: boolean };

/** ORDER BY ALL: by every column, from left to right. */
export function everyPlace(
  order: readonly OrderItem[],
  columns: readonly unknown[],
  known: readonly Relation[] = [],
): readonly OrderItem[] {
  const [only] = order;
  const name = order.length === 1 && only && isObject(only.node) && isObject(only.node.Identifier) ? only.node.Identifier : undefined;
  if (!only || !name || identifier(name).toLowerCase() !== "all" || typeof name.quote_style === "string") return order;
  if (known.some((one) => one.columns.some((column) => column.name.toLowerCase() === "all"))) return order;
  return columns.map((_, i) => ({ ...only, node: { Value: { value: { Number: [String(i + 1), false] } } } }));
}

/** What a SELECT needs of the translation around it. */
export interface SelectContext {
  readonly source: SourceText;
  columnsOf(plan: Plan): readonly string[];
  from(nodes: readonly Ast[]): Input;
  subquery(node: AstObject): Plan;
}

/** A column of SELECT's list: `alias` says whether the user named it. */
export type SelectItem = { readonly name: string; readonly expr: Expression; readonly alias: boolean };

const CLAUSES = ["qualify", "top", "into", "prewhere", "value_table_mode", "exclude"] as const;
const LISTS = ["cluster_by", "distribute_by", "sort_by", "named_window", "connect_by"] as const;

/** One SELECT and the ORDER BY of its query. */
export function selectPlan(node: AstObject, written: readonly OrderItem[], context: SelectContext): Plan {
  refuseClauses(node, context);
  const input = filtered(node, lateralViews(node, context.from(listOf(node.from)), context), context);
  const windows = windowKeys(node.group_by, input.relations);
  const scope = {
    source: context.source,
    relations: windows.length === 0 ? input.relations : [...input.relations, { qualifier: undefined, columns: windows }],
  };
  const items: SelectItem[] = [];
  for (const one of listOf(node.projection)) items.push(...selectItems(one, input, scope.relations, items, context));
  const order = everyPlace(written, items, input.relations);
  const [, groups] = variantOf(node.group_by);
  const [keys, modifiers] = listOf(groups);
  const groupAll = variantOf(node.group_by)[0] === "All";
  const having = isObject(node.having) ? node.having : undefined;
  const grouped = groupAll || listOf(keys).length > 0 || having !== undefined || items.some((item) => containsAggregate(item.expr));
  let plan: Plan;
  const keysOf = (below: (expression: Expression) => Expression): SortKeys => sortKeys(order, items, scope, below);
  if (grouped) {
    const list = keyList(groupAll ? undefined : listOf(keys), listOf(modifiers), items, scope);
    const select = new GroupedSelect(input.plan, list, items);
    const kept = having && select.having(having, scope);
    const sorted = keysOf((expression) => select.after(expression));
    plan = select.plan(kept, sorted.above ? undefined : sorted.below);
    return ordered(distinct(plan, node, sorted, context), sorted);
  }
  const sorted = keysOf((expression) => expression);
  const isStar = isPlainStar(items, input, context);
  plan = input.plan;
  if (!sorted.above && !isStar && order.length > 0) plan = { op: "sort", input: plan, by: sorted.below };
  if (!isStar) plan = { op: "project", input: plan, columns: items.map(({ name, expr }) => ({ name, expr })) };
  return ordered(distinct(plan, node, sorted, context), isStar && !sorted.above ? { ...sorted, above: sorted.below } : sorted);
}

function refuseClauses(node: AstObject, context: SelectContext): void {
  for (const clause of CLAUSES) {
    const found = node[clause];
    if (isObject(found) || typeof found === "string")
      throw unsupportedSql(
        `The clause ${clause.toUpperCase()}`,
        placeOf(found, context.source) ?? placeOf(node, context.source),
        "Leave it out.",
      );
  }
  for (const clause of LISTS)
    if (listOf(node[clause]).length > 0)
      throw unsupportedSql(`The clause ${clause.replace("_", " ").toUpperCase()}`, placeOf(node[clause], context.source), "Leave it out.");
}

/** `window` and `session_window` among the grouping keys are columns for the rest of the query. */
function windowKeys(groupBy: Ast | undefined, relations: readonly Relation[]): NamedColumn[] {
  const known = new Set(relations.flatMap((one) => one.columns).map((one) => one.name.toLowerCase()));
  return listOf(listOf(variantOf(groupBy)[1])[0]).flatMap((one) => {
    const [kind, content] = variantOf(one);
    const name = kind === "Function" && isObject(content) ? listOf(content.name).map(identifier).join(".").toLowerCase() : "";
    return (name === "window" || name === "session_window") && !known.has(name) ? [{ name, actual: name }] : [];
  });
}

function filtered(node: AstObject, input: Input, context: SelectContext): Input {
  if (!isObject(node.selection)) return input;
  const { input: joined, rest } = withoutSubqueries(node.selection, input, context);
  const scope = { source: context.source, relations: input.relations };
  const whole =
    rest.length > 0 && joined.plan === input.plan ? [sqlExpression(node.selection, scope)] : rest.map((one) => sqlExpression(one, scope));
  if (whole.length === 0) return joined;
  const condition = whole.reduce((all, one): Expression => ({ kind: "call", fn: "and", args: [all, one] }));
  return { ...joined, plan: { op: "filter", input: joined.plan, condition } };
}

/** LATERAL VIEW explode(…) e AS x: the columns of a generator beside the others, one row for each element; WHERE comes after it. */
function lateralViews(node: AstObject, input: Input, context: SelectContext): Input {
  let { plan, relations } = input;
  for (const view of listOf(node.lateral_views)) {
    if (!isObject(view)) continue;
    const written = sqlExpression(view.lateral_view, { source: context.source, relations });
    const outer = view.outer === true && written.kind === "call" ? `${written.fn}_outer` : undefined;
    const expr: Expression = outer !== undefined && written.kind === "call" ? { ...written, fn: outer } : written;
    const before = context.columnsOf(plan);
    const star: NamedExpression = { name: "*", expr: { kind: "column", path: ["*"] } };
    const generated: Plan = { op: "project", input: plan, columns: [star, { name: columnName(expr), expr }] };
    const made = context.columnsOf(generated).slice(before.length);
    const given = listOf(view.lateral_col_alias).map(identifier);
    const names = given.length === 0 ? made : given;
    if (names.length !== made.length)
      throw new AnalysisError("UDTF_ALIAS_NUMBER_MISMATCH", {
        failed: "The number of aliases supplied in the AS clause does not match the number of columns output by the UDTF",
        found: `${names.length} names for ${made.length} columns at ${placeText(placeOf(view, context.source))}`,
        remedy: `Name ${made.length} columns after AS.`,
      });
    const taken = new Set(before.map((one) => one.toLowerCase()));
    const columns = names.map((name): NamedColumn => ({ name, actual: freshName(name, taken) }));
    const [only] = columns;
    const named = (from: readonly string[], to: readonly string[]): NamedExpression[] =>
      from.map((name, i) => ({ name: to[i] ?? name, expr: { kind: "column", path: [name] } }));
    plan =
      only && columns.length === 1
        ? { op: "project", input: plan, columns: [star, { name: only.actual, expr }] }
        : {
            op: "project",
            input: generated,
            columns: [
              ...named(before, before),
              ...named(
                made,
                columns.map((one) => one.actual),
              ),
            ],
          };
    relations = [...relations, { qualifier: listOf(view.lateral_view_name).map(identifier).join("."), columns }];
  }
  return { plan, relations };
}

/** A name that no column of the input has. */
function freshName(name: string, taken: Set<string>): string {
  let fresh = name;
  while (taken.has(fresh.toLowerCase())) fresh = `_${fresh}`;
  taken.add(fresh.toLowerCase());
  return fresh;
}

function selectItems(
  node: Ast,
  input: Input,
  relations: readonly Relation[],
  before: readonly SelectItem[],
  context: SelectContext,
): SelectItem[] {
  const scope = { source: context.source, relations, aliases: before.filter((one) => one.alias) };
  const [kind, content] = variantOf(node);
  if (kind === "Wildcard") return starred(visible(input, context), content, context);
  if (kind === "QualifiedWildcard") {
    const [target, options] = listOf(content);
    const [form, names] = variantOf(target);
    if (form !== "ObjectName")
      throw unsupportedSql("A star after an expression", placeOf(node, context.source), "Give the expression a name in a subquery.");
    const path = listOf(names).map(identifier);
    const known = path.length === 1 ? columnsOfRelation(path[0] ?? "", input.relations) : undefined;
    if (known) return starred(known, options, context);
    const found = sqlExpression(
      { CompoundIdentifier: listOf(names).map((one) => (isObject(one) ? (one.Identifier ?? null) : one)) },
      scope,
    );
    return [{ name: "*", expr: found.kind === "column" ? { kind: "column", path: [...found.path, "*"] } : found, alias: false }];
  }
  if (kind === "ExprWithAlias" && isObject(content))
    return [{ name: identifier(content.alias), expr: sqlExpression(content.expr, scope), alias: true }];
  if (kind !== "UnnamedExpr")
    throw unsupportedSql("Several names for one expression", placeOf(node, context.source), "Give each column its own name.");
  const expr = sqlExpression(content, scope);
  const [form, written] = variantOf(content);
  const parts = form === "CompoundIdentifier" ? listOf(written) : [written];
  const name = form === "Identifier" || form === "CompoundIdentifier" ? identifier(parts.at(-1)) : columnName(expr);
  return [{ name, expr, alias: false }];
}

/** What `*` stands for: the plan's columns, in its order, under the names that SQL has for them. */
function visible(input: Input, context: SelectContext): NamedColumn[] {
  const names = new Map(input.relations.flatMap((one: Relation) => one.columns).map((one) => [one.actual, one.name]));
  return context.columnsOf(input.plan).map((actual) => ({ name: names.get(actual) ?? actual, actual }));
}

function starred(columns: readonly NamedColumn[], options: Ast | undefined, context: SelectContext): SelectItem[] {
  const given = isObject(options) ? options : {};
  const except = isObject(given.opt_except) ? given.opt_except : {};
  const dropped = new Set(
    [except.first_element ?? null, ...listOf(except.additional_elements)].map((one) => identifier(one).toLowerCase()),
  );
  const names = columns.map((one) => one.name);
  for (const one of dropped) if (one !== "" && !names.some((name) => name.toLowerCase() === one)) throw unresolvedColumn(one, names);
  for (const option of ["opt_replace", "opt_rename", "opt_ilike", "opt_exclude"] as const)
    if (isObject(given[option]))
      throw unsupportedSql("This option of a star", placeOf(given[option], context.source), "Name the columns, or write * EXCEPT (…).");
  return columns
    .filter((one) => !dropped.has(one.name.toLowerCase()))
    .map(({ name, actual }) => ({ name, expr: { kind: "column", path: [actual] }, alias: false }));
}

/** Whether the list is just what the plan gives already, so that no projection is needed. */
function isPlainStar(items: readonly SelectItem[], input: Input, context: SelectContext): boolean {
  const names = context.columnsOf(input.plan);
  return (
    items.length === names.length &&
    items.every(
      ({ name, expr, alias }, i) =>
        !alias && name === names[i] && expr.kind === "column" && expr.path.length === 1 && expr.path[0] === name,
    )
  );
}

type PlanKey = { readonly expr: Expression; readonly descending: boolean; readonly nullsFirst: boolean };
/** Sort keys over the result (`above`, where all of them are columns of it), or over what the projection reads. */
type SortKeys = { readonly above: readonly PlanKey[] | undefined; readonly below: readonly PlanKey[] };

function sortKeys(
  order: readonly OrderItem[],
  items: readonly SelectItem[],
  scope: { readonly source: SourceText; readonly relations: readonly Relation[] },
  below: (expression: Expression) => Expression,
): SortKeys {
  const keys = order.map(({ node, descending, nullsFirst }) => {
    const item = orderedItem(node, items, scope.source);
    const expr = item?.expr ?? sqlExpression(node, { ...scope, relations: withAliases(scope.relations, items) });
    const known = item ?? items.find((one) => JSON.stringify(one.expr) === JSON.stringify(expr));
    const above: Expression | undefined = known && known.name !== "*" ? { kind: "column", path: [known.name] } : undefined;
    return { descending, nullsFirst, above, expr };
  });
  const usable = keys.every((key) => key.above !== undefined) && new Set(items.map((one) => one.name.toLowerCase())).size === items.length;
  return {
    above: usable ? keys.map(({ above, expr, descending, nullsFirst }) => ({ expr: above ?? expr, descending, nullsFirst })) : undefined,
    below: usable ? [] : keys.map(({ expr, descending, nullsFirst }) => ({ expr: below(expr), descending, nullsFirst })),
  };
}

/** The item that a place number or an alias of the list names. */
function orderedItem(node: Ast, items: readonly SelectItem[], source: SourceText): SelectItem | undefined {
  const place = placeNumber(node);
  if (place !== undefined) {
    const item = items[place - 1];
    if (item) return item;
    throw outOfRange("ORDER BY", place, items.length, placeOf(node, source));
  }
  const name = isObject(node) && isObject(node.Identifier) ? identifier(node).toLowerCase() : undefined;
  return name === undefined ? undefined : items.find((one) => one.alias && one.name.toLowerCase() === name);
}

function distinct(plan: Plan, node: AstObject, sorted: SortKeys, context: SelectContext): Plan {
  const [kind] = variantOf(node.distinct);
  if (kind === "" || kind === "All") return plan;
  if (kind !== "Distinct")
    throw unsupportedSql("DISTINCT ON", placeOf(node.distinct, context.source), "Use dropDuplicates on a DataFrame.");
  if (sorted.below.length > 0)
    throw unsupportedSql("ORDER BY something that SELECT DISTINCT does not list", placeOf(node, context.source), "Select it too.");
  return { op: "deduplicate", input: plan, columns: [], withinWatermark: false };
}

function ordered(plan: Plan, sorted: SortKeys): Plan {
  return sorted.above && sorted.above.length > 0 ? { op: "sort", input: plan, by: sorted.above } : plan;
}
