// @ts-check
import { byId, setText } from "./dom.js";
import { clockTime, localText } from "./format.js";
import { keepLegend } from "./legend.js";
import { color, plain, plotConfig, plotLayout } from "./theme.js";

/** @typedef {import("../feed-rows.ts").AlertRow} AlertRow */

const LEVELS = /** @type {const} */ (["CRITICAL", "WARNING", "INFO"]);
const CLASSES = { CRITICAL: "critical", WARNING: "warning", INFO: "info" };
const SHAPES = /** @type {const} */ ({ CRITICAL: "triangle", WARNING: "diamond", INFO: "square" });

/** @param {string} alertType @returns {typeof LEVELS[number]} */
export function levelOf(alertType) {
  return LEVELS.find((level) => level === alertType) ?? "INFO";
}

/**
 * Graph `anomaly-chart` (A10): a bar per alert, x = event time, y = value, coloured by alert type, the last 50.
 * Traps: without a width Plotly makes bars as wide as the least distance between two timestamps, which is a millisecond and invisible;
 * and px.bar stacks bars of one timestamp, so that values add up beyond 100. Here the width is the mean distance, and bars lie over one
 * another, the taller kind behind.
 * @param {any} plotly
 */
export function keepAlertsChart(plotly) {
  const graph = byId("anomaly-chart");
  const empty = byId("anomaly-chart-empty");
  const note = byId("anomaly-chart-note");
  /** @type {readonly AlertRow[]} */
  let rows = [];
  const legend = keepLegend(byId("anomaly-chart-legend"), () => draw());
  legend.update(LEVELS.map((level) => ({ key: level, label: level, className: CLASSES[level], shape: SHAPES[level] })));

  function draw() {
    setText(empty, "No alerts yet: waiting for the first anomaly");
    empty.hidden = rows.length > 0;
    if (rows.length === 0) return plotly.purge(graph);
    const times = rows.map((row) => row.timestampMs);
    const first = Math.min(...times);
    const last = Math.max(...times);
    const width = barWidth(first, last, rows.length);
    const layout = plotLayout(graph);
    const xaxis = {
      ...layout.xaxis,
      range: [localText(first - width), localText(last + width)],
      tickformat: last - first < 10_000 ? "%H:%M:%S.%L" : "%H:%M:%S",
      nticks: graph.clientWidth < 420 ? 3 : 5,
    };
    const yaxis = { ...layout.yaxis, rangemode: "tozero" };
    const counts = LEVELS.map((level) => `${rows.filter((row) => levelOf(row.alertType) === level).length} ${level.toLowerCase()}`);
    setText(note, `Last ${rows.length}: ${counts.join(", ")}; newest ${clockTime(last)}`);
    return plotly.react(
      graph,
      LEVELS.map((level) => trace(level, rows, width, legend.hidden.has(level))),
      { ...layout, xaxis, yaxis, barmode: "overlay" },
      plotConfig,
    );
  }

  return {
    /** @param {readonly AlertRow[]} next */
    update: (next) => {
      rows = next;
      return draw();
    },
    redraw: draw,
  };
}

/** Milliseconds. @param {number} first @param {number} last @param {number} bars */
function barWidth(first, last, bars) {
  return Math.max(1, ((last - first) / Math.max(1, bars)) * 0.7);
}

/** @param {typeof LEVELS[number]} level @param {readonly AlertRow[]} rows @param {number} width @param {boolean} isHidden */
function trace(level, rows, width, isHidden) {
  const own = rows.filter((row) => levelOf(row.alertType) === level);
  return {
    type: "bar",
    name: level,
    visible: !isHidden,
    x: own.map((row) => localText(row.timestampMs)),
    y: own.map((row) => row.value),
    width,
    marker: { color: color(CLASSES[level]), line: { width: 0 } },
    hoverinfo: "text",
    hovertext: own.map(hover),
  };
}

/** @param {AlertRow} row */
function hover(row) {
  return [
    `${plain(row.alertType)}  ${row.value.toFixed(2)}`,
    `${plain(row.sensorId)}, ${plain(row.sensorType)}`,
    plain(row.location),
    localText(row.timestampMs).slice(11),
  ].join("<br>");
}
