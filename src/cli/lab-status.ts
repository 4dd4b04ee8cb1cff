import type { PipelineSnapshot, QuerySnapshot } from "../monitor/snapshot.ts";

/** What the live status shows beside the monitor's snapshot. */
export interface LabStatus {
  /** What the lab does just now: "producing", "draining". */
  readonly phase: string;
  readonly dashboardUrl: string | null;
  readonly elapsedSeconds: number;
  /** Seconds of producing asked for. */
  readonly totalSeconds: number;
  readonly snapshot: PipelineSnapshot;
}

const number = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 });

/** The live status as lines of at most `width` characters. */
export function statusLines(status: LabStatus, width: number): string[] {
  const { snapshot } = status;
  const rows: [string, string][] = [
    ["dashboard", status.dashboardUrl ?? "none"],
    ...snapshot.services
      .filter(({ name }) => name !== "dashboard")
      .map(({ name, address, state }): [string, string] => [name, `${state} ${address}`]),
    [
      "rate in",
      snapshot.producer
        ? `${number.format(snapshot.producer.perSecond)} of ${number.format(snapshot.producer.askedPerSecond)} messages/s, ${number.format(snapshot.producer.acknowledged)} acknowledged`
        : "waiting for the generator",
    ],
    ...snapshot.queries.map((query): [string, string] => [query.name, queryText(query)]),
    ["latency", latencyText(snapshot)],
    [
      "memory",
      `${number.format(snapshot.resources.reduce((sum, { rssMb }) => sum + rssMb, 0))} MB in ${snapshot.resources.length} processes`,
    ],
  ];
  const lines = rows.map(([label, text]) => `  ${label.padEnd(16)} ${text}`);
  return [...lines, `  ${progressBar(status, Math.min(width - 4, 76))}`].map((line) => line.slice(0, width));
}

/** The same on one line, for output that is no terminal. */
export function statusLine({ phase, elapsedSeconds, totalSeconds, snapshot }: LabStatus): string {
  const produced = snapshot.producer ? `in ${number.format(snapshot.producer.perSecond)}/s` : "in –";
  const read = snapshot.queries.map((query) => `${query.name} ${number.format(query.rowsPerSecond)}/s lag ${number.format(lagOf(query))}`);
  return [`${phase} ${Math.round(elapsedSeconds)}/${totalSeconds} s`, produced, ...read, `latency ${latencyText(snapshot)}`].join(" · ");
}

function queryText(query: QuerySnapshot): string {
  return `${number.format(query.rowsPerSecond)} rows/s, lag ${number.format(lagOf(query))}, batch ${query.batchId} took ${number.format(query.batchDurationMs)} ms`;
}

function lagOf(query: QuerySnapshot): number {
  return Object.values(query.lag).reduce((sum, lag) => sum + lag, 0);
}

function latencyText({ latency }: PipelineSnapshot): string {
  if (!latency) return "waiting for the first stored alert";
  const ms = (value: number): string => (value < 10 ? value.toFixed(1) : number.format(value));
  return `event → stored p50 ${ms(latency.p50)} · p95 ${ms(latency.p95)} · p99 ${ms(latency.p99)} ms`;
}

function progressBar(status: LabStatus, width: number): string {
  const share = Math.min(1, status.elapsedSeconds / status.totalSeconds);
  const left = Math.max(0, Math.ceil(status.totalSeconds - status.elapsedSeconds));
  const text = ` ${status.phase}, ${left} s left`;
  const cells = Math.max(10, width - text.length - 2);
  const filled = Math.round(share * cells);
  return `[${"█".repeat(filled)}${"░".repeat(cells - filled)}]${text}`;
}
