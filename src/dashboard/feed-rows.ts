import { z } from "zod";
import type { PipelineSnapshot } from "../monitor/snapshot.ts";

/** One window of `sensor_metrics` as the page draws it. Times in milliseconds since the epoch. */
export interface MetricRow {
  readonly id: string;
  readonly windowStartMs: number;
  readonly windowEndMs: number;
  readonly sensorType: string;
  readonly location: string;
  readonly avg: number;
  readonly max: number;
  readonly min: number;
  readonly count: number;
}

/** One alert of `anomaly_alerts` as the page draws it. `timestampMs` is the event's own time. */
export interface AlertRow {
  readonly id: string;
  readonly timestampMs: number;
  readonly sensorId: string;
  readonly sensorType: string;
  readonly location: string;
  readonly value: number;
  readonly alertType: string;
}

/** What the small charts keep of a snapshot: milliseconds, messages per second, percent of a core, MiB. */
export interface TrendPoint {
  readonly atMs: number;
  readonly asked: number | null;
  readonly produced: number | null;
  readonly read: Readonly<Record<string, number>>;
  readonly batchMs: Readonly<Record<string, number>>;
  readonly p50: number | null;
  readonly p95: number | null;
  readonly p99: number | null;
}

const TEXT_LIMIT = 120;

/** Text from data: never longer than a screen can show, whatever a message held. */
function text(value: unknown): string {
  const whole = typeof value === "string" ? value : value === undefined || value === null ? "" : String(value);
  return whole.length > TEXT_LIMIT ? `${whole.slice(0, TEXT_LIMIT - 1)}…` : whole;
}

/** A finite number, or null: BSON's Long, Int32 and Double included. */
function number(value: unknown): number | null {
  const plain =
    typeof value === "number" ? value : value === null || value === undefined || typeof value === "string" ? NaN : Number(value);
  return Number.isFinite(plain) ? plain : null;
}

function time(value: unknown): number | null {
  if (value instanceof Date) return number(value.getTime());
  return typeof value === "string" ? number(Date.parse(value)) : number(value);
}

/** A stored window as a row; undefined when it lacks what the graph needs. */
export function metricRow(document: Readonly<Record<string, unknown>>): MetricRow | undefined {
  const window = document.window as { start?: unknown; end?: unknown } | null | undefined;
  const start = time(window?.start);
  const avg = number(document.avg_value);
  if (start === null || avg === null) return undefined;
  return {
    id: text(document._id),
    windowStartMs: start,
    windowEndMs: time(window?.end) ?? start,
    sensorType: text(document.sensor_type),
    location: text(document.location),
    avg,
    max: number(document.max_value) ?? avg,
    min: number(document.min_value) ?? avg,
    count: number(document.message_count) ?? 0,
  };
}

/** A stored alert as a row; undefined when it lacks what the graph needs. */
export function alertRow(document: Readonly<Record<string, unknown>>): AlertRow | undefined {
  const at = time(document.timestamp);
  const value = number(document.value);
  if (at === null || value === null) return undefined;
  return {
    id: text(document._id),
    timestampMs: at,
    sensorId: text(document.sensor_id),
    sensorType: text(document.sensor_type),
    location: text(document.location),
    value,
    alertType: text(document.alert_type),
  };
}

const name = z.string().transform(text);
const snapshotSchema = z.object({
  atMs: z.number(),
  elapsedMs: z.number(),
  producer: z.object({ acknowledged: z.number(), perSecond: z.number(), askedPerSecond: z.number() }).nullable(),
  queries: z.array(
    z.object({
      name,
      batchId: z.number(),
      rowsIn: z.number(),
      rowsPerSecond: z.number(),
      batchDurationMs: z.number(),
      watermark: name.nullable(),
      stateRows: z.number(),
      lateRows: z.number(),
      deadLetters: z.number(),
      lag: z.record(z.string(), z.number()),
    }),
  ),
  latency: z.object({ count: z.number(), p50: z.number(), p95: z.number(), p99: z.number(), max: z.number() }).nullable(),
  resources: z.array(z.object({ process: name, pid: z.number(), cpuPercent: z.number(), rssMb: z.number() })),
  services: z.array(z.object({ name, address: name, state: z.enum(["up", "down"]), sinceMs: z.number() })),
});

/** A stored snapshot, its fields checked one by one; undefined when it is none. */
export function snapshotRow(document: unknown): PipelineSnapshot | undefined {
  const parsed = snapshotSchema.safeParse(document);
  return parsed.success ? parsed.data : undefined;
}

/** The point that a snapshot adds to the small charts. */
export function trendPoint(snapshot: PipelineSnapshot): TrendPoint {
  return {
    atMs: snapshot.atMs,
    asked: snapshot.producer?.askedPerSecond ?? null,
    produced: snapshot.producer?.perSecond ?? null,
    read: Object.fromEntries(snapshot.queries.map((query) => [query.name, query.rowsPerSecond])),
    batchMs: Object.fromEntries(snapshot.queries.map((query) => [query.name, query.batchDurationMs])),
    p50: snapshot.latency?.p50 ?? null,
    p95: snapshot.latency?.p95 ?? null,
    p99: snapshot.latency?.p99 ?? null,
  };
}
