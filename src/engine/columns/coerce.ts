import type { DataType, DecimalType, StructField } from "../types/data-type.ts";
import { isInterval, widerInterval } from "../types/interval-type.ts";
import { sameType } from "../types/schema.ts";
import type { ExpressionSettings, Resolved } from "./resolved.ts";

const INTEGRAL = ["tinyint", "smallint", "int", "bigint"];

export function isIntegral(type: DataType): boolean {
  return INTEGRAL.includes(type.type);
}

export function isFractional(type: DataType): boolean {
  return type.type === "float" || type.type === "double" || type.type === "decimal";
}

export function isNumeric(type: DataType): boolean {
  return isIntegral(type) || isFractional(type);
}

export function isAtomic(type: DataType): boolean {
  return type.type !== "array" && type.type !== "map" && type.type !== "struct";
}

/** A literal of the engine's own representation. */
export function literal(value: unknown, dataType: DataType): Resolved {
  return { kind: "literal", value, dataType, nullable: value === null };
}

/** The expression as a value of the type: itself, a literal of it, or an explicit cast that follows the session's rules. */
export function castTo(expression: Resolved, to: DataType, _settings: ExpressionSettings): Resolved {
  if (sameType(expression.dataType, to)) return expression;
  if (expression.kind === "literal") {
    if (expression.value === null) return literal(null, to);
    const from = expression.dataType;
    if (typeof expression.value === "number" && isIntegral(from) && (to.type === "double" || to.type === "bigint")) {
      return literal(expression.value, to);
    }
    if (
      typeof expression.value === "number" &&
      isIntegral(from) &&
      to.type === "decimal" &&
      to.precision - to.scale >= integralDigits(from)
    ) {
      return literal(BigInt(expression.value) * 10n ** BigInt(to.scale), to);
    }
  }
  return {
    kind: "cast",
    input: expression,
    mode: "cast",
    dataType: to,
    nullable: expression.nullable || castMayBeNull(expression.dataType, to, _settings),
  };
}

/** Whether a cast of a value that is not null can give null (only without ANSI rules). */
export function castMayBeNull(from: DataType, to: DataType, settings: ExpressionSettings): boolean {
  if (to.type === "decimal" && (from.type === "double" || from.type === "float")) return true;
  if (settings.ansi) return false;
  if (from.type === "string") return to.type !== "string" && to.type !== "binary";
  if (from.type === "date") return to.type !== "string" && to.type !== "timestamp";
  if (from.type === "timestamp") return to.type !== "bigint" && isNumeric(to);
  return to.type === "decimal" || (to.type === "timestamp" && isFractional(from));
}

/** The digits that every value of an integral type has room in. */
export function integralDigits(type: DataType): number {
  return type.type === "tinyint" ? 3 : type.type === "smallint" ? 5 : type.type === "int" ? 10 : 20;
}

/** The decimal that holds every value of a numeric type (DecimalType.forType). */
export function decimalFor(type: DataType): DecimalType {
  if (type.type === "decimal") return type;
  if (type.type === "float") return decimal(14, 7);
  if (type.type === "double") return decimal(30, 15);
  return decimal(integralDigits(type), 0);
}

/** The decimal of an operand: an integer literal needs only its own digits (DecimalType.fromLiteral). */
export function decimalOperand(expression: Resolved): DecimalType {
  if (expression.kind === "literal" && typeof expression.value === "number" && isIntegral(expression.dataType)) {
    return decimal(String(Math.abs(expression.value)).length, 0);
  }
  return decimalFor(expression.dataType);
}

export function decimal(precision: number, scale: number): DecimalType {
  return { type: "decimal", precision, scale };
}

/** Brings a decimal result type into 38 digits; the scale gives way first, down to 6 (DecimalType.adjustPrecisionScale). */
export function boundedDecimal(precision: number, scale: number): DecimalType {
  if (precision <= 38) return decimal(precision, scale);
  const whole = precision - scale;
  return decimal(38, Math.max(38 - whole, Math.min(scale, 6)));
}

