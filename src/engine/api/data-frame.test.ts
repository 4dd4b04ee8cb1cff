import { expect, expectTypeOf, test } from "vitest";
import { col } from "../columns/column.ts";
import { avg, count, max } from "../functions/api/aggregates.ts";
import { fromJson } from "../functions/api/json.ts";
import { window } from "../functions/api/windows.ts";
import { consoleFormat } from "../sinks/builtin.ts";
import { tableText } from "../sinks/table-text.ts";
import { binary, double, int, string, struct, timestamp } from "../types/schema-builder.ts";
import type { Long, Timestamp } from "../types/schema-builder.ts";
import type { DataFrame } from "./data-frame.ts";
import type { JsonRow } from "./planned-query.ts";
import { createSession } from "./session.ts";

const sensorReading = struct({ sensor_type: string(), value: double(), timestamp: timestamp(), status: string() });

function readings(): DataFrame<{
  readonly sensor_type: string;
  readonly value: number;
  readonly timestamp: Timestamp;
  readonly status: string;
}> {
  const stream = createSession().memoryStream(struct({ value: binary() }));
  return stream.toDF().select((m) => fromJson(m.value.cast("string"), sensorReading));
}

test("the row type follows through select, groupBy and agg", () => {
  const metrics = readings()
    .withWatermark("timestamp", "5 minutes")
    .groupBy((r) => ({ window: window(r.timestamp, "1 minute", "30 seconds"), sensor_type: r.sensor_type }))
    .agg((r) => ({ avg_value: avg(r.value), message_count: count() }));
  expect(metrics.columns).toEqual(["window", "sensor_type", "avg_value", "message_count"]);
  expect(metrics.isStreaming).toBe(true);
  const flat = metrics.select((r) => ({ start: r.window.start, n: r.message_count }));
  expectTypeOf(flat).toEqualTypeOf<DataFrame<{ start: Timestamp; n: Long }>>();
  const marked = flat.withColumn("big", (r) => r.n.gt(5));
  expectTypeOf(marked).toEqualTypeOf<DataFrame<{ readonly start: Timestamp; readonly n: Long; readonly big: boolean }>>();
});

test("a misspelt column does not compile, and is refused when the plan is made", () => {
  // @ts-expect-error -- the column is called value
  expect(() => readings().where((r) => r.valeu.gt(90))).toThrow();
  // @ts-expect-error -- a text is no number
  expect(() => readings().where((r) => r.value.gt("x"))).not.toThrow();
  // @ts-expect-error -- there is no such event time
  expect(() => readings().withWatermark("ts", "1 minute")).toThrow("`ts` cannot be resolved");
  expect(() => readings().select("nope")).toThrow("Did you mean one of the following?");
});

const rows = createSession().createDataFrame(
  [
    ["a", 1, 10],
    ["b", 2, 20],
    ["a", 3, null],
  ],
  struct({ key: string(), n: int(), x: double() }),
);

test("a query without streams gives its rows at once, through the same stages", async () => {
  expect(await rows.where((r) => r.n.gt(1)).collect()).toEqual([
    { key: "b", n: 2, x: 20 },
    { key: "a", n: 3, x: null },
  ]);
  const grouped = rows.groupBy((r) => ({ key: r.key })).agg((r) => ({ top: max(r.n), mean: avg(r.x) }));
  expect(await grouped.orderBy((r) => r.key.desc()).collect()).toEqual([
    { key: "b", top: 2, mean: 20 },
    { key: "a", top: 3, mean: 10 },
  ]);
  expect(await rows.select("key").distinct().orderBy("key").limit(1).collect()).toEqual([{ key: "a" }]);
  expect(await rows.drop("x", "n").union(rows.select("key")).groupBy("key").count().orderBy("key").collect()).toEqual([
    { key: "a", count: 4 },
    { key: "b", count: 2 },
  ]);
});

test.each([
  [
    "inner",
    [
      ["a", "one"],
      ["a", "one"],
    ],
  ],
  [
    "left_outer",
    [
      ["a", "one"],
      ["b", null],
      ["a", "one"],
    ],
  ],
  [
    "right_outer",
    [
      ["a", "one"],
      ["a", "one"],
      [null, "two"],
    ],
  ],
  [
    "full_outer",
    [
      ["a", "one"],
      ["b", null],
      ["a", "one"],
      [null, "two"],
    ],
  ],
  ["left_semi", [["a"], ["a"]]],
  ["left_anti", [["b"]]],
] as const)("%s join of tables", async (type, expected) => {
  const names = createSession().createDataFrame(
    [
      ["a", "one"],
      ["c", "two"],
    ],
    struct({ id: string(), name: string() }),
  );
  const joined = await rows
    .select("key")
    .join(names, col("key").eq(col("id")), type)
    .collectRows();
  expect(joined.map((row) => [row[0], row[2]].slice(0, row.length === 1 ? 1 : 2))).toEqual(expected);
});

