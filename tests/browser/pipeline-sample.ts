import { createRandom } from "../../src/base/random.ts";
import type { AlertRow, MetricRow } from "../../src/dashboard/feed-rows.ts";
import type { FeedSource } from "../../src/dashboard/feed-source.ts";
import type { PipelineSnapshot } from "../../src/monitor/snapshot.ts";

const TYPES = ["temperature", "humidity", "pressure", "vibration"];
const LOCATIONS = ["factory-floor", "warehouse", "office", "outdoor"];

/** A pipeline's stored results, seeded, as a source that a test can change and break. */
export interface PipelineSample extends FeedSource {
  metricRows: MetricRow[];
  alertRows: AlertRow[];
  snapshotRows: PipelineSnapshot[];
  /** While set, every read fails with it. */
  failure: Error | undefined;
  reads: number;
}

/** `seconds` of a run at 1 000 messages a second that ends at `endMs`. */
export function pipelineSample(seed: number, endMs: number, seconds: number): PipelineSample {
  const random = createRandom(seed);
  const metricRows: MetricRow[] = [];
  for (let start = Math.floor(endMs / 30_000) * 30_000; metricRows.length < 100; start -= 30_000) {
    for (const sensorType of TYPES) {
      for (const location of LOCATIONS) {
        metricRows.push({
          id: `${start}|${sensorType}|${location}`,
          windowStartMs: start,
          windowEndMs: start + 60_000,
          sensorType,
          location,
          avg: random.normal(50, 0.8),
          max: 99.98,
          min: 0.02,
          count: 3_600 + random.below(300),
        });
      }
    }
  }
  const alertRows = Array.from({ length: 50 }, (_, i) => alertSample(random.next() * 100, endMs - i * 20 - random.below(15), i));
  const snapshotRows = Array.from({ length: seconds }, (_, i) => snapshotSample(random.next(), endMs - (seconds - 1 - i) * 1_000, i));
  const sample: PipelineSample = {
    metricRows: metricRows.slice(0, 100),
    alertRows,
    snapshotRows,
    failure: undefined,
    reads: 0,
    metrics: (limit, filter = {}) =>
      read(sample, () =>
        sample.metricRows
          .filter((row) => (filter.location ?? row.location) === row.location && (filter.sensorType ?? row.sensorType) === row.sensorType)
          .slice(0, limit),
      ),
    alerts: (limit, filter = {}) =>
      read(sample, () => sample.alertRows.filter((row) => (filter.alertType ?? row.alertType) === row.alertType).slice(0, limit)),
    snapshots: (afterMs, limit) => read(sample, () => sample.snapshotRows.filter((row) => row.atMs > afterMs).slice(-limit)),
    close: () => Promise.resolve(),
  };
  return sample;
}

function read<T>(sample: PipelineSample, rows: () => T): Promise<T> {
  sample.reads++;
  return sample.failure ? Promise.reject(sample.failure) : Promise.resolve(rows());
}

/** One alert, its type by the lab's rule (A8). */
export function alertSample(value: number, timestampMs: number, n: number): AlertRow {
  return {
    id: `sensor-data-${n % 3}-${n}-${timestampMs}`,
    timestampMs,
    sensorId: `sensor_${String((n * 37) % 1000).padStart(4, "0")}`,
    sensorType: TYPES[n % 4] ?? "",
    location: LOCATIONS[(n >> 2) % 4] ?? "",
    value: Math.round(value * 100) / 100,
    alertType: value > 90 ? "CRITICAL" : value > 80 ? "WARNING" : "INFO",
  };
}

/** The monitor's state at one second of the run; `noise` in [0, 1). */
export function snapshotSample(noise: number, atMs: number, second: number): PipelineSnapshot {
  const query = (name: string, batchDurationMs: number, stateRows: number): PipelineSnapshot["queries"][number] => ({
    name,
    batchId: second * 20,
    rowsIn: second * 1000,
    rowsPerSecond: 985 + noise * 30,
    batchDurationMs: batchDurationMs + noise * 6,
    watermark: name === "metrics" ? new Date(atMs - 300_000).toISOString() : null,
    stateRows,
    lateRows: 0,
    deadLetters: 0,
    lag: { "sensor-data-0": Math.round(noise * 14), "sensor-data-1": Math.round(noise * 9), "sensor-data-2": Math.round((1 - noise) * 11) },
  });
  return {
    atMs,
    elapsedMs: second * 1000,
    producer: { acknowledged: second * 1000, perSecond: 990 + noise * 20, askedPerSecond: 1000 },
    queries: [query("metrics", 9, 192), query("anomalies", 6, 0)],
    latency: { count: second * 50, p50: 11 + noise * 2, p95: 24 + noise * 9, p99: 41 + noise * 22, max: 131 },
    resources: [
      { process: "lab", pid: 4101, cpuPercent: 12 + noise * 4, rssMb: 182 },
      { process: "broker", pid: 4107, cpuPercent: 9 + noise * 3, rssMb: 96 },
      { process: "document server", pid: 4113, cpuPercent: 14 + noise * 5, rssMb: 121 },
      { process: "generator", pid: 4120, cpuPercent: 6 + noise * 2, rssMb: 88 },
    ],
    services: [
      { name: "broker", address: "127.0.0.1:9092", state: "up", sinceMs: atMs - second * 1000 },
      { name: "document server", address: "127.0.0.1:27017", state: "up", sinceMs: atMs - second * 1000 },
    ],
  };
}
