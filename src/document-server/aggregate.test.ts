import { mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { MongoClient, type Db, type Document } from "mongodb";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startDocumentServer, type DocumentServer } from "./server.ts";

let folder: string;
let server: DocumentServer;
let client: MongoClient;
let db: Db;

beforeAll(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), "aggregate-"));
  server = await startDocumentServer({ dataDir: folder, port: 0 });
  client = await MongoClient.connect(server.uri);
  db = client.db("a");
  await db.collection("readings").insertMany(
    Array.from({ length: 240 }, (_, i) => ({
      _id: i as never,
      at: new Date(Date.UTC(2026, 0, 1, 0, 0, i)),
      type: i % 2 ? "t" : "h",
      value: i,
    })),
  );
});
afterAll(async () => {
  await client.close();
  await server.close();
  await rm(folder, { recursive: true, force: true });
});

test("$match, $group by $dateTrunc and $sort", async () => {
  const minutes = await db
    .collection("readings")
    .aggregate([
      { $match: { type: "t" } },
      { $group: { _id: { $dateTrunc: { date: "$at", unit: "minute" } }, n: { $sum: 1 }, avg: { $avg: "$value" } } },
      { $sort: { _id: 1 } },
    ])
    .toArray();
  expect(minutes).toEqual([0, 1, 2, 3].map((m) => ({ _id: new Date(Date.UTC(2026, 0, 1, 0, m)), n: 30, avg: m * 60 + 30 })));
});

test("a leading $match and $sort are served by an index, results longer than a batch come through a cursor", async () => {
  const collection = db.collection("readings");
  await collection.createIndex({ type: 1, value: -1 });
  const pipeline: Document[] = [{ $match: { type: "h" } }, { $sort: { value: -1 } }, { $project: { value: 1 } }];
  const explained = await collection.aggregate(pipeline).explain();
  expect(JSON.stringify(explained)).toContain('"stage":"IXSCAN"');
  const found = await collection.aggregate(pipeline, { batchSize: 10 }).toArray();
  expect(found.map((d) => d.value as number)).toEqual(Array.from({ length: 120 }, (_, i) => 238 - 2 * i));
});

test("$out replaces its target and keeps the target's indexes; $merge upserts into it", async () => {
  const target = db.collection<Document>("target");
  await target.insertOne({ _id: "old" as never });
  await target.createIndex({ n: 1 });
  await db
    .collection("readings")
    .aggregate([{ $group: { _id: "$type", n: { $sum: 1 } } }, { $out: "target" }])
    .toArray();
  expect(await target.find().sort({ _id: 1 }).toArray()).toEqual([
    { _id: "h", n: 120 },
    { _id: "t", n: 120 },
  ]);
  expect((await target.indexes()).map((index) => index.name)).toEqual(["_id_", "n_1"]);
  await db
    .collection("readings")
    .aggregate([{ $match: { _id: { $lt: 3 } } }, { $group: { _id: "$type", sum: { $sum: "$value" } } }, { $merge: { into: "target" } }])
    .toArray();
  expect(await target.find().sort({ _id: 1 }).toArray()).toEqual([
    { _id: "h", n: 120, sum: 2 },
    { _id: "t", n: 120, sum: 1 },
  ]);
});

test("countDocuments counts as the general pipeline does", async () => {
  const collection = db.collection("readings");
  expect(await collection.countDocuments()).toBe(240);
  expect(await collection.countDocuments({ type: "h" })).toBe(120);
  expect(await collection.countDocuments({ type: "h" }, { skip: 5, limit: 10 })).toBe(10);
  expect(await collection.countDocuments({ type: "none" })).toBe(0);
  expect(
    await collection.aggregate([{ $match: { type: "h" } }, { $group: { _id: 7, n: { $sum: 1 }, m: { $max: "$value" } } }]).toArray(),
  ).toEqual([{ _id: 7, n: 120, m: 238 }]);
  expect(await collection.aggregate([{ $group: { _id: null, n: { $sum: 1 } } }]).toArray()).toEqual([{ _id: null, n: 240 }]);
});

test("$lookup joins another collection, $setWindowFields and $count run", async () => {
  await db.collection<Document>("names").insertMany([
    { _id: "h" as never, name: "humidity" },
    { _id: "t" as never, name: "temperature" },
  ]);
  const joined = await db
    .collection("readings")
    .aggregate([
      { $match: { _id: { $in: [0, 1] } } },
      { $lookup: { from: "names", localField: "type", foreignField: "_id", as: "names" } },
      { $sort: { _id: 1 } },
    ])
    .toArray();
  expect(joined.map((d) => (d.names as Document[])[0]?.name as string)).toEqual(["humidity", "temperature"]);
  const ranked = await db
    .collection("readings")
    .aggregate([
      { $match: { _id: { $lt: 4 } } },
      {
        $setWindowFields: {
          partitionBy: "$type",
          sortBy: { value: 1 },
          output: { running: { $sum: "$value", window: { documents: ["unbounded", "current"] } } },
        },
      },
      { $sort: { _id: 1 } },
    ])
    .toArray();
  expect(ranked.map((d) => d.running as number)).toEqual([0, 1, 2, 4]);
  expect(
    await db
      .collection("readings")
      .aggregate([{ $count: "n" }])
      .toArray(),
  ).toEqual([{ n: 240 }]);
});
