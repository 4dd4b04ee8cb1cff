import { simpleString } from "../types/type-text.ts";
import { valueText } from "../types/value-text.ts";
import type { Resolved } from "./resolved.ts";

const UNITS = [
  ["day", 86_400_000_000],
  ["hour", 3_600_000_000],
  ["minute", 60_000_000],
  ["second", 1_000_000],
  ["millisecond", 1000],
  ["microsecond", 1],
] as const;

/** Microseconds in the largest unit that divides them: "10 seconds". */
export function durationText(us: number): string {
  const [unit, size] = UNITS.find(([, one]) => us !== 0 && us % one === 0) ?? ["microsecond", 1];
  const count = us / size;
  return `${count} ${unit}${Math.abs(count) === 1 ? "" : "s"}`;
}

/** An expression as SQL would write it, for explain and for the comments of generated code. */
export function resolvedText(expression: Resolved): string {
  switch (expression.kind) {
    case "field":
      return expression.name;
    case "literal":
      if (expression.value === null) return "NULL";
      return typeof expression.value === "string" ? `'${expression.value}'` : valueText(expression.value, expression.dataType);
    case "call": {
      const args = expression.args.map(resolvedText);
      return /^\W|^and$|^or$|^div$/.test(expression.entry.name) && args.length === 2
        ? `(${args.join(` ${expression.entry.name} `)})`
        : `${expression.entry.name}(${args.join(", ")})`;
    }
    case "cast":
      return `${expression.mode === "try" ? "try_cast" : "cast"}(${resolvedText(expression.input)} as ${simpleString(expression.dataType)})`;
    case "case":
      return `CASE ${expression.branches.map(([when, then]) => `WHEN ${resolvedText(when)} THEN ${resolvedText(then)}`).join(" ")}${expression.otherwise ? ` ELSE ${resolvedText(expression.otherwise)}` : ""} END`;
    case "getField":
      return `${resolvedText(expression.input)}.${expression.name}`;
  }
}
