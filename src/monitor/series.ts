import { mkdir } from "node:fs/promises";
import path from "node:path";
import { writeFileAtomic } from "../base/atomic-file.ts";
import type { PipelineSnapshot } from "./snapshot.ts";

/**
 * The series as a table: one row a snapshot, one column a number. Columns of a query are named `<query>.rowsIn` …, of a process
 * `<process>.cpuPercent` …; empty where a snapshot lacks the value. RFC 4180 with line feeds.
 */
export function seriesToCsv(series: readonly PipelineSnapshot[]): string {
  const rows = series.map(cellsOf);
  const columns = [...new Set(rows.flatMap((row) => [...row.keys()]))];
  const lines = rows.map((row) => columns.map((column) => csvCell(row.get(column))).join(","));
  return `${[columns.map(csvCell).join(","), ...lines].join("\n")}\n`;
}

function cellsOf(snapshot: PipelineSnapshot): Map<string, string | number> {
  const cells = new Map<string, string | number>([
    ["at", new Date(snapshot.atMs).toISOString()],
    ["elapsedMs", Math.round(snapshot.elapsedMs)],
  ]);
  const put = (prefix: string, values: Readonly<Record<string, string | number | null>>): void => {
    for (const [name, value] of Object.entries(values))
      if (value !== null) cells.set(`${prefix}.${name}`, typeof value === "number" ? round(value) : value);
  };
  if (snapshot.producer) put("producer", { ...snapshot.producer });
  for (const { name, lag, batchId, ...numbers } of snapshot.queries)
    put(name, { batchId, ...numbers, lag: Object.values(lag).reduce((sum, behind) => sum + behind, 0) });
  if (snapshot.latency) put("latencyMs", { ...snapshot.latency });
  if (snapshot.recentLatency) put("recentLatencyMs", { ...snapshot.recentLatency });
  if (snapshot.latencyEstimate) put("latencyEstimateMs", { ...snapshot.latencyEstimate });
  for (const { process: name, cpuPercent, rssMb } of snapshot.resources) put(name, { cpuPercent, rssMb });
  return cells;
}

function round(value: number): number {
  return Math.round(value * 1000) / 1000;
}

/** A cell, quoted where it must be. Text that a spreadsheet would run as a formula gets an apostrophe in front. */
export function csvCell(value: string | number | null | undefined): string {
  if (value === undefined || value === null) return "";
  if (typeof value === "number") return String(value);
  const text = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value;
  return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** Writes `series.json` and `series.csv` into a folder, each wholly or not at all; gives their paths. */
export async function writeSeries(folder: string, series: readonly PipelineSnapshot[]): Promise<readonly string[]> {
  await mkdir(folder, { recursive: true });
  const json = path.join(folder, "series.json");
  const csv = path.join(folder, "series.csv");
  await writeFileAtomic(json, `${JSON.stringify(series)}\n`);
  await writeFileAtomic(csv, seriesToCsv(series));
  return [json, csv];
}
