import type { Clock } from "../base/clock.ts";
import type { StreamingQueryProgress } from "../engine/query/progress.ts";
import {
  createLatencyHistogram,
  decodeLatencyHistogram,
  encodeLatencyHistogram,
  LATENCY_METRIC,
  mergeLatencyHistograms,
  summariseLatency,
} from "./latency.ts";
import type { LatencyHistogram } from "./latency.ts";
import { MonitorError } from "./monitor-error.ts";
import { createQueryRecord, type QueryRecord, type QuerySummary } from "./query-record.ts";
import { createResourceSampler, type ResourceSampler } from "./resources.ts";
import type { PipelineSnapshot, ResourceSnapshot, ServiceSnapshot } from "./snapshot.ts";
import { createTrailingRate } from "./throughput.ts";

export interface MonitorOptions {
  readonly clock: Clock;
  /** Messages per second that the producer was asked for. */
  readonly askedRate: number;
  /** Milliseconds between samples of the series; 1000 unless given. */
  readonly sampleEveryMs?: number;
  /** Live rates are means over this many trailing milliseconds; 2000 unless given. */
  readonly rateWindowMs?: number;
  /** `recentLatency` covers this many trailing seconds; 5 unless given. */
  readonly recentSeconds?: number;
  /** The most samples kept; beyond it every second one of the older half is dropped. 7200 unless given. */
  readonly seriesLimit?: number;
  readonly resources?: ResourceSampler;
}

/** The latencies of a whole run, each histogram in base64 (latency.ts), null where nothing was counted. */
export interface LatencyHistograms {
  /** Event → acknowledged document, measured document by document. */
  readonly storedUs: string | null;
  /** Event → stored reading of window aggregates, estimated. */
  readonly estimateUs: string | null;
}

/**
 * Watches a pipeline from outside: whoever hears something tells it, in any order, over any transport; nobody has to ask it.
 * It never throws because of what it is told.
 */
export interface Monitor {
  /** One progress event of a query, also one that came as JSON and lacks what Spark's JSON leaves out (empty maps, rates that are no numbers). */
  progress(event: StreamingQueryProgress): void;
  /** The running total of acknowledged messages. */
  acknowledged(total: number): void;
  /** A service is up or down; the time of the change is kept. */
  service(state: Omit<ServiceSnapshot, "sinceMs">): void;
  /** Follow the CPU and memory of a process. A new pid under the same name takes the old one's place. */
  watch(process: string, pid: number): void;
  unwatch(process: string): void;
  /** Samples resources, adds a snapshot to the series and tells the listeners. `run` does it each second. */
  sample(): Promise<PipelineSnapshot>;
  /** Samples on the clock's beat until the signal aborts, then once more, and resolves. */
  run(signal: AbortSignal): Promise<void>;
  /** What is known now; resources as of the last sample. */
  snapshot(): PipelineSnapshot;
  /** The samples so far, oldest first: a list of its own that does not grow. */
  series(): readonly PipelineSnapshot[];
  /** Called with every sample; the answer stops it. */
  onSample(listener: (snapshot: PipelineSnapshot) => void): () => void;
  /** What each query did over the whole run. */
  queries(): readonly QuerySummary[];
  latencies(): LatencyHistograms;
}

