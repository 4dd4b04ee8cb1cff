import type { Figure, VegaLiteSpec } from "./figure.ts";
import { limitLine, namesIn, rounded, runTimeAxis, seriesColour, seriesDash, singleView } from "./marks.ts";
import { INK, LIMIT } from "./theme.ts";

/** Percentiles of one moment in milliseconds. */
export interface LatencyPoint {
  readonly seconds: number;
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
}

/** The lab's limit on latency, milliseconds (A13). */
export const LATENCY_LIMIT_MS = 1000;

function msAxis(domain: readonly [number, number]): VegaLiteSpec {
  const values = [];
  for (let decade = domain[0]; decade <= domain[1]; decade *= 10) values.push(...[1, 2, 5].map((step) => rounded(step * decade, 4)));
  const shown = values.filter((value) => value >= domain[0] && value <= domain[1]);
  return { title: "event → stored (ms, logarithmic)", format: ",~r", values: shown, grid: true };
}

/** p50, p95 and p99 of event → stored over the run, each of the last seconds before its moment. */
export function latencyFigure(points: readonly LatencyPoint[], recentSeconds: number = 5): Figure {
  const data = points.flatMap((point) =>
    (["p99", "p95", "p50"] as const).map((percentile) => ({
      seconds: rounded(point.seconds),
      percentile,
      ms: Math.max(0.1, rounded(point[percentile])),
    })),
  );
  const percentiles = ["p99", "p95", "p50"];
  const domain = decades(
    data.map((row) => row.ms),
    LATENCY_LIMIT_MS,
  );
  return {
    name: "latency",
    description: "Latency from event to stored document over the run: 50th, 95th and 99th percentile in milliseconds.",
    data,
    spec: singleView(
      {
        title: "Latency: from event to stored document",
        subtitle: `percentiles of the documents written in the ${recentSeconds} seconds before each moment`,
      },
      {
        layer: [
          {
            data: { values: data },
            mark: { type: "line" },
            encoding: {
              x: runTimeAxis(),
              y: {
                field: "ms",
                type: "quantitative",
                axis: msAxis(domain),
                scale: { type: "log", domain, nice: false },
              },
              color: seriesColour("percentile", percentiles),
              strokeDash: seriesDash("percentile", percentiles),
            },
          },
          ...limitLine(LATENCY_LIMIT_MS, "limit of the lab: 1 s", LIMIT),
        ],
      },
    ),
  };
}

/** One step of a cumulative distribution: `share` (0–1) of the events took at most `ms`. */
export interface DistributionPoint {
  /** "measured, per document" … */
  readonly kind: string;
  readonly share: number;
  readonly ms: number;
}

/** A percentile that the distribution marks. */
export interface MarkedPercentile {
  readonly label: string;
  readonly ms: number;
}

/** The cumulative distribution of event → stored, logarithmic, with percentiles marked. */
export function latencyDistributionFigure(points: readonly DistributionPoint[], marked: readonly MarkedPercentile[]): Figure {
  const data = points.map((point) => ({ kind: point.kind, ms: Math.max(0.1, rounded(point.ms)), share: rounded(point.share, 5) }));
  const kinds = namesIn(data, "kind");
  const domain = decades(data.map((row) => row.ms));
  const labels = marked.map((mark, index) => ({
    ms: Math.max(0.1, rounded(mark.ms)),
    label: `${mark.label}: ${formatMs(mark.ms)}`,
    share: 0.06 + 0.09 * index,
  }));
  return {
    name: "latency-distribution",
    description: `Cumulative distribution of the latency from event to stored. ${labels.map((label) => label.label).join(", ")}.`,
    data,
    spec: singleView(
      { title: "Latency distribution: share of events stored within a time", subtitle: "over the whole run" },
      {
        layer: [
          {
            data: { values: data },
            mark: { type: "line" },
            encoding: {
              x: {
                field: "ms",
                type: "quantitative",
                axis: msAxis(domain),
                scale: { type: "log", domain, nice: false, clamp: true },
              },
              y: {
                field: "share",
                type: "quantitative",
                axis: { title: "share of events", format: ".0%", tickCount: 5 },
                scale: { domain: [0, 1] },
              },
              color: seriesColour("kind", kinds),
              strokeDash: seriesDash("kind", kinds),
            },
          },
          {
            data: { values: labels },
            mark: { type: "rule", strokeDash: [3, 3], color: INK, opacity: 0.6 },
            encoding: { x: { field: "ms", type: "quantitative" } },
          },
          ...[{ stroke: "#ffffff", strokeWidth: 5 }, { color: INK }].map((look) => ({
            data: { values: labels },
            mark: { type: "text", align: "left", dx: 6, ...look },
            encoding: {
              x: { field: "ms", type: "quantitative" },
              y: { field: "share", type: "quantitative" },
              text: { field: "label", type: "nominal" },
            },
          })),
        ],
      },
    ),
  };
}

/** The powers of ten around the values, one at least. */
function decades(values: readonly number[], ...alsoShown: readonly number[]): [number, number] {
  const all = [...values, ...alsoShown].filter((value) => value > 0);
  const low = 10 ** Math.floor(Math.log10(Math.min(1, ...all.slice(0, 1), ...all)) + 1e-9);
  const high = 10 ** Math.ceil(Math.log10(Math.max(low * 10, ...all)) - 1e-9);
  return [low, alsoShown.includes(high) ? high * 2 : high];
}

/** "8.1 ms", "34 ms", "1.20 s". */
export function formatMs(ms: number): string {
  if (ms >= 1000) return `${(ms / 1000).toFixed(2)} s`;
  return `${ms < 10 ? ms.toFixed(1) : ms.toFixed(0)} ms`;
}
