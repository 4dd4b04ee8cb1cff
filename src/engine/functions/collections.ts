import { indexOfZero, invalidArrayIndex, invalidElementIndex, invalidParameter } from "../codegen/execution-error.ts";
import { datatypeMismatch, wrongArgumentCount } from "../columns/analysis-error.ts";
import { castTo, commonTypeWithoutText, isIntegral } from "../columns/coerce.ts";
import type { ExpressionSettings, Resolved } from "../columns/resolved.ts";
import { comparatorOf, equalityOf, groupKeyOf, normaliseKey, nullsFirst } from "../types/compare.ts";
import type { ArrayType, DataType, MapType } from "../types/data-type.ts";
import { sqlTypeName } from "../types/type-text.ts";
import { valueOrNull } from "../codegen/emit.ts";
import { alike } from "./comparisons.ts";
import { withRawParts } from "./bytes/raw-split.ts";
import type { EmitContext, FunctionEntry, ResolvedCallNode } from "./function-entry.ts";
import { BOOLEAN, implicitCast, INT, literalOf, NULL, scalar, STRING, unexpectedType } from "./scalar.ts";

/** Arrays, maps and structs. */
export const collections: readonly FunctionEntry[] = [
  {
    name: "array",
    doc: "An array of the values.",
    resolve(args, _options, settings) {
      const converted = alike("array", args, settings);
      return { args: converted, dataType: { type: "array", element: converted[0]?.dataType ?? NULL }, nullable: false };
    },
    emit: (call, context) => ({ value: `[${call.args.map((arg) => valueOrNull(context.emit(arg))).join(", ")}]`, isNull: "false" }),
  },
  sizeEntry("size", "How many elements an array or entries a map has; of null null, or -1 without ANSI rules."),
  sizeEntry("cardinality", "The same as size."),
  scalar({ name: "array_size", doc: "How many elements an array has.", params: [anArray], result: INT, run: sizeOf }),
  withRawParts(
    scalar({
      name: "get",
      doc: "The element of an array at a position from 0, null outside of it.",
      params: [anArray, INT],
      result: elementType,
      partial: true,
      run: (list: unknown[], i: number) => list[i] ?? null,
    }),
    { first: 0 },
  ),
  withRawParts(
    {
      name: "getitem",
      doc: "An element of an array by its position from 0 (an error outside of it under ANSI rules), the value under a key of a map, a field of each struct of an array.",
      resolve: resolveItem,
      emit: (call, context) => itemEntry(call).emit(call, context),
    },
    { first: 0, outside: invalidArrayIndex },
  ),
  withRawParts(
    {
      name: "element_at",
      doc: "The element of an array at a position from 1, or from the end; the value under a key of a map.",
      resolve: (args, _options, settings) => resolveElementAt("element_at", args, settings),
      emit: (call, context) => elementAt(call, context.settings.ansi).emit(call, context),
    },
    { first: 1, outside: invalidElementIndex },
  ),
  withRawParts(
    {
      name: "try_element_at",
      doc: "element_at that gives null where there is nothing.",
      resolve: (args, _options, settings) => resolveElementAt("try_element_at", args, settings),
      emit: (call, context) => elementAt(call, false).emit(call, context),
    },
    { first: 1 },
  ),
  {
    name: "array_contains",
    doc: "Whether a value is among the elements; null if it is not but one of them is null.",
    resolve: (args, _options, settings) => resolveWithElement("array_contains", args, settings, BOOLEAN, true),
    emit: (call, context) =>
      scalarOf(call, (list: unknown[], value: unknown) => contains(list, value, equalityOf(elementType(call.args))), true, context),
  },
  {
    name: "array_position",
    doc: "The position of a value from 1, 0 if it is not there.",
    resolve: (args, _options, settings) => resolveWithElement("array_position", args, settings, { type: "bigint" }, false),
    emit: (call, context) => {
      const equal = equalityOf(elementType(call.args));
      return scalarOf(
        call,
        (list: unknown[], value: unknown) => list.findIndex((one) => one !== null && equal(one, value)) + 1,
        false,
        context,
      );
    },
  },
  scalar({
    name: "sort_array",
    doc: "Sorted, nulls first; backwards when the second is false, nulls last.",
    params: [anArray, BOOLEAN],
    required: 1,
    result: firstType,
    make: sorter,
  }),
  scalar({
    name: "array_sort",
    doc: "Sorted, nulls last.",
    params: [anArray],
    result: firstType,
    make: (call) => sortedNullsLast(comparatorOf(elementType(call.args))),
  }),
  scalar({
    name: "array_distinct",
    doc: "Each element once, at its first place.",
    params: [anArray],
    result: firstType,
    make: (call) => {
      const keyOf = groupKeyOf(elementType(call.args));
      const once = (list: unknown[]): unknown[] => distinctBy(list, keyOf);
      const plain = normaliseKey(elementType(call.args));
      return plain ? (list: unknown[]) => once(list.map(plain)) : once;
    },
  }),
  scalar({
    name: "array_min",
    doc: "The least element that is not null.",
    params: [anArray],
    result: elementType,
    partial: true,
    make: (call) => extremeElement(call, -1),
  }),
  scalar({
    name: "array_max",
    doc: "The greatest element that is not null.",
    params: [anArray],
    result: elementType,
    partial: true,
    make: (call) => extremeElement(call, 1),
  }),
  scalar({
    name: "array_join",
    doc: "The elements as one text with a separator; nulls left out, or replaced by the third.",
    params: [arrayOfText, STRING, STRING],
    required: 2,
    result: STRING,
    run: joinElements,
  }),
  scalar({
    name: "slice",
    doc: "So many elements from a position, which counts from 1, from the end when negative.",
    params: [anArray, INT, INT],
    result: firstType,
    run: slice,
  }),
  scalar({
    name: "flatten",
    doc: "The elements of the arrays in an array.",
    params: [arrayOfArrays],
    result: elementType,
    partial: true,
    run: (list: (unknown[] | null)[]) => (list.includes(null) ? null : list.flat(1)),
  }),
  scalar({
    name: "map_keys",
    doc: "The keys of a map.",
    params: [aMap],
    result: (args) => ({ type: "array", element: mapType(args).key }),
    run: (map: Map<unknown, unknown>) => [...map.keys()],
  }),
  scalar({
    name: "map_values",
    doc: "The values of a map.",
    params: [aMap],
    result: (args) => ({ type: "array", element: mapType(args).value }),
    run: (map: Map<unknown, unknown>) => [...map.values()],
  }),
  mapContainsKey(),
];

