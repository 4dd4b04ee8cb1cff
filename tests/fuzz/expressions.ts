import type { Expression } from "../../src/engine/columns/expression.ts";
import type { DataType } from "../../src/engine/types/data-type.ts";
import { parseDataType } from "../../src/engine/types/ddl.ts";

export const value: Expression = { kind: "column", path: ["value"] };

export function text(value: string): Expression {
  return { kind: "literal", value, dataType: { type: "string" } };
}

export function int(value: number): Expression {
  return { kind: "literal", value, dataType: { type: "int" } };
}

export function cast(input: Expression, to: string, mode: "cast" | "try" = "cast"): Expression {
  return { kind: "cast", input, to: parseDataType(to), mode };
}

export function call(fn: string, ...args: readonly Expression[]): Expression {
  return { kind: "call", fn, args };
}

export function field(input: Expression, name: string): Expression {
  return call("field", input, text(name));
}

export function parsed(
  fn: "from_json" | "from_csv",
  input: Expression,
  schema: DataType,
  options: Readonly<Record<string, string>>,
): Expression {
  return { kind: "call", fn, args: [input], options: { schema, options } };
}
