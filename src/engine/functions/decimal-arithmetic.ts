import { decimalOverflow } from "../codegen/execution-error.ts";
import { boundedDecimal } from "../columns/coerce.ts";
import type { DecimalType } from "../types/data-type.ts";
import { wrapLong, type Long } from "../types/long.ts";
import { fitsDecimal, halfUp, pow10 } from "../types/number-text.ts";
import type { Operation, Operator } from "./arithmetic.ts";
import type { EmitContext, ResolvedCallNode } from "./function-entry.ts";

/** The digits of a result (DecimalPrecision). */
export function decimalResult(kind: Operator, a: DecimalType, b: DecimalType): DecimalType {
  const whole = Math.max(a.precision - a.scale, b.precision - b.scale);
  const scale = Math.max(a.scale, b.scale);
  switch (kind) {
    case "+":
    case "-":
      return boundedDecimal(whole + scale + 1, scale);
    case "*":
      return boundedDecimal(a.precision + b.precision + 1, a.scale + b.scale);
    case "/": {
      const fraction = Math.max(6, a.scale + b.precision + 1);
      return boundedDecimal(a.precision - a.scale + b.scale + fraction, fraction);
    }
    default:
      return boundedDecimal(Math.min(a.precision - a.scale, b.precision - b.scale) + scale, scale);
  }
}

const decimalFailures = new Map<string, () => Error>();

function decimalFailure(type: DecimalType): () => Error {
  const key = `${type.precision},${type.scale}`;
  let make = decimalFailures.get(key);
  if (make === undefined) {
    make = () => decimalOverflow("result", type.precision, type.scale);
    decimalFailures.set(key, make);
  }
  return make;
}

/** Writes an operation whose result is a decimal; too many digits are a failure. */
export function writeDecimal(kind: Operator, call: ResolvedCallNode, type: DecimalType, context: EmitContext, operation: Operation): void {
  const { writer } = context;
  const { a, b, result, fail } = operation;
  const x = call.args[0]?.dataType;
  const y = call.args[1]?.dataType;
  if (x?.type !== "decimal" || y?.type !== "decimal") throw new RangeError("decimals expected");
  const compute = writer.constant("decimal", decimalOperation(kind, x.scale, y.scale, type));
  writer.line(`${result} = ${compute}(${a}, ${b});`);
  writer.line(`if (${result} === null) { ${fail(decimalFailure(type))} }`);
}

const operations = new Map<string, (a: bigint, b: bigint) => bigint | null>();

/** An operation on unscaled values with operands of scales x and y; null where the result has too many digits. */
function decimalOperation(kind: Operator, x: number, y: number, type: DecimalType): (a: bigint, b: bigint) => bigint | null {
  const key = `${kind} ${x} ${y} ${type.precision} ${type.scale}`;
  let known = operations.get(key);
  if (known === undefined) {
    const common = Math.max(x, y);
    const exact = exactOperation(kind, pow10(common - x), pow10(common - y));
    const scale = kind === "*" ? x + y : common;
    known = kind === "/" ? quotient(x, y, type) : (a, b) => fitted(exact(a, b), scale, type);
    operations.set(key, known);
  }
  return known;
}

function exactOperation(kind: Operator, left: bigint, right: bigint): (a: bigint, b: bigint) => bigint {
  switch (kind) {
    case "+":
      return (a, b) => a * left + b * right;
    case "-":
      return (a, b) => a * left - b * right;
    case "*":
      return (a, b) => a * b;
    case "pmod":
      return (a, b) => {
        const remainder = (a * left) % (b * right);
        return remainder < 0n ? (remainder + b * right) % (b * right) : remainder;
      };
    default:
      return (a, b) => (a * left) % (b * right);
  }
}

function fitted(value: bigint, scale: number, type: DecimalType): bigint | null {
  const result = type.scale >= scale ? value * pow10(type.scale - scale) : halfUp(value, pow10(scale - type.scale));
  return fitsDecimal(result, type.precision) ? result : null;
}

function quotient(x: number, y: number, type: DecimalType): (a: bigint, b: bigint) => bigint | null {
  const up = pow10(type.scale + y);
  const down = pow10(x);
  return (a, b) => {
    const result = b < 0n ? halfUp(-a * up, -b * down) : halfUp(a * up, b * down);
    return fitsDecimal(result, type.precision) ? result : null;
  };
}

/** Writes `div` of decimals, a bigint. */
export function writeDecimalDiv(call: ResolvedCallNode, context: EmitContext, operation: Operation): void {
  const { writer } = context;
  const x = call.args[0]?.dataType;
  const y = call.args[1]?.dataType;
  if (x?.type !== "decimal" || y?.type !== "decimal") throw new RangeError("decimals expected");
  const compute = writer.constant("decimalDiv", decimalDiv(x.scale, y.scale));
  writer.line(`${operation.result} = ${compute}(${operation.a}, ${operation.b});`);
}

function decimalDiv(x: number, y: number): (a: bigint, b: bigint) => Long {
  return (a, b) => wrapLong((a * pow10(y)) / (b * pow10(x)));
}
