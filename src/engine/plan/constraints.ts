import type { Resolved } from "../columns/resolved.ts";
import { conjuncts, referencesOf, replaceFields, shiftFields } from "./expressions.ts";
import { equals } from "./conditions.ts";
import type { JoinNode, Node } from "./node.ts";

/** What is known to be true of every row of a node, over its columns: the conditions that it, or something below, has filtered by. */
export function constraintsOf(node: Node): Resolved[] {
  switch (node.op) {
    case "filter":
      return [...constraintsOf(node.input), ...conjuncts(node.condition)];
    case "watermark":
    case "deduplicate":
    case "window":
    case "generate":
    case "sort":
    case "limit":
      return constraintsOf(node.input);
    case "project":
      return moved(constraintsOf(node.input), (ordinal) =>
        node.expressions.findIndex((one) => one.kind === "field" && one.ordinal === ordinal),
      );
    case "aggregate": {
      if (node.sets) return [];
      const keyOf = (ordinal: number): number => node.keys.findIndex((key) => key.kind === "field" && key.ordinal === ordinal);
      return moved(constraintsOf(node.input), (ordinal) => {
        const key = keyOf(ordinal);
        return key < 0 ? -1 : node.results.findIndex((one) => one.kind === "field" && one.ordinal === key);
      });
    }
    case "join":
      return joinConstraints(node);
    default:
      return [];
  }
}

/** The equalities of the keys and the rest of a join's condition, over the columns of both sides. */
export function conditionsOf(join: JoinNode): Resolved[] {
  const width = join.left.columns.length;
  const keys = join.leftKeys.flatMap((left, i) => {
    const right = join.rightKeys[i];
    return right ? [equals(left, shiftFields(right, width), join.nullSafe?.[i] === true)] : [];
  });
  return [...keys, ...(join.condition ? conjuncts(join.condition) : [])];
}

function joinConstraints(join: JoinNode): Resolved[] {
  const right = (): Resolved[] => constraintsOf(join.right).map((one) => shiftFields(one, join.left.columns.length));
  switch (join.type) {
    case "inner":
    case "cross":
      return [...constraintsOf(join.left), ...right(), ...conditionsOf(join)];
    case "right":
      return right();
    case "full":
      return [];
    default:
      return constraintsOf(join.left);
  }
}

function moved(constraints: readonly Resolved[], to: (ordinal: number) => number): Resolved[] {
  return constraints
    .filter((one) => [...referencesOf(one)].every((ordinal) => to(ordinal) >= 0))
    .map((one) => replaceFields(one, (ordinal, field) => ({ ...field, ordinal: to(ordinal) })));
}

/**
 * What follows from conditions when a column equals another one: each condition holds for the other column as well (Spark's
 * QueryPlanConstraints.inferAdditionalConstraints).
 */
export function inferred(conditions: readonly Resolved[]): Resolved[] {
  return conditions.flatMap((condition) => {
    if (condition.kind !== "call" || condition.entry.name !== "=") return [];
    const [a, b] = condition.args;
    if (!a || !b) return [];
    const others = conditions.filter((one) => one !== condition);
    const swap = (column: Resolved, by: Resolved): Resolved[] =>
      column.kind !== "field" || !(by.kind === "field" || (by.kind === "cast" && by.input.kind === "field"))
        ? []
        : others
            .filter((one) => referencesOf(one).has(column.ordinal))
            .map((one) => replaceFields(one, (ordinal, field) => (ordinal === column.ordinal ? by : field)));
    return [...swap(a, b), ...swap(b, a)];
  });
}

/** One text for equal expressions. */
export function signature(expression: Resolved): string {
  switch (expression.kind) {
    case "field":
      return `#${expression.ordinal}`;
    case "literal":
      return `${typeof expression.value}:${String(expression.value)}:${expression.dataType.type}`;
    case "call":
      return `${expression.entry.name}(${expression.args.map(signature).join(",")})`;
    case "cast":
      return `${expression.mode}[${JSON.stringify(expression.dataType)}](${signature(expression.input)})`;
    case "getField":
      return `${signature(expression.input)}.${expression.ordinal}`;
    case "case":
      return `case(${expression.branches.map(([when, then]) => `${signature(when)}:${signature(then)}`).join(",")};${expression.otherwise ? signature(expression.otherwise) : ""})`;
  }
}
