import { simulateRun, type SimulatedRunOptions } from "../monitor/simulated-run.ts";
import { STAGES, type RunRecord } from "./run-record.ts";

export interface SimulatedRecordOptions extends SimulatedRunOptions {
  /** Acknowledged messages that the windows never counted. */
  readonly lost?: number;
}

/** The record of a simulated run (monitor/simulated-run.ts), complete and the same on every machine. For tests and trying out reports; it measures nothing. */
export async function simulateRecord(options: SimulatedRecordOptions = {}): Promise<RunRecord> {
  const { seconds = 60, askedRate = 1000, lost = 0, seed = 7 } = options;
  const run = await simulateRun(options);
  const { acknowledged } = run;
  const rows = Math.min(acknowledged, ...run.queries.map((query) => query.rowsIn));
  const alerts = Math.round(rows / 20);
  const critical = Math.round(alerts * 0.098);
  const warning = Math.round(alerts * 0.103);
  const last = run.series.at(-1)?.atMs ?? run.startedAtMs;
  const iso = (ms: number): string => new Date(ms).toISOString();
  const firstWindow = Math.floor(run.startedAtMs / 30_000) * 30_000 - 30_000;
  const windows = ["temperature", "humidity", "pressure", "vibration"].flatMap((sensorType, type) =>
    Array.from({ length: Math.ceil(seconds / 30) + 2 }, (_, index) => ({
      start: iso(firstWindow + index * 30_000),
      sensorType,
      avgValue: 50 + ((index * 7 + type * 5) % 11) / 10 - 0.5,
    })),
  );
  const raw = {
    sensor_id: "sensor_0417",
    sensor_type: "humidity",
    value: 93.27,
    location: "warehouse",
    timestamp: iso(run.startedAtMs + 1234),
    status: "anomaly",
  };
  const window = { window: { start: iso(firstWindow), end: iso(firstWindow + 60_000) }, sensor_type: "humidity", location: "warehouse" };
  const values = { avg_value: 50.13, max_value: 99.98, min_value: 0.02, message_count: 3741 };
  const accountingOf = (query: string, filtered: number, how: string): RunRecord["accounting"][number] => ({
    query,
    acknowledged,
    counted: rows - filtered - lost,
    filtered,
    late: 0,
    deadLettered: 0,
    how,
  });
  return {
    version: 1,
    startedAt: iso(run.startedAtMs),
    endedAt: iso(last),
    interrupted: false,
    parameters: {
      rate: askedRate,
      seconds,
      seed,
      topic: "sensor-data",
      partitions: 3,
      others: { trigger: "as soon as there is data", watermark: "5 minutes" },
    },
    machine: { cpu: "Simulated processor 2.0 GHz", cores: 2, memoryMb: 8192, os: "Linux 6.1.0", arch: "x64", node: "24.21.0" },
    backends: {
      kafka: { name: "Kafka-protocol development broker (embedded)", address: "127.0.0.1:9092" },
      mongo: { name: "MongoDB-protocol development server (embedded)", address: "127.0.0.1:27017" },
      engine: { name: "streamlab engine", address: "in process" },
      dashboard: { name: "streamlab dashboard", address: "http://127.0.0.1:8050" },
    },
    versions: { streamlab: "0.1.0", kafkajs: "2.2.4", mongodb: "7.8.0" },
    producing: run.producing,
    series: run.series,
    queries: run.queries,
    totals: {
      produced: acknowledged,
      acknowledged,
      consumed: Object.fromEntries(run.queries.map((query) => [query.name, query.rowsIn])),
      windowsStored: windows.length * 4,
      alertsStored: alerts,
      deadLetters: 0,
      late: 0,
    },
    accounting: [
      accountingOf("metrics", 0, "sum of message_count over the stored windows, halved because each message is in two windows"),
      accountingOf("alerts", rows - alerts, "documents in anomaly_alerts; filtered are the messages with status normal"),
    ],
    latency: { ...run.latencies, screenUs: null },
    windows,
    alerts: { CRITICAL: critical, WARNING: warning, INFO: alerts - critical - warning },
    samples: [
      { stage: "generator", title: "raw message", text: JSON.stringify(raw) },
      { stage: "processing", title: "parsed row", text: JSON.stringify(raw, null, 2) },
      { stage: "processing", title: "window", text: JSON.stringify({ ...window, ...values }, null, 2) },
      { stage: "storage", title: "stored document", text: JSON.stringify({ _id: "humidity|warehouse", ...window, ...values }, null, 2) },
      { stage: "storage", title: "alert", text: JSON.stringify({ _id: "sensor-data-1-204", ...raw, alert_type: "CRITICAL" }, null, 2) },
      { stage: "visualisation", title: "dashboard frame", text: JSON.stringify({ event: "metrics", points: 100, alerts: 50 }) },
    ],
    checks: STAGES.map((stage) => ({ stage, name: `the ${stage} stage answers`, passed: true, evidence: "simulated" })),
  };
}
