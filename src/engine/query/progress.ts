import type { JsonValue } from "../types/json-value.ts";

/** Spark 4's StreamingQueryProgress, field for field; `json` omits what Spark omits. Rates per second, durations in milliseconds, times ISO-8601 UTC. */
export interface StreamingQueryProgress {
  readonly id: string;
  readonly runId: string;
  readonly name: string | null;
  /** Start of the trigger. */
  readonly timestamp: string;
  readonly batchId: number;
  readonly batchDuration: number;
  readonly numInputRows: number;
  readonly inputRowsPerSecond: number;
  readonly processedRowsPerSecond: number;
  /** triggerExecution, latestOffset, walCommit, getBatch, queryPlanning, addBatch, commitOffsets. */
  readonly durationMs: Readonly<Record<string, number>>;
  /** min, max, avg of the watermark column in this batch, and the watermark in force; empty without a watermark. */
  readonly eventTime: Readonly<Partial<Record<"min" | "max" | "avg" | "watermark", string>>>;
  /** The operator nearest to the sink first. */
  readonly stateOperators: readonly StateOperatorProgress[];
  readonly sources: readonly SourceProgress[];
  readonly sink: SinkProgress;
  /** What `observe` collected in this batch, by name: numbers, texts and what is made of them; instants as texts. */
  readonly observedMetrics: Readonly<Record<string, Readonly<Record<string, JsonValue>>>>;
}

export interface StateOperatorProgress {
  readonly operatorName: string;
  readonly numRowsTotal: number;
  readonly numRowsUpdated: number;
  readonly numRowsRemoved: number;
  readonly numRowsDroppedByWatermark: number;
  readonly allUpdatesTimeMs: number;
  readonly allRemovalsTimeMs: number;
  readonly commitTimeMs: number;
  readonly memoryUsedBytes: number;
  /** Always 1 here, but for a join's stores. */
  readonly numShufflePartitions?: number;
  readonly numStateStoreInstances?: number;
  /** Beyond Spark: `numLateInputRows`, raw rows behind the late watermark before any grouping. */
  readonly customMetrics: Readonly<Record<string, number>>;
}

export interface SourceProgress {
  readonly description: string;
  /** JSON values, as in Spark's. */
  readonly startOffset: unknown;
  readonly endOffset: unknown;
  readonly latestOffset: unknown;
  readonly numInputRows: number;
  readonly inputRowsPerSecond: number;
  readonly processedRowsPerSecond: number;
  /**
   * Kafka: avg-, min-, maxOffsetsBehindLatest; after a gap gaps, lostOffsets and gap.<topic>-<partition> (all of the run); of every partition read
   * rows.…, lateRows.… (of the batch) and maxEventTime.… (of the run). The first source also has the counts of the whole batch: keptRows,
   * filteredRows, lateRows, deadLetterRows, and deadLetters.<reason>; with maxFutureEventTime also futureRows, rows too far ahead to move the
   * watermark, which are counted among the others too; with driftReport of from_json drift.records, drift.new.<field>, drift.missing.<field> and
   * drift.type.<field>: <type>, found <kind>.
   */
  readonly metrics: Readonly<Record<string, string>>;
}

export interface SinkProgress {
  readonly description: string;
  /** Rows handed to the sink; −1 where unknown. */
  readonly numOutputRows: number;
  readonly metrics: Readonly<Record<string, string>>;
}
