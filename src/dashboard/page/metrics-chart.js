// @ts-check
import { byId, element, setText } from "./dom.js";
import { clockTime, localText } from "./format.js";
import { keepLegend } from "./legend.js";
import { color, plain, plotConfig, plotLayout } from "./theme.js";

/**
 * @typedef {import("../feed-rows.ts").MetricRow} MetricRow
 * @typedef {{ startMs: number, endMs: number, mean: number, min: number, max: number, count: number, parts: MetricRow[] }} Point
 */

const LIMIT = 100;
const SHAPES = /** @type {const} */ (["circle", "square", "diamond", "triangle"]);
const KNOWN = ["temperature", "humidity", "pressure", "vibration"];
const ALL = "";

/**
 * Graph `live-metrics` (A10): x = window start, y = average, one line per sensor type, the last 100 windows.
 * Trap: the lab's px.line(x, y, color=sensor_type) joins the four locations of one window start by vertical strokes, a zigzag, and in the
 * order of writing, not of time. Here a type's points are the means over its locations, weighted by message count (which is the mean of
 * the type's readings), sorted by start; a location can be chosen instead. When the 100 rows are full, the oldest start
 * may lack locations and is left out.
 * @param {any} plotly
 */
export function keepMetricsChart(plotly) {
  const graph = byId("live-metrics");
  const empty = byId("live-metrics-empty");
  const note = byId("live-metrics-note");
  const location = /** @type {HTMLSelectElement} */ (byId("location"));
  /** @type {readonly MetricRow[]} */
  let rows = [];
  const draw = () => drawRows(rows);
  const legend = keepLegend(byId("live-metrics-legend"), draw);
  location.addEventListener("change", draw);
  offerLocations(location, rows);

  /** @param {readonly MetricRow[]} all */
  function drawRows(all) {
    const chosen = location.value === ALL ? all : all.filter((row) => row.location === location.value);
    const types = sensorTypes(all);
    legend.update(
      types.map((type, i) => ({
        key: type,
        label: type || "(no type)",
        className: `series-${(i % 6) + 1}`,
        shape: SHAPES[i % 4] ?? "circle",
      })),
    );
    setText(empty, "No windows yet: waiting for the first batch");
    empty.hidden = all.length > 0;
    if (all.length === 0) return plotly.purge(graph);
    const cut = all.length >= LIMIT ? oldestStart(all) : -Infinity;
    const traces = types.map((type, i) => trace(type, i, points(chosen, type, cut), legend.hidden.has(type)));
    const newest = all[0];
    setText(
      note,
      newest
        ? `Mean over ${location.value === ALL ? "all locations, weighted by messages" : location.value}; newest window ${clockTime(newest.windowStartMs)}–${clockTime(newest.windowEndMs)}`
        : "",
    );
    return plotly.react(graph, traces, plotLayout(graph), plotConfig);
  }

  return {
    /** @param {readonly MetricRow[]} next */
    update: (next) => {
      rows = next;
      offerLocations(location, rows);
      return draw();
    },
    redraw: draw,
  };
}

/** @param {HTMLSelectElement} select @param {readonly MetricRow[]} rows */
function offerLocations(select, rows) {
  const names = [...new Set(rows.map((row) => row.location))].filter((name) => name !== ALL).sort();
  const wanted = [ALL, ...names];
  const present = [...select.options].map((option) => option.value);
  if (wanted.length === present.length && wanted.every((name, i) => name === present[i])) return;
  const chosen = select.value;
  select.replaceChildren(
    ...wanted.map((name) => {
      const option = /** @type {HTMLOptionElement} */ (element("option", "", name === ALL ? "All locations" : name));
      option.value = name;
      return option;
    }),
  );
  select.value = wanted.includes(chosen) ? chosen : ALL;
}

/** The lab's four in fixed order and colour, others after them. @param {readonly MetricRow[]} rows */
function sensorTypes(rows) {
  const found = new Set(rows.map((row) => row.sensorType));
  return [...KNOWN, ...[...found].filter((type) => !KNOWN.includes(type)).sort()].filter((type) => KNOWN.includes(type) || found.has(type));
}

/** @param {readonly MetricRow[]} rows */
function oldestStart(rows) {
  const starts = new Set(rows.map((row) => row.windowStartMs));
  return starts.size > 1 ? Math.min(...starts) : -Infinity;
}

/** @param {readonly MetricRow[]} rows @param {string} type @param {number} cut @returns {Point[]} */
function points(rows, type, cut) {
  /** @type {Map<number, MetricRow[]>} */
  const byStart = new Map();
  for (const row of rows) {
    if (row.sensorType !== type || row.windowStartMs <= cut) continue;
    const parts = byStart.get(row.windowStartMs);
    if (parts) parts.push(row);
    else byStart.set(row.windowStartMs, [row]);
  }
  return [...byStart]
    .sort(([a], [b]) => a - b)
    .map(([startMs, parts]) => {
      const count = parts.reduce((sum, part) => sum + part.count, 0);
      const weight = (/** @type {MetricRow} */ part) => (count > 0 ? part.count / count : 1 / parts.length);
      return {
        startMs,
        endMs: Math.max(...parts.map((part) => part.windowEndMs)),
        mean: parts.reduce((sum, part) => sum + part.avg * weight(part), 0),
        min: Math.min(...parts.map((part) => part.min)),
        max: Math.max(...parts.map((part) => part.max)),
        count,
        parts,
      };
    });
}

/** @param {string} type @param {number} i @param {readonly Point[]} series @param {boolean} isHidden */
function trace(type, i, series, isHidden) {
  const tone = color(`series-${(i % 6) + 1}`);
  return {
    type: "scatter",
    mode: "lines+markers",
    name: plain(type),
    visible: !isHidden,
    x: series.map((point) => localText(point.startMs)),
    y: series.map((point) => point.mean),
    line: { color: tone, width: 2, shape: "linear" },
    marker: { color: tone, size: 7, symbol: ["circle", "square", "diamond", "triangle-up"][i % 4] },
    hoverinfo: "text",
    text: series.map((point) => hover(type, point)),
  };
}

/** @param {string} type @param {Point} point */
function hover(type, point) {
  const lines = [
    `${plain(type)}  ${clockTime(point.startMs)}–${clockTime(point.endMs)}`,
    `mean ${point.mean.toFixed(2)}   min ${point.min.toFixed(2)}   max ${point.max.toFixed(2)}`,
    `${point.count} messages`,
    ...point.parts.slice(0, 6).map((part) => `${plain(part.location)}: ${part.avg.toFixed(2)} (${part.count})`),
  ];
  return lines.join("<br>");
}
