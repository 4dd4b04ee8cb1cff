import { expect, expectTypeOf, test } from "vitest";
import { col } from "../columns/column.ts";
import { avg, count, fromJson, max, window } from "../functions/functions.ts";
import { consoleFormat } from "../sinks/builtin.ts";
import { tableText } from "../sinks/table-text.ts";
import { binary, double, int, string, struct, timestamp } from "../types/schema-builder.ts";
import type { Long, Timestamp } from "../types/schema-builder.ts";
import type { DataFrame } from "./data-frame.ts";
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
  const text = frame.explainText("codegen");
  expect(text).toContain("== Parsed Logical Plan ==\nFilter (status = anomaly)\n+- EventTimeWatermark timestamp, 1 minute");
  expect(text).toContain(
    "== Analyzed Logical Plan ==\nsensor_type: string, value: double, timestamp: timestamp, status: string\nFilter (status = 'anomaly')",
  );
  expect(text).toContain("== Optimized Logical Plan ==\nEventTimeWatermark timestamp: 60000 milliseconds");
  expect(text).toContain("== Physical Plan ==\n*(1) EventTimeWatermark timestamp: 60000 milliseconds\n+- *(1) Project");
  expect(text).toContain("Found 1 generated stages.");
  expect(text).toContain("function processRows(rows, run, out) {");
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
      2,
    ),
  ).toBe(
    [
      "+-------+---+",
      "|   word|  n|",
      "+-------+---+",
      "|streams| 12|",
      "|   NULL|  3|",
      "+-------+---+",
      "only showing top 2 rows",
      "",
    ].join("\n"),
  );
  expect(tableText(schema, [["a text of more than twenty characters", 1]])).toContain("|a text of more th...|  1|");
  expect(tableText(schema, [["a text of more than twenty characters", 1]], 20, 0)).toContain("|a text of more than twenty characters|1  |");
  expect(consoleFormat.name).toBe("console");
});
