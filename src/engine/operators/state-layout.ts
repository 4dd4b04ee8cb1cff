import type { Column, Node } from "../plan/node.ts";
import { simpleString } from "../types/type-text.ts";

/**
 * What a stateful operator's files are made of, as text: two queries may read each other's state only where it is the same. Keys and kept columns
 * count by name and type, aggregates by their cells; filters, results and delays do not count, they may change between two runs.
 */
export function stateLayout(name: string, node: Node): string {
  switch (node.op) {
    case "aggregate":
    case "session": {
      const cells = node.calls.map(
        (call) => `${call.aggregate.slots.map((slot) => `${slot.name} ${simpleString(slot.dataType)}`).join("+")}`,
      );
      return `${name}(${columnsText(node.keyColumns)}; ${cells.join(", ")})`;
    }
    case "deduplicate":
      return `${name}(${columnsText(node.ordinals.flatMap((ordinal) => node.columns[ordinal] ?? []))})`;
    case "join":
      return `${name}(${columnsText(node.left.columns)}; ${columnsText(node.right.columns)})`;
    default:
      return name;
  }
}

function columnsText(columns: readonly Column[]): string {
  return columns.map((column) => `${column.name} ${simpleString(column.dataType)}`).join(", ");
}
