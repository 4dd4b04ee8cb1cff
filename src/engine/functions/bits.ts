import { anyIntegral, BIGINT, INT, scalar } from "./scalar.ts";
import { castTo, commonType } from "../columns/coerce.ts";
import { wrongArgumentCount } from "../columns/analysis-error.ts";
import { normalLong, type Long } from "../types/long.ts";
import { hashValue } from "../types/xx-hash.ts";
import type { FunctionEntry } from "./function-entry.ts";

/** Operations on the bits of whole numbers, and xxhash64. */
export const bits: readonly FunctionEntry[] = [
  bitwise("&", "The bits that both have.", (a, b) => a & b),
  bitwise("|", "The bits that one of them has.", (a, b) => a | b),
  bitwise("^", "The bits that exactly one of them has.", (a, b) => a ^ b),
  scalar({
    name: "~",
    doc: "The bits turned over.",
    params: [anyIntegral],
    result: (args) => args[0]?.dataType ?? INT,
    run: (a: Long) => normalLong(~BigInt(a)),
  }),
  scalar({
    name: "bitwise_not",
    doc: "The same as ~.",
    params: [anyIntegral],
    result: (args) => args[0]?.dataType ?? INT,
    run: (a: Long) => normalLong(~BigInt(a)),
  }),
  {
    name: "xxhash64",
    doc: "A 64-bit hash of the arguments; nulls are passed over.",
    resolve(args) {
      if (args.length === 0) throw wrongArgumentCount("xxhash64", "at least 1", 0);
      return { args, dataType: BIGINT, nullable: false };
    },
    emit(call, context) {
      const types = call.args.map((arg) => arg.dataType);
      const hash = (values: readonly unknown[]): Long => {
        let seed = 42n;
        values.forEach((value, i) => {
          const type = types[i];
          if (value !== null && type) seed = hashValue(value, type, seed);
        });
        return normalLong(BigInt.asIntN(64, seed));
      };
      const values = call.args
        .map((arg) => context.emit(arg))
        .map((part) => (part.isNull === "false" ? part.value : `${part.isNull} ? null : ${part.value}`));
      return { value: `${context.writer.constant("hash", hash)}([${values.join(", ")}])`, isNull: "false" };
    },
  },
];

function bitwise(name: string, doc: string, run: (a: bigint, b: bigint) => bigint): FunctionEntry {
  const operation = scalar({
    name,
    doc,
    params: [anyIntegral, anyIntegral],
    result: (args) => args[0]?.dataType ?? INT,
    run: (a: Long, b: Long) => normalLong(run(BigInt(a), BigInt(b))),
  });
  return {
    ...operation,
    resolve(args, options, settings) {
      const [a, b] = args;
      const common = a && b && commonType(a.dataType, b.dataType, settings);
      if (!common || args.length !== 2) return operation.resolve(args, options, settings);
      return operation.resolve(
        args.map((arg) => castTo(arg, common, settings)),
        options,
        settings,
      );
    },
  };
}
