import { expect, test } from "vitest";
import { parseSchema } from "../../src/engine/types/ddl.ts";
import type { GoldenBatch, GoldenCase, GoldenPlan } from "./case.ts";
import { differenceOf } from "./difference.ts";
import type { GoldenExpression } from "./expression.ts";
import { inputRows } from "./input-rows.ts";
import { recordedRow, sameRecorded } from "./recorded-value.ts";
import { runCase } from "./run-case.ts";

const IN: GoldenPlan = { op: "source", name: "in" };
const COLUMNS = ["ts timestamp", "k string", "v double", "n int", "p struct<x:int,y:string>"].map(
  (one) => one.split(" ", 2) as [string, string],
);
const ROW = ["2026-01-01T00:00:01.000Z", "a", 1.5, 2, { x: 7, y: "q" }];
const lit = (value: number | string | boolean | null): GoldenExpression => ({ lit: value });
const fn = (name: string, ...args: readonly GoldenExpression[]): GoldenExpression => ({ fn: name, args });

/** Every form of an expression that the format documents, and its value for ROW. */
const EXPRESSIONS: readonly (readonly [GoldenExpression, unknown])[] = [
  [{ col: "n" }, 2],
  [{ col: "p.x" }, 7],
  [lit(null), null],
  [lit(true), true],
  [lit("it's"), "it's"],
  [lit(3000000000), 3000000000],
  [{ lit: 5, type: "double" }, 5],
  [{ lit: "2026-01-01 00:00:00", type: "timestamp" }, "2026-01-01T00:00:00.000Z"],
  [{ lit: "2026-01-31", type: "date" }, "2026-01-31"],
  [fn("+", { col: "ts" }, { lit: "1 minute", type: "interval" }), "2026-01-01T00:01:01.000Z"],
  [{ cast: lit("12"), to: "decimal(4,1)" }, "12.0"],
  [{ tryCast: lit("x"), to: "int" }, null],
  [{ case: [[fn(">", { col: "n" }, lit(9)), lit("big")]], else: lit("small") }, "small"],
  [{ case: [[fn(">", { col: "n" }, lit(9)), lit("big")]] }, null],
  [fn("+", lit(1), lit(2), lit(3)), 6],
  [fn("-", lit(5), lit(2)), 3],
  [fn("*", lit(5), lit(2)), 10],
  [fn("/", lit(5), lit(2)), 2.5],
  [fn("%", lit(5), lit(2)), 1],
  [fn("div", lit(5), lit(2)), 2],
  [fn("and", lit(true), lit(true), lit(false)), false],
  [fn("or", lit(false), lit(false), lit(true)), true],
  ...(["=", "<>", "<", "<=", ">", ">=", "<=>"] as const).map(
    (op, i) => [fn(op, lit(1), lit(1)), [true, false, false, true, false, true, true][i]] as const,
  ),
  [fn("||", { col: "k" }, lit("!")), "a!"],
  [fn("like", { col: "k" }, lit("a%")), true],
  [fn("rlike", { col: "k" }, lit("b")), false],
  [fn("not", lit(true)), false],
  [fn("in", { col: "n" }, lit(1), lit(2)), true],
  [fn("field", { col: "p" }, lit("y")), "q"],
  [{ fn: "from_json", args: [lit('{"a":1}')], schema: "a INT", options: {} }, { a: 1 }],
  [fn("from_csv", lit("1;2"), lit("a INT, b INT"), fn("map", lit("sep"), lit(";"))), { a: 1, b: 2 }],
  [fn("encode", { col: "k" }, lit("UTF-8")), "b'a'"],
  [fn("map", lit(true), lit(1)), { True: 1 }],
];

function oneBatch(
  query: GoldenPlan,
  outputMode: string,
  rows: readonly (readonly unknown[])[],
  state: GoldenBatch["state"] = [],
): GoldenCase {
  const batch = { batchId: 0, watermark: null, numInputRows: 1, rows, state } as GoldenBatch;
  return { name: "case", inputs: { in: COLUMNS }, query, outputMode, steps: [{ add: { in: [ROW] } }], expect: [[batch]] } as GoldenCase;
}

