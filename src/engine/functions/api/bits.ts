import type { AnyColumn, Operand } from "../../columns/column.ts";
import { call, type Column } from "../../columns/column.ts";

/** How many bits are set. */
export function bitCount(value: AnyColumn): Column<number> {
  return call("bit_count", [value]);
}
/** The bit at a place, from the right and from 0. */
export function bitGet(value: AnyColumn, place: Operand<number>): Column<number> {
  return call("bit_get", [value, place]);
}
/** The same as bit_get. */
export function getbit(value: AnyColumn, place: Operand<number>): Column<number> {
  return call("getbit", [value, place]);
}
/** The bits moved to the left. */
export function shiftleft<T>(value: Column<T>, places: Operand<number>): Column<T> {
  return call("shiftleft", [value, places]);
}
/** The bits moved to the right, the sign is kept. */
export function shiftright<T>(value: Column<T>, places: Operand<number>): Column<T> {
  return call("shiftright", [value, places]);
}
/** The bits moved to the right, zeros come in. */
export function shiftrightunsigned<T>(value: Column<T>, places: Operand<number>): Column<T> {
  return call("shiftrightunsigned", [value, places]);
}
/** The bits turned over. */
export function bitwiseNot<T>(value: Column<T>): Column<T> {
  return call("~", [value]);
}
