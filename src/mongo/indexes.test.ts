import { mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import type { Db, Document, MongoClient } from "mongodb";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startDocumentServer, type DocumentServer } from "../document-server/index.ts";
import { connectMongo } from "./connect-mongo.ts";
import { ANOMALY_ALERTS, ensureLabIndexes, SENSOR_METRICS } from "./indexes.ts";
import { latestAlerts, latestMetrics } from "./reads.ts";

let folder: string;
let server: DocumentServer;
let client: MongoClient;
let db: Db;

beforeAll(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), "mongo-reads-"));
  server = await startDocumentServer({ dataDir: folder, port: 0 });
  client = await connectMongo(server.uri);
  db = client.db("iot_analytics");
  const metrics = Array.from({ length: 300 }, (_, i) => {
    const minute = (i * 7) % 300;
    const start = new Date(Date.UTC(2026, 0, 1, 0, minute));
    return {
      _id: `${start.toISOString()}|pressure|office` as never,
      window: { start, end: new Date(start.getTime() + 60_000) },
      sensor_type: "pressure",
      location: "office",
      avg_value: minute,
    };
  });
  await db.collection(SENSOR_METRICS).insertMany(metrics);
  await db.collection(ANOMALY_ALERTS).insertMany(
    Array.from({ length: 120 }, (_, i) => ({
      _id: `sensor-data-0-${i}` as never,
      timestamp: new Date((i * 11) % 120),
      alert_type: "INFO",
    })),
  );
});
afterAll(async () => {
  await client.close();
  await server.close();
  await rm(folder, { recursive: true, force: true });
});

async function planOf(collection: string, sort: Record<string, 1 | -1>, limit: number): Promise<string> {
  const explained: Document = await db.collection(collection).find().sort(sort).limit(limit).explain("queryPlanner");
  return JSON.stringify(explained.queryPlanner);
}

test("A4: the document's index {timestamp: -1} on sensor_metrics serves nothing, ours serves the read", async () => {
  const metrics = db.collection(SENSOR_METRICS);
  await metrics.createIndex({ timestamp: -1 });
  const literal = await planOf(SENSOR_METRICS, { "window.start": -1, sensor_type: 1, location: 1 }, 100);
  expect(literal).toContain("COLLSCAN");
  expect(literal).toContain('"SORT"');
  await metrics.dropIndex("timestamp_-1");
  await ensureLabIndexes(db);
  await ensureLabIndexes(db);
  const served = await planOf(SENSOR_METRICS, { "window.start": -1, sensor_type: 1, location: 1 }, 100);
  expect(served).toContain('"indexName":"latest_windows"');
  expect(served).not.toContain('"SORT"');
  expect(await planOf(SENSOR_METRICS, { "window.start": -1 }, 100)).toContain('"indexName":"latest_windows"');
  expect(await planOf(ANOMALY_ALERTS, { timestamp: -1 }, 50)).toContain('"indexName":"latest_alerts"');
});

test("A10: the last 100 windows by their start, oldest first; order of insertion does not matter", async () => {
  await ensureLabIndexes(db);
  expect((await latestMetrics(db)).map((metric) => metric.avg_value)).toEqual(Array.from({ length: 100 }, (_, i) => 200 + i));
});

test("A10: the last 50 alerts by timestamp, oldest first", async () => {
  await ensureLabIndexes(db);
  expect((await latestAlerts(db)).map((alert) => alert.timestamp.getTime())).toEqual(Array.from({ length: 50 }, (_, i) => 70 + i));
});
