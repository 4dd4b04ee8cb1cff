import { describe, expect, test } from "vitest";
import { createSession } from "../api/session.ts";
import type { Session } from "../api/session.ts";
import type { DataFrame } from "../api/data-frame.ts";
import { col, Column } from "../columns/column.ts";
import { AnalysisError } from "../columns/analysis-error.ts";
import { avg, count, countDistinct, max } from "../functions/api/aggregates.ts";
import { explode } from "../functions/api/arrays.ts";
import { coalesce, when } from "../functions/api/conditionals.ts";
import { fromJson } from "../functions/api/json.ts";
import { interval, lit } from "../functions/api/literals.ts";
import { namedStruct } from "../functions/api/maps.ts";
import { upper } from "../functions/api/text.ts";
import { sessionWindow, window } from "../functions/api/windows.ts";
import { arrayOf, double, int, string, struct, timestamp } from "../types/schema-builder.ts";

const schema = struct({ ts: timestamp(), k: string(), v: double(), n: int(), xs: arrayOf(int()), json: string() });
const rule = struct({ k: string(), label: string(), low: double() });

const session: Session = createSession();
const t: DataFrame = session.memoryStream(schema).toDF() as unknown as DataFrame;
const u: DataFrame = session.createDataFrame([], rule) as unknown as DataFrame;
t.createOrReplaceTempView("t");
u.createOrReplaceTempView("u");
session
  .createDataFrame(
    [
      ["2026-01-01T00:00:00Z", "a", 1.5, 1, [1, 2], '{"x":1}'],
      ["2026-01-01T00:00:07Z", "b", null, 2, [], null],
      ["2026-01-01T00:00:12Z", "a", 3.5, 3, null, "{"],
    ],
    schema,
  )
  .createOrReplaceTempView("b");
session
  .createDataFrame(
    [
      ["a", "first", 1],
      ["c", "third", 3],
    ],
    rule,
  )
  .createOrReplaceTempView("r");

const ts = col("ts") as never;
const literal = (value: string, dataType: never): Column<unknown> => new Column({ kind: "literal", value, dataType });
const decimal = (value: string, precision: number, scale: number): Column<unknown> =>
  literal(value, { type: "decimal", precision, scale } as never);

