import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { Decimal128, Long, MongoClient, type Db, type Document } from "mongodb";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { ManualClock, systemClock, type Clock } from "../base/clock.ts";
import { startDocumentServer, type DocumentServer } from "../document-server/index.ts";
import type { Sink } from "../engine/sinks/sink.ts";
import type { DataType, Row, StructType } from "../engine/types/data-type.ts";
import { decodeLatencyHistogram } from "../monitor/latency.ts";
import { openMongoSink } from "./sink.ts";

let folder: string;
let server: DocumentServer;
let client: MongoClient;
let db: Db;
const forever = new AbortController().signal;

beforeAll(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), "mongo-sink-"));
  server = await startDocumentServer({ dataDir: path.join(folder, "main"), port: 0 });
  client = await MongoClient.connect(server.uri);
});
beforeEach(async () => {
  db = client.db("iot_analytics");
  await db.dropDatabase();
});
afterAll(async () => {
  await client.close();
  await server.close();
  await rm(folder, { recursive: true, force: true });
});

const struct = (...fields: readonly (readonly [string, DataType])[]): StructType => ({
  type: "struct",
  fields: fields.map(([name, dataType]) => ({ name, dataType, nullable: true })),
});
const timestamp: DataType = { type: "timestamp" };
const METRICS = struct(
  ["window", struct(["start", timestamp], ["end", timestamp])],
  ["sensor_type", { type: "string" }],
  ["location", { type: "string" }],
  ["avg_value", { type: "double" }],
  ["message_count", { type: "bigint" }],
);
const START = Date.UTC(2026, 0, 1) * 1000;

function metric(minute: number, type: string, avg: number, count: number | bigint): Row {
  return [[START + minute * 60_000_000, START + (minute + 1) * 60_000_000], type, "office", avg, count];
}

async function open(options: Record<string, string>, clock: Clock = systemClock): Promise<Sink> {
  const all = { uri: server.uri, database: "iot_analytics", collection: "sensor_metrics", ...options };
  return await openMongoSink({ options: all, clock, outputMode: "update" });
}

async function withSink<T>(options: Record<string, string>, use: (sink: Sink) => Promise<T>, clock?: Clock): Promise<T> {
  const sink = await open(options, clock);
  try {
    return await use(sink);
  } finally {
    await sink.close();
  }
}

const batch = (batchId: number, rows: readonly Row[], schema: StructType = METRICS) => ({
  batchId,
  schema,
  rows,
  outputMode: "update" as const,
});
const byWindow = { idFields: "window.start,sensor_type,location" };

