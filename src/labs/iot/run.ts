import { type Clock, systemClock } from "../../base/clock.ts";
import type { LatencyHistograms } from "../../monitor/monitor.ts";
import { decodeLatencyHistogram } from "../../monitor/latency.ts";
import type { QuerySummary } from "../../monitor/query-record.ts";
import type { PipelineSnapshot } from "../../monitor/snapshot.ts";
import { type StageCheck, stageChecks } from "./checks.ts";
import { type IotEvidence, gatherEvidence } from "./evidence.ts";
import type { IotPipeline } from "./pipeline.ts";
import type { Produced } from "./producing.ts";

/** Everything that is known of a run once it has drained. */
export interface IotRun {
  /** Milliseconds since the epoch. */
  readonly startedAtMs: number;
  readonly endedAtMs: number;
  readonly interrupted: boolean;
  readonly produced: Produced | null;
  readonly drained: boolean;
  readonly series: readonly PipelineSnapshot[];
  readonly queries: readonly QuerySummary[];
  readonly latencies: LatencyHistograms;
  readonly evidence: IotEvidence;
  readonly checks: readonly StageCheck[];
}

/** What a run does at the moment. */
export type IotPhase = "producing" | "draining" | "checking";

const DRAIN_LIMIT_MS = 60_000;

/**
 * One run over a started pipeline: produce, drain, look at what is there. An abort of `signal` ends producing only; what was acknowledged is
 * still stored and checked.
 */
export async function runIotLab(
  pipeline: IotPipeline,
  options: {
    readonly rate: number;
    readonly seconds: number;
    readonly signal: AbortSignal;
    readonly clock?: Clock;
    readonly onPhase?: (phase: IotPhase) => void;
  },
): Promise<IotRun> {
  const clock = options.clock ?? systemClock;
  const startedAtMs = clock.nowMs();
  options.onPhase?.("producing");
  const produced = options.signal.aborted ? null : await pipeline.produce(options.seconds, options.signal);
  options.onPhase?.("draining");
  const drained = await pipeline.drain(DRAIN_LIMIT_MS);
  await pipeline.monitor.sample();
  options.onPhase?.("checking");
  const evidence = await gatherEvidence(pipeline, AbortSignal.timeout(120_000));
  const series = pipeline.monitor.series();
  const queries = pipeline.monitor.queries();
  const latencies = pipeline.monitor.latencies();
  const checks = stageChecks(
    {
      rate: options.rate,
      produced,
      drained,
      failures: pipeline.failures(),
      restarts: pipeline.restarts(),
      rowsRead: Object.fromEntries(queries.map(({ name, rowsIn }) => [name, rowsIn])),
      lateRows: Math.max(0, ...queries.map(({ lateRows }) => lateRows)),
      deadLetters: Math.max(0, ...queries.map(({ deadLetters }) => deadLetters)),
      series,
      storedLatencies: latencies.storedUs === null ? 0 : decodeLatencyHistogram(latencies.storedUs).totalCount,
    },
    evidence,
  );
  const interrupted = options.signal.aborted;
  return { startedAtMs, endedAtMs: clock.nowMs(), interrupted, produced, drained, series, queries, latencies, evidence, checks };
}
