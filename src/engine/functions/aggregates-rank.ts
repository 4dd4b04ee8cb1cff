import { AnalysisError, wrongArgumentCount } from "../columns/analysis-error.ts";
import { isNumeric } from "../columns/coerce.ts";
import type { ExpressionSettings, Resolved } from "../columns/resolved.ts";
import { comparatorOf, compareDoubles, groupKeyOf, type GroupKey } from "../types/compare.ts";
import type { DataType } from "../types/data-type.ts";
import type { AggregateEntry, ResolvedAggregate } from "./aggregate-entry.ts";
import { at, only, whenPresent } from "./aggregates-basic.ts";
import { append, listSlot, mergeWith } from "./aggregates-collect.ts";
import { anyNumber, DOUBLE, implicitCast, unexpectedType } from "./scalar.ts";

/** Aggregates by the rank or the frequency of values; the buffer is the list of all of them. */
export const rankAggregates: readonly AggregateEntry[] = [
  {
    name: "median",
    doc: "The middle value, between the two middle ones by interpolation.",
    resolve: (args, _options, settings) => percentile("median", only("median", args), [0.5], false, settings),
  },
  {
    name: "percentile",
    doc: "The value under which such a part of the values lies, by interpolation; an array for an array of parts.",
    resolve(args, _options, settings) {
      const [value, part] = args;
      if (!value || !part || args.length !== 2) throw wrongArgumentCount("percentile", "2", args.length);
      return percentile("percentile", value, partsOf("percentile", part), part.dataType.type === "array", settings);
    },
  },
  approximate("percentile_approx"),
  approximate("approx_percentile"),
  {
    name: "mode",
    doc: "The most frequent value; of several the least.",
    resolve(args) {
      const [value] = args;
      if (!value || args.length > 2) throw wrongArgumentCount("mode", "1", args.length);
      return listed(value, value.dataType, modeOf(value.dataType));
    },
  },
];

/** Exact, where Spark's answer is so for groups of fewer rows than the accuracy (10,000 when not given): a value of the group, not between two. */
function approximate(name: string): AggregateEntry {
  return {
    name,
    doc: "The value under which about such a part of the values lies; an array for an array of parts.",
    resolve(args, _options, settings) {
      const [value, part] = args;
      if (!value || !part || args.length > 3) throw wrongArgumentCount(name, "[2, 3]", args.length);
      const parts = partsOf(name, part);
      const arg = isOrdered(value.dataType) ? value : anyNumber(value, name, settings);
      const compare = comparatorOf(arg.dataType);
      const list = part.dataType.type === "array";
      const result = (values: readonly unknown[]): unknown => {
        const sorted = [...values].sort(compare);
        const found = parts.map((one) => sorted[Math.max(0, Math.ceil(one * sorted.length) - 1)]);
        return list ? found : found[0];
      };
      return listed(arg, list ? { type: "array", element: arg.dataType } : arg.dataType, result);
    },
  };
}

function isOrdered(type: DataType): boolean {
  return isNumeric(type) || type.type === "date" || type.type === "timestamp" || type.type === "interval";
}

function listed(arg: Resolved, dataType: DataType, result: (values: never[]) => unknown): ResolvedAggregate {
  const merge = mergeWith(append);
  return {
    dataType,
    nullable: true,
    args: [arg],
    slots: [listSlot(arg.dataType)],
    update(slots, [emitted], writer) {
      whenPresent(emitted, writer, (text) => writer.line(`${at(slots, 0)}.push(${text});`));
    },
    merge: (slots, other, writer) => writer.line(`${writer.constant("merge", merge)}(${at(slots, 0)}, ${at(other, 0)});`),
    result(slots, writer) {
      const none = `${at(slots, 0)}.length === 0`;
      return { value: `(${none} ? null : ${writer.constant("result", result)}(${at(slots, 0)}))`, isNull: none };
    },
  };
}

function modeOf(type: DataType): (values: readonly unknown[]) => unknown {
  const keyOf = groupKeyOf(type);
  const compare = comparatorOf(type);
  return (values) => {
    const counts = new Map<GroupKey, { count: number; readonly value: unknown }>();
    let best: { count: number; readonly value: unknown } | undefined;
    for (const value of values) {
      const key = keyOf(value);
      const known = counts.get(key) ?? { count: 0, value };
      known.count++;
      counts.set(key, known);
    }
    for (const one of counts.values()) {
      if (best === undefined || one.count > best.count || (one.count === best.count && compare(one.value, best.value) < 0)) best = one;
    }
    return best?.value ?? null;
  };
}

function partsOf(name: string, part: Resolved): number[] {
  const parts = part.kind === "call" && part.entry.name === "array" ? part.args : [part];
  return parts.map((one) => {
    const number = fixedNumber(one);
    if (number === undefined) {
      throw new AnalysisError("DATATYPE_MISMATCH.NON_FOLDABLE_INPUT", {
        failed: `${name} needs fixed parts`,
        found: "a part depends on the row",
        remedy: "Give the parts as literals.",
      });
    }
    if (number >= 0 && number <= 1) return number;
    throw new AnalysisError("DATATYPE_MISMATCH.VALUE_OUT_OF_RANGE", {
      failed: `${name} needs parts of 1`,
      found: String(number),
      remedy: "The parts must be between [0.0, 1.0].",
    });
  });
}

/** The number of a literal, also behind a cast or a sign. */
function fixedNumber(part: Resolved): number | undefined {
  if (part.kind === "cast") return fixedNumber(part.input);
  if (part.kind === "call" && part.entry.name === "negative" && part.args[0]) {
    const size = fixedNumber(part.args[0]);
    return size === undefined ? undefined : -size;
  }
  if (part.kind !== "literal") return undefined;
  if (typeof part.value === "bigint" && part.dataType.type === "decimal") return Number(part.value) / 10 ** part.dataType.scale;
  return typeof part.value === "number" ? part.value : undefined;
}

function percentile(
  name: string,
  value: Resolved,
  parts: readonly number[],
  list: boolean,
  settings: ExpressionSettings,
): ResolvedAggregate {
  if (!isNumeric(value.dataType) && value.dataType.type !== "string" && value.dataType.type !== "null")
    throw unexpectedType(name, value, '"NUMERIC"');
  const arg = implicitCast(value, DOUBLE, name, settings);
  const result = (values: readonly number[]): number | number[] => {
    const sorted = [...values].sort(compareDoubles);
    const found = parts.map((part) => interpolated(sorted, part));
    return list ? found : (found[0] ?? NaN);
  };
  return listed(arg, list ? { type: "array", element: DOUBLE } : DOUBLE, result);
}

function interpolated(sorted: readonly number[], part: number): number {
  const position = part * (sorted.length - 1);
  const low = Math.floor(position);
  const a = sorted[low] ?? NaN;
  const b = sorted[Math.ceil(position)] ?? NaN;
  return a === b || low === position ? a : (Math.ceil(position) - position) * a + (position - low) * b;
}