function mapContainsKey(): FunctionEntry {
  const name = "map_contains_key";
  const entry = scalar({
    name,
    doc: "Whether a map has a key.",
    params: [aMap, (arg) => arg],
    result: BOOLEAN,
    run: (map: Map<unknown, unknown>, key: unknown) => map.has(key),
  });
  return {
    ...entry,
    resolve(args, options, settings) {
      const [map, key] = args;
      if (!map || !key) return entry.resolve(args, options, settings);
      if (key.dataType.type === "null") throw nullArgument(name);
      return entry.resolve([...withKey(name, aMap(map, name), key, settings), ...args.slice(2)], options, settings);
    },
  };
}

export function anArray(arg: Resolved, name: string): Resolved {
  if (arg.dataType.type === "array") return arg;
  if (arg.dataType.type === "null") return { kind: "literal", value: null, nullable: true, dataType: { type: "array", element: NULL } };
  throw unexpectedType(name, arg, '"ARRAY"');
}

export function aMap(arg: Resolved, name: string): Resolved {
  if (arg.dataType.type === "map") return arg;
  throw unexpectedType(name, arg, '"MAP"');
}

function arrayOfArrays(arg: Resolved, name: string): Resolved {
  const type = elementType([anArray(arg, name)]).type;
  if (type !== "array" && type !== "null") throw unexpectedType(name, arg, '"ARRAY" of "ARRAY"');
  return anArray(arg, name);
}

function arrayOrMap(arg: Resolved, name: string): Resolved {
  return arg.dataType.type === "map" ? arg : anArray(arg, name);
}

function arrayOfText(arg: Resolved, name: string, settings: ExpressionSettings): Resolved {
  return castTo(anArray(arg, name), { type: "array", element: STRING }, settings);
}

/** The type of the first argument. */
export function firstType(args: readonly Resolved[]): DataType {
  return args[0]?.dataType ?? NULL;
}

/** The type of the elements of the first argument, an array. */
export function elementType(args: readonly Resolved[]): DataType {
  const type = firstType(args);
  return type.type === "array" ? type.element : NULL;
}

export function mapType(args: readonly Resolved[]): MapType {
  const type = firstType(args);
  return type.type === "map" ? type : { type: "map", key: NULL, value: NULL };
}

/** Spark's spark.sql.legacy.sizeOfNull is on where ANSI rules are off. */
function sizeEntry(name: string, doc: string): FunctionEntry {
  const strict = scalar({ name, doc, params: [arrayOrMap], result: INT, run: sizeOf });
  return {
    ...strict,
    resolve(args, options, settings) {
      const call = strict.resolve(args, options, settings);
      return settings.ansi ? call : { ...call, nullable: false };
    },
    emit(call, context) {
      if (context.settings.ansi) return strict.emit(call, context);
      const [arg] = call.args;
      const { value, isNull } = arg ? context.emit(arg) : { value: "null", isNull: "true" };
      const size = `${context.writer.constant(name, sizeOf)}(${value})`;
      return { value: isNull === "true" ? "-1" : isNull === "false" ? size : `(${isNull} ? -1 : ${size})`, isNull: "false" };
    },
  };
}

