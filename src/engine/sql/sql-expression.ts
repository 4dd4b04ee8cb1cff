import { literalExpression } from "../columns/literal.ts";
import type { CallOptions, Expression } from "../columns/expression.ts";
import { columnName } from "../columns/expression-text.ts";
import { parseTypeOrSchema } from "../types/ddl.ts";
import { AnalysisError } from "../columns/analysis-error.ts";
import type { Relation } from "./names.ts";
import { columnNamed } from "./names.ts";
import type { Ast, AstObject } from "./parser.ts";
import { identifier, isObject, listOf, placeOf, variantOf } from "./parser.ts";
import type { SourceText } from "./source-text.ts";
import { atPlace, unsupportedSql } from "./sql-error.ts";
import { negated, typedLiteral, unitInterval, valueLiteral } from "./sql-literal.ts";
import { sqlType } from "./sql-type.ts";

/** What names mean where an expression stands. */
export interface ExpressionScope {
  readonly source: SourceText;
  readonly relations: readonly Relation[];
  /** The columns before this one in SELECT's list that have a name of their own, which it may use where no column has that name. */
  readonly aliases?: readonly { readonly name: string; readonly expr: Expression }[];
  /** The parameters of the lambdas around the expression: a name is one of them before it is a column. */
  readonly variables?: readonly string[];
}

const INFIX: Readonly<Record<string, string>> = {
  Plus: "+",
  Minus: "-",
  Multiply: "*",
  Divide: "/",
  Modulo: "%",
  MyIntegerDivide: "div",
  Eq: "=",
  NotEq: "<>",
  Lt: "<",
  LtEq: "<=",
  Gt: ">",
  GtEq: ">=",
  Spaceship: "<=>",
  And: "and",
  Or: "or",
  StringConcat: "concat",
  BitwiseAnd: "&",
  BitwiseOr: "|",
  BitwiseXor: "^",
};

const call = (fn: string, ...args: readonly Expression[]): Expression => ({ kind: "call", fn, args });
const not = (negate: Ast | undefined, expression: Expression): Expression => (negate === true ? call("not", expression) : expression);

/** The expression that a part of an SQL text stands for, exactly as the same calls on columns would make it. */
export function sqlExpression(ast: Ast | undefined, scope: ExpressionScope): Expression {
  const place = placeOf(ast, scope.source);
  return atPlace(place, () => {
    const [kind, content] = variantOf(ast);
    const made = COMPOUND[kind]?.(content, scope) ?? (isObject(content) ? FORMS[kind]?.(content, scope) : undefined);
    if (made) return made;
    const [what, remedy] = REFUSED[kind] ?? [`The expression ${kind}`, "Write it with functions and operators of the DataFrame's list."];
    throw unsupportedSql(what, place, remedy);
  });
}

const REFUSED: Readonly<Record<string, readonly [what: string, remedy: string]>> = {
  Exists: ["EXISTS (subquery) outside the parts of WHERE", "Write LEFT SEMI JOIN (LEFT ANTI JOIN for NOT EXISTS)."],
  InSubquery: ["IN (subquery) outside the parts of WHERE", "Write LEFT SEMI JOIN (LEFT ANTI JOIN for NOT IN)."],
  Subquery: ["A subquery as a value", "Join with it: CROSS JOIN (SELECT …)."],
};

/** The fields of EXTRACT that are functions of their own; a second is one without its fraction. */
const SIMPLE_FIELDS: ReadonlySet<string> = new Set(["year", "quarter", "month", "day", "hour", "minute"]);

type Form<Content> = (content: Content, scope: ExpressionScope) => Expression | undefined;

