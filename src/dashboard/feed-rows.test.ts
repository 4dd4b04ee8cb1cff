import { Long } from "mongodb";
import { describe, expect, test } from "vitest";
import { snapshotSample } from "../../tests/browser/pipeline-sample.ts";
import { alertRow, metricRow, snapshotRow, trendPoint } from "./feed-rows.ts";

const window = { start: new Date(60_000), end: new Date(120_000) };

describe("A10: stored documents as rows of the page", () => {
  test("a window is read from its nested start, with any of BSON's numbers", () => {
    const row = metricRow({
      _id: "w",
      window,
      sensor_type: "humidity",
      location: "office",
      avg_value: 1.5,
      max_value: 2,
      min_value: 1,
      message_count: Long.fromNumber(7),
    });
    expect(row).toEqual({
      id: "w",
      windowStartMs: 60_000,
      windowEndMs: 120_000,
      sensorType: "humidity",
      location: "office",
      avg: 1.5,
      max: 2,
      min: 1,
      count: 7,
    });
  });
  test.each([
    ["no window", { avg_value: 1 }],
    ["null as window", { window: null, avg_value: 1 }],
    ["a date that is none", { window: { start: new Date(NaN) }, avg_value: 1 }],
    ["NaN as average", { window, avg_value: NaN }],
    ["text as average", { window, avg_value: "12" }],
  ])("a window with %s is left out", (_, document) => {
    expect(metricRow(document)).toBeUndefined();
  });
  test("an alert needs a time and a value, and its texts are cut to what a screen shows", () => {
    const row = alertRow({ _id: "a", timestamp: new Date(5), value: 91, sensor_id: "x".repeat(1_000_000), alert_type: { $gt: "" } });
    expect(row?.sensorId).toHaveLength(120);
    expect(row?.alertType).toBe("[object Object]");
    expect(alertRow({ _id: "a", value: 91 })).toBeUndefined();
  });
  test("a snapshot keeps its fields, loses the stored _id, and is left out when a field is not what it should be", () => {
    const snapshot = snapshotSample(0.5, 1_000, 1);
    expect(snapshotRow({ _id: 1, ...snapshot })).toEqual(snapshot);
    expect(snapshotRow({ ...snapshot, atMs: "now" })).toBeUndefined();
    expect(snapshotRow({ ...snapshot, queries: [{ name: "metrics" }] })).toBeUndefined();
  });
  test("a trend point says null, not 0, for what is not known yet", () => {
    const point = trendPoint({ ...snapshotSample(0.5, 1_000, 1), producer: null, latency: null });
    expect([point.asked, point.produced, point.p50, point.p99]).toEqual([null, null, null, null]);
    expect(Object.keys(point.batchMs)).toEqual(["metrics", "anomalies"]);
  });
});
