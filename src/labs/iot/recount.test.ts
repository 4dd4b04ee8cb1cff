import { expect, test } from "vitest";
import { type StoredWindow, compareWindows, recountReadings } from "./recount.ts";

const reading = (timestamp: string, value: number, status: string = "normal"): Uint8Array =>
  Buffer.from(JSON.stringify({ sensor_id: "sensor_0001", sensor_type: "humidity", value, location: "office", timestamp, status }));

const stored = (start: string, count: number, avg: number, min: number, max: number): StoredWindow => ({
  window: { start: new Date(start) },
  sensor_type: "humidity",
  location: "office",
  avg_value: avg,
  max_value: max,
  min_value: min,
  message_count: count,
});

test("a reading lies in the two sliding windows that contain it, the start included and the end not", () => {
  const { windows } = recountReadings([reading("2026-01-01T00:00:30.000Z", 5)]);
  expect([...windows.values()].map(({ startMs }) => new Date(startMs).toISOString())).toEqual([
    "2026-01-01T00:00:30.000Z",
    "2026-01-01T00:00:00.000Z",
  ]);
});

test("what is no reading is counted as malformed and in no window", () => {
  const counted = recountReadings([null, Buffer.from("{"), Buffer.from("7"), Buffer.from('{"value":"x"}'), reading("nonsense", 1)]);
  expect(counted).toMatchObject({ readings: 0, malformed: 5 });
  expect(counted.windows.size).toBe(0);
});

test("equal windows give no difference", () => {
  const recount = recountReadings([reading("2026-01-01T00:00:10Z", 1), reading("2026-01-01T00:00:20Z", 2, "anomaly")]);
  expect(recount.anomalies).toBe(1);
  expect(compareWindows(recount, [stored("2026-01-01T00:00:00Z", 2, 1.5, 1, 2), stored("2025-12-31T23:59:30Z", 2, 1.5, 1, 2)])).toEqual([]);
});

test("a missing, doubled, unexpected or wrong window is named", () => {
  const recount = recountReadings([reading("2026-01-01T00:00:10Z", 1)]);
  const right = stored("2026-01-01T00:00:00Z", 1, 1, 1, 1);
  expect(compareWindows(recount, [right])).toEqual([expect.stringContaining("missing")]);
  expect(compareWindows(recount, [right, right])).toContainEqual(expect.stringContaining("stored twice"));
  expect(compareWindows(recount, [right, stored("2026-01-01T01:00:00Z", 1, 1, 1, 1)])).toContainEqual(
    expect.stringContaining("no message belongs"),
  );
  expect(compareWindows(recount, [stored("2026-01-01T00:00:00Z", 2, 1, 1, 1)])).toContainEqual(
    expect.stringContaining("message_count 2, recounted 1"),
  );
});
