import type { Db, IndexDescription } from "mongodb";

/** The lab's collections (A4). */
export const SENSOR_METRICS = "sensor_metrics";
export const ANOMALY_ALERTS = "anomaly_alerts";

/**
 * Indexes that serve what dashboard and report read (reads.ts). The lab's document asks for `{timestamp: -1}` on both collections, but a metric
 * has no `timestamp`: its time is `window.start`, and an index on a field that no document has serves nothing.
 */
export const LAB_INDEXES: Readonly<Record<string, readonly IndexDescription[]>> = {
  [SENSOR_METRICS]: [
    { key: { "window.start": -1, sensor_type: 1, location: 1 }, name: "latest_windows" },
    { key: { sensor_type: 1, location: 1, "window.start": -1 }, name: "by_sensor_type" },
  ],
  [ANOMALY_ALERTS]: [
    { key: { timestamp: -1 }, name: "latest_alerts" },
    { key: { alert_type: 1, timestamp: -1 }, name: "by_alert_type" },
  ],
};

/** Creates the lab's collections and indexes where they are not there yet. */
export async function ensureLabIndexes(db: Db): Promise<void> {
  for (const [collection, indexes] of Object.entries(LAB_INDEXES)) await db.collection(collection).createIndexes([...indexes]);
}
