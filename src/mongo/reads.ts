import type { Db } from "mongodb";
import { ANOMALY_ALERTS, SENSOR_METRICS } from "./indexes.ts";

/** One window of one sensor type at one location, as the sink stores it (A7). */
export interface SensorMetric {
  readonly _id: string;
  readonly window: { readonly start: Date; readonly end: Date };
  readonly sensor_type: string;
  readonly location: string;
  readonly avg_value: number;
  readonly max_value: number;
  readonly min_value: number;
  readonly message_count: number;
}

/** One anomalous reading, as the sink stores it (A8). */
export interface AnomalyAlert {
  readonly _id: string;
  readonly sensor_id: string;
  readonly sensor_type: string;
  readonly value: number;
  readonly location: string;
  readonly timestamp: Date;
  readonly alert_type: "CRITICAL" | "WARNING" | "INFO";
}

/**
 * The newest windows, oldest first, as a line is drawn. A10 says "the last 100 by _id"; that means the latest inserted only while `_id` is an
 * ObjectId. With deterministic ids, which upserts need, order of `_id` is order of text, so the latest are those with the greatest `window.start`.
 */
export async function latestMetrics(db: Db, limit: number = 100): Promise<SensorMetric[]> {
  const newest = await db
    .collection<SensorMetric>(SENSOR_METRICS)
    .find()
    .sort({ "window.start": -1, sensor_type: 1, location: 1 })
    .limit(limit)
    .toArray();
  return newest.reverse();
}

/** The newest alerts by their own time, oldest first. */
export async function latestAlerts(db: Db, limit: number = 50): Promise<AnomalyAlert[]> {
  const newest = await db.collection<AnomalyAlert>(ANOMALY_ALERTS).find().sort({ timestamp: -1 }).limit(limit).toArray();
  return newest.reverse();
}
