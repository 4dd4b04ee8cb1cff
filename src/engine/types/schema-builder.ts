import type { ArrayType, DataType, MapType, StructField, StructType } from "./data-type.ts";

declare const kind: unique symbol;
declare const valueType: unique symbol;

/** A value that TypeScript must not mix with plain numbers though it is one at run time. */
export type Branded<Base, Name extends string> = Base & { readonly [kind]: Name };

/**
 * The type of a timestamp column: at run time a number, microseconds since the epoch in UTC (exact until the year 2255). Branded, so that an instant
 * is not compared with, or added to, a plain number by mistake: `r.timestamp.gt(5)` does not compile, `r.timestamp.gt("2026-01-01")` does.
 */
export type Timestamp = Branded<number, "timestamp">;
/** The type of a date column: days since 1970-01-01. */
export type DateValue = Branded<number, "date">;
/** The type of an interval: microseconds. */
export type Interval = Branded<number, "interval">;
/** The type of a decimal column: the unscaled value, 1230n for 12.30 as decimal(4,2). */
export type Decimal = Branded<bigint, "decimal">;
/** The type of a bigint column: a number while it is a safe integer, BigInt beyond. */
export type Long = Branded<number | bigint, "bigint">;

/** A column type that remembers the TypeScript type of its values. */
export type Typed<T> = DataType & { readonly [valueType]?: T };
/** A schema that remembers the TypeScript type of its rows. */
export type Schema<Row> = StructType & { readonly [valueType]?: Row };
/** The row type of a schema: `RowOf<typeof sensorReading>`. */
export type RowOf<S> = S extends { readonly [valueType]?: infer Row } ? Exclude<Row, undefined> : never;

/** A type of a column as it is given to `struct`: a type, or a struct. */
type ValueOf<T> = T extends { readonly [valueType]?: infer V } ? Exclude<V, undefined> : unknown;

/** A schema by the names of its columns: `struct({ sensor_id: string(), value: double(), timestamp: timestamp() })`. All columns may be null. */
export function struct<const F extends Readonly<Record<string, Typed<unknown>>>>(fields: F): Schema<{ [K in keyof F]: ValueOf<F[K]> }> {
  const list: StructField[] = Object.entries(fields).map(([name, dataType]) => ({ name, dataType, nullable: true }));
  return { type: "struct", fields: list };
}

export function boolean(): Typed<boolean> {
  return { type: "boolean" };
}
export function tinyint(): Typed<number> {
  return { type: "tinyint" };
}
export function smallint(): Typed<number> {
  return { type: "smallint" };
}
export function int(): Typed<number> {
  return { type: "int" };
}
/** 64 bits, exact. */
export function bigint(): Typed<Long> {
  return { type: "bigint" };
}
export function float(): Typed<number> {
  return { type: "float" };
}
export function double(): Typed<number> {
  return { type: "double" };
}
/** An exact number of up to 38 digits, `scale` of them after the point. */
export function decimal(precision: number = 10, scale: number = 0): Typed<Decimal> {
  return { type: "decimal", precision, scale };
}
export function string(): Typed<string> {
  return { type: "string" };
}
export function binary(): Typed<Uint8Array> {
  return { type: "binary" };
}
export function date(): Typed<DateValue> {
  return { type: "date" };
}
export function timestamp(): Typed<Timestamp> {
  return { type: "timestamp" };
}
/** An array whose elements are of one type. */
export function arrayOf<T>(element: Typed<T>): ArrayType & Typed<T[]> {
  return { type: "array", element };
}
/** A map whose keys and values are of one type each. */
export function mapOf<K, V>(key: Typed<K>, value: Typed<V>): MapType & Typed<Map<K, V>> {
  return { type: "map", key, value };
}
