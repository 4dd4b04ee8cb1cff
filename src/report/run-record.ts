import { mkdir, readFile } from "node:fs/promises";
import path from "node:path";
import { z } from "zod";
import { writeFileAtomic } from "../base/atomic-file.ts";
import { codeOf, messageOf } from "../base/errors.ts";
import type { QuerySummary } from "../monitor/query-record.ts";
import type { PipelineSnapshot } from "../monitor/snapshot.ts";
import type { Machine } from "./machine.ts";
import { ReportError } from "./report-error.ts";

/** The stages of lab A, in its order; checks and samples belong to one of them. */
export const STAGES = ["infrastructure", "generator", "processing", "storage", "visualisation", "monitoring"] as const;
export type Stage = (typeof STAGES)[number];

/**
 * Everything that one run of the lab leaves for the report and the grade: `report/data/run.json`. Plain JSON, no undefined: what was not
 * measured is null. The report and the grade read nothing else (but screenshots), so a record can be graded on another machine.
 */
export interface RunRecord {
  readonly version: 1;
  /** ISO-8601 UTC: servers asked to start, and the end of the drain. */
  readonly startedAt: string;
  readonly endedAt: string;
  /** True when the user broke the run off. */
  readonly interrupted: boolean;
  readonly parameters: RunParameters;
  readonly machine: Machine;
  readonly backends: Backends;
  /** Versions by name: streamlab, kafkajs, mongodb … */
  readonly versions: Readonly<Record<string, string>>;
  readonly producing: Producing | null;
  /** `monitor.series()`: one snapshot a second. */
  readonly series: readonly PipelineSnapshot[];
  /** `monitor.queries()`. */
  readonly queries: readonly QuerySummary[];
  readonly totals: RunTotals;
  /** One line per query: does every acknowledged message have its place? */
  readonly accounting: readonly AccountingLine[];
  readonly latency: RunLatency;
  /** The stored windows, one entry a document, for the figure: avg_value by type over window starts (the mean over locations). */
  readonly windows: readonly WindowPoint[];
  /** Stored alerts by type. */
  readonly alerts: Readonly<Record<string, number>>;
  readonly samples: readonly Sample[];
  readonly checks: readonly Check[];
}

export interface RunParameters {
  /** Messages per second asked for. */
  readonly rate: number;
  /** Seconds of producing asked for. */
  readonly seconds: number;
  readonly seed: number;
  readonly topic: string;
  readonly partitions: number;
  /** Names of whatever else was set, with values: spoiling, trigger, watermark … */
  readonly others: Readonly<Record<string, string | number | boolean>>;
}

export interface Backend {
  /** "Kafka-protocol development broker (embedded)": never just "Kafka" for something that is not. */
  readonly name: string;
  /** "127.0.0.1:9092". */
  readonly address: string;
}

export interface Backends {
  readonly kafka: Backend;
  readonly mongo: Backend;
  /** "streamlab engine", or Spark. */
  readonly engine: Backend;
  /** Null for a run without one. */
  readonly dashboard: Backend | null;
}

/** When the generator really produced. Milliseconds since the epoch: the first send, and the acknowledgement of the last. */
export interface Producing {
  readonly startedAtMs: number;
  readonly endedAtMs: number;
}

export interface RunTotals {
  /** Messages handed to the client, and acknowledged by all replicas. */
  readonly produced: number;
  readonly acknowledged: number;
  /** Messages read by each query, by its name. */
  readonly consumed: Readonly<Record<string, number>>;
  /** Documents in sensor_metrics and anomaly_alerts at the end. */
  readonly windowsStored: number;
  readonly alertsStored: number;
  readonly deadLetters: number;
  readonly late: number;
}

