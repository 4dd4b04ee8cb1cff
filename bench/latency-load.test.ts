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

test("the load is open: a stall moves no reading's due time, and what was due meanwhile goes with the next send", async () => {
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
      close: () => Promise.resolve(),
    },
    topic: "t",
    next: createLatencyReadings(1, 3),
    ratePerSecond: 1000,
    seconds: 0.1,
    clock,
    signal: new AbortController().signal,
    onReading: (_, dueMs) => due.push(dueMs),
  });
  const answer = async (afterMs: number): Promise<void> => {
    while (answers.length === 0) {
      clock.advance(0.5);
      await Promise.resolve();
    }
    clock.advance(afterMs);
    answers.shift()?.();
    for (let i = 0; i < 20; i++) await Promise.resolve();
  };
  await answer(0);
  await answer(50);
  while (due.length < 100) await answer(0);
  for (const one of answers) one();
  const figures = await loading;
  expect(due).toEqual(Array.from({ length: 100 }, (_, i) => 5000 + i));
  expect(sends.some((count) => count >= 50)).toBe(true);
  expect(figures.sent).toBe(100);
  expect(figures.handedAfterMs.max).toBeGreaterThanOrEqual(49);
  expect(figures.acknowledgedAfterMs.max).toBe(50);
});
