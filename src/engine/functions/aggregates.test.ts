import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { CodeWriter } from "../codegen/code.ts";
import { createEmitContext, valueOrNull } from "../codegen/emit.ts";
import type { Expression } from "../columns/expression.ts";
import { resolveAggregateExpression, type AggregateCall } from "../columns/resolve-aggregate.ts";
import type { FieldBinding } from "../functions/function-entry.ts";
import type { Row } from "../types/data-type.ts";
import { parseSchema } from "../types/ddl.ts";
import { toJsonValue, type JsonValue } from "../types/json-value.ts";
import { simpleString } from "../types/type-text.ts";

const schema = parseSchema("x double, y double, i int, l bigint, m decimal(10,2), s string, b boolean, t timestamp");

interface Folding {
  readonly type: string;
  /** Folds every part into a buffer of its own, merges the buffers from the left, and reads the result. */
  over(...parts: Row[][]): JsonValue;
}

function folding(fn: string, columns: readonly string[], ansi: boolean = true): Folding {
  const args = columns.map((name): Expression => ({ kind: "column", path: [name] }));
  const calls: AggregateCall[] = [];
  const column = resolveAggregateExpression({ kind: "call", fn, args }, { input: schema, settings: { ansi } }, [], calls);
  const aggregate = calls[0]?.aggregate;
  if (!aggregate) throw new Error("no aggregate");
  const slots = (name: string): string[] => aggregate.slots.map((_, i) => `${name}[${i}]`);
  const settings = { ansi };
  const make = <F>(parameters: string[], write: (writer: CodeWriter) => void): F => {
    const writer = new CodeWriter();
    write(writer);
    return writer.compile<F>("fold", parameters);
  };
  const start = make<() => unknown[]>([], (writer) => writer.line(`return [${aggregate.slots.map((slot) => slot.initial).join(", ")}];`));
  const update = make<(buffer: unknown[], row: Row) => void>(["buffer", "row"], (writer) => {
    const fields = schema.fields.map((_, i): FieldBinding => ({
      kind: "read",
      emit: () => ({ value: `row[${i}]`, isNull: `row[${i}] === null` }),
    }));
    const context = createEmitContext({ writer, settings, batchTimeUs: "0", fields });
    aggregate.update(
      slots("buffer"),
      aggregate.args.map((arg) => context.emit(arg)),
      writer,
    );
  });
  const merge = make<(buffer: unknown[], other: unknown[]) => void>(["buffer", "other"], (writer) =>
    aggregate.merge(slots("buffer"), slots("other"), writer),
  );
  const result = make<(buffer: unknown[]) => unknown>(["buffer"], (writer) =>
    writer.line(`return ${valueOrNull(aggregate.result(slots("buffer"), writer))};`),
  );
  return {
    type: simpleString(column.dataType),
    over(...parts) {
      const total = start();
      for (const part of parts) {
        const buffer = start();
        for (const row of part) update(buffer, row);
        merge(total, buffer);
      }
      return toJsonValue(result(total), column.dataType);
    },
  };
}

const nullable = <T>(values: fc.Arbitrary<T>): fc.Arbitrary<T | null> => fc.option(values, { nil: null, freq: 5 });
/** Eighths, which have no rounding of their own: deviations of numbers near 1e-81 underflow, in any order another way. */
const small = fc.integer({ min: -8000, max: 8000 }).map((eighths) => eighths / 8);
const rows = fc.array(
  fc.tuple(
    nullable(small),
    nullable(small),
    nullable(fc.integer()),
    nullable(fc.integer()),
    nullable(fc.bigInt(-99999n, 99999n)),
    nullable(fc.string()),
    nullable(fc.boolean()),
    nullable(fc.integer()),
  ),
  { maxLength: 12 },
) as fc.Arbitrary<Row[]>;

const one = (values: Partial<Record<"x" | "y" | "i" | "l" | "m" | "s" | "b" | "t", unknown>>): Row =>
  schema.fields.map((field) => values[field.name as "x"] ?? null);

function close(found: JsonValue, expected: JsonValue): void {
  if (typeof found === "number" && typeof expected === "number")
    expect(Math.abs(found - expected)).toBeLessThanOrEqual(1e-9 * Math.max(1, Math.abs(expected)));
  else expect(found).toEqual(expected);
}

