import type { AnyColumn, Column, Operand, Untyped } from "../../columns/column.ts";
import type { DateValue, Timestamp } from "../../types/schema-builder.ts";

/*
 * The functions of this folder are Spark's for the column API, by Spark's names in camelCase: `from_json` is `fromJson`, `date_trunc` is `dateTrunc`.
 * Spark's own spelling works in SQL text and in `callFunction`.
 */

/** A column of text, a column by name, or a text. */
export type Text = Operand<string>;
/** A column of bytes, or one by name. */
export type Bytes = Column<Uint8Array> | Column<Untyped>;
/** A column of whatever type, or a plain value. */
export type Argument = AnyColumn | string | number | bigint | boolean | Date | null;
/** A column of instants or dates, or of text that the cast can read as one. */
export type Instant = Column<Timestamp> | Column<DateValue> | Column<string> | Column<Untyped>;
/** The value type of a window column. */
export type Window = { readonly start: Timestamp; readonly end: Timestamp };

/** An argument that may be left out. */
export function given<T>(value: T | undefined): T[] {
  return value === undefined ? [] : [value];
}
