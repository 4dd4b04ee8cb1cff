import type { LatencySnapshot } from "../monitor/snapshot.ts";
import { analyse } from "./analysis.ts";
import { difference, measure, type Measures } from "./measures.ts";
import { decimal, duration, plural, whole } from "./numbers.ts";
import { STAGES, type RunRecord, type Stage } from "./run-record.ts";

/** `not shown`: the run gives no evidence either way, which counts as not met. */
export type Verdict = "met" | "not met" | "not shown";
export type Mark = 2 | 3 | 4 | 5;

/** One line of the lab's grading (A13), with what the run shows of it. */
export interface Criterion {
  readonly id: string;
  /** The mark that needs it: a 5 needs every criterion, a 4 those for 4 and 3. */
  readonly neededFor: 3 | 4 | 5;
  readonly name: string;
  readonly verdict: Verdict;
  readonly evidence: string;
}

export interface Grade {
  readonly mark: Mark;
  readonly criteria: readonly Criterion[];
  /** One sentence: the mark, and what keeps it from being better. */
  readonly summary: string;
}

/** A rate counts when it was sustained for this long (A13 names no time; a peak is not a rate). */
export const REQUIRED_SECONDS = 60;
/** What measuring may lose: the generator paces within one percent. */
export const TOLERANCE = 0.01;
/** Even the slowest five seconds must reach this share of the rate: one second of standstill in five. */
export const SLOWEST_SHARE = 0.8;
/** The document's "latency < 1 s" is undefined; here it is the 95th percentile of event → stored. */
export const LATENCY_LIMIT_MS = 1000;
/** Fewer measurements have no 95th percentile worth the name. */
const FEWEST_LATENCIES = 20;
const MAIN_STAGES: readonly Stage[] = ["infrastructure", "generator", "processing", "storage"];

type Finding = Pick<Criterion, "verdict" | "evidence">;

/** Judges a run by the criteria of the lab. The same record always gets the same mark. */
export function grade(record: RunRecord): Grade {
  const measures = measure(record);
  const criteria: Criterion[] = [
    { id: "rate-1000", neededFor: 5, name: "1,000+ messages/s sustained for 60 s", ...rate(measures, 1000) },
    { id: "latency", neededFor: 5, name: "latency event → stored below 1 s (p95)", ...latency(measures) },
    { id: "all-stages", neededFor: 5, name: "all six stages, each by its own checks", ...stages(record, STAGES) },
    { id: "visualisation", neededFor: 5, name: "quality visualisation", ...visualisation(record, true) },
    { id: "monitoring", neededFor: 5, name: "monitoring of rates, latency, resources and services", ...monitoring(record, measures) },
    { id: "analysis", neededFor: 5, name: "deep performance analysis", ...analysis(record) },
    { id: "rate-500", neededFor: 4, name: "500+ messages/s sustained for 60 s", ...rate(measures, 500) },
    { id: "main-stages", neededFor: 4, name: "main stages: broker, generator, processing, storage", ...stages(record, MAIN_STAGES) },
    { id: "nothing-lost", neededFor: 4, name: "at-least-once: every acknowledged message accounted for", ...accounting(record) },
    { id: "basic-visualisation", neededFor: 4, name: "basic visualisation", ...visualisation(record, false) },
    { id: "rate-100", neededFor: 3, name: "100+ messages/s sustained for 60 s", ...rate(measures, 100) },
    { id: "working", neededFor: 3, name: "working pipeline: messages in, documents out", ...working(record) },
  ];
  const failed = (level: number): readonly Criterion[] => criteria.filter((one) => one.neededFor <= level && one.verdict !== "met");
  const mark: Mark = ([5, 4, 3] as const).find((level) => failed(level).length === 0) ?? 2;
  return { mark, criteria, summary: summarise(mark, mark === 5 ? [] : failed(mark + 1)) };
}

function summarise(mark: Mark, obstacles: readonly Criterion[]): string {
  if (mark === 5) return "Mark 5: every criterion is met.";
  const names = obstacles.map((one) => `${one.name} (${one.verdict})`).join("; ");
  return `Mark ${mark}. For a ${mark + 1} is missing: ${names}.`;
}

function rate({ producing, queries, pipelinePerSecond }: Measures, perSecond: number): Finding {
  if (!producing || pipelinePerSecond === null) return { verdict: "not shown", evidence: "nothing was produced and read" };
  const slowest = [...queries].sort((a, b) => a.perSecond - b.perSecond)[0];
  const evidence =
    `${decimal(producing.mean)}/s acknowledged over ${decimal(producing.seconds)} s` +
    (producing.worst5s === null ? "" : `, slowest 5 s ${decimal(producing.worst5s)}/s`) +
    (slowest ? `; slowest query (${slowest.query}) ${decimal(slowest.perSecond)}/s over ${decimal(slowest.seconds)} s` : "");
  if (pipelinePerSecond < perSecond * (1 - TOLERANCE)) return { verdict: "not met", evidence };
  if (producing.seconds < REQUIRED_SECONDS * (1 - TOLERANCE)) {
    const remedy = `a run of ${decimal(producing.seconds)} s cannot show a rate sustained for ${REQUIRED_SECONDS} s`;
    return { verdict: "not shown", evidence: `${evidence}; ${remedy}` };
  }
  return { verdict: (producing.worst5s ?? 0) >= perSecond * SLOWEST_SHARE ? "met" : "not met", evidence };
}

