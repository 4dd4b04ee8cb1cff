import { CodeWriter } from "../codegen/code.ts";
import { createEmitContext } from "../codegen/emit.ts";
import type { ExpressionSettings, Resolved } from "../columns/resolved.ts";
import type { Column, JoinNode } from "../plan/node.ts";
import type { Row } from "../types/data-type.ts";
import { rowBindings } from "./sort.ts";

/** The pairs of rows that a join's remaining condition accepts, as a generated function over both rows. */
export function pairTest(
  node: JoinNode,
  condition: Resolved | undefined,
  settings: ExpressionSettings,
): (left: Row, right: Row) => boolean {
  if (!condition) return () => true;
  const writer = new CodeWriter();
  const fields = [...rowBindings("left", node.left.columns, writer), ...rowBindings("right", node.right.columns, writer)];
  const context = createEmitContext({ writer, settings, batchTimeUs: "0", fields });
  returnTruth(context.emit(condition), writer);
  return writer.compile("pairTest", ["left", "right"]);
}

/** Both rows, the left one first, as one row; as a generated function, since the widths are known. */
export function rowsTogether(node: JoinNode): (left: Row, right: Row) => Row {
  const writer = new CodeWriter();
  const cells = (name: string, columns: readonly Column[]): string[] => columns.map((_, i) => `${name}[${i}]`);
  writer.line(`return [${[...cells("left", node.left.columns), ...cells("right", node.right.columns)].join(", ")}];`);
  return writer.compile("rowsTogether", ["left", "right"]);
}

/** The rows that a condition accepts. */
export function rowTest(condition: Resolved, columns: readonly Column[], settings: ExpressionSettings): (row: Row) => boolean {
  const writer = new CodeWriter();
  const context = createEmitContext({ writer, settings, batchTimeUs: "0", fields: rowBindings("row", columns, writer) });
  returnTruth(context.emit(condition), writer);
  return writer.compile("rowTest", ["row"]);
}

function returnTruth(result: { readonly value: string; readonly isNull: string }, writer: CodeWriter): void {
  writer.line(`return ${result.isNull === "false" ? result.value : `!(${result.isNull}) && ${result.value}`};`);
}
