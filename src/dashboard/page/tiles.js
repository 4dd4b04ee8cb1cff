// @ts-check
import { element, setText } from "./dom.js";
import { count, quantity, roughly } from "./format.js";

/**
 * @typedef {import("./stream.js").PipelineSnapshot} PipelineSnapshot
 * @typedef {{ samples: readonly number[], count: number, p50: number | null, p95: number | null, p99: number | null }} Percentiles
 */

/** @param {HTMLElement} parent */
export function keepTiles(parent) {
  const rateIn = newTile(parent, "rate-in", "Rate in", "msg/s");
  const rateOut = newTile(parent, "rate-out", "Rate processed", "msg/s");
  const stored = newTile(parent, "event-stored", "Event → stored, p50", "ms");
  const screen = newTile(parent, "event-screen", "Event → screen, p50", "ms");
  const lag = newTile(parent, "lag-total", "Lag", "msg");
  const refused = newTile(parent, "dead-letters", "Dead letters", "");

  return {
    /** @param {PipelineSnapshot | null} snapshot */
    snapshot: (snapshot) => {
      const producer = snapshot?.producer;
      rateIn(
        count(producer?.perSecond),
        producer ? `asked ${count(producer.askedPerSecond)} · sent ${roughly(producer.acknowledged)}` : "Waiting for the generator",
      );
      const queries = snapshot?.queries ?? [];
      const slowest = queries.toSorted((a, b) => a.rowsPerSecond - b.rowsPerSecond)[0];
      rateOut(
        count(slowest?.rowsPerSecond),
        slowest ? (queries.length > 1 ? `slowest of ${queries.length}: ${slowest.name}` : slowest.name) : "Waiting for a query",
      );
      const latency = snapshot?.latency;
      stored(quantity(latency?.p50), latency ? `p95 ${quantity(latency.p95)} · p99 ${quantity(latency.p99)}` : "Waiting for a document");
      const lags = queries.flatMap((query) => Object.values(query.lag));
      const late = queries.reduce((sum, query) => sum + query.lateRows, 0);
      const dead = queries.reduce((sum, query) => sum + query.deadLetters, 0);
      lag(
        queries.length ? count(lags.reduce((sum, one) => sum + one, 0)) : "–",
        queries.length ? `most ${count(Math.max(0, ...lags))} in a partition` : "Waiting for a query",
      );
      refused(queries.length ? count(dead) : "–", queries.length ? `late rows ${count(late)}` : "Waiting for a query", dead > 0);
    },
    /** @param {Percentiles} arrival */
    arrival: (arrival) => {
      screen(
        quantity(arrival.p50),
        arrival.count > 0 ? `p95 ${quantity(arrival.p95)} · p99 ${quantity(arrival.p99)}` : "Measured in this page",
      );
      const tile = document.getElementById("event-screen");
      if (tile) tile.dataset.samplesMs = arrival.samples.join(" ");
    },
  };
}

/** @param {HTMLElement} parent @param {string} id @param {string} title @param {string} unit */
function newTile(parent, id, title, unit) {
  const tile = parent.appendChild(element("div", "tile"));
  tile.id = id;
  tile.append(element("dt", "", title));
  const value = tile.appendChild(element("dd", "value"));
  const figure = value.appendChild(element("span", "", "–"));
  if (unit) value.append(element("span", "unit", unit));
  const detail = tile.appendChild(element("dd", "detail"));
  return (/** @type {string} */ text, /** @type {string} */ more, alarm = false) => {
    setText(figure, text);
    setText(detail, more);
    detail.title = more;
    tile.dataset.alarm = String(alarm);
    tile.toggleAttribute("data-empty", text === "–");
  };
}
