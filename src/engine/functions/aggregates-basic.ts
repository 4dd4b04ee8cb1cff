import type { Emitted } from "../codegen/code.ts";
import { arithmeticOverflow, decimalOverflow } from "../codegen/execution-error.ts";
import { wrongArgumentCount } from "../columns/analysis-error.ts";
import { boundedDecimal, castTo, decimalFor, isIntegral } from "../columns/coerce.ts";
import type { ExpressionSettings, Resolved } from "../columns/resolved.ts";
import type { DataType } from "../types/data-type.ts";
import { addLong, wrapLong, type Long } from "../types/long.ts";
import { fitsDecimal, halfUp, pow10 } from "../types/number-text.ts";
import type { AggregateEntry, AggregateSlot, ResolvedAggregate } from "./aggregate-entry.ts";
import { anyNumber, BIGINT, BOOLEAN, DOUBLE, implicitCast } from "./scalar.ts";

/** count, count_if, sum, avg and their synonyms. */
export const basicAggregates: readonly AggregateEntry[] = [
  {
    name: "count",
    doc: "How many rows; with arguments, how many rows where none of them is null.",
    resolve: (args) => counting(args, (emitted) => emitted.map((arg) => arg.isNull).filter((text) => text !== "false")),
  },
  {
    name: "count_if",
    doc: "How many rows where the condition is true.",
    resolve: (args, _options, settings) => {
      const condition = implicitCast(only("count_if", args), BOOLEAN, "count_if", settings);
      return counting([condition], ([arg]) => (arg ? [arg.isNull === "false" ? `!${arg.value}` : `${arg.isNull} || !${arg.value}`] : []));
    },
  },
  { name: "sum", doc: "The sum; null if there is no value.", resolve: (args, _options, settings) => sum(args, settings, false) },
  { name: "try_sum", doc: "The sum, null if it does not fit.", resolve: (args, _options, settings) => sum(args, settings, true) },
  {
    name: "avg",
    doc: "The mean, a double (of decimals a decimal).",
    resolve: (args, _options, settings) => average("avg", args, settings),
  },
  { name: "mean", doc: "The same as avg.", resolve: (args, _options, settings) => average("mean", args, settings) },
  {
    name: "try_avg",
    doc: "The mean, null if the sum does not fit.",
    resolve: (args, _options, settings) => average("try_avg", args, settings),
  },
];

/** The only argument of an aggregate. */
export function only(name: string, args: readonly Resolved[]): Resolved {
  const [arg] = args;
  if (args.length !== 1 || !arg) throw wrongArgumentCount(name, "1", args.length);
  return arg;
}

/** A slot by ordinal; slots are as many as were declared. */
export function at(slots: readonly string[], ordinal: number): string {
  const slot = slots[ordinal];
  if (slot === undefined) throw new RangeError(`no slot ${ordinal}`);
  return slot;
}

/** Writes `body` under the condition that the argument is not null. */
export function whenPresent(
  arg: Emitted | undefined,
  writer: { block(head: string, body: () => void): void },
  body: (value: string) => void,
): void {
  if (arg === undefined || arg.isNull === "true") return;
  if (arg.isNull === "false") body(arg.value);
  else writer.block(`if (!(${arg.isNull}))`, () => body(arg.value));
}

const COUNT: AggregateSlot = { name: "count", storage: "double", dataType: BIGINT, initial: "0" };

/** Counts the rows where none of the texts holds. */
export function counting(args: readonly Resolved[], unless: (args: readonly Emitted[]) => readonly string[]): ResolvedAggregate {
  return {
    dataType: BIGINT,
    nullable: false,
    args,
    slots: [COUNT],
    update(slots, emitted, writer) {
      const skip = unless(emitted);
      const add = `${at(slots, 0)}++;`;
      writer.line(skip.length === 0 ? add : `if (!(${skip.join(" || ")})) ${add}`);
    },
    merge: (slots, other, writer) => writer.line(`${at(slots, 0)} += ${at(other, 0)};`),
    result: (slots) => ({ value: at(slots, 0), isNull: "false" }),
  };
}

function sum(args: readonly Resolved[], settings: ExpressionSettings, trying: boolean): ResolvedAggregate {
  const name = trying ? "try_sum" : "sum";
  const [only_] = args;
  if (args.length !== 1 || !only_) throw wrongArgumentCount(name, "1", args.length);
  const arg = only_.dataType.type === "interval" ? only_ : anyNumber(only_, name, settings);
  const type = arg.dataType;
  if (type.type === "decimal") return sumDecimal(arg, type.precision, type.scale, settings, trying);
  if (isIntegral(type)) return sumLong(castTo(arg, BIGINT, settings), type, settings, trying);
  const cast = type.type === "float" ? castTo(arg, DOUBLE, settings) : arg;
  return {
    dataType: cast.dataType,
    nullable: true,
    args: [cast],
    slots: [{ name: "sum", storage: "double", dataType: DOUBLE, initial: "0" }, COUNT],
    update(slots, [value], writer) {
      whenPresent(value, writer, (text) => {
        writer.line(`${at(slots, 0)} += ${text};`);
        writer.line(`${at(slots, 1)}++;`);
      });
    },
    merge(slots, other, writer) {
      writer.line(`${at(slots, 0)} += ${at(other, 0)};`);
      writer.line(`${at(slots, 1)} += ${at(other, 1)};`);
    },
    result: (slots) => ({ value: at(slots, 0), isNull: `${at(slots, 1)} === 0` }),
  };
}

