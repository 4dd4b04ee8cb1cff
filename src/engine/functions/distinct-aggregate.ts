import type { StructType } from "../types/data-type.ts";
import type { GroupKey } from "../types/compare.ts";
import { groupKeyOf } from "../types/compare.ts";
import type { CodeWriter, Emitted } from "../codegen/code.ts";
import type { AggregateSlot, ResolvedAggregate } from "./aggregate-entry.ts";

/**
 * An aggregate over different arguments only, as in count(DISTINCT a, b): one more cell keeps the arguments seen, of which the first of equal ones is
 * folded in. For tables; streams refuse it, because that cell grows without end.
 */
export function distinctAggregate(inner: ResolvedAggregate): ResolvedAggregate {
  const type: StructType = {
    type: "struct",
    fields: inner.args.map((arg, i) => ({ name: `_${i}`, dataType: arg.dataType, nullable: true })),
  };
  const slot: AggregateSlot = { name: "distinct", storage: "value", dataType: { type: "array", element: type }, initial: "[]" };
  const isNew = firstSeen(type);
  const fold = (slots: readonly string[], tuple: string, writer: CodeWriter): void => {
    writer.block(`if (${writer.constant("isNew", isNew)}(${slots[0] ?? ""}, ${tuple}))`, () => {
      const args = inner.args.map((_, i): Emitted => ({ value: `${tuple}[${i}]`, isNull: `(${tuple}[${i}] === null)` }));
      inner.update(slots.slice(1), args, writer);
    });
  };
  return {
    ...inner,
    slots: [slot, ...inner.slots],
    update(slots, args, writer) {
      const values = args.map(({ value, isNull }) => (isNull === "false" ? value : `(${isNull}) ? null : ${value}`));
      fold(slots, writer.assign("tuple", `[${values.join(", ")}]`), writer);
    },
    merge(slots, other, writer) {
      const tuple = writer.local("tuple");
      writer.block(`for (const ${tuple} of ${other[0] ?? "[]"})`, () => fold(slots, tuple, writer));
    },
    result: (slots, writer) => inner.result(slots.slice(1), writer),
  };
}

/** Whether a list of tuples has none equal to this one, which is then added. */
function firstSeen(type: StructType): (list: unknown[], tuple: unknown[]) => boolean {
  const keyOf = groupKeyOf(type);
  const seen = new WeakMap<unknown[], Set<GroupKey>>();
  return (list, tuple) => {
    let keys = seen.get(list);
    if (keys === undefined) seen.set(list, (keys = new Set(list.map(keyOf))));
    const key = keyOf(tuple);
    if (keys.has(key)) return false;
    keys.add(key);
    list.push(tuple);
    return true;
  };
}
