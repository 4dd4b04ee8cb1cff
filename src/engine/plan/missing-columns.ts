import { AnalysisError, datatypeMismatch } from "../columns/analysis-error.ts";
import type { Resolved } from "../columns/resolved.ts";
import type { DataType } from "../types/data-type.ts";
import { sqlTypeName } from "../types/type-text.ts";
import type { Node } from "./node.ts";
import { fieldRef } from "./node.ts";

/**
 * A filter or a sort above a select may name columns that the select left out: they are kept up to it and left out after it (Spark's
 * ResolveMissingReferences).
 */
export function withMissingColumns(input: Node, build: (input: Node) => Node): Node {
  try {
    return build(input);
  } catch (thrown) {
    if (input.op !== "project" || !(thrown instanceof AnalysisError) || !thrown.code.startsWith("UNRESOLVED_COLUMN")) throw thrown;
    const names = new Set(input.columns.map((one) => one.name.toLowerCase()));
    const missing = input.input.columns.flatMap((one, i) => (names.has(one.name.toLowerCase()) ? [] : [i]));
    let built: Node;
    try {
      built = build({
        ...input,
        expressions: [...input.expressions, ...missing.map((i) => fieldRef(input.input.columns, i))],
        columns: [...input.columns, ...missing.flatMap((i) => input.input.columns[i] ?? [])],
      });
    } catch {
      throw thrown;
    }
    const expressions = input.columns.map((_, i) => fieldRef(built.columns, i));
    return { op: "project", input: built, expressions, columns: input.columns, streaming: built.streaming };
  }
}

/** A sort key: its type must have an order. */
export function sortable(expression: Resolved): Resolved {
  if (!holdsMap(expression.dataType)) return expression;
  throw datatypeMismatch(
    "INVALID_ORDERING_TYPE",
    "a sort key",
    `the sort order does not support ordering on type "${sqlTypeName(expression.dataType)}"`,
    "Sort by a value of the map.",
  );
}

function holdsMap(type: DataType): boolean {
  if (type.type === "struct") return type.fields.some((one) => holdsMap(one.dataType));
  return type.type === "map" || (type.type === "array" && holdsMap(type.element));
}
