import { expect, test } from "vitest";
import type { DataFrame } from "../api/data-frame.ts";
import { createSession } from "../api/session.ts";
import { col } from "../columns/column.ts";
import { parseSchema } from "../types/ddl.ts";
import { simpleString } from "../types/type-text.ts";
import { aggregate, exists, filter, transform, transformValues, zipWith } from "./api/higher-order.ts";

const session = createSession();
const frame = session.createDataFrame(
  [
    [2, [3, 1, null], [1, 2], ["b", "a"], { k: 1, z: null }, [{ x: 1, y: "a" }, null], [[1, 2], [3]]],
    [-1, [], [5], [], {}, [], []],
    [null, null, null, null, null, null, null],
    [0, [4, 5], null, ["x", null], { b: 2, a: 1 }, [{ x: 2, y: null }], [[1], null]],
  ],
  parseSchema(
    "n int, a array<int>, b array<int>, sa array<string>, m map<string,int>, ss array<struct<x:int,y:string>>, aa array<array<int>>",
  ),
);
frame.createOrReplaceTempView("t");

async function texts(query: DataFrame): Promise<(string | null)[]> {
  query.createOrReplaceTempView("q");
  const rows = await session.sql(`SELECT CAST(r AS STRING) AS r FROM q`).collect();
  return rows.map((row) => (row as unknown as { r: string | null }).r);
}

/** Apache Spark 4.3.0's answers. */
test.for<[sql: string, type: string, rows: (string | null)[]]>([
  ["transform(a, x -> x + 1)", "array<int>", ["[4, 2, null]", "[]", null, "[5, 6]"]],
  ["transform(a, (x, i) -> x * 10 + i)", "array<int>", ["[30, 11, null]", "[]", null, "[40, 51]"]],
  ["transform(a, x -> x + n)", "array<int>", ["[5, 3, null]", "[]", null, "[4, 5]"]],
  ["transform(a, 1)", "array<int>", ["[1, 1, 1]", "[]", null, "[1, 1]"]],
  ["transform(a, n -> n + 1)", "array<int>", ["[4, 2, null]", "[]", null, "[5, 6]"]],
  ["transform(aa, y -> transform(y, z -> z + size(y)))", "array<array<int>>", ["[[3, 4], [4]]", "[]", null, "[[2], null]"]],
  ["transform(aa, x -> transform(x, x -> x + 1))", "array<array<int>>", ["[[2, 3], [4]]", "[]", null, "[[2], null]"]],
  ["transform(ss, q -> q.x)", "array<int>", ["[1, null]", "[]", null, "[2]"]],
  ["transform(ss, q -> struct(q.y, q.x))", "array<struct<y:string,x:int>>", ["[{a, 1}, {null, null}]", "[]", null, "[{null, 2}]"]],
  ["filter(a, x -> x > 1)", "array<int>", ["[3]", "[]", null, "[4, 5]"]],
  ["filter(a, (x, i) -> i > 0)", "array<int>", ["[1, null]", "[]", null, "[5]"]],
  ["filter(a, x -> NULL)", "array<int>", ["[]", "[]", null, "[]"]],
  ["exists(a, x -> x > 2)", "boolean", ["true", "false", null, "true"]],
  ["exists(a, x -> x > 9)", "boolean", [null, "false", null, "false"]],
  ["exists(sa, x -> x = 'a')", "boolean", ["true", "false", null, null]],
  ["forall(a, x -> x > 0)", "boolean", [null, "true", null, "true"]],
  ["forall(a, x -> x > 3)", "boolean", ["false", "true", null, "true"]],
  ["aggregate(a, 0, (acc, x) -> acc + x)", "int", [null, "0", null, "9"]],
  ["aggregate(a, 0, (acc, x) -> acc + coalesce(x, 0))", "int", ["4", "0", null, "9"]],
  ["reduce(b, 0, (acc, x) -> acc + x, acc -> acc * 10)", "int", ["30", "50", null, null]],
  [
    "aggregate(b, struct(0 AS c, 0 AS s), (acc, x) -> struct(acc.c + 1 AS c, acc.s + x AS s), acc -> acc.s / acc.c)",
    "double",
    ["1.5", "5.0", null, null],
  ],
  ["zip_with(a, b, (x, y) -> x + y)", "array<int>", ["[4, 3, null]", "[null]", null, null]],
  ["map_filter(m, (k, v) -> v > 0)", "map<string,int>", ["{k -> 1}", "{}", null, "{b -> 2, a -> 1}"]],
  ["transform_keys(m, (k, v) -> upper(k))", "map<string,int>", ["{K -> 1, Z -> null}", "{}", null, "{B -> 2, A -> 1}"]],
  ["transform_values(m, (k, v) -> v + 1)", "map<string,int>", ["{k -> 2, z -> null}", "{}", null, "{b -> 3, a -> 2}"]],
  ["transform(filter(a, x -> x > 1), x -> x * 2)", "array<int>", ["[6]", "[]", null, "[8, 10]"]],
  ["transform(a, x -> exists(b, y -> y = x))", "array<boolean>", ["[false, true, null]", "[]", null, "[null, null]"]],
])("a function with lambdas gives what Spark gives: %s", async ([sql, type, rows]) => {
  const found = session.sql(`SELECT ${sql} AS r FROM t`);
  expect(found.schema.fields.map((field) => simpleString(field.dataType))).toEqual([type]);
  expect(await texts(found)).toEqual(rows);
});

