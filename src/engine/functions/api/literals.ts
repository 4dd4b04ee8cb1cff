import type { Untyped } from "../../columns/column.ts";
import { call, type Column, columnOf, toExpression } from "../../columns/column.ts";
import type { Interval, Long, Timestamp } from "../../types/schema-builder.ts";
import { columnText } from "../../sql/column-text.ts";
import { intervalLiteral } from "../time-window.ts";
import type { Argument } from "./arguments.ts";

/** A column with one value; a TypeScript number is an int, a bigint or a double as it needs. */
export function lit<T extends string | number | bigint | boolean | Date | null>(
  value: T,
): Column<
  T extends Date
    ? Timestamp
    : T extends string
      ? string
      : T extends boolean
        ? boolean
        : T extends bigint
          ? Long
          : T extends number
            ? number
            : null
> {
  return columnOf(toExpression(value)) as never;
}
/** Any Spark SQL function by its own name. */
export function callFunction(name: string, ...args: readonly Argument[]): Column<Untyped> {
  return call(name, args);
}
/** A column by an expression in Spark's SQL: `expr("value * 2 AS twice")`. @throws AnalysisError PARSE_SYNTAX_ERROR */
export function expr(text: string): Column<Untyped> {
  const { expression, alias } = columnText(text);
  return columnOf(expression, alias);
}
/** An interval from text such as "10 seconds" or "1 year 2 months", to add to instants and dates. */
export function interval(text: string): Column<Interval> {
  return columnOf(intervalLiteral(text)) as Column<Interval>;
}
