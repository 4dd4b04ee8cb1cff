import type { PipelineSnapshot } from "../../monitor/snapshot.ts";
import type { IotEvidence } from "./evidence.ts";
import { IOT } from "./names.ts";
import type { Produced } from "./producing.ts";

/** The stages of the lab's document, in its order. */
export type IotStage = "infrastructure" | "generator" | "processing" | "storage" | "visualisation" | "monitoring";

/** What a stage found out about itself: a sentence that can be true or false, and what was seen. */
export interface StageCheck {
  readonly stage: IotStage;
  readonly name: string;
  readonly passed: boolean;
  readonly evidence: string;
}

/** What a run knows about itself besides the evidence. */
export interface IotRunFacts {
  readonly rate: number;
  readonly produced: Produced | null;
  readonly drained: boolean;
  readonly failures: readonly string[];
  readonly restarts: Readonly<Record<string, number>>;
  /** Rows read by each query. */
  readonly rowsRead: Readonly<Record<string, number>>;
  readonly lateRows: number;
  readonly deadLetters: number;
  readonly series: readonly PipelineSnapshot[];
  readonly storedLatencies: number;
}

/** Every stage's own check. A spoilt run passes them as well: what is late or poison must then be accounted for. */
export function stageChecks(facts: IotRunFacts, evidence: IotEvidence): StageCheck[] {
  const { recount } = evidence;
  const acknowledged = facts.produced?.totals.acknowledged ?? 0;
  const inLog = evidence.partitions.reduce((sum, { earliest, latest }) => sum + latest - earliest, 0);
  const restarted = Object.entries(facts.restarts).filter(([, times]) => times > 0);
  const checks: StageCheck[] = [];
  const check = (stage: IotStage, name: string, passed: boolean, seen: string): void =>
    void checks.push({ stage, name, passed, evidence: seen });

  check(
    "infrastructure",
    `the topic has ${IOT.partitions} partitions`,
    evidence.partitions.length === IOT.partitions,
    evidence.partitions.map(({ partition, earliest, latest }) => `${partition}: ${earliest}–${latest}`).join(", "),
  );
  check(
    "infrastructure",
    "no part of the pipeline had to be started again",
    restarted.length === 0,
    restarted.length === 0 ? "no restarts" : restarted.map(([name, times]) => `${name} ${times}×`).join(", "),
  );
  check(
    "generator",
    "every message that was sent was acknowledged",
    facts.produced !== null && facts.produced.totals.failed === 0 && acknowledged > 0,
    `${facts.produced?.totals.sent ?? 0} sent, ${acknowledged} acknowledged, ${facts.produced?.totals.failed ?? 0} failed`,
  );
  check(
    "generator",
    "the log holds exactly the acknowledged messages",
    inLog === acknowledged,
    `${inLog} in the log, ${acknowledged} acknowledged`,
  );
  check(
    "generator",
    "the asked rate was held within 1 %",
    facts.produced !== null && Math.abs(facts.produced.totals.perSecond / facts.rate - 1) <= 0.01,
    `${facts.produced?.totals.perSecond.toFixed(1) ?? 0}/s of ${facts.rate}/s`,
  );
  check(
    "processing",
    "both queries ran to the end of the topic",
    facts.drained && facts.failures.length === 0,
    facts.failures.join("; ") || (facts.drained ? "lag 0" : "lag left"),
  );
  for (const [query, rows] of Object.entries(facts.rowsRead)) {
    check("processing", `${query} read every message`, rows >= inLog, `${rows} rows read, ${inLog} in the log`);
  }
  check(
    "processing",
    "what is no reading is among the dead letters",
    facts.deadLetters >= recount.malformed && (recount.malformed > 0 || facts.deadLetters === 0),
    `${facts.deadLetters} dead letters, ${recount.malformed} malformed messages in the topic`,
  );
  check(
    "storage",
    "the stored windows equal a plain recount of the topic",
    facts.lateRows === 0 ? evidence.differences.length === 0 : onlyLateDiffer(evidence),
    evidence.differences.length === 0
      ? `${evidence.windows.length} windows, ${recount.readings} readings, no difference`
      : `${evidence.differences.length} differ, first ${evidence.differences[0]}; ${facts.lateRows} late rows`,
  );
  check(
    "storage",
    "one alert is stored for each anomaly",
    evidence.alerts === recount.anomalies,
    `${evidence.alerts} alerts, ${recount.anomalies} anomalies in the topic`,
  );
  check(
    "storage",
    "indexes serve the dashboard's reads",
    evidence.indexes.metrics !== null && evidence.indexes.alerts !== null,
    `sensor_metrics: ${evidence.indexes.metrics ?? "scan"}, anomaly_alerts: ${evidence.indexes.alerts ?? "scan"}`,
  );
  if (evidence.dashboard) {
    const { pageTitle, graphs, frame, problem } = evidence.dashboard;
    check(
      "visualisation",
      "the dashboard serves its page with both graphs",
      graphs.length === 2,
      problem ?? `"${pageTitle}": ${graphs.join(", ")}`,
    );
    check(
      "visualisation",
      "the dashboard's stream sends stored data",
      frame !== null && frame.includes("temperature"),
      frame ? `${frame.length} characters` : (problem ?? "no frame"),
    );
  } else check("visualisation", "a dashboard ran", false, "none was asked for");
  check("monitoring", "throughput was sampled each second", facts.series.length >= 2, `${facts.series.length} samples`);
  check("monitoring", "event → stored was measured document by document", facts.storedLatencies > 0, `${facts.storedLatencies} documents`);
  const processes = new Set(facts.series.flatMap(({ resources }) => resources.map(({ process }) => process)));
  check("monitoring", "every process's resources were sampled", processes.size >= 5, [...processes].join(", "));
  return checks;
}

/** Late rows make stored windows smaller, never larger or unknown. */
function onlyLateDiffer(evidence: IotEvidence): boolean {
  return evidence.windows.every(({ window, sensor_type, location, message_count }) => {
    const recounted = evidence.recount.windows.get(`${window.start.getTime()}|${sensor_type}|${location}`);
    return recounted !== undefined && message_count <= recounted.count;
  });
}
