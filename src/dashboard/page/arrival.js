// @ts-check
import { percentile } from "./format.js";

/** @typedef {import("../feed-rows.ts").AlertRow} AlertRow */

const KEPT = 500;

/**
 * Event → screen: from an alert's event time to the paint that shows it, measured in this page with its clock (the generator's too, on one machine).
 * Only alerts that came while the page looked count; those from before it could draw, or while it was hidden, do not.
 */
export function watchArrivals() {
  /** @type {Set<string>} */
  let seen = new Set();
  /** @type {number[]} */
  const samples = [];
  return {
    /** @param {readonly AlertRow[]} alerts @param {boolean} measured @returns {readonly number[]} event times of the new ones */
    note: (alerts, measured) => {
      const fresh = measured ? alerts.filter((alert) => !seen.has(alert.id)).map((alert) => alert.timestampMs) : [];
      seen = new Set(alerts.map((alert) => alert.id));
      return fresh;
    },
    /** @param {readonly number[]} eventTimes */
    painted: (eventTimes) => {
      const now = Date.now();
      for (const at of eventTimes) samples.push(Math.max(0, now - at));
      if (samples.length > KEPT) samples.splice(0, samples.length - KEPT);
    },
    summary: () => {
      const sorted = samples.toSorted((a, b) => a - b);
      return { samples, count: sorted.length, p50: percentile(sorted, 0.5), p95: percentile(sorted, 0.95), p99: percentile(sorted, 0.99) };
    },
  };
}

/** Resolves when what was changed has been painted: the second frame after. */
export function paint() {
  return new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)));
}
