import { decodeLatencyHistogram, summariseLatency } from "../monitor/latency.ts";
import type { LatencySnapshot, PipelineSnapshot } from "../monitor/snapshot.ts";
import { sustainedRate, type SustainedRate, type TotalPoint } from "../monitor/throughput.ts";
import type { AccountingLine, RunRecord } from "./run-record.ts";

/** How fast one query read, over all the time that it had. */
export interface QueryRate {
  readonly query: string;
  readonly rows: number;
  /** From the first message produced to the end of the last batch that read something, less the second that the lab grants a message. */
  readonly seconds: number;
  readonly perSecond: number;
}

/** What one process used. CPU in percent of one core. */
export interface ProcessMeasure {
  readonly process: string;
  readonly meanCpu: number;
  readonly peakCpu: number;
  readonly peakRssMb: number;
}

/** Over the time of producing. */
export interface ResourceMeasure {
  readonly processes: readonly ProcessMeasure[];
  /** All processes together, mean and worst sample. */
  readonly meanCpu: number;
  readonly peakCpu: number;
  readonly peakRssMb: number;
  /** Growth of all processes' memory over the last two thirds of the run, MB a minute; null when it is too short to say. */
  readonly growthMbPerMinute: number | null;
}

/** The numbers that the report and the grade are made of, all computed from a record. */
export interface Measures {
  /** Acknowledged messages over the time of producing; null when nothing was produced. */
  readonly producing: SustainedRate | null;
  readonly queries: readonly QueryRate[];
  /** The lowest of the producer's and the queries' means: what the whole pipeline sustained. Null when something did not run. */
  readonly pipelinePerSecond: number | null;
  readonly stored: LatencySnapshot | null;
  readonly estimate: LatencySnapshot | null;
  readonly screen: LatencySnapshot | null;
  readonly resources: ResourceMeasure | null;
  /** Acknowledged messages without a place, summed over the accounting lines that do not balance. */
  readonly missing: number;
}

/** The first seconds of producing, connections and just-in-time compilation, stay out of the slowest-bin figures (not out of the mean). */
export const WARM_UP_MS = 3000;

/** A13 grants a message one second from event to store: a query may end that much after the producer. */
const GRANTED_MS = 1000;

export function measure(record: RunRecord): Measures {
  const span = producingSpan(record);
  const points: TotalPoint[] = record.series.map((snapshot) => ({ atMs: snapshot.atMs, total: snapshot.producer?.acknowledged ?? 0 }));
  const producing = span
    ? sustainedRate(exactEnds(points, span, record.totals.acknowledged), span.startedAtMs, span.endedAtMs, WARM_UP_MS)
    : null;
  const queries = record.queries.flatMap((query): QueryRate[] => {
    const seconds =
      span && query.lastBatchEndMs !== null ? Math.max(span.endedAtMs, query.lastBatchEndMs - GRANTED_MS) - span.startedAtMs : 0;
    return [
      { query: query.name, rows: query.rowsIn, seconds: seconds / 1000, perSecond: seconds > 0 ? (query.rowsIn * 1000) / seconds : 0 },
    ];
  });
  const means = [producing?.mean ?? 0, ...queries.map((query) => query.perSecond)];
  return {
    producing,
    queries,
    pipelinePerSecond: producing && queries.length > 0 ? Math.min(...means) : null,
    stored: summary(record.latency.storedUs),
    estimate: summary(record.latency.estimateUs),
    screen: summary(record.latency.screenUs),
    resources: measureResources(during(record.series, span)),
    missing: record.accounting.reduce((sum, line) => sum + Math.abs(difference(line)), 0),
  };
}

/** Acknowledged messages that a query has no place for; negative when it counted some twice. */
export function difference(line: AccountingLine): number {
  return line.acknowledged - line.counted - line.filtered - line.late - line.deadLettered;
}

