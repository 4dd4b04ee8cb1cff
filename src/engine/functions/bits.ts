import { QueryExecutionError } from "../codegen/execution-error.ts";
import { datatypeMismatch, wrongArgumentCount } from "../columns/analysis-error.ts";
import { castTo, commonType, isIntegral } from "../columns/coerce.ts";
import type { ExpressionSettings, Resolved } from "../columns/resolved.ts";
import type { DataType } from "../types/data-type.ts";
import { normalLong, wrapLong, type Long } from "../types/long.ts";
import { sqlTypeName } from "../types/type-text.ts";
import type { FunctionEntry, ResolvedCallNode } from "./function-entry.ts";
import { anyIntegral, implicitCast, INT, scalar, unexpectedType } from "./scalar.ts";

/** Operations on the bits of whole numbers. */
export const bits: readonly FunctionEntry[] = [
  bitwise("&", "The bits that both have.", (a, b) => a & b),
  bitwise("|", "The bits that one of them has.", (a, b) => a | b),
  bitwise("^", "The bits that exactly one of them has.", (a, b) => a ^ b),
  complement("~", "The bits turned over."),
  scalar({
    name: "bit_count",
    doc: "How many bits are set.",
    params: [countable],
    result: INT,
    run: countBits,
  }),
  bitAt("bit_get", "The bit at a place, from the right and from 0."),
  bitAt("getbit", "The same as bit_get."),
  shift("shiftleft", "The bits moved to the left.", "<<", (a, n) => a << n),
  shift("shiftright", "The bits moved to the right, the sign is kept.", ">>", (a, n) => a >> n),
  shift("shiftrightunsigned", "The bits moved to the right, zeros come in.", ">>>", (a, n) => BigInt.asUintN(64, a) >> n),
];

function bitwise(name: "&" | "|" | "^", doc: string, run: (a: bigint, b: bigint) => bigint): FunctionEntry {
  const wide = (a: Long, b: Long): Long => normalLong(run(BigInt(a), BigInt(b)));
  const operation = scalar({
    name,
    doc,
    params: [anyIntegral, anyIntegral],
    result: typeOfFirst,
    inline: ([a, b], call, { writer }) =>
      call.dataType.type === "bigint" ? `${writer.constant("bits", wide)}(${a}, ${b})` : `(${a} ${name} ${b})`,
  });
  return {
    ...operation,
    resolve(args, options, settings) {
      const [a, b] = args;
      if (args.length !== 2 || !a || !b) throw wrongArgumentCount(name, "2", args.length);
      const common = commonType(a.dataType, b.dataType, settings);
      if (common && !isIntegral(common) && common.type !== "null" && common.type !== "string") throw notIntegral(name, a, b);
      if (common === undefined) throw notIntegral(name, a, b);
      const wanted = isIntegral(common) ? common : INT;
      return operation.resolve([castTo(a, wanted, settings), castTo(b, wanted, settings)], options, settings);
    },
  };
}

function typeOfFirst(args: readonly Resolved[]): DataType {
  return args[0]?.dataType ?? INT;
}

function notIntegral(name: string, a: Resolved, b: Resolved): Error {
  return datatypeMismatch(
    a.dataType.type === b.dataType.type ? "BINARY_OP_WRONG_TYPE" : "BINARY_OP_DIFF_TYPES",
    `(… ${name} …)`,
    `the operands have the types "${sqlTypeName(a.dataType)}" and "${sqlTypeName(b.dataType)}"`,
    'The binary operator requires the input type "INTEGRAL".',
  );
}

function complement(name: string, doc: string): FunctionEntry {
  const wide = (a: Long): Long => normalLong(~BigInt(a));
  return scalar({
    name,
    doc,
    params: [anyIntegral],
    result: typeOfFirst,
    inline: ([a], call, { writer }) => (call.dataType.type === "bigint" ? `${writer.constant("complement", wide)}(${a})` : `(~${a})`),
  });
}

/** A whole number as it is, a boolean as 1 or 0. */
function countable(arg: Resolved, name: string, settings: ExpressionSettings): Resolved {
  if (arg.dataType.type === "boolean") return castTo(arg, INT, settings);
  if (isIntegral(arg.dataType)) return arg;
  throw unexpectedType(name, arg, '("INTEGRAL" or "BOOLEAN")');
}

function countBits(value: Long): number {
  if (typeof value === "number" && value === (value | 0)) return ones(value) + (value < 0 ? 32 : 0);
  const bits = BigInt.asUintN(64, BigInt(value));
  return ones(Number(bits & 0xffffffffn)) + ones(Number(bits >> 32n));
}

function ones(word: number): number {
  let count = 0;
  for (let rest = word | 0; rest !== 0; rest &= rest - 1) count++;
  return count;
}

function bitAt(name: string, doc: string): FunctionEntry {
  return scalar({ name, doc, params: [anyIntegral, INT], result: { type: "tinyint" }, make: bitReader });
}

function bitReader(call: ResolvedCallNode): (value: Long, place: number) => number {
  const width = WIDTHS[call.args[0]?.dataType.type ?? ""] ?? 64;
  return (value, place) => {
    if (place < 0 || place >= width) {
      throw new QueryExecutionError("INVALID_PARAMETER_VALUE.BIT_POSITION_RANGE", {
        failed: `The value of parameter pos in \`${call.entry.name}\` is invalid`,
        found: `the position ${place}`,
        remedy: `A position is from 0 to ${width - 1}.`,
      });
    }
    return Number((BigInt(value) >> BigInt(place)) & 1n);
  };
}

const WIDTHS: Readonly<Record<string, number>> = { tinyint: 8, smallint: 16, int: 32, bigint: 64 };

/** int and bigint are shifted as they are; a distance counts modulo the width, as in Java. */
function shift(name: string, doc: string, operator: "<<" | ">>" | ">>>", run: (a: bigint, distance: bigint) => bigint): FunctionEntry {
  const wide = (a: Long, distance: number): Long => wrapLong(run(BigInt(a), BigInt(distance & 63)));
  return scalar({
    name,
    doc,
    params: [shifted, INT],
    result: typeOfFirst,
    inline: ([a, n], call, { writer }) =>
      call.dataType.type === "bigint"
        ? `${writer.constant(name, wide)}(${a}, ${n})`
        : `(${a} ${operator} ${n}${operator === ">>>" ? " | 0" : ""})`,
  });
}

function shifted(arg: Resolved, name: string, settings: ExpressionSettings): Resolved {
  return arg.dataType.type === "bigint" || arg.dataType.type === "int" ? arg : implicitCast(arg, INT, name, settings);
}
