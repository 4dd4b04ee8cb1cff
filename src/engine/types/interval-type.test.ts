import { expect, test } from "vitest";
import { createSession } from "../api/session.ts";
import { parseSchema } from "./ddl.ts";
import { intervalText, rangeText, typeOfText, widerInterval } from "./interval-type.ts";
import { simpleString } from "./type-text.ts";

const session = createSession();
session
  .createDataFrame([["2026-03-31T12:30:15.123456Z", "2026-03-31", 2]], parseSchema("ts timestamp, d date, n int"))
  .createOrReplaceTempView("t");

/** Apache Spark 4.3.0's answers. */
test.for<[sql: string, type: string, text: string]>([
  ["INTERVAL '1' MONTH", "interval month", "INTERVAL '1' MONTH"],
  ["INTERVAL '-1-2' YEAR TO MONTH", "interval year to month", "INTERVAL '-1-2' YEAR TO MONTH"],
  ["INTERVAL '1 year 2 months'", "interval year to month", "INTERVAL '1-2' YEAR TO MONTH"],
  ["INTERVAL '1 week'", "interval day", "INTERVAL '7' DAY"],
  ["INTERVAL 1 DAY 2 HOURS", "interval day to hour", "INTERVAL '1 02' DAY TO HOUR"],
  ["INTERVAL '90 minutes'", "interval minute", "INTERVAL '90' MINUTE"],
  ["INTERVAL '1.5' SECOND", "interval second", "INTERVAL '01.5' SECOND"],
  ["INTERVAL 5 MILLISECONDS", "interval second", "INTERVAL '00.005' SECOND"],
  ["INTERVAL '1 02:03:04.5' DAY TO SECOND", "interval day to second", "INTERVAL '1 02:03:04.5' DAY TO SECOND"],
  ["INTERVAL '1 02' DAY TO HOUR", "interval day to hour", "INTERVAL '1 02' DAY TO HOUR"],
  ["INTERVAL '02:03' HOUR TO MINUTE", "interval hour to minute", "INTERVAL '02:03' HOUR TO MINUTE"],
  ["-INTERVAL '1' DAY", "interval day", "INTERVAL '-1' DAY"],
  ["INTERVAL '1' DAY + INTERVAL '2' HOUR", "interval day to hour", "INTERVAL '1 02' DAY TO HOUR"],
  ["INTERVAL '1' MONTH - INTERVAL '1' YEAR", "interval year to month", "INTERVAL '-0-11' YEAR TO MONTH"],
  ["INTERVAL '1' DAY * n", "interval day to second", "INTERVAL '2 00:00:00' DAY TO SECOND"],
  ["INTERVAL '1' MONTH * 1.5", "interval year to month", "INTERVAL '0-2' YEAR TO MONTH"],
  ["INTERVAL '3' HOUR / 2", "interval day to second", "INTERVAL '0 01:30:00' DAY TO SECOND"],
  ["INTERVAL '1' YEAR = INTERVAL '12' MONTH", "boolean", "true"],
  ["greatest(INTERVAL '1' DAY, INTERVAL '30' HOUR)", "interval day to hour", "INTERVAL '1 06' DAY TO HOUR"],
  ["d + INTERVAL '1' MONTH", "date", "2026-04-30"],
  ["INTERVAL '1' MONTH + d", "date", "2026-04-30"],
  ["d - INTERVAL '1' YEAR", "date", "2025-03-31"],
  ["d + INTERVAL '1 week'", "date", "2026-04-07"],
  ["d + INTERVAL '24' HOUR", "timestamp", "2026-04-01 00:00:00"],
  ["ts - INTERVAL '1-2' YEAR TO MONTH", "timestamp", "2025-01-31 12:30:15.123456"],
  ["ts - TIMESTAMP '2026-01-01 00:00:00'", "interval day to second", "INTERVAL '89 12:30:15.123456' DAY TO SECOND"],
  ["d - DATE '2026-01-01'", "interval day", "INTERVAL '89' DAY"],
  ["'2026-01-01' - d", "interval day", "INTERVAL '-89' DAY"],
  ["d - ts", "interval day to second", "INTERVAL '-0 12:30:15.123456' DAY TO SECOND"],
  ["'2026-01-02' + INTERVAL '1' DAY", "string", "2026-01-03 00:00:00"],
  ["sequence(DATE '2026-01-31', DATE '2026-04-30', INTERVAL '1' MONTH)", "array<date>", "[2026-01-31, 2026-02-28, 2026-03-31, 2026-04-30]"],
  ["extract(SECOND FROM ts)", "decimal(8,6)", "15.123456"],
  ["date_add(d, 2147483647)", "date", "-5877585-09-19"],
])("intervals are what they are in Spark: %s", async ([sql, type, text]) => {
  const found = session.sql(`SELECT ${sql} AS r FROM t`);
  expect(found.schema.fields.map((field) => simpleString(field.dataType))).toEqual([type]);
  expect(simpleString(parseSchema(`r ${type}`).fields[0]?.dataType ?? { type: "null" })).toBe(type);
  found.createOrReplaceTempView("q");
  expect(await session.sql("SELECT CAST(r AS STRING) AS r FROM q").collect()).toEqual([{ r: text }]);
});

test.for([
  ["INTERVAL '1 month 1 day'", "_LEGACY_ERROR_TEMP_0029"],
  ["INTERVAL '1' MONTH + INTERVAL '1' DAY", "DATATYPE_MISMATCH.UNEXPECTED_INPUT_TYPE"],
  ["INTERVAL '1' MONTH > INTERVAL '2' HOUR", "DATATYPE_MISMATCH.BINARY_OP_DIFF_TYPES"],
  ["'2026-01-02' + INTERVAL '1' MONTH", "DATATYPE_MISMATCH.BINARY_OP_DIFF_TYPES"],
  ["d + '1'", "DATATYPE_MISMATCH.UNEXPECTED_INPUT_TYPE"],
  ["INTERVAL '3' HOUR / 0", "INTERVAL_DIVIDED_BY_ZERO"],
  ["add_months(d, 2147483647)", "ARITHMETIC_OVERFLOW"],
] as const)("%s is refused: %s", async ([sql, code]) => {
  await expect((async () => session.sql(`SELECT ${sql} AS r FROM t`).collect())()).rejects.toMatchObject({ code });
});

test("the type of an interval is its first and last unit", () => {
  expect(rangeText({ type: "interval" })).toBe("day to second");
  expect(typeOfText("interval '1 02:03' day to minute")).toEqual({ type: "interval", range: ["day", "minute"] });
  expect(typeOfText("1 month 1 day")).toBeUndefined();
  expect(typeOfText("soon")).toBeUndefined();
  expect(widerInterval({ type: "interval", range: ["day", "day"] }, { type: "interval", range: ["second", "second"] })).toEqual({
    type: "interval",
  });
  expect(widerInterval({ type: "months" }, { type: "interval" })).toBeUndefined();
  expect(intervalText(-36_000_500_000, { type: "interval", range: ["hour", "second"] })).toBe("INTERVAL '-10:00:00.5' HOUR TO SECOND");
});
