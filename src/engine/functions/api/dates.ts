import type { AnyColumn, Operand, Untyped } from "../../columns/column.ts";
import { call, type Column } from "../../columns/column.ts";
import type { DateValue } from "../../types/schema-builder.ts";
import type { Instant, Text } from "./arguments.ts";
import { given } from "./arguments.ts";

/** The day on which the batch began. */
export function curdate(): Column<DateValue> {
  return call("curdate", []);
}
/** The day on which the batch began. */
export function currentDate(): Column<DateValue> {
  return call("current_date", []);
}
/** The year. */
export function year(column: Instant): Column<number> {
  return call("year", [column]);
}
/** The quarter, 1 to 4. */
export function quarter(column: Instant): Column<number> {
  return call("quarter", [column]);
}
/** The month, 1 to 12. */
export function month(column: Instant): Column<number> {
  return call("month", [column]);
}
/** The day of the month. */
export function day(column: Instant): Column<number> {
  return call("day", [column]);
}
/** The day of the month. */
export function dayofmonth(column: Instant): Column<number> {
  return call("dayofmonth", [column]);
}
/** 1 Sunday to 7 Saturday. */
export function dayofweek(column: Instant): Column<number> {
  return call("dayofweek", [column]);
}
/** 0 Monday to 6 Sunday. */
export function weekday(column: Instant): Column<number> {
  return call("weekday", [column]);
}
/** The day of the year, from 1. */
export function dayofyear(column: Instant): Column<number> {
  return call("dayofyear", [column]);
}
/** The ISO week of the year. */
export function weekofyear(column: Instant): Column<number> {
  return call("weekofyear", [column]);
}
/** The last day of the month. */
export function lastDay(column: Instant): Column<DateValue> {
  return call("last_day", [column]);
}
/** So many days later. */
export function dateAdd(column: Instant, count: Operand<number>): Column<DateValue> {
  return call("date_add", [column, count]);
}
/** The same as date_add. */
export function dateadd(column: Instant, count: Operand<number>): Column<DateValue> {
  return call("dateadd", [column, count]);
}
/** So many days earlier. */
export function dateSub(column: Instant, count: Operand<number>): Column<DateValue> {
  return call("date_sub", [column, count]);
}
/** So many months later, on the last of the month where the day does not exist. */
export function addMonths(column: Instant, count: Operand<number>): Column<DateValue> {
  return call("add_months", [column, count]);
}
/** The days from the second to the first. */
export function datediff(end: Instant, start: Instant): Column<number> {
  return call("datediff", [end, start]);
}
/** The same as datediff. */
export function dateDiff(end: Instant, start: Instant): Column<number> {
  return call("date_diff", [end, start]);
}
/** The months from the second to the first, rounded to 8 digits unless the third is false. */
export function monthsBetween(end: Instant, start: Instant): Column<number> {
  return call("months_between", [end, start]);
}
/** The first day of the year, quarter, month or week. */
export function trunc(column: Instant, unit: string): Column<DateValue> {
  return call("trunc", [column, unit]);
}
/** An instant by a pattern. */
export function dateFormat(column: Instant, pattern: string): Column<string> {
  return call("date_format", [column, pattern]);
}
/** A date from year, month and day. */
export function makeDate(year: Operand<number>, month: Operand<number>, day: Operand<number>): Column<DateValue> {
  return call("make_date", [year, month, day]);
}
/** The first date after a date that is such a day of the week. */
export function nextDay(column: Instant, day: Text): Column<DateValue> {
  return call("next_day", [column, day]);
}
/** The day of the week, as in Mon. */
export function dayname(column: Instant): Column<string> {
  return call("dayname", [column]);
}
/** The month, as in Jan. */
export function monthname(column: Instant): Column<string> {
  return call("monthname", [column]);
}
/** A part of a date or an instant by its name, such as YEAR, DOW or SECONDS. */
export function datePart(part: string, column: AnyColumn): Column<Untyped> {
  return call("date_part", [part, column]);
}
/** A part of a date or an instant by its name, such as YEAR, DOW or SECONDS. */
export function datepart(part: string, column: AnyColumn): Column<Untyped> {
  return call("datepart", [part, column]);
}
/** The date so many days after 1970-01-01. */
export function dateFromUnixDate(days: AnyColumn): Column<DateValue> {
  return call("date_from_unix_date", [days]);
}
/** The days since 1970-01-01. */
export function unixDate(column: Instant): Column<number> {
  return call("unix_date", [column]);
}
/** A date from text, by the cast's rules or a pattern. */
export function toDate(column: AnyColumn, pattern?: string): Column<DateValue> {
  return call("to_date", [column, ...given(pattern)]);
}
/** A date from text, null where it is none. */
export function tryToDate(column: AnyColumn, pattern?: string): Column<DateValue> {
  return call("try_to_date", [column, ...given(pattern)]);
}
