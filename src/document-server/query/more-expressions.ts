import { Binary, calculateObjectSize, ObjectId, Timestamp, Long } from "bson";
import type { Any, Options } from "mingo/types";
import { numericKind, toDouble, type Numeric } from "../bson/arithmetic.ts";
import { CommandFailure } from "../failure.ts";
import type { Expression } from "./mingo-expressions.ts";
import { typeName } from "./value-types.ts";

const MONTHS: Readonly<Record<string, number>> = { month: 1, quarter: 3, year: 12 };

/** A date some months on, on the last day of a month that is too short for it. */
function plusMonths(date: Date, months: number): Date {
  const target = new Date(date);
  target.setUTCDate(1);
  target.setUTCMonth(target.getUTCMonth() + months);
  const lastDay = new Date(Date.UTC(target.getUTCFullYear(), target.getUTCMonth() + 1, 0)).getUTCDate();
  target.setUTCDate(Math.min(date.getUTCDate(), lastDay));
  return target;
}

type DateShift = { readonly startDate?: unknown; readonly unit?: unknown; readonly amount?: unknown; readonly timezone?: unknown };

/** Operators that mingo does not have, and those of dates that it carries into the next month. */
export function moreExpressions(evaluate: Expression, theirs: Readonly<Record<string, Expression>>): Record<string, Expression> {
  const one = (document: Any, expression: Any, options: Options): unknown => {
    const value = evaluate(document, expression, options) as unknown;
    return Array.isArray(expression) ? (value as unknown[])[0] : value;
  };
  const shifting =
    (name: "$dateAdd" | "$dateSubtract", sense: 1 | -1): Expression =>
    (document, expression, options) => {
      const { startDate, unit, amount, timezone } = evaluate(document, expression, options) as DateShift;
      const months = typeof unit === "string" ? MONTHS[unit] : undefined;
      if (startDate === null || startDate === undefined || amount === null || amount === undefined) return null;
      if (!(startDate instanceof Date))
        throw new CommandFailure("Location5166403", `${name} requires startDate to be convertible to a date`);
      if (numericKind(amount) === undefined || !Number.isInteger(toDouble(amount as Numeric)))
        throw new CommandFailure("Location5166405", `${name} expects integer amount of time units`);
      if (months === undefined || timezone !== undefined) return (theirs[name] as Expression)(document, expression, options);
      return plusMonths(startDate, sense * months * toDouble(amount as Numeric));
    };
  return {
    $dateAdd: shifting("$dateAdd", 1),
    $dateSubtract: shifting("$dateSubtract", -1),
    $indexOfCP: (document, expression, options) => {
      const [text, part, start = 0, end = Infinity] = evaluate(document, expression, options) as unknown as [
        unknown,
        unknown,
        number?,
        number?,
      ];
      if (text === null || text === undefined) return null;
      if (typeof text !== "string")
        throw new CommandFailure("Location40093", `$indexOfCP requires a string as the first argument, found: ${typeName(text)}`);
      if (typeof part !== "string")
        throw new CommandFailure("Location40094", `$indexOfCP requires a string as the second argument, found: ${typeName(part)}`);
      const points = [...text];
      const wanted = [...part];
      for (let at = start; at + wanted.length <= Math.min(end, points.length); at++)
        if (wanted.every((point, i) => points[at + i] === point)) return at;
      return -1;
    },
    $toObjectId: (document, expression, options) => {
      const value = one(document, expression, options);
      if (value === null || value === undefined) return null;
      if (value instanceof ObjectId) return value as Any;
      if (typeof value === "string" && /^[0-9a-f]{24}$/i.test(value)) return new ObjectId(value) as Any;
      throw new CommandFailure("ConversionFailure", `Failed to parse objectId '${String(value)}' in $convert with no onError value`);
    },
    $bsonSize: (document, expression, options) => {
      const value = one(document, expression, options);
      if (value === null || value === undefined) return null;
      if (typeName(value) !== "object")
        throw new CommandFailure("Location31393", `$bsonSize requires a document input, found: ${typeName(value)}`);
      return calculateObjectSize(value as object);
    },
    $binarySize: (document, expression, options) => {
      const value = one(document, expression, options);
      if (value === null || value === undefined) return null;
      if (typeof value === "string") return Buffer.byteLength(value);
      if (value instanceof Binary) return value.length();
      throw new CommandFailure("Location51276", `$binarySize requires a string or BinData argument, found: ${typeName(value)}`);
    },
    $tsSecond: (document, expression, options) => partOf(one(document, expression, options), "$tsSecond"),
    $tsIncrement: (document, expression, options) => partOf(one(document, expression, options), "$tsIncrement"),
  };
}

function partOf(value: unknown, name: "$tsSecond" | "$tsIncrement"): Any {
  if (value === null || value === undefined) return null;
  if (!(value instanceof Timestamp))
    throw new CommandFailure("Location5687301", `Argument to ${name} must be a timestamp, but is ${typeName(value)}`);
  return Long.fromNumber(name === "$tsSecond" ? value.t : value.i).toNumber();
}
