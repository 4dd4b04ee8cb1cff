import { createRequire } from "node:module";
import path from "node:path";

/** Okabe and Ito's palette, told apart by every kind of colour vision; black and yellow left out, which are weak on white. */
export const PALETTE = {
  blue: "#0072b2",
  orange: "#d55e00",
  green: "#009e73",
  sky: "#56b4e9",
  pink: "#cc79a7",
  amber: "#e69f00",
  grey: "#6b7280",
} as const;

/** Colours for series without a meaning of their own, in order. */
export const SERIES_COLOURS: readonly string[] = [
  PALETTE.blue,
  PALETTE.orange,
  PALETTE.green,
  PALETTE.pink,
  PALETTE.sky,
  PALETTE.amber,
  PALETTE.grey,
];

/** Dashes beside the colours, so that lines are told apart in print as well. */
export const SERIES_DASHES: readonly (readonly number[])[] = [
  [1, 0],
  [8, 3],
  [3, 3],
  [10, 3, 2, 3],
  [1, 0],
  [8, 3],
  [3, 3],
];

export const INK = "#1f2937";
export const MUTED_INK = "#4b5563";
export const GRID = "#e5e7eb";
export const LIMIT = "#991b1b";

/** The family that PNGs are drawn with; browsers fall back to what looks alike. */
export const FONT = "DejaVu Sans, Verdana, Geneva, sans-serif";

/** Font files that ship with the product: PNGs never depend on what a machine has installed. */
export function fontFiles(): readonly string[] {
  const folder = path.join(path.dirname(createRequire(import.meta.url).resolve("dejavu-fonts-ttf/package.json")), "ttf");
  return [path.join(folder, "DejaVuSans.ttf"), path.join(folder, "DejaVuSans-Bold.ttf")];
}

/** Figures are this large unless they say otherwise; PNGs have twice as many pixels. */
export const FIGURE_WIDTH = 800;
export const FIGURE_HEIGHT = 400;

/** vega-lite's `config` for every figure. */
export const CHART_CONFIG: Readonly<Record<string, unknown>> = {
  background: "#ffffff",
  font: FONT,
  padding: 12,
  aria: false,
  title: {
    anchor: "start",
    fontSize: 16,
    fontWeight: "bold",
    color: INK,
    subtitleFontSize: 12,
    subtitleColor: MUTED_INK,
    subtitlePadding: 5,
    offset: 14,
  },
  axis: {
    labelFontSize: 12,
    titleFontSize: 12,
    titleFontWeight: "normal",
    labelColor: MUTED_INK,
    titleColor: INK,
    gridColor: GRID,
    domainColor: "#9ca3af",
    tickColor: "#9ca3af",
    titlePadding: 10,
    labelPadding: 4,
    labelFlush: false,
  },
  axisX: { grid: false },
  axisY: { domain: false, ticks: false },
  legend: {
    orient: "bottom",
    direction: "horizontal",
    labelFontSize: 12,
    title: null,
    symbolSize: 140,
    symbolType: "stroke",
    symbolStrokeWidth: 2.5,
    labelLimit: 260,
    columnPadding: 24,
    labelColor: INK,
  },
  view: { stroke: null },
  line: { strokeWidth: 2.2, strokeJoin: "round" },
  rule: { strokeWidth: 1.5 },
  text: { fontSize: 12, color: INK },
};
