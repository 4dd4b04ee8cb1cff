import { AnalysisError, suggestions } from "../columns/analysis-error.ts";
import type { Expression, NamedExpression } from "../columns/expression.ts";
import { literalValue } from "../columns/literal-value.ts";
import type { Plan } from "../plan/plan.ts";
import type { DataType, Row } from "../types/data-type.ts";
import { simpleString } from "../types/type-text.ts";
import { joinedInput } from "./from.ts";
import type { Input } from "./from.ts";
import { columnNamed } from "./names.ts";
import type { Ast, AstObject, ParsedQuery } from "./parser.ts";
import { identifier, isObject, listOf, parseSql, placeNumber, placeOf, variantOf } from "./parser.ts";
import { everyPlace, selectPlan } from "./select.ts";
import type { OrderItem } from "./select.ts";
import type { SourceText } from "./source-text.ts";
import { atPlace, unsupportedSql } from "./sql-error.ts";
import { sqlExpression } from "./sql-expression.ts";

/** What a session knows about names in FROM, and how it finds a plan's columns. */
export interface SqlCatalog {
  /** The plan of a temporary view, or of the rows that a memory sink keeps. */
  view(name: string): Plan | undefined;
  readonly names: readonly string[];
  columnsOf(plan: Plan): readonly string[];
}

/**
 * The plan of an SQL query: the same as the DataFrame's calls would make. Nothing of SQL is left in it. @throws AnalysisError PARSE_SYNTAX_ERROR,
 * UNSUPPORTED_FEATURE, TABLE_OR_VIEW_NOT_FOUND and those of the analysis, with the place in the text
 */
export function sqlPlan(text: string, catalog: SqlCatalog): Plan {
  const parsed: ParsedQuery = parseSql(text);
  return new Translation(parsed.source, catalog).query(parsed.query, new Map());
}

function typeTexts(one: Expression | undefined): string[] {
  return one?.kind === "literal" && one.value !== null ? [simpleString(one.dataType)] : [];
}

function inlineTable(kind: string, found: string): AnalysisError {
  return new AnalysisError(`INVALID_INLINE_TABLE.${kind}`, {
    failed: "Invalid inline table",
    found,
    remedy: "Give every row as many values, and every column values of one type.",
  });
}

function duplicateCte(name: string): AnalysisError {
  return new AnalysisError("DUPLICATED_CTE_NAMES", {
    failed: `CTE definition can't have duplicate names: \`${name}\``,
    found: "two queries of that name in one WITH",
    remedy: "Give each query of WITH a name of its own.",
  });
}

type Tables = ReadonlyMap<string, Plan>;

class Translation {
  readonly source: SourceText;
  readonly #catalog: SqlCatalog;

  constructor(source: SourceText, catalog: SqlCatalog) {
    this.source = source;
    this.#catalog = catalog;
  }

