import { containsAggregate, isGroupingFunction } from "../columns/resolve-aggregate.ts";
import type { Expression, NamedExpression } from "../columns/expression.ts";
import { columnName } from "../columns/expression-text.ts";
import { builtinAggregates } from "../functions/registry.ts";
import type { Plan } from "../plan/plan.ts";
import type { Relation } from "./names.ts";
import { withAliases } from "./names.ts";
import type { Ast } from "./parser.ts";
import { isObject, listOf, placeOf, variantOf } from "./parser.ts";
import type { SelectItem } from "./select.ts";
import type { SourceText } from "./source-text.ts";
import { outOfRange, syntaxError, unsupportedSql } from "./sql-error.ts";
import { sqlExpression } from "./sql-expression.ts";

type Scope = { readonly source: SourceText; readonly relations: readonly Relation[] };
type Grouping = "plain" | "rollup" | "cube" | "sets";
type PlanKey = { readonly expr: Expression; readonly descending: boolean; readonly nullsFirst: boolean };

/** The grouping keys, each with the name that its column gets. */
export type KeyList = {
  readonly keys: readonly NamedExpression[];
  readonly grouping: Grouping;
  readonly sets?: readonly (readonly number[])[];
};

const text = (expression: Expression): string => JSON.stringify(expression);
const column = (name: string): Expression => ({ kind: "column", path: [name] });

/** GROUP BY's list: expressions, places and aliases of SELECT's list, ROLLUP (…), CUBE (…); undefined is GROUP BY ALL. */
export function keyList(nodes: readonly Ast[] | undefined, modifiers: readonly Ast[], items: readonly SelectItem[], scope: Scope): KeyList {
  if (!nodes)
    return { keys: items.filter((one) => !containsAggregate(one.expr)).map(({ name, expr }) => ({ name, expr })), grouping: "plain" };
  let grouping: Grouping = "plain";
  const mixed = groupingSets(nodes, modifiers);
  if (mixed) return setList(mixed, items, scope);
  const [modifier] = modifiers.map((one) => variantOf(one)[0]);
  if (modifier === "Rollup" || modifier === "Cube") grouping = modifier === "Cube" ? "cube" : "rollup";
  else if (modifier !== undefined)
    throw unsupportedSql(`GROUP BY … WITH ${modifier.toUpperCase()}`, placeOf(nodes[0], scope.source), "There are ROLLUP and CUBE.");
  const flat = nodes.flatMap((node) => {
    const [kind, content] = variantOf(node);
    if (kind !== "Rollup" && kind !== "Cube") return [node];
    grouping = kind === "Cube" ? "cube" : "rollup";
    return listOf(content).flatMap(listOf);
  });
  return { keys: flat.map((node) => groupingKey(node, items, scope)), grouping };
}

/** GROUP BY's list as the sets of keys that it stands for; undefined where it is a plain list, one ROLLUP or one CUBE of single keys. */
function groupingSets(nodes: readonly Ast[], modifiers: readonly Ast[]): readonly (readonly Ast[])[] | undefined {
  const [modifier] = modifiers.map((one) => variantOf(variantOf(one)[1]));
  if (variantOf(modifiers[0])[0] === "GroupingSets" && modifier) return listOf(modifier[1]).map(listOf);
  const parts = nodes.map((node) => variantOf(node));
  const special = parts.filter(([kind]) => ["Rollup", "Cube", "GroupingSets"].includes(kind));
  const single = special.length === 1 && nodes.length === 1 && special[0]?.[0] !== "GroupingSets";
  if (special.length === 0 || (single && listOf(special[0]?.[1]).every((one) => listOf(one).length === 1))) return undefined;
  return parts
    .map(([kind, content], i): readonly (readonly Ast[])[] => {
      const units = listOf(content).map(listOf);
      if (kind === "GroupingSets") return units;
      if (kind === "Rollup") return [...units.keys(), units.length].reverse().map((length) => units.slice(0, length).flat());
      if (kind === "Cube")
        return Array.from({ length: 1 << units.length }, (_, mask) => units.filter((_unit, at) => (mask & (1 << at)) === 0).flat());
      return [[nodes[i] ?? null]];
    })
    .reduce((all, sets) => all.flatMap((one) => sets.map((other) => [...one, ...other])), [[]] as readonly (readonly Ast[])[]);
}

