import type { AnyColumn, ColumnOf, Operand, Untyped } from "../../columns/column.ts";
import { call, type Column } from "../../columns/column.ts";
import type { Text } from "./arguments.ts";
import { given } from "./arguments.ts";

/** The keys of a map. */
export function mapKeys<K, V>(column: Column<Map<K, V>>): Column<K[]> {
  return call("map_keys", [column]);
}
/** The values of a map. */
export function mapValues<K, V>(column: Column<Map<K, V>>): Column<V[]> {
  return call("map_values", [column]);
}
/** Whether a map has a key. */
export function mapContainsKey<K, V>(column: Column<Map<K, V>>, key: Operand<K>): Column<boolean> {
  return call("map_contains_key", [column, key]);
}
/** The entries of a map as structs of key and value. */
export function mapEntries<K, V>(column: Column<Map<K, V>>): Column<{ readonly key: K; readonly value: V }[]> {
  return call("map_entries", [column]);
}
/** A map of an array of keys and an array of values. */
export function mapFromArrays<K, V>(keys: Column<K[]>, values: Column<V[]>): Column<Map<K, V>> {
  return call("map_from_arrays", [keys, values]);
}
/** A map of an array of structs of key and value; null if one of them is null. */
export function mapFromEntries<K, V>(column: Column<{ readonly key: K; readonly value: V }[]>): Column<Map<K, V>> {
  return call("map_from_entries", [column]);
}
/** The entries of all the maps. */
export function mapConcat<K, V>(...columns: readonly Column<Map<K, V>>[]): Column<Map<K, V>> {
  return call("map_concat", columns);
}
/** A map of text such as a:1,b:2; the marks between entries and within them may be given. */
export function strToMap(text: Text, between?: string, within?: string): Column<Map<string, string>> {
  return call("str_to_map", [text, ...given(between), ...given(within)]);
}
/** A struct of the columns, with their names. */
export function struct(...columns: readonly AnyColumn[]): Column<Untyped> {
  return call("struct", columns);
}
/** A struct of columns by name. */
export function namedStruct<R extends Readonly<Record<string, AnyColumn>>>(
  fields: R,
): ColumnOf<{ [K in keyof R]: R[K] extends Column<infer T> ? T : never }> {
  return call("named_struct", Object.entries(fields).flat()) as never;
}
/** A map from keys and values in turn. */
export function map(...keysAndValues: readonly Operand<unknown>[]): Column<Map<unknown, unknown>> {
  return call("map", keysAndValues);
}
