import type { DrainQuery } from "./drain-queries.ts";

/** Q1 in update mode and Q3 in append mode: the queries whose results are followed reading by reading. */
export type LatencyQuery = Extract<DrainQuery, "Q1" | "Q3">;
export const LATENCY_QUERIES: readonly LatencyQuery[] = ["Q1", "Q3"];

export const LATENCY_SINKS = ["kafka", "mongodb"] as const;
export type LatencySink = (typeof LATENCY_SINKS)[number];

/** What the engine's process is told. */
export interface LatencyJob {
  readonly brokers: string;
  readonly topic: string;
  /** Run side by side in the one process. */
  readonly queries: readonly LatencyQuery[];
  readonly sink: LatencySink;
  /** `<prefix>-Q1` is the topic, or the collection, of Q1's results. */
  readonly resultPrefix: string;
  readonly mongo?: { readonly uri: string; readonly database: string };
  readonly folder: string;
}

/** "mark" begins the measured time, "finish" ends it: the queries take what is there, and stop. */
export interface LatencyRequest {
  readonly type: "mark" | "finish";
}

/** What the batches of one query took in the measured time; batches without readings are left out. */
export interface BatchFigures {
  readonly batches: number;
  readonly readings: number;
  /**
   * Milliseconds of all these batches by their part: addBatch, walCommit, … and stateCommit as the progress tells them, rounded for every batch, so
   * that what takes less than half a millisecond is nothing; and `sink`, the part of addBatch that was the sink's write, not rounded.
   */
  readonly durationMs: Readonly<Record<string, number>>;
}

/** What the engine's process answers at the end. */
export interface LatencyResult {
  readonly type: "finished";
  readonly batches: Readonly<Partial<Record<LatencyQuery, BatchFigures>>>;
  /** What the batches of a query dropped, over the whole run: late, dead letters. */
  readonly lost: number;
  /** User and system time of the process between mark and finish, and how long that was. */
  readonly cpuMs: number;
  readonly elapsedMs: number;
  readonly peakRssMiB: number;
}

/** A result whose write the document server has acknowledged: the group, the count of readings, the moment. In the file `<folder>/written-Q1.json`. */
export type WrittenResult = readonly [group: string, readings: number, atMs: number];
