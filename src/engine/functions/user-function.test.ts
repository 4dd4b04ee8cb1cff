import { afterAll, expect, test } from "vitest";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { createSession } from "../api/session.ts";
import { AnalysisError } from "../columns/analysis-error.ts";
import { count } from "./api/aggregates.ts";
import { callFunction } from "./api/literals.ts";
import { parseSchema } from "../types/ddl.ts";
import { arrayOf, bigint, double, int, string, struct, timestamp } from "../types/schema-builder.ts";

const folder = await mkdtemp(path.join(tmpdir(), "udf-"));
afterAll(() => rm(folder, { recursive: true, force: true }));

const schema = struct({ name: string(), value: double(), n: int() });
const rows = [
  [" a ", 1.5, 1],
  [null, null, null],
  ["b", "NaN", -2],
];

test("a function serves columns, callFunction and SQL alike, and nulls come as null", async () => {
  const session = createSession();
  const seen: unknown[] = [];
  const clean = session.udf.register(
    "Clean",
    (text: string | null) => {
      seen.push(text);
      return text === null ? "none" : text.trim();
    },
    string(),
  );
  const frame = session.createDataFrame(rows, schema);
  const expected = [["a"], ["none"], ["b"]];
  const values = async (made: { collect(): Promise<readonly object[]> }): Promise<unknown[][]> =>
    (await made.collect()).map((row) => Object.values(row));
  expect(await values(frame.select((r) => ({ c: clean(r.name) })))).toEqual(expected);
  expect(seen).toEqual([" a ", null, "b"]);
  expect(await values(frame.select((r) => ({ c: callFunction("clean", r.name) })))).toEqual(expected);
  frame.createOrReplaceTempView("t");
  expect(await values(session.sql("SELECT CLEAN(name) AS c FROM t"))).toEqual(expected);
  expect(await values(session.sql("SELECT clean(name) AS c, count(*) AS n FROM t GROUP BY clean(name) ORDER BY c"))).toEqual([
    ["a", 1],
    ["b", 1],
    ["none", 1],
  ]);
  expect(await values(session.sql("SELECT clean(max(name)) AS c FROM t WHERE clean(name) <> 'none'"))).toEqual([["b"]]);
  expect(session.udf.names).toEqual(["Clean"]);
});

test("values come in the form of foreachBatch, with numbers as numbers, and go back in it", async () => {
  const session = createSession();
  const all = parseSchema(
    "i bigint, x double, d date, ts timestamp, m decimal(5,2), a array<int>, mp map<string,int>, st struct<p int, q string>, by binary, ok boolean",
  );
  const row = [
    "9007199254740993",
    "NaN",
    "2026-01-02",
    "2026-01-02T03:04:05.000Z",
    "1.50",
    [1, null],
    { k: 1 },
    { p: 1, q: null },
    "YWI=",
    true,
  ];
  let seen: unknown[] = [];
  const frame = session.createDataFrame([row], all);
  const names = all.fields.map((one) => one.name);
  const keep = session.udf.register("keep", (...values: unknown[]) => ((seen = values), null), string());
  await frame.selectExpr(`keep(${names.join(", ")})`).collect();
  expect(keep).toBeTypeOf("function");
  expect(seen).toEqual([
    9007199254740993n,
    NaN,
    "2026-01-02",
    "2026-01-02T03:04:05.000Z",
    "1.50",
    [1, null],
    { k: 1 },
    { p: 1, q: null },
    new Uint8Array([97, 98]),
    true,
  ]);
  for (const field of all.fields) session.udf.register(`same_${field.name}`, (value: unknown) => value, field.dataType);
  const back = await frame.selectExpr(...names.map((name) => `same_${name}(${name}) AS ${name}`)).collect();
  expect(back).toEqual(await frame.collect());
  session.udf.register("at", () => new Date(Date.UTC(2026, 0, 2)), timestamp());
  session.udf.register("days", () => new Date(Date.UTC(2026, 0, 2, 5)), "date");
  session.udf.register("tally", () => new Map([["a", 1n]]), "map<string,bigint>");
  expect(await frame.selectExpr("at() AS a", "days() AS b", "tally() AS c").collect()).toEqual([
    { a: "2026-01-02T00:00:00.000Z", b: "2026-01-02", c: { a: 1 } },
  ]);
});

