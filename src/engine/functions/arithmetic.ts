import type { Emitted } from "../codegen/code.ts";
import { anyNull } from "../codegen/emit.ts";
import { placeholder } from "../codegen/literal-text.ts";
import { arithmeticOverflow, divideByZero, remainderByZero } from "../codegen/execution-error.ts";
import { datatypeMismatch, wrongArgumentCount } from "../columns/analysis-error.ts";
import { castTo, commonType, decimalOperand, isIntegral, isNumeric } from "../columns/coerce.ts";
import type { ExpressionSettings, Resolved } from "../columns/resolved.ts";
import type { DataType } from "../types/data-type.ts";
import { addLong, divideLong, multiplyLong, remainderLong, subtractLong, wrapLong, type Long } from "../types/long.ts";
import { sqlTypeName } from "../types/type-text.ts";
import { decimalResult, writeDecimal, writeDecimalDiv } from "./decimal-arithmetic.ts";
import type { EmitContext, FunctionEntry, ResolvedCall, ResolvedCallNode } from "./function-entry.ts";
import { BIGINT, DOUBLE, implicitCast } from "./scalar.ts";

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
      const converted = isNumeric(arg.dataType) || arg.dataType.type === "interval" ? arg : implicitCast(arg, DOUBLE, "positive", settings);
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
      isNumeric(a.dataType) && isNumeric(b.dataType) && a.dataType.type === b.dataType.type
        ? "BINARY_OP_WRONG_TYPE"
        : "BINARY_OP_DIFF_TYPES",
      `(… ${name} …)`,
      `the left and right operands of the binary operator have incompatible types ("${sqlTypeName(a.dataType)}" and "${sqlTypeName(b.dataType)}")`,
      "Cast the operands to numbers.",
    );
  }
  const divides = kind === "/" || kind === "div" || kind === "%" || kind === "pmod";
  const decimals = result.dataType.type === "decimal";
  return { ...result, nullable: nullable || (!settings.ansi && (divides || decimals)) };
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

/** Dates, instants and intervals: date ± days, instant ± interval, differences, interval × number. */
function resolveTime(kind: Operator, a: Resolved, b: Resolved, settings: ExpressionSettings): Omit<ResolvedCall, "nullable"> | undefined {
  const left = a.dataType.type;
  const right = b.dataType.type;
  const us = (arg: Resolved): Resolved =>
    arg.dataType.type === "string" || arg.dataType.type === "date" ? castTo(arg, { type: "timestamp" }, settings) : arg;
  if (kind === "+" || kind === "-") {
    if (right === "interval" && (left === "timestamp" || left === "date" || left === "string"))
      return { args: [us(a), b], dataType: { type: "timestamp" } };
    if (left === "interval" && kind === "+" && (right === "timestamp" || right === "date" || right === "string")) {
      return { args: [a, us(b)], dataType: { type: "timestamp" } };
    }
    if (left === "interval" && right === "interval") return { args: [a, b], dataType: { type: "interval" } };
    if (left === "date" && isIntegral(b.dataType)) return { args: [a, castTo(b, { type: "int" }, settings)], dataType: { type: "date" } };
    if (right === "date" && kind === "+" && isIntegral(a.dataType))
      return { args: [castTo(a, { type: "int" }, settings), b], dataType: { type: "date" } };
    if (
      kind === "-" &&
      (left === "timestamp" || right === "timestamp") &&
      [left, right].every((type) => ["timestamp", "date", "string"].includes(type))
    ) {
      return { args: [us(a), us(b)], dataType: { type: "interval" } };
    }
    if (kind === "-" && left === "date" && right === "date") return { args: [us(a), us(b)], dataType: { type: "interval" } };
  }
  if (kind === "*" && left === "interval" && isNumeric(b.dataType))
    return { args: [a, castTo(b, DOUBLE, settings)], dataType: { type: "interval" } };
  if (kind === "*" && right === "interval" && isNumeric(a.dataType))
    return { args: [castTo(a, DOUBLE, settings), b], dataType: { type: "interval" } };
  if (kind === "/" && left === "interval" && isNumeric(b.dataType))
    return { args: [a, castTo(b, DOUBLE, settings)], dataType: { type: "interval" } };
  return undefined;
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
  const simple = type === "float" || type === "double" || type === "timestamp" || type === "interval" || type === "date";
  if (simple && (kind === "+" || kind === "-" || kind === "*")) {
    const text = `${a.value} ${kind} ${b.value}`;
    if (type === "interval" && kind === "*") return { value: `Math.round(${text})`, isNull };
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
    if (type.type === "interval") return writer.line(`${result} = Math.round(${a} / ${b});`);
    const text = kind === "pmod" ? `${writer.constant("pmod", positiveRemainder)}(${a}, ${b})` : `${a} ${kind} ${b}`;
    writer.line(`${result} = ${type.type === "float" ? `Math.fround(${text})` : text};`);
  };
  if (!divides) return compute();
  writer.line(`if (${b} === ${zero}) { ${fail(kind === "/" || kind === "div" ? divideByZero : remainderByZero)} }`);
  writer.block("else", compute);
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
      const converted = isNumeric(arg.dataType) || arg.dataType.type === "interval" ? arg : castTo(arg, DOUBLE, settings);
      return { args: [converted], dataType: converted.dataType, nullable: converted.nullable };
    },
    emit(call, context) {
      const [arg] = call.args;
      if (!arg) throw wrongArgumentCount(name, "1", 0);
      const value = context.emit(arg);
      if (value.isNull === "true") return value;
      const type = call.dataType.type;
      if (type === "double" || type === "float" || type === "interval") return { value: `-${value.value}`, isNull: value.isNull };
      if (type === "decimal")
        return { value: `(${value.isNull === "false" ? "" : `${value.isNull} ? 0n : `}-${value.value})`, isNull: value.isNull };
      const zero: Resolved = { kind: "literal", value: 0, dataType: call.dataType, nullable: false };
      return emitBinary("-", false, { ...call, args: [zero, arg] }, context);
    },
  };
}