/**
 * The type that both can be read as without an explicit cast, as Spark 4 finds it for comparisons, case, coalesce, in, greatest, array:
 * numbers widen, dates become timestamps, text yields to the other type. Undefined if there is none.
 */
export function commonType(a: DataType, b: DataType, settings: ExpressionSettings): DataType | undefined {
  if (sameType(a, b)) return a;
  if (a.type === "null") return b;
  if (b.type === "null") return a;
  if (isNumeric(a) && isNumeric(b)) return widerNumber(a, b, settings);
  if (isInterval(a) || isInterval(b)) return isInterval(a) && isInterval(b) ? widerInterval(a, b) : undefined;
  if (a.type === "string" && isAtomic(b)) return withText(b, settings);
  if (b.type === "string" && isAtomic(a)) return withText(a, settings);
  if ((a.type === "date" && b.type === "timestamp") || (a.type === "timestamp" && b.type === "date")) return { type: "timestamp" };
  return commonComposite(a, b, settings);
}

/** ANSI: the other type; whole numbers are read as bigint, fractions as double. Without ANSI: numbers and booleans as they are, else text. */
function withText(other: DataType, settings: ExpressionSettings): DataType | undefined {
  if (other.type === "binary") return settings.ansi ? other : { type: "string" };
  if (!settings.ansi) return { type: "string" };
  if (isIntegral(other)) return { type: "bigint" };
  if (isFractional(other)) return { type: "double" };
  return other;
}

function widerNumber(a: DataType, b: DataType, settings: ExpressionSettings): DataType {
  if (a.type === "double" || b.type === "double") return { type: "double" };
  if (a.type === "float" || b.type === "float") {
    const other = a.type === "float" ? b : a;
    if (other.type === "decimal" || (settings.ansi && isIntegral(other))) return { type: "double" };
    return { type: "float" };
  }
  if (a.type === "decimal" || b.type === "decimal") {
    const one = decimalFor(a);
    const two = decimalFor(b);
    const scale = Math.max(one.scale, two.scale);
    const whole = Math.max(one.precision - one.scale, two.precision - two.scale);
    return decimal(Math.min(38, whole + scale), Math.min(scale, 38));
  }
  return INTEGRAL.indexOf(a.type) > INTEGRAL.indexOf(b.type) ? a : b;
}

function commonComposite(a: DataType, b: DataType, settings: ExpressionSettings): DataType | undefined {
  if (a.type === "array" && b.type === "array") {
    const element = commonType(a.element, b.element, settings);
    return element && { type: "array", element };
  }
  if (a.type === "map" && b.type === "map") {
    const key = commonType(a.key, b.key, settings);
    const value = commonType(a.value, b.value, settings);
    return key && value && { type: "map", key, value };
  }
  if (a.type === "struct" && b.type === "struct" && a.fields.length === b.fields.length) {
    const fields: StructField[] = [];
    for (const [i, one] of a.fields.entries()) {
      const other = b.fields[i];
      const dataType = other && commonType(one.dataType, other.dataType, settings);
      if (other === undefined || dataType === undefined || one.name.toLowerCase() !== other.name.toLowerCase()) return undefined;
      fields.push({ name: one.name, dataType, nullable: one.nullable || other.nullable });
    }
    return { type: "struct", fields };
  }
  return undefined;
}

/** The common type of values of which none is read from text or as text (greatest, least); undefined if there is none. */
export function commonTypeWithoutText(types: readonly DataType[], settings: ExpressionSettings): DataType | undefined {
  const texts = types.filter((type) => type.type === "string").length;
  const nulls = types.filter((type) => type.type === "null").length;
  return texts > 0 && texts + nulls < types.length ? undefined : commonTypeOf(types, settings);
}

/** The common type of several, undefined if there is none; the null type for an empty list. */
export function commonTypeOf(types: readonly DataType[], settings: ExpressionSettings): DataType | undefined {
  let common: DataType | undefined = { type: "null" };
  for (const type of types) common = common && commonType(common, type, settings);
  return common;
}
