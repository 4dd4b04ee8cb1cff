import { expect, test } from "vitest";
import { createSession } from "../api/session.ts";
import { col } from "../columns/column.ts";
import { avg, count, max, sum } from "../functions/api/aggregates.ts";
import { window } from "../functions/api/windows.ts";
import { double, int, string, struct, timestamp } from "../types/schema-builder.ts";
import type { DataFrame } from "../api/data-frame.ts";

const session = createSession();
const stream = session.memoryStream(struct({ ts: timestamp(), device: string(), value: double() })).toDF();

/** The operators of the plan as it runs, from the sink down, without the numbers of their stages. */
function physical(frame: DataFrame<never>): string[] {
  return frame
    .explainText("simple")
    .split("\n")
    .slice(1)
    .map((line) => line.replace(/^[ +-]*(\*\(\d+\) )?/, "").replace(/ \[ts, .*$/, ""));
}
const plan = (frame: unknown): string[] => physical(frame as DataFrame<never>);

test("a filter goes below the watermark unless it reads the event time", () => {
  const marked = stream.withWatermark("ts", "1 minute");
  expect(plan(marked.where((r) => r.device.eq("a")))).toEqual([
    "EventTimeWatermark ts: 60000 milliseconds",
    "Filter (device = 'a')",
    "StreamingRelation memory",
  ]);
  expect(plan(marked.where((r) => r.ts.gt("2026-01-01").and(r.device.eq("a"))))).toEqual([
    expect.stringContaining("Filter (ts > "),
    "EventTimeWatermark ts: 60000 milliseconds",
    "Filter (device = 'a')",
    "StreamingRelation memory",
  ]);
});

test("a filter goes through projections by what the columns are made of", () => {
  const made = stream.withWatermark("ts", "1 minute").select((r) => ({ ts: r.ts, twice: r.value.multiply(2) }));
  expect(plan(made.where((r) => r.twice.gt(10)))).toEqual([
    expect.stringMatching(/^Project/),
    "EventTimeWatermark ts: 60000 milliseconds",
    expect.stringMatching(/^Filter \(\(value \* .*\) > /),
    "StreamingRelation memory",
  ]);
});

test("a filter on a grouping key goes below the aggregation, one on a result stays", () => {
  const counted = stream
    .withWatermark("ts", "1 minute")
    .groupBy((r) => ({ window: window(r.ts, "10 seconds"), device: r.device }))
    .agg(() => ({ n: count() }));
  const text = plan(counted.where((r) => r.device.eq("a").and(r.n.gt(1))));
  expect(text[0]).toMatch(/^Filter \(n > /);
  expect(text[1]).toMatch(/^Aggregate/);
  expect(text.at(-2)).toBe("Filter (device = 'a')");
});

test("rows that an inner join cannot match go before they reach its state", () => {
  const left = session.memoryStream(struct({ id: int(), a: timestamp() })).toDF();
  const right = session.memoryStream(struct({ key: int(), b: timestamp() })).toDF();
  const inner = plan(
    left.join(
      right,
      col("id")
        .eq(col("key"))
        .and(col("b").geq(col("a"))),
    ),
  );
  expect(inner.filter((line) => line.startsWith("Filter"))).toHaveLength(2);
  const outer = plan(left.join(right, col("id").eq(col("key")), "left_outer"));
  expect(outer.filter((line) => line.startsWith("Filter"))).toEqual(["Filter isnotnull(key)"]);
});

test("an aggregation that only prepares another one goes", () => {
  const counted = stream
    .withWatermark("ts", "1 minute")
    .groupBy((r) => ({ window: window(r.ts, "10 seconds"), device: r.device }))
    .agg(() => ({ n: count() }));
  const aggregates = (frame: unknown): number => plan(frame).filter((line) => line.startsWith("Aggregate")).length;
  expect(aggregates(counted.groupBy((r) => ({ window: r.window })).agg(() => ({ n: sum(col("n")) })))).toBe(1);
  expect(aggregates(counted.groupBy((r) => ({ window: r.window })).agg((r) => ({ last: max(r.device) })))).toBe(1);
  expect(aggregates(counted.groupBy((r) => ({ window: r.window })).agg(() => ({ n: sum(col("n")), rows: count() })))).toBe(2);
  expect(aggregates(counted.groupBy((r) => ({ window: r.window })).agg((r) => ({ n: avg(r.n) })))).toBe(2);
  expect(aggregates(counted.groupBy((r) => ({ window: r.window })).agg(() => ({ n: max(col("n")) })))).toBe(2);
  expect(aggregates(counted.groupBy(window(col("window"), "1 minute")).agg(() => ({ n: sum(col("n")) })))).toBe(2);
  const busy = counted.where((r) => r.n.gt(1));
  expect(aggregates(busy.groupBy((r) => ({ window: r.window })).agg(() => ({ n: sum(col("n")) })))).toBe(2);
});

test("the aggregation that is left gives what both gave", async () => {
  const rows = [
    ["2026-01-01T00:00:01Z", "a", 1],
    ["2026-01-01T00:00:02Z", "b", 2],
    ["2026-01-01T00:00:03Z", "b", 3],
    ["2026-01-01T00:00:11Z", "b", 4],
  ];
  const table = session.createDataFrame(rows, struct({ ts: timestamp(), device: string(), value: double() }));
  const perWindow = table
    .groupBy((r) => ({ window: window(r.ts, "10 seconds"), device: r.device }))
    .agg(() => ({ n: count() }))
    .groupBy((r) => ({ window: r.window }))
    .agg(() => ({ n: sum(col("n")), twice: sum(col("n")).multiply(2) }));
  const found = await perWindow.collect();
  expect(found.map((row) => [row.n, row.twice])).toEqual([
    [3, 6],
    [1, 2],
  ]);
  const first = table
    .groupBy((r) => ({ device: r.device, value: r.value }))
    .agg(() => ({ n: count() }))
    .groupBy((r) => ({ device: r.device }))
    .agg((r) => ({ top: max(r.value) }));
  expect((await first.collect()).map((row) => [row.device, row.top])).toEqual([
    ["a", 1],
    ["b", 4],
  ]);
});