test.each([
  [
    "throws",
    () => {
      throw new Error("too cold");
    },
    "double",
    /`probe` \(int\) => double\) failed due to: too cold \(its row gave it \(1\)\)/,
  ],
  ["gives text for a number", () => "x", "double", /returned "x", which is no double/],
  ["gives a number out of range", () => 2 ** 31, "int", /returned 2147483648, which is no int/],
  ["gives an element that is none", () => [1, 1.5], "array<int>", /returned \[1,1.5\]/],
  ["gives a date that is none", () => "2026-02-30", "date", /returned "2026-02-30"/],
  ["is asynchronous", () => Promise.resolve(1), "int", /functions of rows are synchronous/],
])("a function that %s stops the query and is named, with the values of its row", async (_what, fn, type, message) => {
  const session = createSession();
  session.udf.register("probe", fn as (n: number) => unknown, type);
  const frame = session.createDataFrame([[null, null, 1]], schema).selectExpr("probe(n)");
  await expect(frame.collect()).rejects.toMatchObject({ code: "FAILED_EXECUTE_UDF", message: expect.stringMatching(message) as string });
});

test("a name is refused that a built-in function or aggregate has, or that SQL could not call", () => {
  const { udf } = createSession();
  for (const name of ["upper", "SUM", "a b", "1x"]) expect(() => udf.register(name, () => 1, int()), name).toThrow(AnalysisError);
});

test("too few arguments are refused when the query is made, and functions of other sessions are unknown", () => {
  const session = createSession();
  const add = session.udf.register("add2", (a: number, b: number) => a + b, bigint());
  const frame = session.createDataFrame(rows, schema);
  expect(() => frame.select((r) => ({ s: add(r.n) })).schema).toThrow(/requires 2 parameters/);
  const other = createSession().createDataFrame(rows, schema);
  expect(() => other.select((r) => ({ s: add(r.n, r.n) })).schema).toThrow(/add2.*session\.udf\.register/s);
});

test("a plan holds the name only, and a restart without the function says what is missing", async () => {
  const session = createSession();
  const twice = session.udf.register("twice", (n: number | null) => (n === null ? null : n * 2), int());
  const tags = session.udf.register("tags", (n: number | null) => [`n${n}`], arrayOf(string()));
  const input = session.memoryStream(schema);
  const frame = input
    .toDF()
    .select((r) => ({ k: twice(r.n), t: tags(r.n) }))
    .groupBy((r) => ({ k: r.k }))
    .agg(() => ({ n: count() }));
  expect(JSON.stringify(frame.plan)).toContain('"fn":"twice"');
  expect(JSON.parse(JSON.stringify(frame.plan))).toEqual(frame.plan);
  const batches: unknown[] = [];
  const query = (made: typeof frame) =>
    made.writeStream
      .outputMode("complete")
      .option("checkpointLocation", folder)
      .foreachBatch((found) => void batches.push(found))
      .start();
  input.addData([["a", 1, 4]]);
  const running = await query(frame);
  await running.processAllAvailable();
  await running.stop();
  expect(batches).toEqual([[{ k: 8, n: 1 }]]);
  const bare = createSession().memoryStream(schema).toDF();
  expect(() => bare.select((r) => ({ k: callFunction("twice", r.n) })).schema).toThrow(/twice.*session\.udf\.register/s);
});

test("a function that is not deterministic is called for every place that asks for it", async () => {
  const session = createSession();
  let calls = 0;
  const frame = session.createDataFrame([[null, null, 1]], schema);
  session.udf.register("next_one", () => ++calls, int(), { deterministic: false });
  expect(await frame.selectExpr("next_one() AS a", "next_one() AS b").collect()).toEqual([{ a: 1, b: 2 }]);
});