describe("merging buffers of parts equals folding everything", () => {
  const cases: [string, string[]][] = [
    ["count", []],
    ["count", ["x"]],
    ["count_if", ["b"]],
    ["sum", ["x"]],
    ["sum", ["i"]],
    ["sum", ["l"]],
    ["sum", ["m"]],
    ["avg", ["x"]],
    ["avg", ["m"]],
    ["min", ["s"]],
    ["max", ["x"]],
    ["bool_and", ["b"]],
    ["bool_or", ["b"]],
    ["first", ["s"]],
    ["last", ["x"]],
    ["min_by", ["s", "t"]],
    ["max_by", ["x", "i"]],
    ["stddev", ["x"]],
    ["var_pop", ["x"]],
    ["skewness", ["x"]],
    ["kurtosis", ["x"]],
    ["covar_samp", ["x", "y"]],
    ["corr", ["x", "y"]],
    ["regr_count", ["y", "x"]],
    ["regr_avgx", ["m", "x"]],
    ["regr_avgy", ["m", "x"]],
    ["regr_sxx", ["y", "x"]],
    ["regr_syy", ["y", "x"]],
    ["regr_sxy", ["y", "x"]],
    ["collect_list", ["i"]],
    ["collect_set", ["b"]],
    ["median", ["x"]],
    ["approx_count_distinct", ["s"]],
  ];
  test.each(cases)("%s %j", (fn, columns) => {
    const fold = folding(fn, columns);
    fc.assert(
      fc.property(rows, fc.nat(12), (all, cut) => close(fold.over(all.slice(0, cut), all.slice(cut)), fold.over(all))),
      { numRuns: 60 },
    );
  });
});

test("variances and covariances are those of the textbook", () => {
  const values = fc.array(fc.tuple(small, small), { minLength: 2, maxLength: 20 });
  fc.assert(
    fc.property(values, (pairs) => {
      const mean = (list: number[]): number => list.reduce((a, b) => a + b, 0) / list.length;
      const [mx, my] = [mean(pairs.map(([x]) => x)), mean(pairs.map(([, y]) => y))];
      const over = pairs.map(([x, y]) => one({ x, y }));
      close(folding("var_samp", ["x"]).over(over), pairs.reduce((sum, [x]) => sum + (x - mx) ** 2, 0) / (pairs.length - 1));
      close(folding("covar_pop", ["x", "y"]).over(over), pairs.reduce((sum, [x, y]) => sum + (x - mx) * (y - my), 0) / pairs.length);
    }),
    { numRuns: 30 },
  );
  expect(folding("stddev", ["x"]).over([one({ x: 5 })])).toBeNull();
  expect(folding("stddev_pop", ["x"]).over([one({ x: 5 })])).toBe(0);
});

test("regressions take (y, x) and leave out pairs with a null", () => {
  const over = [one({ y: 1, x: 2 }), one({ y: 2 }), one({ x: 3 }), one({ y: 2, x: 4 }), one({ y: 6, x: 6 })];
  const of = (fn: string, some = over): JsonValue => folding(fn, ["y", "x"]).over(some);
  expect(of("regr_count")).toBe(3);
  const expected = { avgx: 4, avgy: 3, sxx: 8, syy: 14, sxy: 10, slope: 1.25, intercept: -2, r2: 100 / 112 };
  for (const [fn, value] of Object.entries(expected)) {
    close(of(`regr_${fn}`), value);
    close(folding(`regr_${fn}`, ["y", "x"]).over(over.slice(0, 4), over.slice(4)), value);
    expect(of(`regr_${fn}`, [one({ y: 2 }), one({ x: 3 })])).toBeNull();
  }
  expect(of("regr_count", [one({ y: 2 }), one({ x: 3 })])).toBe(0);
  expect(["regr_avgx", "regr_sxx", "regr_sxy", "regr_slope", "regr_intercept", "regr_r2"].map((fn) => of(fn, over.slice(0, 1)))).toEqual([
    2,
    0,
    0,
    null,
    null,
    null,
  ]);
  expect(of("regr_r2", [one({ y: 1, x: 3 }), one({ y: 2, x: 3 })])).toBeNull();
  expect(of("regr_r2", [one({ y: 3, x: 1 }), one({ y: 3, x: 2 })])).toBe(1);
  expect(folding("regr_avgx", ["x", "m"]).type).toBe("decimal(14,6)");
});

