import type { Expression, NamedExpression } from "../columns/expression.ts";
import type { JoinType, Plan } from "../plan/plan.ts";
import type { NamedColumn, Relation } from "./names.ts";
import { columnNamed } from "./names.ts";
import type { Ast, AstObject } from "./parser.ts";
import { identifier, isObject, listOf, placeOf, variantOf } from "./parser.ts";
import type { SourceText } from "./source-text.ts";
import { atPlace, unsupportedSql } from "./sql-error.ts";
import { sqlExpression } from "./sql-expression.ts";

/** A plan and the names of its columns: what FROM makes. */
export type Input = { readonly plan: Plan; readonly relations: readonly Relation[] };

/** What FROM needs of the translation around it. */
export interface FromContext {
  readonly source: SourceText;
  columnsOf(plan: Plan): readonly string[];
  table(name: string, node: Ast): Plan;
  subquery(node: AstObject): Plan;
}

const JOINS: Readonly<Record<string, JoinType>> = {
  Join: "inner",
  Inner: "inner",
  Left: "left",
  LeftOuter: "left",
  Right: "right",
  RightOuter: "right",
  FullOuter: "full",
  CrossJoin: "cross",
  Semi: "semi",
  LeftSemi: "semi",
  Anti: "anti",
  LeftAnti: "anti",
};

/** FROM with its joins; without FROM one row without columns. */
export function joinedInput(nodes: readonly Ast[], context: FromContext): Input {
  let input: Input | undefined;
  for (const node of nodes) {
    if (!isObject(node)) continue;
    const first = relationInput(node.relation, context);
    input = input ? joined(input, first, "cross", null, context) : first;
    for (const join of listOf(node.joins)) {
      if (!isObject(join)) continue;
      const [kind, constraint] = variantOf(join.join_operator);
      const type = JOINS[kind];
      if (!type)
        throw unsupportedSql(
          `The join ${kind}`,
          placeOf(join, context.source),
          "There are INNER, LEFT, RIGHT, FULL, LEFT SEMI, LEFT ANTI and CROSS JOIN.",
        );
      input = joined(input, relationInput(join.relation, context), type, constraint, context);
    }
  }
  return input ?? { plan: { op: "local", schema: { type: "struct", fields: [] }, rows: [[]] }, relations: [] };
}

function relationInput(node: Ast | undefined, context: FromContext): Input {
  const [kind, content] = variantOf(node);
  const place = placeOf(node, context.source);
  if (isObject(content)) {
    const alias = isObject(content.alias) ? content.alias : {};
    if (kind === "Table") {
      if (isObject(content.args))
        throw unsupportedSql("A function in FROM", place, "Make a DataFrame of it and name it with createOrReplaceTempView.");
      const name = listOf(content.name).map(identifier).join(".");
      return sampled(
        aliased(context.table(name, node ?? null), identifier(alias.name) || listOf(content.name).map(identifier).at(-1), alias, context),
        content,
        context,
      );
    }
    if (kind === "Derived" && isObject(content.subquery) && content.lateral !== true)
      return aliased(context.subquery(content.subquery), identifier(alias.name) || undefined, alias, context);
    if (kind === "NestedJoin" && isObject(content.table_with_joins)) return joinedInput([content.table_with_joins], context);
  }
  throw unsupportedSql(`The relation ${kind} in FROM`, place, "Name a view, or write a subquery in parentheses.");
}

function aliased(plan: Plan, qualifier: string | undefined, alias: AstObject, context: FromContext): Input {
  const given = listOf(alias.columns).map((one) => identifier(isObject(one) ? one.name : null));
  const columns = context.columnsOf(plan).map((actual, i): NamedColumn => ({ name: given[i] ?? actual, actual }));
  if (given.length === 0) return { plan, relations: [{ qualifier, columns }] };
  const renamed = columns.map(({ name, actual }): NamedExpression => ({ name, expr: { kind: "column", path: [actual] } }));
  return {
    plan: { op: "project", input: plan, columns: renamed },
    relations: [{ qualifier, columns: columns.map(({ name }) => ({ name, actual: name })) }],
  };
}

function sampled(input: Input, node: AstObject, context: FromContext): Input {
  const [, sample] = variantOf(node.sample);
  if (!isObject(sample)) return input;
  const quantity = isObject(sample.quantity) ? sample.quantity : {};
  const percent = isObject(quantity.value) ? sqlExpression(quantity.value, { source: context.source, relations: [] }) : undefined;
  if (variantOf(quantity.unit)[0] !== "Percent" || percent?.kind !== "literal" || isObject(sample.seed))
    throw unsupportedSql("This form of TABLESAMPLE", placeOf(node, context.source), "Write TABLESAMPLE (10 PERCENT).");
  return { ...input, plan: { op: "sample", input: input.plan, fraction: Number(percent.value) / 100 } };
}

