import { expect, test, vi } from "vitest";
import { dataFrame, MOST_FRAME_ROWS } from "./data-frame.ts";
import { tableBundle } from "./table.ts";

const readings = [
  { type: "pressure", value: 4, time: new Date(0) },
  { type: "humidity", value: 1, time: new Date(1) },
  { type: "pressure", value: 2, time: new Date(2) },
];

test("danfojs prints, sorts, groups, filters and describes on its plain JavaScript backend", () => {
  const frame = dataFrame(readings);
  const log = vi.spyOn(console, "log").mockImplementation(() => {});
  try {
    frame.print();
    expect(String(log.mock.calls[0]?.[0])).toContain("pressure");
  } finally {
    log.mockRestore();
  }
  expect(frame.sortValues("value")?.["value"].values).toEqual([1, 2, 4]);
  expect(frame.groupby(["type"]).agg({ value: "mean" }).values).toEqual([
    ["pressure", 3],
    ["humidity", 1],
  ]);
  expect(frame.query(frame["value"].gt(1)).shape).toEqual([2, 3]);
  expect(frame["type"].valueCounts().values).toEqual([2, 1]);
  expect(frame["time"].values[0]).toBe("1970-01-01T00:00:00.000Z");
});

test("what describe() finds is shown with the names of its rows", () => {
  const text = String(tableBundle(dataFrame(readings).describe())["text/plain"]);
  expect(text).toMatch(/\| mean +\| 2.3333 \|/);
  expect(text).toMatch(/\| max +\| +4 \|/);
});

test("a missing value is refused by name, or its row dropped on request: danfojs would count it into a mean", () => {
  const rows = [{ value: 1 }, { value: null }, { value: Number.NaN }, {}];
  expect(() => dataFrame(rows)).toThrow(/row 1 has no value in column value/);
  expect(dataFrame(rows, { missing: "drop" })["value"].mean()).toBe(1);
});

test("more rows than danfojs can sort in time are refused", () => {
  const rows = Array.from({ length: MOST_FRAME_ROWS + 1 }, (_, n) => ({ n }));
  expect(() => dataFrame(rows)).toThrow(/10001 rows, allowed are 10000/);
});

test("nested objects become columns with dots, bigint numbers", () => {
  expect(dataFrame([{ window: { start: 1n } }]).columns).toEqual(["window.start"]);
  expect(dataFrame([{ window: { start: 1n } }]).values).toEqual([[1]]);
});
