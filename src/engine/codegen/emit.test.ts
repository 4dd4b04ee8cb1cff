import fc from "fast-check";
import { expect, test } from "vitest";
import { call, col, type AnyColumn } from "../columns/column.ts";
import { resolveExpression } from "../columns/resolve.ts";
import type { Resolved } from "../columns/resolved.ts";
import type { FieldBinding } from "../functions/function-entry.ts";
import { when } from "../functions/api/conditionals.ts";
import { fromJson } from "../functions/api/json.ts";
import { lit } from "../functions/api/literals.ts";
import type { Row } from "../types/data-type.ts";
import { parseSchema } from "../types/ddl.ts";
import { CodeWriter, listingOf } from "./code.ts";
import { createEmitContext, isTrue, projectContext, valueOrNull } from "./emit.ts";

const schema = parseSchema("a int, b int, x double, s string, p boolean, q boolean");
const settings = { ansi: true };

function rowFields(): FieldBinding[] {
  return schema.fields.map((_, i) => ({ kind: "read", emit: () => ({ value: `row[${i}]`, isNull: `row[${i}] === null` }) }));
}

function resolve(column: AnyColumn): Resolved {
  return resolveExpression(column.expression, schema, settings);
}

function compiled(...columns: readonly AnyColumn[]): { run: (row: Row) => unknown[]; text: string } {
  const writer = new CodeWriter();
  const context = createEmitContext({ writer, settings, batchTimeUs: "0", fields: rowFields() });
  const values = columns.map((column) => valueOrNull(context.emit(resolve(column))));
  writer.line(`return [${values.join(", ")}];`);
  const run = writer.compile<(row: Row) => unknown[]>("stage", ["row"]);
  return { run, text: String(run) };
}

const row = (values: { a?: unknown; b?: unknown; x?: unknown; s?: unknown; p?: unknown; q?: unknown }): Row =>
  schema.fields.map((one) => (values as Record<string, unknown>)[one.name] ?? null);

test("and, or and not follow three-valued logic", () => {
  const values = fc.constantFrom(true, false, null);
  const { run } = compiled(col("p").and(col("q")), col("p").or(col("q")), col("p").not());
  fc.assert(
    fc.property(values, values, (p, q) => {
      const and = p === false || q === false ? false : p === null || q === null ? null : true;
      const or = p === true || q === true ? true : p === null || q === null ? null : false;
      expect(run(row({ p, q }))).toEqual([and, or, p === null ? null : !p]);
    }),
  );
});

test("what is not needed is not evaluated", () => {
  const quotient = col("a").divide(col("b"));
  const guarded = [
    col("b").neq(0).and(quotient.gt(1)),
    col("b").eq(0).or(quotient.gt(1)),
    when(col("b").neq(0), quotient).otherwise(-1),
    call("coalesce", [col("x"), quotient]),
    call("if", [col("b").eq(0), lit(0), quotient]),
  ];
  const { run } = compiled(...guarded);
  expect(run(row({ a: 6, b: 0, x: 1 }))).toEqual([false, true, -1, 1, 0]);
  expect(run(row({ a: 6, b: 3, x: 1 }))).toEqual([true, true, 2, 1, 2]);
  expect(() => compiled(quotient).run(row({ a: 6, b: 0 }))).toThrow(expect.objectContaining({ code: "DIVIDE_BY_ZERO" }) as Error);
  expect(compiled(quotient).run(row({ b: 0 }))).toEqual([null]);
});

test("what is used several times is computed once", () => {
  const sum = col("a").plus(col("b"));
  const { text, run } = compiled(sum, sum.multiply(2), sum.gt(3), call("upper", [col("s")]), call("length", [call("upper", [col("s")])]));
  expect(text.match(/ \+ /g)).toHaveLength(1);
  expect(text.match(/toUpperCase/g)).toHaveLength(1);
  expect(text.match(/= row\[0\];/g)).toHaveLength(1);
  expect(run(row({ a: 1, b: 2, s: "ab" }))).toEqual([3, 6, false, "AB", 2]);
});

test("a value that was computed in a branch is not taken for computed outside of it", () => {
  const sum = col("a").plus(col("b"));
  const { run } = compiled(when(col("p"), sum).otherwise(0), sum);
  expect(run(row({ a: 1, b: 2, p: false }))).toEqual([0, 3]);
  expect(run(row({ a: 1, b: 2, p: true }))).toEqual([3, 3]);
});

