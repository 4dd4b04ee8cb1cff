import type { QuerySummary } from "../monitor/query-record.ts";
import { difference, measure, type Measures, type ProcessMeasure } from "./measures.ts";
import { decimal, duration, percent, plural, whole } from "./numbers.ts";
import type { RunRecord } from "./run-record.ts";

/** One point of the analysis, in sentences made from the run's numbers. */
export interface AnalysisFinding {
  readonly topic: string;
  /** Plain text; names inside come from data and are not escaped. */
  readonly text: string;
  /** False when the run left nothing to say it from. */
  readonly known: boolean;
}

/** From this share of its time on, something counts as busy enough to be the limit. */
const BUSY = 0.8;

/** What the numbers of a run mean, topic by topic. */
export function analyse(record: RunRecord): AnalysisFinding[] {
  const measures = measure(record);
  return [
    throughput(record, measures),
    queries(record, measures),
    batches(record),
    latency(record, measures),
    lag(record, measures),
    completeness(record, measures),
    state(record),
    resources(record, measures),
    limit(record, measures),
  ];
}

function finding(topic: string, sentences: readonly (string | false)[]): AnalysisFinding {
  return { topic, known: true, text: sentences.filter((sentence) => sentence !== false).join(" ") };
}

function unknown(topic: string, text: string): AnalysisFinding {
  return { topic, known: false, text };
}

function throughput(record: RunRecord, { producing }: Measures): AnalysisFinding {
  const topic = "Asked and achieved";
  if (!producing) return unknown(topic, "Nothing was produced, so there is no rate.");
  const { rate, seconds } = record.parameters;
  const share = producing.mean / rate;
  return finding(topic, [
    `Asked for were ${whole(rate)} messages/s for ${decimal(seconds, 0)} s; the broker acknowledged ${whole(record.totals.acknowledged)} messages in ` +
      `${decimal(producing.seconds)} s, ${decimal(producing.mean)}/s or ${percent(share)} of the rate asked for.`,
    producing.worst1s !== null &&
      producing.peak1s !== null &&
      `After the first seconds the slowest single second had ${decimal(producing.worst1s)}/s and the fastest ${decimal(producing.peak1s)}/s` +
        `${producing.worst5s === null ? "" : `; the slowest five seconds in a row had ${decimal(producing.worst5s)}/s`}.`,
    share >= 0.99
      ? "The generator held its rate."
      : `The generator fell short by ${whole(rate - producing.mean)} messages/s: the analysis below says what was busy.`,
    producing.seconds < 59.4 && "The run is shorter than 60 s: this is no sustained rate.",
  ]);
}

function queries(record: RunRecord, measures: Measures): AnalysisFinding {
  const topic = "Keeping up";
  const ran = record.queries.filter((query) => query.batches > 0);
  if (ran.length === 0) return unknown(topic, "No query read anything.");
  const sentences = ran.map((query) => {
    const rate = measures.queries.find((one) => one.query === query.name);
    const share = busyShare(query);
    return (
      `${query.name} read ${whole(query.rowsIn)} messages in ${plural(query.batches, "batch", "batches")} ` +
      `(${decimal(query.rowsIn / query.batches, 0)} a batch), ${decimal(rate?.perSecond ?? 0)}/s until its last batch` +
      (share === null ? "." : `; batches were under way ${percent(share)} of the time.`)
    );
  });
  const pauseless = ran.some((query) => (busyShare(query) ?? 0) >= BUSY);
  return finding(topic, [
    ...sentences,
    pauseless &&
      "Batches without a pause are no sign of overload by themselves: a query that is triggered as soon as there is data starts the next batch at once, " +
        "and when more arrives its batches grow. Lag that grows is the sign.",
  ]);
}

/** The share of a query's time that its batches took; null when nothing says it. */
function busyShare(query: QuerySummary): number | null {
  const busyMs = query.stepsMs["triggerExecution"];
  if (busyMs === undefined || query.firstBatchAtMs === null || query.lastBatchEndMs === null) return null;
  const spanMs = query.lastBatchEndMs - query.firstBatchAtMs;
  return spanMs > 0 ? Math.min(1, busyMs / spanMs) : null;
}

function batches(record: RunRecord): AnalysisFinding {
  const topic = "Where a batch spends its time";
  const ran = record.queries.filter((query) => query.batchMs !== null);
  if (ran.length === 0) return unknown(topic, "No batch ran.");
  return finding(
    topic,
    ran.map((query) => {
      const steps = Object.entries(query.stepsMs).filter(([step, ms]) => step !== "triggerExecution" && ms > 0);
      const total = steps.reduce((sum, [, ms]) => sum + ms, 0);
      const shares = steps.sort((a, b) => b[1] - a[1]).map(([step, ms]) => `${step} ${percent(ms / total, 0)}`);
      const { p50, p95, max } = query.batchMs ?? { p50: 0, p95: 0, max: 0 };
      return (
        `${query.name}: half of the batches took at most ${duration(p50)}, 95 % at most ${duration(p95)}, the longest ${duration(max)}` +
        (shares.length === 0 ? "." : `; by step ${shares.slice(0, 4).join(", ")}.`)
      );
    }),
  );
}

