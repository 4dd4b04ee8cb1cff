import { expect, test } from "vitest";
import type { PipelineSnapshot } from "../monitor/snapshot.ts";
import { type LabStatus, statusLine, statusLines } from "./lab-status.ts";

const empty: PipelineSnapshot = { atMs: 0, elapsedMs: 0, producer: null, queries: [], latency: null, resources: [], services: [] };
const status: LabStatus = {
  phase: "producing",
  dashboardUrl: "http://127.0.0.1:8050",
  elapsedSeconds: 15,
  totalSeconds: 60,
  snapshot: {
    ...empty,
    producer: { acknowledged: 15_000, perSecond: 999.6, askedPerSecond: 1000 },
    queries: [
      {
        name: "metrics",
        batchId: 7,
        rowsIn: 15_000,
        rowsPerSecond: 998,
        batchDurationMs: 6,
        watermark: null,
        stateRows: 48,
        lateRows: 0,
        deadLetters: 0,
        lag: { "sensor-data-0": 2, "sensor-data-1": 3 },
      },
    ],
    latency: { count: 10, p50: 6.24, p95: 12.6, p99: 30, max: 40 },
    resources: [{ process: "engine", pid: 1, cpuPercent: 20, rssMb: 99.6 }],
    services: [{ name: "broker", address: "127.0.0.1:9092", state: "up", sinceMs: 0 }],
  },
};

test("the status shows addresses, rates, lag over all partitions, percentiles and the time left", () => {
  const text = statusLines(status, 120).join("\n");
  for (const part of [
    "http://127.0.0.1:8050",
    "1,000 of 1,000 messages/s",
    "lag 5",
    "p50 6.2 · p95 13 · p99 30 ms",
    "100 MB",
    "45 s left",
  ]) {
    expect(text).toContain(part);
  }
});

test("no line is wider than the terminal", () => {
  expect(statusLines(status, 40).every((line) => line.length <= 40)).toBe(true);
});

test("before the first data the status says what is awaited", () => {
  const text = statusLines({ ...status, snapshot: empty }, 100).join("\n");
  expect(text).toContain("waiting for the generator");
  expect(text).toContain("waiting for the first stored alert");
});

test("without a terminal the status is one line", () => {
  expect(statusLine(status)).toBe(
    "producing 15/60 s · in 1,000/s · metrics 998/s lag 5 · latency event → stored p50 6.2 · p95 13 · p99 30 ms",
  );
});
