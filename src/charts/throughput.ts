import type { Figure } from "./figure.ts";
import { limitLine, namesIn, rounded, runTimeAxis, seriesColour, singleView } from "./marks.ts";
import { LIMIT } from "./theme.ts";

/** Messages per second of one flow at one moment. */
export interface ThroughputPoint {
  readonly seconds: number;
  /** "acknowledged by the broker", "read by metrics" … */
  readonly flow: string;
  readonly perSecond: number;
}

/** Messages in and out per second over the run, with the rate that was asked for. */
export function throughputFigure(points: readonly ThroughputPoint[], askedPerSecond: number): Figure {
  const data = points.map((point) => ({ seconds: rounded(point.seconds), flow: point.flow, perSecond: rounded(point.perSecond, 1) }));
  const flows = namesIn(data, "flow");
  const highest = Math.max(askedPerSecond, ...data.map((row) => row.perSecond));
  return {
    name: "throughput",
    description: `Messages per second over the run: ${flows.join(", ")}; ${askedPerSecond} per second were asked for.`,
    data,
    spec: singleView(
      {
        title: "Throughput: messages in and out per second",
        subtitle: "from the totals of neighbouring samples; lines that lie on each other are drawn thick to thin",
      },
      {
        layer: [
          ...flows.map((flow, index) => ({
            data: { values: data.filter((row) => row.flow === flow) },
            mark: { type: "line", strokeWidth: [5, 3, 1.4][index] ?? 1.4 },
            encoding: {
              x: runTimeAxis(),
              y: {
                field: "perSecond",
                type: "quantitative",
                axis: { title: "messages per second", format: ",.0f", tickCount: 6 },
                scale: { domain: [0, highest * 1.15], nice: false },
              },
              color: seriesColour("flow", flows),
            },
          })),
          ...limitLine(askedPerSecond, `asked: ${askedPerSecond.toLocaleString("en-US")}/s`, LIMIT),
        ],
      },
    ),
  };
}