function setList(sets: readonly (readonly Ast[])[], items: readonly SelectItem[], scope: Scope): KeyList {
  const keys: NamedExpression[] = [];
  const placed = sets.map((set) =>
    set.map((node) => {
      const key = groupingKey(node, items, scope);
      const known = keys.findIndex((one) => text(one.expr) === text(key.expr));
      return known >= 0 ? known : keys.push(key) - 1;
    }),
  );
  const seen = new Set(placed.map((set) => [...set].sort((a, b) => a - b).join()));
  if (seen.size < placed.length)
    throw unsupportedSql("The same grouping set twice", placeOf(sets[0]?.[0], scope.source), "Name each set once.");
  return { keys, grouping: "sets", sets: placed };
}

function groupingKey(node: Ast, items: readonly SelectItem[], scope: Scope): NamedExpression {
  const known = listedItem(node, items, scope);
  if (known && containsAggregate(known.expr))
    throw syntaxError("GROUP BY names an aggregate of the select list", placeOf(node, scope.source));
  if (known) return { name: known.name, expr: known.expr };
  const expr = sqlExpression(node, scope);
  const item = items.find((one) => text(one.expr) === text(expr));
  return { name: item?.name ?? columnName(expr), expr };
}

function listedItem(node: Ast, items: readonly SelectItem[], scope: Scope): SelectItem | undefined {
  const value = isObject(node) && isObject(node.Value) ? sqlExpression(node, scope) : undefined;
  if (value?.kind === "literal" && typeof value.value === "number") {
    const item = items[value.value - 1];
    if (item) return item;
    throw outOfRange("GROUP BY", value.value, items.length, placeOf(node, scope.source));
  }
  const name = isObject(node) && isObject(node.Identifier) && typeof node.Identifier === "object" ? nameOf(node.Identifier) : undefined;
  const isColumn = scope.relations.some((one) => one.columns.some((known) => known.name.toLowerCase() === name));
  return name === undefined || isColumn ? undefined : items.find((one) => one.alias && one.name.toLowerCase() === name);
}

function nameOf(ast: Ast): string | undefined {
  return isObject(ast) && typeof ast.value === "string" ? ast.value.toLowerCase() : undefined;
}

/** The name under which a window among the keys is known. */
function windowName(key: Expression): string | undefined {
  return key.kind === "call" && (key.fn === "window" || key.fn === "session_window") ? key.fn : undefined;
}

/** A SELECT with aggregates: one aggregation, a filter for HAVING, and a projection where the list is not what the aggregation gives. */
export class GroupedSelect {
  readonly #input: Plan;
  readonly #list: KeyList;
  readonly #aggregates: NamedExpression[] = [];
  readonly #names = new Set<string>();
  readonly #outputs: NamedExpression[];
  readonly #items: readonly SelectItem[];
  #hidden = 0;

