import { readFileSync } from "node:fs";
import path from "node:path";
import { projectRoot } from "../base/project.ts";
import { createLatencyHistogram, encodeLatencyHistogram, recordLatencyUs } from "../monitor/latency.ts";
import type { QuerySummary } from "../monitor/query-record.ts";
import { IOT } from "../labs/iot/names.ts";
import type { IotPipeline } from "../labs/iot/pipeline.ts";
import type { IotRun } from "../labs/iot/run.ts";
import { hostsOf } from "../mongo/mongo-error.ts";
import { readMachine } from "./machine.ts";
import type { AccountingLine, RunRecord, Sample } from "./run-record.ts";

/** What a run was asked for. */
export interface IotParameters {
  readonly rate: number;
  readonly seconds: number;
  readonly seed: number;
  readonly others: Readonly<Record<string, string | number | boolean>>;
  /** Event → screen as a page measured it, milliseconds each. */
  readonly arrivalsMs?: readonly number[];
}

/** The record of a run of the IoT lab, for report and grade. */
export function iotRunRecord(pipeline: IotPipeline, run: IotRun, parameters: IotParameters): RunRecord {
  const { evidence } = run;
  const acknowledged = run.produced?.totals.acknowledged ?? 0;
  const summary = (query: string): QuerySummary | undefined => run.queries.find(({ name }) => name === query);
  const metrics = summary(IOT.metricsQuery);
  const alerts = summary(IOT.alertsQuery);
  return {
    version: 1,
    startedAt: new Date(run.startedAtMs).toISOString(),
    endedAt: new Date(run.endedAtMs).toISOString(),
    interrupted: run.interrupted,
    parameters: {
      rate: parameters.rate,
      seconds: parameters.seconds,
      seed: parameters.seed,
      topic: pipeline.topic,
      partitions: evidence.partitions.length,
      others: {
        watermark: IOT.watermark,
        window: `${IOT.windowSize} / ${IOT.windowSlide}`,
        trigger: "as soon as possible",
        ...parameters.others,
      },
    },
    machine: readMachine(),
    backends: {
      kafka: { name: pipeline.servers.kafka.backendName, address: pipeline.servers.kafka.address },
      mongo: { name: pipeline.servers.mongo.backendName, address: hostsOf(pipeline.servers.mongo.address) },
      engine: { name: "streamlab engine", address: "a process of this machine" },
      dashboard: pipeline.dashboard ? { name: "streamlab dashboard", address: pipeline.dashboard.address } : null,
    },
    versions: versions(),
    producing: run.produced ? { startedAtMs: run.produced.startedAtMs, endedAtMs: run.produced.endedAtMs } : null,
    series: run.series,
    queries: run.queries,
    totals: {
      produced: run.produced?.totals.sent ?? 0,
      acknowledged,
      consumed: Object.fromEntries(run.queries.map(({ name, rowsIn }) => [name, rowsIn])),
      windowsStored: evidence.windows.length,
      alertsStored: evidence.alerts,
      deadLetters: metrics?.deadLetters ?? 0,
      late: metrics?.lateRows ?? 0,
    },
    accounting: accounting(run, acknowledged, metrics, alerts),
    latency: { ...run.latencies, screenUs: histogramOf(parameters.arrivalsMs ?? []) },
    windows: windowPoints(run),
    alerts: evidence.alertsByType,
    samples: samples(run),
    checks: run.checks,
  };
}

function histogramOf(latenciesMs: readonly number[]): string | null {
  if (latenciesMs.length === 0) return null;
  const histogram = createLatencyHistogram();
  for (const ms of latenciesMs) recordLatencyUs(histogram, ms * 1000);
  return encodeLatencyHistogram(histogram);
}

