import type { Emitted } from "../codegen/code.ts";
import { anyNull } from "../codegen/emit.ts";
import { placeholder } from "../codegen/literal-text.ts";
import { arithmeticOverflow, divideByZero, QueryExecutionError, remainderByZero } from "../codegen/execution-error.ts";
import { datatypeMismatch, wrongArgumentCount } from "../columns/analysis-error.ts";
import { castTo, commonType, decimalOperand, isIntegral, isNumeric } from "../columns/coerce.ts";
import type { ExpressionSettings, Resolved } from "../columns/resolved.ts";
import { addMonthsToDays, US_PER_DAY } from "../types/calendar.ts";
import type { DataType } from "../types/data-type.ts";
import { addMonthsToUs } from "../types/interval-text.ts";
import type { IntervalType } from "../types/interval-type.ts";
import { isInterval, rangeText, widerInterval } from "../types/interval-type.ts";
import { addLong, divideLong, multiplyLong, remainderLong, subtractLong, wrapLong, type Long } from "../types/long.ts";
import { formatTimestamp } from "../types/timestamp-text.ts";
import { sqlTypeName } from "../types/type-text.ts";
import { decimalResult, writeDecimal, writeDecimalDiv } from "./decimal-arithmetic.ts";
import type { EmitContext, FunctionEntry, ResolvedCall, ResolvedCallNode } from "./function-entry.ts";
import { BIGINT, DATE, DOUBLE, implicitCast, INT, STRING, TIMESTAMP } from "./scalar.ts";

/** The operators of numbers. */
export type Operator = "+" | "-" | "*" | "/" | "div" | "%" | "pmod";

/** + - * / div % pmod, their try_ forms, and the signs. Overflow and division by zero stop the query under ANSI rules. */
export const arithmetic: readonly FunctionEntry[] = [
  operator("+", "The sum; of a date and days, of an instant and an interval.", "+", false),
  operator("-", "The difference; of dates in days' intervals, of an instant and an interval.", "-", false),
  operator("*", "The product.", "*", false),
  operator("/", "The quotient, always a fraction.", "/", false),
  operator("div", "The whole part of the quotient, a bigint.", "div", false),
  operator("%", "The remainder with the sign of the first.", "%", false),
  operator("mod", "The same as %.", "%", false),
  operator("pmod", "The remainder that is not negative for a positive divisor.", "pmod", false),
  operator("try_add", "The sum, null where it does not fit.", "+", true),
  operator("try_subtract", "The difference, null where it does not fit.", "-", true),
  operator("try_multiply", "The product, null where it does not fit.", "*", true),
  operator("try_divide", "The quotient, null where the divisor is 0.", "/", true),
  operator("try_mod", "The remainder, null where the divisor is 0.", "%", true),
  sign("negative", "The number with the other sign."),
  {
    name: "positive",
    doc: "The number itself.",
    resolve(args, _options, settings) {
      const [arg] = args;
      if (args.length !== 1 || !arg) throw wrongArgumentCount("positive", "1", args.length);
      const converted = isNumeric(arg.dataType) || isInterval(arg.dataType) ? arg : implicitCast(arg, DOUBLE, "positive", settings);
      return { args: [converted], dataType: converted.dataType, nullable: converted.nullable };
    },
    emit(call, context) {
      const [arg] = call.args;
      if (!arg) throw wrongArgumentCount("positive", "1", 0);
      return context.emit(arg);
    },
  },
];

const NAMES: Readonly<Record<Operator, string>> = {
  "+": "try_add",
  "-": "try_subtract",
  "*": "try_multiply",
  "/": "try_divide",
  div: "try_divide",
  "%": "try_mod",
  pmod: "try_mod",
};

function operator(name: string, doc: string, kind: Operator, trying: boolean): FunctionEntry {
  return {
    name,
    doc,
    resolve: (args, _options, settings) => resolveBinary(name, kind, trying, args, settings),
    emit: (call, context) => emitBinary(kind, trying, call, context),
  };
}

