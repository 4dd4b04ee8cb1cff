import type { PipelineSnapshot } from "../monitor/snapshot.ts";
import type { BatchDurationPoint } from "./batch-duration.ts";
import type { LatencyPoint } from "./latency.ts";
import type { ResourcePoint } from "./resources.ts";
import type { StatePoint } from "./state.ts";
import type { ThroughputPoint } from "./throughput.ts";

/** What the figures call the two kinds of flow. */
export const ACKNOWLEDGED_FLOW = "acknowledged by the broker";
export const readByFlow = (query: string): string => `read by ${query}`;

/** Rates between neighbouring snapshots, from their totals: each message counts once, whatever the samples' rhythm. */
export function throughputPoints(series: readonly PipelineSnapshot[]): ThroughputPoint[] {
  const points: ThroughputPoint[] = [];
  let before: PipelineSnapshot | undefined;
  for (const snapshot of series) {
    const elapsed = before ? (snapshot.atMs - before.atMs) / 1000 : 0;
    if (before && elapsed < 0.2) continue;
    const seconds = snapshot.elapsedMs / 1000;
    const grown = (flow: string, now: number, then: number): void => void points.push({ seconds, flow, perSecond: (now - then) / elapsed });
    if (before) {
      if (snapshot.producer) grown(ACKNOWLEDGED_FLOW, snapshot.producer.acknowledged, before.producer?.acknowledged ?? 0);
      for (const query of snapshot.queries)
        grown(readByFlow(query.name), query.rowsIn, before.queries.find((other) => other.name === query.name)?.rowsIn ?? 0);
    }
    before = snapshot;
  }
  return points;
}

/** Recent percentiles where the monitor kept them, else those of the whole run so far. */
export function latencyPoints(series: readonly PipelineSnapshot[]): LatencyPoint[] {
  return series.flatMap((snapshot) => {
    const latency = snapshot.recentLatency === undefined ? snapshot.latency : snapshot.recentLatency;
    return latency ? [{ seconds: snapshot.elapsedMs / 1000, p50: latency.p50, p95: latency.p95, p99: latency.p99 }] : [];
  });
}

export function batchDurationPoints(series: readonly PipelineSnapshot[]): BatchDurationPoint[] {
  return series.flatMap((snapshot) =>
    snapshot.queries
      .filter((query) => query.rowsIn > 0)
      .map((query) => ({ seconds: snapshot.elapsedMs / 1000, query: query.name, ms: query.batchDurationMs })),
  );
}

/** CPU and memory per process; a process that is missing in a snapshot used nothing then. */
export function resourcePoints(series: readonly PipelineSnapshot[]): ResourcePoint[] {
  const processes = [...new Set(series.flatMap((snapshot) => snapshot.resources.map((resource) => resource.process)))];
  return series.flatMap((snapshot) =>
    processes.map((process) => {
      const found = snapshot.resources.find((resource) => resource.process === process);
      return { seconds: snapshot.elapsedMs / 1000, process, cpuPercent: found?.cpuPercent ?? 0, rssMb: found?.rssMb ?? 0 };
    }),
  );
}

export function statePoints(series: readonly PipelineSnapshot[]): StatePoint[] {
  return series.flatMap((snapshot) =>
    snapshot.queries.map((query) => {
      const watermarkMs = query.watermark === null ? NaN : Date.parse(query.watermark);
      return {
        seconds: snapshot.elapsedMs / 1000,
        query: query.name,
        stateRows: query.stateRows,
        watermarkLagSeconds: Number.isFinite(watermarkMs) && watermarkMs > 0 ? (snapshot.atMs - watermarkMs) / 1000 : null,
        lag: Object.values(query.lag).reduce((sum, behind) => sum + behind, 0),
      };
    }),
  );
}
