import { AnalysisError, wrongArgumentCount } from "../columns/analysis-error.ts";
import type { ExpressionSettings, Resolved } from "../columns/resolved.ts";
import { compareDoubles, groupKeyOf, normaliseKey, type GroupKey } from "../types/compare.ts";
import type { DataType } from "../types/data-type.ts";
import type { AggregateEntry, AggregateSlot, ResolvedAggregate } from "./aggregate-entry.ts";
import { at, only, whenPresent } from "./aggregates-basic.ts";
import { DOUBLE, implicitCast, literalOf, unexpectedType } from "./scalar.ts";

/**
 * collect_list, collect_set, median, percentile: aggregates whose buffer is a list that grows with the group. The list is changed in place; results are copies.
 */
export const collectingAggregates: readonly AggregateEntry[] = [
  collecting("collect_list", "All values that are not null, as they come.", () => append),
  collecting("array_agg", "The same as collect_list.", () => append),
  collecting("collect_set", "Each value that is not null once, −0.0 as 0.0.", (type) => appendOnce(type)),
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
      const parts = partsOf(part);
      return percentile("percentile", value, parts, part.dataType.type === "array", settings);
    },
  },
];

type Add = (list: unknown[], value: unknown) => void;

const append: Add = (list, value) => {
  list.push(value);
};

function appendOnce(type: DataType): Add {
  const keyOf = groupKeyOf(type);
  const normalise = normaliseKey(type);
  const seen = new WeakMap<unknown[], Set<GroupKey>>();
  return (list, value) => {
    let keys = seen.get(list);
    if (keys === undefined) {
      keys = new Set(list.map(keyOf));
      seen.set(list, keys);
    }
    const key = keyOf(value);
    if (keys.has(key)) return;
    keys.add(key);
    list.push(normalise ? normalise(value) : value);
  };
}

function listSlot(element: DataType): AggregateSlot {
  return { name: "list", storage: "value", dataType: { type: "array", element }, initial: "[]" };
}

function mergeWith(add: Add): (list: unknown[], other: readonly unknown[]) => void {
  return (list, other) => {
    for (const value of other) add(list, value);
  };
}

function collecting(name: string, doc: string, adder: (type: DataType) => Add): AggregateEntry {
  return {
    name,
    doc,
    resolve(args): ResolvedAggregate {
      const arg = only(name, args);
      if (name === "collect_set" && arg.dataType.type === "map") throw unexpectedType(name, arg, "type that is no map");
      const add = adder(arg.dataType);
      const merge = mergeWith(add);
      return {
        dataType: { type: "array", element: arg.dataType },
        nullable: false,
        args: [arg],
        slots: [listSlot(arg.dataType)],
        update(slots, [value], writer) {
          whenPresent(value, writer, (text) => writer.line(`${writer.constant("add", add)}(${at(slots, 0)}, ${text});`));
        },
        merge: (slots, other, writer) => writer.line(`${writer.constant("merge", merge)}(${at(slots, 0)}, ${at(other, 0)});`),
        result: (slots) => ({ value: `${at(slots, 0)}.slice()`, isNull: "false" }),
      };
    },
  };
}

function partsOf(part: Resolved): number[] {
  const value = part.kind === "call" && part.entry.name === "array" ? part.args.map(literalOf) : [literalOf(part)];
  return value.map((one) => {
    const number = typeof one === "bigint" && part.dataType.type === "decimal" ? Number(one) / 10 ** part.dataType.scale : one;
    if (typeof number === "number" && number >= 0 && number <= 1) return number;
    throw new AnalysisError("DATATYPE_MISMATCH.VALUE_OUT_OF_RANGE", {
      failed: "percentile needs fixed parts",
      found: String(one),
      remedy: "The parts must be between [0.0, 1.0].",
    });
  });
}

function percentile(
  name: string,
  value: Resolved,
  parts: readonly number[],
  list: boolean,
  settings: ExpressionSettings,
): ResolvedAggregate {
  const arg = implicitCast(value, DOUBLE, name, settings);
  const merge = mergeWith(append);
  const result = (values: readonly number[]): number | number[] => {
    const sorted = [...values].sort(compareDoubles);
    const found = parts.map((part) => interpolated(sorted, part));
    return list ? found : (found[0] ?? NaN);
  };
  return {
    dataType: list ? { type: "array", element: DOUBLE } : DOUBLE,
    nullable: true,
    args: [arg],
    slots: [listSlot(DOUBLE)],
    update(slots, [emitted], writer) {
      whenPresent(emitted, writer, (text) => writer.line(`${at(slots, 0)}.push(${text});`));
    },
    merge: (slots, other, writer) => writer.line(`${writer.constant("merge", merge)}(${at(slots, 0)}, ${at(other, 0)});`),
    result: (slots, writer) => ({
      value: `${writer.constant("percentile", result)}(${at(slots, 0)})`,
      isNull: `${at(slots, 0)}.length === 0`,
    }),
  };
}

function interpolated(sorted: readonly number[], part: number): number {
  const position = part * (sorted.length - 1);
  const low = Math.floor(position);
  const a = sorted[low] ?? NaN;
  const b = sorted[Math.ceil(position)] ?? NaN;
  return a === b || low === position ? a : (Math.ceil(position) - position) * a + (position - low) * b;
}
