import { readdir, readFile, stat } from "node:fs/promises";
import path from "node:path";
import type { BrokerReport } from "./broker.ts";
import type { DocserverReport } from "./docserver.ts";
import { DRAIN_QUERIES } from "./drain-queries.ts";
import type { DrainReport } from "./drain.ts";
import type { LogFigures } from "./growth-log.ts";
import type { GrowthFigures, OverlapFigures, RestartFigures } from "./growth-run.ts";
import type { LatencyReport } from "./latency.ts";
import type { Machine } from "./machine.ts";
import type { StartReport } from "./start.ts";

/** What the benchmark of growth writes. */
export interface GrowthReport {
  readonly benchmark: "growth";
  readonly machine: Machine;
  readonly figures: readonly (GrowthFigures & RestartFigures)[];
  readonly overlapped: readonly OverlapFigures[];
  readonly drained: readonly LogFigures[];
}

/** A report on the development broker, and one on a real Kafka that was started here. */
export interface OnBoth<T> {
  readonly embedded?: T | undefined;
  readonly jvm?: T | undefined;
}

/** The newest sound report of each benchmark. */
export interface PerformanceFigures {
  readonly drain: OnBoth<DrainReport>;
  readonly latency: OnBoth<LatencyReport>;
  readonly broker: OnBoth<BrokerReport>;
  readonly docserver?: DocserverReport | undefined;
  readonly start?: StartReport | undefined;
  readonly growth?: GrowthReport | undefined;
}

type AnyReport = { readonly benchmark: string; readonly time?: string; readonly broker?: string; readonly server?: string };

/** A report and when it was made, milliseconds since the epoch. */
export interface Dated {
  readonly report: AnyReport;
  readonly atMs: number;
}

/** Reads all reports of a folder; files that are none are passed over. */
export async function readReports(folder: string): Promise<Dated[]> {
  const found: Dated[] = [];
  for (const name of await readdir(folder).catch(() => [])) {
    if (!name.endsWith(".json")) continue;
    const file = path.join(folder, name);
    try {
      const report = JSON.parse(await readFile(file, "utf8")) as AnyReport;
      if (typeof report.benchmark === "string") found.push({ report, atMs: Date.parse(report.time ?? "") || (await stat(file)).mtimeMs });
    } catch {
      continue;
    }
  }
  return found;
}

/** Of each benchmark, and of each kind of broker, the newest report in which everything adds up. */
export function newestFigures(reports: readonly Dated[]): PerformanceFigures {
  const sound = reports.filter(({ report }) => isSound(report)).sort((a, b) => b.atMs - a.atMs);
  const newest = <T>(benchmark: string, where: (report: AnyReport) => boolean): T | undefined =>
    sound.find(({ report }) => report.benchmark === benchmark && where(report))?.report as T | undefined;
  const onBoth = <T>(benchmark: string): OnBoth<T> => ({
    embedded: newest<T>(benchmark, ({ broker }) => broker?.includes("(embedded") ?? false),
    jvm: newest<T>(benchmark, ({ broker }) => broker?.startsWith("Apache Kafka") ?? false),
  });
  return {
    drain: onBoth("drain"),
    latency: onBoth("latency"),
    broker: onBoth("broker"),
    docserver: newest("docserver", ({ server }) => server?.includes("(embedded") ?? false),
    start: newest("start", ({ broker }) => broker?.includes("(embedded") ?? false),
    growth: newest("growth", () => true),
  };
}

/** Whether a report has all parts that the page shows, and nothing in it does not add up. */
export function isSound(report: object): boolean {
  const { benchmark, faults, queries, drained, sink, cases } = report as {
    benchmark?: string;
    faults?: readonly string[];
    queries?: readonly { readonly faults: readonly string[] }[];
    drained?: readonly LogFigures[];
    sink?: string;
    cases?: readonly { readonly together: boolean }[];
  };
  if (benchmark === "drain" && (sink !== "kafka" || queries?.length !== DRAIN_QUERIES.length)) return false;
  if (benchmark === "latency" && cases?.filter(({ together }) => !together).length !== LATENCY_CASES) return false;
  if (drained?.some(({ counted, expected }) => counted !== expected)) return false;
  return (faults ?? []).length === 0 && (queries ?? []).every((one) => one.faults.length === 0);
}

/** Two queries, to two places, at two rates. */
const LATENCY_CASES = 8;