  constructor(input: Plan, list: KeyList, items: readonly SelectItem[]) {
    this.#input = input;
    this.#list = { ...list, keys: list.keys.map(({ name, expr }) => ({ name: this.#fresh(name), expr })) };
    this.#items = items;
    this.#outputs = items.map(({ name, expr }) => {
      const key = this.#key(expr);
      if (key) return { name, expr: column(key.name) };
      if (!containsAggregate(expr)) return { name, expr: this.#ofKeys(expr) ? this.after(expr) : column(this.#aggregate(name, expr)) };
      return { name, expr: column(this.#aggregate(name, expr)) };
    });
  }

  #fresh(name: string): string {
    let fresh = name;
    while (this.#names.has(fresh.toLowerCase())) fresh = `_${fresh}`;
    this.#names.add(fresh.toLowerCase());
    return fresh;
  }

  #key(expr: Expression): NamedExpression | undefined {
    return this.#list.keys.find(
      (one) => text(one.expr) === text(expr) || (expr.kind === "column" && expr.path.length === 1 && expr.path[0] === windowName(one.expr)),
    );
  }

  /** Whether an expression is made of keys and fixed values only; another one is handed to the aggregation as a whole, which refuses it with its reason. */
  #ofKeys(expr: Expression): boolean {
    if (this.#key(expr)) return true;
    switch (expr.kind) {
      case "call":
        return expr.args.every((one) => this.#ofKeys(one));
      case "cast":
        return this.#ofKeys(expr.input);
      case "lambda":
        return this.#ofKeys(expr.body);
      case "case":
        return [...expr.branches.flat(), ...(expr.otherwise ? [expr.otherwise] : [])].every((one) => this.#ofKeys(one));
      case "column":
        return this.#fieldOfKey(expr) !== undefined || this.#list.keys.some((one) => one.name === expr.path[0]);
      default:
        return true;
    }
  }

  #aggregate(name: string, expr: Expression): string {
    const known = this.#aggregates.find((one) => text(one.expr) === text(expr));
    if (known) return known.name;
    const fresh = this.#fresh(name);
    this.#aggregates.push({ name: fresh, expr });
    return fresh;
  }

  /** An expression of HAVING or ORDER BY over the aggregation's result: keys and aggregates become its columns, aggregates are added where they are missing. */
  after(expr: Expression): Expression {
    const key = this.#key(expr);
    if (key) return column(key.name);
    const alias = expr.kind === "column" ? this.#items.find((one) => one.alias && one.name === expr.path[0]) : undefined;
    if (alias && expr.kind === "column" && !this.#list.keys.some((one) => one.name === expr.path[0])) {
      const output = this.#outputs.find((one) => one.name === alias.name);
      if (output?.expr.kind === "column") return { kind: "column", path: [...output.expr.path, ...expr.path.slice(1)] };
    }
    if (containsAggregate(expr)) {
      const known = this.#aggregates.find((one) => text(one.expr) === text(expr));
      if (known) return column(known.name);
      if (expr.kind === "call" && (builtinAggregates.has(expr.fn.toLowerCase()) || isGroupingFunction(expr.fn.toLowerCase())))
        return column(this.#aggregate(`__aggregate_${this.#hidden++}`, expr));
    }
    switch (expr.kind) {
      case "call":
        return { ...expr, args: expr.args.map((one) => this.after(one)) };
      case "cast":
        return { ...expr, input: this.after(expr.input) };
      case "lambda":
        return { ...expr, body: this.after(expr.body) };
      case "case":
        return {
          ...expr,
          branches: expr.branches.map(([when, then]): readonly [Expression, Expression] => [this.after(when), this.after(then)]),
          ...(expr.otherwise && { otherwise: this.after(expr.otherwise) }),
        };
      case "column":
        return this.#fieldOfKey(expr) ?? this.#plainColumn(expr);
      default:
        return expr;
    }
  }

  /** `window.start` where `window(…)` is a key, `p.x` where `p` is one. */
  #fieldOfKey(expr: Extract<Expression, { kind: "column" }>): Expression | undefined {
    for (const { name, expr: key } of this.#list.keys) {
      const path = key.kind === "column" ? key.path : [windowName(key) ?? name];
      if (path.length < expr.path.length && path.every((part, i) => part === expr.path[i]))
        return { kind: "column", path: [name, ...expr.path.slice(path.length)] };
    }
    return undefined;
  }

  /** A column that is no key has no value after the aggregation: an expression that asks for it is handed to the aggregation, which refuses it with its reason. */
  #plainColumn(expr: Extract<Expression, { kind: "column" }>): Expression {
    if (this.#list.keys.some((one) => one.name === expr.path[0])) return expr;
    return column(this.#aggregate(`__aggregate_${this.#hidden++}`, expr));
  }

  having(node: Ast, scope: Scope): Expression {
    return this.after(sqlExpression(node, { ...scope, relations: withAliases(scope.relations, this.#items) }));
  }

  /** `sort`: keys that are no columns of the result, sorted by below the projection. */
  plan(having: Expression | undefined, sort: readonly PlanKey[] | undefined): Plan {
    const { keys, grouping, sets } = this.#list;
    let plan: Plan = { op: "aggregate", input: this.#input, groupBy: keys, aggregates: this.#aggregates, grouping, ...(sets && { sets }) };
    if (having) plan = { op: "filter", input: plan, condition: having };
    if (sort && sort.length > 0) plan = { op: "sort", input: plan, by: sort };
    const given = [...keys, ...this.#aggregates].map((one) => one.name);
    const asGiven =
      this.#outputs.length === given.length &&
      this.#outputs.every(
        ({ name, expr }, i) => name === given[i] && expr.kind === "column" && expr.path.length === 1 && expr.path[0] === name,
      );
    return asGiven ? plan : { op: "project", input: plan, columns: this.#outputs };
  }
}