function latency(record: RunRecord, { stored, estimate, screen }: Measures): AnalysisFinding {
  const topic = "Latency";
  if (!stored && !estimate) return unknown(topic, "No latency was measured.");
  const worst = stored ?? estimate;
  return finding(topic, [
    "The lab asks for less than a second and does not say from where to where. Here it is event → stored: from the time stamp that the sensor put into " +
      "the message to the acknowledgement of the document that holds it.",
    stored !== null &&
      `Measured on each of ${plural(stored.count, "stored alert")}: p50 ${duration(stored.p50)}, p95 ${duration(stored.p95)}, p99 ${duration(stored.p99)}, ` +
        `worst ${duration(stored.max)}.`,
    estimate !== null &&
      `A window holds many readings, so theirs is an estimate from the event times of each batch and its end, and an upper bound: p50 ` +
        `${duration(estimate.p50)}, p95 ${duration(estimate.p95)}, p99 ${duration(estimate.p99)}.`,
    worst !== null &&
      (worst.p95 < 1000
        ? `The limit of 1 s is ${decimal(1000 / Math.max(0.1, worst.p95), 0)} times the p95${stored ? " measured" : ""}.`
        : `The p95 is ${decimal(worst.p95 / 1000, 1)} times the limit of 1 s.`),
    "The windows reach the store this soon because the query runs in update mode; in append mode each would wait for the watermark, five minutes at least.",
    screen
      ? `Event → screen is another matter and was measured apart, in a browser that ran at the lowest priority so as not to disturb the run: p50 ${duration(screen.p50)}, p95 ${duration(screen.p95)}.`
      : "Event → screen was not measured; a page that refreshes every 5 s, as the lab's text has it, cannot show an event within a second however fast " +
        "it is stored, which is why the dashboard is told by server-sent events.",
    record.interrupted && "The run was broken off by its user; the figures cover what ran.",
  ]);
}

function lag(record: RunRecord, { producing }: Measures): AnalysisFinding {
  const topic = "Lag";
  const ran = record.queries.filter((query) => query.batches > 0);
  const known = record.series.some((snapshot) => snapshot.queries.some((query) => Object.keys(query.lag).length > 0));
  if (ran.length === 0 || !known) return unknown(topic, "The sources did not say how far behind the log they were.");
  return finding(
    topic,
    ran.map((query) => {
      const seconds = producing && producing.mean > 0 ? ` (${duration((query.maxLag * 1000) / producing.mean)} of input)` : "";
      const end =
        query.lastLag === 0 ? "at the end it had read everything" : `at the end ${plural(query.lastLag, "message")} were still unread`;
      return `${query.name} was at most ${plural(query.maxLag, "message")} behind the end of the log${seconds}; ${end}.`;
    }),
  );
}

function completeness(record: RunRecord, { missing }: Measures): AnalysisFinding {
  const topic = "Completeness";
  if (record.accounting.length === 0) return unknown(topic, "Nobody counted what became of the messages.");
  return finding(topic, [
    ...record.accounting.map((line) => {
      const left = difference(line);
      const sum = `${whole(line.counted)} counted + ${whole(line.filtered)} filtered + ${whole(line.late)} late + ${whole(line.deadLettered)} dead-lettered`;
      return (
        `${line.query}: ${whole(line.acknowledged)} acknowledged = ${sum}` +
        (left === 0 ? "." : left > 0 ? ` + ${whole(left)} that are missing.` : ` − ${whole(-left)} that were counted twice.`)
      );
    }),
    missing === 0
      ? "No acknowledged message was lost and none was counted twice."
      : "The sums do not balance: on the way messages were lost or counted twice.",
    record.totals.acknowledged > 0 &&
      `Late were ${percent(record.totals.late / record.totals.acknowledged, 2)} of the messages, unreadable ` +
        `${percent(record.totals.deadLetters / record.totals.acknowledged, 2)}.`,
  ]);
}

function state(record: RunRecord): AnalysisFinding {
  const topic = "State and watermark";
  const stateful = record.queries.filter((query) => query.maxStateRows > 0);
  if (stateful.length === 0) return unknown(topic, "No query reported any state.");
  return finding(topic, [
    ...stateful.map((query) => {
      const bytes =
        query.maxStateBytes > 0
          ? `, ${decimal(query.maxStateBytes / 1024)} KB or ${whole(query.maxStateBytes / query.maxStateRows)} bytes a row`
          : "";
      return `${query.name} held at most ${plural(query.maxStateRows, "row")} of state${bytes}; ${plural(query.lateRows, "row")} came behind the watermark.`;
    }),
    "State grows with open windows and groups, not with messages: the watermark closes a window, and until then its rows stay.",
  ]);
}