/** Holds when acknowledged = counted + filtered + late + deadLettered. */
export interface AccountingLine {
  readonly query: string;
  readonly acknowledged: number;
  /** Messages found again in what is stored: in windows (once each, however many windows overlap), or as documents. */
  readonly counted: number;
  /** Messages that the query's own condition left out. */
  readonly filtered: number;
  readonly late: number;
  readonly deadLettered: number;
  /** How `counted` was obtained: "sum of message_count over stored windows, halved because windows overlap twice". */
  readonly how: string;
}

/** Histograms in base64, microseconds (monitor/latency.ts); null where not measured. */
export interface RunLatency {
  /** Event → acknowledged document, each document (`monitor.latencies().storedUs`). */
  readonly storedUs: string | null;
  /** Event → stored reading of window aggregates, estimated (`monitor.latencies().estimateUs`). */
  readonly estimateUs: string | null;
  /** Event → drawn on the page. */
  readonly screenUs: string | null;
}

export interface WindowPoint {
  /** ISO-8601 UTC. */
  readonly start: string;
  readonly sensorType: string;
  readonly avgValue: number;
}

/** A piece of data as it looks at one point of the path. */
export interface Sample {
  readonly stage: Stage;
  /** "raw message", "parsed row", "window", "stored document", "alert", "dashboard frame". */
  readonly title: string;
  /** Text as it is, usually JSON; the report shows its first 2,000 characters. Hostile text is welcome: the report escapes it. */
  readonly text: string;
}

/** What a stage found out about itself. */
export interface Check {
  readonly stage: Stage;
  /** A sentence that can be true or false: "the topic has 3 partitions". */
  readonly name: string;
  readonly passed: boolean;
  /** What was seen: "sensor-data: 3 partitions, 1 replica". */
  readonly evidence: string;
}

const count = z.number().nonnegative();
const latency = z.strictObject({ count, p50: z.number(), p95: z.number(), p99: z.number(), max: z.number() });
const backend = z.strictObject({ name: z.string().min(1), address: z.string() });
const stage = z.enum(STAGES);

const snapshot = z.object({
  atMs: z.number(),
  elapsedMs: z.number(),
  producer: z.object({ acknowledged: count, perSecond: z.number(), askedPerSecond: z.number() }).nullable(),
  queries: z.array(
    z.object({
      name: z.string(),
      batchId: z.number(),
      rowsIn: count,
      rowsPerSecond: z.number(),
      batchDurationMs: z.number(),
      watermark: z.string().nullable(),
      stateRows: z.number(),
      lateRows: z.number(),
      deadLetters: z.number(),
      lag: z.record(z.string(), z.number()),
    }),
  ),
  latency: latency.nullable(),
  recentLatency: latency.nullable().exactOptional(),
  latencyEstimate: latency.nullable().exactOptional(),
  resources: z.array(z.object({ process: z.string(), pid: z.number(), cpuPercent: z.number(), rssMb: z.number() })),
  services: z.array(z.object({ name: z.string(), address: z.string(), state: z.enum(["up", "down"]), sinceMs: z.number() })),
});

const query = z.object({
  name: z.string(),
  sink: z.string(),
  batches: count,
  rowsIn: count,
  rowsOut: count,
  batchMs: latency.nullable(),
  stepsMs: z.record(z.string(), z.number()),
  firstBatchAtMs: z.number().nullable(),
  lastBatchEndMs: z.number().nullable(),
  lateRows: count,
  deadLetters: count,
  maxStateRows: count,
  maxStateBytes: count,
  maxLag: count,
  lastLag: count,
  latencyUs: z.string().nullable(),
  estimated: z.boolean(),
});