const COMPOUND: Readonly<Record<string, Form<Ast>>> = {
  Identifier: (ast, scope) => named([identifier(ast)], scope),
  CompoundIdentifier: (ast, scope) => named(listOf(ast).map(identifier), scope),
  Tuple: (ast, scope) =>
    call("named_struct", ...listOf(ast).flatMap((one, i) => [literalExpression(`col${i + 1}`), sqlExpression(one, scope)])),
  Nested: (ast, scope) => sqlExpression(ast, scope),
  IsNull: (ast, scope) => call("isnull", sqlExpression(ast, scope)),
  IsNotNull: (ast, scope) => call("isnotnull", sqlExpression(ast, scope)),
  IsTrue: (ast, scope) => call("<=>", sqlExpression(ast, scope), literalExpression(true)),
  IsNotTrue: (ast, scope) => call("not", call("<=>", sqlExpression(ast, scope), literalExpression(true))),
  IsFalse: (ast, scope) => call("<=>", sqlExpression(ast, scope), literalExpression(false)),
  IsNotFalse: (ast, scope) => call("not", call("<=>", sqlExpression(ast, scope), literalExpression(false))),
  IsDistinctFrom: (ast, scope) => call("not", call("<=>", ...listOf(ast).map((one) => sqlExpression(one, scope)))),
  IsNotDistinctFrom: (ast, scope) => call("<=>", ...listOf(ast).map((one) => sqlExpression(one, scope))),
};

const FORMS: Readonly<Record<string, Form<AstObject>>> = {
  Value: (node, { source }) => valueLiteral(node, source),
  TypedString: (node, { source }) => typedLiteral(node, source),
  Interval: (node, { source }) => unitInterval(node, source),
  BinaryOp: (node, scope) => {
    const fn = INFIX[variantOf(node.op)[0]];
    return fn === undefined ? undefined : call(fn, sqlExpression(node.left, scope), sqlExpression(node.right, scope));
  },
  UnaryOp: (node, scope) => {
    const inner = sqlExpression(node.expr, scope);
    const [op] = variantOf(node.op);
    if (op === "Minus") return negated(inner) ?? call("negative", inner);
    if (op === "Plus") return inner;
    if (op === "BitwiseNot") return call("~", inner);
    return op === "Not" || op === "BangNot" ? call("not", inner) : undefined;
  },
  InList: (node, scope) =>
    not(node.negated, call("in", ...[node.expr ?? null, ...listOf(node.list)].map((one) => sqlExpression(one, scope)))),
  Between: (node, scope) => not(node.negated, call("between", ...[node.expr, node.low, node.high].map((one) => sqlExpression(one, scope)))),
  Like: (node, scope) => matched("like", node, scope),
  ILike: (node, scope) => matched("ilike", node, scope),
  RLike: (node, scope) => matched("rlike", node, scope),
  Case: (node, scope) => {
    const operand = isObject(node.operand) ? sqlExpression(node.operand, scope) : undefined;
    const branches = listOf(node.conditions).map((one): readonly [Expression, Expression] => {
      const branch = isObject(one) ? one : {};
      const when = sqlExpression(branch.condition, scope);
      return [operand ? call("=", operand, when) : when, sqlExpression(branch.result, scope)];
    });
    return { kind: "case", branches, ...(isObject(node.else_result) && { otherwise: sqlExpression(node.else_result, scope) }) };
  },
  Cast: (node, scope) => {
    const mode = node.kind === "TryCast" ? "try" : "cast";
    return { kind: "cast", input: sqlExpression(node.expr, scope), to: sqlType(node.data_type), mode };
  },
  CompoundFieldAccess: (node, scope) => accessed(node, scope),
  Extract: (node, scope) => {
    const [unit, other] = variantOf(node.field);
    const field = unit === "Custom" ? identifier(other) : unit.toLowerCase();
    const source = sqlExpression(node.expr, scope);
    return SIMPLE_FIELDS.has(field) ? call(field, source) : call("date_part", literalExpression(field), source);
  },
  Ceil: (node, scope) => rounded("ceil", node, scope),
  Floor: (node, scope) => rounded("floor", node, scope),
  Position: (node, scope) => call("locate", sqlExpression(node.expr, scope), sqlExpression(node.in, scope)),
  Substring: (node, scope) =>
    call("substring", ...[node.expr, node.substring_from, node.substring_for].filter(isObject).map((one) => sqlExpression(one, scope))),
  Trim: (node, scope) => trimmed(node, scope),
  Struct: (node, scope) => struct(listOf(node.values), scope),
  Array: (node, scope) => call("array", ...listOf(node.elem).map((one) => sqlExpression(one, scope))),
  Function: (node, scope) => sqlCall(node, scope),
  Lambda: (node, scope) => {
    const [form, content] = variantOf(node.params);
    const parameters = (form === "Many" ? listOf(content) : [content]).map((one) => identifier(isObject(one) ? one.name : one));
    const inner = { ...scope, variables: [...(scope.variables ?? []), ...parameters] };
    return { kind: "lambda", parameters, body: sqlExpression(node.body, inner) };
  },
};

