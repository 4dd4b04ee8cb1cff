import type { Figure } from "./figure.ts";
import { namesIn, rounded, runTimeAxis, seriesColour, seriesDash, stackedViews } from "./marks.ts";

/** Where a query stood at one moment. */
export interface StatePoint {
  readonly seconds: number;
  readonly query: string;
  readonly stateRows: number;
  /** How far the watermark is behind the present, seconds; null without one. */
  readonly watermarkLagSeconds: number | null;
  /** Messages between the query and the end of the log. */
  readonly lag: number;
}

/** Rows kept in state, the watermark's distance from the present, and the messages still unread, per query. */
export function stateFigure(points: readonly StatePoint[]): Figure {
  const data = points.map((point) => ({
    seconds: rounded(point.seconds),
    query: point.query,
    stateRows: point.stateRows,
    watermarkLagSeconds: point.watermarkLagSeconds === null ? null : rounded(point.watermarkLagSeconds),
    lag: point.lag,
  }));
  const queries = namesIn(data, "query");
  const panel = (field: string, title: string, xTitle: string | null): Record<string, unknown> => ({
    data: { values: data.filter((row) => row[field as keyof typeof row] !== null) },
    mark: { type: "line", interpolate: field === "stateRows" ? "step-after" : "linear" },
    encoding: {
      x: runTimeAxis(xTitle),
      y: { field, type: "quantitative", axis: { title, tickCount: 4, tickMinStep: 1, format: ",.0f" }, scale: { zero: true } },
      color: seriesColour("query", queries),
      strokeDash: seriesDash("query", queries),
    },
  });
  return {
    name: "state",
    description: `State rows, distance of the watermark from the present and unread messages over the run: ${queries.join(", ")}.`,
    data,
    spec: stackedViews(
      {
        title: "Inside the queries: state, watermark and unread messages",
        subtitle: "the watermark lag is the distance of the watermark from the present",
      },
      [
        panel("stateRows", "state rows", null),
        panel("watermarkLagSeconds", "watermark lag (s)", null),
        panel("lag", "unread messages", "time since the start of the run (s)"),
      ],
      95,
    ),
  };
}
