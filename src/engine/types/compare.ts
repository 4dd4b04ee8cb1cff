import type { DataType } from "./data-type.ts";

/**
 * Spark's total order of doubles: −∞ < … < −0.0 = 0.0 < … < ∞ < NaN = NaN.
 */
export function compareDoubles(a: number, b: number): number {
  if (a < b) return -1;
  if (a > b) return 1;
  if (a === b) return 0;
  return Number.isNaN(a) ? (Number.isNaN(b) ? 0 : 1) : -1;
}

/** Spark's order of text: by bytes of UTF-8, that is by code point (not by UTF-16 unit). */
export function compareText(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const x = a.charCodeAt(i);
    const y = b.charCodeAt(i);
    if (x !== y) {
      const high = x >= 0xd800 && x < 0xe000;
      if (high !== (y >= 0xd800 && y < 0xe000)) return high ? 1 : -1;
      return x < y ? -1 : 1;
    }
  }
  return a.length - b.length;
}

function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const difference = (a[i] ?? 0) - (b[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
}

function compareBooleans(a: boolean, b: boolean): number {
  return Number(a) - Number(b);
}

function compareWhole(a: number | bigint, b: number | bigint): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** An order of values that are not null. */
export type Comparator = (a: never, b: never) => number;

/** The order of a type's values, nulls first inside arrays and structs. Maps have none in Spark; here they are compared by their entries' text. */
export function comparatorOf(type: DataType): (a: unknown, b: unknown) => number {
  switch (type.type) {
    case "string":
      return compareText as (a: unknown, b: unknown) => number;
    case "float":
    case "double":
      return compareDoubles as (a: unknown, b: unknown) => number;
    case "binary":
      return compareBytes as (a: unknown, b: unknown) => number;
    case "boolean":
      return compareBooleans as (a: unknown, b: unknown) => number;
    case "array": {
      const element = nullsFirst(comparatorOf(type.element));
      return (a, b) => compareLists(a as unknown[], b as unknown[], () => element);
    }
    case "struct": {
      const fields = type.fields.map((one) => nullsFirst(comparatorOf(one.dataType)));
      return (a, b) => compareLists(a as unknown[], b as unknown[], (i) => fields[i] ?? (() => 0));
    }
    case "map": {
      const key = groupKeyOf(type);
      return (a, b) => compareText(String(key(a)), String(key(b)));
    }
    default:
      return compareWhole as (a: unknown, b: unknown) => number;
  }
}

/** The same order with null before everything. */
export function nullsFirst(compare: (a: unknown, b: unknown) => number): (a: unknown, b: unknown) => number {
  return (a, b) => (a === null ? (b === null ? 0 : -1) : b === null ? 1 : compare(a, b));
}

function compareLists(a: unknown[], b: unknown[], at: (i: number) => (a: unknown, b: unknown) => number): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const order = at(i)(a[i], b[i]);
    if (order !== 0) return order;
  }
  return a.length - b.length;
}

/** Whether two values that are not null are equal in Spark's sense (NaN = NaN, −0.0 = 0.0). */
export function equalityOf(type: DataType): (a: unknown, b: unknown) => boolean {
  switch (type.type) {
    case "float":
    case "double":
      return (a, b) => a === b || (a !== a && b !== b);
    case "binary":
    case "array":
    case "struct":
    case "map": {
      const compare = comparatorOf(type);
      return (a, b) => compare(a, b) === 0;
    }
    default:
      return (a, b) => a === b;
  }
}

/** A value of a group key as a JavaScript Map key compares it: equal texts or numbers exactly for equal values; null stays null. */
export type GroupKey = null | boolean | number | string | bigint;

/**
 * How a type's values become keys of a Map: atomic ones as they are (−0.0 becomes 0.0, all NaN are one), bytes and composite values as a text.
 */
export function groupKeyOf(type: DataType): (value: unknown) => GroupKey {
  switch (type.type) {
    case "float":
    case "double":
      return (value) => (value === null ? null : (value as number) + 0);
    case "binary":
      return (value) => (value === null ? null : Buffer.from(value as Uint8Array).toString("latin1"));
    case "array": {
      const element = groupKeyOf(type.element);
      return (value) => (value === null ? null : `[${(value as unknown[]).map((one) => keyText(element(one))).join(",")}]`);
    }
    case "struct": {
      const fields = type.fields.map((one) => groupKeyOf(one.dataType));
      return (value) => (value === null ? null : `{${fields.map((key, i) => keyText(key((value as unknown[])[i]))).join(",")}}`);
    }
    case "map": {
      const key = groupKeyOf(type.key);
      const item = groupKeyOf(type.value);
      return (value) =>
        value === null
          ? null
          : `<${[...(value as Map<unknown, unknown>)]
              .map(([k, v]) => `${keyText(key(k))}:${keyText(item(v))}`)
              .sort()
              .join(",")}>`;
    }
    default:
      return (value) => value as GroupKey;
  }
}

/** One text for several keys; different keys give different texts. */
export function keyText(key: GroupKey): string {
  switch (typeof key) {
    case "string":
      return `${key.length}"${key}`;
    case "bigint":
      return `${key}n`;
    case "number":
      return String(key);
    case "boolean":
      return key ? "t" : "f";
    default:
      return "-";
  }
}

/** A value with what equality overlooks removed, as Spark stores group keys: −0.0 becomes 0.0, also inside arrays and structs. */
export function normaliseKey(type: DataType): ((value: unknown) => unknown) | undefined {
  switch (type.type) {
    case "float":
    case "double":
      return (value) => (value === null ? null : (value as number) + 0);
    case "array": {
      const element = normaliseKey(type.element);
      return element && ((value) => (value === null ? null : (value as unknown[]).map(element)));
    }
    case "struct": {
      const fields = type.fields.map((one) => normaliseKey(one.dataType));
      if (fields.every((one) => one === undefined)) return undefined;
      return (value) => (value === null ? null : (value as unknown[]).map((one, i) => fields[i]?.(one) ?? one));
    }
    default:
      return undefined;
  }
}
