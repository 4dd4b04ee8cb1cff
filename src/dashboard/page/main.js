// @ts-check
import { keepAlertsChart } from "./alerts-chart.js";
import { paint, watchArrivals } from "./arrival.js";
import { byId, setText } from "./dom.js";
import { clockTime } from "./format.js";
import { keepMetricsChart } from "./metrics-chart.js";
import { keepTables, keepTrends } from "./monitoring.js";
import { openStream } from "./stream.js";
import { onThemeChange } from "./theme.js";
import { keepTiles } from "./tiles.js";

/** @typedef {import("./stream.js").Frame} Frame */

const TRENDS = 180;
const STALE_MS = 5_000;
/** The graphs, once their library is there: ten megabytes, for which nothing else waits. @type {undefined | { metrics: ReturnType<typeof keepMetricsChart>, alerts: ReturnType<typeof keepAlertsChart> }} */
let charts;
const tiles = keepTiles(byId("tiles"));
const drawTrends = keepTrends();
const tables = keepTables();
const arrivals = watchArrivals();
const refresh = /** @type {HTMLSelectElement} */ (byId("refresh"));

/** What the server has said; `changed` names what is not on the screen yet. */
const state = {
  /** @type {import("./stream.js").MetricRow[]} */ metrics: [],
  /** @type {import("./stream.js").AlertRow[]} */ alerts: [],
  /** @type {import("./stream.js").PipelineSnapshot | null} */ snapshot: null,
  /** @type {import("./stream.js").Database | null} */ database: null,
  /** @type {import("./stream.js").TrendPoint[]} */ points: [],
  /** @type {Set<string>} */ changed: new Set(["metrics", "alerts", "snapshot", "database"]),
  /** @type {number[]} */ fresh: [],
  /** The server's clock minus this page's. */ skewMs: 0,
  connected: false,
  /** @type {number | null} */ lostMs: null,
  /** @type {number | null} */ heardMs: null,
};

/** @param {Frame} frame @param {boolean} first */
function take(frame, first) {
  state.skewMs = frame.atMs - Date.now();
  state.heardMs = frame.atMs;
  if (frame.metrics) state.metrics = frame.metrics;
  if (frame.alerts) {
    const fresh = arrivals.note(frame.alerts, !first && charts !== undefined && !document.hidden);
    state.fresh.push(...fresh);
    state.alerts = frame.alerts;
  }
  if (frame.snapshot !== undefined) state.snapshot = frame.snapshot;
  if (frame.database) state.database = frame.database;
  if (frame.points) state.points = (first ? frame.points : [...state.points, ...frame.points]).slice(-TRENDS);
  for (const name of Object.keys(frame)) state.changed.add(name);
  schedule();
}

let drawnMs = -Infinity;
let drawing = false;
/** @type {number | undefined} */
let timer;

/** Draws at the chosen pace: at once, or when the second or the five are over. */
function schedule() {
  if (drawing || timer !== undefined || document.hidden) return;
  const wait = Number(refresh.value) - (performance.now() - drawnMs);
  if (wait <= 0) void draw();
  else {
    timer = setTimeout(() => {
      timer = undefined;
      void draw();
    }, wait);
  }
}

async function draw() {
  drawing = true;
  drawnMs = performance.now();
  const changed = new Set(state.changed);
  const fresh = state.fresh.splice(0);
  state.changed.clear();
  if (changed.has("alerts")) tables.alerts(state.alerts);
  if (charts && changed.has("metrics")) await charts.metrics.update(state.metrics);
  if (charts && changed.has("alerts")) await charts.alerts.update(state.alerts);
  if (changed.has("snapshot") || changed.has("database")) {
    tiles.snapshot(state.snapshot);
    tables.snapshot(state.snapshot, state.database);
    drawTrends(state.points);
  }
  showConnection();
  await paint();
  arrivals.painted(fresh);
  tiles.arrival(arrivals.summary());
  if (charts && state.heardMs !== null) document.documentElement.dataset.painted = String(state.heardMs);
  drawing = false;
  if (state.changed.size > 0) schedule();
}

/** Live, or since when what is shown is no longer true, and why. */
function showConnection() {
  const { text, name } = connection(Date.now() + state.skewMs);
  byId("connection").dataset.state = name;
  document.documentElement.classList.toggle("is-stale", name === "stale");
  setText(byId("connection-text"), text);
}

/** @param {number} nowMs the server's clock */
function connection(nowMs) {
  const { database, snapshot } = state;
  if (!state.connected) {
    if (state.heardMs === null)
      return { name: "connecting", text: state.lostMs === null ? "Connecting…" : "Cannot reach the dashboard, retrying" };
    return { name: "stale", text: `Stale since ${clockTime(state.lostMs)}: reconnecting` };
  }
  if (database?.state === "down") return { name: "stale", text: `Stale since ${clockTime(database.sinceMs)}: MongoDB unreachable` };
  if (!snapshot) return { name: "connecting", text: "Waiting for the first snapshot" };
  if (nowMs - snapshot.atMs > STALE_MS) return { name: "stale", text: `Stale since ${clockTime(snapshot.atMs)}: no snapshots` };
  return { name: "live", text: `Live, ${clockTime(snapshot.atMs)}` };
}

/** @param {(plotly: any) => void} start */
function whenPlotlyIsThere(start) {
  const loaded = () => /** @type {any} */ (globalThis).Plotly;
  if (loaded()) return start(loaded());
  const script = byId("plotly");
  script.addEventListener("load", () => start(loaded()));
  script.addEventListener("error", () => {
    for (const id of ["live-metrics-empty", "anomaly-chart-empty"]) setText(byId(id), "The graphs could not be loaded. Reload the page.");
  });
}

refresh.addEventListener("change", () => {
  clearTimeout(timer);
  timer = undefined;
  if (state.changed.size > 0) schedule();
});
document.addEventListener("visibilitychange", () => {
  state.fresh.length = 0;
  if (!document.hidden && state.changed.size > 0) schedule();
});
onThemeChange(() => {
  void charts?.metrics.redraw();
  void charts?.alerts.redraw();
});
whenPlotlyIsThere((plotly) => {
  charts = { metrics: keepMetricsChart(plotly), alerts: keepAlertsChart(plotly) };
  state.changed.add("metrics").add("alerts");
  schedule();
});
byId("main").hidden = false;
setInterval(showConnection, 500);
void draw();
openStream({
  onFrame: take,
  onOpen: () => {
    state.connected = true;
    state.lostMs = null;
    showConnection();
  },
  onLost: () => {
    state.connected = false;
    state.lostMs ??= Date.now() + state.skewMs;
    showConnection();
  },
});