/** A column, or a parameter of a lambda and fields of it. */
function named(path: readonly string[], scope: ExpressionScope): Expression {
  const [first = "", ...rest] = path;
  const variable = scope.variables?.findLast((one) => one.toLowerCase() === first.toLowerCase());
  if (variable === undefined) return aliased(path, scope) ?? columnNamed(path, scope.relations);
  return rest.reduce(fieldOf, { kind: "variable", name: variable });
}

/** The expression behind an alias of a column before, with fields of it; undefined where a column has the name, or no alias. */
function aliased(path: readonly string[], { aliases = [], relations }: ExpressionScope): Expression | undefined {
  const [first = "", ...rest] = path;
  const wanted = first.toLowerCase();
  const found = aliases.filter((one) => one.name.toLowerCase() === wanted);
  const [only] = found;
  if (!only) return undefined;
  const known = relations.some((one) => one.qualifier?.toLowerCase() === wanted && rest.length > 0);
  if (known || relations.some((one) => one.columns.some((column) => column.name.toLowerCase() === wanted))) return undefined;
  if (found.length > 1)
    throw new AnalysisError("AMBIGUOUS_LATERAL_COLUMN_ALIAS", {
      failed: `Lateral column alias \`${first}\` is ambiguous and has ${found.length} matches`,
      found: "several columns of the list have that name",
      remedy: "Give each a name of its own.",
    });
  return rest.reduce(fieldOf, only.expr);
}

/** The patterns of LIKE ANY (…), LIKE SOME (…) and LIKE ALL (…). */
function patternList(pattern: Ast | undefined, any: boolean): { readonly patterns: readonly Ast[]; readonly every: boolean } | undefined {
  const [kind, content] = variantOf(pattern);
  if (any) return { patterns: kind === "Tuple" ? listOf(content) : [content], every: false };
  if (kind !== "Function" || !isObject(content)) return undefined;
  const name = listOf(content.name).map(identifier).join(".").toLowerCase();
  const [, list] = variantOf(content.args);
  if ((name !== "all" && name !== "some") || !isObject(list)) return undefined;
  return { patterns: listOf(list.args).map((one) => variantOf(variantOf(one)[1])[1]), every: name === "all" };
}

function matched(fn: string, node: AstObject, scope: ExpressionScope): Expression {
  const escape = isObject(node.escape_char) ? valueLiteral(node.escape_char, scope.source) : undefined;
  const several = patternList(node.pattern, node.any === true);
  if (several) {
    const value = sqlExpression(node.expr, scope);
    const each = several.patterns.map((one) => not(node.negated, call(fn, value, sqlExpression(one, scope))));
    return each.reduce((all, one) => call(several.every ? "and" : "or", all, one));
  }
  const pattern = sqlExpression(node.pattern, scope);
  const taken = escape === undefined ? pattern : withEscape(pattern, escape, node, scope.source);
  return not(node.negated, call(fn, sqlExpression(node.expr, scope), taken));
}

function rounded(fn: string, node: AstObject, scope: ExpressionScope): Expression {
  const [kind, field] = variantOf(node.field);
  if (kind === "Scale" && isObject(field)) return call(fn, sqlExpression(node.expr, scope), valueLiteral(field, scope.source));
  if (kind !== "DateTimeField" || field !== "NoDateTime")
    throw unsupportedSql(`${fn} with a scale`, placeOf(node, scope.source), "Use round(…).");
  return call(fn, sqlExpression(node.expr, scope));
}

