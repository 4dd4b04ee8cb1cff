import { describe, expect, test } from "vitest";
import { ManualClock } from "../base/clock.ts";
import type { StreamingQueryProgress } from "../engine/query/progress.ts";
import { createLatencyHistogram, decodeLatencyHistogram, encodeLatencyHistogram, LATENCY_METRIC, recordLatencyUs } from "./latency.ts";
import { createMonitor, type Monitor } from "./monitor.ts";
import { createResourceSampler } from "./resources.ts";

const START = Date.parse("2026-01-01T00:00:00.000Z");
const at = (ms: number): string => new Date(START + ms).toISOString();

function progressEvent(changes: Partial<StreamingQueryProgress>): StreamingQueryProgress {
  return {
    id: "id-1",
    runId: "run-1",
    name: "metrics",
    timestamp: at(0),
    batchId: 0,
    batchDuration: 10,
    numInputRows: 0,
    inputRowsPerSecond: 0,
    processedRowsPerSecond: 0,
    durationMs: { triggerExecution: 10, addBatch: 6 },
    eventTime: {},
    stateOperators: [],
    sources: [],
    sink: { description: "memory", numOutputRows: -1, metrics: {} },
    observedMetrics: {},
    ...changes,
  };
}

function monitorAt(clock: ManualClock, options: { seriesLimit?: number } = {}): Monitor {
  return createMonitor({ clock, askedRate: 1000, resources: createResourceSampler(clock, async () => new Map()), ...options });
}

const source = (
  endOffset: unknown,
  latestOffset: unknown,
  metrics: Record<string, string> = {},
): StreamingQueryProgress["sources"][number] => ({
  description: "KafkaV2[Subscribe[sensor-data]]",
  startOffset: null,
  endOffset,
  latestOffset,
  numInputRows: 0,
  inputRowsPerSecond: 0,
  processedRowsPerSecond: 0,
  metrics,
});

function encodedLatencies(...ms: number[]): Record<string, string> {
  const histogram = createLatencyHistogram();
  for (const value of ms) recordLatencyUs(histogram, value * 1000);
  return { [LATENCY_METRIC]: encodeLatencyHistogram(histogram) };
}

