import { expect, test } from "vitest";
import { ManualClock } from "../src/base/clock.ts";
import type { KafkaRecord } from "../src/kafka/producer.ts";
import { alertOf, createLatencyReadings, groupOf, sendAtRate } from "./latency-load.ts";

test("all readings of a group go to one partition, all partitions get some, no two alerts are alike", () => {
  const next = createLatencyReadings(7, 3);
  const partitions = new Map<string, number | undefined>();
  const alerts = new Set<string>();
  let count = 0;
  for (let i = 0; i < 50_000; i++) {
    const { record, group, alert } = next(1_000_000 + (i >> 5));
    const place = group.slice(group.indexOf(" "));
    expect(partitions.get(place) ?? record.partition).toBe(record.partition);
    partitions.set(place, record.partition);
    const reading = JSON.parse(String(record.value)) as Record<string, never>;
    const atMs = Date.parse(reading.timestamp ?? "");
    expect(group).toBe(groupOf(Math.floor(atMs / 10_000) * 10_000, reading.sensor_type ?? "", reading.location ?? ""));
    expect(alert !== undefined).toBe(reading.status === "anomaly");
    if (alert === undefined) continue;
    expect(alert).toBe(alertOf(reading.sensor_id ?? "", atMs, reading.value ?? NaN));
    alerts.add(alert);
    count++;
  }
  expect(partitions.size).toBe(16);
  expect(new Set(partitions.values())).toEqual(new Set([0, 1, 2]));
  expect(alerts.size).toBe(count);
  expect(count).toBeGreaterThan(1000);
});

test("the load is open: a stall moves no reading's due time, sends do not wait for each other, a hundred under way are enough", async () => {
  const clock = new ManualClock(5000);
  const sends: number[] = [];
  const due: number[] = [];
  const answers: (() => void)[] = [];
  const loading = sendAtRate({
    producer: {
      send: (_, records: readonly KafkaRecord[]) => {
        sends.push(records.length);
        return new Promise((resolve) => answers.push(() => resolve([])));
      },
    },
    topic: "t",
    next: createLatencyReadings(1, 3),
    ratePerSecond: 1000,
    seconds: 0.5,
    clock,
    signal: new AbortController().signal,
    onReading: (_, dueMs) => due.push(dueMs),
  });
  const pass = async (ms: number): Promise<void> => {
    clock.advance(ms);
    for (let i = 0; i < 20; i++) await Promise.resolve();
  };
  await pass(0);
  await pass(50);
  expect(sends.slice(0, 2)).toEqual([1, 50]);
  for (let i = 0; i < 300; i++) await pass(1);
  expect(sends.length).toBe(100);
  for (let i = 0; i < 300; i++) {
    for (const one of answers.splice(0)) one();
    await pass(1);
  }
  const figures = await loading;
  expect(due).toEqual(Array.from({ length: 500 }, (_, i) => 5000 + i));
  expect(sends.reduce((sum, count) => sum + count, 0)).toBe(500);
  expect(sends[100]).toBeGreaterThan(200);
  expect(figures.handedAfterMs.max).toBeGreaterThanOrEqual(200);
  expect(figures.acknowledgedAfterMs.max).toBeGreaterThanOrEqual(300);
});