function resolveBinary(
  name: string,
  kind: Operator,
  trying: boolean,
  args: readonly Resolved[],
  settings: ExpressionSettings,
): ResolvedCall {
  const [a, b] = args;
  if (args.length !== 2 || !a || !b) throw wrongArgumentCount(name, "2", args.length);
  const time = resolveTime(kind, a, b, settings);
  const nullable = trying || a.nullable || b.nullable;
  if (time) return { ...time, nullable };
  const result = numericOperands(kind, a, b, settings);
  if (result === undefined) {
    throw datatypeMismatch(
      wrongOperands(kind, a.dataType, b.dataType),
      `(… ${name} …)`,
      `the left and right operands of the binary operator have incompatible types ("${sqlTypeName(a.dataType)}" and "${sqlTypeName(b.dataType)}")`,
      "Cast the operands to numbers.",
    );
  }
  const divides = kind === "/" || kind === "div" || kind === "%" || kind === "pmod";
  const decimals = result.dataType.type === "decimal";
  return { ...result, nullable: nullable || (!settings.ansi && (divides || decimals)) };
}

/** Which DATATYPE_MISMATCH two operands are: a date beside something that is no count of days, and months beside days, are of the wrong type. */
function wrongOperands(kind: Operator, a: DataType, b: DataType): string {
  if ((kind === "+" || kind === "-") && (a.type === "date" || (b.type === "date" && kind === "+"))) return "UNEXPECTED_INPUT_TYPE";
  if ((kind === "+" || kind === "-") && isInterval(a) && isInterval(b)) return "UNEXPECTED_INPUT_TYPE";
  return isNumeric(a) && isNumeric(b) && a.type === b.type ? "BINARY_OP_WRONG_TYPE" : "BINARY_OP_DIFF_TYPES";
}

function numericOperands(
  kind: Operator,
  a: Resolved,
  b: Resolved,
  settings: ExpressionSettings,
): Omit<ResolvedCall, "nullable"> | undefined {
  const left = numberType(a.dataType, b.dataType, settings);
  const right = numberType(b.dataType, a.dataType, settings);
  if (left === undefined || right === undefined) return undefined;
  const x = castTo(a, left, settings);
  const y = castTo(b, right, settings);
  if (left.type === "decimal" || right.type === "decimal") {
    if (left.type !== "double" && right.type !== "double" && left.type !== "float" && right.type !== "float")
      return decimalOperands(kind, x, y, settings);
  }
  if (kind === "/") return { args: [castTo(x, DOUBLE, settings), castTo(y, DOUBLE, settings)], dataType: DOUBLE };
  if (kind === "div") {
    if (!isIntegral(left) || !isIntegral(right)) return undefined;
    return { args: [castTo(x, BIGINT, settings), castTo(y, BIGINT, settings)], dataType: BIGINT };
  }
  const common = commonType(left, right, settings);
  if (common === undefined || !isNumeric(common)) return undefined;
  return { args: [castTo(x, common, settings), castTo(y, common, settings)], dataType: common };
}

/** What an operand is read as: text as a number (ANSI: a bigint beside whole numbers), null as the other's type. */
function numberType(own: DataType, other: DataType, settings: ExpressionSettings): DataType | undefined {
  if (isNumeric(own)) return own;
  if (own.type === "null") return isNumeric(other) ? other : DOUBLE;
  if (own.type !== "string") return undefined;
  return settings.ansi && isIntegral(other) ? BIGINT : DOUBLE;
}

function decimalOperands(kind: Operator, a: Resolved, b: Resolved, settings: ExpressionSettings): Omit<ResolvedCall, "nullable"> {
  const x = decimalOperand(a);
  const y = decimalOperand(b);
  const args = [castTo(a, x, settings), castTo(b, y, settings)];
  return { args, dataType: kind === "div" ? BIGINT : decimalResult(kind, x, y) };
}

/** Dates, instants and intervals: date ± days, date and instant ± interval, differences, interval × number. */
function resolveTime(kind: Operator, a: Resolved, b: Resolved, settings: ExpressionSettings): Omit<ResolvedCall, "nullable"> | undefined {
  const left = a.dataType;
  const right = b.dataType;
  if (kind === "+" || kind === "-") {
    if (isInterval(left) && isInterval(right)) {
      const dataType = widerInterval(left, right);
      return dataType && { args: [a, b], dataType };
    }
    if (isInterval(right)) return shifted(a, b, right, false, settings);
    if (isInterval(left)) return kind === "+" ? shifted(b, a, left, true, settings) : undefined;
    if (left.type === "date" && isIntegral(right)) return { args: [a, castTo(b, INT, settings)], dataType: DATE };
    if (right.type === "date" && kind === "+" && isIntegral(left)) return { args: [castTo(a, INT, settings), b], dataType: DATE };
    return kind === "-" ? difference(a, b, settings) : undefined;
  }
  if (isInterval(left) && isNumeric(right) && (kind === "*" || kind === "/"))
    return { args: [a, castTo(b, DOUBLE, settings)], dataType: { type: left.type } };
  if (isInterval(right) && isNumeric(left) && kind === "*")
    return { args: [castTo(a, DOUBLE, settings), b], dataType: { type: right.type } };
  return undefined;
}

