import type { Clock } from "../../base/clock.ts";
import type { CompiledPlan } from "../operators/compile.ts";
import { operatorProgress } from "../operators/stateful.ts";
import type { EventTimeStats } from "../operators/stateless.ts";
import type { Batch } from "./batch.ts";
import { observedMetrics } from "./progress-json.ts";
import type { PartitionProgress } from "./partition-progress.ts";
import type { SourceProgress, StreamingQueryProgress } from "./progress.ts";
import type { Offset, Source } from "../sources/source.ts";
import type { QueryRuntime } from "./query-runtime.ts";
import type { ExecutionParts } from "./execution.ts";

/** The times of one trigger, under Spark's names, and what it read. */
export class TriggerTimes {
  readonly #clock: Clock;
  readonly startedMs: number;
  readonly startedAtMs: number;
  readonly durations: Map<string, number> = new Map();
  /** Rows by source. */
  readonly rows: Map<number, number> = new Map();
  /** By operator. */
  readonly commitMs: number[] = [];

  constructor(clock: Clock) {
    this.#clock = clock;
    this.startedMs = clock.monotonicMs();
    this.startedAtMs = clock.nowMs();
  }

  /** Runs a part of the trigger and adds its time. */
  async timed<T>(name: string, work: () => Promise<T>): Promise<T> {
    const start = this.#clock.monotonicMs();
    const result = await work();
    this.#add(name, start);
    return result;
  }

  /** The same for work that does not wait; parts that are no durations of Spark's are `updates` and `removals`. */
  counted<T>(name: "updates" | "removals", work: () => T): T {
    const start = this.#clock.monotonicMs();
    const result = work();
    this.#add(name, start);
    return result;
  }

  /** Runs the commit of one operator's state. */
  async committing(operator: number, work: () => Promise<unknown>): Promise<void> {
    const start = this.#clock.monotonicMs();
    await work();
    this.commitMs[operator] = this.#clock.monotonicMs() - start;
  }

  /** Counts the rows that a source has given. */
  read(source: number, rows: number): void {
    this.rows.set(source, (this.rows.get(source) ?? 0) + rows);
  }

  #add(name: string, start: number): void {
    this.durations.set(name, (this.durations.get(name) ?? 0) + this.#clock.monotonicMs() - start);
  }
}

/** What operators and counters say of a batch, taken when its state is committed: the next batch runs over the same ones. */
export type BatchNumbers = Pick<StreamingQueryProgress, "eventTime" | "stateOperators" | "observedMetrics"> & {
  /** By source. */
  readonly metrics: readonly Readonly<Record<string, string>>[];
};

export function batchNumbers(
  batch: Batch,
  times: TriggerTimes,
  { compiled, run, hasWatermark }: QueryRuntime,
  partitions: PartitionProgress,
  sources: readonly Source[],
): BatchNumbers {
  const updatesMs = Math.round(times.durations.get("updates") ?? 0);
  const removalsMs = Math.round(times.durations.get("removals") ?? 0);
  return {
    eventTime: eventTime(compiled, batch, hasWatermark),
    stateOperators: compiled.operators.map((operator, i) =>
      operatorProgress(operator, { updatesMs, removalsMs, commitMs: Math.round(times.commitMs[i] ?? 0) }),
    ),
    observedMetrics: Object.fromEntries(compiled.observers.map((one) => [one.name, observedMetrics(one.row(run.timeUs), one.schema)])),
    metrics: sources.map((_, i) => ({ ...(i === 0 ? run.metrics() : {}), ...partitions.metrics(i) })),
  };
}

/** Tells each trigger as Spark's StreamingQueryProgress. */
export class ProgressBuilder {
  readonly #clock: Clock;
  readonly #identity: ExecutionParts["identity"];
  #lastStartedMs: number | undefined;

  constructor(clock: Clock, identity: ExecutionParts["identity"]) {
    this.#clock = clock;
    this.#identity = identity;
  }

  report(batch: Batch, times: TriggerTimes, numbers: BatchNumbers, parts: ExecutionParts, outputRows: number): void {
    const totalMs = this.#clock.monotonicMs() - times.startedMs;
    const sinceLastMs = this.#lastStartedMs === undefined ? Infinity : times.startedMs - this.#lastStartedMs;
    this.#lastStartedMs = times.startedMs;
    const numInputRows = [...times.rows.values()].reduce((sum, rows) => sum + rows, 0);
    const { metrics, ...told } = numbers;
    const sources = parts.sources.map((source, i): SourceProgress => {
      const rows = times.rows.get(i) ?? 0;
      return {
        description: source.description,
        startOffset: batch.id === 0 ? null : shown(source, batch.starts[i]),
        endOffset: shown(source, batch.ends[i]),
        latestOffset: source.reportLatestOffset ? source.reportLatestOffset() : shown(source, batch.ends[i]),
        numInputRows: rows,
        inputRowsPerSecond: rate(rows, sinceLastMs),
        processedRowsPerSecond: rate(rows, totalMs),
        metrics: { ...source.metrics?.(batch.ends[i] ?? null), ...metrics[i] },
      };
    });
    parts.onProgress({
      ...this.#identity,
      timestamp: new Date(Math.floor(times.startedAtMs)).toISOString(),
      batchId: batch.id,
      batchDuration: Math.round(totalMs),
      numInputRows,
      inputRowsPerSecond: rate(numInputRows, sinceLastMs),
      processedRowsPerSecond: rate(numInputRows, totalMs),
      durationMs: durationsMs(times, totalMs),
      ...told,
      sources,
      sink: {
        description: parts.sink.description,
        numOutputRows: parts.sink.countsRows === false ? -1 : outputRows,
        metrics: parts.sink.metrics?.() ?? {},
      },
    });
  }
}

function durationsMs(times: TriggerTimes, totalMs: number): Record<string, number> {
  const out: Record<string, number> = { triggerExecution: Math.round(totalMs), queryPlanning: 0, getBatch: 0 };
  for (const [name, ms] of times.durations) if (!NO_DURATIONS.has(name)) out[name] = Math.round(ms);
  return out;
}

/** Parts of a trigger that the operators tell, not the trigger. */
const NO_DURATIONS: ReadonlySet<string> = new Set(["stateCommit", "updates", "removals"]);

function shown(source: Source, offset: Offset | undefined): Offset {
  return source.shownOffset ? source.shownOffset(offset ?? null) : (offset ?? null);
}

function rate(rows: number, ms: number): number {
  return ms > 0 ? (rows * 1000) / ms : Number.NaN;
}

function eventTime(compiled: CompiledPlan, batch: Batch, marked: boolean): StreamingQueryProgress["eventTime"] {
  if (!marked) return {};
  const iso = (ms: number): string => new Date(ms).toISOString();
  const seen = compiled.watermarks.filter((stats) => stats.count > 0);
  const watermark = iso(batch.watermarkMs);
  if (seen.length === 0) return { watermark };
  const sum = (of: (stats: EventTimeStats) => number): number => seen.reduce((total, stats) => total + of(stats), 0);
  return {
    max: iso(Math.floor(Math.max(...seen.map((stats) => stats.maxUs)) / 1000)),
    min: iso(Math.floor(Math.min(...seen.map((stats) => stats.minUs)) / 1000)),
    avg: iso(Math.floor(sum((stats) => stats.sumUs) / sum((stats) => stats.count) / 1000)),
    watermark,
  };
}
