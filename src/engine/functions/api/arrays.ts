import type { AnyColumn, Operand, Untyped } from "../../columns/column.ts";
import { call, type Column } from "../../columns/column.ts";
import type { Interval, Long } from "../../types/schema-builder.ts";
import type { Argument } from "./arguments.ts";
import { given } from "./arguments.ts";

/** An array of the values. */
export function array<T>(...elements: readonly (Column<T> | T)[]): Column<T[]> {
  return call("array", elements);
}
/** How many elements an array or entries a map has; of null null, or -1 without ANSI rules. */
export function size(column: AnyColumn): Column<number> {
  return call("size", [column]);
}
/** The same as size. */
export function cardinality(column: AnyColumn): Column<number> {
  return call("cardinality", [column]);
}
/** How many elements an array has. */
export function arraySize(column: AnyColumn): Column<number> {
  return call("array_size", [column]);
}
/** The element at a position from 0, null outside of the array. */
export function get<T>(column: Column<readonly T[]> | Column<T[]>, position: Operand<number>): Column<T> {
  return call("get", [column, position]);
}
/** The element at a position from 1, or the value under a key of a map. */
export function elementAt(column: AnyColumn, key: Operand<Untyped>): Column<Untyped> {
  return call("element_at", [column, key]);
}
/** element_at that gives null where there is nothing. */
export function tryElementAt(column: AnyColumn, key: Argument): Column<Untyped> {
  return call("try_element_at", [column, key]);
}
/** Whether a value is among the elements; null if it is not but one of them is null. */
export function arrayContains(column: AnyColumn, value: Operand<Untyped>): Column<boolean> {
  return call("array_contains", [column, value]);
}
/** The position of a value from 1, 0 if it is not there. */
export function arrayPosition(column: AnyColumn, value: Argument): Column<Long> {
  return call("array_position", [column, value]);
}
/** With one more element at a position, which counts from 1, from the end when negative; nulls fill the gap to a position outside. */
export function arrayInsert<T>(column: Column<T[]>, position: Operand<number>, value: Argument): Column<T[]> {
  return call("array_insert", [column, position, value]);
}
/** Sorted, nulls first; backwards when the second is false, nulls last. */
export function sortArray<T>(column: Column<T[]>, ascending: boolean = true): Column<T[]> {
  return call("sort_array", [column, ascending]);
}
/** Sorted, nulls last. */
export function arraySort<T>(column: Column<T[]>): Column<T[]> {
  return call("array_sort", [column]);
}
/** Each element once, at its first place. */
export function arrayDistinct<T>(column: Column<T[]>): Column<T[]> {
  return call("array_distinct", [column]);
}
/** The least element that is not null. */
export function arrayMin<T>(column: Column<T[]>): Column<T> {
  return call("array_min", [column]);
}
/** The greatest element that is not null. */
export function arrayMax<T>(column: Column<T[]>): Column<T> {
  return call("array_max", [column]);
}
/** The elements as one text with a separator; nulls left out, or replaced by the third. */
export function arrayJoin(column: AnyColumn, separator: string): Column<string> {
  return call("array_join", [column, separator]);
}
/** So many elements from a position, which counts from 1, from the end when negative. */
export function slice<T>(column: Column<T[]>, start: number, length: number): Column<T[]> {
  return call("slice", [column, start, length]);
}
/** The elements of the arrays in an array. */
export function flatten<T>(column: Column<T[][]>): Column<T[]> {
  return call("flatten", [column]);
}
/** The elements of both arrays, each once. */
export function arrayUnion<T>(a: Column<T[]>, b: Column<T[]>): Column<T[]> {
  return call("array_union", [a, b]);
}
/** The elements of the first array that the second has too, each once. */
export function arrayIntersect<T>(a: Column<T[]>, b: Column<T[]>): Column<T[]> {
  return call("array_intersect", [a, b]);
}
/** The elements of the first array that the second has not, each once. */
export function arrayExcept<T>(a: Column<T[]>, b: Column<T[]>): Column<T[]> {
  return call("array_except", [a, b]);
}
/** Whether two arrays have an element in common; null if they have not but one of them has a null. */
export function arraysOverlap(a: AnyColumn, b: AnyColumn): Column<boolean> {
  return call("arrays_overlap", [a, b]);
}
/** Without the elements that equal a value. */
export function arrayRemove<T>(column: Column<T[]>, value: Operand<T>): Column<T[]> {
  return call("array_remove", [column, value]);
}
/** With one more element at its end. */
export function arrayAppend<T>(column: Column<T[]>, value: Operand<T>): Column<T[]> {
  return call("array_append", [column, value]);
}
/** With one more element at its start. */
export function arrayPrepend<T>(column: Column<T[]>, value: Operand<T>): Column<T[]> {
  return call("array_prepend", [column, value]);
}
/** Without its nulls. */
export function arrayCompact<T>(column: Column<T[]>): Column<T[]> {
  return call("array_compact", [column]);
}
/** An array of a value so many times. */
export function arrayRepeat<T>(value: Column<T>, times: Operand<number>): Column<T[]> {
  return call("array_repeat", [value, times]);
}
/** An array of structs of the elements at each position; nulls where an array is shorter. */
export function arraysZip(...columns: readonly AnyColumn[]): Column<Untyped> {
  return call("arrays_zip", columns);
}
/** The values from one to another, both included, by a step: whole numbers by 1 or -1, dates and instants by a day unless it is given. */
export function sequence<T>(from: Column<T>, to: Operand<T>, step?: Operand<T> | Column<Interval>): Column<T[]> {
  return call("sequence", [from, to, ...given(step)]);
}
/** A row per element. */
export function explode<T>(column: Column<T[]>): Column<T> {
  return call("explode", [column]);
}
/** A row per element; one with null where there is none. */
export function explodeOuter<T>(column: Column<T[]>): Column<T> {
  return call("explode_outer", [column]);
}
/** A row per struct of an array, a column per field. */
export function inline(column: AnyColumn): Column<Untyped> {
  return call("inline", [column]);
}
/** inline that keeps rows without elements, with nulls. */
export function inlineOuter(column: AnyColumn): Column<Untyped> {
  return call("inline_outer", [column]);
}
/** explode with the position from 0 (pos). */
export function posexplode(column: AnyColumn): Column<Untyped> {
  return call("posexplode", [column]);
}
/** posexplode that keeps rows without elements, with nulls. */
export function posexplodeOuter(column: AnyColumn): Column<Untyped> {
  return call("posexplode_outer", [column]);
}