function sizeOf(value: unknown[] | Map<unknown, unknown>): number {
  return Array.isArray(value) ? value.length : value.size;
}

/** Emits a function over the values of the arguments by the rules of `scalar`. */
function scalarOf(
  call: ResolvedCallNode,
  run: (...values: never[]) => unknown,
  partial: boolean,
  context: EmitContext,
): { value: string; isNull: string } {
  return scalar({ name: call.entry.name, doc: "", params: [], result: call.dataType, run, partial }).emit(call, context);
}

function resolveItem(
  args: readonly Resolved[],
  _options: unknown,
  settings: ExpressionSettings,
): { args: Resolved[]; dataType: DataType; nullable: boolean } {
  const [base, key] = args;
  if (!base || !key) throw wrongArgumentCount("getitem", "2", args.length);
  const type = base.dataType;
  if (type.type === "map") return { args: [base, castTo(key, type.key, settings)], dataType: type.value, nullable: true };
  if (type.type === "array" && key.dataType.type === "string" && type.element.type === "struct") {
    const name = literalOf(key);
    const field = type.element.fields.find((one) => one.name.toLowerCase() === String(name).toLowerCase());
    if (!field) throw unexpectedType("getitem", key, "name of a field");
    return { args: [base, key], dataType: { type: "array", element: field.dataType }, nullable: base.nullable };
  }
  if (type.type !== "array") throw unexpectedType("getitem", base, '"ARRAY" or "MAP"');
  return { args: [base, implicitCast(key, INT, "getitem", settings)], dataType: type.element, nullable: true };
}

function itemEntry(call: ResolvedCallNode): FunctionEntry {
  const type = firstType(call.args);
  const declared = { name: "getitem", doc: "", params: [], result: call.dataType, partial: true } as const;
  if (type.type === "map") return scalar({ ...declared, run: (map: Map<unknown, unknown>, key: unknown) => map.get(key) ?? null });
  const key = literalOf(call.args[1]);
  if (type.type === "array" && type.element.type === "struct" && typeof key === "string") {
    const ordinal = type.element.fields.findIndex((one) => one.name.toLowerCase() === key.toLowerCase());
    return scalar({ ...declared, run: (list: (unknown[] | null)[]) => list.map((one) => (one === null ? null : one[ordinal])) });
  }
  return scalar({
    ...declared,
    make: (_call, settings) => (list: unknown[], i: number) => {
      if (settings.ansi && (i < 0 || i >= list.length)) throw invalidArrayIndex(i, list.length);
      return list[i] ?? null;
    },
  });
}

function resolveElementAt(
  name: string,
  args: readonly Resolved[],
  settings: ExpressionSettings,
): { args: Resolved[]; dataType: DataType; nullable: boolean } {
  const [base, key] = args;
  if (!base || !key || args.length !== 2) throw wrongArgumentCount(name, "2", args.length);
  if (base.dataType.type === "map") return { args: withKey(name, base, key, settings), dataType: base.dataType.value, nullable: true };
  const list = anArray(base, name);
  return { args: [list, smallWhole(key, name, settings)], dataType: elementType([list]), nullable: true };
}

/** A whole number of at most 32 bits, not converted from anything else. */
export function smallWhole(arg: Resolved, name: string, settings: ExpressionSettings): Resolved {
  if (!isIntegral(arg.dataType) || arg.dataType.type === "bigint") throw unexpectedType(name, arg, '"INT"');
  return castTo(arg, INT, settings);
}

function elementAt(call: ResolvedCallNode, strict: boolean): FunctionEntry {
  const declared = { name: call.entry.name, doc: "", params: [], result: call.dataType, partial: true } as const;
  if (firstType(call.args).type === "map")
    return scalar({ ...declared, run: (map: Map<unknown, unknown>, key: unknown) => map.get(key) ?? null });
  return scalar({
    ...declared,
    run: (list: unknown[], i: number) => {
      if (i === 0) throw indexOfZero();
      if (strict && Math.abs(i) > list.length) throw invalidElementIndex(i, list.length);
      return list.at(i > 0 ? i - 1 : i) ?? null;
    },
  });
}

