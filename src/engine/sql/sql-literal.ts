import { AnalysisError } from "../columns/analysis-error.ts";
import { literalExpression } from "../columns/literal.ts";
import type { Expression } from "../columns/expression.ts";
import { intervalLiteral } from "../functions/time-window.ts";
import type { DataType } from "../types/data-type.ts";
import { parseDate, parseTimestamp } from "../types/timestamp-text.ts";
import type { Ast, AstObject } from "./parser.ts";
import { isObject, listOf, placeOf, variantOf } from "./parser.ts";
import type { SourceText } from "./source-text.ts";
import { placeText, syntaxError, unsupportedSql } from "./sql-error.ts";

/** A literal: texts, numbers (with a point: DECIMAL, with an exponent: DOUBLE, as in Spark), TRUE, FALSE, NULL, X'1F'. */
export function valueLiteral(value: AstObject, source: SourceText): Expression {
  const [kind, content] = variantOf(value.value);
  switch (kind) {
    case "Number": {
      const [digits, long] = listOf(content);
      const start = isObject(value.span) && isObject(value.span.start) ? value.span.start : {};
      const suffix = long === true ? "L" : source.suffix({ line: Number(start.line), column: Number(start.column) });
      return suffix === undefined ? numberLiteral(String(digits)) : typedNumber(String(digits), suffix, value, source);
    }
    case "SingleQuotedString":
    case "DoubleQuotedString":
      return literalExpression(source.literal(String(content)));
    case "Boolean":
      return literalExpression(content === true);
    case "Null":
      return literalExpression(null);
    case "HexStringLiteral":
      return literalExpression(new Uint8Array(Buffer.from(String(content), "hex")));
    default:
      throw unsupportedSql(`The literal ${kind}`, placeOf(value, source), "Write a text, a number, TRUE, FALSE or NULL.");
  }
}

const WHOLE: Readonly<Record<string, readonly [type: "tinyint" | "smallint" | "bigint", bits: number]>> = {
  Y: ["tinyint", 8],
  S: ["smallint", 16],
  L: ["bigint", 64],
};

/** 2S, 1.5D, 1.25BD: the suffix says the type, which must hold the number (one more below zero, for the sign that may stand before it, is not held). */
function typedNumber(digits: string, suffix: string, node: AstObject, source: SourceText): Expression {
  const [type, bits] = WHOLE[suffix] ?? [undefined, 0];
  if (type !== undefined) {
    if (!/^\d+$/.test(digits)) throw syntaxError(`${digits}${suffix} is no whole number`, placeOf(node, source));
    const whole = BigInt(digits);
    if (whole >= 1n << BigInt(bits - 1))
      throw new AnalysisError("INVALID_NUMERIC_LITERAL_RANGE", {
        failed: `Numeric literal ${digits} is outside the valid range for ${type}`,
        found: `at ${placeText(placeOf(node, source))}`,
        remedy: "Write a smaller number, or one of a wider type.",
      });
    return { kind: "literal", value: jsonSafe(whole), dataType: { type } };
  }
  if (suffix === "BD") return decimalLiteral(/[eE]/.test(digits) ? plainDigits(digits) : digits);
  return {
    kind: "literal",
    value: suffix === "F" ? Math.fround(Number(digits)) : Number(digits),
    dataType: { type: suffix === "F" ? "float" : "double" },
  };
}

/** "1.5e2" as "150". */
function plainDigits(digits: string): string {
  const [mantissa = "", exponent = "0"] = digits.toLowerCase().split("e");
  const [whole = "", fraction = ""] = mantissa.split(".");
  const point = whole.length + Number(exponent);
  const all = whole + fraction;
  if (point <= 0) return `0.${"0".repeat(-point)}${all}`;
  return point >= all.length ? all.padEnd(point, "0") : `${all.slice(0, point)}.${all.slice(point)}`;
}

