import type { AnyColumn, ColumnOf, Condition, Operand, Untyped } from "../columns/column.ts";
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
/** A column of whatever type, or a plain value. */
export type Argument = AnyColumn | string | number | bigint | boolean | Date | null;
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
export function when<const V>(condition: Condition, value: Column<V> | V): Column<Widened<V>> {
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
export function callFunction(name: string, ...args: readonly Argument[]): Column<Untyped> {
  return call(name, args);
}

/** Spark's reader options for JSON. */
export type JsonOptions = {
  readonly mode?: "PERMISSIVE" | "FAILFAST";
  readonly columnNameOfCorruptRecord?: string;
  readonly timestampFormat?: string;
  /** A pattern for dates, as timestampFormat for timestamps. */
  readonly dateFormat?: string;
  /** "true": what the name says is taken. */
  readonly allowComments?: string;
  readonly allowUnquotedFieldNames?: string;
  readonly allowNumericLeadingZeros?: string;
  readonly allowBackslashEscapingAnyCharacter?: string;
  readonly allowUnquotedControlChars?: string;
  /** "false": text and names in single quotes are not taken. */
  readonly allowSingleQuotes?: string;
  /** "false": NaN, Infinity and -Infinity are no numbers ("true" when not given, as in Spark). */
  readonly allowNonNumericNumbers?: string;
};

/** Reads JSON text by a schema; a field that is not of its type is null, text that is no JSON object gives nulls (PERMISSIVE). */
export function fromJson<Row>(text: Text, schema: Schema<Row>, options?: JsonOptions): ColumnOf<Row>;
export function fromJson(text: Text, schema: string | DataType, options?: JsonOptions): Column<Untyped>;
export function fromJson(text: Text, schema: string | DataType, options: JsonOptions = {}): Column<Untyped> {
  const type = typeof schema === "string" ? parseTypeOrSchema(schema) : schema;
  return call("from_json", [text], { schema: type, options: options as Record<string, string> });
}
/** Reads one line of CSV by a schema. */
export function fromCsv<Row>(text: Text, schema: Schema<Row>, options?: Readonly<Record<string, string>>): ColumnOf<Row>;
export function fromCsv(text: Text, schema: string | DataType, options?: Readonly<Record<string, string>>): Column<Untyped>;
export function fromCsv(text: Text, schema: string | DataType, options: Readonly<Record<string, string>> = {}): Column<Untyped> {
  return call("from_csv", [text], { schema: typeof schema === "string" ? parseTypeOrSchema(schema) : schema, options });
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
export function countIf(condition: Condition): Column<Long> {
  return call("count_if", [condition]);
}
/** About how many different values, in a state of fixed size. */
export function approxCountDistinct(column: AnyColumn): Column<Long> {
  return call("approx_count_distinct", [column]);
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
export function boolAnd(column: Condition): Column<boolean> {
  return call("bool_and", [column]);
}
export function boolOr(column: Condition): Column<boolean> {
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

export function median(column: AnyColumn): Column<number> {
  return call("median", [column]);
}
export function percentile(column: AnyColumn, part: number): Column<number> {
  return columnOf({
    kind: "call",
    fn: "percentile",
    args: [column.expression, { kind: "literal", value: part, dataType: { type: "double" } }],
  }) as Column<number>;
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

// Maths

export function abs<T>(column: Column<T>): Column<T> {
  return call("abs", [column]);
}
export function ceil(column: AnyColumn): Column<Long> {
  return call("ceil", [column]);
}
export function floor(column: AnyColumn): Column<Long> {
  return call("floor", [column]);
}
/** Rounded to so many digits, halves away from zero. */
export function round<T>(column: Column<T>, digits: number = 0): Column<T> {
  return call("round", [column, digits]);
}
/** Rounded to so many digits, halves to the even neighbour. */
export function bround<T>(column: Column<T>, digits: number = 0): Column<T> {
  return call("bround", [column, digits]);
}
export function sqrt(column: AnyColumn): Column<number> {
  return call("sqrt", [column]);
}
export function exp(column: AnyColumn): Column<number> {
  return call("exp", [column]);
}
export function ln(column: AnyColumn): Column<number> {
  return call("ln", [column]);
}
export function log10(column: AnyColumn): Column<number> {
  return call("log10", [column]);
}
export function log2(column: AnyColumn): Column<number> {
  return call("log2", [column]);
}
export function signum(column: AnyColumn): Column<number> {
  return call("signum", [column]);
}
export function sin(column: AnyColumn): Column<number> {
  return call("sin", [column]);
}
export function cos(column: AnyColumn): Column<number> {
  return call("cos", [column]);
}
export function tan(column: AnyColumn): Column<number> {
  return call("tan", [column]);
}
export function asin(column: AnyColumn): Column<number> {
  return call("asin", [column]);
}
export function acos(column: AnyColumn): Column<number> {
  return call("acos", [column]);
}
export function atan(column: AnyColumn): Column<number> {
  return call("atan", [column]);
}
export function pow(base: AnyColumn, exponent: Operand<number>): Column<number> {
  return call("power", [base, exponent]);
}
export function pmod<T>(a: Column<T>, b: Operand<T>): Column<T> {
  return call("pmod", [a, b]);
}
export function atan2(y: Operand<number>, x: Operand<number>): Column<number> {
  return call("atan2", [y, x]);
}
export function hex(column: AnyColumn): Column<string> {
  return call("hex", [column]);
}
export function tryAdd<T>(a: Column<T>, b: Operand<T>): Column<T> {
  return call("try_add", [a, b]);
}
export function trySubtract<T>(a: Column<T>, b: Operand<T>): Column<T> {
  return call("try_subtract", [a, b]);
}
export function tryMultiply<T>(a: Column<T>, b: Operand<T>): Column<T> {
  return call("try_multiply", [a, b]);
}
/** The quotient, null where the divisor is 0. */
export function tryDivide(a: AnyColumn, b: Operand<number>): Column<number> {
  return call("try_divide", [a, b]);
}
// Text

export function upper(text: Text): Column<string> {
  return call("upper", [text]);
}
export function lower(text: Text): Column<string> {
  return call("lower", [text]);
}
export function initcap(text: Text): Column<string> {
  return call("initcap", [text]);
}
export function trim(text: Text): Column<string> {
  return call("trim", [text]);
}
export function ltrim(text: Text): Column<string> {
  return call("ltrim", [text]);
}
export function rtrim(text: Text): Column<string> {
  return call("rtrim", [text]);
}
export function reverse(text: Text): Column<string> {
  return call("reverse", [text]);
}
export function length(text: Text): Column<number> {
  return call("length", [text]);
}
export function substring(text: Text, start: number, length: number): Column<string> {
  return call("substring", [text, start, length]);
}
export function substringIndex(text: Text, delimiter: string, count: number): Column<string> {
  return call("substring_index", [text, delimiter, count]);
}
export function concat(...parts: readonly AnyColumn[]): Column<string> {
  return call("concat", [...parts]);
}
export function concatWs(separator: string, ...parts: readonly AnyColumn[]): Column<string> {
  return call("concat_ws", [separator, ...parts]);
}
export function lpad(text: Text, length: number, pad: string = " "): Column<string> {
  return call("lpad", [text, length, pad]);
}
export function rpad(text: Text, length: number, pad: string = " "): Column<string> {
  return call("rpad", [text, length, pad]);
}
export function repeat(text: Text, times: number): Column<string> {
  return call("repeat", [text, times]);
}
export function replace(text: Text, part: Text, by: Text = ""): Column<string> {
  return call("replace", [text, part, by]);
}
export function translate(text: Text, from: string, to: string): Column<string> {
  return call("translate", [text, from, to]);
}
export function instr(text: Text, part: string): Column<number> {
  return call("instr", [text, part]);
}
export function locate(part: string, text: Text, start: number = 1): Column<number> {
  return call("locate", [part, text, start]);
}
export function split(text: Text, pattern: string, limit: number = -1): Column<string[]> {
  return call("split", [text, pattern, limit]);
}
export function regexpExtract(text: Text, pattern: string, group: number = 1): Column<string> {
  return call("regexp_extract", [text, pattern, group]);
}
export function regexpExtractAll(text: Text, pattern: string, group: number = 1): Column<string[]> {
  return call("regexp_extract_all", [text, pattern, group]);
}
export function regexpReplace(text: Text, pattern: string, by: string): Column<string> {
  return call("regexp_replace", [text, pattern, by]);
}
export function formatString(pattern: string, ...values: readonly AnyColumn[]): Column<string> {
  return call("format_string", [pattern, ...values]);
}
export function base64(bytes: AnyColumn): Column<string> {
  return call("base64", [bytes]);
}
export function md5(bytes: AnyColumn): Column<string> {
  return call("md5", [bytes]);
}
export function sha2(bytes: AnyColumn, bits: 0 | 224 | 256 | 384 | 512): Column<string> {
  return call("sha2", [bytes, bits]);
}
// Dates and instants

/** The instant at which the batch began, one for all its rows. */
export function currentTimestamp(): Column<Timestamp> {
  return call("current_timestamp", []);
}
export function currentDate(): Column<DateValue> {
  return call("current_date", []);
}
/** By the cast's rules, or by a pattern. */
export function toTimestamp(column: AnyColumn, pattern?: string): Column<Timestamp> {
  return call("to_timestamp", [column, ...given(pattern)]);
}
/** The same, null where the text is none. */
export function tryToTimestamp(column: AnyColumn, pattern?: string): Column<Timestamp> {
  return call("try_to_timestamp", [column, ...given(pattern)]);
}
export function toDate(column: AnyColumn, pattern?: string): Column<DateValue> {
  return call("to_date", [column, ...given(pattern)]);
}
export function dateFormat(column: Instant, pattern: string): Column<string> {
  return call("date_format", [column, pattern]);
}
export function year(column: Instant): Column<number> {
  return call("year", [column]);
}
export function quarter(column: Instant): Column<number> {
  return call("quarter", [column]);
}
export function month(column: Instant): Column<number> {
  return call("month", [column]);
}
export function day(column: Instant): Column<number> {
  return call("day", [column]);
}
export function dayofmonth(column: Instant): Column<number> {
  return call("dayofmonth", [column]);
}
export function hour(column: Instant): Column<number> {
  return call("hour", [column]);
}
export function minute(column: Instant): Column<number> {
  return call("minute", [column]);
}
export function second(column: Instant): Column<number> {
  return call("second", [column]);
}
export function dayofweek(column: Instant): Column<number> {
  return call("dayofweek", [column]);
}
export function weekday(column: Instant): Column<number> {
  return call("weekday", [column]);
}
export function dayofyear(column: Instant): Column<number> {
  return call("dayofyear", [column]);
}
export function weekofyear(column: Instant): Column<number> {
  return call("weekofyear", [column]);
}
export function lastDay(column: Instant): Column<DateValue> {
  return call("last_day", [column]);
}
export function dateAdd(column: Instant, count: Operand<number>): Column<DateValue> {
  return call("date_add", [column, count]);
}
export function dateSub(column: Instant, count: Operand<number>): Column<DateValue> {
  return call("date_sub", [column, count]);
}
export function addMonths(column: Instant, count: Operand<number>): Column<DateValue> {
  return call("add_months", [column, count]);
}
export function datediff(end: Instant, start: Instant): Column<number> {
  return call("datediff", [end, start]);
}
export function monthsBetween(end: Instant, start: Instant): Column<number> {
  return call("months_between", [end, start]);
}
export function trunc(column: Instant, unit: string): Column<DateValue> {
  return call("trunc", [column, unit]);
}
export function dateTrunc(unit: string, column: Instant): Column<Timestamp> {
  return call("date_trunc", [unit, column]);
}
export function unixTimestamp(column: Instant, pattern?: string): Column<Long> {
  return call("unix_timestamp", [column, ...given(pattern)]);
}
export function fromUnixtime(seconds: AnyColumn, pattern?: string): Column<string> {
  return call("from_unixtime", [seconds, ...given(pattern)]);
}
export function unixSeconds(column: Instant): Column<Long> {
  return call("unix_seconds", [column]);
}
export function unixMillis(column: Instant): Column<Long> {
  return call("unix_millis", [column]);
}
export function unixMicros(column: Instant): Column<Long> {
  return call("unix_micros", [column]);
}
export function timestampSeconds(column: AnyColumn): Column<Timestamp> {
  return call("timestamp_seconds", [column]);
}
export function timestampMillis(column: AnyColumn): Column<Timestamp> {
  return call("timestamp_millis", [column]);
}
export function timestampMicros(column: AnyColumn): Column<Timestamp> {
  return call("timestamp_micros", [column]);
}
// Arrays and maps

/** The element at a position from 0, null outside of the array. */
export function get<T>(column: Column<readonly T[]> | Column<T[]>, position: Operand<number>): Column<T> {
  return call("get", [column, position]);
}
/** The element at a position from 1, or the value under a key of a map. */
export function elementAt(column: AnyColumn, key: Operand<Untyped>): Column<Untyped> {
  return call("element_at", [column, key]);
}
export function size(column: AnyColumn): Column<number> {
  return call("size", [column]);
}
export function arrayContains(column: AnyColumn, value: Operand<Untyped>): Column<boolean> {
  return call("array_contains", [column, value]);
}
export function sortArray<T>(column: Column<T[]>, ascending: boolean = true): Column<T[]> {
  return call("sort_array", [column, ascending]);
}
export function arrayDistinct<T>(column: Column<T[]>): Column<T[]> {
  return call("array_distinct", [column]);
}
export function slice<T>(column: Column<T[]>, start: number, length: number): Column<T[]> {
  return call("slice", [column, start, length]);
}
export function arrayJoin(column: AnyColumn, separator: string): Column<string> {
  return call("array_join", [column, separator]);
}
/** A row per element. */
export function explode<T>(column: Column<T[]>): Column<T> {
  return call("explode", [column]);
}
/** A row per element; one with null where there is none. */
export function explodeOuter<T>(column: Column<T[]>): Column<T> {
  return call("explode_outer", [column]);
}
export function mapKeys<K, V>(column: Column<Map<K, V>>): Column<K[]> {
  return call("map_keys", [column]);
}
export function mapValues<K, V>(column: Column<Map<K, V>>): Column<V[]> {
  return call("map_values", [column]);
}
/** An argument that may be left out. */
function given<T>(value: T | undefined): T[] {
  return value === undefined ? [] : [value];
}
