import { indexOfZero, invalidParameter } from "../codegen/execution-error.ts";
import { wrongArgumentCount } from "../columns/analysis-error.ts";
import { castTo, commonType, commonTypeWithoutText, isIntegral } from "../columns/coerce.ts";
import type { ExpressionSettings, Resolved } from "../columns/resolved.ts";
import { addMonthsToDays, US_PER_DAY } from "../types/calendar.ts";
import { equalityOf, groupKeyOf, normaliseKey } from "../types/compare.ts";
import type { DataType } from "../types/data-type.ts";
import { addMonthsToUs } from "../types/interval-text.ts";
import { isInterval } from "../types/interval-type.ts";
import { anArray, differentTypes, distinctBy, elementType, elementWith, firstType, resolveWithElement, smallWhole } from "./collections.ts";
import { valueOrNull } from "../codegen/emit.ts";
import type { EmitContext, FunctionEntry, ResolvedCallNode } from "./function-entry.ts";
import { anything, BOOLEAN, INT, scalar, unexpectedType } from "./scalar.ts";
import { nameOf } from "./structs.ts";

type List = readonly unknown[];
type KeyOf = (value: unknown) => unknown;

/** Arrays made of other arrays: as sets, by their ends, side by side, from a range. */
export const arrays: readonly FunctionEntry[] = [
  setOperation("array_union", "The elements of both arrays, each once.", (a, b, keyOf) => distinctBy([...a, ...b], keyOf)),
  setOperation("array_intersect", "The elements of the first array that the second has too, each once.", (a, b, keyOf) => {
    const wanted = new Set(b.map(keyOf));
    return distinctBy(a, keyOf).filter((one) => wanted.has(keyOf(one)));
  }),
  setOperation("array_except", "The elements of the first array that the second has not, each once.", (a, b, keyOf) => {
    const without = new Set(b.map(keyOf));
    return distinctBy(a, keyOf).filter((one) => !without.has(keyOf(one)));
  }),
  {
    ...setOperation(
      "arrays_overlap",
      "Whether two arrays have an element in common; null if they have not but one of them has a null.",
      overlap,
    ),
    resolve: (args, _options, settings) => ({ ...twoArrays("arrays_overlap", args, settings), dataType: BOOLEAN, nullable: true }),
  },
  withElement("array_remove", "Without the elements that equal a value.", (call) => {
    const equal = equalityOf(elementType(call.args));
    return (list: List, value: unknown) => list.filter((one) => one === null || !equal(one, value));
  }),
  added("array_append", "With one more element at its end.", (list, value) => [...list, value]),
  added("array_prepend", "With one more element at its start.", (list, value) => [value, ...list]),
  arrayInsert(),
  scalar({
    name: "array_compact",
    doc: "Without its nulls.",
    params: [anArray],
    result: firstType,
    run: (list: List) => list.filter((one) => one !== null),
  }),
  {
    name: "array_repeat",
    doc: "An array of a value so many times.",
    resolve(args, _options, settings) {
      const [value, times] = args;
      if (!value || !times || args.length !== 2) throw wrongArgumentCount("array_repeat", "2", args.length);
      return {
        args: [value, countOf(times, settings)],
        dataType: { type: "array", element: value.dataType },
        nullable: times.nullable,
      };
    },
    emit: (call, context) =>
      overNulls(call, context, (value: unknown, times: number | null) =>
        times === null ? null : new Array<unknown>(Math.max(times, 0)).fill(value),
      ),
  },
  {
    name: "arrays_zip",
    doc: "An array of structs of the elements at each position; nulls where an array is shorter.",
    resolve(args) {
      const lists = args.map((arg) => anArray(arg, "arrays_zip"));
      const fields = lists.map((list, i) => ({ name: nameOf(list) ?? String(i), dataType: elementType([list]), nullable: true }));
      return { args: lists, dataType: { type: "array", element: { type: "struct", fields } }, nullable: lists.some((one) => one.nullable) };
    },
    emit: (call, context) =>
      scalar({ name: "arrays_zip", doc: "", params: call.args.map(() => anything), result: call.dataType, run: zip }).emit(call, context),
  },
  sequenceEntry(),
];