  /** A query with its WITH, ORDER BY, LIMIT and OFFSET. */
  query(node: AstObject, outer: Tables): Plan {
    const tables = this.#with(node.with, outer);
    for (const clause of ["fetch", "for_clause", "settings", "format_clause"] as const)
      if (isObject(node[clause])) throw this.unsupported(`The clause ${clause.toUpperCase()}`, node[clause], "Leave it out.");
    const order = this.#order(node.order_by);
    const [kind, content] = variantOf(node.body);
    let plan: Plan;
    if (kind === "Select" && isObject(content)) plan = selectPlan(content, order, { ...this.#context(tables) });
    else {
      plan = this.#body(node.body, tables);
      if (order.length > 0)
        plan = { op: "sort", input: plan, by: everyPlace(order, this.columnsOf(plan)).map((item) => this.#outputKey(item, plan)) };
    }
    return this.#limited(plan, node);
  }

  columnsOf(plan: Plan): readonly string[] {
    return this.#catalog.columnsOf(plan);
  }

  unsupported(what: string, node: Ast | undefined, remedy: string): AnalysisError {
    return unsupportedSql(what, placeOf(node, this.source), remedy);
  }

  #context(tables: Tables): Parameters<typeof selectPlan>[2] {
    return {
      source: this.source,
      columnsOf: (plan) => this.columnsOf(plan),
      from: (nodes) => this.#from(nodes, tables),
      subquery: (node) => this.query(node, tables),
    };
  }

  #from(nodes: readonly Ast[], tables: Tables): Input {
    return joinedInput(nodes, {
      source: this.source,
      columnsOf: (plan) => this.columnsOf(plan),
      table: (name, node) => tables.get(name.toLowerCase()) ?? this.#view(name, node),
      subquery: (node) => this.query(node, tables),
    });
  }

  #view(name: string, node: Ast): Plan {
    const plan = this.#catalog.view(name);
    if (plan) return plan;
    const near = suggestions(name, this.#catalog.names);
    throw atPlace(placeOf(node, this.source), () => {
      throw new AnalysisError("TABLE_OR_VIEW_NOT_FOUND", {
        failed: `The table or view \`${name}\` cannot be found`,
        found: near.length === 0 ? "the session has no views" : `the views are ${near.map((one) => `\`${one}\``).join(", ")}`,
        remedy: "Give a DataFrame this name with createOrReplaceTempView, or check the spelling.",
      });
    });
  }

  #with(node: Ast | undefined, outer: Tables): Tables {
    if (!isObject(node)) return outer;
    if (node.recursive === true) throw this.unsupported("WITH RECURSIVE", node, "Write the steps one by one.");
    const tables = new Map(outer);
    const own = new Set<string>();
    for (const one of listOf(node.cte_tables)) {
      if (!isObject(one) || !isObject(one.alias) || !isObject(one.query)) continue;
      const name = identifier(one.alias.name).toLowerCase();
      if (own.has(name)) throw duplicateCte(name);
      own.add(name);
      const plan = this.query(one.query, tables);
      const names = listOf(one.alias.columns).map((column) => identifier(isObject(column) ? column.name : null));
      tables.set(name, names.length === 0 ? plan : this.#renamed(plan, names));
    }
    return tables;
  }

  #renamed(plan: Plan, names: readonly string[]): Plan {
    const columns = this.columnsOf(plan).map((one, i): NamedExpression => ({
      name: names[i] ?? one,
      expr: { kind: "column", path: [one] },
    }));
    return { op: "project", input: plan, columns };
  }

  #body(node: Ast | undefined, tables: Tables): Plan {
    const [kind, content] = variantOf(node);
    if (isObject(content)) {
      if (kind === "Select") return selectPlan(content, [], this.#context(tables));
      if (kind === "Query") return this.query(content, tables);
      if (kind === "Values") return this.#values(content);
      if (kind === "SetOperation") return this.#setOperation(content, tables);
    }
    throw this.unsupported(`The query form ${kind}`, node, "Write SELECT, VALUES, or several joined by UNION ALL.");
  }

  #setOperation(node: AstObject, tables: Tables): Plan {
    const [left, right] = [this.#body(node.left, tables), this.#body(node.right, tables)];
    const [op] = variantOf(node.op);
    const [quantifier] = variantOf(node.set_quantifier);
    const all = quantifier === "All";
    if (!all && quantifier !== "None" && quantifier !== "Distinct")
      throw this.unsupported(`${op.toUpperCase()} BY NAME`, node, "Select the columns in the same order on both sides.");
    if (op === "Union") {
      const union: Plan = { op: "union", left, right };
      return all ? union : { op: "deduplicate", input: union, columns: [], withinWatermark: false };
    }
    if (op === "Intersect" && !all) return { op: "intersect", left, right };
    if (op === "Intersect") return { op: "except", left, right: { op: "except", left, right } };
    const once = (input: Plan): Plan => ({ op: "deduplicate", input, columns: [], withinWatermark: false });
    if (op === "Except" || op === "Minus") return { op: "except", left: all ? left : once(left), right: all ? right : once(right) };
    throw this.unsupported(
      `${op.toUpperCase()}${all ? " ALL" : ""}`,
      node,
      "There are UNION, UNION ALL, INTERSECT, EXCEPT and EXCEPT ALL.",
    );
  }

  #values(node: AstObject): Plan {
    const scope = { source: this.source, relations: [] };
    const rows = listOf(node.rows).map((row) => listOf(isObject(row) ? row.content : row).map((one) => sqlExpression(one, scope)));
    const width = rows[0]?.length ?? 0;
    if (rows.some((row) => row.length !== width)) throw inlineTable("NUM_COLUMNS_MISMATCH", "the rows are of different lengths");
    const kinds = Array.from({ length: width }, (_, i) => new Set(rows.flatMap((row) => typeTexts(row[i]))));
    if (kinds.some((one) => one.size > 1 && one.has("string")))
      throw inlineTable("INCOMPATIBLE_TYPES_IN_INLINE_TABLE", "a column has texts beside values of other types");
    if (rows.flat().some((one) => one.kind !== "literal") || kinds.some((one) => one.size > 1)) return this.#computedValues(rows);
    const types: DataType[] = [];
    const values = rows.map((row): Row =>
      row.map((one, i) => {
        if (one.kind !== "literal") throw this.unsupported("A computed value in VALUES", node, "Write literals, and compute in SELECT.");
        const known = types[i];
        if (known === undefined || known.type === "null") types[i] = one.dataType;
        return literalValue(one.value, one.dataType);
      }),
    );
    const fields = types.map((dataType, i) => ({
      name: `col${i + 1}`,
      dataType,
      nullable: rows.some((row) => row[i]?.kind === "literal" && row[i].value === null),
    }));
    return { op: "local", schema: { type: "struct", fields }, rows: values };
  }

  /** VALUES with expressions, or with types that have to be brought to one: a query per row. */
  #computedValues(rows: readonly (readonly Expression[])[]): Plan {
    const plans = rows.map((row): Plan => ({
      op: "project",
      input: { op: "local", schema: { type: "struct", fields: [] }, rows: [[]] },
      columns: row.map((expr, i) => ({ name: `col${i + 1}`, expr })),
    }));
    const plan = plans.reduce((left, right): Plan => ({ op: "union", left, right }));
    try {
      this.columnsOf(plan);
    } catch (thrown) {
      if (thrown instanceof AnalysisError && thrown.code === "INCOMPATIBLE_COLUMN_TYPE")
        throw inlineTable("INCOMPATIBLE_TYPES_IN_INLINE_TABLE", "a column has values of types that have no common one");
      throw thrown;
    }
    return plan;
  }

  #order(node: Ast | undefined): OrderItem[] {
    if (!isObject(node)) return [];
    const [kind, items] = variantOf(node.kind);
    if (kind !== "Expressions") throw this.unsupported("ORDER BY ALL", node, "Name the columns.");
    return listOf(items).map((item): OrderItem => {
      const one = isObject(item) ? item : {};
      const options = isObject(one.options) ? one.options : {};
      const descending = options.asc === false || isObject(options.sort_order) || options.sort === "Desc";
      return {
        node: one.expr ?? null,
        descending,
        nullsFirst: typeof options.nulls_first === "boolean" ? options.nulls_first : !descending,
      };
    });
  }

  /** A key of a set operation's ORDER BY: a column of the result, by name or place. */
  #outputKey(item: OrderItem, plan: Plan): { readonly expr: Expression; readonly descending: boolean; readonly nullsFirst: boolean } {
    const names = this.columnsOf(plan);
    const place = placeNumber(item.node);
    const relations = [{ qualifier: undefined, columns: names.map((name) => ({ name, actual: name })) }];
    const expr =
      place === undefined
        ? sqlExpression(item.node, { source: this.source, relations })
        : atPlace(placeOf(item.node, this.source), () => columnNamed([names[place - 1] ?? String(place)], relations));
    return { expr, descending: item.descending, nullsFirst: item.nullsFirst };
  }

  #limited(plan: Plan, node: AstObject): Plan {
    const [kind, content] = variantOf(node.limit_clause);
    if (!isObject(content)) return plan;
    if (kind !== "LimitOffset" || listOf(content.limit_by).length > 0)
      throw this.unsupported("This form of LIMIT", content, "Write LIMIT n OFFSET m.");
    const offset = this.#wholeNumber(isObject(content.offset) ? content.offset.value : null);
    const limit = this.#wholeNumber(content.limit);
    const after: Plan = offset === undefined ? plan : { op: "offset", input: plan, n: offset };
    return limit === undefined ? after : { op: "limit", input: after, n: limit };
  }

  #wholeNumber(node: Ast | undefined): number | undefined {
    if (!isObject(node)) return undefined;
    const n = placeNumber(node);
    if (n === undefined) throw this.unsupported("A computed LIMIT or OFFSET", node, "Write a whole number.");
    return n;
  }
}