export function createMonitor(options: MonitorOptions): Monitor {
  const { clock, askedRate, sampleEveryMs = 1000, rateWindowMs = 2000, recentSeconds = 5, seriesLimit = 7200 } = options;
  const resources = options.resources ?? createResourceSampler(clock);
  const startMs = clock.nowMs();
  const records = new Map<string, QueryRecord>();
  const services = new Map<string, ServiceSnapshot>();
  const listeners = new Set<(snapshot: PipelineSnapshot) => void>();
  const produced = createTrailingRate(rateWindowMs, startMs);
  const recent: { second: number; readonly histogram: LatencyHistogram }[] = [];
  const samples: PipelineSnapshot[] = [];
  let stored: LatencyHistogram | undefined;
  let heardProducer = false;
  let lastResources: readonly ResourceSnapshot[] = [];

  const recordOf = (event: StreamingQueryProgress): QueryRecord => {
    const name = event.name ?? event.id;
    let record = records.get(name);
    if (!record) records.set(name, (record = createQueryRecord(name, startMs, rateWindowMs)));
    return record;
  };

  const recentHistogram = (second: number): LatencyHistogram => {
    const last = recent.at(-1);
    if (last && last.second >= second) return last.histogram;
    while (recent[0] && recent[0].second <= second - recentSeconds) recent.shift();
    const histogram = createLatencyHistogram();
    recent.push({ second, histogram });
    return histogram;
  };

  const takeLatencies = (encoded: string): LatencyHistogram | undefined => {
    try {
      const histogram = decodeLatencyHistogram(encoded);
      (stored ??= createLatencyHistogram()).add(histogram);
      recentHistogram(Math.floor(clock.nowMs() / 1000)).add(histogram);
      return histogram;
    } catch (thrown) {
      if (thrown instanceof MonitorError) return undefined;
      throw thrown;
    }
  };

  const snapshot = (): PipelineSnapshot => {
    const atMs = clock.nowMs();
    const since = Math.floor(atMs / 1000) - recentSeconds;
    const estimates = [...records.values()].flatMap((record) => record.estimate ?? []);
    return {
      atMs,
      elapsedMs: atMs - startMs,
      producer: heardProducer ? { acknowledged: produced.total, perSecond: produced.perSecond(atMs), askedPerSecond: askedRate } : null,
      queries: [...records.values()].map((record) => record.snapshot(atMs)),
      latency: stored ? summariseLatency(stored) : null,
      recentLatency: summariseLatency(mergeLatencyHistograms(recent.filter((one) => one.second > since).map((one) => one.histogram))),
      latencyEstimate: estimates.length === 0 ? null : summariseLatency(mergeLatencyHistograms(estimates)),
      resources: lastResources,
      services: [...services.values()],
    };
  };

  const sample = async (): Promise<PipelineSnapshot> => {
    lastResources = await resources.sample();
    const taken = snapshot();
    samples.push(taken);
    if (samples.length > seriesLimit) thin(samples);
    for (const listener of listeners) listener(taken);
    return taken;
  };

  return {
    progress(event) {
      const encoded = event.sink?.metrics?.[LATENCY_METRIC];
      const latencies = encoded === undefined ? undefined : takeLatencies(encoded);
      recordOf(event).add(event, clock.nowMs(), latencies);
    },
    acknowledged(total) {
      heardProducer = true;
      produced.add(clock.nowMs(), Math.max(0, total - produced.total));
    },
    service(state) {
      const before = services.get(state.name);
      const changed = before?.state !== state.state || before.address !== state.address;
      services.set(state.name, { ...state, sinceMs: changed ? clock.nowMs() : before.sinceMs });
    },
    watch: (name, pid) => resources.watch(name, pid),
    unwatch: (name) => resources.unwatch(name),
    sample,
    async run(signal) {
      let dueMs = clock.monotonicMs();
      while (!signal.aborted) {
        await sample();
        dueMs = Math.max(dueMs + sampleEveryMs, clock.monotonicMs());
        await clock.sleep(dueMs - clock.monotonicMs(), signal).catch((thrown: unknown) => {
          if (!signal.aborted) throw thrown;
        });
      }
      await sample();
    },
    snapshot,
    series: () => [...samples],
    onSample(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    queries: () => [...records.values()].map((record) => record.summary()),
    latencies() {
      const estimates = [...records.values()].flatMap((record) => record.estimate ?? []);
      return {
        storedUs: stored ? encodeLatencyHistogram(stored) : null,
        estimateUs: estimates.length === 0 ? null : encodeLatencyHistogram(mergeLatencyHistograms(estimates)),
      };
    },
  };
}

function thin(samples: PipelineSnapshot[]): void {
  const half = samples.length >> 1;
  samples.splice(0, half, ...samples.slice(0, half).filter((_sample, index) => index % 2 === 0));
}
