import type { AnyColumn, Operand } from "../../columns/column.ts";
import { call, type Column } from "../../columns/column.ts";
import type { Long, Timestamp } from "../../types/schema-builder.ts";
import type { Instant, Text } from "./arguments.ts";
import { given } from "./arguments.ts";

/** The instant at which the batch began, one for all its rows. */
export function currentTimestamp(): Column<Timestamp> {
  return call("current_timestamp", []);
}
/** The same as current_timestamp. */
export function now(): Column<Timestamp> {
  return call("now", []);
}
/** The hour, 0 to 23. */
export function hour(column: Instant): Column<number> {
  return call("hour", [column]);
}
/** The minute, 0 to 59. */
export function minute(column: Instant): Column<number> {
  return call("minute", [column]);
}
/** The second, 0 to 59. */
export function second(column: Instant): Column<number> {
  return call("second", [column]);
}
/** An instant cut to a unit, microsecond to year. */
export function dateTrunc(unit: string, column: Instant): Column<Timestamp> {
  return call("date_trunc", [unit, column]);
}
/** An instant from year, month, day, hour, minute and second, and a zone. */
export function makeTimestamp(
  year: Operand<number>,
  month: Operand<number>,
  day: Operand<number>,
  hour: Operand<number>,
  minute: Operand<number>,
  second: Operand<number>,
  zone?: Text,
): Column<Timestamp> {
  return call("make_timestamp", [year, month, day, hour, minute, second, ...given(zone)]);
}
/** The same as make_timestamp. */
export function makeTimestampLtz(
  year: Operand<number>,
  month: Operand<number>,
  day: Operand<number>,
  hour: Operand<number>,
  minute: Operand<number>,
  second: Operand<number>,
  zone?: Text,
): Column<Timestamp> {
  return call("make_timestamp_ltz", [year, month, day, hour, minute, second, ...given(zone)]);
}
/** make_timestamp that gives null where there is no such instant. */
export function tryMakeTimestamp(
  year: Operand<number>,
  month: Operand<number>,
  day: Operand<number>,
  hour: Operand<number>,
  minute: Operand<number>,
  second: Operand<number>,
  zone?: Text,
): Column<Timestamp> {
  return call("try_make_timestamp", [year, month, day, hour, minute, second, ...given(zone)]);
}
/** Seconds since the epoch. */
export function unixSeconds(column: Instant): Column<Long> {
  return call("unix_seconds", [column]);
}
/** Milliseconds since the epoch. */
export function unixMillis(column: Instant): Column<Long> {
  return call("unix_millis", [column]);
}
/** Microseconds since the epoch. */
export function unixMicros(column: Instant): Column<Long> {
  return call("unix_micros", [column]);
}
/** The instant so many seconds after the epoch. */
export function timestampSeconds(column: AnyColumn): Column<Timestamp> {
  return call("timestamp_seconds", [column]);
}
/** The instant so many milliseconds after the epoch. */
export function timestampMillis(column: AnyColumn): Column<Timestamp> {
  return call("timestamp_millis", [column]);
}
/** The instant so many microseconds after the epoch. */
export function timestampMicros(column: AnyColumn): Column<Timestamp> {
  return call("timestamp_micros", [column]);
}
/** By the cast's rules, or by a pattern. */
export function toTimestamp(column: AnyColumn, pattern?: string): Column<Timestamp> {
  return call("to_timestamp", [column, ...given(pattern)]);
}
/** The same, null where the text is none. */
export function tryToTimestamp(column: AnyColumn, pattern?: string): Column<Timestamp> {
  return call("try_to_timestamp", [column, ...given(pattern)]);
}
/** Seconds since the epoch of an instant, or of text by a pattern. */
export function unixTimestamp(column: Instant, pattern?: string): Column<Long> {
  return call("unix_timestamp", [column, ...given(pattern)]);
}
/** The same as unix_timestamp. */
export function toUnixTimestamp(column: Instant, pattern?: string): Column<Long> {
  return call("to_unix_timestamp", [column, ...given(pattern)]);
}
/** Seconds since the epoch by a pattern, yyyy-MM-dd HH:mm:ss when not given. */
export function fromUnixtime(seconds: AnyColumn, pattern?: string): Column<string> {
  return call("from_unixtime", [seconds, ...given(pattern)]);
}
/** The wall clock of a zone at an instant. */
export function fromUtcTimestamp(column: Instant, zone: Text): Column<Timestamp> {
  return call("from_utc_timestamp", [column, zone]);
}
/** The instant at which a zone's wall clock shows a time. */
export function toUtcTimestamp(column: Instant, zone: Text): Column<Timestamp> {
  return call("to_utc_timestamp", [column, zone]);
}
