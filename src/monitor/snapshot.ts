/** What the monitor knows at one moment: plain JSON, drawn by the live status and the dashboard, kept as a series for the report. */
export interface PipelineSnapshot {
  /** Milliseconds since the epoch. */
  readonly atMs: number;
  /** Milliseconds since the run began. */
  readonly elapsedMs: number;
  readonly producer: ProducerSnapshot | null;
  readonly queries: readonly QuerySnapshot[];
  /** Event → stored document, milliseconds, measured document by document over the whole run so far; null before the first. */
  readonly latency: LatencySnapshot | null;
  /** The same over the last seconds only (five, unless the monitor was told otherwise). */
  readonly recentLatency?: LatencySnapshot | null;
  /** Event → stored reading of the queries that cannot measure it (window aggregates), estimated from each batch's event times. */
  readonly latencyEstimate?: LatencySnapshot | null;
  readonly resources: readonly ResourceSnapshot[];
  readonly services: readonly ServiceSnapshot[];
}

export interface ProducerSnapshot {
  /** Messages acknowledged since the start, and per second over the last interval. */
  readonly acknowledged: number;
  readonly perSecond: number;
  readonly askedPerSecond: number;
}

export interface QuerySnapshot {
  readonly name: string;
  readonly batchId: number;
  readonly rowsIn: number;
  readonly rowsPerSecond: number;
  readonly batchDurationMs: number;
  /** ISO-8601, or null for a query without one. */
  readonly watermark: string | null;
  readonly stateRows: number;
  readonly lateRows: number;
  readonly deadLetters: number;
  /** Messages behind the end of the log, by "topic-partition". */
  readonly lag: Readonly<Record<string, number>>;
}

export interface LatencySnapshot {
  readonly count: number;
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
  readonly max: number;
}

export interface ResourceSnapshot {
  readonly process: string;
  readonly pid: number;
  /** Percent of one core over the last interval. */
  readonly cpuPercent: number;
  readonly rssMb: number;
}

export interface ServiceSnapshot {
  readonly name: string;
  readonly address: string;
  readonly state: "up" | "down";
  /** Milliseconds since the epoch of the last change of state. */
  readonly sinceMs: number;
}
