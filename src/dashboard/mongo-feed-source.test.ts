import { spawn, type ChildProcess } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { MongoClient } from "mongodb";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { snapshotSample } from "../../tests/browser/pipeline-sample.ts";
import { startDocumentServer, type DocumentServer } from "../document-server/index.ts";
import { startDashboard } from "./dashboard.ts";
import { openMongoFeedSource } from "./mongo-feed-source.ts";

const DATABASE = "iot_analytics";
let folder: string;
let server: DocumentServer;
let client: MongoClient;
const ends: (() => unknown)[] = [];

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "streamlab-dashboard-"));
  server = await startDocumentServer({ dataDir: folder, port: 0 });
  client = new MongoClient(server.uri);
  const db = client.db(DATABASE);
  const windows = Array.from({ length: 130 }, (_, i) => ({
    _id: `w${i}` as never,
    window: { start: new Date(i * 30_000), end: new Date(i * 30_000 + 60_000) },
    sensor_type: i % 2 ? "humidity" : "pressure",
    location: "office",
    avg_value: 50 + i / 100,
    max_value: 99,
    min_value: 1,
    message_count: 10,
  }));
  await db.collection("sensor_metrics").insertMany(windows.toReversed());
  const alerts = Array.from({ length: 60 }, (_, i) => ({
    _id: `sensor-data-0-${i}` as never,
    sensor_id: "sensor_0001",
    sensor_type: "humidity",
    value: i + 40,
    location: "office",
    timestamp: new Date(1_000 + ((i * 7) % 60)),
    status: "anomaly",
    alert_type: i + 40 > 90 ? "CRITICAL" : "INFO",
    topic: "sensor-data",
    partition: 0,
    offset: i,
  }));
  await db.collection("anomaly_alerts").insertMany(alerts);
  await db.collection("pipeline_snapshots").insertMany(Array.from({ length: 5 }, (_, i) => ({ ...snapshotSample(0.5, 1_000 + i, i) })));
});
afterAll(async () => {
  await client.close();
  await server.close();
  await rm(folder, { recursive: true });
});
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

describe("the collections of the lab as the dashboard reads them", () => {
  test("A10: the last windows by start, the last alerts by event time, whatever the order of writing", async () => {
    const source = openMongoFeedSource(server.uri, DATABASE);
    ends.push(() => source.close());
    const metrics = await source.metrics(100);
    expect(metrics.map((row) => row.windowStartMs)).toEqual(Array.from({ length: 100 }, (_, i) => (129 - i) * 30_000));
    const alerts = await source.alerts(50);
    expect(alerts.map((row) => row.timestampMs)).toEqual(Array.from({ length: 50 }, (_, i) => 1_059 - i));
    expect(alerts[0]).toMatchObject({ sensorId: "sensor_0001", alertType: expect.stringMatching(/CRITICAL|INFO/) as string });
  });

  test("filters are equalities", async () => {
    const source = openMongoFeedSource(server.uri, DATABASE);
    ends.push(() => source.close());
    expect(new Set((await source.metrics(500, { sensorType: "humidity", location: "office" })).map((row) => row.sensorType))).toEqual(
      new Set(["humidity"]),
    );
    expect(await source.metrics(500, { location: "warehouse" })).toEqual([]);
    expect((await source.alerts(500, { alertType: "CRITICAL" })).every((row) => row.value > 90)).toBe(true);
  });

  test("snapshots come oldest first, only the newest of them, and none twice", async () => {
    const source = openMongoFeedSource(server.uri, DATABASE);
    ends.push(() => source.close());
    expect((await source.snapshots(-1, 3)).map((snapshot) => snapshot.atMs)).toEqual([1_002, 1_003, 1_004]);
    expect(await source.snapshots(1_004, 3)).toEqual([]);
  });

  test("F13: a server that is away fails a read within the time that a page can wait", async () => {
    const source = openMongoFeedSource("mongodb://127.0.0.1:1", DATABASE);
    ends.push(() => source.close());
    const startedMs = performance.now();
    await expect(source.alerts(1)).rejects.toThrow("ECONNREFUSED");
    expect(performance.now() - startedMs).toBeLessThan(4_000);
  });

  test("the dashboard starts without its database and serves the page", async () => {
    const dashboard = await startDashboard({ mongoUri: "mongodb://127.0.0.1:1", port: 0 });
    ends.push(() => dashboard.close());
    expect((await fetch(dashboard.url)).status).toBe(200);
    expect((await fetch(`${dashboard.url}api/snapshot`)).status).toBe(503);
  });
});

describe("the dashboard as a process", () => {
  function start(env: Record<string, string>, ipc: boolean): ChildProcess {
    const child = spawn(process.execPath, [path.join(import.meta.dirname, "main.ts"), "--port", "0"], {
      env: { ...process.env, ...env },
      stdio: ["ignore", "pipe", "pipe", ...(ipc ? ["ipc" as const] : [])],
    });
    ends.push(() => child.kill("SIGKILL"));
    return child;
  }
  const exit = (child: ChildProcess): Promise<unknown> =>
    new Promise((resolve) => child.once("exit", (code, signal) => resolve(signal ?? code)));

  test("F28: it says ready over IPC, serves the database of STREAMLAB_MONGO, and ends in order on SIGTERM", async () => {
    const child = start({ STREAMLAB_MONGO: server.uri }, true);
    const ready = await new Promise<{ type: string; host: string; port: number; url: string }>((resolve) =>
      child.once("message", resolve as never),
    );
    expect(ready).toMatchObject({ type: "ready", host: "127.0.0.1", url: `http://127.0.0.1:${ready.port}/` });
    const answer = (await (await fetch(`${ready.url}api/alerts?limit=3`)).json()) as { alerts: unknown[] };
    expect(answer.alerts).toHaveLength(3);
    const ended = exit(child);
    child.kill("SIGTERM");
    expect(await ended).toBe(0);
  });

  test("F28: it ends when its parent is gone", async () => {
    const child = start({ STREAMLAB_MONGO: server.uri }, true);
    await new Promise((resolve) => child.once("message", resolve));
    const ended = exit(child);
    child.disconnect();
    expect(await ended).toBe(0);
  });

  test("without IPC it says ready as one line; without a database it says what to set", async () => {
    const child = start({ STREAMLAB_MONGO: server.uri }, false);
    const line = await new Promise<string>((resolve) => child.stdout?.once("data", (data: Buffer) => resolve(data.toString())));
    expect(JSON.parse(line)).toMatchObject({ type: "ready", host: "127.0.0.1" });
    const lost = start({ STREAMLAB_MONGO: "" }, false);
    let said = "";
    lost.stderr?.on("data", (data: Buffer) => (said += data.toString()));
    expect(await exit(lost)).toBe(1);
    expect(said).toBe("Cannot start the dashboard (STREAMLAB_MONGO is not set). Set it to a mongodb:// URI.\n");
  });
});
