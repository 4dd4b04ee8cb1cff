import { CodeWriter } from "../codegen/code.ts";
import { createEmitContext, valueOrNull } from "../codegen/emit.ts";
import type { FieldBinding } from "../functions/function-entry.ts";
import type { Resolved } from "../columns/resolved.ts";
import type { Column, Node } from "../plan/node.ts";
import { comparatorOf } from "../types/compare.ts";
import type { Row } from "../types/data-type.ts";
import type { ExpressionSettings } from "../columns/resolved.ts";

/** Rows in the order of `by`: stable, nulls where each key says. */
export function sortRows(node: Extract<Node, { op: "sort" }>, rows: readonly Row[]): Row[] {
  const keysOf = rowFunction(
    node.by.map((key) => key.expr),
    node.columns,
    { ansi: true },
  );
  const comparators = node.by.map((key) => comparatorOf(key.expr.dataType));
  const keyed = rows.map((row) => ({ row, keys: keysOf(row, 0) }));
  keyed.sort((a, b) => {
    for (const [i, key] of node.by.entries()) {
      const [x, y] = [a.keys[i] ?? null, b.keys[i] ?? null];
      if (x === null || y === null) {
        if (x === y) continue;
        return (x === null) === key.nullsFirst ? -1 : 1;
      }
      const order = comparators[i]?.(x, y) ?? 0;
      if (order !== 0) return key.descending ? -order : order;
    }
    return 0;
  });
  return keyed.map((one) => one.row);
}

/** A generated function that gives the values of expressions over one row of these columns. */
export function rowFunction(
  expressions: readonly Resolved[],
  columns: readonly Column[],
  settings: ExpressionSettings,
): (row: Row, timeUs: number) => Row {
  const writer = new CodeWriter();
  const context = createEmitContext({ writer, settings, batchTimeUs: "timeUs", fields: rowBindings("row", columns, writer) });
  const values = expressions.map((expression) => valueOrNull(context.emit(expression)));
  writer.line(`return [${values.join(", ")}];`);
  return writer.compile("rowValues", ["row", "timeUs"]);
}

/** The columns of a row that is held in a local. */
export function rowBindings(row: string, columns: readonly Column[], writer: CodeWriter): FieldBinding[] {
  return columns.map((column, i): FieldBinding => ({
    kind: "read",
    emit: () => {
      const value = writer.assign(column.name, `${row}[${i}]`);
      return { value, isNull: column.nullable ? `${value} === null` : "false" };
    },
  }));
}
