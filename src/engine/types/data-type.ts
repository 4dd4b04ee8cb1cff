import type { IntervalRange } from "./interval-type.ts";

/**
 * The types of columns, as plain data. A value of each is held, everywhere inside the engine, as:
 *
 * | type                       | JavaScript value                                                        |
 * |----------------------------|-------------------------------------------------------------------------|
 * | boolean                    | boolean                                                                 |
 * | tinyint, smallint, int     | number                                                                  |
 * | bigint                     | number while it is a safe integer, BigInt beyond (one type outside)      |
 * | float                      | number, rounded by Math.fround                                          |
 * | double                     | number                                                                  |
 * | decimal(p,s)               | BigInt: the unscaled value (12.30 as decimal(4,2) is 1230n)             |
 * | string                     | string                                                                  |
 * | binary                     | Uint8Array                                                              |
 * | date                       | number: days since 1970-01-01                                           |
 * | timestamp                  | number: microseconds since the epoch, UTC                               |
 * | interval                   | number: microseconds (day-time intervals)                               |
 * | months                     | number: months (year-month intervals)                                   |
 * | array                      | Array                                                                   |
 * | map                        | Map                                                                     |
 * | struct                     | Array of the fields' values, in order                                   |
 *
 * The SQL null of any type is JavaScript's null; undefined never occurs.
 */
export type DataType = AtomicType | DecimalType | ArrayType | MapType | StructType;

export type AtomicType =
  | { readonly type: "boolean" }
  | { readonly type: "tinyint" }
  | { readonly type: "smallint" }
  | { readonly type: "int" }
  | { readonly type: "bigint" }
  | { readonly type: "float" }
  | { readonly type: "double" }
  | { readonly type: "string" }
  | { readonly type: "binary" }
  | { readonly type: "date" }
  | { readonly type: "timestamp" }
  /** A day-time interval; DAY TO SECOND where it names no units. */
  | { readonly type: "interval"; readonly range?: IntervalRange }
  /** A year-month interval. */
  | { readonly type: "months"; readonly range?: IntervalRange }
  | { readonly type: "null" };

export type DecimalType = { readonly type: "decimal"; readonly precision: number; readonly scale: number };
export type ArrayType = { readonly type: "array"; readonly element: DataType };
export type MapType = { readonly type: "map"; readonly key: DataType; readonly value: DataType };
export type StructType = { readonly type: "struct"; readonly fields: readonly StructField[] };

export type StructField = { readonly name: string; readonly dataType: DataType; readonly nullable: boolean };

/** The values of one row, in the order of its schema's fields, as the table above says. */
export type Row = unknown[];
