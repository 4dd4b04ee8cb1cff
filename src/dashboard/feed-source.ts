import type { PipelineSnapshot } from "../monitor/snapshot.ts";
import type { AlertRow, MetricRow } from "./feed-rows.ts";

/** Where the dashboard reads. Every call may fail; the feed then says since when and goes on asking. */
export interface FeedSource {
  /** The last windows by start, newest first. */
  metrics(limit: number, filter?: MetricFilter): Promise<readonly MetricRow[]>;
  /** The last alerts by event time, newest first. */
  alerts(limit: number, filter?: AlertFilter): Promise<readonly AlertRow[]>;
  /** The newest snapshots taken after `afterMs`, at most `limit`, oldest first. */
  snapshots(afterMs: number, limit: number): Promise<readonly PipelineSnapshot[]>;
  close(): Promise<void>;
}

/** Equality on single values only: nothing of a request reaches the query language (S3). */
export interface MetricFilter {
  readonly sensorType?: string | undefined;
  readonly location?: string | undefined;
}

export interface AlertFilter {
  readonly alertType?: string | undefined;
}
