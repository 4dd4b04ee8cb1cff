import type { Resolved } from "../columns/resolved.ts";
import { sameType } from "../types/schema.ts";
import { replaceFields } from "./expressions.ts";
import type { AggregateNode, Column, DeduplicateNode, Node } from "./node.ts";
import { eventTimeOf } from "./scope.ts";

/**
 * Event times as the optimised plan has them, which analysis does not know and `check` therefore does not count: a cast that changes nothing is taken
 * out (Spark's SimplifyCasts), and what keeps the column's name is the column itself again, with its watermark (RemoveRedundantAliases). Under another
 * name only deduplication sees it, when it looks for late rows among what comes in. Keys that are fields of structs keep the event times of the fields.
 */
export function withEventTimes(node: Node): Node {
  switch (node.op) {
    case "source":
    case "local":
    case "watermark":
    case "session":
      return node;
    case "project":
      return marked(node, (i) => renamed(node.expressions[i], node.columns[i], node.input.columns));
    case "aggregate":
      return markedKeys(node);
    case "join":
      return marked(node, (i) => [...node.left.columns, ...node.right.columns][i]?.eventTimeDelayMs);
    case "union":
    case "intersect":
    case "except":
      return marked(node, (i) => node.left.columns[i]?.eventTimeDelayMs);
    case "deduplicate":
      return withLateRows(marked(node, (i) => node.input.columns[i]?.eventTimeDelayMs));
    default:
      return marked(node, (i) => node.input.columns[i]?.eventTimeDelayMs);
  }
}

/** The event time of a column that is another one of the same name, perhaps behind a cast that changes nothing. */
function renamed(expression: Resolved | undefined, column: Column | undefined, input: readonly Column[]): number | undefined {
  const made = expression && withoutNoops(expression);
  return made && (made === expression || (made.kind === "field" && made.name === column?.name)) ? eventTimeOf(made, input) : undefined;
}

/** The expression without casts to its own type and without coalesce of one argument. */
function withoutNoops(expression: Resolved): Resolved {
  if (expression.kind === "cast" && sameType(expression.dataType, expression.input.dataType)) return withoutNoops(expression.input);
  if (expression.kind !== "call" || expression.entry.name !== "coalesce" || expression.args.length !== 1) return expression;
  return withoutNoops(expression.args[0] ?? expression);
}

/** The columns with the event times that they lack. */
function remarked(columns: readonly Column[], delayOf: (ordinal: number) => number | undefined): readonly Column[] {
  let changed = false;
  const made = columns.map((column, i): Column => {
    const eventTimeDelayMs = column.eventTimeDelayMs === undefined ? delayOf(i) : undefined;
    if (eventTimeDelayMs === undefined) return column;
    changed = true;
    return { ...column, eventTimeDelayMs };
  });
  return changed ? made : columns;
}

function marked<N extends Node>(node: N, delayOf: (ordinal: number) => number | undefined): N {
  const columns = remarked(node.columns, delayOf);
  return columns === node.columns ? node : { ...node, columns };
}

function markedKeys(node: AggregateNode): AggregateNode {
  const timeOf = (key: Resolved | undefined): number | undefined => key && eventTimeOf(key, node.input.columns);
  const keyColumns = remarked(node.keyColumns, (i) => timeOf(node.keys[i]));
  if (keyColumns === node.keyColumns) return node;
  const columns = remarked(node.columns, (i) => {
    const result = node.results[i];
    return result && eventTimeOf(result, keyColumns);
  });
  return { ...node, keyColumns, columns };
}

function withLateRows(node: DeduplicateNode): DeduplicateNode {
  const input = marked(node.input, (i) => {
    const column = node.input.columns[i];
    const field = column && ({ kind: "field", ordinal: i, ...column } satisfies Resolved);
    return field && below(node.input, field);
  });
  return input === node.input ? node : { ...node, input };
}

/** The event time of an expression over a node's columns, looked for behind projections and filters. */
function below(node: Node, expression: Resolved): number | undefined {
  const made = withoutNoops(expression);
  if (node.op === "filter") return below(node.input, made);
  if (node.op !== "project") return made.kind === "field" ? node.columns[made.ordinal]?.eventTimeDelayMs : undefined;
  return below(
    node.input,
    replaceFields(made, (ordinal, field) => node.expressions[ordinal] ?? field),
  );
}