/** array_repeat converts no count: an int it must be. */
function countOf(times: Resolved, settings: ExpressionSettings): Resolved {
  if (times.dataType.type !== "int" && times.dataType.type !== "null") throw unexpectedType("array_repeat", times, '"INT"');
  return castTo(times, INT, settings);
}

function arrayInsert(): FunctionEntry {
  const name = "array_insert";
  return {
    name,
    doc: "With one more element at a position, which counts from 1, from the end when negative; nulls fill the gap to a position outside.",
    resolve(args, _options, settings) {
      const [first, at, value] = args;
      if (!first || !at || !value || args.length !== 3) throw wrongArgumentCount(name, "3", args.length);
      const list = anArray(first, name);
      const element = elementWith(name, list, value, settings);
      const dataType: DataType = { type: "array", element };
      const taken = [castTo(list, dataType, settings), smallWhole(at, name, settings), castTo(value, element, settings)];
      return { args: taken, dataType, nullable: list.nullable || at.nullable };
    },
    emit: (call, context) => overNulls(call, context, insertAt),
  };
}

function insertAt(list: List | null, position: number | null, value: unknown): unknown[] | null {
  if (list === null || position === null) return null;
  if (position === 0) throw indexOfZero();
  const length = Math.max(list.length + 1, Math.abs(position));
  if (length > LONGEST) throw invalidParameter("array_insert", "an array has at most 2147483632 elements", String(length));
  const gap = new Array<unknown>(length - list.length - 1).fill(null);
  if (gap.length > 0) return position > 0 ? [...list, ...gap, value] : [value, ...gap, ...list];
  const at = position > 0 ? position - 1 : list.length + 1 + position;
  return [...list.slice(0, at), value, ...list.slice(at)];
}

function overlap(a: List, b: List, keyOf: KeyOf): boolean | null {
  const known = new Set(b.filter((one) => one !== null).map(keyOf));
  if (a.some((one) => one !== null && known.has(keyOf(one)))) return true;
  return a.length > 0 && b.length > 0 && (a.includes(null) || b.includes(null)) ? null : false;
}

function zip(...lists: readonly List[]): unknown[] {
  const length = lists.length === 0 ? 0 : Math.max(...lists.map((list) => list.length));
  return Array.from({ length }, (_, i) => lists.map((list) => list[i] ?? null));
}

function twoArrays(
  name: string,
  args: readonly Resolved[],
  settings: ExpressionSettings,
): { args: Resolved[]; dataType: DataType; nullable: boolean } {
  const [a, b] = args;
  if (!a || !b || args.length !== 2) throw wrongArgumentCount(name, "2", args.length);
  const lists = [anArray(a, name), anArray(b, name)];
  const element = commonTypeWithoutText(
    lists.map((list) => elementType([list])),
    settings,
  );
  if (element === undefined) throw differentTypes("BINARY_ARRAY_DIFF_TYPES", name, a, b);
  const dataType: DataType = { type: "array", element };
  return { args: lists.map((list) => castTo(list, dataType, settings)), dataType, nullable: lists.some((list) => list.nullable) };
}

function setOperation(name: string, doc: string, run: (a: List, b: List, keyOf: KeyOf) => unknown): FunctionEntry {
  return {
    name,
    doc,
    resolve: (args, _options, settings) => twoArrays(name, args, settings),
    emit: (call, context) => {
      const keyOf = groupKeyOf(elementType(call.args));
      const plain = normaliseKey(elementType(call.args));
      const both = plain
        ? (a: List, b: List): unknown => run(a.map(plain), b.map(plain), keyOf)
        : (a: List, b: List): unknown => run(a, b, keyOf);
      return scalar({ name, doc, params: [], result: call.dataType, run: both, partial: true }).emit(call, context);
    },
  };
}

function withElement(name: string, doc: string, make: (call: ResolvedCallNode) => (list: List, value: unknown) => unknown): FunctionEntry {
  return {
    name,
    doc,
    resolve(args, _options, settings) {
      const call = resolveWithElement(name, args, settings, BOOLEAN, false);
      return { ...call, dataType: firstType(call.args) };
    },
    emit: (call, context) => scalar({ name, doc, params: [], result: call.dataType, run: make(call) }).emit(call, context),
  };
}