describe("SQL makes the plan that the same calls make", () => {
  test.each<readonly [string, () => Pick<DataFrame, "plan" | "schema">]>([
    ["SELECT * FROM t", () => t],
    ["SELECT k, v AS value FROM t", () => t.select("k", col("v").as("value"))],
    ["select T.K, `v` from T", () => t.select(col("k").as("K"), "v")],
    ["SELECT * EXCEPT (xs, json) FROM t", () => t.select("ts", "k", "v", "n")],
    [
      "SELECT n + 1, n - 2, n * 3, n / 4, n % 5, n DIV 6, -n, k || 'x' FROM t",
      () =>
        t.select(
          col("n").plus(1),
          col("n").minus(2),
          col("n").multiply(3),
          col("n").divide(4),
          col("n").mod(5),
          fn("div", col("n"), 6),
          col("n").negate(),
          fn("concat", col("k"), "x"),
        ),
    ],
    [
      "SELECT k FROM t WHERE v > 1 AND NOT (n <= 2 OR k <> 'a') AND n <=> 3",
      () =>
        t
          .where(
            col("v")
              .gt(1)
              .and(col("n").leq(2).or(col("k").neq("a")).not())
              .and(col("n").eqNullSafe(3)),
          )
          .select("k"),
    ],
    [
      "SELECT k FROM t WHERE n = -1 AND v < 1.50 AND v >= 2e3 AND n < 3000000000 AND n > 1L",
      () =>
        t
          .where(
            col("n")
              .eq(-1)
              .and(col("v").lt(decimal("1.50", 3, 2) as never))
              .and(col("v").geq(literal(2000 as never, { type: "double" } as never) as never))
              .and(col("n").lt(3000000000))
              .and(col("n").gt(literal(1 as never, { type: "bigint" } as never) as never)),
          )
          .select("k"),
    ],
    [
      "SELECT CASE WHEN v > 90 THEN 'high' WHEN v > 50 THEN 'mid' ELSE 'low' END AS level FROM t",
      () => t.select(when(col("v").gt(90), "high").when(col("v").gt(50), "mid").otherwise("low").as("level")),
    ],
    ["SELECT CASE k WHEN 'a' THEN 1 END AS one FROM t", () => t.select(when(col("k").eq("a"), 1).as("one"))],
    [
      "SELECT CAST(v AS int) AS i, TRY_CAST(k AS decimal(10, 2)) AS d, n::string AS s, CAST(xs AS array<bigint>) AS l FROM t",
      () =>
        t.select(
          col("v").cast("int").as("i"),
          col("k").tryCast("decimal(10,2)").as("d"),
          col("n").cast("string").as("s"),
          col("xs").cast("array<bigint>").as("l"),
        ),
    ],
    [
      "SELECT k FROM t WHERE n IN (1, 2) AND k NOT IN ('x') AND v BETWEEN 1 AND 2 AND n NOT BETWEEN 3 AND 4",
      () =>
        t
          .where(col("n").isin(1, 2).and(col("k").isin("x").not()).and(col("v").between(1, 2)).and(col("n").between(3, 4).not()))
          .select("k"),
    ],
    [
      "SELECT k FROM t WHERE k LIKE 'a%' AND k NOT LIKE '_b' AND k RLIKE 'c+' AND v IS NULL AND n IS NOT NULL",
      () =>
        t
          .where(
            col("k").like("a%").and(col("k").like("_b").not()).and(col("k").rlike("c+")).and(col("v").isNull()).and(col("n").isNotNull()),
          )
          .select("k"),
    ],
    [
      "SELECT upper(k) AS u, coalesce(v, 0) AS c, struct(k, n) AS s, named_struct('a', n) AS p FROM t",
      () =>
        t.select(
          upper(col("k") as never).as("u"),
          coalesce(col("v"), 0 as never).as("c"),
          namedStruct({ k: col("k"), n: col("n") }).as("s"),
          namedStruct({ a: col("n") }).as("p"),
        ),
    ],
    ["SELECT from_json(json, 'x INT, y STRING') AS j FROM t", () => t.select(fromJson(col("json") as never, "x INT, y STRING").as("j"))],
    [
      "SELECT xs[0] AS first, explode(xs) AS x FROM t",
      () => t.select(col("xs").getItem(0).as("first"), explode(col("xs") as never).as("x")),
    ],
    ["SELECT *, explode(xs) AS x FROM t", () => t.select("ts", "k", "v", "n", "xs", "json", explode(col("xs") as never).as("x"))],
    ["SELECT t.*, x FROM t LATERAL VIEW explode(xs) e AS x", () => t.select(col("*"), explode(col("xs") as never).as("x"))],
    [
      "SELECT k FROM t WHERE ts > TIMESTAMP '2026-01-01 00:00:00' AND ts < ts + INTERVAL '1 hour 5 minutes' + INTERVAL 10 MINUTES + INTERVAL '2' SECOND + INTERVAL 1 DAY 2 HOURS",
      () =>
        t
          .where(
            col("ts")
              .gt(new Date("2026-01-01T00:00:00Z"))
              .and(
                col("ts").lt(
                  col("ts")
                    .plus(interval("1 hour 5 minutes") as never)
                    .plus(interval("10 minutes") as never)
                    .plus(interval("2 seconds") as never)
                    .plus(interval("1 day 2 hours") as never),
                ),
              ),
          )
          .select("k"),
    ],
    [
      "SELECT window(ts, '10 seconds', '5 seconds') AS w, k, avg(v) AS mean, count(*) AS rows FROM t GROUP BY window(ts, '10 seconds', '5 seconds'), k",
      () => t.groupBy(window(ts, "10 seconds", "5 seconds").as("w"), "k").agg(avg(col("v")).as("mean"), count().as("rows")),
    ],
    [
      "SELECT window.start, k, count(*) AS n FROM t GROUP BY window(ts, '10 seconds'), k",
      () => t.groupBy(window(ts, "10 seconds"), "k").agg(count().as("n")).select("window.start", "k", "n"),
    ],
    [
      "SELECT window, max(v) AS top FROM t GROUP BY window(ts, '10 seconds')",
      () => t.groupBy(window(ts, "10 seconds")).agg(max(col("v")).as("top")),
    ],
    [
      "SELECT session_window, k, count(1) AS n FROM t GROUP BY session_window(ts, '5 minutes'), k",
      () => t.groupBy(sessionWindow(ts, "5 minutes"), "k").agg(count().as("n")),
    ],
    ["SELECT k, count(DISTINCT n) AS c FROM t GROUP BY 1", () => t.groupBy("k").agg(countDistinct(col("n")).as("c"))],
    [
      "SELECT upper(k) AS key, avg(v) + 1 AS m FROM t GROUP BY key",
      () =>
        t.groupBy(upper(col("k") as never).as("key")).agg(
          avg(col("v"))
            .plus(1 as never)
            .as("m"),
        ),
    ],
    [
      "SELECT k, max(v) AS top FROM t GROUP BY k HAVING max(v) > 5 ORDER BY top DESC, k LIMIT 3",
      () =>
        t
          .groupBy("k")
          .agg(max(col("v")).as("top"))
          .where(col("top").gt(5))
          .orderBy(col("top").desc(), "k")
          .limit(3),
    ],
    ["SELECT max(v), count(*) FROM t", () => t.agg(() => ({ "max(v)": max(col("v")), "count(1)": count() }))],
    ["SELECT k, n, count(*) AS c FROM t GROUP BY ROLLUP(k, n)", () => t.rollup("k", "n").agg(count().as("c"))],
    ["SELECT k, n, count(*) AS c FROM t GROUP BY k, n WITH CUBE", () => t.cube("k", "n").agg(count().as("c"))],
    ["SELECT k, count(*) AS c FROM t GROUP BY ALL", () => t.groupBy("k").agg(count().as("c"))],
    [
      "SELECT DISTINCT k, n FROM t ORDER BY n NULLS LAST",
      () =>
        t
          .select("k", "n")
          .distinct()
          .orderBy(() => [{ expression: col("n").expression, descending: false, nullsFirst: false }]),
    ],
    ["SELECT k FROM t ORDER BY v DESC", () => t.orderBy(col("v").desc()).select("k")],
    ["SELECT k FROM t LIMIT 5 OFFSET 2", () => t.select("k").offset(2).limit(5)],
    ["SELECT k FROM t UNION ALL SELECT label FROM u", () => t.select("k").union(u.select("label"))],
    ["SELECT k FROM t UNION SELECT k FROM u ORDER BY k", () => t.select("k").union(u.select("k")).distinct().orderBy("k")],
    ["(SELECT k FROM u) INTERSECT SELECT label FROM u", () => u.select("k").intersect(u.select("label"))],
    ["SELECT k FROM u EXCEPT ALL SELECT label FROM u", () => u.select("k").exceptAll(u.select("label"))],
    ["SELECT q.k FROM (SELECT k, n FROM t WHERE n > 1) q", () => t.where(col("n").gt(1)).select("k", "n").select("k")],
    ["WITH q AS (SELECT k, n FROM t), p AS (SELECT k FROM q) SELECT * FROM p", () => t.select("k", "n").select("k")],
    [
      "SELECT t.k, label FROM t JOIN u AS rules ON t.k = rules.label AND t.v >= low",
      () =>
        t
          .join(
            u.select(col("k").as("__k"), "label", "low"),
            col("k")
              .eq(col("label"))
              .and(col("v").geq(col("low"))),
          )
          .select("k", "label"),
    ],
    [
      "SELECT * FROM t LEFT SEMI JOIN (SELECT label FROM u) x ON k = label",
      () => t.join(u.select("label"), col("k").eq(col("label")), "left_semi"),
    ],
    ["SELECT n FROM t CROSS JOIN (SELECT label FROM u)", () => t.crossJoin(u.select("label")).select("n")],
    ["SELECT k FROM t TABLESAMPLE (10 PERCENT)", () => t.sample(0.1).select("k")],
    [
      "SELECT 'a\\'b' AS q, 'x\\ty' AS tab, r'\\d' AS raw, 'it''s' AS s, \"dq\" AS d FROM t",
      () => t.select(lit("a'b").as("q"), lit("x\ty").as("tab"), lit("\\d").as("raw"), lit("it's").as("s"), lit("dq").as("d")),
    ],
  ])("%s", (text, frame) => {
    expect(session.sql(text).plan).toEqual(frame().plan);
    expect(session.sql(text).schema).toEqual(frame().schema);
  });

  function fn(name: string, ...args: readonly unknown[]): Column<unknown> {
    return new Column({
      kind: "call",
      fn: name,
      args: args.map((one) => (one instanceof Column ? one.expression : lit(one as never).expression)),
    });
  }
});