/** A date or an instant and an interval: a date stays one by whole months and days; text is read as an instant and written as text. */
function shifted(
  time: Resolved,
  interval: Resolved,
  type: IntervalType,
  swapped: boolean,
  settings: ExpressionSettings,
): Omit<ResolvedCall, "nullable"> | undefined {
  const from = time.dataType.type;
  if (from !== "timestamp" && from !== "date" && (from !== "string" || type.type === "months")) return undefined;
  const whole = type.type === "months" || rangeText(type) === "day";
  const dataType: DataType = from === "date" && whole ? DATE : from === "string" ? STRING : TIMESTAMP;
  const taken = dataType.type === "date" ? time : castTo(time, TIMESTAMP, settings);
  return { args: swapped ? [interval, taken] : [taken, interval], dataType };
}

/** Days between dates, an interval between instants. */
function difference(a: Resolved, b: Resolved, settings: ExpressionSettings): Omit<ResolvedCall, "nullable"> | undefined {
  const types = [a.dataType.type, b.dataType.type];
  if (!types.every((type) => type === "timestamp" || type === "date" || type === "string")) return undefined;
  if (types.includes("timestamp"))
    return { args: [castTo(a, TIMESTAMP, settings), castTo(b, TIMESTAMP, settings)], dataType: { type: "interval" } };
  if (!types.includes("date") || (types.includes("string") && !settings.ansi)) return undefined;
  return { args: [castTo(a, DATE, settings), castTo(b, DATE, settings)], dataType: { type: "interval", range: ["day", "day"] } };
}

/** The text of what `resolveTime` resolved where it is no plain sum, difference or product; undefined where it is. */
function timeText(kind: Operator, call: ResolvedCallNode, a: string, b: string, context: EmitContext): string | undefined {
  const [first, second] = call.args.map((arg) => arg.dataType.type);
  const { type } = call.dataType;
  const constant = (name: string, value: unknown): string => context.writer.constant(name, value);
  if ((type === "date" || type === "timestamp") && (first === "months" || second === "months")) {
    const add = constant("addMonths", type === "date" ? addMonthsToDays : addMonthsToUs);
    return first === "months" ? `${add}(${b}, ${a})` : `${add}(${a}, ${kind === "-" ? "-" : ""}${b})`;
  }
  if (type === "date" && second === "interval") return `${a} ${kind} ${b} / ${US_PER_DAY}`;
  if (type === "date" && first === "interval") return `${a} / ${US_PER_DAY} + ${b}`;
  if (type === "interval" && first === "date") return `(${a} - ${b}) * ${US_PER_DAY}`;
  if (type === "string" && (first === "interval" || second === "interval"))
    return `${constant("formatTimestamp", formatTimestamp)}(${a} ${kind} ${b})`;
  if ((type === "interval" || type === "months") && kind === "*") return `${constant("roundHalfUp", roundHalfUp)}(${a} * ${b})`;
  return undefined;
}

function roundHalfUp(value: number): number {
  return value < 0 ? -Math.round(-value) : Math.round(value);
}