function latency({ stored, estimate }: Measures): Finding {
  const parts: string[] = [];
  if (stored)
    parts.push(`measured per document: p95 ${duration(stored.p95)}, p99 ${duration(stored.p99)} (${whole(stored.count)} documents)`);
  if (estimate) parts.push(`estimated for window readings: p95 ${duration(estimate.p95)} (${whole(estimate.count)} readings)`);
  if (parts.length === 0) return { verdict: "not shown", evidence: "no latency was measured" };
  const flows = [stored, estimate].filter((flow): flow is LatencySnapshot => flow !== null);
  const evidence = parts.join("; ");
  if (flows.every((flow) => flow.count < FEWEST_LATENCIES))
    return { verdict: "not shown", evidence: `${evidence}: too few for a percentile` };
  return { verdict: flows.every((flow) => flow.p95 < LATENCY_LIMIT_MS) ? "met" : "not met", evidence };
}

function stages(record: RunRecord, wanted: readonly Stage[]): Finding {
  const checks = record.checks.filter((check) => wanted.includes(check.stage));
  const broken = checks.filter((check) => !check.passed);
  if (broken.length > 0)
    return { verdict: "not met", evidence: broken.map((check) => `${check.stage}: ${check.name}, found: ${check.evidence}`).join("; ") };
  const silent = wanted.filter((stage) => !checks.some((check) => check.stage === stage));
  if (silent.length > 0) return { verdict: "not shown", evidence: `no check of ${silent.join(", ")}` };
  return { verdict: "met", evidence: `${plural(checks.length, "check")} passed in ${wanted.join(", ")}` };
}

function accounting(record: RunRecord): Finding {
  if (record.accounting.length === 0) return { verdict: "not shown", evidence: "nothing was counted" };
  const lines = record.accounting.map((line) => {
    const left = difference(line);
    const verdict = left === 0 ? "all accounted for" : left > 0 ? `${whole(left)} missing` : `${whole(-left)} counted twice`;
    return `${line.query}: ${whole(line.acknowledged)} acknowledged, ${verdict}`;
  });
  const uncounted = record.accounting.some((line) => line.acknowledged !== record.totals.acknowledged);
  const met = record.accounting.every((line) => difference(line) === 0) && !uncounted;
  return {
    verdict: met ? "met" : "not met",
    evidence: lines.join("; ") + (uncounted ? `; the producer counted ${whole(record.totals.acknowledged)}` : ""),
  };
}

function visualisation(record: RunRecord, quality: boolean): Finding {
  const alerts = Object.values(record.alerts).reduce((sum, count) => sum + count, 0);
  const evidence = `${plural(record.windows.length, "window point")} and ${plural(alerts, "alert")} to draw`;
  if (record.windows.length === 0 || (quality && alerts === 0)) return { verdict: "not met", evidence };
  if (!quality) return { verdict: "met", evidence };
  if (!record.backends.dashboard) return { verdict: "not shown", evidence: `${evidence}, but no dashboard ran` };
  const page = stages(record, ["visualisation"]);
  return { verdict: page.verdict, evidence: `dashboard at ${record.backends.dashboard.address}: ${evidence}; ${page.evidence}` };
}

function monitoring(record: RunRecord, measures: Measures): Finding {
  const has = {
    rates: record.series.length >= 2 && measures.producing !== null,
    latency: measures.stored !== null || measures.estimate !== null,
    resources: measures.resources !== null,
    services: record.series.some((snapshot) => snapshot.services.length > 0),
  };
  const missing = Object.entries(has).flatMap(([name, present]) => (present ? [] : [name]));
  const page = stages(record, ["monitoring"]);
  const evidence = `${plural(record.series.length, "sample")}; ${page.evidence}`;
  if (missing.length > 0) return { verdict: "not met", evidence: `${evidence}; without ${missing.join(", ")}` };
  return { verdict: page.verdict, evidence };
}

function analysis(record: RunRecord): Finding {
  const findings = analyse(record);
  const open = findings.filter((finding) => !finding.known).map((finding) => finding.topic);
  const evidence = `${plural(findings.length - open.length, "finding")} computed from the run: ${findings
    .filter((finding) => finding.known)
    .map((finding) => `“${finding.topic}”`)
    .join(", ")}`;
  return open.length === 0
    ? { verdict: "met", evidence }
    : { verdict: "not met", evidence: `${evidence}; no data on ${open.map((topic) => `“${topic}”`).join(", ")}` };
}

function working(record: RunRecord): Finding {
  const { acknowledged, consumed, windowsStored, alertsStored } = record.totals;
  const read = Object.values(consumed);
  const met = acknowledged > 0 && read.length > 0 && read.every((rows) => rows > 0) && windowsStored > 0 && alertsStored > 0;
  const reads = Object.entries(consumed).map(([query, rows]) => `${query} read ${whole(rows)}`);
  return {
    verdict: met ? "met" : "not met",
    evidence: [
      `${whole(acknowledged)} acknowledged`,
      ...reads,
      `${plural(windowsStored, "window")} and ${plural(alertsStored, "alert")} stored`,
    ].join(", "),
  };
}