describe("what the monitor says", () => {
  test("before anything happened it says so with nulls and empty lists", () => {
    const clock = new ManualClock(START);
    expect(monitorAt(clock).snapshot()).toEqual({
      atMs: START,
      elapsedMs: 0,
      producer: null,
      queries: [],
      latency: null,
      recentLatency: null,
      latencyEstimate: null,
      resources: [],
      services: [],
    });
  });

  test("the producer's total and rate", () => {
    const clock = new ManualClock(START);
    const monitor = monitorAt(clock);
    for (let second = 1; second <= 4; second++) {
      clock.advance(1000);
      monitor.acknowledged(second * 1000);
    }
    expect(monitor.snapshot().producer).toEqual({ acknowledged: 4000, perSecond: 1000, askedPerSecond: 1000 });
  });

  test("rows, late rows and dead letters add up over batches; state, watermark and lag are the last ones", () => {
    const clock = new ManualClock(START);
    const monitor = monitorAt(clock);
    const operator = {
      operatorName: "stateStoreSave",
      numRowsTotal: 32,
      numRowsUpdated: 1,
      numRowsRemoved: 0,
      numRowsDroppedByWatermark: 2,
      allUpdatesTimeMs: 0,
      allRemovalsTimeMs: 0,
      commitTimeMs: 0,
      memoryUsedBytes: 4096,
      customMetrics: { numLateInputRows: 5 },
    };
    clock.advance(1000);
    for (const batchId of [0, 1])
      monitor.progress(
        progressEvent({
          batchId,
          numInputRows: 500,
          timestamp: at(batchId * 500),
          batchDuration: 20 + batchId,
          eventTime: { watermark: at(-1000) },
          stateOperators: [operator],
          sources: [
            source({ "sensor-data": { 0: 10, 1: 20 } }, { "sensor-data": { 0: 12, 1: 20 } }, { deadLetterRows: "3", keptRows: "497" }),
          ],
        }),
      );
    expect(monitor.snapshot().queries).toEqual([
      {
        name: "metrics",
        batchId: 1,
        rowsIn: 1000,
        rowsPerSecond: 1000,
        batchDurationMs: 21,
        watermark: at(-1000),
        stateRows: 32,
        lateRows: 10,
        deadLetters: 6,
        lag: { "sensor-data-0": 2, "sensor-data-1": 0 },
      },
    ]);
    expect(monitor.queries()[0]).toMatchObject({
      batches: 2,
      rowsIn: 1000,
      rowsOut: 0,
      stepsMs: { triggerExecution: 20, addBatch: 12 },
      firstBatchAtMs: START,
      lastBatchEndMs: START + 521,
      maxLag: 2,
      lastLag: 2,
      maxStateBytes: 4096,
    });
  });

  test("an idle progress keeps the duration of the last batch and the lag", () => {
    const clock = new ManualClock(START);
    const monitor = monitorAt(clock);
    monitor.progress(progressEvent({ numInputRows: 5, batchDuration: 33, sources: [source('{"t":{"0":1}}', '{"t":{"0":4}}')] }));
    monitor.progress(progressEvent({ numInputRows: 0, batchDuration: 0, sources: [source(null, null)] }));
    expect(monitor.snapshot().queries[0]).toMatchObject({ batchDurationMs: 33, lag: { "t-0": 3 }, rowsIn: 5 });
  });

  test("a source that knows its lag only on average gives it for all partitions together", () => {
    const clock = new ManualClock(START);
    const monitor = monitorAt(clock);
    const offsets = { t: { 0: 5, 1: 5, 2: 5 } };
    monitor.progress(
      progressEvent({ numInputRows: 5, sources: [source(offsets, offsets, { avgOffsetsBehindLatest: "2.3333333333333335" })] }),
    );
    expect(monitor.snapshot().queries[0]?.lag).toEqual({ "t-0": 0, "t-1": 0, "t-2": 0, "all partitions": 7 });
  });

  test("a progress event that came as JSON may lack what Spark leaves out", () => {
    const clock = new ManualClock(START);
    const monitor = monitorAt(clock);
    const event = JSON.parse(
      '{"id":"x","name":null,"timestamp":"2026-01-01T00:00:00.000Z","batchId":4,"batchDuration":3,"numInputRows":9}',
    ) as never;
    monitor.progress(event);
    expect(monitor.snapshot().queries[0]).toMatchObject({ name: "x", batchId: 4, rowsIn: 9, lag: {}, watermark: null });
    expect(monitor.queries()[0]).toMatchObject({ sink: "", batches: 1, stepsMs: {} });
  });

  test("measured latencies merge over batches; the recent ones forget", () => {
    const clock = new ManualClock(START);
    const monitor = monitorAt(clock);
    monitor.progress(progressEvent({ name: "alerts", sink: { description: "m", numOutputRows: 1, metrics: encodedLatencies(900) } }));
    clock.advance(10_000);
    monitor.progress(progressEvent({ name: "alerts", sink: { description: "m", numOutputRows: 2, metrics: encodedLatencies(10, 12) } }));
    const snapshot = monitor.snapshot();
    expect(snapshot.latency?.count).toBe(3);
    expect(snapshot.latency?.max).toBeCloseTo(900, -1);
    expect(snapshot.recentLatency?.count).toBe(2);
    expect(snapshot.recentLatency?.max).toBeCloseTo(12, 1);
    expect(decodeLatencyHistogram(monitor.latencies().storedUs ?? "").totalCount).toBe(3);
    expect(monitor.latencies().estimateUs).toBeNull();
    expect(monitor.queries()[0]).toMatchObject({ estimated: false });
  });

  test("an estimate keeps minimum, mean and maximum of the batch's event times, and stays apart from what is measured", () => {
    const clock = new ManualClock(START);
    const monitor = monitorAt(clock);
    monitor.progress(
      progressEvent({
        timestamp: at(1000),
        batchDuration: 20,
        numInputRows: 400,
        eventTime: { min: at(500), max: at(1000), avg: at(900) },
      }),
    );
    const snapshot = monitor.snapshot();
    expect(snapshot.latency).toBeNull();
    expect(snapshot.latencyEstimate?.count).toBe(400);
    expect(snapshot.latencyEstimate?.max).toBeCloseTo(520, -1);
    const histogram = decodeLatencyHistogram(monitor.latencies().estimateUs ?? "");
    expect(histogram.minNonZeroValue / 1000).toBeCloseTo(20, 0);
    expect(Math.abs(histogram.mean / 1000 - 120)).toBeLessThan(10);
    expect(monitor.queries()[0]).toMatchObject({ estimated: true });
  });

  test.each([1, 2, 3, 7])("an estimate of %i rows counts each of them once", (rows) => {
    const clock = new ManualClock(START);
    const monitor = monitorAt(clock);
    monitor.progress(progressEvent({ timestamp: at(10), numInputRows: rows, eventTime: { min: at(0), max: at(0), avg: at(0) } }));
    expect(monitor.snapshot().latencyEstimate).toMatchObject({ count: rows });
    expect(monitor.snapshot().latencyEstimate?.p50).toBeCloseTo(20, 0);
  });

  test("an unreadable histogram is passed over", () => {
    const clock = new ManualClock(START);
    const monitor = monitorAt(clock);
    monitor.progress(
      progressEvent({ sink: { description: "m", numOutputRows: 1, metrics: { [LATENCY_METRIC]: "garbage" } }, numInputRows: 4 }),
    );
    expect(monitor.snapshot()).toMatchObject({ latency: null, queries: [{ rowsIn: 4 }] });
  });

  test("a service keeps the time of its last change", () => {
    const clock = new ManualClock(START);
    const monitor = monitorAt(clock);
    monitor.service({ name: "broker", address: "127.0.0.1:9092", state: "up" });
    clock.advance(5000);
    monitor.service({ name: "broker", address: "127.0.0.1:9092", state: "up" });
    expect(monitor.snapshot().services[0]?.sinceMs).toBe(START);
    monitor.service({ name: "broker", address: "127.0.0.1:9092", state: "down" });
    expect(monitor.snapshot().services).toEqual([{ name: "broker", address: "127.0.0.1:9092", state: "down", sinceMs: START + 5000 }]);
  });
});