function emitBinary(kind: Operator, trying: boolean, call: ResolvedCallNode, context: EmitContext): Emitted {
  const [first, second] = call.args;
  if (!first || !second) throw wrongArgumentCount(call.entry.name, "2", call.args.length);
  const a = context.emit(first);
  if (a.isNull === "true") return a;
  const b = context.emit(second);
  if (b.isNull === "true") return b;
  const isNull = anyNull(a, b);
  const type = call.dataType.type;
  const timed = timeText(kind, call, a.value, b.value, context);
  if (timed !== undefined) {
    const flag = isNull === "false" ? isNull : context.writer.assign("n", isNull);
    return { value: flag === "false" ? timed : `(${flag} ? ${placeholder(call.dataType)} : ${timed})`, isNull: flag };
  }
  const simple =
    type === "float" || type === "double" || type === "timestamp" || type === "interval" || type === "months" || type === "date";
  if (simple && (kind === "+" || kind === "-" || kind === "*")) {
    const text = `${a.value} ${kind} ${b.value}`;
    return { value: type === "float" ? `Math.fround(${text})` : text, isNull };
  }
  return emitChecked(kind, trying, call, context, { a: a.value, b: b.value, isNull });
}

/** Operations that may fail: computed only where no operand is null, null as the sign of failure. */
function emitChecked(
  kind: Operator,
  trying: boolean,
  call: ResolvedCallNode,
  context: EmitContext,
  operands: { readonly a: string; readonly b: string; readonly isNull: string },
): Emitted {
  const { writer, settings } = context;
  const { a, b, isNull } = operands;
  const result = writer.local("r");
  const strict = settings.ansi && !trying;
  const failed = writer.local("n");
  const flagged = !strict && (trying || call.nullable);
  writer.line(`let ${result} = ${placeholder(call.dataType)}${flagged ? `, ${failed} = ${isNull}` : ""};`);
  const fail = (thrower: () => Error): string => {
    if (strict) return `throw ${writer.constant("fail", thrower)}();`;
    return `${failed} = true;`;
  };
  writer.block(isNull === "false" ? "" : `if (!(${isNull}))`, () => {
    writeOperation(kind, call, context, { a, b, result, strict, trying, fail });
  });
  if (flagged) return { value: result, isNull: failed };
  return { value: result, isNull };
}

/** One operation that is being written. */
export interface Operation {
  readonly a: string;
  readonly b: string;
  readonly result: string;
  readonly strict: boolean;
  readonly trying: boolean;
  readonly fail: (thrower: () => Error) => string;
}

function writeOperation(kind: Operator, call: ResolvedCallNode, context: EmitContext, operation: Operation): void {
  const { writer } = context;
  const { a, b, result, fail } = operation;
  const type = call.dataType;
  const divides = kind === "/" || kind === "div" || kind === "%" || kind === "pmod";
  const zero = call.args[1]?.dataType.type === "decimal" ? "0n" : "0";
  const compute = (): void => {
    if (type.type === "decimal") return writeDecimal(kind, call, type, context, operation);
    if (call.args[0]?.dataType.type === "decimal") return writeDecimalDiv(call, context, operation);
    if (type.type === "bigint") return writeLong(kind, context, operation);
    if (isIntegral(type)) return writeInt(kind, type.type, context, operation);
    if (isInterval(type)) return writer.line(`${result} = ${writer.constant("roundHalfUp", roundHalfUp)}(${a} / ${b});`);
    const text = kind === "pmod" ? `${writer.constant("pmod", positiveRemainder)}(${a}, ${b})` : `${a} ${kind} ${b}`;
    writer.line(`${result} = ${type.type === "float" ? `Math.fround(${text})` : text};`);
  };
  if (!divides) return compute();
  const failure = kind === "/" || kind === "div" ? divideByZero : remainderByZero;
  const stop = isInterval(type) && !operation.trying ? `throw ${writer.constant("fail", intervalByZero)}();` : fail(failure);
  writer.line(`if (${b} === ${zero}) { ${stop} }`);
  writer.block("else", compute);
}

function intervalByZero(): Error {
  return new QueryExecutionError("INTERVAL_DIVIDED_BY_ZERO", {
    failed: "Division by zero",
    found: "an interval's divisor is 0",
    remedy: "Use `try_divide` to tolerate divisor being 0 and return NULL instead.",
  });
}

function positiveRemainder(a: number, b: number): number {
  const remainder = a % b;
  return remainder < 0 ? (remainder + b) % b : remainder;
}

const OVERFLOWS = new Map<string, () => Error>();

function overflowOf(what: string, instead?: string): () => Error {
  const key = `${what} ${instead}`;
  let make = OVERFLOWS.get(key);
  if (make === undefined) {
    make = () => arithmeticOverflow(what, instead);
    OVERFLOWS.set(key, make);
  }
  return make;
}