test("sums of whole numbers are exact; past 64 bits they stop the query, wrap, or give null", () => {
  const big = [one({ l: 2n ** 63n - 1n }), one({ l: 1 })];
  expect(() => folding("sum", ["l"]).over(big)).toThrow(expect.objectContaining({ code: "ARITHMETIC_OVERFLOW" }) as Error);
  expect(folding("sum", ["l"], false).over(big)).toBe("-9223372036854775808");
  expect(folding("try_sum", ["l"]).over(big)).toBeNull();
  expect(folding("sum", ["l"]).over([one({ l: 9007199254740993n }), one({ l: 2 })])).toBe("9007199254740995");
  expect(folding("sum", ["l"]).over([one({ l: 9007199254740993n }), one({ l: -5 })])).toBe(9007199254740988);
});

test("approximate counts of few values are exact, of many within the deviation", () => {
  const few = Array.from({ length: 20 }, (_, i) => one({ s: `device-${i % 5}` }));
  expect(folding("approx_count_distinct", ["s"]).over(few)).toBe(5);
  const many = Array.from({ length: 20000 }, (_, i) => one({ t: i }));
  const found = folding("approx_count_distinct", ["t"]).over(many);
  expect(Math.abs(Number(found) - 20000)).toBeLessThan(20000 * 0.15);
});

test("result types are Spark's", () => {
  expect(folding("sum", ["i"]).type).toBe("bigint");
  expect(folding("avg", ["i"]).type).toBe("double");
  expect(folding("sum", ["m"]).type).toBe("decimal(20,2)");
  expect(folding("avg", ["m"]).type).toBe("decimal(14,6)");
  expect(folding("collect_set", ["s"]).type).toBe("array<string>");
});

test("nulls, NaN and negative zero", () => {
  const nothing = [one({}), one({})];
  expect(["sum", "avg", "min", "max", "first", "stddev"].map((fn) => folding(fn, ["x"]).over(nothing))).toEqual([
    null,
    null,
    null,
    null,
    null,
    null,
  ]);
  expect(folding("count", ["x"]).over(nothing)).toBe(0);
  expect(folding("max", ["x"]).over([one({ x: NaN }), one({ x: Infinity })])).toBe("NaN");
  expect(folding("min", ["x"]).over([one({ x: NaN }), one({ x: 1 })])).toBe(1);
  expect(folding("min", ["x"]).over([one({ x: -0 }), one({ x: 0 })])).toBe(-0);
  expect(folding("collect_set", ["x"]).over([one({ x: -0 }), one({ x: 0 }), one({ x: NaN }), one({ x: NaN })])).toEqual([0, "NaN"]);
  expect(folding("first", ["x"]).over([one({}), one({ x: 1 })])).toBeNull();
  expect(folding("max_by", ["x", "t"]).over([one({ x: 1, t: 1 }), one({ t: 2 })])).toBeNull();
});

test("an output column may compute with several aggregates; equal calls are folded once", () => {
  const calls: AggregateCall[] = [];
  const sum: Expression = { kind: "call", fn: "sum", args: [{ kind: "column", path: ["x"] }] };
  const SUM: Expression = { kind: "call", fn: "SUM", args: [{ kind: "column", path: ["X"] }] };
  const settings = { ansi: true };
  const key = {
    name: "s",
    expr: { kind: "column", path: ["s"] } as Expression,
    resolved: { kind: "field", ordinal: 5, name: "s", dataType: { type: "string" }, nullable: true } as const,
  };
  const column = resolveAggregateExpression({ kind: "call", fn: "+", args: [sum, SUM] }, { input: schema, settings }, [key], calls);
  expect(calls).toHaveLength(1);
  expect(column).toMatchObject({
    kind: "call",
    args: [
      { kind: "field", ordinal: 1 },
      { kind: "field", ordinal: 1 },
    ],
  });
  expect(resolveAggregateExpression({ kind: "column", path: ["S"] }, { input: schema, settings }, [key], calls)).toMatchObject({
    kind: "field",
    ordinal: 0,
  });
  expect(() => resolveAggregateExpression({ kind: "column", path: ["x"] }, { input: schema, settings }, [key], calls)).toThrow(
    expect.objectContaining({ code: "MISSING_AGGREGATION" }) as Error,
  );
});