test("every form of an expression is evaluated", async () => {
  const columns = EXPRESSIONS.map(([expr], i) => ({ as: `c${i}`, expr }));
  const row = EXPRESSIONS.map(([, value]) => value);
  expect(await runCase(oneBatch({ op: "select", input: IN, columns }, "append", [row]))).toBeUndefined();
});

test("a failing case says which batch differs, as a diff", async () => {
  const failure = await runCase(oneBatch({ op: "select", input: IN, columns: [{ column: "n" }] }, "append", [[3]]));
  expect(failure).toBe("step 0, batch 0: \n    - row [3]\n    + row [2]");
});

test.each<[string, GoldenPlan]>([
  ["unknown plan node pivot", { op: "pivot", input: IN }],
  ["unknown expression", { op: "where", input: IN, condition: { regex: "a" } as unknown as GoldenExpression }],
])("%s fails its case only", async (reason, query) => {
  expect(await runCase(oneBatch(query, "append", []))).toContain(reason);
});

test("an input that the case does not declare fails the case", async () => {
  const golden = { ...oneBatch(IN, "append", []), steps: [{ add: { other: [ROW] } }] };
  expect(await runCase(golden)).toContain("no input other");
});

test("an aggregate without a column is over 1, one with a dotted column is over a column of that name", async () => {
  const aggregates = [
    { fn: "count", as: "n" },
    { fn: "sum", as: "s" },
  ];
  const state = [{ operatorName: "stateStoreSave", numRowsTotal: 1, numRowsUpdated: 1, numRowsRemoved: 0, numRowsDroppedByWatermark: 0 }];
  const query: GoldenPlan = { op: "aggregate", input: IN, groupBy: [], aggregates };
  expect(await runCase(oneBatch(query, "complete", [[1, 1]], state))).toBeUndefined();
  const dotted: GoldenPlan = { op: "aggregate", input: IN, groupBy: [], aggregates: [{ fn: "sum", column: "p.x", as: "s" }] };
  const refused = { phase: "analysis", errorClass: "UNRESOLVED_COLUMN.WITH_SUGGESTION", messageContains: "" } as const;
  const { expect: _, ...rest } = oneBatch(dotted, "complete", []);
  expect(await runCase({ ...rest, expectError: refused })).toBeUndefined();
});

test("rows are read as JSON lines: what is not of its type is null, long integers stand as text, zero keeps its sign", () => {
  const schema = parseSchema("n int, b bigint, v double, ts timestamp, m map<string,int>");
  expect(inputRows([["x", "9007199254740993", -0, "soon", { a: 1 }]], schema)).toEqual([
    [null, 9007199254740993n, -0, null, new Map([["a", 1]])],
  ]);
});

test("results are written as the recorder writes them", () => {
  const schema = parseSchema("b binary, m map<timestamp,int>, d map<double,int>, s struct<b:binary>");
  const row = [new Uint8Array([0, 10, 39, 65, 255]), new Map([[1_500_000, 1]]), new Map([[1e20, 2]]), [new Uint8Array([92])]];
  expect(recordedRow(row, schema)).toEqual(['b"\\x00\\n\'A\\xff"', { "1970-01-01 00:00:01.500000": 1 }, { "1e+20": 2 }, { b: "b'\\\\'" }]);
});

test("only floating-point numbers are compared with a tolerance", () => {
  expect(sameRecorded(1e15, 1e15 + 1, { type: "double" })).toBe(true);
  expect(sameRecorded(1e15, 1e15 + 1, { type: "bigint" })).toBe(false);
  expect(sameRecorded(0, -0, { type: "double" })).toBe(false);
  const batch = { batchId: 0, watermark: null, numInputRows: 1, rows: [["a"], ["b"]], state: [] } as GoldenBatch;
  expect(differenceOf({ ...batch, rows: [["b"], ["a"]] }, batch, false)).toBeUndefined();
  expect(differenceOf({ ...batch, rows: [["b"], ["a"]] }, batch, true)).toContain("- row");
});
