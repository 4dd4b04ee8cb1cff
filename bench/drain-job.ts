import type { DrainQuery } from "./drain-queries.ts";

/** What a process that drains the topic once is told. */
export interface DrainJob {
  readonly brokers: string;
  readonly topic: string;
  readonly query: DrainQuery;
  /** Messages in the topic. */
  readonly messages: number;
  /** When the process was asked for, milliseconds since the epoch. */
  readonly askedAtMs: number;
}

/** What the engine's process is told. */
export interface EngineJob extends DrainJob {
  /** Where results go; without it they are counted and thrown away (noop). */
  readonly resultTopic?: string;
  readonly folder: string;
  readonly maxOffsetsPerTrigger: number;
  /** Ends after the first batch, to measure how soon the first row is there. */
  readonly firstRowOnly: boolean;
}

/** What a drain has cost its process: from the start of the query, connection included, to the end of its last batch. */
export interface DrainCost {
  readonly messages: number;
  readonly elapsedMs: number;
  /** User and system time of the process, its threads included. */
  readonly cpuMs: number;
  readonly systemMs: number;
  readonly peakRssMiB: number;
}

/** What the engine's process answers. */
export interface EngineResult extends DrainCost {
  readonly type: "drained";
  /** From the request for the process to the first committed row. */
  readonly firstRowMs: number;
  readonly batches: number;
  /** From the progress reports: rows by what became of them. */
  readonly kept: number;
  readonly filtered: number;
  readonly late: number;
  readonly deadLettered: number;
  /** Milliseconds of all batches by their part: addBatch, walCommit, … */
  readonly durationMs: Readonly<Record<string, number>>;
  /** Readings in final results; only where they were thrown away, else the results' topic tells. */
  readonly counted?: number;
}

/** What the naive program's process answers. */
export interface NaiveResult extends DrainCost {
  readonly type: "drained";
  readonly counted: number;
}
