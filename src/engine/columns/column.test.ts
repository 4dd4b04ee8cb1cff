import { expect, expectTypeOf, test } from "vitest";
import { avg, count } from "../functions/api/aggregates.ts";
import { when } from "../functions/api/conditionals.ts";
import { fromJson } from "../functions/api/json.ts";
import { lit } from "../functions/api/literals.ts";
import { window } from "../functions/api/windows.ts";
import { double, string, struct, timestamp, type Long, type RowOf, type Timestamp } from "../types/schema-builder.ts";
import { simpleString } from "../types/type-text.ts";
import { col, columnsOf, Column, namedExpression, type ColumnsOf, type RowOfColumns } from "./column.ts";
import { expressionText } from "./expression-text.ts";

const sensorReading = struct({
  sensor_id: string(),
  value: double(),
  timestamp: timestamp(),
  geo: struct({ lat: double(), lon: double() }),
});
type SensorReading = RowOf<typeof sensorReading>;
const r: ColumnsOf<SensorReading> = columnsOf<SensorReading>(["sensor_id", "value", "timestamp", "geo"]);

test("a schema's row type follows from it", () => {
  expectTypeOf<SensorReading>().toEqualTypeOf<{
    readonly sensor_id: string;
    readonly value: number;
    readonly timestamp: Timestamp;
    readonly geo: { readonly lat: number; readonly lon: number };
  }>();
  expect(simpleString(sensorReading)).toBe("struct<sensor_id:string,value:double,timestamp:timestamp,geo:struct<lat:double,lon:double>>");
});

test("a misspelt column does not compile", () => {
  // @ts-expect-error -- the column is called value
  expect(() => r.valeu.gt(90)).toThrow(TypeError);
});

test("operands must fit the column's type", () => {
  // @ts-expect-error -- a text is no number
  r.value.gt("90");
  // @ts-expect-error -- another column of another type
  r.value.gt(r.sensor_id);
  // @ts-expect-error -- an instant is compared with text or a Date, not with a number
  r.timestamp.gt(5);
  expect(expressionText(r.timestamp.gt("2026-01-01").expression)).toBe("(timestamp > 2026-01-01)");
  expect(expressionText(r.value.gt(col("limit")).expression)).toBe("(value > limit)");
});

test("methods build Spark's expressions", () => {
  expectTypeOf(r.value.gt(90)).toEqualTypeOf<Column<boolean>>();
  expect(expressionText(r.value.gt(90).and(r.sensor_id.isNull().not()).expression)).toBe("((value > 90) AND (NOT (sensor_id IS NULL)))");
  const level = when(r.value.gt(90), "CRITICAL").when(r.value.gt(80), "WARNING").otherwise("INFO");
  expectTypeOf(level).toEqualTypeOf<Column<string>>();
  expect(expressionText(level.expression)).toBe("CASE WHEN (value > 90) THEN CRITICAL WHEN (value > 80) THEN WARNING ELSE INFO END");
  expect(namedExpression(avg(r.value)).name).toBe("avg(value)");
  expect(namedExpression(r.value.cast("string").as("text")).name).toBe("text");
  expect(lit(3).expression).toEqual({ kind: "literal", value: 3, dataType: { type: "int" } });
});

test("a struct's fields are properties of its column", () => {
  expectTypeOf(r.geo.lat).toEqualTypeOf<Column<number>>();
  expect(r.geo.lat.expression).toEqual({ kind: "column", path: ["geo", "lat"] });
  const parsed = fromJson(r.sensor_id, sensorReading);
  expectTypeOf(parsed.value).toEqualTypeOf<Column<number>>();
  expect(parsed.value.expression).toMatchObject({ kind: "call", fn: "field" });
  expectTypeOf(window(r.timestamp, "1 minute", "30 seconds").start).toEqualTypeOf<Column<Timestamp>>();
});

test("a record of columns has a row type", () => {
  const metrics = { window: window(r.timestamp, "1 minute"), avg_value: avg(r.value), message_count: count() };
  expectTypeOf<RowOfColumns<typeof metrics>>().toEqualTypeOf<{
    window: { readonly start: Timestamp; readonly end: Timestamp };
    avg_value: number;
    message_count: Long;
  }>();
  expect(Object.keys(metrics)).toEqual(["window", "avg_value", "message_count"]);
});

test("a column is written to JSON as its expression and is no promise", async () => {
  expect(JSON.parse(JSON.stringify({ c: r.value.expression }))).toEqual({ c: { kind: "column", path: ["value"] } });
  expect(await Promise.resolve(r.value)).toBeInstanceOf(Column);
});