function trimmed(node: AstObject, scope: ExpressionScope): Expression {
  const fn = { Leading: "ltrim", Trailing: "rtrim" }[variantOf(node.trim_where)[0]] ?? "trim";
  const text = sqlExpression(node.expr, scope);
  return isObject(node.trim_what) ? call(fn, sqlExpression(node.trim_what, scope), text) : call(fn, text);
}

function accessed(node: AstObject, scope: ExpressionScope): Expression {
  const chain = listOf(node.access_chain).map(variantOf);
  let expression: Expression;
  const names = isObject(node.root) && isObject(node.root.Identifier) ? [identifier(node.root)] : [];
  const dots = names.length === 0 ? 0 : chain.findIndex(([kind]) => kind !== "Dot");
  const leading = dots < 0 ? chain.length : dots;
  if (names.length > 0) expression = named([...names, ...chain.slice(0, leading).map(([, one]) => identifier(one))], scope);
  else expression = sqlExpression(node.root, scope);
  for (const [kind, content] of chain.slice(leading)) {
    if (kind === "Dot") expression = fieldOf(expression, identifier(content));
    else {
      const [, index] = variantOf(content);
      if (!isObject(index) || index.index === undefined)
        throw unsupportedSql("A slice", placeOf(content, scope.source), "Use slice(array, start, length).");
      expression = call("getitem", expression, sqlExpression(index.index, scope));
    }
  }
  return expression;
}

function fieldOf(input: Expression, name: string): Expression {
  return input.kind === "column" ? { kind: "column", path: [...input.path, name] } : call("field", input, literalExpression(name));
}

function struct(values: readonly Ast[], scope: ExpressionScope): Expression {
  const fields = values.flatMap((one, i) => {
    const [kind, content] = variantOf(one);
    const named = kind === "Named" && isObject(content) ? content : undefined;
    const value = sqlExpression(named ? named.expr : one, scope);
    const name = named ? identifier(named.name) : (ownName(value) ?? `col${i + 1}`);
    return [literalExpression(name), value];
  });
  return call("named_struct", ...fields);
}

/** The name that a part of a struct has without being given one: a column's, a parameter's, a field's. */
function ownName(value: Expression): string | undefined {
  if (value.kind === "variable") return value.name;
  return value.kind === "column" || (value.kind === "call" && value.fn === "field") ? columnName(value) : undefined;
}

/** LIKE … ESCAPE: the pattern with backslashes in the place of its escape character. */
function withEscape(pattern: Expression, escape: Expression, node: Ast, source: SourceText): Expression {
  const sign = escape.kind === "literal" ? String(escape.value) : "";
  const refused = (code: string, found: string): AnalysisError =>
    new AnalysisError(code, { failed: "The pattern of LIKE is invalid", found, remedy: "The escape stands before %, _ or itself." });
  if ([...sign].length !== 1) throw refused("INVALID_ESC", `'${sign}' is no single character`);
  if (sign === "\\") return pattern;
  if (pattern.kind !== "literal" || typeof pattern.value !== "string")
    throw unsupportedSql("ESCAPE after a computed pattern", placeOf(node, source), "Write the pattern as a text.");
  let text = "";
  let escaped = false;
  for (const one of pattern.value) {
    if (escaped && one !== "%" && one !== "_" && one !== sign)
      throw refused("INVALID_FORMAT.ESC_IN_THE_MIDDLE", `the escape stands before ${one}`);
    if (!escaped && one === sign) {
      escaped = true;
      continue;
    }
    text += one === "\\" || (escaped && one !== sign) || (one === sign && "%_".includes(sign)) ? `\\${one}` : one;
    escaped = false;
  }
  if (escaped) throw refused("INVALID_FORMAT.ESC_AT_THE_END", "the escape ends it");
  return literalExpression(text);
}

const OVER_CLAUSES = ["null_treatment", "within_group"] as const;
const PLAIN: ReadonlySet<Ast> = new Set(["RespectNulls"]);

