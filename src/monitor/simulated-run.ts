import { ManualClock } from "../base/clock.ts";
import { createRandom } from "../base/random.ts";
import type { StreamingQueryProgress } from "../engine/query/progress.ts";
import { createLatencyHistogram, drainLatencyHistogram, LATENCY_METRIC, recordLatencyUs } from "./latency.ts";
import { createMonitor, type LatencyHistograms } from "./monitor.ts";
import type { QuerySummary } from "./query-record.ts";
import { createResourceSampler } from "./resources.ts";
import type { PipelineSnapshot } from "./snapshot.ts";

export interface SimulatedRunOptions {
  readonly seconds?: number;
  readonly askedRate?: number;
  /** What the producer really reaches; the asked rate unless given. */
  readonly reachedRate?: number;
  /** Typical latency event → stored, milliseconds. */
  readonly latencyMs?: number;
  /** Share of what is produced that the queries manage to read; 1 unless given. */
  readonly readShare?: number;
  readonly seed?: number;
}

export interface SimulatedRun {
  readonly series: readonly PipelineSnapshot[];
  readonly queries: readonly QuerySummary[];
  readonly latencies: LatencyHistograms;
  readonly startedAtMs: number;
  /** First send and last acknowledgement. */
  readonly producing: { readonly startedAtMs: number; readonly endedAtMs: number };
  readonly acknowledged: number;
}

/** When every simulated run begins. */
export const SIMULATED_START_MS: number = Date.parse("2026-01-15T10:00:00.000Z");

const BATCH_MS = 200;
const PROCESSES = [
  { name: "lab and engine", pid: 101, cpu: 24, rss: 165 },
  { name: "broker", pid: 102, cpu: 9, rss: 88 },
  { name: "document server", pid: 103, cpu: 7, rss: 96 },
  { name: "dashboard", pid: 104, cpu: 3, rss: 82 },
];

/**
 * A run of the IoT lab as a real monitor would have recorded it, from made-up events on a manual clock: the same for the same options on
 * every machine. For tests, figure snapshots and trying out reports; it measures nothing.
 */
export async function simulateRun(options: SimulatedRunOptions = {}): Promise<SimulatedRun> {
  const { seconds = 60, askedRate = 1000, reachedRate = askedRate, latencyMs = 8, readShare = 1, seed = 7 } = options;
  const clock = new ManualClock(SIMULATED_START_MS);
  const random = createRandom(seed);
  const startProducingMs = SIMULATED_START_MS + 1000;
  let cpuSeconds = 0;
  const resources = createResourceSampler(clock, async () => {
    cpuSeconds += 0.01;
    const elapsed = (clock.nowMs() - SIMULATED_START_MS) / 1000;
    return new Map(
      PROCESSES.map(({ pid, cpu, rss }) => [
        pid,
        {
          cpuSeconds: (cpu / 100) * elapsed + cpuSeconds * random.between(0.3, 1),
          rssMb: rss + 18 * (1 - Math.exp(-elapsed / 15)) + random.between(0, 3),
        },
      ]),
    );
  });
  const monitor = createMonitor({ clock, askedRate, resources });
  for (const { name, pid } of PROCESSES) monitor.watch(name, pid);
  for (const [name, address] of [
    ["broker", "127.0.0.1:9092"],
    ["document server", "127.0.0.1:27017"],
    ["dashboard", "127.0.0.1:8050"],
  ] as const)
    monitor.service({ name, address, state: "up" });

  const produced = (atMs: number): number =>
    Math.round((reachedRate * Math.min(seconds * 1000, Math.max(0, atMs - startProducingMs))) / 1000);
  let read = 0;
  let batchId = 0;
  const histogram = createLatencyHistogram();

  const batch = (name: string, rows: number, behind: number, alerts: boolean): StreamingQueryProgress => {
    const nowMs = clock.nowMs();
    const durationMs = Math.round(random.between(5, 11) + (latencyMs > 100 ? latencyMs / 3 : 0) + (batchId % 97 === 96 ? 30 : 0));
    if (alerts) for (let row = 0; row < rows / 20; row++) recordLatencyUs(histogram, 1000 * latencyMs * Math.exp(random.normal(0, 0.45)));
    const encoded = alerts ? drainLatencyHistogram(histogram) : undefined;
    const at = (ms: number): string => new Date(ms).toISOString();
    const eventEndMs = nowMs - latencyMs * 0.6;
    const log = (end: number): Record<string, Record<string, number>> => ({
      "sensor-data": { 0: Math.floor(end / 3), 1: Math.floor((end + 1) / 3), 2: Math.floor((end + 2) / 3) },
    });
    return {
      id: name,
      runId: name,
      name,
      timestamp: at(nowMs - durationMs),
      batchId,
      batchDuration: durationMs,
      numInputRows: rows,
      inputRowsPerSecond: (rows * 1000) / BATCH_MS,
      processedRowsPerSecond: (rows * 1000) / durationMs,
      durationMs: { triggerExecution: durationMs, latestOffset: 1, walCommit: 1, addBatch: durationMs - 3, commitOffsets: 1 },
      eventTime: alerts
        ? {}
        : {
            min: at(eventEndMs - BATCH_MS),
            max: at(eventEndMs),
            avg: at(eventEndMs - BATCH_MS / 2),
            watermark: at(eventEndMs - BATCH_MS - 300_000),
          },
      stateOperators: alerts
        ? []
        : [
            {
              operatorName: "stateStoreSave",
              numRowsTotal: 32 + 16 * Math.floor((nowMs - startProducingMs) / 30_000),
              numRowsUpdated: 32,
              numRowsRemoved: 0,
              numRowsDroppedByWatermark: 0,
              allUpdatesTimeMs: 2,
              allRemovalsTimeMs: 0,
              commitTimeMs: 1,
              memoryUsedBytes: 24_000,
              customMetrics: { numLateInputRows: 0 },
            },
          ],
      sources: [
        {
          description: "KafkaV2[Subscribe[sensor-data]]",
          startOffset: log(read - rows),
          endOffset: log(read),
          latestOffset: log(read + behind),
          numInputRows: rows,
          inputRowsPerSecond: 0,
          processedRowsPerSecond: 0,
          metrics: {},
        },
      ],
      sink: {
        description: `MongoDB[iot_analytics.${alerts ? "anomaly_alerts" : "sensor_metrics"}]`,
        numOutputRows: alerts ? Math.round(rows / 20) : 32,
        metrics: encoded === undefined ? {} : { [LATENCY_METRIC]: encoded },
      },
      observedMetrics: {},
    };
  };

  await monitor.sample();
  const endMs = startProducingMs + seconds * 1000 + Math.max(1000, Math.ceil(latencyMs / 1000) * 1000 + 1000);
  while (clock.nowMs() < endMs) {
    clock.advance(BATCH_MS);
    const now = produced(clock.nowMs());
    monitor.acknowledged(now);
    const goal = Math.round(produced(clock.nowMs() - latencyMs) * readShare);
    if (goal > read) {
      const rows = goal - read;
      read = goal;
      monitor.progress(batch("metrics", rows, now - read, false));
      monitor.progress(batch("alerts", rows, now - read, true));
      batchId++;
    }
    if ((clock.nowMs() - SIMULATED_START_MS) % 1000 === 0) await monitor.sample();
  }
  return {
    series: monitor.series(),
    queries: monitor.queries(),
    latencies: monitor.latencies(),
    startedAtMs: SIMULATED_START_MS,
    producing: { startedAtMs: startProducingMs, endedAtMs: startProducingMs + seconds * 1000 },
    acknowledged: produced(endMs),
  };
}
