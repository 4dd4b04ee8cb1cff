import type { StateOperatorProgress } from "../query/progress.ts";
import type { StateStore } from "../state/state-store.ts";

/** Counts of one operator in one batch, by the names of Spark's progress. */
export interface OperatorCounts {
  updated: number;
  removed: number;
  /** Groups for aggregations, rows elsewhere. */
  dropped: number;
  /** Rows behind the late watermark, before any grouping. */
  lateInput: number;
}

/**
 * An operator with state, as the batch loop sees it. Within one batch: `begin` with its two watermarks, its stage code runs, its results are
 * emitted and what has expired is evicted, `progress` tells, and the store is committed (W2).
 */
export interface StatefulOperator {
  /** Spark's operatorName. */
  readonly name: string;
  readonly store: StateStore;
  /** Rows older than `lateUs` are late; groups up to `evictUs` go. Microseconds. */
  begin(lateUs: number, evictUs: number): void;
  /** The watermark of its results, microseconds. */
  outputWatermarkUs(inputUs: number): number;
  /** Whether a batch without data has work to do when its watermark rises. */
  readonly wantsNoDataBatch: boolean;
  readonly counts: OperatorCounts;
  /** How many rows of state, as Spark counts them. */
  readonly rows: number;
}

/** Zeroed counts. */
export function newCounts(): OperatorCounts {
  return { updated: 0, removed: 0, dropped: 0, lateInput: 0 };
}

/** The time of a batch, milliseconds: reading its input and folding it into the states (as in Spark the work below included), eviction, commit. */
export interface OperatorTimes {
  readonly updatesMs: number;
  readonly removalsMs: number;
  readonly commitMs: number;
}

/** The operator's part of the progress. */
export function operatorProgress(operator: StatefulOperator, times: OperatorTimes): StateOperatorProgress {
  const { updated, removed, dropped, lateInput } = operator.counts;
  return {
    operatorName: operator.name,
    numRowsTotal: operator.rows,
    numRowsUpdated: updated,
    numRowsRemoved: removed,
    numRowsDroppedByWatermark: dropped,
    allUpdatesTimeMs: times.updatesMs,
    allRemovalsTimeMs: times.removalsMs,
    commitTimeMs: times.commitMs,
    memoryUsedBytes: operator.store.memoryBytes,
    numShufflePartitions: 1,
    numStateStoreInstances: operator.name === "symmetricHashJoin" ? 4 : 1,
    customMetrics: { numLateInputRows: lateInput },
  };
}