const lower = (text: string): string => text.toLowerCase();

function joined(left: Input, right: Input, type: JoinType, constraint: Ast, context: FromContext): Input {
  const taken = new Set(context.columnsOf(left.plan).map(lower));
  const distinct = withOtherNames(right, taken, context);
  const relations = [...left.relations, ...distinct.relations];
  const [kind, content] = variantOf(constraint);
  if (kind === "Using") return joinedUsing(left, distinct, type, listOf(content), context);
  if (kind === "Natural" || constraint === "Natural") return joinedNaturally(left, distinct, type, context);
  const condition = kind === "On" ? sqlExpression(content, { source: context.source, relations }) : undefined;
  const plan: Plan = {
    op: "join",
    left: left.plan,
    right: distinct.plan,
    type: condition || type !== "inner" ? type : "cross",
    ...(condition && { condition }),
  };
  return { plan, relations: type === "semi" || type === "anti" ? left.relations : relations };
}

/** Gives the columns of the right side whose names the left side has other ones, so that both can be told apart in the join's result. */
function withOtherNames(right: Input, taken: ReadonlySet<string>, context: FromContext): Input {
  const names = context.columnsOf(right.plan);
  if (!names.some((one) => taken.has(lower(one)))) return right;
  const all = new Set([...taken, ...names.map(lower)]);
  const renamed = new Map<string, string>();
  for (const name of names) {
    if (!taken.has(lower(name))) continue;
    let other = `__${name}`;
    while (all.has(lower(other))) other = `_${other}`;
    all.add(lower(other));
    renamed.set(name, other);
  }
  const columns = names.map((one): NamedExpression => ({ name: renamed.get(one) ?? one, expr: { kind: "column", path: [one] } }));
  const relations = right.relations.map((one) => ({
    ...one,
    columns: one.columns.map(({ name, actual }) => ({ name, actual: renamed.get(actual) ?? actual })),
  }));
  return { plan: { op: "project", input: right.plan, columns }, relations };
}

/** NATURAL JOIN: USING all names that both sides have; a cross join where there are none. */
function joinedNaturally(left: Input, right: Input, type: JoinType, context: FromContext): Input {
  const names = (input: Input): string[] => input.relations.flatMap((one) => one.columns.map((column) => column.name));
  const known = new Set(names(right).map(lower));
  const shared = [
    ...new Map(
      names(left)
        .filter((one) => known.has(lower(one)))
        .map((one) => [lower(one), one]),
    ).values(),
  ];
  if (shared.length > 0)
    return joinedUsing(
      left,
      right,
      type,
      shared.map((value) => ({ value })),
      context,
    );
  return {
    plan: { op: "join", left: left.plan, right: right.plan, type: type === "inner" ? "cross" : type },
    relations: type === "semi" || type === "anti" ? left.relations : [...left.relations, ...right.relations],
  };
}

/** JOIN … USING: the columns named stand once in the result, first. */
function joinedUsing(left: Input, right: Input, type: JoinType, using: readonly Ast[], context: FromContext): Input {
  const keys = using.map((one) => {
    const name = identifier(listOf(one)[0] ?? one);
    const side = (input: Input): Expression => atPlace(placeOf(one, context.source), () => columnNamed([name], input.relations));
    return { name, left: side(left), right: side(right) };
  });
  const condition = keys
    .map((key): Expression => ({ kind: "call", fn: "=", args: [key.left, key.right] }))
    .reduce((all, one): Expression => ({ kind: "call", fn: "and", args: [all, one] }));
  const join: Plan = { op: "join", left: left.plan, right: right.plan, type, condition };
  if (type === "semi" || type === "anti") return { plan: join, relations: left.relations };
  const actual = (one: Expression): string => (one.kind === "column" ? (one.path[0] ?? "") : "");
  const merged = keys.map((key): NamedExpression => {
    const both: Expression = { kind: "call", fn: "coalesce", args: [key.left, key.right] };
    return { name: actual(key.left), expr: type === "full" ? both : type === "right" ? key.right : key.left };
  });
  const leftKeys = new Set(keys.map((key) => actual(key.left)));
  const rightKeys = new Map(keys.map((key) => [actual(key.right), actual(key.left)]));
  const rest = [
    ...context.columnsOf(left.plan).filter((one) => !leftKeys.has(one)),
    ...context.columnsOf(right.plan).filter((one) => !rightKeys.has(one)),
  ];
  const columns = [...merged, ...rest.map((one): NamedExpression => ({ name: one, expr: { kind: "column", path: [one] } }))];
  const rightRelations = right.relations.map((one) => ({
    ...one,
    columns: one.columns.map((column) => ({ name: column.name, actual: rightKeys.get(column.actual) ?? column.actual })),
  }));
  return { plan: { op: "project", input: join, columns }, relations: [...left.relations, ...rightRelations] };
}
