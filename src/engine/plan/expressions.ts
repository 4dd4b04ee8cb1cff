import type { Resolved } from "../columns/resolved.ts";

/** The direct parts of an expression. */
export function partsOf(expression: Resolved): readonly Resolved[] {
  switch (expression.kind) {
    case "call":
      return expression.args;
    case "cast":
    case "getField":
      return [expression.input];
    case "case":
      return [...expression.branches.flat(), ...(expression.otherwise ? [expression.otherwise] : [])];
    default:
      return [];
  }
}

/** The ordinals of all input columns that an expression reads. */
export function referencesOf(expression: Resolved, into: Set<number> = new Set()): Set<number> {
  if (expression.kind === "field") into.add(expression.ordinal);
  for (const part of partsOf(expression)) referencesOf(part, into);
  return into;
}

/** Whether any part satisfies the test. */
export function someOf(expression: Resolved, test: (part: Resolved) => boolean): boolean {
  return test(expression) || partsOf(expression).some((part) => someOf(part, test));
}

/** The same value twice for the same row. */
export function isDeterministic(expression: Resolved): boolean {
  return !someOf(expression, (part) => part.kind === "call" && part.entry.volatile === true);
}

/** The expression with every column reference replaced. */
export function replaceFields(
  expression: Resolved,
  by: (ordinal: number, field: Extract<Resolved, { kind: "field" }>) => Resolved,
): Resolved {
  const walk = (one: Resolved): Resolved => {
    switch (one.kind) {
      case "field":
        return by(one.ordinal, one);
      case "literal":
        return one;
      case "call":
        return { ...one, args: one.args.map(walk) };
      case "cast":
      case "getField":
        return { ...one, input: walk(one.input) };
      case "case":
        return {
          ...one,
          branches: one.branches.map(([condition, value]): [Resolved, Resolved] => [walk(condition), walk(value)]),
          ...(one.otherwise && { otherwise: walk(one.otherwise) }),
        };
    }
  };
  return walk(expression);
}

/** The same expression over columns that begin `by` places further right. */
export function shiftFields(expression: Resolved, by: number): Resolved {
  return replaceFields(expression, (ordinal, field) => ({ ...field, ordinal: ordinal + by }));
}

/** The parts of a condition that are joined by AND; the two bounds of a BETWEEN. */
export function conjuncts(condition: Resolved): Resolved[] {
  return condition.kind === "call" && (condition.entry.name === "and" || condition.entry.name === "between")
    ? condition.args.flatMap(conjuncts)
    : [condition];
}