function resources(record: RunRecord, { resources: used }: Measures): AnalysisFinding {
  const topic = "CPU and memory";
  if (!used) return unknown(topic, "No process was watched.");
  const { machine } = record;
  const busiest = busiestOf(used.processes);
  const headroom = machine.memoryMb - used.peakRssMb;
  return finding(topic, [
    `While messages were produced, all processes together used ${decimal(used.meanCpu, 0)} % of one core on average and ${decimal(used.peakCpu, 0)} % in the busiest second, of ` +
      `${machine.cores * 100} % on this machine.`,
    busiest !== undefined &&
      `The busiest was ${busiest.process} with ${decimal(busiest.meanCpu, 0)} % on average and ${decimal(busiest.peakCpu, 0)} % at its peak.`,
    `Their resident memory peaked at ${whole(used.peakRssMb)} MB together (pages that processes share count in each), which leaves ` +
      `${whole(headroom)} MB of the machine's ${whole(machine.memoryMb)} MB.`,
    used.growthMbPerMinute !== null &&
      (Math.abs(used.growthMbPerMinute) < 10
        ? `After the first third of the run memory was steady (${decimal(used.growthMbPerMinute)} MB a minute).`
        : `After the first third of the run memory still changed by ${decimal(used.growthMbPerMinute)} MB a minute; a longer run must show whether it settles.`),
  ]);
}

function busiestOf(processes: readonly ProcessMeasure[]): ProcessMeasure | undefined {
  return [...processes].sort((a, b) => b.meanCpu - a.meanCpu)[0];
}

function limit(record: RunRecord, measures: Measures): AnalysisFinding {
  const topic = "What limits the rate";
  const { producing, resources: used } = measures;
  const behind = record.queries.find((query) => fellBehind(query, measures));
  const process = used ? busiestOf(used.processes) : undefined;
  if (!producing || (record.queries.length === 0 && !process)) return unknown(topic, "Too little was measured to name a limit.");
  const cores = record.machine.cores * 100;
  if (used && used.meanCpu >= BUSY * cores)
    return finding(topic, [
      `The machine: all processes together used ${decimal(used.meanCpu, 0)} of ${cores} % CPU. More messages need more cores, or less work a message.`,
    ]);
  if (process && process.meanCpu >= BUSY * 100)
    return finding(topic, [
      `The process ${process.process}: it kept one core busy at ${decimal(process.meanCpu, 0)} %, and JavaScript runs on one. It is the first to make cheaper or to split.`,
    ]);
  if (behind) {
    const [slowest] = Object.entries(behind.stepsMs)
      .filter(([step]) => step !== "triggerExecution")
      .sort((a, b) => b[1] - a[1]);
    return finding(topic, [
      `The query ${behind.name}: it fell behind the producer, by ${plural(behind.maxLag, "message")} at the worst, while no core was busy all the time.`,
      slowest !== undefined && `It waits for others, and most of all in the step ${slowest[0]}.`,
    ]);
  }
  if (producing.mean < 0.99 * record.parameters.rate)
    return finding(topic, [
      `The producing side: ${decimal(producing.mean)}/s of ${whole(record.parameters.rate)}/s were reached although no core and no query was busy all the time. ` +
        "Acknowledgements that come late, or too few messages in flight, hold it back.",
    ]);
  const closest = nearestLimit(record, measures);
  return finding(topic, [
    `Nothing in the pipeline: at ${decimal(producing.mean, 0)}/s the run was limited by the rate that was asked for.`,
    closest !== undefined &&
      `Closest to its limit was ${closest.name}, at ${percent(closest.share)}; if that grew in step with the messages it would be the bottleneck near ` +
        `${whole(Number((producing.mean / closest.share).toPrecision(2)))} messages/s. ` +
        "That is an extrapolation: batches get cheaper a message as they grow, so only a run at a higher rate can tell.",
  ]);
}

/** More than a second of input unread, or a rate below the producer's. */
function fellBehind(query: QuerySummary, { producing, queries: rates }: Measures): boolean {
  const rate = rates.find((one) => one.query === query.name)?.perSecond ?? 0;
  return producing !== null && (rate < 0.99 * producing.mean || query.lastLag > producing.mean);
}

/** What was used most: a process's core, all cores together, or a query's time in the step that grows with the messages. */
function nearestLimit(record: RunRecord, { resources: used }: Measures): { readonly name: string; readonly share: number } | undefined {
  const processing = record.queries.flatMap((query) => {
    const workMs = query.stepsMs["addBatch"] ?? 0;
    const spanMs = (query.lastBatchEndMs ?? 0) - (query.firstBatchAtMs ?? 0);
    return spanMs > 0
      ? [{ name: `the query ${query.name} in its step addBatch, the one that grows with the messages,`, share: workMs / spanMs }]
      : [];
  });
  const processes = (used?.processes ?? []).map((one) => ({ name: `the process ${one.process} on its core`, share: one.meanCpu / 100 }));
  const machine = used ? [{ name: "the machine, all cores together,", share: used.meanCpu / (record.machine.cores * 100) }] : [];
  return [...processes, ...machine, ...processing].filter((one) => one.share > 0).sort((a, b) => b.share - a.share)[0];
}
