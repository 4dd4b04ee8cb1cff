import type { Figure } from "./figure.ts";
import { namesIn, rounded, runTimeAxis, seriesColour, seriesDash, singleView } from "./marks.ts";

/** How long the last batch of a query took, at one moment. */
export interface BatchDurationPoint {
  readonly seconds: number;
  readonly query: string;
  readonly ms: number;
}

/** Duration of micro-batches over the run, per query. */
export function batchDurationFigure(points: readonly BatchDurationPoint[]): Figure {
  const data = points.map((point) => ({ seconds: rounded(point.seconds), query: point.query, ms: rounded(point.ms, 1) }));
  const queries = namesIn(data, "query");
  return {
    name: "batch-duration",
    description: `Duration of micro-batches in milliseconds over the run: ${queries.join(", ")}.`,
    data,
    spec: singleView(
      { title: "Batch duration: how long a micro-batch took", subtitle: "the last batch before each second" },
      {
        data: { values: data },
        mark: { type: "line", point: { size: 18 } },
        encoding: {
          x: runTimeAxis(),
          y: { field: "ms", type: "quantitative", axis: { title: "batch duration (ms)", tickCount: 6 }, scale: { zero: true } },
          color: seriesColour("query", queries),
          strokeDash: seriesDash("query", queries),
        },
      },
    ),
  };
}