test("a literal is converted once, not for every row", () => {
  const { text, run } = compiled(lit("2026-01-01").cast("timestamp"), col("s").cast("timestamp").gt("2026-01-01"), lit("x").tryCast("int"));
  expect(text).toContain("1767225600000000");
  expect(text.match(/cast\$\d+\(/g)).toHaveLength(1);
  expect(run(row({ s: "2026-01-02" }))).toEqual([1767225600000000, true, null]);
  expect(() => compiled(lit("x").cast("int")).run(row({}))).toThrow(expect.objectContaining({ code: "CAST_INVALID_INPUT" }) as Error);
});

test("code is the same for the same plan", () => {
  const columns = [col("a").cast("string"), col("s").tryCast("int"), col("x").gt(1), call("round", [col("x"), 1])];
  expect(compiled(...columns).text).toBe(compiled(...columns).text);
});

test("errors carry Spark's class", () => {
  const code = (column: AnyColumn, values: Parameters<typeof row>[0]): string | undefined => {
    try {
      compiled(column).run(row(values));
      return undefined;
    } catch (thrown) {
      return (thrown as { code: string }).code;
    }
  };
  expect(code(col("a").plus(col("b")), { a: 2147483647, b: 1 })).toBe("ARITHMETIC_OVERFLOW");
  expect(code(col("s").cast("int"), { s: "x" })).toBe("CAST_INVALID_INPUT");
  expect(code(col("x").cast("int"), { x: 3e9 })).toBe("CAST_OVERFLOW");
  expect(code(col("a").mod(col("b")), { a: 1, b: 0 })).toBe("REMAINDER_BY_ZERO");
  expect(code(call("element_at", [call("array", [1]), 2]), {})).toBe("INVALID_ARRAY_INDEX_IN_ELEMENT_AT");
  expect(code(col("s").tryCast("int"), { s: "x" })).toBeUndefined();
});

/** A stage as Kafka's source makes it: from_json over bytes, then a projection that uses fields, then a filter on another. */
function recordStage(malformed: boolean): { run: (records: (string | null)[]) => unknown[][]; text: string } {
  const input = parseSchema("key binary, value binary");
  const sensor = parseSchema("id string, value double, status string, at timestamp");
  const parsed = fromJson(col("value").cast("string"), sensor);
  const fields = ["id", "value", "status", "at"].map((name) => resolveExpression(parsed.getField(name).expression, input, settings));
  const writer = new CodeWriter();
  writer.block("row: for (let i = 0; i < positions.length; i += 2)", () => {
    const bytes = (start: string, end: string): FieldBinding => ({ kind: "bytes", buffer: "buffer", start, end });
    const context = createEmitContext({
      writer,
      settings,
      batchTimeUs: "0",
      fields: [bytes("-1", "-1"), bytes("positions[i]", "positions[i + 1]")],
      ...(malformed && { malformed: (reason: string) => writer.line(`out.push(["dead", ${reason}]); continue row;`) }),
    });
    const projected = projectContext(context, fields);
    const schemaOfProjection = { type: "struct" as const, fields: sensor.fields };
    const condition = resolveExpression(col("value").gt(1).expression, schemaOfProjection, settings);
    writer.line(`if (!${isTrue(projected.emit(condition))}) continue row;`);
    writer.line(`out.push([${valueOrNull(projected.field(0))}, ${valueOrNull(projected.field(1))}]);`);
  });
  writer.line("return out;");
  const stage = writer.compile<(buffer: Buffer, positions: Int32Array, out: unknown[][]) => unknown[][]>("stage", [
    "buffer",
    "positions",
    "out",
  ]);
  return {
    text: String(stage),
    run(records) {
      const parts = records.map((one) => Buffer.from(one ?? ""));
      let at = 0;
      const positions = records.flatMap((one, i) => {
        const start = at;
        at += parts[i]?.length ?? 0;
        return one === null ? [-1, -1] : [start, at];
      });
      return stage(Buffer.concat(parts), Int32Array.from(positions), []);
    },
  };
}

test("from_json over bytes is scanned once per row and builds no struct", () => {
  const { text, run } = recordStage(false);
  expect(text.match(/scan\$\d+\(/g)).toHaveLength(1);
  expect(text).not.toMatch(/utf8Slice|parse\(/);
  const records = ['{"id":"a","value":2}', '{"id":"b","value":0.5}', "broken", null, '{"id":"é\\n","value":3,"at":"never"}', ""];
  expect(run(records)).toEqual([
    ["a", 2],
    ["é\n", 3],
  ]);
});

test("a record that is malformed or has no value is handed over with its reason and leaves the stage", () => {
  const { run } = recordStage(true);
  expect(run(['{"id":"a","value":2}', "broken", '{"id":"b","value":3,"at":"never"}', null, "", " null "])).toEqual([
    ["a", 2],
    ["dead", "not JSON: unexpected character"],
    ["dead", "at is no TIMESTAMP"],
    ["dead", "no value"],
    ["dead", "no value"],
    ["dead", "no JSON object"],
  ]);
});

test("a listing says what the names from outside are, and goes on with the generated functions that are called", () => {
  const inner = new CodeWriter();
  inner.comment("twice,\nor so");
  inner.line(`return x * ${inner.constant("factors", Float64Array.of(2, 4))}[0];`);
  const outer = new CodeWriter();
  const double = outer.lateConstant("double", () => inner.compile("double", ["x"]));
  outer.line(`return ${outer.constant("index", new Map())}.size + ${double}(x);`);
  const compiled = outer.compile<(x: number) => number>("stage", ["x"]);
  expect(compiled(4)).toBe(8);
  expect(listingOf(compiled).split("\n")).toEqual([
    "// index$1: Map",
    "// double$0: generated, below",
    "function stage(x) {",
    "  return index$1.size + double$0(x);",
    "}",
    "",
    "// double$0",
    "// factors$0: Float64Array(2)",
    "function double(x) {",
    "  // twice, or so",
    "  return x * factors$0[0];",
    "}",
  ]);
});