function numberLiteral(digits: string): Expression {
  if (/[eE]/.test(digits)) return { kind: "literal", value: Number(digits), dataType: { type: "double" } };
  if (digits.includes(".")) return decimalLiteral(digits);
  const whole = BigInt(digits);
  if (whole > 0x7fff_ffff_ffff_ffffn) return decimalLiteral(digits);
  return { kind: "literal", value: jsonSafe(whole), dataType: whole <= 0x7fff_ffffn ? { type: "int" } : { type: "bigint" } };
}

function decimalLiteral(digits: string): Expression {
  const [whole = "", fraction = ""] = digits.split(".");
  const significant = whole.replace(/^0+/, "").length + fraction.length;
  const dataType: DataType = { type: "decimal", precision: Math.max(1, significant, fraction.length), scale: fraction.length };
  return { kind: "literal", value: digits, dataType };
}

function jsonSafe(value: bigint): number | string {
  return value <= BigInt(Number.MAX_SAFE_INTEGER) && value >= -BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : String(value);
}

/** `-literal` as a literal of its own; undefined for anything that is not a number. */
export function negated(expression: Expression): Expression | undefined {
  if (expression.kind !== "literal" || expression.value === null || typeof expression.value === "boolean") return undefined;
  if (!["tinyint", "smallint", "int", "bigint", "float", "double", "decimal"].includes(expression.dataType.type)) return undefined;
  const { value } = expression;
  return {
    ...expression,
    value: typeof value === "number" ? (value === 0 ? value : -value) : value.startsWith("-") ? value.slice(1) : `-${value}`,
  };
}

/** TIMESTAMP '…', DATE '…', and INTERVAL '…' without a unit. */
export function typedLiteral(node: AstObject, source: SourceText): Expression {
  const value = isObject(node.value) ? node.value : {};
  const text = source.literal(String(variantOf(value.value)[1]));
  const [type] = variantOf(node.data_type);
  const place = placeOf(node, source);
  if (type === "Datetime") return intervalOf(text, node, source);
  const parsed = type === "Timestamp" ? parseTimestamp(text) : type === "Date" ? parseDate(text) : undefined;
  if (parsed === undefined) throw unsupportedSql(`A literal of type ${type}`, place, `Write CAST('${text}' AS ${type.toUpperCase()}).`);
  if (parsed === null) throw syntaxError(`'${text}' is no ${type.toUpperCase()}`, place);
  return { kind: "literal", value: parsed, dataType: { type: type === "Date" ? "date" : "timestamp" } };
}

/** INTERVAL 10 MINUTES, INTERVAL '10' MINUTE. */
export function unitInterval(node: AstObject, source: SourceText): Expression {
  const [unit, other] = variantOf(node.leading_field);
  const sign = isObject(node.value) && isObject(node.value.UnaryOp) ? "-" : "";
  const inner = sign === "-" && isObject(node.value) && isObject(node.value.UnaryOp) ? node.value.UnaryOp.expr : node.value;
  const literal = isObject(inner) && isObject(inner.Value) ? valueLiteral(inner.Value, source) : undefined;
  if (literal?.kind !== "literal")
    throw unsupportedSql("An interval of a computed length", placeOf(node, source), "Write a number: INTERVAL 10 MINUTES.");
  const value = `${sign}${String(literal.value)}`;
  const [last] = variantOf(node.last_field);
  if (last !== "") return intervalOf(`interval '${value}' ${unit} to ${last}`, node, source);
  return intervalOf(`${value} ${unit === "Custom" ? String(other) : unit}`, node, source);
}

function intervalOf(text: string, node: Ast, source: SourceText): Expression {
  try {
    return intervalLiteral(text);
  } catch (cause) {
    if (cause instanceof AnalysisError && cause.code !== "CANNOT_PARSE_INTERVAL") throw cause;
    throw syntaxError(`'${text}' is no interval of years and months, or of weeks to microseconds`, placeOf(node, source), cause);
  }
}
