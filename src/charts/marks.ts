import { FIGURE_HEIGHT, FIGURE_WIDTH, CHART_CONFIG, SERIES_COLOURS, SERIES_DASHES } from "./theme.ts";
import type { DataRow, VegaLiteSpec } from "./figure.ts";

const SCHEMA = "https://vega.github.io/schema/vega-lite/v5.json";

/** What every figure says above its marks. */
export interface Heading {
  readonly title: string;
  readonly subtitle?: string;
}

/** A whole specification around the marks of a single view, exactly as large as asked. */
export function singleView(heading: Heading, marks: VegaLiteSpec, height: number = FIGURE_HEIGHT): VegaLiteSpec {
  return {
    $schema: SCHEMA,
    title: titleOf(heading),
    width: FIGURE_WIDTH,
    height,
    autosize: { type: "fit", contains: "padding" },
    config: CHART_CONFIG,
    ...marks,
  };
}

/** A whole specification around views that stand under each other and share the x axis. `height` is of each view's plotting area. */
export function stackedViews(heading: Heading, views: readonly VegaLiteSpec[], height: number): VegaLiteSpec {
  return {
    $schema: SCHEMA,
    title: { ...titleOf(heading), anchor: "start", frame: "bounds" },
    config: CHART_CONFIG,
    spacing: 14,
    resolve: { scale: { color: "shared", x: "shared" }, legend: { color: "shared" } },
    vconcat: views.map((view) => ({ width: FIGURE_WIDTH - 98, height, ...view })),
  };
}

function titleOf(heading: Heading): Record<string, unknown> {
  return heading.subtitle === undefined ? { text: heading.title } : { text: heading.title, subtitle: heading.subtitle };
}

/** Colour by a series, in a fixed order of names. */
export function seriesColour(field: string, names: readonly string[]): VegaLiteSpec {
  return {
    field,
    type: "nominal",
    scale: { domain: names, range: names.map((_, index) => SERIES_COLOURS[index % SERIES_COLOURS.length]) },
  };
}

/** Dashes by the same series; the legend is the colour's. */
export function seriesDash(field: string, names: readonly string[]): VegaLiteSpec {
  return { field, type: "nominal", scale: { domain: names, range: names.map((_, index) => SERIES_DASHES[index % SERIES_DASHES.length]) } };
}

/** Seconds of the run along the x axis. */
export function runTimeAxis(title: string | null = "time since the start of the run (s)"): VegaLiteSpec {
  return {
    field: "seconds",
    type: "quantitative",
    axis: title === null ? { title, labels: false, tickMinStep: 1 } : { title, tickMinStep: 1 },
    scale: { nice: false, zero: true },
  };
}

/** A dashed line at a value with its name at the right end. */
export function limitLine(value: number, label: string, colour: string): VegaLiteSpec[] {
  return [
    {
      data: { values: [{ limit: value }] },
      mark: { type: "rule", strokeDash: [6, 4], color: colour },
      encoding: { y: { field: "limit", type: "quantitative" } },
    },
    {
      data: { values: [{ limit: value, label }] },
      mark: { type: "text", align: "right", baseline: "bottom", dy: -4, color: colour, fontSize: 12 },
      encoding: { y: { field: "limit", type: "quantitative" }, x: { value: "width" }, text: { field: "label", type: "nominal" } },
    },
  ];
}

/** The different values of a column, in the order of their first appearance. */
export function namesIn(rows: readonly DataRow[], column: string): string[] {
  return [...new Set(rows.map((row) => String(row[column])))];
}

/** Rounded so that data files and pictures carry no noise. */
export function rounded(value: number, digits: number = 3): number {
  const scale = 10 ** digits;
  return Math.round(value * scale) / scale + 0;
}
