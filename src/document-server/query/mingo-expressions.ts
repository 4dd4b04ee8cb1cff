import { Decimal128, Double, Int32, Long } from "bson";
import type { Any, Options } from "mingo/types";
import { add, divide, multiply, negate, numericKind, toDouble, type Numeric } from "../bson/arithmetic.ts";
import { CommandFailure } from "../failure.ts";
import { compareCollated, type Collation } from "./collation.ts";
import { typeName } from "./value-types.ts";

/** How mingo calls an operator of an expression, and an accumulator. */
export type Expression = (document: Any, expression: Any, options: Options) => Any;
export type Accumulator = (values: Any[], expression: Any, options: Options) => Any;
type Evaluate = (document: Any, expression: Any, options: Options) => Any;

function isNothing(value: unknown): value is null | undefined {
  return value === null || value === undefined;
}

/** A result as mingo and the encoder hold numbers: plain where that loses nothing. */
export function unwrapped(value: Numeric): Any {
  if (value instanceof Int32 || value instanceof Double) return value.valueOf();
  if (value instanceof Long && Number.isSafeInteger(value.toNumber())) return value.toNumber();
  return value as Any;
}

function isNumeric(value: unknown): value is Numeric {
  return numericKind(value) !== undefined;
}

/** The sum and product of integers that leave 64 bits are doubles. */
function sum(left: Numeric, right: Numeric): Numeric {
  if (typeof left === "number" && typeof right === "number") return left + right;
  return add(left, right) ?? toDouble(left) + toDouble(right);
}

function product(left: Numeric, right: Numeric): Numeric {
  if (typeof left === "number" && typeof right === "number") return left * right;
  return multiply(left, right) ?? toDouble(left) * toDouble(right);
}

function mistyped(message: string): CommandFailure {
  return new CommandFailure("TypeMismatch", message);
}

/** $add: numbers, and at most one date, whose milliseconds they are added to. null where one is null or missing. */
function addAll(values: readonly unknown[]): Any {
  let total: Numeric = 0;
  let isDate = false;
  for (const value of values) {
    if (isNothing(value)) return null;
    if (value instanceof Date) {
      if (isDate) throw new CommandFailure("Location16612", "only one date allowed in an $add expression");
      isDate = true;
      total = sum(total, value.getTime());
    } else if (isNumeric(value)) total = sum(total, value);
    else throw mistyped(`$add only supports numeric or date types, not ${typeName(value)}`);
  }
  return isDate ? new Date(Math.round(toDouble(total))) : unwrapped(total);
}

function subtract([left, right]: readonly unknown[]): Any {
  if (isNothing(left) || isNothing(right)) return null;
  if (left instanceof Date && right instanceof Date) return left.getTime() - right.getTime();
  if (left instanceof Date && isNumeric(right)) return new Date(left.getTime() - Math.round(toDouble(right)));
  if (isNumeric(left) && isNumeric(right))
    return typeof left === "number" && typeof right === "number" ? left - right : unwrapped(sum(left, negate(right)));
  throw mistyped(`can't $subtract ${typeName(right)} from ${typeName(left)}`);
}

function multiplyAll(values: readonly unknown[]): Any {
  let total: Numeric = 1;
  for (const value of values) {
    if (isNothing(value)) return null;
    if (!isNumeric(value)) throw mistyped(`$multiply only supports numeric types, not ${typeName(value)}`);
    total = product(total, value);
  }
  return unwrapped(total);
}

function divideTwo([left, right]: readonly unknown[]): Any {
  if (isNothing(left) || isNothing(right)) return null;
  if (!isNumeric(left) || !isNumeric(right))
    throw mistyped(`$divide only supports numeric types, not ${typeName(left)} and ${typeName(right)}`);
  if (toDouble(right) === 0) throw new CommandFailure("BadValue", "can't $divide by zero");
  return unwrapped(divide(left, right));
}

function modulo([left, right]: readonly unknown[]): Any {
  if (isNothing(left) || isNothing(right)) return null;
  if (!isNumeric(left) || !isNumeric(right))
    throw mistyped(`$mod only supports numeric types, not ${typeName(left)} and ${typeName(right)}`);
  if (toDouble(right) === 0) throw new CommandFailure("Location16610", "can't $mod by zero");
  const kinds = [numericKind(left), numericKind(right)];
  if (kinds.every((kind) => kind === "int" || kind === "long"))
    return unwrapped(Long.fromBigInt(BigInt(left.toString()) % BigInt(right.toString())));
  if (!kinds.includes("decimal")) return toDouble(left) % toDouble(right);
  const quotient = Decimal128.fromString(String(Math.trunc(toDouble(divide(left, right)))));
  return unwrapped(sum(left, negate(product(quotient, right))));
}

