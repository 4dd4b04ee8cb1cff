import type { ColumnOf } from "../../columns/column.ts";
import { call, type Column, columnOf, toExpression } from "../../columns/column.ts";
import type { Expression } from "../../columns/expression.ts";

/** What a lambda gives: a column, or a plain value. */
type Result<U> = Column<U> | U;
type Test = Result<boolean>;
type Values<M> = M extends Map<unknown, infer V> ? V : never;
type Keys<M> = M extends Map<infer K, unknown> ? K : never;

/** How many lambdas are being written around the present one: gives parameters names that differ from those around. */
let depth = 0;

/** A function of columns as a lambda with `count` parameters. */
function lambda(write: (...parameters: never[]) => unknown, count: number): Column<unknown> {
  const parameters = ["x", "y", "z"].slice(0, count).map((name) => `${name}_${depth}`);
  const columns = parameters.map((name) => columnOf({ kind: "variable", name }));
  depth++;
  try {
    const body: Expression = toExpression((write as (...parameters: readonly unknown[]) => unknown)(...columns));
    return columnOf({ kind: "lambda", parameters, body }) as Column<unknown>;
  } finally {
    depth--;
  }
}

/** One or two parameters, as the function is written. */
function withIndex(write: (...parameters: never[]) => unknown): Column<unknown> {
  return lambda(write, write.length > 1 ? 2 : 1);
}

/** The function's value of each element, or of each element and its position from 0: `transform(r.xs, (x) => x.plus(1))`. */
export function transform<T, U>(
  column: Column<T[]>,
  value: (x: ColumnOf<NonNullable<T>>, position: Column<number>) => Result<U>,
): Column<U[]> {
  return call("transform", [column, withIndex(value)]);
}
/** The elements for which the function (of an element, or of an element and its position from 0) is true. */
export function filter<T>(column: Column<T[]>, test: (x: ColumnOf<NonNullable<T>>, position: Column<number>) => Test): Column<T[]> {
  return call("filter", [column, withIndex(test)]);
}
/** Whether the function is true for an element; null if it is for none but null for one. */
export function exists<T>(column: Column<T[]>, test: (x: ColumnOf<NonNullable<T>>) => Test): Column<boolean> {
  return call("exists", [column, lambda(test, 1)]);
}
/** Whether the function is true for all elements; null if it is false for none but null for one. */
export function forall<T>(column: Column<T[]>, test: (x: ColumnOf<NonNullable<T>>) => Test): Column<boolean> {
  return call("forall", [column, lambda(test, 1)]);
}
/** What `merge` makes of a start and all elements in turn; it must give the start's type. `finish` is applied to the last value. */
export function aggregate<T, A, R = A>(
  column: Column<T[]>,
  start: Result<A>,
  merge: (acc: ColumnOf<A>, x: ColumnOf<NonNullable<T>>) => Result<A>,
  finish?: (acc: ColumnOf<A>) => Result<R>,
): Column<R> {
  return call("aggregate", [column, start, lambda(merge, 2), ...(finish ? [lambda(finish, 1)] : [])]);
}
/** The same as aggregate. */
export function reduce<T, A, R = A>(
  column: Column<T[]>,
  start: Result<A>,
  merge: (acc: ColumnOf<A>, x: ColumnOf<NonNullable<T>>) => Result<A>,
  finish?: (acc: ColumnOf<A>) => Result<R>,
): Column<R> {
  return call("reduce", [column, start, lambda(merge, 2), ...(finish ? [lambda(finish, 1)] : [])]);
}
/** The function's values of the elements of two arrays at the same place, null where one array is shorter. */
export function zipWith<A, B, U>(
  left: Column<A[]>,
  right: Column<B[]>,
  value: (x: ColumnOf<NonNullable<A>>, y: ColumnOf<NonNullable<B>>) => Result<U>,
): Column<U[]> {
  return call("zip_with", [left, right, lambda(value, 2)]);
}
/** The entries of a map for which the function of key and value is true. */
export function mapFilter<M extends Map<unknown, unknown>>(
  column: Column<M>,
  test: (key: ColumnOf<Keys<M>>, value: ColumnOf<NonNullable<Values<M>>>) => Test,
): Column<M> {
  return call("map_filter", [column, lambda(test, 2)]);
}
/** The map with the function's values of key and value as its keys: none of them null or twice. */
export function transformKeys<M extends Map<unknown, unknown>, U>(
  column: Column<M>,
  key: (key: ColumnOf<Keys<M>>, value: ColumnOf<NonNullable<Values<M>>>) => Result<U>,
): Column<Map<U, Values<M>>> {
  return call("transform_keys", [column, lambda(key, 2)]);
}
/** The map with the function's values of key and value as its values. */
export function transformValues<M extends Map<unknown, unknown>, U>(
  column: Column<M>,
  value: (key: ColumnOf<Keys<M>>, value: ColumnOf<NonNullable<Values<M>>>) => Result<U>,
): Column<Map<Keys<M>, U>> {
  return call("transform_values", [column, lambda(value, 2)]);
}
