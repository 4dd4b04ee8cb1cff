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

/** Measures one trigger after the other and tells each as Spark's StreamingQueryProgress. */
export class ProgressBuilder {
  readonly #clock: Clock;
  readonly #identity: ExecutionParts["identity"];
  #startedMs = 0;
  #startedAtMs = 0;
  #lastStartedMs: number | undefined;
  #durations = new Map<string, number>();
  #read = new Map<number, number>();
  #commitMs: number[] = [];

  constructor(clock: Clock, identity: ExecutionParts["identity"]) {
    this.#clock = clock;
    this.#identity = identity;
  }

  begin(): void {
    this.#startedMs = this.#clock.monotonicMs();
    this.#startedAtMs = this.#clock.nowMs();
    this.#durations = new Map();
    this.#read = new Map();
    this.#commitMs = [];
  }

  /** Runs a part of the trigger and adds its time under Spark's name. */
  async timed<T>(name: string, work: () => Promise<T>): Promise<T> {
    const start = this.#clock.monotonicMs();
    const result = await work();
    this.#durations.set(name, (this.#durations.get(name) ?? 0) + this.#clock.monotonicMs() - start);
    return result;
  }

  /** The same for work that does not wait; parts that are no durations of Spark's are `updates` and `removals`. */
  counted<T>(name: "updates" | "removals", work: () => T): T {
    const start = this.#clock.monotonicMs();
    const result = work();
    this.#durations.set(name, (this.#durations.get(name) ?? 0) + this.#clock.monotonicMs() - start);
    return result;
  }

  /** Runs the commit of one operator's state. */
  async committing(operator: number, work: () => Promise<unknown>): Promise<void> {
    const start = this.#clock.monotonicMs();
    await work();
    this.#commitMs[operator] = this.#clock.monotonicMs() - start;
  }

  /** Counts the rows that a source has given. */
  read(source: number, rows: number): void {
    this.#read.set(source, (this.#read.get(source) ?? 0) + rows);
  }

  report(
    batch: Batch,
    runtime: QueryRuntime,
    parts: ExecutionParts,
    results: { readonly outputRows: number; readonly partitions: PartitionProgress },
  ): void {
    const totalMs = this.#clock.monotonicMs() - this.#startedMs;
    const sinceLastMs = this.#lastStartedMs === undefined ? Infinity : this.#startedMs - this.#lastStartedMs;
    this.#lastStartedMs = this.#startedMs;
    const { compiled, run } = runtime;
    const numInputRows = [...this.#read.values()].reduce((sum, rows) => sum + rows, 0);
    const updatesMs = Math.round(this.#durations.get("updates") ?? 0);
    const removalsMs = Math.round(this.#durations.get("removals") ?? 0);
    const sources = parts.sources.map((source, i): SourceProgress => {
      const rows = this.#read.get(i) ?? 0;
      return {
        description: source.description,
        startOffset: batch.id === 0 ? null : shown(source, batch.starts[i]),
        endOffset: shown(source, batch.ends[i]),
        latestOffset: source.reportLatestOffset ? source.reportLatestOffset() : shown(source, batch.ends[i]),
        numInputRows: rows,
        inputRowsPerSecond: rate(rows, sinceLastMs),
        processedRowsPerSecond: rate(rows, totalMs),
        metrics: { ...source.metrics?.(batch.ends[i] ?? null), ...(i === 0 ? run.metrics() : {}), ...results.partitions.metrics(i) },
      };
    });
    parts.onProgress({
      ...this.#identity,
      timestamp: new Date(Math.floor(this.#startedAtMs)).toISOString(),
      batchId: batch.id,
      batchDuration: Math.round(totalMs),
      numInputRows,
      inputRowsPerSecond: rate(numInputRows, sinceLastMs),
      processedRowsPerSecond: rate(numInputRows, totalMs),
      durationMs: this.#durationsMs(totalMs),
      eventTime: eventTime(compiled, batch, runtime.hasWatermark),
      stateOperators: compiled.operators.map((operator, i) =>
        operatorProgress(operator, { updatesMs, removalsMs, commitMs: Math.round(this.#commitMs[i] ?? 0) }),
      ),
      sources,
      sink: {
        description: parts.sink.description,
        numOutputRows: parts.sink.countsRows === false ? -1 : results.outputRows,
        metrics: parts.sink.metrics?.() ?? {},
      },
      observedMetrics: Object.fromEntries(compiled.observers.map((one) => [one.name, observedMetrics(one.row(run.timeUs), one.schema)])),
    });
  }

  #durationsMs(totalMs: number): Record<string, number> {
    const out: Record<string, number> = { triggerExecution: Math.round(totalMs), queryPlanning: 0, getBatch: 0 };
    for (const [name, ms] of this.#durations) if (!NO_DURATIONS.has(name)) out[name] = Math.round(ms);
    return out;
  }
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