function absolute([value]: readonly unknown[]): Any {
  if (isNothing(value)) return null;
  if (!isNumeric(value)) throw mistyped(`$abs only supports numeric types, not ${typeName(value)}`);
  return toDouble(value) < 0 ? unwrapped(negate(value)) : unwrapped(value);
}

/** The order of two values in an expression: a missing field comes before null. */
function order(left: unknown, right: unknown, collation: Collation | undefined): number {
  if (left === undefined || right === undefined) return (left === undefined ? 0 : 1) - (right === undefined ? 0 : 1);
  return Math.sign(compareCollated(left, right, collation));
}

function collationOf(options: Options): Collation | undefined {
  const given = options as Options & { readonly options?: { readonly matchOptions?: { readonly collation?: Collation } } };
  return given.options?.matchOptions?.collation;
}

function sumOf(values: readonly unknown[]): Any {
  return unwrapped(values.filter(isNumeric).reduce<Numeric>(sum, 0));
}

function averageOf(values: readonly unknown[]): Any {
  const numbers = values.filter(isNumeric);
  return numbers.length === 0 ? null : unwrapped(divide(numbers.reduce<Numeric>(sum, 0), numbers.length));
}

function extremeOf(values: readonly unknown[], sense: 1 | -1, collation: Collation | undefined): Any {
  let best: unknown;
  for (const value of values)
    if (!isNothing(value) && (best === undefined || compareCollated(value, best, collation) * sense < 0)) best = value;
  return (best ?? null) as Any;
}

type Fold = (values: readonly unknown[], options: Options) => Any;

const FOLDS: Readonly<Record<string, Fold>> = {
  $sum: sumOf,
  $avg: averageOf,
  $min: (values, options) => extremeOf(values, 1, collationOf(options)),
  $max: (values, options) => extremeOf(values, -1, collationOf(options)),
};

/** Accumulators in the place of mingo's, which pass over Long and Decimal128, order text by UTF-16 and push null where a field is missing. */
export function ourAccumulators(evaluate: Evaluate): Record<string, Accumulator> {
  const valuesOf = (documents: Any[], expression: Any, options: Options): unknown[] =>
    expression === null || expression === undefined ? documents : documents.map((document) => evaluate(document, expression, options));
  const folds = Object.entries(FOLDS).map(([name, fold]) => [
    name,
    (documents: Any[], expression: Any, options: Options): Any => fold(valuesOf(documents, expression, options), options),
  ]);
  return {
    ...(Object.fromEntries(folds) as Record<string, Accumulator>),
    $push: (documents, expression, options) => valuesOf(documents, expression, options).filter((value) => value !== undefined) as Any,
    $addToSet: (documents, expression, options) => {
      const kept: unknown[] = [];
      const collation = collationOf(options);
      const sorted: unknown[] = [];
      for (const value of valuesOf(documents, expression, options)) {
        if (value === undefined) continue;
        let [low, high] = [0, sorted.length];
        while (low < high) {
          const middle = (low + high) >> 1;
          if (compareCollated(sorted[middle], value, collation) < 0) low = middle + 1;
          else high = middle;
        }
        if (low < sorted.length && compareCollated(sorted[low], value, collation) === 0) continue;
        sorted.splice(low, 0, value);
        kept.push(value);
      }
      return kept as Any;
    },
  };
}

