import { MongoClient, type Filter, type Document } from "mongodb";
import { messageOf } from "../base/errors.ts";
import { DashboardError } from "./dashboard-error.ts";
import { alertRow, metricRow, snapshotRow } from "./feed-rows.ts";
import type { FeedSource } from "./feed-source.ts";

/** A URI as it may be shown: without user and password. */
export function publicAddress(mongoUri: string): string {
  return mongoUri
    .replace(/^mongodb(\+srv)?:\/\//, "")
    .replace(/^[^/]*@/, "")
    .replace(/[/?].*$/s, "");
}

/**
 * Reads the lab's collections from MongoDB: `sensor_metrics`, `anomaly_alerts`, `pipeline_snapshots`.
 * It connects at the first read and gives up a read after two seconds, so that a server that is away is noticed and shown.
 * @throws DashboardError INVALID_URI
 */
export function openMongoFeedSource(mongoUri: string, database: string): FeedSource {
  const client = newClient(mongoUri);
  const db = client.db(database);
  const newest = (collection: string, filter: Filter<Document>, by: string, limit: number): Promise<Document[]> =>
    db
      .collection(collection)
      .find(filter)
      .sort({ [by]: -1 })
      .limit(limit)
      .toArray();
  return {
    metrics: async (limit, filter = {}) => {
      const equal = { ...(filter.sensorType && { sensor_type: filter.sensorType }), ...(filter.location && { location: filter.location }) };
      return (await newest("sensor_metrics", equal, "window.start", limit)).flatMap((document) => metricRow(document) ?? []);
    },
    alerts: async (limit, filter = {}) => {
      const equal = filter.alertType ? { alert_type: filter.alertType } : {};
      return (await newest("anomaly_alerts", equal, "timestamp", limit)).flatMap((document) => alertRow(document) ?? []);
    },
    snapshots: async (afterMs, limit) => {
      const found = await newest("pipeline_snapshots", { atMs: { $gt: afterMs } }, "atMs", limit);
      return found.reverse().flatMap((document) => snapshotRow(document) ?? []);
    },
    close: () => client.close(),
  };
}

function newClient(mongoUri: string): MongoClient {
  try {
    return new MongoClient(mongoUri, {
      appName: "streamlab-dashboard",
      maxPoolSize: 4,
      serverSelectionTimeoutMS: 2_000,
      connectTimeoutMS: 2_000,
      socketTimeoutMS: 2_000,
    });
  } catch (thrown) {
    throw new DashboardError("INVALID_URI", {
      failed: `Cannot read the MongoDB address "${publicAddress(mongoUri)}"`,
      found: messageOf(thrown),
      remedy: "Pass one as in mongodb://127.0.0.1:27017.",
      cause: thrown,
    });
  }
}