function accounting(
  run: IotRun,
  acknowledged: number,
  metrics: QuerySummary | undefined,
  alerts: QuerySummary | undefined,
): AccountingLine[] {
  const { recount, windows } = run.evidence;
  const inWindows = windows.reduce((sum, { message_count }) => sum + message_count, 0);
  return [
    {
      query: IOT.metricsQuery,
      acknowledged,
      counted: inWindows / 2,
      filtered: 0,
      late: metrics?.lateRows ?? 0,
      deadLettered: metrics?.deadLetters ?? 0,
      how: "sum of message_count over the stored windows, halved because each reading lies in two",
    },
    {
      query: IOT.alertsQuery,
      acknowledged,
      counted: run.evidence.alerts,
      filtered: recount.readings - recount.anomalies,
      late: 0,
      deadLettered: alerts?.deadLetters ?? 0,
      how: "stored alerts; filtered are the readings of the topic whose status is not anomaly, by a plain recount",
    },
  ];
}

/** The mean over locations, weighted by their messages: a line for each sensor type. */
function windowPoints(run: IotRun): RunRecord["windows"] {
  const sums = new Map<string, { start: string; sensorType: string; sum: number; count: number }>();
  for (const { window, sensor_type, avg_value, message_count } of run.evidence.windows) {
    const start = window.start.toISOString();
    const key = `${start}|${sensor_type}`;
    const entry = sums.get(key) ?? { start, sensorType: sensor_type, sum: 0, count: 0 };
    entry.sum += avg_value * message_count;
    entry.count += message_count;
    sums.set(key, entry);
  }
  return [...sums.values()].map(({ start, sensorType, sum, count }) => ({ start, sensorType, avgValue: sum / count }));
}

const SAMPLE_LIMIT = 4_000;

function samples(run: IotRun): Sample[] {
  const { recount, windows, firstAlert, dashboard } = run.evidence;
  const found: Sample[] = [];
  const add = (stage: Sample["stage"], title: string, text: string | null): void => {
    if (text !== null) found.push({ stage, title, text: text.length > SAMPLE_LIMIT ? `${text.slice(0, SAMPLE_LIMIT - 1)}…` : text });
  };
  const window = windows[0];
  add("generator", "raw message", recount.firstMessage);
  add("processing", "parsed row", parsedRow(recount.firstMessage));
  add("processing", "window", window ? windowText(window) : null);
  add("storage", "stored document", window ? JSON.stringify(window, undefined, 2) : null);
  add("storage", "alert", firstAlert ? JSON.stringify(firstAlert, undefined, 2) : null);
  add("visualisation", "dashboard frame", dashboard?.frame ?? null);
  add("monitoring", "snapshot", JSON.stringify(run.series.at(-1) ?? null, undefined, 2));
  return found;
}

function parsedRow(message: string | null): string | null {
  try {
    const fields = Object.entries(JSON.parse(message ?? "") as Record<string, unknown>);
    return fields.map(([name, value]) => `${name.padEnd(12)} ${String(value)}`).join("\n");
  } catch {
    return null;
  }
}

function windowText(window: IotRun["evidence"]["windows"][number]): string {
  const { start, end } = window.window as { readonly start: Date; readonly end: Date };
  const rows: [string, unknown][] = [
    ["window", `[${start.toISOString()}, ${end.toISOString()})`],
    ["sensor_type", window.sensor_type],
    ["location", window.location],
    ["avg_value", window.avg_value],
    ["max_value", window.max_value],
    ["min_value", window.min_value],
    ["message_count", window.message_count],
  ];
  return rows.map(([name, value]) => `${name.padEnd(14)} ${String(value)}`).join("\n");
}

function versions(): Record<string, string> {
  const { version, dependencies } = JSON.parse(readFileSync(path.join(projectRoot, "package.json"), "utf8")) as {
    readonly version: string;
    readonly dependencies: Readonly<Record<string, string>>;
  };
  const named = ["kafkajs", "mongodb", "mingo", "vega-lite", "plotly.js-dist", "tslab"];
  return { streamlab: version, ...Object.fromEntries(named.map((name) => [name, dependencies[name] ?? "unknown"])) };
}
