import { datatypeMismatch } from "../columns/analysis-error.ts";
import { groupKeyOf, normaliseKey, type GroupKey } from "../types/compare.ts";
import type { DataType } from "../types/data-type.ts";
import type { AggregateEntry, AggregateSlot, ResolvedAggregate } from "./aggregate-entry.ts";
import { at, only, whenPresent } from "./aggregates-basic.ts";

/**
 * collect_list, collect_set: aggregates whose buffer is a list that grows with the group. The list is changed in place; results are copies.
 */
export const collectingAggregates: readonly AggregateEntry[] = [
  collecting("collect_list", "All values that are not null, as they come.", () => append),
  collecting("array_agg", "The same as collect_list.", () => append),
  collecting("collect_set", "Each value that is not null once, −0.0 as 0.0.", (type) => appendOnce(type)),
];

/** Adds a value to a list. */
export type Add = (list: unknown[], value: unknown) => void;

/** As it comes. */
export const append: Add = (list, value) => {
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

/** A slot for a list of values. */
export function listSlot(element: DataType): AggregateSlot {
  return { name: "list", storage: "value", dataType: { type: "array", element }, initial: "[]" };
}

/** Adds the values of another list. */
export function mergeWith(add: Add): (list: unknown[], other: readonly unknown[]) => void {
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
      if (name === "collect_set" && arg.dataType.type === "map")
        throw datatypeMismatch(
          "UNSUPPORTED_INPUT_TYPE",
          `${name}(…)`,
          `the input of \`${name}\` cannot be "MAP" type data`,
          "Collect a value of the map, or its text by to_json.",
        );
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
