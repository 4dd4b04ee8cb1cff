import { alertsFigure } from "../charts/alerts.ts";
import { drawArchitecture, type Architecture } from "../charts/architecture.ts";
import { batchDurationFigure } from "../charts/batch-duration.ts";
import { drawFigure, type DrawnFigure, type Figure } from "../charts/figure.ts";
import { latencyDistributionFigure, latencyFigure, type DistributionPoint, type MarkedPercentile } from "../charts/latency.ts";
import { resourcesFigure } from "../charts/resources.ts";
import { batchDurationPoints, latencyPoints, resourcePoints, statePoints, throughputPoints } from "../charts/series-points.ts";
import { stateFigure } from "../charts/state.ts";
import { throughputFigure } from "../charts/throughput.ts";
import { windowsFigure } from "../charts/windows.ts";
import { decodeLatencyHistogram, latencyDistribution, summariseLatency } from "../monitor/latency.ts";
import { whole } from "./numbers.ts";
import type { RunRecord } from "./run-record.ts";

/** Every figure of the report that the record has data for, in the report's order. */
export function figuresOf(record: RunRecord): Figure[] {
  const { series } = record;
  const throughput = throughputPoints(series);
  const latency = latencyPoints(series);
  const distribution = distributionFigure(record);
  const batches = batchDurationPoints(series);
  const resources = resourcePoints(series);
  const state = statePoints(series);
  return [
    ...(throughput.length > 0 ? [throughputFigure(throughput, record.parameters.rate)] : []),
    ...(latency.length > 0 ? [latencyFigure(latency)] : []),
    ...(distribution ? [distribution] : []),
    ...(batches.length > 0 ? [batchDurationFigure(batches)] : []),
    ...(resources.length > 0 ? [resourcesFigure(resources)] : []),
    ...(state.length > 0 ? [stateFigure(state)] : []),
    ...(record.windows.length > 0 ? [windowsFigure(record.windows)] : []),
    ...(Object.keys(record.alerts).length > 0 ? [alertsFigure(record.alerts)] : []),
  ];
}

function distributionFigure(record: RunRecord): Figure | undefined {
  const points: DistributionPoint[] = [];
  let marked: readonly MarkedPercentile[] = [];
  for (const [kind, encoded] of [
    ["documents, measured", record.latency.storedUs],
    ["window readings, estimated", record.latency.estimateUs],
    ["event to screen, measured", record.latency.screenUs],
  ] as const) {
    if (encoded === null) continue;
    const histogram = decodeLatencyHistogram(encoded);
    points.push(...latencyDistribution(histogram).map((step) => ({ kind, ...step })));
    const summary = summariseLatency(histogram);
    if (summary && marked.length === 0) marked = (["p50", "p95", "p99"] as const).map((label) => ({ label, ms: summary[label] }));
  }
  return points.length > 0 ? latencyDistributionFigure(points, marked) : undefined;
}

/** The lab's two queries by the collection that they fill (A7 to A9). */
const WHAT_QUERIES_DO: Readonly<Record<string, readonly string[]>> = {
  sensor_metrics: ["sliding windows by type and location, update mode"],
  anomaly_alerts: ["status = anomaly: CRITICAL, WARNING, INFO; append mode"],
};

/** "sensor_metrics" from "MongoDB[iot_analytics.sensor_metrics]"; another sink's description as it is. */
function collectionOf(sink: string): string {
  return /\[(?:[^\].]*\.)?([^\]]+)\]/.exec(sink)?.[1] ?? sink;
}

function databasesOf(record: RunRecord): string[] {
  return [...new Set(record.queries.flatMap((query) => /\[([^\].]+)\./.exec(query.sink)?.[1] ?? []))];
}

/** The pipeline of a run, for the picture. */
export function architectureOf(record: RunRecord): Architecture {
  const { backends, parameters } = record;
  return {
    generator: {
      title: "Sensor generator",
      details: [`asked for ${whole(parameters.rate)} messages/s`, `seed ${parameters.seed}, key sensor_id`, "idempotent, acks=all"],
    },
    broker: { title: backends.kafka.name, details: [backends.kafka.address], topic: parameters.topic, partitions: parameters.partitions },
    engine: {
      title: `${backends.engine.name}: Structured Streaming`,
      details: ["micro-batches, watermark on event time, checkpoint"],
      queries: record.queries.map((query) => {
        const collection = collectionOf(query.sink);
        return { title: query.name, details: WHAT_QUERIES_DO[collection] ?? [], collection };
      }),
    },
    store: {
      title: backends.mongo.name,
      details: [backends.mongo.address, ...databasesOf(record).map((database) => `database ${database}`)],
    },
    dashboard: backends.dashboard ? { title: "Dashboard", details: [backends.dashboard.address, "pushed by server-sent events"] } : null,
    monitor: { title: "Monitor", details: ["rates, latency, lag, CPU and memory, each second"] },
  };
}

/** Draws all figures and the architecture into a folder. */
export async function drawFigures(record: RunRecord, folder: string): Promise<ReadonlyMap<string, DrawnFigure>> {
  const drawn = new Map<string, DrawnFigure>();
  drawn.set("architecture", await drawArchitecture(architectureOf(record), folder));
  for (const figure of figuresOf(record)) drawn.set(figure.name, await drawFigure(figure, folder));
  return drawn;
}
