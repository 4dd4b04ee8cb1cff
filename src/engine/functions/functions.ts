import type { AnyColumn, ColumnOf, Operand, Untyped } from "../columns/column.ts";
import { call, type Column, columnOf, toExpression } from "../columns/column.ts";
import type { Expression } from "../columns/expression.ts";
import type { DataType } from "../types/data-type.ts";
import { parseTypeOrSchema } from "../types/ddl.ts";
import type { DateValue, Decimal, Interval, Long, Schema, Timestamp } from "../types/schema-builder.ts";
import { intervalUs } from "./time-window.ts";

/**
 * Spark's functions for the column API, by Spark's names in camelCase: `from_json` is `fromJson`, `date_trunc` is `dateTrunc`, `collect_list` is
 * `collectList`. Spark's own spelling works in SQL text and in `callFunction`.
 */

type Text = Operand<string>;
type Instant = Column<Timestamp> | Column<DateValue> | Column<string> | Column<Untyped>;
/** The value type of a window column. */
export type Window = { readonly start: Timestamp; readonly end: Timestamp };

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

/** Begins a case: `when(r.value.gt(90), "CRITICAL").when(r.value.gt(80), "WARNING").otherwise("INFO")`. */
export function when<const V>(condition: Column<boolean>, value: Column<V> | V): Column<Widened<V>> {
  const branches: readonly (readonly [Expression, Expression])[] = [[condition.expression, toExpression(value)]];
  return columnOf({ kind: "case", branches }) as Column<Widened<V>>;
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

/** Any Spark SQL function by its own name. */
export function callFunction(name: string, ...args: readonly Operand<unknown>[]): Column<Untyped> {
  return call(name, args);
}

/** Spark's reader options for JSON. */
export type JsonOptions = {
  readonly mode?: "PERMISSIVE" | "FAILFAST";
  readonly columnNameOfCorruptRecord?: string;
  readonly timestampFormat?: string;
};

/** Reads JSON text by a schema; a field that is not of its type is null, text that is no JSON object gives nulls (PERMISSIVE). */
export function fromJson<Row>(text: Text, schema: Schema<Row>, options?: JsonOptions): ColumnOf<Row>;
export function fromJson(text: Text, schema: string | DataType, options?: JsonOptions): Column<Untyped>;
export function fromJson(text: Text, schema: string | DataType, options: JsonOptions = {}): Column<Untyped> {
  const type = typeof schema === "string" ? parseTypeOrSchema(schema) : schema;
  return call("from_json", [text], { schema: type, options: options as Record<string, string> });
}
export function toJson(value: AnyColumn): Column<string> {
  return call("to_json", [value]);
}
/** A part of a JSON text by a path such as "$.a[0].b", as text. */
export function getJsonObject(text: Text, path: string): Column<string> {
  return call("get_json_object", [text, path]);
}
/** A struct of columns by name. */
export function namedStruct<R extends Readonly<Record<string, AnyColumn>>>(
  fields: R,
): ColumnOf<{ [K in keyof R]: R[K] extends Column<infer T> ? T : never }> {
  return call("named_struct", Object.entries(fields).flat()) as never;
}
export function array<T>(...elements: readonly (Column<T> | T)[]): Column<T[]> {
  return call("array", elements);
}
/** A map from keys and values in turn. */
export function map(...keysAndValues: readonly Operand<unknown>[]): Column<Map<unknown, unknown>> {
  return call("map", keysAndValues);
}

/** The windows [start, end) that hold an instant; tumbling without a slide. */
export function window(time: Instant | Column<Window>, size: string, slide?: string, start?: string): ColumnOf<Window> {
  const given = start === undefined ? (slide === undefined ? [size] : [size, slide]) : [size, slide ?? size, start];
  return call("window", [time, ...given]) as ColumnOf<Window>;
}
/** The session that an instant belongs to: rows closer than the gap. */
export function sessionWindow(time: Instant, gap: string | Column<string>): ColumnOf<Window> {
  return call("session_window", [time, gap]) as ColumnOf<Window>;
}
/** The last microsecond of a window. */
export function windowTime(column: Column<Window> | AnyColumn): Column<Timestamp> {
  return call("window_time", [column]);
}
/** A day-time interval from text such as "10 seconds", to add to instants. */
export function interval(text: string): Column<Interval> {
  return columnOf({ kind: "literal", value: intervalUs(text), dataType: { type: "interval" } }) as Column<Interval>;
}

// Aggregates

/** How many rows; with a column, in how many it is not null. */
export function count(column?: AnyColumn | "*"): Column<Long> {
  return call("count", column === undefined || column === "*" ? [1] : [column]);
}
/** How many different values; in batches, not in streams. */
export function countDistinct(column: AnyColumn, ...more: readonly AnyColumn[]): Column<Long> {
  return call("count", [column, ...more], { distinct: true });
}
export function countIf(condition: Column<boolean>): Column<Long> {
  return call("count_if", [condition]);
}
export function sum<T>(column: Column<T>): Column<T extends Decimal ? Decimal : T extends Long ? Long : number> {
  return call("sum", [column]);
}
export function avg(column: AnyColumn): Column<number> {
  return call("avg", [column]);
}
export function mean(column: AnyColumn): Column<number> {
  return call("avg", [column]);
}
export function min<T>(column: Column<T>): Column<T> {
  return call("min", [column]);
}
export function max<T>(column: Column<T>): Column<T> {
  return call("max", [column]);
}
export function minBy<T>(column: Column<T>, order: AnyColumn): Column<T> {
  return call("min_by", [column, order]);
}
export function maxBy<T>(column: Column<T>, order: AnyColumn): Column<T> {
  return call("max_by", [column, order]);
}
export function first<T>(column: Column<T>, ignoreNulls: boolean = false): Column<T> {
  return call("first", [column, ignoreNulls]);
}
export function last<T>(column: Column<T>, ignoreNulls: boolean = false): Column<T> {
  return call("last", [column, ignoreNulls]);
}
export function anyValue<T>(column: Column<T>): Column<T> {
  return call("any_value", [column]);
}
export function boolAnd(column: Column<boolean>): Column<boolean> {
  return call("bool_and", [column]);
}
export function boolOr(column: Column<boolean>): Column<boolean> {
  return call("bool_or", [column]);
}
export function stddev(column: AnyColumn): Column<number> {
  return call("stddev", [column]);
}
export function stddevPop(column: AnyColumn): Column<number> {
  return call("stddev_pop", [column]);
}
export function variance(column: AnyColumn): Column<number> {
  return call("variance", [column]);
}
export function varPop(column: AnyColumn): Column<number> {
  return call("var_pop", [column]);
}
export function corr(a: AnyColumn, b: AnyColumn): Column<number> {
  return call("corr", [a, b]);
}
export function covarSamp(a: AnyColumn, b: AnyColumn): Column<number> {
  return call("covar_samp", [a, b]);
}
export function covarPop(a: AnyColumn, b: AnyColumn): Column<number> {
  return call("covar_pop", [a, b]);
}
export function skewness(column: AnyColumn): Column<number> {
  return call("skewness", [column]);
}
export function kurtosis(column: AnyColumn): Column<number> {
  return call("kurtosis", [column]);
}
export function collectList<T>(column: Column<T>): Column<T[]> {
  return call("collect_list", [column]);
}
export function collectSet<T>(column: Column<T>): Column<T[]> {
  return call("collect_set", [column]);
}

// Conditionals and nulls

export function coalesce<T>(first: Column<T>, ...rest: readonly Operand<T>[]): Column<T> {
  return call("coalesce", [first, ...rest]);
}
export function nullif<T>(a: Column<T>, b: Operand<T>): Column<T> {
  return call("nullif", [a, b]);
}
export function nanvl(a: Column<number>, b: Operand<number>): Column<number> {
  return call("nanvl", [a, b]);
}
export function greatest<T>(first: Column<T>, ...rest: readonly Operand<T>[]): Column<T> {
  return call("greatest", [first, ...rest]);
}
export function least<T>(first: Column<T>, ...rest: readonly Operand<T>[]): Column<T> {
  return call("least", [first, ...rest]);
}
