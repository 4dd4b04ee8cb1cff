import { build, decodeFromCompressedBase64, encodeIntoCompressedBase64, type Histogram } from "hdr-histogram-js";
import { messageOf } from "../base/errors.ts";
import { MonitorError } from "./monitor-error.ts";
import type { LatencySnapshot } from "./snapshot.ts";

/** Where a sink puts the latencies of one batch in `progress.sink.metrics`: a histogram in base64, in microseconds, event → acknowledged write. */
export const LATENCY_METRIC = "latencyHistogramUs";

/** The longest latency that is told apart, one hour; longer ones count as one hour. */
export const HIGHEST_LATENCY_US = 3_600_000_000;

/** Counts of latencies in microseconds, exact to three digits, from 1 µs to one hour. */
export type LatencyHistogram = Histogram;

export function createLatencyHistogram(): LatencyHistogram {
  return build({
    bitBucketSize: 32,
    lowestDiscernibleValue: 1,
    highestTrackableValue: HIGHEST_LATENCY_US,
    numberOfSignificantValueDigits: 3,
    useWebAssembly: false,
  });
}

/**
 * Counts one latency. A negative one (the event was stamped by a clock that runs ahead) counts as 0, one beyond an hour as an hour;
 * what is not a number counts as nothing.
 */
export function recordLatencyUs(histogram: LatencyHistogram, latencyUs: number, count: number = 1): void {
  if (Number.isNaN(latencyUs)) return;
  histogram.recordValueWithCount(Math.min(HIGHEST_LATENCY_US, Math.max(0, Math.round(latencyUs))), count);
}

/** The histogram as HdrHistogram's compressed base64 (readable by the HdrHistogram of every language). */
export function encodeLatencyHistogram(histogram: LatencyHistogram): string {
  return encodeIntoCompressedBase64(histogram);
}

/** What was counted since the last drain, encoded, and the histogram empty again; undefined when nothing was counted. */
export function drainLatencyHistogram(histogram: LatencyHistogram): string | undefined {
  if (histogram.totalCount === 0) return undefined;
  const encoded = encodeLatencyHistogram(histogram);
  histogram.reset();
  return encoded;
}

/** Reads what `encodeLatencyHistogram` wrote; anything else is refused with INVALID_HISTOGRAM. */
export function decodeLatencyHistogram(encoded: string): LatencyHistogram {
  try {
    return decodeFromCompressedBase64(encoded, 32, false);
  } catch (thrown) {
    throw new MonitorError("INVALID_HISTOGRAM", {
      failed: "Cannot read a latency histogram",
      found: messageOf(thrown),
      remedy: "Give the compressed base64 of an HdrHistogram (V2).",
      cause: thrown,
    });
  }
}

/** One histogram with the counts of all. */
export function mergeLatencyHistograms(histograms: Iterable<LatencyHistogram>): LatencyHistogram {
  const merged = createLatencyHistogram();
  for (const histogram of histograms) if (histogram.totalCount > 0) merged.add(histogram);
  return merged;
}

/** Count and percentiles in milliseconds; null of an empty histogram. */
export function summariseLatency(histogram: LatencyHistogram): LatencySnapshot | null {
  if (histogram.totalCount === 0) return null;
  const ms = (percentile: number): number => histogram.getValueAtPercentile(percentile) / 1000;
  return { count: histogram.totalCount, p50: ms(50), p95: ms(95), p99: ms(99), max: ms(100) };
}

/** One step of a cumulative distribution: `share` of the events (0–1) took at most `ms`. */
export interface LatencyStep {
  readonly share: number;
  readonly ms: number;
}

/** The cumulative distribution, steps of half a percent and finer towards both ends; empty of an empty histogram. */
export function latencyDistribution(histogram: LatencyHistogram): LatencyStep[] {
  if (histogram.totalCount === 0) return [];
  const percentiles: number[] = [0, 0.1, 0.25];
  for (let percentile = 0.5; percentile < 99; percentile += 0.5) percentiles.push(percentile);
  percentiles.push(99, 99.25, 99.5, 99.75, 99.9, 99.95, 99.99, 100);
  return percentiles.map((percentile) => ({ share: percentile / 100, ms: histogram.getValueAtPercentile(percentile) / 1000 }));
}