test("streams are not collected, tables are not streamed", async () => {
  await expect(readings().collect()).rejects.toThrow("must be executed with writeStream.start()");
  await expect(rows.writeStream.format("noop").start()).rejects.toThrow("cannot be executed with writeStream.start()");
});

test.each([
  [{ continuous: "1 second" }, "Continuous and real-time processing are not there"],
  [{ processingTime: "1 second", once: true }, "exactly one"],
  [{ processingTime: "-1 second" }, "zero or a positive"],
])("trigger %o is refused", async (trigger, message) => {
  await expect(readings().writeStream.format("noop").trigger(trigger).start()).rejects.toThrow(message);
});

test("explain shows the plan as written, as it runs, and the generated code", () => {
  const frame = readings()
    .withWatermark("timestamp", "1 minute")
    .where((r) => r.status.eq("anomaly"));
  const text = frame.explainText(true);
  expect(text).toBe(frame.explainText("extended"));
  expect(text).toContain("== Parsed Logical Plan ==\nFilter (status = anomaly)\n+- EventTimeWatermark timestamp, 1 minute");
  expect(text).toContain(
    "== Analyzed Logical Plan ==\nsensor_type: string, value: double, timestamp: timestamp, status: string\nFilter (status = 'anomaly')",
  );
  expect(text).toContain("== Optimized Logical Plan ==\nEventTimeWatermark timestamp: 60000 milliseconds");
  expect(text).toContain("== Physical Plan ==\n*(1) EventTimeWatermark timestamp: 60000 milliseconds\n+- *(1) Project");
  const code = frame.explainText("codegen");
  expect(code).toMatch(/^Found 1 WholeStageCodegen subtree\.\n\n== Subtree 1 \/ 1 ==\n/);
  expect(code).toContain("function processRows(rows, run, out) {");
  expect(frame.explainText()).toMatch(/^== Physical Plan ==\n\*\(1\) /);
  expect(frame.explainText("formatted").split("\n")).toContain("(1) StreamingRelation");
  // @ts-expect-error -- there is no such mode
  expect(() => frame.explainText("cost")).toThrow("Accepted explain modes are 'simple', 'extended', 'codegen', 'formatted'");
});

test("explain's simple mode tells the stages and what keeps state", () => {
  const counts = readings()
    .withWatermark("timestamp", "1 minute")
    .groupBy((r) => ({ window: window(r.timestamp, "1 minute", "30 seconds"), sensor_type: r.sensor_type }))
    .agg(() => ({ n: count() }))
    .where((r) => r.n.gt(2));
  const lines = counts.explainText("simple", "update").split("\n");
  expect(lines.slice(0, 3)).toEqual([
    "== Physical Plan ==",
    "*(2) Filter (n > 2)",
    "+- Aggregate [window, sensor_type], [count(1)], state, update mode",
  ]);
  expect(lines[3]).toBe("   +- *(1) Window timestamp, 1 minute every 30 seconds");
});

test("tables are printed as Dataset.show prints them", () => {
  const schema = struct({ word: string(), n: int() });
  expect(
    tableText(
      schema,
      [
        ["streams", 12],
        [null, 3],
        ["a text of more than twenty characters", 1],
      ],
      { numRows: 2 },
    ),
  ).toBe(
    ["+-------+---+", "|   word|  n|", "+-------+---+", "|streams| 12|", "|   NULL|  3|", "+-------+---+", "only showing top 2 rows"].join(
      "\n",
    ),
  );
  expect(tableText(schema, [["a text of more than twenty characters", 1]])).toContain("|a text of more th...|  1|");
  expect(tableText(schema, [["a text of more than twenty characters", 1]], { truncate: 0 })).toContain(
    "|a text of more than twenty characters|1  |",
  );
  expect(consoleFormat.name).toBe("console");
});

test("an unknown column of a callback is refused by name, also where nothing compiled it", () => {
  const misspelt: string = "valeu";
  const read = (r: object): never => (r as Record<string, never>)[misspelt] as never;
  for (const build of [
    () => readings().select(read),
    () => readings().where(read),
    () => readings().groupBy(read),
    () => readings().agg(read),
  ])
    expect(build).toThrow("A column, variable, or function parameter with name `valeu` cannot be resolved");
  expect(() => readings().where(read)).toThrow("Did you mean one of the following? [`value`");
});

