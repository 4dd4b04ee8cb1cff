import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { CodeWriter } from "../../src/engine/codegen/code.ts";
import { createEmitContext, isTrue, valueOrNull } from "../../src/engine/codegen/emit.ts";
import { columnName } from "../../src/engine/columns/expression-text.ts";
import { resolveCondition, resolveExpression } from "../../src/engine/columns/resolve.ts";
import type { Resolved } from "../../src/engine/columns/resolved.ts";
import type { FieldBinding } from "../../src/engine/functions/function-entry.ts";
import type { Row, StructType } from "../../src/engine/types/data-type.ts";
import { parseSchema } from "../../src/engine/types/ddl.ts";
import { rowFromJson, rowToJson, type JsonValue } from "../../src/engine/types/json-value.ts";
import { simpleString } from "../../src/engine/types/type-text.ts";
import { goldenExpression, type GoldenExpression } from "./expression.ts";

/**
 * The expressions of the stateless golden cases, evaluated over their rows without a query around them: the answers recorded on Spark must come out of
 * the generated code.
 */
type Node =
  | { op: "source" }
  | { op: "where"; input: Node; condition: GoldenExpression }
  | { op: "select"; input: Node; columns: readonly ({ column: string } | { as: string; expr: GoldenExpression })[] };

interface Case {
  name: string;
  inputs: { in: [string, string][] };
  conf?: { ansi?: boolean };
  query: Node;
  steps: { add?: { in: JsonValue[][] } }[];
  outputSchema: [string, string][];
  expect?: { rows: JsonValue[][] }[][];
  expectError?: { step: number; errorClass: string };
}

type Stage = { schema: StructType; run: (rows: Row[]) => Row[] };

const file = JSON.parse(readFileSync(new URL("cases/A-stateless.json", import.meta.url), "utf8")) as { cases: Case[] };

for (const one of file.cases) {
  test(one.name, () => {
    const settings = { ansi: one.conf?.ansi ?? true };
    const source = parseSchema(one.inputs.in.map(([name, type]) => `\`${name}\` ${type}`).join(", "));
    const stage = compile(one.query, source, settings.ansi);
    expect(stage.schema.fields.map((field) => [field.name, simpleString(field.dataType)])).toEqual(one.outputSchema);
    one.steps.forEach((step, number) => {
      if (!step.add) return;
      const rows = step.add.in.map((row) => rowFromJson(row, source));
      if (one.expectError?.step === number) {
        expect(() => stage.run(rows)).toThrow(expect.objectContaining({ code: one.expectError.errorClass }) as Error);
        return;
      }
      const expected = one.expect?.[number]?.flatMap((batch) => batch.rows) ?? [];
      expect(sorted(stage.run(rows).map((row) => rowToJson(row, stage.schema)))).toEqual(sorted(expected));
    });
  });
}

/** Compared as a multiset, doubles to the last digit. */
function sorted(rows: readonly JsonValue[][]): JsonValue[][] {
  const text = (row: JsonValue[]): string => JSON.stringify(row, (_, value: unknown) => (Object.is(value, -0) ? "-0" : value));
  return [...rows].sort((a, b) => (text(a) < text(b) ? -1 : 1));
}

function compile(node: Node, source: StructType, ansi: boolean): Stage {
  if (node.op === "source") return { schema: source, run: (rows) => rows };
  const input = compile(node.input, source, ansi);
  const settings = { ansi };
  const writer = new CodeWriter();
  let schema = input.schema;
  writer.block("row: for (const row of rows)", () => {
    const fields = input.schema.fields.map((_, i): FieldBinding => ({
      kind: "read",
      emit: () => ({ value: `row[${i}]`, isNull: `row[${i}] === null` }),
    }));
    const context = createEmitContext({ writer, settings, batchTimeUs: "0", fields });
    if (node.op === "where") {
      const condition = resolveCondition(goldenExpression(node.condition), { input: input.schema, settings });
      writer.line(`if (${isTrue(context.emit(condition))}) out.push(row);`);
      return;
    }
    const columns = node.columns.map((column) => {
      const expression = goldenExpression("column" in column ? { col: column.column } : column.expr);
      return { name: "as" in column ? column.as : columnName(expression), resolved: resolveExpression(expression, input.schema, settings) };
    });
    const type = (resolved: Resolved): Resolved["dataType"] => resolved.dataType;
    schema = { type: "struct", fields: columns.map(({ name, resolved }) => ({ name, dataType: type(resolved), nullable: true })) };
    const only = columns[0]?.resolved;
    if (only?.kind === "call" && only.entry.generator?.emitRows) {
      only.entry.generator.emitRows(only, context, (values) => {
        const texts = values.map((one) => valueOrNull(one.kind === "value" ? one.emitted : { value: "null", isNull: "true" }));
        writer.line(`out.push([${texts.join(", ")}]);`);
      });
    } else {
      const values = columns.map(({ resolved }) => valueOrNull(context.emit(resolved)));
      writer.line(`out.push([${values.join(", ")}]);`);
    }
  });
  writer.line("return out;");
  const run = writer.compile<(rows: Row[], out: Row[]) => Row[]>("stage", ["rows", "out"]);
  return { schema, run: (rows) => run(input.run(rows), []) };
}