function sqlCall(node: AstObject, scope: ExpressionScope): Expression {
  const { source } = scope;
  const place = placeOf(node, source);
  const fn = listOf(node.name).map(identifier).join(".").toLowerCase();
  const [argsKind, list] = variantOf(node.args);
  const content = argsKind === "List" && isObject(list) ? list : {};
  if (argsKind === "Subquery") throw unsupportedSql("A subquery outside FROM", place, "Join with it.");
  const given = listOf(content.args);
  const args = given.map((one) => argument(one, scope));
  if (isObject(node.over) || typeof node.over === "string") return { kind: "over", fn, args };
  if (node.null_treatment === "IgnoreNulls" && FIRST_OR_LAST.has(fn) && args.length === 1) args.push(literalExpression(true));
  else if (
    OVER_CLAUSES.some(
      (clause) =>
        !PLAIN.has(node[clause] ?? null) && (isObject(node[clause]) || typeof node[clause] === "string" || listOf(node[clause]).length > 0),
    )
  )
    throw unsupportedSql(
      "IGNORE NULLS, RESPECT NULLS and WITHIN GROUP",
      place,
      "Give the function its flag as an argument, as in first(x, true).",
    );
  if (fn === "struct")
    return struct(
      given.map((one) => variantOf(variantOf(one)[1])[1]),
      scope,
    );
  if (fn === "from_json" || fn === "from_csv") return parsedText(fn, args, scope, node);
  const [first] = args;
  const options: CallOptions | undefined = content.duplicate_treatment === "Distinct" ? { distinct: true } : undefined;
  const taken = fn === "count" && args.length === 1 && first?.kind === "column" && first.path[0] === "*" ? [literalExpression(1)] : args;
  const kept = isObject(node.filter) ? onlyWhere(fn, taken, node.filter, scope) : taken;
  return { kind: "call", fn, args: kept, ...(options && { options }) };
}

const FIRST_OR_LAST: ReadonlySet<string> = new Set(["first", "first_value", "last", "last_value", "any_value"]);

/** FILTER (WHERE …): the first argument is null where the condition does not hold, which aggregates that leave nulls out leave out. */
function onlyWhere(fn: string, args: readonly Expression[], filter: Ast, scope: ExpressionScope): Expression[] {
  const [first, ...rest] = args;
  const ignoresNulls = !FIRST_OR_LAST.has(fn) || (rest[0]?.kind === "literal" && rest[0].value === true);
  if (!first || !ignoresNulls || fn === "min_by" || fn === "max_by")
    throw unsupportedSql(`FILTER (WHERE …) after ${fn}`, placeOf(filter, scope.source), "Filter the rows in a subquery in FROM.");
  return [{ kind: "case", branches: [[sqlExpression(filter, scope), first]] }, ...rest];
}

function argument(ast: Ast, scope: ExpressionScope): Expression {
  const [kind, content] = variantOf(ast);
  if (kind !== "Unnamed") throw unsupportedSql("An argument by its name", placeOf(ast, scope.source), "Give arguments by their place.");
  const [form, inner] = variantOf(content);
  if (form === "Wildcard") return { kind: "column", path: ["*"] };
  if (form !== "Expr") throw unsupportedSql("t.* as an argument", placeOf(ast, scope.source), "Name the columns.");
  return sqlExpression(inner, scope);
}

/** from_json(text, 'schema'[, map('option', 'value', …)]). */
function parsedText(fn: string, args: readonly Expression[], scope: ExpressionScope, node: Ast): Expression {
  const [text, schema, options] = args;
  if (!text || schema?.kind !== "literal" || typeof schema.value !== "string")
    throw unsupportedSql(
      `${fn} without a schema as text`,
      placeOf(node, scope.source),
      `Write ${fn}(text, 'device string, value double').`,
    );
  const pairs =
    options?.kind === "call" && options.fn === "map" ? options.args.map((one) => (one.kind === "literal" ? String(one.value) : "")) : [];
  const given = Object.fromEntries(pairs.flatMap((name, i) => (i % 2 === 0 ? [[name, pairs[i + 1] ?? ""]] : [])));
  return { kind: "call", fn, args: [text], options: { schema: parseTypeOrSchema(schema.value), options: given } };
}