const INT_WIDTH: Readonly<Record<string, { readonly name: string; readonly cut: (text: string) => string }>> = {
  int: { name: "integer", cut: (text) => `(${text} | 0)` },
  smallint: { name: "short", cut: (text) => `((${text} | 0) << 16 >> 16)` },
  tinyint: { name: "byte", cut: (text) => `((${text} | 0) << 24 >> 24)` },
};

function writeInt(kind: Operator, type: string, context: EmitContext, operation: Operation): void {
  const { writer } = context;
  const { a, b, result, strict, trying, fail } = operation;
  const width = INT_WIDTH[type];
  if (width === undefined) throw new RangeError(`no arithmetic for ${type}`);
  if (kind === "%") return writer.line(`${result} = ${a} % ${b} | 0;`);
  if (kind === "pmod") return writer.line(`${result} = ${writer.constant("pmod", positiveRemainder)}(${a}, ${b}) | 0;`);
  if (!strict && !trying) {
    writer.line(`${result} = ${width.cut(kind === "*" ? `Math.imul(${a}, ${b})` : `${a} ${kind} ${b}`)};`);
    return;
  }
  const wide = writer.assign("wide", `${a} ${kind} ${b}`);
  writer.line(`${result} = ${width.cut(wide)};`);
  writer.line(`if (${result} !== ${wide}) { ${fail(overflowOf(width.name, NAMES[kind]))} }`);
}

const LONG = { "+": addLong, "-": subtractLong, "*": multiplyLong, div: divideLong } as const;
const WRAPPED = {
  "+": (a: Long, b: Long): Long => addLong(a, b) ?? wrapLong(BigInt(a) + BigInt(b)),
  "-": (a: Long, b: Long): Long => subtractLong(a, b) ?? wrapLong(BigInt(a) - BigInt(b)),
  "*": (a: Long, b: Long): Long => multiplyLong(a, b) ?? wrapLong(BigInt(a) * BigInt(b)),
  div: (a: Long, b: Long): Long => divideLong(a, b) ?? wrapLong(BigInt(a) / BigInt(b)),
} as const;

function longPmod(a: Long, b: Long): Long {
  const remainder = remainderLong(a, b);
  return remainder < 0 ? remainderLong(WRAPPED["+"](remainder, b), b) : remainder;
}

function writeLong(kind: Operator, context: EmitContext, operation: Operation): void {
  const { writer } = context;
  const { a, b, result, strict, trying, fail } = operation;
  if (kind === "%") return writer.line(`${result} = ${writer.constant("remainder", remainderLong)}(${a}, ${b});`);
  if (kind === "pmod") return writer.line(`${result} = ${writer.constant("pmod", longPmod)}(${a}, ${b});`);
  if (kind === "/") throw new RangeError("a quotient is a fraction");
  if (!strict && !trying) return writer.line(`${result} = ${writer.constant("long", WRAPPED[kind])}(${a}, ${b});`);
  writer.line(`${result} = ${writer.constant("long", LONG[kind])}(${a}, ${b});`);
  writer.line(`if (${result} === null) { ${fail(overflowOf("long", NAMES[kind]))} }`);
}

function sign(name: string, doc: string): FunctionEntry {
  return {
    name,
    doc,
    resolve(args, _options, settings) {
      const [arg] = args;
      if (args.length !== 1 || !arg) throw wrongArgumentCount(name, "1", args.length);
      const converted = isNumeric(arg.dataType) || isInterval(arg.dataType) ? arg : castTo(arg, DOUBLE, settings);
      return { args: [converted], dataType: converted.dataType, nullable: converted.nullable };
    },
    emit(call, context) {
      const [arg] = call.args;
      if (!arg) throw wrongArgumentCount(name, "1", 0);
      const value = context.emit(arg);
      if (value.isNull === "true") return value;
      const type = call.dataType.type;
      if (type === "double" || type === "float" || isInterval(call.dataType)) return { value: `-${value.value}`, isNull: value.isNull };
      if (type === "decimal")
        return { value: `(${value.isNull === "false" ? "" : `${value.isNull} ? 0n : `}-${value.value})`, isNull: value.isNull };
      const zero: Resolved = { kind: "literal", value: 0, dataType: call.dataType, nullable: false };
      return emitBinary("-", false, { ...call, args: [zero, arg] }, context);
    },
  };
}
