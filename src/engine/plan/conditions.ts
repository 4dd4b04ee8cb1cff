import { AnalysisError } from "../columns/analysis-error.ts";
import type { Resolved } from "../columns/resolved.ts";
import { builtinFunctions } from "../functions/registry.ts";

function call(name: string, args: readonly Resolved[]): Resolved {
  const entry = builtinFunctions.get(name);
  if (!entry)
    throw new AnalysisError("UNRESOLVED_ROUTINE", {
      failed: `Cannot resolve routine \`${name}\``,
      found: "no such function",
      remedy: "Report it.",
    });
  const made = entry.resolve(args, {}, { ansi: true });
  return { kind: "call", entry, args: made.args, options: made.options ?? {}, dataType: made.dataType, nullable: made.nullable };
}

/** The conditions joined by AND; undefined for none. */
export function andOf(conditions: readonly Resolved[]): Resolved | undefined {
  return conditions.length === 0 ? undefined : conditions.reduce((left, right) => call("and", [left, right]));
}

/** `expression IS NOT NULL`. */
export function isNotNull(expression: Resolved): Resolved {
  return call("isnotnull", [expression]);
}

/** `left = right`, or `left <=> right`. */
export function equals(left: Resolved, right: Resolved, nullSafe: boolean): Resolved {
  return call(nullSafe ? "<=>" : "=", [left, right]);
}
