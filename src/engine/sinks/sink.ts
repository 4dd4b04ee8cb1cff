import type { OutputMode } from "../plan/plan.ts";
import type { Row, StructType } from "../types/data-type.ts";

/** The result of one batch. */
export interface SinkBatch {
  readonly batchId: number;
  readonly schema: StructType;
  readonly rows: readonly Row[];
  readonly outputMode: OutputMode;
  /**
   * Throws when another run has taken the query's checkpoint over, as one does that finds this process stopped. A sink that writes a batch in
   * several requests calls it before each, so that a process which wakes up again does not write old results over newer ones.
   */
  readonly verify?: () => void;
}

/**
 * Where results go (step W3). Who calls: only the query's batch loop, one `write` at a time, never after `close`.
 * The same `batchId` may come again after a crash, with the same rows: writing it twice must equal writing it once, or the sink says
 * in its documentation that it delivers at least once.
 */
export interface Sink {
  /** For progress and explain: `MongoDB[iot_analytics.sensor_metrics]`. */
  readonly description: string;
  /** False where Spark does not know how many rows its sink of this kind writes: the progress says −1 then. */
  readonly countsRows?: boolean;
  write(batch: SinkBatch, signal: AbortSignal): Promise<void>;
  /** What the last `write` did, for `progress.sink.metrics`. */
  metrics?(): Readonly<Record<string, string>>;
  close(): Promise<void>;
}
