import type { AnyColumn, Condition, Operand } from "../../columns/column.ts";
import { call, type Column, columnOf, toExpression } from "../../columns/column.ts";
import type { Expression } from "../../columns/expression.ts";
import type { DateValue, Timestamp } from "../../types/schema-builder.ts";
import type { Argument, Text } from "./arguments.ts";
import { given } from "./arguments.ts";

/** Begins a case: `when(r.value.gt(90), "CRITICAL").when(r.value.gt(80), "WARNING").otherwise("INFO")`. */
export function when<const V>(condition: Condition, value: Column<V> | V): Column<Widened<V>> {
  const branches: readonly (readonly [Expression, Expression])[] = [[condition.expression, toExpression(value)]];
  return columnOf({ kind: "case", branches }) as Column<Widened<V>>;
}
/** The same as <=>. */
export function equalNull(a: AnyColumn, b: Argument): Column<boolean> {
  return call("equal_null", [a, b]);
}
/** The greatest of the values that are not null; NaN is greatest. */
export function greatest<T>(first: Column<T>, ...rest: readonly Operand<T>[]): Column<T> {
  return call("greatest", [first, ...rest]);
}
/** The least of the values that are not null. */
export function least<T>(first: Column<T>, ...rest: readonly Operand<T>[]): Column<T> {
  return call("least", [first, ...rest]);
}
/** Whether it is null. */
export function isnull(value: AnyColumn): Column<boolean> {
  return call("isnull", [value]);
}
/** Whether it is not null. */
export function isnotnull(value: AnyColumn): Column<boolean> {
  return call("isnotnull", [value]);
}
/** Whether it is NaN; false of null. */
export function isnan(value: AnyColumn): Column<boolean> {
  return call("isnan", [value]);
}
/** The first that is not null. */
export function coalesce<T>(first: Column<T>, ...rest: readonly Operand<T>[]): Column<T> {
  return call("coalesce", [first, ...rest]);
}
/** The first, or the second if the first is null. */
export function nvl<T>(value: Column<T>, otherwise: Operand<T>): Column<T> {
  return call("nvl", [value, otherwise]);
}
/** The same as nvl. */
export function ifnull<T>(value: Column<T>, otherwise: Operand<T>): Column<T> {
  return call("ifnull", [value, otherwise]);
}
/** Null if both are equal, else the first. */
export function nullif<T>(a: Column<T>, b: Operand<T>): Column<T> {
  return call("nullif", [a, b]);
}
/** The number, 0 of null. */
export function zeroifnull<T>(value: Column<T>): Column<T> {
  return call("zeroifnull", [value]);
}
/** The number, null of 0. */
export function nullifzero<T>(value: Column<T>): Column<T> {
  return call("nullifzero", [value]);
}
/** The second if the first is not null, else the third. */
export function nvl2<T>(value: AnyColumn, present: Column<T>, absent: Operand<T>): Column<T> {
  return call("nvl2", [value, present, absent]);
}
/** The first unless it is NaN, then the second. */
export function nanvl(a: Column<number>, b: Operand<number>): Column<number> {
  return call("nanvl", [a, b]);
}
/** The name of the type. */
export function typeOf(value: AnyColumn): Column<string> {
  return call("typeof", [value]);
}
/** Null where the condition is true; stops the query with a message where it is not. */
export function assertTrue(condition: Condition, message?: Text): Column<null> {
  return call("assert_true", [condition, ...given(message)]);
}
/** Stops the query with a message. */
export function raiseError(message: Text): Column<null> {
  return call("raise_error", [message]);
}

type Widened<V> = V extends string
  ? string
  : V extends boolean
    ? boolean
    : V extends number
      ? V extends Timestamp | DateValue
        ? V
        : number
      : V;
