import { isInterval } from "../types/interval-type.ts";
import { simpleString } from "../types/type-text.ts";
import { valueText } from "../types/value-text.ts";
import type { Expression } from "./expression.ts";

const INFIX = new Set(["+", "-", "*", "/", "%", "div", "=", "<=>", "<", "<=", ">", ">=", "and", "or", "&", "|", "^"]);

const VARIABLE: Expression = { kind: "variable", name: "" };

const IDENTITY: Expression = { kind: "lambda", parameters: [""], body: VARIABLE };

/** An expression as SQL text, as Spark names columns that have no alias: "avg(value)", "(a + b)", "CAST(value AS STRING)". */
export function expressionText(expression: Expression): string {
  switch (expression.kind) {
    case "column":
      return expression.path.join(".");
    case "literal":
      return literalSql(expression);
    case "cast":
      return `${expression.mode === "try" ? "TRY_CAST" : "CAST"}(${expressionText(expression.input)} AS ${simpleString(expression.to).toUpperCase()})`;
    case "case": {
      const branches = expression.branches.map(([when, then]) => `WHEN ${expressionText(when)} THEN ${expressionText(then)}`).join(" ");
      return `CASE ${branches}${expression.otherwise ? ` ELSE ${expressionText(expression.otherwise)}` : ""} END`;
    }
    case "lambda":
      return `lambdafunction(${[expression.body, ...expression.parameters.map(() => VARIABLE)].map(expressionText).join(", ")})`;
    case "variable":
      return "namedlambdavariable()";
    case "over":
      return `${expression.fn.toUpperCase()}(${expression.args.map(expressionText).join(", ")})`;
    case "call":
      return callText(expression);
  }
}

function callText(call: Extract<Expression, { kind: "call" }>): string {
  const args = call.args.map(expressionText);
  if ((call.fn === "aggregate" || call.fn === "reduce") && args.length === 3) args.push(expressionText(IDENTITY));
  if ((call.fn === "+" || call.fn === "-") && call.args.some((one) => one.kind === "literal" && isInterval(one.dataType)))
    return `${args[0]} ${call.fn} ${args[1]}`;
  if (INFIX.has(call.fn) && args.length === 2) return `(${args[0]} ${call.fn === "div" ? call.fn : call.fn.toUpperCase()} ${args[1]})`;
  if (call.fn === "<>" || call.fn === "!=") return `(NOT (${args[0]} = ${args[1]}))`;
  if (call.fn === "like" && args.length === 2) return `${args[0]} LIKE ${args[1]}`;
  if (call.fn === "rlike" && args.length === 2) return `RLIKE(${args.join(", ")})`;
  if (call.fn === "~" && args.length === 1) return `~${args[0]}`;
  if (call.fn === "not") return `(NOT ${args[0]})`;
  if (call.fn === "isnull") return `(${args[0]} IS NULL)`;
  if (call.fn === "isnotnull") return `(${args[0]} IS NOT NULL)`;
  if (call.fn === "in") return `(${args[0]} IN (${args.slice(1).join(", ")}))`;
  if (call.fn === "field" && call.args[1]?.kind === "literal") return `${args[0]}.${String(call.args[1].value)}`;
  if (call.fn === "count" && args.length === 0) return "count(1)";
  return `${call.fn}(${call.options?.distinct ? "DISTINCT " : ""}${args.join(", ")})`;
}

function literalSql(expression: Extract<Expression, { kind: "literal" }>): string {
  const { value, dataType } = expression;
  if (value === null) return "NULL";
  if (isInterval(dataType)) return valueText(value, dataType);
  if (dataType.type === "timestamp" && typeof value === "number") {
    return `TIMESTAMP '${new Date(value / 1000)
      .toISOString()
      .replace("T", " ")
      .replace(/\.000Z$|Z$/, "")}'`;
  }
  if (dataType.type === "double" && typeof value === "number" && Number.isInteger(value)) return value.toFixed(1);
  return String(value);
}

/** The name of the column that an expression makes when it has no alias: the last part of a field path, else its text. */
export function columnName(expression: Expression): string {
  if (expression.kind === "cast" && expression.input.kind === "column") return columnName(expression.input);
  if (expression.kind === "column") return expression.path.at(-1) ?? "";
  if (expression.kind === "call" && expression.fn === "field" && expression.args[1]?.kind === "literal") {
    return String(expression.args[1].value);
  }
  if (expression.kind === "call" && (expression.fn === "window" || expression.fn === "session_window" || expression.fn === "window_time")) {
    return expression.fn;
  }
  if (expression.kind === "call" && expression.fn === "explode") return "col";
  return expressionText(expression);
}
