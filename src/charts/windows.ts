import type { Figure } from "./figure.ts";
import { namesIn, rounded, seriesColour, seriesDash, singleView } from "./marks.ts";

/** One stored window: the mean value of a sensor type from `start` on. */
export interface WindowAverage {
  /** ISO-8601 UTC. */
  readonly start: string;
  readonly sensorType: string;
  readonly avgValue: number;
}

/**
 * avg_value by sensor type over the starts of the stored windows, in order of time (A10's live-metrics). Windows of the same start and type,
 * as of several locations, become one point: their plain mean.
 */
export function windowsFigure(windows: readonly WindowAverage[]): Figure {
  const data = meansOf(windows).sort((a, b) => Date.parse(a.start) - Date.parse(b.start) || (a.sensorType < b.sensorType ? -1 : 1));
  const types = namesIn(data, "sensorType").sort();
  return {
    name: "windows",
    description: `Mean value by sensor type over window starts: ${types.join(", ")}.`,
    data,
    spec: singleView(
      { title: "Stored windows: mean value by sensor type", subtitle: "avg_value of the sliding windows, all locations together" },
      {
        data: { values: data },
        mark: { type: "line", point: { size: 45, filled: true } },
        encoding: {
          x: {
            field: "start",
            type: "temporal",
            scale: { type: "utc" },
            axis: { title: "start of the window (UTC)", format: "%H:%M:%S", labelOverlap: true, tickCount: 8 },
          },
          y: { field: "avgValue", type: "quantitative", axis: { title: "avg_value", tickCount: 6 }, scale: { zero: false, nice: true } },
          color: seriesColour("sensorType", types),
          strokeDash: seriesDash("sensorType", types),
        },
      },
    ),
  };
}

function meansOf(windows: readonly WindowAverage[]): { start: string; sensorType: string; avgValue: number }[] {
  const groups = new Map<string, WindowAverage[]>();
  for (const window of windows) {
    const key = `${Date.parse(window.start)} ${window.sensorType}`;
    const group = groups.get(key);
    if (group) group.push(window);
    else groups.set(key, [window]);
  }
  return [...groups.values()].flatMap((group) => {
    const [first] = group;
    const mean = group.reduce((sum, window) => sum + window.avgValue, 0) / group.length;
    return first ? [{ start: first.start, sensorType: first.sensorType, avgValue: rounded(mean, 2) }] : [];
  });
}
