import { AnalysisError, wrongArgumentCount } from "../columns/analysis-error.ts";
import type { DataType } from "../types/data-type.ts";
import { hashValue } from "../types/xx-hash.ts";
import type { AggregateEntry, ResolvedAggregate } from "./aggregate-entry.ts";
import { at, whenPresent } from "./aggregates-basic.ts";
import { BIGINT, BINARY, literalOf, unexpectedType } from "./scalar.ts";

/** approx_count_distinct. */
export const distinctAggregates: readonly AggregateEntry[] = [
  {
    name: "approx_count_distinct",
    doc: "About how many different values, by HyperLogLog++ (relative deviation 0.05 when not given), in a buffer of fixed size.",
    resolve(args) {
      const [arg, deviation] = args;
      if (!arg || args.length > 2) throw wrongArgumentCount("approx_count_distinct", "1 to 2", args.length);
      if (arg.dataType.type === "map") throw unexpectedType("approx_count_distinct", arg, "type that is no map");
      const given = literalOf(deviation);
      if (typeof given === "number" && !(given <= MOST_DEVIATION && given > 0)) throw deviationRefused(given);
      return hyperLogLog(arg.dataType, typeof given === "number" ? given : 0.05, { args: [arg] });
    },
  },
];

/** Beyond it fewer than 4 bits of the hash would choose the register. */
const MOST_DEVIATION = 0.39;

function deviationRefused(given: number): AnalysisError {
  return new AnalysisError("FAILED_FUNCTION_CALL", {
    failed: "Failed preparing of the function `approx_count_distinct` for call",
    found: `a relative deviation of ${given}`,
    remedy: `Give one above 0 and at most ${MOST_DEVIATION}; count(distinct …) counts exactly.`,
  });
}

/** Under these estimates of linear counting Spark trusts it (HyperLogLogPlusPlusHelper.THRESHOLDS, from 4 index bits on). */
const THRESHOLDS = [10, 20, 40, 80, 220, 400, 900, 1800, 3100, 6500, 11500, 20000, 50000, 120000, 350000];

/**
 * Spark's registers: the same hash, index and rank, so that counts in the range of linear counting agree exactly. Beyond it the raw estimate stands
 * without Spark's table of bias corrections; both stay within the deviation asked for.
 */
function hyperLogLog(type: DataType, deviation: number, base: Pick<ResolvedAggregate, "args">): ResolvedAggregate {
  const bits = Math.max(4, Math.ceil((2 * Math.log(1.106 / deviation)) / Math.LN2));
  const count = 2 ** bits;
  const add = (registers: Uint8Array, value: unknown): void => {
    const hash = hashValue(value, type, 42n);
    const index = Number(hash >> BigInt(64 - bits));
    const rest = (BigInt.asUintN(64, hash << BigInt(bits)) | (1n << BigInt(bits - 1))).toString(2);
    const rank = 65 - rest.length;
    if (rank > (registers[index] ?? 0)) registers[index] = rank;
  };
  const merge = (registers: Uint8Array, other: Uint8Array): void => {
    for (let i = 0; i < count; i++) registers[i] = Math.max(registers[i] ?? 0, other[i] ?? 0);
  };
  const estimate = (registers: Uint8Array): number => {
    let sum = 0;
    let empty = 0;
    for (const rank of registers) {
      sum += 2 ** -rank;
      if (rank === 0) empty++;
    }
    const alpha = bits === 4 ? 0.673 : bits === 5 ? 0.697 : bits === 6 ? 0.709 : 0.7213 / (1 + 1.079 / count);
    const linear = empty === 0 ? Infinity : count * Math.log(count / empty);
    return Math.round(linear <= (THRESHOLDS[bits - 4] ?? 0) ? linear : (alpha * count * count) / sum);
  };
  return {
    ...base,
    dataType: BIGINT,
    nullable: false,
    slots: [{ name: "registers", storage: "value", dataType: BINARY, initial: `new Uint8Array(${count})` }],
    update(slots, [value], writer) {
      whenPresent(value, writer, (text) => writer.line(`${writer.constant("add", add)}(${at(slots, 0)}, ${text});`));
    },
    merge: (slots, other, writer) => writer.line(`${writer.constant("merge", merge)}(${at(slots, 0)}, ${at(other, 0)});`),
    result: (slots, writer) => ({ value: `${writer.constant("estimate", estimate)}(${at(slots, 0)})`, isNull: "false" }),
  };
}
