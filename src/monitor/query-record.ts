import type { StreamingQueryProgress } from "../engine/query/progress.ts";
import { createLatencyHistogram, encodeLatencyHistogram, recordLatencyUs, summariseLatency, type LatencyHistogram } from "./latency.ts";
import { batchEndMs, deadLettersOf, lagOf, lateRowsOf, recordEstimate, stateBytesOf, stateRowsOf } from "./query-progress.ts";
import type { LatencySnapshot, QuerySnapshot } from "./snapshot.ts";
import { createTrailingRate } from "./throughput.ts";

/** What one query did over a whole run. */
export interface QuerySummary {
  readonly name: string;
  /** The sink's own description: "MongoDB[iot_analytics.sensor_metrics]". */
  readonly sink: string;
  /** Batches that read something. */
  readonly batches: number;
  readonly rowsIn: number;
  /** Rows handed to the sink; batches whose sink does not say count 0. */
  readonly rowsOut: number;
  /** Duration of the batches that read something, milliseconds; null before the first. */
  readonly batchMs: LatencySnapshot | null;
  /** Milliseconds spent in each step of the batches (Spark's durationMs), summed. */
  readonly stepsMs: Readonly<Record<string, number>>;
  /** When the first batch that read something began and when the last one ended, milliseconds since the epoch; null before the first. */
  readonly firstBatchAtMs: number | null;
  readonly lastBatchEndMs: number | null;
  readonly lateRows: number;
  readonly deadLetters: number;
  readonly maxStateRows: number;
  readonly maxStateBytes: number;
  /** The largest lag over all partitions together, and the lag after the last batch. */
  readonly maxLag: number;
  readonly lastLag: number;
  /** Event → stored, base64 (latency.ts); `estimated` where the sink stores aggregates; null without either. */
  readonly latencyUs: string | null;
  readonly estimated: boolean;
}

/** Adds up the progress of one query. */
export interface QueryRecord {
  /** The estimated latencies so far; undefined when they are measured, or nothing can be said. */
  readonly estimate: LatencyHistogram | undefined;
  add(progress: StreamingQueryProgress, nowMs: number, measured: LatencyHistogram | undefined): void;
  snapshot(nowMs: number): QuerySnapshot;
  summary(): QuerySummary;
}

export function createQueryRecord(name: string, startMs: number, rateWindowMs: number): QueryRecord {
  const rate = createTrailingRate(rateWindowMs, startMs);
  const durations = createLatencyHistogram();
  const stepsMs: Record<string, number> = {};
  let measured: LatencyHistogram | undefined;
  let estimate: LatencyHistogram | undefined;
  let last: StreamingQueryProgress | undefined;
  let lag: Record<string, number> = {};
  let [batches, rowsOut, lateRows, deadLetters, stateRows, batchDurationMs] = [0, 0, 0, 0, 0, 0];
  let [maxStateRows, maxStateBytes, maxLag, firstStartMs, lastEndMs] = [0, 0, 0, Infinity, -Infinity];
  let watermark: string | null = null;

  const totalLag = (): number => Object.values(lag).reduce((sum, behind) => sum + behind, 0);

  const addBatch = (progress: StreamingQueryProgress): void => {
    batches++;
    batchDurationMs = progress.batchDuration;
    recordLatencyUs(durations, progress.batchDuration * 1000);
    for (const [step, ms] of Object.entries(progress.durationMs ?? {})) stepsMs[step] = (stepsMs[step] ?? 0) + ms;
    const endMs = batchEndMs(progress);
    if (!Number.isFinite(endMs)) return;
    firstStartMs = Math.min(firstStartMs, endMs - progress.batchDuration);
    lastEndMs = Math.max(lastEndMs, endMs);
  };

  return {
    get estimate() {
      return measured ? undefined : estimate;
    },
    add(progress, nowMs, latencies) {
      last = progress;
      const endMs = batchEndMs(progress);
      rate.add(Number.isFinite(endMs) ? Math.min(nowMs, endMs) : nowMs, progress.numInputRows);
      if (progress.numInputRows > 0) addBatch(progress);
      rowsOut += Math.max(0, progress.sink?.numOutputRows ?? 0);
      lateRows += lateRowsOf(progress);
      deadLetters += deadLettersOf(progress);
      stateRows = stateRowsOf(progress);
      maxStateRows = Math.max(maxStateRows, stateRows);
      maxStateBytes = Math.max(maxStateBytes, stateBytesOf(progress));
      watermark = progress.eventTime?.watermark ?? watermark;
      const newLag = lagOf(progress);
      if (Object.keys(newLag).length > 0) lag = newLag;
      maxLag = Math.max(maxLag, totalLag());
      if (latencies) (measured ??= createLatencyHistogram()).add(latencies);
      else if (!measured) recordEstimate(progress, (estimate ??= createLatencyHistogram()));
    },
    snapshot: (nowMs) => ({
      name,
      batchId: last?.batchId ?? -1,
      rowsIn: rate.total,
      rowsPerSecond: rate.perSecond(nowMs),
      batchDurationMs,
      watermark,
      stateRows,
      lateRows,
      deadLetters,
      lag,
    }),
    summary() {
      const latencies = measured ?? estimate;
      return {
        name,
        sink: last?.sink?.description ?? "",
        batches,
        rowsIn: rate.total,
        rowsOut,
        batchMs: summariseLatency(durations),
        stepsMs,
        firstBatchAtMs: Number.isFinite(firstStartMs) ? firstStartMs : null,
        lastBatchEndMs: Number.isFinite(lastEndMs) ? lastEndMs : null,
        lateRows,
        deadLetters,
        maxStateRows,
        maxStateBytes,
        maxLag,
        lastLag: totalLag(),
        latencyUs: latencies && latencies.totalCount > 0 ? encodeLatencyHistogram(latencies) : null,
        estimated: measured === undefined && (estimate?.totalCount ?? 0) > 0,
      };
    },
  };
}