test("any frame goes where a DataFrame is asked for", () => {
  const columnsOf = (frame: DataFrame): readonly string[] => frame.columns;
  const counted = readings()
    .groupBy((r) => ({ sensor_type: r.sensor_type }))
    .agg((r) => ({ top: max(r.value) }));
  expect(columnsOf(counted)).toEqual(["sensor_type", "top"]);
  expect(columnsOf(readings())).toHaveLength(4);
});

const other = createSession().createDataFrame(
  [
    ["a", 7],
    ["c", 8],
  ],
  struct({ key: string(), m: int() }),
);
const json = async (frame: { collect(): Promise<JsonRow[]> }): Promise<string[]> =>
  (await frame.collect()).map((row) => JSON.stringify(row));

test("texts of SQL are conditions and columns", async () => {
  expect(await json(rows.where("n > 1 AND x IS NOT NULL").selectExpr("upper(key) AS k", "n * 2 AS twice"))).toEqual([
    '{"k":"B","twice":4}',
  ]);
  expect(() => rows.where("nn > 1")).toThrow("`nn` cannot be resolved");
});

test("columns are added and renamed several at once, from the columns as they were, without minding case", async () => {
  const both = rows.limit(1).withColumns((r) => ({ n: r.n.plus(1), m: r.n }));
  expect(await json(both)).toEqual(['{"key":"a","n":2,"x":10,"m":1}']);
  expect(rows.withColumnsRenamed({ KEY: "k", nothing: "y" }).columns).toEqual(["k", "n", "x"]);
});

test("a join by column names has them once and first; by condition each side keeps its own", async () => {
  expect(await json(rows.limit(2).join(other, "key", "full"))).toEqual([
    '{"key":"a","n":1,"x":10,"m":7}',
    '{"key":"b","n":2,"x":20,"m":null}',
    '{"key":"c","n":null,"x":null,"m":8}',
  ]);
  expect(await json(rows.limit(1).join(other, ["key"], "right"))).toEqual([
    '{"key":"a","n":1,"x":10,"m":7}',
    '{"key":"c","n":null,"x":null,"m":8}',
  ]);
  const joined = rows.limit(1).join(other, (l, r) => l.key.eq(r.key));
  expect(joined.columns).toEqual(["key", "n", "x", "key", "m"]);
  expect(await joined.collectRows()).toEqual([["a", 1, 10, "a", 7]]);
  // @ts-expect-error -- only one side has it
  expect(() => rows.join(other, "n")).toThrow("`n` cannot be resolved");
});

test("a union by name finds its columns; missing ones are refused or null", async () => {
  const turned = other.select((r) => ({ m: r.m, key: r.key }));
  expect(await json(other.unionByName(turned).limit(3))).toEqual(['{"key":"a","m":7}', '{"key":"c","m":8}', '{"key":"a","m":7}']);
  expect(() => other.unionByName(rows)).toThrow('Cannot resolve column name "m" among (key, n, x)');
  expect(await json(other.limit(1).unionByName(rows.limit(1), { allowMissingColumns: true }))).toEqual([
    '{"key":"a","m":7,"n":null,"x":null}',
    '{"key":"a","m":null,"n":1,"x":10}',
  ]);
});

test("missing values are filled by kind or by column, or their rows dropped", async () => {
  const holes = createSession().createDataFrame(
    [
      [null, null, "NaN"],
      ["a", null, 1],
      ["b", 2, 3],
    ],
    struct({ k: string(), n: int(), x: double() }),
  );
  expect(await json(holes.na.fill(7))).toEqual(['{"k":null,"n":7,"x":7}', '{"k":"a","n":7,"x":1}', '{"k":"b","n":2,"x":3}']);
  expect(await json(holes.na.fill({ k: "?", N: 1.9 }).limit(1))).toEqual(['{"k":"?","n":1,"x":"NaN"}']);
  expect(await json(holes.na.drop())).toEqual(['{"k":"b","n":2,"x":3}']);
  expect(await json(holes.na.drop({ how: "all" }))).toHaveLength(2);
  expect(await json(holes.na.drop({ threshold: 1, columns: ["k"] }))).toHaveLength(2);
});

test("rows are counted and taken from either end", async () => {
  expect(await rows.count()).toBe(3);
  expect(await rows.isEmpty()).toBe(false);
  expect(await rows.first()).toEqual({ key: "a", n: 1, x: 10 });
  expect(await rows.where("n > 9").head()).toBeNull();
  expect(await rows.take(2)).toHaveLength(2);
  expect(await rows.tail(1)).toEqual([{ key: "a", n: 3, x: null }]);
  expect(rows.dtypes).toEqual([
    ["key", "string"],
    ["n", "int"],
    ["x", "double"],
  ]);
  expect(() => rows.limit(-1)).toThrow('The limit like expression "-1" is invalid');
});
