import { unresolvedColumn } from "../columns/analysis-error.ts";
import type { AnyColumn, ColumnsOf, SortColumn } from "../columns/column.ts";
import { col, columnOf, columnsOf, namedExpression, parsePath, toExpression } from "../columns/column.ts";
import type { NamedExpression } from "../columns/expression.ts";
import type { SortKey } from "../plan/plan.ts";

/**
 * The columns that a callback gets. A name that is not there does not compile; where nothing compiles it (JavaScript, a notebook's `col`-less cell) it
 * is refused here, with the names that are most like it. As everywhere, names do not mind case.
 * @throws AnalysisError UNRESOLVED_COLUMN, when the property is read
 */
export function rowOf<R>(names: readonly string[]): ColumnsOf<R> {
  return new Proxy(columnsOf<R>(names) as object, {
    get(target, property, receiver) {
      if (typeof property !== "string" || Object.hasOwn(target, property)) return Reflect.get(target, property, receiver) as unknown;
      if (names.some((name) => name.toLowerCase() === property.toLowerCase())) return columnOf({ kind: "column", path: [property] });
      if (property === "then" || property === "toJSON" || property in Object.prototype)
        return Reflect.get(target, property, receiver) as unknown;
      throw unresolvedColumn(property, names);
    },
  }) as ColumnsOf<R>;
}

/** A column as it is. */
export function named(name: string): NamedExpression {
  return { name, expr: { kind: "column", path: [name] } };
}

/** A column given by name or path, or as an expression. */
export function namedColumn(one: string | AnyColumn): NamedExpression {
  if (typeof one !== "string") return namedExpression(one);
  const path = one === "*" ? ["*"] : parsePath(one);
  return { name: path.at(-1) ?? one, expr: { kind: "column", path } };
}

/** What rows are sorted by: ascending and nulls first, unless said otherwise. */
export function sortKey(one: string | SortColumn | AnyColumn): SortKey {
  if (typeof one === "string") return { expr: toExpression(col(one)), descending: false, nullsFirst: true };
  if ("descending" in one && typeof one.descending === "boolean")
    return { expr: one.expression, descending: one.descending, nullsFirst: (one as SortColumn).nullsFirst };
  return { expr: one.expression, descending: false, nullsFirst: true };
}

/** The columns with some of them computed anew, in their places, and the others added at the end. */
export function withComputed(columns: readonly string[], computed: readonly NamedExpression[]): NamedExpression[] {
  const same = (a: string, b: string): boolean => a.toLowerCase() === b.toLowerCase();
  const replaced = columns.map((one) => computed.find((added) => same(added.name, one)) ?? named(one));
  return [...replaced, ...computed.filter((added) => !columns.some((one) => same(added.name, one)))];
}

/** The columns of a join's right side under their own names, which the join may know by others. */
export function renamedRow<S>(columns: readonly string[], names: readonly string[]): ColumnsOf<S> {
  const row = rowOf<Record<string, unknown>>(names);
  const target = new Map(columns.map((name, i) => [name.toLowerCase(), names[i] ?? name]));
  return new Proxy(row as object, {
    get: (held, property) =>
      Reflect.get(held, typeof property === "string" ? (target.get(property.toLowerCase()) ?? property) : property) as unknown,
  }) as ColumnsOf<S>;
}
