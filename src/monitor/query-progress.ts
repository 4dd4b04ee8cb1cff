import type { StateOperatorProgress, StreamingQueryProgress } from "../engine/query/progress.ts";
import { recordLatencyUs, type LatencyHistogram } from "./latency.ts";

/** Where sources, sinks and observed metrics count the rows of a batch that were set aside as unreadable. */
export const DEAD_LETTERS_METRIC = "deadLetterRows";

/** How finely the readings of a batch are spread over its event times. */
const ESTIMATE_STEPS = 20;

/**
 * Messages between a batch's end and the end of the log, by "topic-partition", of every Kafka source in the progress. A source that only says
 * how far it is behind on average (Spark's avgOffsetsBehindLatest) adds "all partitions".
 */
export function lagOf(progress: StreamingQueryProgress): Record<string, number> {
  const lag: Record<string, number> = {};
  for (const source of progress.sources ?? []) {
    const ends = partitionOffsets(source.endOffset);
    for (const [partition, latest] of partitionOffsets(source.latestOffset)) {
      const end = ends.get(partition);
      if (end !== undefined) lag[partition] = Math.max(0, latest - end);
    }
    const told = Object.values(lag).some((behind) => behind > 0);
    const average = count(source.metrics?.["avgOffsetsBehindLatest"]);
    if (!told && average > 0) lag["all partitions"] = (lag["all partitions"] ?? 0) + Math.round(average * Math.max(1, ends.size));
  }
  return lag;
}

function partitionOffsets(offset: unknown): Map<string, number> {
  const found = new Map<string, number>();
  const topics = typeof offset === "string" ? parsed(offset) : offset;
  if (!isRecord(topics)) return found;
  for (const [topic, partitions] of Object.entries(topics)) {
    if (!isRecord(partitions)) continue;
    for (const [partition, value] of Object.entries(partitions)) {
      const at = typeof value === "string" && value !== "" ? Number(value) : value;
      if (typeof at === "number" && Number.isFinite(at)) found.set(`${topic}-${partition}`, at);
    }
  }
  return found;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function count(value: unknown): number {
  const number = Number(value ?? 0);
  return Number.isFinite(number) && number > 0 ? number : 0;
}

/** Rows that came too late in this batch: raw rows where the operator counts them (`numLateInputRows`), else Spark's numRowsDroppedByWatermark. */
export function lateRowsOf(progress: StreamingQueryProgress): number {
  const late = (operator: StateOperatorProgress): number =>
    count(operator.customMetrics?.["numLateInputRows"] ?? operator.numRowsDroppedByWatermark);
  return (progress.stateOperators ?? []).reduce((sum, operator) => sum + late(operator), 0);
}

/** Rows set aside in this batch: the source's count, or where it gives none the sink's, or the observed one. */
export function deadLettersOf(progress: StreamingQueryProgress): number {
  const fromSources = (progress.sources ?? []).reduce((sum, source) => sum + count(source.metrics?.[DEAD_LETTERS_METRIC]), 0);
  return fromSources || count(progress.sink?.metrics?.[DEAD_LETTERS_METRIC]) || count(progress.observedMetrics?.[DEAD_LETTERS_METRIC]);
}

export function stateRowsOf(progress: StreamingQueryProgress): number {
  return (progress.stateOperators ?? []).reduce((sum, operator) => sum + count(operator.numRowsTotal), 0);
}

export function stateBytesOf(progress: StreamingQueryProgress): number {
  return (progress.stateOperators ?? []).reduce((sum, operator) => sum + count(operator.memoryUsedBytes), 0);
}

/** When the batch was done, milliseconds since the epoch; NaN of an unreadable timestamp. */
export function batchEndMs(progress: StreamingQueryProgress): number {
  return Date.parse(progress.timestamp) + progress.batchDuration;
}

/**
 * Estimates event → stored for the readings of a batch whose sink stores aggregates: every reading counts as stored at the end of the batch,
 * and the event times are spread so that their minimum, mean and maximum are the ones reported. An upper bound, since the end of the batch
 * comes after the sink's acknowledgement. Says whether there was anything to estimate from.
 */
export function recordEstimate(progress: StreamingQueryProgress, histogram: LatencyHistogram): boolean {
  const { min, max, avg } = progress.eventTime ?? {};
  if (progress.numInputRows <= 0 || min === undefined || max === undefined || avg === undefined) return false;
  const endMs = batchEndMs(progress);
  const [minMs, maxMs, avgMs] = [Date.parse(min), Date.parse(max), Date.parse(avg)];
  if (![endMs, minMs, maxMs, avgMs].every(Number.isFinite)) return false;
  const spanMs = maxMs - minMs;
  const early = spanMs > 0 ? (maxMs - avgMs) / spanMs : 0.5;
  const steps = Math.min(ESTIMATE_STEPS, progress.numInputRows);
  for (let step = 0; step < steps; step++) {
    const rank = steps === 1 ? early : step / (steps - 1);
    const eventMs =
      early > 0 && rank <= early
        ? minMs + ((avgMs - minMs) * rank) / early
        : avgMs + ((maxMs - avgMs) * (rank - early)) / Math.max(1e-9, 1 - early);
    const weight = Math.floor(((step + 1) * progress.numInputRows) / steps) - Math.floor((step * progress.numInputRows) / steps);
    recordLatencyUs(histogram, (endMs - eventMs) * 1000, weight);
  }
  return true;
}
