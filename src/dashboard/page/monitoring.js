// @ts-check
import { levelOf } from "./alerts-chart.js";
import { byId } from "./dom.js";
import { clockTime, count, localText, quantity } from "./format.js";
import { keepTable } from "./table.js";
import { keepTrend } from "./trend.js";

/**
 * @typedef {import("./stream.js").PipelineSnapshot} PipelineSnapshot
 * @typedef {import("./stream.js").TrendPoint} TrendPoint
 * @typedef {import("./stream.js").AlertRow} AlertRow
 * @typedef {import("./stream.js").Database} Database
 */

const LATEST = 10;
const right = "number";

/** What the whole pipeline processes is what its slowest query does. @param {Readonly<Record<string, number>>} rates */
function slowest(rates) {
  const all = Object.values(rates);
  return all.length === 0 ? null : Math.min(...all);
}

/** The three small charts. */
export function keepTrends() {
  const parent = byId("trends");
  const rates = keepTrend(parent, "Throughput", "msg/s");
  const latency = keepTrend(parent, "Latency, event → stored", "ms");
  const batches = keepTrend(parent, "Batch duration", "ms");
  return (/** @type {readonly TrendPoint[]} */ points) => {
    const times = points.map((point) => point.atMs);
    const queries = [...new Set(points.flatMap((point) => Object.keys(point.batchMs)))].slice(0, 3);
    const tone = (/** @type {number} */ i) => `series-${i + 2}`;
    rates(times, [
      { name: "sent", className: "series-1", values: points.map((point) => point.produced) },
      { name: "processed", className: "series-2", values: points.map((point) => slowest(point.read)) },
      { name: "asked", className: "series-6", dashed: true, values: points.map((point) => point.asked) },
    ]);
    latency(times, [
      { name: "p50", className: "series-2", values: points.map((point) => point.p50) },
      { name: "p95", className: "series-5", values: points.map((point) => point.p95) },
      { name: "p99", className: "series-1", values: points.map((point) => point.p99) },
    ]);
    batches(
      times,
      queries.map((name, i) => ({ name, className: tone(i), values: points.map((point) => point.batchMs[name] ?? null) })),
    );
  };
}

/** The tables below them. */
export function keepTables() {
  const queries = keepTable(
    byId("queries"),
    [
      { title: "Query" },
      ...["Batch", "Rows in", "Rows/s", "Batch ms", "Watermark", "State rows", "Late rows", "Dead letters", "Lag"].map((title) => ({
        title,
        className: right,
      })),
    ],
    "No query yet: waiting for the first snapshot",
  );
  const lag = keepTable(
    byId("lag"),
    [{ title: "Query" }, { title: "Partition" }, { title: "Behind", className: right }, { title: "" }],
    "No partitions yet: waiting for a query",
  );
  const services = keepTable(
    byId("services"),
    [{ title: "Service" }, { title: "Address" }, { title: "State" }, { title: "Since", className: right }],
    "No services yet: waiting for the first snapshot",
  );
  const processes = keepTable(
    byId("processes"),
    [
      { title: "Process" },
      { title: "Pid", className: right },
      { title: "CPU %", className: right },
      { title: "Memory MB", className: right },
    ],
    "No processes yet: waiting for the first snapshot",
  );
  const alerts = keepTable(
    byId("latest-alerts"),
    [
      { title: "Time" },
      { title: "Alert" },
      { title: "Sensor" },
      { title: "Type" },
      { title: "Location" },
      { title: "Value", className: right },
    ],
    "No alerts yet: waiting for the first anomaly",
  );

  return {
    /** @param {PipelineSnapshot | null} snapshot @param {Database | null} database */
    snapshot: (snapshot, database) => {
      queries((snapshot?.queries ?? []).map(queryCells));
      lag(lagRows(snapshot));
      services(serviceRows(snapshot, database));
      processes(
        (snapshot?.resources ?? []).map((one) => [
          { text: one.process, className: "long" },
          { text: String(one.pid) },
          { text: quantity(one.cpuPercent) },
          { text: count(one.rssMb) },
        ]),
      );
    },
    /** @param {readonly AlertRow[]} rows */
    alerts: (rows) =>
      alerts(
        rows
          .slice(0, LATEST)
          .map((row) => [
            { text: localText(row.timestampMs).slice(11) },
            { text: row.alertType, className: levelOf(row.alertType) === "CRITICAL" ? "alarm" : "" },
            { text: row.sensorId, className: "long" },
            { text: row.sensorType, className: "long" },
            { text: row.location, className: "long" },
            { text: row.value.toFixed(2) },
          ]),
      ),
  };
}

/** @param {PipelineSnapshot["queries"][number]} query */
function queryCells(query) {
  const watermark = query.watermark === null ? NaN : Date.parse(query.watermark);
  const behind = Object.values(query.lag).reduce((sum, one) => sum + one, 0);
  return [
    { text: query.name, className: "long" },
    { text: count(query.batchId) },
    { text: count(query.rowsIn) },
    { text: count(query.rowsPerSecond) },
    { text: quantity(query.batchDurationMs) },
    { text: Number.isNaN(watermark) ? (query.watermark ?? "none") : clockTime(watermark) },
    { text: count(query.stateRows) },
    { text: count(query.lateRows) },
    { text: count(query.deadLetters), className: query.deadLetters > 0 ? "alarm" : "" },
    { text: count(behind) },
  ];
}

/** @param {PipelineSnapshot | null} snapshot */
function lagRows(snapshot) {
  const rows = (snapshot?.queries ?? []).flatMap((query) =>
    Object.entries(query.lag)
      .sort(([a], [b]) => a.localeCompare(b, "en", { numeric: true }))
      .map(([partition, behind]) => ({ query: query.name, partition, behind })),
  );
  const most = Math.max(1, ...rows.map((row) => row.behind));
  return rows.map((row) => [
    { text: row.query, className: "long" },
    { text: row.partition, className: "long" },
    { text: count(row.behind) },
    { text: `${row.behind} behind`, share: row.behind / most },
  ]);
}

/**
 * What the monitor says, and what the dashboard itself sees of the database: on the same address the worse of both.
 * @param {PipelineSnapshot | null} snapshot @param {Database | null} database
 */
function serviceRows(snapshot, database) {
  const services = (snapshot?.services ?? []).map((one) => {
    const lost = database?.state === "down" && one.address.includes(database.address);
    return lost ? { ...one, state: database.state, sinceMs: database.sinceMs } : one;
  });
  if (database && !services.some((one) => one.address.includes(database.address))) services.push({ name: "MongoDB", ...database });
  return services.map((one) => [
    { text: one.name, className: "long" },
    { text: one.address, className: "long" },
    { text: one.state, className: one.state },
    { text: clockTime(one.sinceMs) },
  ]);
}