/** Operators of expressions in the place of mingo's: arithmetic over every type of number, comparison in MongoDB's order, types and conversions. */
export function ourExpressions(evaluate: Evaluate, theirs: Readonly<Record<string, Expression>>): Record<string, Expression> {
  const list = (document: Any, expression: Any, options: Options): unknown[] => {
    const value = evaluate(document, expression, options);
    return Array.isArray(expression) ? (value as unknown[]) : [value];
  };
  const over =
    (run: (values: readonly unknown[]) => Any, count?: number, name?: string): Expression =>
    (document, expression, options) => {
      const values = list(document, expression, options);
      if (count !== undefined && values.length !== count)
        throw new CommandFailure("Location16020", `Expression ${name} takes exactly ${count} arguments. ${values.length} were passed in.`);
      return run(values);
    };
  const comparing =
    (name: string, holds: (sign: number) => Any): Expression =>
    (document, expression, options) => {
      const values = list(document, expression, options);
      if (values.length !== 2)
        throw new CommandFailure("Location16020", `Expression ${name} takes exactly 2 arguments. ${values.length} were passed in.`);
      return holds(order(values[0], values[1], collationOf(options)));
    };
  const accumulators = ourAccumulators(evaluate);
  /** mingo's own stages ask for an accumulator as for an expression, of a list of documents. */
  const folding =
    (name: string, fold: Fold): Expression =>
    (document, expression, options) => {
      if (Array.isArray(document)) return (accumulators[name] as Accumulator)(document as Any[], expression, options);
      const values = list(document, expression, options);
      const only = values.length === 1 ? values[0] : values;
      return fold(Array.isArray(only) ? only : [only], options);
    };
  const literal = (value: unknown): Any => ({ $literal: value }) as Any;
  /** mingo's own, given a double where it got a Long or a Decimal128. */
  const through =
    (name: string): Expression =>
    (document, expression, options) => {
      const values = list(document, expression, options);
      const plain = values.map((value) => literal(isNumeric(value) ? toDouble(value) : value));
      return (theirs[name] as Expression)(document, (Array.isArray(expression) ? plain : plain[0]) as Any, options);
    };
  const toDecimal: Expression = (document, expression, options) => {
    const value = evaluate(document, expression, options) as unknown;
    if (isNothing(value)) return null;
    if (value instanceof Decimal128) return value as Any;
    if (typeof value === "boolean") return Decimal128.fromString(value ? "1" : "0") as Any;
    if (value instanceof Date) return Decimal128.fromString(String(value.getTime())) as Any;
    if (typeof value === "string" || isNumeric(value)) {
      try {
        return Decimal128.fromString(String(value).trim()) as Any;
      } catch {
        throw new CommandFailure("ConversionFailure", `Failed to parse number '${String(value)}' in $convert with no onError value`);
      }
    }
    throw new CommandFailure(
      "ConversionFailure",
      `Unsupported conversion from ${typeName(value)} to decimal in $convert with no onError value`,
    );
  };
  return {
    $add: over(addAll),
    $subtract: over(subtract, 2, "$subtract"),
    $multiply: over(multiplyAll),
    $divide: over(divideTwo, 2, "$divide"),
    $mod: over(modulo, 2, "$mod"),
    $abs: over(absolute, 1, "$abs"),
    $ceil: through("$ceil"),
    $floor: through("$floor"),
    $round: through("$round"),
    $trunc: through("$trunc"),
    $sqrt: through("$sqrt"),
    $pow: through("$pow"),
    $exp: through("$exp"),
    $ln: through("$ln"),
    $log: through("$log"),
    $log10: through("$log10"),
    $eq: comparing("$eq", (sign) => sign === 0),
    $ne: comparing("$ne", (sign) => sign !== 0),
    $gt: comparing("$gt", (sign) => sign > 0),
    $gte: comparing("$gte", (sign) => sign >= 0),
    $lt: comparing("$lt", (sign) => sign < 0),
    $lte: comparing("$lte", (sign) => sign <= 0),
    $cmp: comparing("$cmp", (sign) => sign),
    $sum: folding("$sum", FOLDS.$sum as Fold),
    $avg: folding("$avg", FOLDS.$avg as Fold),
    $min: folding("$min", FOLDS.$min as Fold),
    $max: folding("$max", FOLDS.$max as Fold),
    $type: (document, expression, options) => {
      const value = list(document, expression, options)[0];
      return value === undefined ? "missing" : typeName(value);
    },
    $isNumber: (document, expression, options) => isNumeric(list(document, expression, options)[0]),
    $toDecimal: toDecimal,
    $toDouble: (document, expression, options) => {
      const value = evaluate(document, expression, options) as unknown;
      return isNumeric(value) ? toDouble(value) : (theirs.$toDouble as Expression)(document, literal(value), options);
    },
    $toLong: (document, expression, options) => {
      const value = evaluate(document, expression, options) as unknown;
      return value instanceof Long
        ? (value as Any)
        : (theirs.$toLong as Expression)(document, literal(isNumeric(value) ? toDouble(value) : value), options);
    },
    $toString: (document, expression, options) => {
      const value = evaluate(document, expression, options) as unknown;
      return isNumeric(value) ? String(value) : (theirs.$toString as Expression)(document, literal(value), options);
    },
    $convert: (document, expression, options) => {
      const { input, to } = expression as { readonly input?: Any; readonly to?: Any };
      const target = evaluate(document, to ?? null, options) as unknown;
      if (target !== "decimal" && target !== 19) return (theirs.$convert as Expression)(document, expression, options);
      const value = evaluate(document, input ?? null, options) as unknown;
      const { onNull, onError } = expression as { readonly onNull?: Any; readonly onError?: Any };
      if (isNothing(value)) return onNull === undefined ? null : evaluate(document, onNull, options);
      try {
        return toDecimal(document, literal(value), options);
      } catch (thrown) {
        if (onError === undefined) throw thrown;
        return evaluate(document, onError, options);
      }
    },
  };
}
