import type { AnyColumn, Condition } from "../../columns/column.ts";
import { call, type Column } from "../../columns/column.ts";
import type { Decimal, Long } from "../../types/schema-builder.ts";

/** How many different values; in batches, not in streams. */
export function countDistinct(column: AnyColumn, ...more: readonly AnyColumn[]): Column<Long> {
  return call("count", [column, ...more], { distinct: true });
}
/** How many rows; with a column, in how many it is not null. */
export function count(column?: AnyColumn | "*"): Column<Long> {
  return call("count", column === undefined || column === "*" ? [1] : [column]);
}
/** How many rows where the condition is true. */
export function countIf(condition: Condition): Column<Long> {
  return call("count_if", [condition]);
}
/** The sum; null if there is no value. */
export function sum<T>(column: Column<T>): Column<T extends Decimal ? Decimal : T extends Long ? Long : number> {
  return call("sum", [column]);
}
/** The sum, null if it does not fit. */
export function trySum<T>(column: Column<T>): Column<T extends Decimal ? Decimal : T extends Long ? Long : number> {
  return call("try_sum", [column]);
}
/** The mean, a double (of decimals a decimal). */
export function avg(column: AnyColumn): Column<number> {
  return call("avg", [column]);
}
/** The same as avg. */
export function mean(column: AnyColumn): Column<number> {
  return call("avg", [column]);
}
/** The mean, null if the sum does not fit. */
export function tryAvg(column: AnyColumn): Column<number> {
  return call("try_avg", [column]);
}
/** The least value. */
export function min<T>(column: Column<T>): Column<T> {
  return call("min", [column]);
}
/** The greatest value; NaN is greatest. */
export function max<T>(column: Column<T>): Column<T> {
  return call("max", [column]);
}
/** Whether it is true in every row. */
export function boolAnd(column: Condition): Column<boolean> {
  return call("bool_and", [column]);
}
/** The same as bool_and. */
export function every(column: Condition): Column<boolean> {
  return call("every", [column]);
}
/** Whether it is true in some row. */
export function boolOr(column: Condition): Column<boolean> {
  return call("bool_or", [column]);
}
/** The same as bool_or. */
export function some(column: Condition): Column<boolean> {
  return call("some", [column]);
}
/** The same as bool_or. */
export function any(column: Condition): Column<boolean> {
  return call("any", [column]);
}
/** The value of the first row; with true as second argument of the first that is not null. */
export function first<T>(column: Column<T>, ignoreNulls: boolean = false): Column<T> {
  return call("first", [column, ignoreNulls]);
}
/** The same as first. */
export function firstValue<T>(column: Column<T>, ignoreNulls: boolean = false): Column<T> {
  return call("first_value", [column, ignoreNulls]);
}
/** The value of some row. */
export function anyValue<T>(column: Column<T>): Column<T> {
  return call("any_value", [column]);
}
/** The value of the last row; with true as second argument of the last that is not null. */
export function last<T>(column: Column<T>, ignoreNulls: boolean = false): Column<T> {
  return call("last", [column, ignoreNulls]);
}
/** The same as last. */
export function lastValue<T>(column: Column<T>, ignoreNulls: boolean = false): Column<T> {
  return call("last_value", [column, ignoreNulls]);
}
/** The first argument of the row whose second is least. */
export function minBy<T>(column: Column<T>, order: AnyColumn): Column<T> {
  return call("min_by", [column, order]);
}
/** The first argument of the row whose second is greatest. */
export function maxBy<T>(column: Column<T>, order: AnyColumn): Column<T> {
  return call("max_by", [column, order]);
}
/** All values that are not null, as they come. */
export function collectList<T>(column: Column<T>): Column<T[]> {
  return call("collect_list", [column]);
}
/** The same as collect_list. */
export function arrayAgg<T>(column: Column<T>): Column<T[]> {
  return call("array_agg", [column]);
}
/** Each value that is not null once, −0.0 as 0.0. */
export function collectSet<T>(column: Column<T>): Column<T[]> {
  return call("collect_set", [column]);
}
/** The bits that all values have. */
export function bitAnd<T>(column: Column<T>): Column<T> {
  return call("bit_and", [column]);
}
/** The bits that some value has. */
export function bitOr<T>(column: Column<T>): Column<T> {
  return call("bit_or", [column]);
}
/** The bits that an odd number of values has. */
export function bitXor<T>(column: Column<T>): Column<T> {
  return call("bit_xor", [column]);
}
/** The most frequent value; of several the least. */
export function mode<T>(column: Column<T>): Column<T> {
  return call("mode", [column]);
}
