import type { AnyColumn, ColumnOf } from "../../columns/column.ts";
import { call, type Column } from "../../columns/column.ts";
import type { Timestamp } from "../../types/schema-builder.ts";
import type { Instant, Window } from "./arguments.ts";

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
