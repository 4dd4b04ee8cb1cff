import { isIntegral } from "../columns/coerce.ts";
import { normalLong, type Long } from "../types/long.ts";
import type { AggregateEntry, ResolvedAggregate } from "./aggregate-entry.ts";
import { at, only, whenPresent } from "./aggregates-basic.ts";
import { unexpectedType } from "./scalar.ts";

/** bit_and, bit_or, bit_xor: whole numbers folded bit by bit; null if there is no value. */
export const bitAggregates: readonly AggregateEntry[] = [
  folding("bit_and", "The bits that all values have.", "&", (a, b) => a & b),
  folding("bit_or", "The bits that some value has.", "|", (a, b) => a | b),
  folding("bit_xor", "The bits that an odd number of values has.", "^", (a, b) => a ^ b),
];

function folding(name: string, doc: string, operator: "&" | "|" | "^", run: (a: bigint, b: bigint) => bigint): AggregateEntry {
  const wide = (a: Long, b: Long): Long => normalLong(run(BigInt(a), BigInt(b)));
  const start = operator === "&" ? "-1" : "0";
  return {
    name,
    doc,
    resolve(args): ResolvedAggregate {
      const arg = only(name, args);
      if (!isIntegral(arg.dataType)) throw unexpectedType(name, arg, '"INTEGRAL"');
      const long = arg.dataType.type === "bigint";
      return {
        dataType: arg.dataType,
        nullable: true,
        args: [arg],
        slots: [
          { name: "bits", storage: long ? "value" : "double", dataType: arg.dataType, initial: start },
          { name: "present", storage: "double", dataType: { type: "int" }, initial: "0" },
        ],
        update(slots, [value], writer) {
          whenPresent(value, writer, (text) => {
            const bits = long ? `${writer.constant("fold", wide)}(${at(slots, 0)}, ${text})` : `${at(slots, 0)} ${operator} ${text}`;
            writer.line(`${at(slots, 0)} = ${bits}; ${at(slots, 1)} = 1;`);
          });
        },
        merge(slots, other, writer) {
          const [mine, theirs] = [at(slots, 0), at(other, 0)];
          const bits = long ? `${writer.constant("fold", wide)}(${mine}, ${theirs})` : `${mine} ${operator} ${theirs}`;
          writer.line(`if (${at(other, 1)} !== 0) { ${mine} = ${bits}; ${at(slots, 1)} = 1; }`);
        },
        result: (slots) => ({ value: at(slots, 0), isNull: `${at(slots, 1)} === 0` }),
      };
    },
  };
}