/** One sum of 64 bits: a number while it is safe, BigInt beyond; null in the first slot says "overflowed" (try_sum). */
function sumLong(arg: Resolved, type: DataType, settings: ExpressionSettings, trying: boolean): ResolvedAggregate {
  const strict = settings.ansi && !trying;
  const add = trying ? addTrying : strict ? addStrict : addWrapping;
  return {
    dataType: BIGINT,
    nullable: true,
    args: [arg],
    slots: [{ name: "sum", storage: "value", dataType: BIGINT, initial: "0" }, COUNT],
    update(slots, [value], writer) {
      whenPresent(value, writer, (text) => {
        writer.line(`${at(slots, 0)} = ${writer.constant("add", add)}(${at(slots, 0)}, ${text});`);
        writer.line(`${at(slots, 1)}++;`);
      });
    },
    merge(slots, other, writer) {
      writer.line(`${at(slots, 0)} = ${writer.constant("add", add)}(${at(slots, 0)}, ${at(other, 0)});`);
      writer.line(`${at(slots, 1)} += ${at(other, 1)};`);
    },
    result: (slots) => ({
      value: at(slots, 0),
      isNull: trying ? `${at(slots, 1)} === 0 || ${at(slots, 0)} === null` : `${at(slots, 1)} === 0`,
    }),
  };
}

function addStrict(a: Long, b: Long): Long {
  const total = addLong(a, b);
  if (total === null) throw arithmeticOverflow("long", "try_add");
  return total;
}

function addWrapping(a: Long, b: Long): Long {
  return addLong(a, b) ?? wrapLong(BigInt(a) + BigInt(b));
}

function addTrying(a: Long | null, b: Long | null): Long | null {
  return a === null || b === null ? null : addLong(a, b);
}

function sumDecimal(arg: Resolved, precision: number, scale: number, settings: ExpressionSettings, trying: boolean): ResolvedAggregate {
  const type = boundedDecimal(Math.min(38, precision + 10), scale);
  const strict = settings.ansi && !trying;
  const finish = (total: bigint): bigint | null => {
    if (fitsDecimal(total, type.precision)) return total;
    if (strict) throw decimalOverflow("sum", type.precision, type.scale);
    return null;
  };
  return {
    dataType: type,
    nullable: true,
    args: [arg],
    slots: [{ name: "sum", storage: "value", dataType: { type: "decimal", precision: 38, scale }, initial: "0n" }, COUNT],
    update(slots, [value], writer) {
      whenPresent(value, writer, (text) => {
        writer.line(`${at(slots, 0)} += ${text};`);
        writer.line(`${at(slots, 1)}++;`);
      });
    },
    merge(slots, other, writer) {
      writer.line(`${at(slots, 0)} += ${at(other, 0)};`);
      writer.line(`${at(slots, 1)} += ${at(other, 1)};`);
    },
    result(slots, writer) {
      const value = writer.assign("sum", `${at(slots, 1)} === 0 ? null : ${writer.constant("finish", finish)}(${at(slots, 0)})`);
      return { value, isNull: `${value} === null` };
    },
  };
}

/** The mean of numbers: a double, of decimals a decimal. */
export function average(name: string, args: readonly Resolved[], settings: ExpressionSettings): ResolvedAggregate {
  const arg = anyNumber(only(name, args), name, settings);
  if (arg.dataType.type === "decimal") return averageDecimal(arg, decimalFor(arg.dataType).precision, arg.dataType.scale);
  const cast = castTo(arg, DOUBLE, settings);
  return {
    dataType: DOUBLE,
    nullable: true,
    args: [cast],
    slots: [{ name: "sum", storage: "double", dataType: DOUBLE, initial: "0" }, COUNT],
    update(slots, [value], writer) {
      whenPresent(value, writer, (text) => {
        writer.line(`${at(slots, 0)} += ${text};`);
        writer.line(`${at(slots, 1)}++;`);
      });
    },
    merge(slots, other, writer) {
      writer.line(`${at(slots, 0)} += ${at(other, 0)};`);
      writer.line(`${at(slots, 1)} += ${at(other, 1)};`);
    },
    result: (slots) => ({ value: `${at(slots, 0)} / ${at(slots, 1)}`, isNull: `${at(slots, 1)} === 0` }),
  };
}

function averageDecimal(arg: Resolved, precision: number, scale: number): ResolvedAggregate {
  const type = boundedDecimal(Math.min(38, precision + 4), Math.min(38, scale + 4));
  const unit = pow10(Math.max(0, type.scale - scale));
  const divide = (total: bigint, count: number): bigint => halfUp(total * unit, BigInt(count));
  return {
    dataType: type,
    nullable: true,
    args: [arg],
    slots: [{ name: "sum", storage: "value", dataType: { type: "decimal", precision: 38, scale }, initial: "0n" }, COUNT],
    update(slots, [value], writer) {
      whenPresent(value, writer, (text) => {
        writer.line(`${at(slots, 0)} += ${text};`);
        writer.line(`${at(slots, 1)}++;`);
      });
    },
    merge(slots, other, writer) {
      writer.line(`${at(slots, 0)} += ${at(other, 0)};`);
      writer.line(`${at(slots, 1)} += ${at(other, 1)};`);
    },
    result(slots, writer) {
      const value = writer.assign(
        "avg",
        `${at(slots, 1)} === 0 ? null : ${writer.constant("divide", divide)}(${at(slots, 0)}, ${at(slots, 1)})`,
      );
      return { value, isNull: `${value} === null` };
    },
  };
}
