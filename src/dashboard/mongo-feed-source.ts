import { MongoClient, type Db, type Document, type Filter, type Sort } from "mongodb";
import { messageOf } from "../base/errors.ts";
import { ANOMALY_ALERTS, SENSOR_METRICS } from "../mongo/indexes.ts";
import { hostsOf } from "../mongo/mongo-error.ts";
import { latestAlerts, latestMetrics } from "../mongo/reads.ts";
import { DashboardError } from "./dashboard-error.ts";
import { alertRow, metricRow, snapshotRow } from "./feed-rows.ts";
import type { FeedSource } from "./feed-source.ts";

/** Where the monitor's samples are stored, one a second. */
const PIPELINE_SNAPSHOTS = "pipeline_snapshots";
/** How long a page waits for the database before it is told that there is none. */
const READ_MS = 2_000;

/**
 * Reads the lab's collections from MongoDB: `sensor_metrics`, `anomaly_alerts`, `pipeline_snapshots`.
 * It connects at the first read, not here, and gives a read up after two seconds: a dashboard starts before its database, outlives it, and shows both.
 * @throws DashboardError INVALID_URI
 */
export function openMongoFeedSource(mongoUri: string, database: string): FeedSource {
  const client = newClient(mongoUri);
  const db = client.db(database);
  return {
    metrics: async (limit, filter = {}) => {
      const equal = { ...(filter.sensorType && { sensor_type: filter.sensorType }), ...(filter.location && { location: filter.location }) };
      const found =
        Object.keys(equal).length > 0
          ? await newest(db, SENSOR_METRICS, equal, { "window.start": -1 }, limit)
          : (await latestMetrics(db, limit)).reverse();
      return found.flatMap((document) => metricRow({ ...document }) ?? []);
    },
    alerts: async (limit, filter = {}) => {
      const found = filter.alertType
        ? await newest(db, ANOMALY_ALERTS, { alert_type: filter.alertType }, { timestamp: -1 }, limit)
        : (await latestAlerts(db, limit)).reverse();
      return found.flatMap((document) => alertRow({ ...document }) ?? []);
    },
    snapshots: async (afterMs, limit) => {
      const found = await newest(db, PIPELINE_SNAPSHOTS, { atMs: { $gt: afterMs } }, { atMs: -1 }, limit);
      return found.reverse().flatMap((document) => snapshotRow(document) ?? []);
    },
    close: () => client.close(),
  };
}

function newest(db: Db, collection: string, filter: Filter<Document>, sort: Sort, limit: number): Promise<Document[]> {
  return db.collection(collection).find(filter).sort(sort).limit(limit).toArray();
}

function newClient(mongoUri: string): MongoClient {
  try {
    return new MongoClient(mongoUri, {
      appName: "streamlab-dashboard",
      maxPoolSize: 4,
      serverSelectionTimeoutMS: READ_MS,
      connectTimeoutMS: READ_MS,
      socketTimeoutMS: READ_MS,
    });
  } catch (thrown) {
    throw new DashboardError("INVALID_URI", {
      failed: `Cannot read the MongoDB address "${hostsOf(mongoUri)}"`,
      found: messageOf(thrown),
      remedy: "Pass one as in mongodb://127.0.0.1:27017.",
      cause: thrown,
    });
  }
}