describe("the MongoDB sink", () => {
  test("rows become documents with readable ids; a later result of the same window replaces it (A9)", async () => {
    await withSink(byWindow, async (sink) => {
      expect(sink.description).toBe("MongoDB[iot_analytics.sensor_metrics]");
      await sink.write(batch(0, [metric(0, "temperature", 50, 2), metric(0, "humidity", 5.5, 1)]), forever);
      await sink.write(batch(1, [metric(0, "temperature", 60, 3)]), forever);
      expect(sink.metrics?.()).toEqual({ writtenRows: "1" });
    });
    expect(await db.collection("sensor_metrics").find().sort({ _id: 1 }).toArray()).toEqual([
      {
        _id: "2026-01-01T00:00:00.000Z|humidity|office",
        window: { start: new Date(START / 1000), end: new Date(START / 1000 + 60_000) },
        sensor_type: "humidity",
        location: "office",
        avg_value: 5.5,
        message_count: 1,
      },
      {
        _id: "2026-01-01T00:00:00.000Z|temperature|office",
        window: { start: new Date(START / 1000), end: new Date(START / 1000 + 60_000) },
        sensor_type: "temperature",
        location: "office",
        avg_value: 60,
        message_count: 3,
      },
    ]);
  });

  test("every type of column has its BSON type, null stays null", async () => {
    const schema = struct(
      ["id", { type: "int" }],
      ["big", { type: "bigint" }],
      ["price", { type: "decimal", precision: 10, scale: 2 }],
      ["day", { type: "date" }],
      ["tags", { type: "array", element: { type: "string" } }],
      ["map", { type: "map", key: { type: "string" }, value: { type: "double" } }],
      ["raw", { type: "binary" }],
      ["none", { type: "string" }],
    );
    const rows: Row[] = [
      [1, 9007199254740993n, -5n, 20_454, ["a", null], new Map([["k", 1.5]]), new Uint8Array([1, 2]), null],
      [2, 5_000_000_000, 1230n, null, null, null, null, "x"],
    ];
    await withSink({ idFields: "id", collection: "typed" }, (sink) => sink.write(batch(0, rows, schema), forever));
    const [first, second] = await db.collection<Document>("typed").find({}, { promoteLongs: false }).sort({ _id: 1 }).toArray();
    expect(first).toMatchObject({
      _id: 1,
      id: 1,
      big: Long.fromString("9007199254740993"),
      price: Decimal128.fromString("-0.05"),
      day: new Date("2026-01-01"),
      tags: ["a", null],
      map: { k: 1.5 },
      none: null,
    });
    expect([...(first?.raw as { buffer: Buffer }).buffer]).toEqual([1, 2]);
    expect(second).toMatchObject({ big: Long.fromNumber(5_000_000_000), price: Decimal128.fromString("12.30"), day: null, none: "x" });
  });

  test("W3: the same batch again equals once, in both modes", async () => {
    const rows = Array.from({ length: 2500 }, (_, i) => metric(i, "pressure", i, i));
    for (const writeMode of ["upsert", "append"]) {
      const collection = `twice_${writeMode}`;
      await withSink({ ...byWindow, collection, writeMode, journal: "true" }, async (sink) => {
        await sink.write(batch(7, rows), forever);
        await sink.write(batch(7, rows), forever);
        expect(sink.metrics?.().writtenRows).toBe("2500");
      });
      expect(await db.collection(collection).countDocuments()).toBe(2500);
      expect(await db.collection(`${collection}_rejected`).countDocuments()).toBe(0);
    }
  });

  test("latency is acknowledged time less event time, in microseconds", async () => {
    const clock = new ManualClock(START / 1000 + 60_000 + 250);
    const metrics = await withSink(
      { ...byWindow, latencyColumn: "window.end" },
      async (sink) => {
        await sink.write(batch(0, [metric(0, "a", 1, 1), metric(0, "b", 1, 1)]), forever);
        return sink.metrics?.() ?? {};
      },
      clock,
    );
    const histogram = decodeLatencyHistogram(metrics.latencyHistogramUs ?? "");
    expect(histogram.totalCount).toBe(2);
    expect(Math.abs(histogram.getValueAtPercentile(50) - 250_000)).toBeLessThanOrEqual(250);
  });

  test("F14: a document that the server refuses is set aside with its reason, the batch proceeds", async () => {
    await db.createCollection("sensor_metrics", { validator: { avg_value: { $gte: 0 } } });
    const rows = [metric(0, "a", 1, 1), metric(1, "b", -1, 1), metric(2, "c", 2, 1)];
    await withSink(byWindow, async (sink) => {
      for (let again = 0; again < 2; again++) await sink.write(batch(3, rows), forever);
      expect(sink.metrics?.()).toEqual({ writtenRows: "2", rejectedRows: "1" });
    });
    expect((await db.collection("sensor_metrics").find().toArray()).length).toBe(2);
    const [rejected, ...more] = await db.collection<Document>("sensor_metrics_rejected").find().toArray();
    expect(more).toEqual([]);
    expect(rejected).toMatchObject({
      _id: "2026-01-01T00:01:00.000Z|b|office",
      batchId: 3,
      code: 121,
      reason: "Document failed validation",
    });
    expect(rejected?.document).toContain('"avg_value":-1');
  });

  test("F21: a document beyond 16 MiB is set aside, those beside it are stored", async () => {
    const schema = struct(["id", { type: "int" }], ["text", { type: "string" }]);
    const rows: Row[] = [
      [1, "small"],
      [2, "x".repeat(17 * 1024 * 1024)],
      [3, "small"],
    ];
    await withSink({ idFields: "id", collection: "large" }, async (sink) => {
      await sink.write(batch(0, rows, schema), forever);
      expect(sink.metrics?.()).toEqual({ writtenRows: "2", rejectedRows: "1" });
    });
    expect((await db.collection<Document>("large").find().toArray()).map((d) => d._id)).toEqual([1, 3]);
    expect((await db.collection<Document>("large_rejected").findOne())?.document).toHaveLength(100_000);
  });

  test("another unique index's duplicate is refused, not taken for written", async () => {
    await db.collection("sensor_metrics").createIndex({ sensor_type: 1 }, { unique: true });
    await withSink(byWindow, async (sink) => {
      await sink.write(batch(0, [metric(0, "a", 1, 1), metric(1, "a", 1, 1)]), forever);
      expect(sink.metrics?.()).toEqual({ writtenRows: "1", rejectedRows: "1" });
    });
    expect((await db.collection<Document>("sensor_metrics_rejected").findOne())?.code).toBe(11000);
  });
});

