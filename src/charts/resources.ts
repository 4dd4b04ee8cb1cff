import type { Figure } from "./figure.ts";
import { namesIn, rounded, runTimeAxis, seriesColour, stackedViews } from "./marks.ts";

/** What one process used at one moment. */
export interface ResourcePoint {
  readonly seconds: number;
  readonly process: string;
  /** Percent of one core. */
  readonly cpuPercent: number;
  readonly rssMb: number;
}

/** CPU and resident memory of every process over the run, stacked. */
export function resourcesFigure(points: readonly ResourcePoint[]): Figure {
  const data = points.map((point) => ({
    seconds: rounded(point.seconds),
    process: point.process,
    cpuPercent: rounded(point.cpuPercent, 1),
    rssMb: rounded(point.rssMb, 1),
  }));
  const processes = namesIn(data, "process");
  const panel = (field: "cpuPercent" | "rssMb", title: string, xTitle: string | null): Record<string, unknown> => ({
    data: { values: data.map((row) => ({ ...row, rank: processes.indexOf(row.process) })) },
    mark: { type: "area", opacity: 0.85, line: false },
    encoding: {
      x: runTimeAxis(xTitle),
      y: { field, type: "quantitative", stack: "zero", axis: { title, tickCount: 5 } },
      color: { ...seriesColour("process", processes), legend: { symbolType: "square" } },
      order: { field: "rank", type: "quantitative" },
    },
  });
  return {
    name: "resources",
    description: `CPU in percent of one core and resident memory in MB over the run, stacked by process: ${processes.join(", ")}.`,
    data,
    spec: stackedViews(
      { title: "Resource use: CPU and memory of every process", subtitle: "stacked; 100 % is one core; memory is the resident set" },
      [panel("cpuPercent", "CPU (% of one core)", null), panel("rssMb", "memory (MB)", "time since the start of the run (s)")],
      130,
    ),
  };
}
