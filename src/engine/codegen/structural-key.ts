import type { Resolved } from "../columns/resolved.ts";
import { simpleString } from "../types/type-text.ts";

const keys = new WeakMap<Resolved, string>();
let objects = 0;

/** A text that is equal for two expressions exactly when they compute the same value of the same row. Volatile calls are equal only to themselves. */
export function structuralKey(expression: Resolved): string {
  let key = keys.get(expression);
  if (key === undefined) {
    key = makeKey(expression);
    keys.set(expression, key);
  }
  return key;
}

function makeKey(expression: Resolved): string {
  switch (expression.kind) {
    case "field":
      return `#${expression.ordinal}`;
    case "literal":
      return `${simpleString(expression.dataType)}:${literalKey(expression.value)}`;
    case "getField":
      return `${structuralKey(expression.input)}.${expression.ordinal}`;
    case "cast":
      return `${expression.mode}(${structuralKey(expression.input)} as ${simpleString(expression.dataType)})`;
    case "case":
      return `case(${expression.branches.map((pair) => pair.map(structuralKey).join("?")).join(";")};${
        expression.otherwise ? structuralKey(expression.otherwise) : ""
      })`;
    case "call": {
      const options = Object.keys(expression.options).length === 0 ? "" : JSON.stringify(expression.options);
      const own = expression.entry.volatile ? `@${objects++}` : "";
      return `${expression.entry.name}${own}${options}(${expression.args.map(structuralKey).join(",")})`;
    }
  }
}

function literalKey(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value);
  if (typeof value === "bigint") return `${value}n`;
  if (typeof value === "number") return Object.is(value, -0) ? "-0" : String(value);
  if (typeof value !== "object" || value === null) return String(value);
  return `@${objects++}`;
}