describe("a server that goes away", () => {
  test("F13: the write waits for it and loses nothing; a signal ends the waiting at once", async () => {
    const dataDir = path.join(folder, "away");
    let own = await startDocumentServer({ dataDir, port: 0 });
    const { port } = own.address;
    const sink = await open({ ...byWindow, uri: own.uri });
    try {
      await sink.write(batch(0, [metric(0, "a", 1, 1)]), forever);
      await own.close();
      const stopped = new AbortController();
      const reason = new Error("stopped by the user");
      const given = sink.write(batch(1, [metric(1, "a", 1, 1)]), stopped.signal);
      stopped.abort(reason);
      await expect(given).rejects.toBe(reason);

      const waiting = sink.write(batch(1, [metric(1, "a", 1, 1)]), forever);
      own = await startDocumentServer({ dataDir, port });
      await waiting;
      const other = await MongoClient.connect(own.uri);
      try {
        expect(await other.db("iot_analytics").collection("sensor_metrics").countDocuments()).toBe(2);
      } finally {
        await other.close();
      }
    } finally {
      await sink.close();
      await own.close();
    }
  });

  test("nobody there: what failed, what was found, what to do", async () => {
    const own = await startDocumentServer({ dataDir: path.join(folder, "gone"), port: 0 });
    await own.close();
    await expect(
      open({ ...byWindow, uri: `mongodb://user:secret@127.0.0.1:${own.address.port}/?directConnection=true` }),
    ).rejects.toMatchObject({
      code: "MONGO_UNREACHABLE",
      message: `Cannot reach MongoDB at 127.0.0.1:${own.address.port} (connection refused). Start it with "streamlab up", or pass --mongo mongodb://host:port.`,
    });
  });
});

test("F4: killed after some bulks of a batch, the batch again completes it without doubles", async () => {
  const program = `
    import { openMongoSink } from ${JSON.stringify(new URL("./sink.ts", import.meta.url).href)};
    import { systemClock } from ${JSON.stringify(new URL("../base/clock.ts", import.meta.url).href)};
    const schema = { type: "struct", fields: [{ name: "id", dataType: { type: "int" }, nullable: false }] };
    const options = { uri: process.env.URI, database: "iot_analytics", collection: "killed", idFields: "id", bulkSize: "10" };
    const sink = await openMongoSink({ options, clock: systemClock, outputMode: "append", queryName: "q" });
    const rows = Array.from({ length: 35 }, (_, i) => [i]);
    await sink.write({ batchId: 4, schema, rows, outputMode: "append" }, new AbortController().signal);
    await sink.close();`;
  const run = async (env: Record<string, string>): Promise<unknown> => {
    const child = spawn(process.execPath, ["--input-type=module", "--eval", program], {
      env: { ...process.env, URI: server.uri, ...env },
      stdio: ["ignore", "inherit", "inherit"],
    });
    const [code, signal] = (await once(child, "exit")) as [number | null, string | null];
    return code ?? signal;
  };
  expect(await run({ LAB_FAIL: "w3.mid:4:2" })).toBe("SIGKILL");
  expect(await db.collection("killed").countDocuments()).toBe(20);
  expect(await run({ LAB_FAIL: "other/w3.mid:4:2" })).toBe(0);
  expect(await db.collection("killed").countDocuments()).toBe(35);
});

describe("options", () => {
  test.each([
    [{ idFields: "" }, /no idFields/],
    [{ idFields: '["a"' }, /idFields/],
    [{ idFields: "a", writeMode: "merge" }, /writeMode "merge"/],
    [{ idFields: "a", colection: "x" }, /unknown option "colection"/],
    [{ idFields: "a", uri: "http://x" }, /Cannot read the MongoDB address/],
    [{ idFields: "a", database: "" }, /no option "database"/],
  ])("%o is refused", async (options, message) => {
    await expect(open(options)).rejects.toThrow(message);
  });
});