function summary(encoded: string | null): LatencySnapshot | null {
  return encoded === null ? null : summariseLatency(decodeLatencyHistogram(encoded));
}

interface Span {
  readonly startedAtMs: number;
  readonly endedAtMs: number;
}

function producingSpan(record: RunRecord): Span | null {
  if (record.producing && record.producing.endedAtMs > record.producing.startedAtMs) return record.producing;
  const { series } = record;
  const acknowledged = (index: number): number => series[index]?.producer?.acknowledged ?? 0;
  const first = series.findIndex((_snapshot, index) => acknowledged(index) > 0);
  const last = series.findLastIndex((_snapshot, index) => index > 0 && acknowledged(index) > acknowledged(index - 1));
  const [from, to] = [series[Math.max(0, first - 1)], series[last]];
  return first >= 0 && from && to && to.atMs > from.atMs ? { startedAtMs: from.atMs, endedAtMs: to.atMs } : null;
}

/** The samples inside the span, with the span's own ends as exact points. */
function exactEnds(points: readonly TotalPoint[], span: Span, acknowledged: number): TotalPoint[] {
  const inside = points.filter((point) => point.atMs > span.startedAtMs && point.atMs < span.endedAtMs);
  const highest = Math.max(acknowledged, inside.at(-1)?.total ?? 0);
  return [{ atMs: span.startedAtMs, total: 0 }, ...inside, { atMs: span.endedAtMs, total: highest }];
}

/** The snapshots of the time of producing; all of them where that is unknown or too short to be sampled. */
function during(series: readonly PipelineSnapshot[], span: Span | null): readonly PipelineSnapshot[] {
  const inside = span ? series.filter((snapshot) => snapshot.atMs > span.startedAtMs && snapshot.atMs <= span.endedAtMs) : [];
  return inside.length > 0 ? inside : series;
}

function measureResources(series: readonly PipelineSnapshot[]): ResourceMeasure | null {
  const samples = series.filter((snapshot) => snapshot.resources.length > 0);
  if (samples.length === 0) return null;
  const names = [...new Set(samples.flatMap((snapshot) => snapshot.resources.map((resource) => resource.process)))];
  const totals = samples.map((snapshot) => ({
    atMs: snapshot.atMs,
    cpu: snapshot.resources.reduce((sum, resource) => sum + resource.cpuPercent, 0),
    rssMb: snapshot.resources.reduce((sum, resource) => sum + resource.rssMb, 0),
  }));
  return {
    processes: names.map((process) => {
      const own = samples.flatMap((snapshot) => snapshot.resources.filter((resource) => resource.process === process));
      return {
        process,
        meanCpu: mean(own.map((resource) => resource.cpuPercent)),
        peakCpu: Math.max(...own.map((resource) => resource.cpuPercent)),
        peakRssMb: Math.max(...own.map((resource) => resource.rssMb)),
      };
    }),
    meanCpu: mean(totals.map((total) => total.cpu)),
    peakCpu: Math.max(...totals.map((total) => total.cpu)),
    peakRssMb: Math.max(...totals.map((total) => total.rssMb)),
    growthMbPerMinute: growth(totals.slice(Math.floor(totals.length / 3))),
  };
}

/** Slope of the least-squares line, MB a minute; null below 20 samples. */
function growth(points: readonly { readonly atMs: number; readonly rssMb: number }[]): number | null {
  if (points.length < 20) return null;
  const [centreMs, centreMb] = [mean(points.map((point) => point.atMs)), mean(points.map((point) => point.rssMb))];
  const spread = points.reduce((sum, point) => sum + (point.atMs - centreMs) ** 2, 0);
  const together = points.reduce((sum, point) => sum + (point.atMs - centreMs) * (point.rssMb - centreMb), 0);
  return spread === 0 ? null : (together / spread) * 60_000;
}

function mean(values: readonly number[]): number {
  return values.length === 0 ? 0 : values.reduce((sum, value) => sum + value, 0) / values.length;
}
