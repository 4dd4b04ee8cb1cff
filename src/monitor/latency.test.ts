import { describe, expect, test } from "vitest";
import { createRandom } from "../base/random.ts";
import {
  HIGHEST_LATENCY_US,
  createLatencyHistogram,
  decodeLatencyHistogram,
  drainLatencyHistogram,
  encodeLatencyHistogram,
  latencyDistribution,
  mergeLatencyHistograms,
  recordLatencyUs,
  summariseLatency,
} from "./latency.ts";
import { MonitorError } from "./monitor-error.ts";

describe("latency histograms", () => {
  test("percentiles agree with sorting every value, to three digits", () => {
    const random = createRandom(11);
    const histogram = createLatencyHistogram();
    const values = Array.from({ length: 10_000 }, () => Math.round(Math.exp(random.normal(9, 1))));
    for (const value of values) recordLatencyUs(histogram, value);
    values.sort((a, b) => a - b);
    const summary = summariseLatency(histogram);
    expect(summary?.count).toBe(10_000);
    for (const [share, found] of [
      [0.5, summary?.p50],
      [0.95, summary?.p95],
      [0.99, summary?.p99],
      [1, summary?.max],
    ] as const) {
      const exact = (values[Math.ceil(share * values.length) - 1] ?? NaN) / 1000;
      expect(Math.abs((found ?? NaN) - exact) / exact, `share ${share}`).toBeLessThan(0.002);
    }
  });

  test("encode and decode keep count and percentiles", () => {
    const histogram = createLatencyHistogram();
    for (let us = 100; us < 100_000; us += 77) recordLatencyUs(histogram, us);
    expect(summariseLatency(decodeLatencyHistogram(encodeLatencyHistogram(histogram)))).toEqual(summariseLatency(histogram));
  });

  test("merging histograms equals recording everything in one", () => {
    const [a, b, all] = [createLatencyHistogram(), createLatencyHistogram(), createLatencyHistogram()];
    for (let us = 1; us < 5000; us++) {
      recordLatencyUs(us % 3 ? a : b, us);
      recordLatencyUs(all, us);
    }
    expect(summariseLatency(mergeLatencyHistograms([a, b, createLatencyHistogram()]))).toEqual(summariseLatency(all));
  });

  test("a drain gives what was counted since the last one", () => {
    const histogram = createLatencyHistogram();
    expect(drainLatencyHistogram(histogram)).toBeUndefined();
    recordLatencyUs(histogram, 5000, 3);
    expect(decodeLatencyHistogram(drainLatencyHistogram(histogram) ?? "").totalCount).toBe(3);
    expect(drainLatencyHistogram(histogram)).toBeUndefined();
  });

  test("negative latencies count as 0, those beyond an hour as an hour, NaN as nothing", () => {
    const histogram = createLatencyHistogram();
    recordLatencyUs(histogram, -2000);
    recordLatencyUs(histogram, NaN);
    recordLatencyUs(histogram, Infinity);
    expect(histogram.totalCount).toBe(2);
    expect(histogram.getValueAtPercentile(50)).toBe(0);
    expect(Math.abs(histogram.maxValue - HIGHEST_LATENCY_US) / HIGHEST_LATENCY_US).toBeLessThan(0.001);
  });

  test("an empty histogram has no percentiles", () => {
    expect(summariseLatency(createLatencyHistogram())).toBeNull();
    expect(latencyDistribution(createLatencyHistogram())).toEqual([]);
  });

  test("the distribution never falls and ends at the largest value", () => {
    const histogram = createLatencyHistogram();
    for (let us = 1000; us <= 50_000; us += 13) recordLatencyUs(histogram, us);
    const steps = latencyDistribution(histogram);
    for (let i = 1; i < steps.length; i++) expect(steps[i]?.ms).toBeGreaterThanOrEqual(steps[i - 1]?.ms ?? 0);
    expect(steps.at(-1)?.share).toBe(1);
    expect(steps.at(-1)?.ms).toBeCloseTo(50, 0);
  });

  test.each(["", "not base64", "aGVsbG8="])("refuses %j with a message that says what to give", (text) => {
    expect(() => decodeLatencyHistogram(text)).toThrow(MonitorError);
  });
});