test.for([
  ["transform(m, x -> x)", "DATATYPE_MISMATCH.UNEXPECTED_INPUT_TYPE"],
  ["transform(NULL, x -> x)", "DATATYPE_MISMATCH.UNEXPECTED_INPUT_TYPE"],
  ["filter(a, x -> x)", "DATATYPE_MISMATCH.UNEXPECTED_INPUT_TYPE"],
  ["aggregate(b, CAST(0 AS BIGINT), (acc, x) -> x)", "DATATYPE_MISMATCH.UNEXPECTED_INPUT_TYPE"],
  ["transform_keys(m, (k, v) -> v)", "NULL_MAP_KEY"],
  ["transform_keys(m, (k, v) -> 'c')", "DUPLICATED_MAP_KEY"],
  ["transform(a, x -> y)", "UNRESOLVED_COLUMN.WITH_SUGGESTION"],
  ["transform(a, x -> 1 / (x - 1))", "DIVIDE_BY_ZERO"],
] as const)("a lambda that Spark refuses is refused as there: %s", async ([sql, code]) => {
  await expect((async () => session.sql(`SELECT ${sql} AS r FROM t`).collect())()).rejects.toMatchObject({ code });
});

test("columns without an alias are called as in Spark", () => {
  const { schema } = session.sql("SELECT transform(a, x -> x + 1), aggregate(b, 0, (acc, x) -> acc + x) FROM t");
  expect(schema.fields.map((field) => field.name)).toEqual([
    "transform(a, lambdafunction((namedlambdavariable() + 1), namedlambdavariable()))",
    "aggregate(b, 0, lambdafunction((namedlambdavariable() + namedlambdavariable()), namedlambdavariable(), namedlambdavariable()), lambdafunction(namedlambdavariable(), namedlambdavariable()))",
  ]);
});

test("lambdas are functions of columns in the API, one inside another too", async () => {
  const a = col("a") as never;
  const b = col("b") as never;
  const all = frame.select(
    transform<number, number>(a, (x, i) => x.plus(i)).as("shifted"),
    filter<number>(a, (x) => exists<number>(b, (y) => y.eq(x))).as("shared"),
    aggregate<number, number>(b, 0, (acc, x) => acc.plus(x)).as("total"),
    zipWith<number, number, number>(a, b, (x, y) => x.minus(y)).as("apart"),
    transformValues<Map<string, number>, number>(col("m") as never, (_key, value) => value.multiply(2)).as("doubled"),
  );
  expect((await all.collect())[0]).toEqual({
    shifted: [3, 2, null],
    shared: [1],
    total: 3,
    apart: [2, -1, null],
    doubled: { k: 2, z: null },
  });
});

test("a lambda's parameter stays its own where a column of a select below has a lambda too", async () => {
  const below = session.sql("SELECT b, n, transform(a, x -> x + 1) AS c FROM t");
  below.createOrReplaceTempView("below");
  expect(await texts(session.sql("SELECT transform(b, x -> x * 100 + size(c)) AS r FROM below WHERE size(c) > 0"))).toEqual([
    "[103, 203]",
    null,
  ]);
  expect(await texts(session.sql("SELECT transform(b, x -> transform(c, y -> y + x)) AS r FROM below WHERE n = 2"))).toEqual([
    "[[5, 3, null], [6, 4, null]]",
  ]);
});

test("a lambda in a grouping key is the same key where it is selected", async () => {
  const grouped = session.sql("SELECT transform(b, x -> x % 2) AS r, count(*) AS c FROM t GROUP BY transform(b, x -> x % 2) ORDER BY c, r");
  expect(await texts(grouped)).toEqual(["[1]", "[1, 0]", null]);
});