describe("the series", () => {
  const settle = async (): Promise<void> => {
    for (let turn = 0; turn < 20; turn++) await Promise.resolve();
  };

  test("has a sample each second and one at the end, and listeners hear each", async () => {
    const clock = new ManualClock(START);
    const monitor = monitorAt(clock);
    const heard: number[] = [];
    const stop = monitor.onSample((snapshot) => heard.push(snapshot.elapsedMs));
    const abort = new AbortController();
    const running = monitor.run(abort.signal);
    for (let second = 0; second < 3; second++) {
      await settle();
      clock.advance(1000);
    }
    await settle();
    clock.advance(400);
    abort.abort();
    await running;
    stop();
    expect(monitor.series().map((snapshot) => snapshot.elapsedMs)).toEqual([0, 1000, 2000, 3000, 3400]);
    expect(heard).toEqual([0, 1000, 2000, 3000, 3400]);
  });

  test("never grows beyond its limit and keeps the newest samples whole", async () => {
    const clock = new ManualClock(START);
    const monitor = monitorAt(clock, { seriesLimit: 10 });
    for (let second = 0; second < 100; second++) {
      await monitor.sample();
      expect(monitor.series().length).toBeLessThanOrEqual(10);
      clock.advance(1000);
    }
    const elapsed = monitor.series().map((snapshot) => snapshot.elapsedMs);
    expect(elapsed[0]).toBe(0);
    expect(elapsed.slice(-3)).toEqual([97_000, 98_000, 99_000]);
    expect([...elapsed].sort((a, b) => a - b)).toEqual(elapsed);
  });
});