test.each<readonly [string, readonly unknown[]]>([
  [
    "SELECT b.k, r.k AS other, label FROM b JOIN r ON b.k = r.k ORDER BY n",
    [
      { k: "a", other: "a", label: "first" },
      { k: "a", other: "a", label: "first" },
    ],
  ],
  [
    "SELECT k, n, label FROM b FULL OUTER JOIN r USING (k) WHERE n = 3 OR n IS NULL ORDER BY k",
    [
      { k: "a", n: 3, label: "first" },
      { k: "c", n: null, label: "third" },
    ],
  ],
  ["SELECT * FROM r x JOIN r y ON x.k = y.k AND x.label = 'first'", [{ k: "a", label: "first", low: 1 }]],
  ["SELECT k, sum(n) AS s FROM b GROUP BY k HAVING count(*) > 1", [{ k: "a", s: 4 }]],
  ["SELECT count(*) AS c FROM b GROUP BY k ORDER BY max(n) DESC", [{ c: 2 }, { c: 1 }]],
  [
    "SELECT upper(k) AS u, sum(n) + count(*) AS s FROM b GROUP BY k ORDER BY u",
    [
      { u: "A", s: 6 },
      { u: "B", s: 3 },
    ],
  ],
  ["SELECT 1 AS one, 'x' AS x", [{ one: 1, x: "x" }]],
  ["SELECT n * 2 AS d FROM VALUES (1, 'a'), (2, 'b') AS v(n, s) WHERE s = 'b'", [{ d: 4 }]],
  [
    "SELECT window.start AS s, count(*) AS c FROM b GROUP BY window(ts, '10 seconds') ORDER BY s",
    [
      { s: "2026-01-01T00:00:00.000Z", c: 2 },
      { s: "2026-01-01T00:00:10.000Z", c: 1 },
    ],
  ],
])("SQL on tables answers: %s", async (text, rows) => {
  const got = await session.sql(text).collect();
  expect(got.map((row) => ({ ...row }))).toEqual(rows);
});