/** The record's shape, for reading it from a file. */
export const runRecordSchema: z.ZodType<RunRecord> = z.strictObject({
  version: z.literal(1),
  startedAt: z.iso.datetime(),
  endedAt: z.iso.datetime(),
  interrupted: z.boolean(),
  parameters: z.strictObject({
    rate: z.number().positive(),
    seconds: z.number().positive(),
    seed: z.number(),
    topic: z.string(),
    partitions: z.number().int().positive(),
    others: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])),
  }),
  machine: z.strictObject({
    cpu: z.string(),
    cores: z.number().int().positive(),
    memoryMb: z.number().positive(),
    os: z.string(),
    arch: z.string(),
    node: z.string(),
  }),
  backends: z.strictObject({ kafka: backend, mongo: backend, engine: backend, dashboard: backend.nullable() }),
  versions: z.record(z.string(), z.string()),
  producing: z.strictObject({ startedAtMs: z.number(), endedAtMs: z.number() }).nullable(),
  series: z.array(snapshot),
  queries: z.array(query),
  totals: z.strictObject({
    produced: count,
    acknowledged: count,
    consumed: z.record(z.string(), count),
    windowsStored: count,
    alertsStored: count,
    deadLetters: count,
    late: count,
  }),
  accounting: z.array(
    z.strictObject({
      query: z.string(),
      acknowledged: count,
      counted: count,
      filtered: count,
      late: count,
      deadLettered: count,
      how: z.string(),
    }),
  ),
  latency: z.strictObject({ storedUs: z.string().nullable(), estimateUs: z.string().nullable(), screenUs: z.string().nullable() }),
  windows: z.array(z.strictObject({ start: z.iso.datetime({ offset: true }), sensorType: z.string(), avgValue: z.number() })),
  alerts: z.record(z.string(), count),
  samples: z.array(z.strictObject({ stage, title: z.string(), text: z.string() })),
  checks: z.array(z.strictObject({ stage, name: z.string(), passed: z.boolean(), evidence: z.string() })),
});

/** The record's file name inside the data folder. */
export const RUN_RECORD_FILE = "run.json";

/** Writes the record to `<dataFolder>/run.json`, wholly or not at all, passwords in addresses blotted out. Refuses a record that the report could not read (INVALID_RUN_RECORD). */
export async function writeRunRecord(dataFolder: string, record: RunRecord): Promise<string> {
  const file = path.join(dataFolder, RUN_RECORD_FILE);
  const checked = validated(record, `Cannot write the run record ${file}`);
  await mkdir(dataFolder, { recursive: true });
  await writeFileAtomic(file, `${withoutPasswords(JSON.stringify(checked, null, 1))}\n`);
  return file;
}

/** Passwords in addresses ("mongodb://user:password@host") never reach a file that people hand in (S7). */
function withoutPasswords(text: string): string {
  return text.replace(/(:\/\/[^\s"/:@]*):[^\s"/@]*@/g, "$1:***@");
}

/** Reads `<dataFolder>/run.json`; NO_RUN_RECORD when there is none, INVALID_RUN_RECORD with the place when it is damaged. */
export async function readRunRecord(dataFolder: string): Promise<RunRecord> {
  const file = path.join(dataFolder, RUN_RECORD_FILE);
  let value: unknown;
  try {
    value = JSON.parse(await readFile(file, "utf8"));
  } catch (thrown) {
    const missing = codeOf(thrown) === "ENOENT";
    throw new ReportError(missing ? "NO_RUN_RECORD" : "INVALID_RUN_RECORD", {
      failed: `Cannot read the run record ${file}`,
      found: missing ? "there is no such file" : messageOf(thrown),
      remedy: 'Run "streamlab lab" first, or name the folder that holds run.json with --data.',
      cause: thrown,
    });
  }
  return validated(value, `Cannot use the run record ${file}`);
}

function validated(value: unknown, failed: string): RunRecord {
  const result = runRecordSchema.safeParse(value);
  if (result.success) return result.data;
  const issues = result.error.issues.slice(0, 3).map((issue) => `${issue.path.join(".") || "record"}: ${issue.message}`);
  throw new ReportError("INVALID_RUN_RECORD", {
    failed,
    found: issues.join("; "),
    remedy: 'The file must be as "streamlab lab" wrote it; run the lab again to get a fresh one.',
  });
}