export function resolveWithElement(
  name: string,
  args: readonly Resolved[],
  settings: ExpressionSettings,
  dataType: DataType,
  partial: boolean,
): { args: Resolved[]; dataType: DataType; nullable: boolean } {
  const [first, value] = args;
  if (!first || !value || args.length !== 2) throw wrongArgumentCount(name, "2", args.length);
  const list = anArray(first, name);
  if (value.dataType.type === "null") throw nullArgument(name);
  const element = elementWith(name, list, value, settings);
  const type: ArrayType = { type: "array", element };
  return {
    args: [castTo(list, type, settings), castTo(value, element, settings)],
    dataType,
    nullable: partial || list.nullable || value.nullable,
  };
}

/** The type that an array's elements and another value have in common; text is not read as anything else. */
export function elementWith(name: string, list: Resolved, value: Resolved, settings: ExpressionSettings): DataType {
  const element = commonTypeWithoutText([elementType([list]), value.dataType], settings);
  if (element !== undefined) return element;
  throw differentTypes("ARRAY_FUNCTION_DIFF_TYPES", name, list, value);
}

/** DATATYPE_MISMATCH.ARRAY_FUNCTION_DIFF_TYPES and its kin. */
export function differentTypes(kind: string, name: string, one: Resolved, other: Resolved): Error {
  return datatypeMismatch(
    kind,
    `${name}(…)`,
    `the arguments are of the types "${sqlTypeName(one.dataType)}" and "${sqlTypeName(other.dataType)}"`,
    "Cast one of them, so that elements, keys and values are of one type.",
  );
}

function nullArgument(name: string): Error {
  return datatypeMismatch(
    "NULL_TYPE",
    `${name}(…)`,
    "the value is null",
    "Null typed values cannot be used as arguments: cast it, or use exists.",
  );
}

/** A map and a key of the type that both have in common; text is not read as anything else. */
function withKey(name: string, map: Resolved, key: Resolved, settings: ExpressionSettings): [map: Resolved, key: Resolved] {
  const type = mapType([map]);
  const common = commonTypeWithoutText([type.key, key.dataType], settings);
  if (common === undefined) throw differentTypes("MAP_FUNCTION_DIFF_TYPES", name, map, key);
  return [castTo(map, { ...type, key: common }, settings), castTo(key, common, settings)];
}

function contains(list: readonly unknown[], value: unknown, equal: (a: unknown, b: unknown) => boolean): boolean | null {
  let unknown = false;
  for (const one of list) {
    if (one === null) unknown = true;
    else if (equal(one, value)) return true;
  }
  return unknown ? null : false;
}

/** Spark's arrays keep −0.0 before 0.0 when they are sorted (java.lang.Double.compare). */
function totalOrder(type: DataType): (a: unknown, b: unknown) => number {
  const compare = comparatorOf(type);
  if (type.type !== "double" && type.type !== "float") return compare;
  return (a, b) => compare(a, b) || Number(Object.is(b, -0)) - Number(Object.is(a, -0));
}

function sorter(call: ResolvedCallNode): (list: unknown[], ascending?: boolean) => unknown[] {
  const compare = nullsFirst(totalOrder(elementType(call.args)));
  const equal = nullsFirst(comparatorOf(elementType(call.args)));
  return (list, ascending = true) => [...list].sort(ascending ? compare : (a, b) => equal(b, a));
}

function sortedNullsLast(compare: (a: unknown, b: unknown) => number): (list: unknown[]) => unknown[] {
  return (list) => [...list].sort((a, b) => (a === null ? (b === null ? 0 : 1) : b === null ? -1 : compare(a, b)));
}

/** The elements of a list whose key comes for the first time. */
export function distinctBy(list: readonly unknown[], keyOf: (value: unknown) => unknown): unknown[] {
  const seen = new Set<unknown>();
  return list.filter((one) => {
    const key = keyOf(one);
    return seen.has(key) ? false : seen.add(key);
  });
}

function extremeElement(call: ResolvedCallNode, direction: 1 | -1): (list: unknown[]) => unknown {
  const compare = comparatorOf(elementType(call.args));
  return (list) => {
    let best: unknown = null;
    for (const one of list) if (one !== null && (best === null || compare(one, best) * direction > 0)) best = one;
    return best;
  };
}

function joinElements(list: readonly (string | null)[], separator: string, replacement?: string): string {
  return list.flatMap((one) => (one === null ? (replacement === undefined ? [] : [replacement]) : [one])).join(separator);
}

function slice(list: readonly unknown[], start: number, length: number): unknown[] {
  if (start === 0) throw invalidParameter("slice", "positions count from 1", "0", "START");
  if (length < 0) throw invalidParameter("slice", "a length is not negative", String(length), "LENGTH");
  const from = start > 0 ? start - 1 : list.length + start;
  return from < 0 ? [] : list.slice(from, from + length);
}