/** The element may be null; the array may not. */
function added(name: string, doc: string, run: (list: List, value: unknown) => unknown): FunctionEntry {
  return {
    name,
    doc,
    resolve(args, _options, settings) {
      const [first, value] = args;
      if (!first || !value || args.length !== 2) throw wrongArgumentCount(name, "2", args.length);
      const list = anArray(first, name);
      const element = elementWith(name, list, value, settings);
      const dataType: DataType = { type: "array", element };
      return { args: [castTo(list, dataType, settings), castTo(value, element, settings)], dataType, nullable: list.nullable };
    },
    emit: (call, context) => overNulls(call, context, (list: List | null, value: unknown) => (list === null ? null : run(list, value))),
  };
}

/** Calls a function with the arguments as they are, nulls included. */
function overNulls(call: ResolvedCallNode, context: EmitContext, run: (...values: never[]) => unknown): { value: string; isNull: string } {
  const { writer } = context;
  const fn = writer.constant(call.entry.name, run);
  const value = writer.assign("r", `${fn}(${call.args.map((arg) => valueOrNull(context.emit(arg))).join(", ")})`);
  return { value, isNull: `${value} === null` };
}

const LONGEST = 2 ** 31 - 16;

function sequenceEntry(): FunctionEntry {
  const name = "sequence";
  return {
    name,
    doc: "The values from one to another, both included, by a step: whole numbers by 1 or -1, dates and instants by a day unless it is given.",
    resolve(args, _options, settings) {
      const [from, to, step] = args;
      if (!from || !to || args.length > 3) throw wrongArgumentCount(name, "2 to 3", args.length);
      const type = commonType(from.dataType, to.dataType, settings);
      const timed = type?.type === "date" || type?.type === "timestamp";
      if (type === undefined || !(isIntegral(type) || timed)) throw differentTypes("SEQUENCE_WRONG_INPUT_TYPES", name, from, to);
      if (step && timed && !isInterval(step.dataType)) throw differentTypes("SEQUENCE_WRONG_INPUT_TYPES", name, from, step);
      const ends = [castTo(from, type, settings), castTo(to, type, settings)];
      const taken = step ? [...ends, timed ? step : castTo(step, type, settings)] : ends;
      return { args: taken, dataType: { type: "array", element: type }, nullable: taken.some((one) => one.nullable) };
    },
    emit: (call, context) => scalar({ name, doc: "", params: [], result: call.dataType, run: rangeBy(call) }).emit(call, context),
  };
}

function rangeBy(call: ResolvedCallNode): (from: number, to: number, step: number) => unknown[] {
  const type = elementType([{ ...call }]);
  if (call.args[2]?.dataType.type !== "months") return range(type);
  const later = type.type === "date" ? addMonthsToDays : addMonthsToUs;
  return (from, to, months) => {
    if (months === 0 ? from !== to : from !== to && months > 0 !== to > from)
      throw invalidParameter("sequence", "the step leads from the start to the stop", `from ${from} to ${to} by ${months} months`);
    const found = [from];
    for (let next = later(from, months); months !== 0 && (months > 0 ? next <= to : next >= to); next = later(from, months * found.length))
      found.push(next);
    return found;
  };
}

function range(type: DataType): (from: number | bigint, to: number | bigint, step?: number | bigint) => unknown[] {
  const unit = type.type === "date" ? US_PER_DAY : 1;
  return (from, to, step) => {
    const start = Number(from);
    const end = Number(to);
    const natural = type.type === "timestamp" ? US_PER_DAY : 1;
    const by = step === undefined ? (start <= end ? natural : -natural) : Number(step) / unit;
    if (by === 0 ? start !== end : end !== start && by > 0 !== end > start) {
      throw invalidParameter("sequence", "the step leads from the start to the stop", `from ${start} to ${end} by ${by}`);
    }
    const count = by === 0 ? 1 : Math.floor((end - start) / by) + 1;
    if (count > LONGEST) throw invalidParameter("sequence", "an array has at most 2147483632 elements", String(count));
    return Array.from({ length: count }, (_, i) => (type.type === "date" ? Math.floor(start + i * by) : start + i * by));
  };
}