test.each([
  ["SELECT a FROM t WHERE", "PARSE_SYNTAX_ERROR", "the end of the text"],
  ["SELEC a", "PARSE_SYNTAX_ERROR", "line 1, column 1"],
  ["SELECT k,\n  FROM t", "PARSE_SYNTAX_ERROR", "line 2, column"],
  ["SELECT 128Y FROM t", "INVALID_NUMERIC_LITERAL_RANGE", "line 1, column 8"],
  ["SELECT k LIKE 'a!' ESCAPE '!' FROM t", "INVALID_FORMAT.ESC_AT_THE_END", "escape"],
  ["SELECT * FROM VALUES (1), ('a')", "INVALID_INLINE_TABLE.INCOMPATIBLE_TYPES_IN_INLINE_TABLE", "inline table"],
  ["SELECT n AS x, v AS x, x AS z FROM t", "AMBIGUOUS_LATERAL_COLUMN_ALIAS", "`x`"],
  ["SELECT k, grouping(k) FROM t GROUP BY k", "UNSUPPORTED_GROUPING_EXPRESSION", "grouping"],
  ["WITH a AS (SELECT 1), a AS (SELECT 2) SELECT * FROM a", "DUPLICATED_CTE_NAMES", "`a`"],
  ["SELECT * EXCEPT (nope) FROM t", "UNRESOLVED_COLUMN.WITH_SUGGESTION", "`nope`"],
  ["DESCRIBE t", "UNSUPPORTED_FEATURE", "DESCRIBE"],
  ["SELECT k FROM t; SELECT n FROM t", "PARSE_SYNTAX_ERROR", "2 statements"],
  ["SELECT INTERVAL 1 DAY 2 HOURS,\n k k k FROM t", "PARSE_SYNTAX_ERROR", "line 2, column 6"],
  ["SELECT k,\n  nope FROM t", "UNRESOLVED_COLUMN.WITH_SUGGESTION", "line 2, column 3"],
  ["SELECT nope(k) FROM t", "UNRESOLVED_ROUTINE", "nope"],
  ["SELECT k FROM missing", "TABLE_OR_VIEW_NOT_FOUND", "line 1, column 15"],
  ["SELECT k FROM t JOIN u ON true", "AMBIGUOUS_REFERENCE", "line 1, column 8"],
  ["SELECT v FROM t GROUP BY k", "MISSING_AGGREGATION", "GROUP BY"],
  ["SELECT k FROM t WHERE EXISTS (SELECT 1 FROM u WHERE u.label = t.k)", "UNSUPPORTED_FEATURE", "reads the query around it"],
  ["SELECT k FROM t WHERE n IN (SELECT low FROM u) OR n > 1", "UNSUPPORTED_FEATURE", "line 1, column 23"],
  ["SELECT k FROM t WHERE n IN (SELECT nope FROM u)", "UNRESOLVED_COLUMN.WITH_SUGGESTION", "nope"],
  ["INSERT INTO t SELECT 1", "UNSUPPORTED_FEATURE", "INSERT"],
  ["SELECT first(k) FILTER (WHERE n > 1) FROM t", "UNSUPPORTED_FEATURE", "FILTER"],
  ["SELECT k FROM t ORDER BY 3", "ORDER_BY_POS_OUT_OF_RANGE", "position 3"],
  ["SELECT k FROM t GROUP BY 3", "GROUP_BY_POS_OUT_OF_RANGE", "position 3"],
  ["SELECT upper(x -> x) FROM t", "INVALID_LAMBDA_FUNCTION_CALL.NON_HIGHER_ORDER_FUNCTION", "upper"],
  ["SELECT transform(xs, (x, x) -> x) FROM t", "INVALID_LAMBDA_FUNCTION_CALL.DUPLICATE_ARG_NAMES", "x, x"],
  ["SELECT zip_with(xs, xs, x -> x) FROM t", "INVALID_LAMBDA_FUNCTION_CALL.NUM_ARGS_MISMATCH", "1 parameters"],
  ["SELECT (SELECT max(low) FROM u) FROM t", "UNSUPPORTED_FEATURE", "A subquery as a value"],
  ["SELECT k, n FROM t LATERAL VIEW posexplode(xs) e AS i", "UDTF_ALIAS_NUMBER_MISMATCH", "1 names for 2 columns"],
  ["SELECT k FROM t WHERE sum(n) > 1", "INVALID_WHERE_CONDITION", "HAVING"],
  ["SELECT nosuch(n), max(v) FROM t", "UNRESOLVED_ROUTINE", "nosuch"],
  ["", "PARSE_SYNTAX_ERROR", "no query"],
])("refused with its place: %s", (text, code, place) => {
  let thrown: unknown;
  try {
    session.sql(text);
  } catch (error) {
    thrown = error;
  }
  expect(thrown).toBeInstanceOf(AnalysisError);
  expect((thrown as AnalysisError).message).toContain(place);
  expect((thrown as AnalysisError).code).toBe(code);
});

test("SQL runs on streams, and over what a memory sink keeps (B10)", async () => {
  const streams = createSession();
  const input = streams.memoryStream(schema);
  input.toDF().createOrReplaceTempView("readings");
  const query = await streams
    .sql("SELECT k, count(*) AS n FROM readings GROUP BY k")
    .writeStream.format("memory")
    .queryName("counts")
    .outputMode("complete")
    .start();
  const counts = streams.sql("SELECT n FROM counts WHERE k = 'a'");
  expect(await counts.collect()).toEqual([]);
  input.addData([
    ["2026-01-01T00:00:00Z", "a", 1, 1, [], null],
    ["2026-01-01T00:00:00Z", "a", 1, 1, [], null],
  ]);
  await query.processAllAvailable();
  expect(await counts.collect()).toEqual([{ n: 2 }]);
  expect(streams.table("counts")?.rows).toEqual([{ k: "a", n: 2 }]);
  expect(await streams.view("counts").collect()).toEqual([{ k: "a", n: 2 }]);
  await query.stop();
  expect(streams.dropTempView("readings")).toBe(true);
  expect(() => streams.sql("SELECT * FROM readings")).toThrow("cannot be found");
});
