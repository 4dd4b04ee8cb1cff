import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import os from "node:os";
import path from "node:path";
import {
  Binary,
  BSONRegExp,
  Decimal128,
  Double,
  Int32,
  Long,
  MaxKey,
  MinKey,
  MongoBulkWriteError,
  MongoClient,
  MongoServerError,
  ObjectId,
  Timestamp,
  type Db,
  type Document,
} from "mongodb";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { startDocumentServer, type DocumentServer } from "./server.ts";

let folder: string;
let server: DocumentServer;
let client: MongoClient;
let db: Db;

beforeAll(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), "document-server-"));
  server = await startDocumentServer({ dataDir: path.join(folder, "a"), port: 0 });
  client = await MongoClient.connect(server.uri);
});
beforeEach(async () => {
  db = client.db("test");
  await db.dropDatabase();
});
afterAll(async () => {
  await client.close();
  await server.close();
  await rm(folder, { recursive: true, force: true });
});

async function failureOf(work: Promise<unknown>): Promise<MongoServerError> {
  const thrown: unknown = await work.then(
    () => undefined,
    (error: unknown) => error,
  );
  expect(thrown).toBeInstanceOf(MongoServerError);
  return thrown as MongoServerError;
}

/** The stages of a winning plan, outermost first. */
function stages(explained: Document): string[] {
  const names: string[] = [];
  const { winningPlan } = explained.queryPlanner as { winningPlan: Document };
  for (let stage: Document | undefined = winningPlan; stage; stage = stage.inputStage as Document | undefined)
    names.push(String(stage.stage));
  return names;
}

describe("insert, find, update, delete with the driver", () => {
  test("what was inserted is found, in order of insertion", async () => {
    const collection = db.collection("things");
    const { insertedIds } = await collection.insertMany([{ n: 3 }, { n: 1 }, { n: 2 }]);
    expect(await collection.find().toArray()).toEqual([
      { _id: insertedIds[0], n: 3 },
      { _id: insertedIds[1], n: 1 },
      { _id: insertedIds[2], n: 2 },
    ]);
    expect(await collection.countDocuments({ n: { $gte: 2 } })).toBe(2);
    expect(await collection.distinct("n")).toEqual([1, 2, 3]);
  });

  test("every BSON type comes back as it was sent", async () => {
    const document = {
      _id: new ObjectId(),
      int: new Int32(5),
      double: new Double(5),
      long: Long.fromString("9223372036854775807"),
      small: Long.fromNumber(5),
      decimal: Decimal128.fromString("1234567890.123456789012345678"),
      date: new Date("2026-01-01T00:00:00.123Z"),
      binary: new Binary(Buffer.from([0, 1, 255]), 0x80),
      regex: new BSONRegExp("^a.*b$", "im"),
      timestamp: new Timestamp({ t: 7, i: 3 }),
      min: new MinKey(),
      max: new MaxKey(),
      text: 'ü\u0000"€',
      yes: true,
      nothing: null,
      nested: { list: [new Int32(1), { deep: [null, "x"] }, []], empty: {} },
    };
    const typed = client.db("test").collection<Document>("types", { promoteValues: false, promoteLongs: false, bsonRegExp: true });
    await typed.insertOne(document);
    const [found] = await typed.find().toArray();
    expect(found).toEqual({ ...document });
    await typed.updateOne({ _id: document._id }, { $set: { "nested.added": new Double(1) }, $inc: { double: 1 } });
    const [updated] = await typed.find().toArray();
    expect(updated).toEqual({ ...document, double: new Double(6), nested: { ...document.nested, added: new Double(1) } });
  });

  test("a missing field and null are told apart by $exists and not by $eq null", async () => {
    const collection = db.collection<{ _id: number; v?: null | number }>("nulls");
    await collection.insertMany([{ _id: 1, v: null }, { _id: 2 }, { _id: 3, v: 0 }]);
    expect((await collection.find({ v: null as never }).toArray()).map((d) => d._id)).toEqual([1, 2]);
    expect((await collection.find({ v: { $exists: false } }).toArray()).map((d) => d._id)).toEqual([2]);
    expect((await collection.find({ v: { $type: "null" } as never }).toArray()).map((d) => d._id)).toEqual([1]);
  });

  test("update operators: $set $unset $inc $mul $min $max $push $addToSet $pull $rename $setOnInsert", async () => {
    const collection = db.collection<Document>("ops");
    await collection.insertOne({ _id: 1 as never, n: 5, list: [1, 2], gone: 1, old: "x" });
    await collection.updateOne(
      { _id: 1 as never },
      {
        $set: { "a.b": 1 },
        $unset: { gone: "" },
        $inc: { n: 2 },
        $push: { list: 3 } as never,
        $rename: { old: "fresh" },
        $setOnInsert: { never: 1 },
      },
    );
    expect(await collection.findOne({})).toEqual({ _id: 1, n: 7, list: [1, 2, 3], fresh: "x", a: { b: 1 } });
    await collection.updateOne(
      { _id: 1 as never },
      { $min: { n: 3 }, $max: { "a.b": 9 }, $addToSet: { list: 3 } as never, $pull: { other: 1 } as never },
    );
    expect(await collection.findOne({}, { projection: { _id: 0, n: 1, "a.b": 1, list: 1 } })).toEqual({
      n: 3,
      a: { b: 9 },
      list: [1, 2, 3],
    });
    await collection.updateOne({ _id: 1 as never }, { $set: { "list.$[big]": 0 } }, { arrayFilters: [{ big: { $gte: 2 } }] });
    expect((await collection.findOne({}))?.list).toEqual([1, 0, 0]);
    await collection.updateOne({ _id: 1 as never }, [{ $set: { sum: { $sum: "$list" } } }]);
    expect((await collection.findOne({}))?.sum).toBe(1);
    expect(await collection.updateOne({ _id: 1 as never }, { $set: { n: 3 } })).toMatchObject({ matchedCount: 1, modifiedCount: 0 });
  });

  test("an upsert takes the filter's equalities, then the update, and makes an _id", async () => {
    const collection = db.collection<Document>("upserts");
    const first = await collection.updateOne(
      { type: "t", place: { $eq: "p" }, n: { $gt: 3 } },
      { $inc: { count: 1 }, $setOnInsert: { made: true } },
      { upsert: true },
    );
    expect(first).toMatchObject({ matchedCount: 0, modifiedCount: 0, upsertedCount: 1 });
    expect(await collection.findOne({})).toEqual({ _id: first.upsertedId, type: "t", place: "p", count: 1, made: true });
    const second = await collection.updateOne({ _id: "k" as never }, { $set: { v: 1 }, $setOnInsert: { w: 2 } }, { upsert: true });
    expect(second.upsertedId).toBe("k");
    expect(await collection.findOne({ _id: "k" as never })).toEqual({ _id: "k", v: 1, w: 2 });
    await collection.updateMany({}, { $set: { all: 1 } });
    expect(await collection.countDocuments({ all: 1 })).toBe(2);
  });

  test("bulkWrite tells inserted, matched, modified, upserted; the same bulk again changes nothing", async () => {
    const collection = db.collection<{ _id: string; v: number }>("bulk");
    const bulk = Array.from({ length: 2500 }, (_, i) => ({
      replaceOne: { filter: { _id: `k${i}` }, replacement: { v: i }, upsert: true },
    }));
    expect(await collection.bulkWrite(bulk)).toMatchObject({ upsertedCount: 2500, matchedCount: 0, modifiedCount: 0 });
    expect(await collection.bulkWrite(bulk)).toMatchObject({ upsertedCount: 0, matchedCount: 2500, modifiedCount: 0 });
    const changed = await collection.bulkWrite([
      { replaceOne: { filter: { _id: "k1" }, replacement: { v: -1 } } },
      { updateOne: { filter: { _id: "k2" }, update: { $set: { v: -2 } } } },
      { insertOne: { document: { _id: "new", v: 0 } } },
      { deleteOne: { filter: { _id: "k3" } } },
      { deleteMany: { filter: { v: { $gte: 2490 } } } },
    ]);
    expect(changed).toMatchObject({ modifiedCount: 2, insertedCount: 1, deletedCount: 11 });
    expect(await collection.findOne({ _id: "k2" })).toEqual({ _id: "k2", v: -2 });
    expect(await collection.countDocuments()).toBe(2490);
  });

  test("ordered bulks stop at the first failure, unordered ones go on; both name it by index", async () => {
    const collection = db.collection<{ _id: number }>("order");
    const documents = [{ _id: 1 }, { _id: 1 }, { _id: 2 }];
    const ordered = (await collection.insertMany(documents).catch((thrown: unknown) => thrown)) as MongoBulkWriteError;
    expect(ordered).toBeInstanceOf(MongoBulkWriteError);
    expect(ordered.insertedCount).toBe(1);
    await collection.deleteMany({});
    const unordered = (await collection
      .insertMany(documents, { ordered: false })
      .catch((thrown: unknown) => thrown)) as MongoBulkWriteError;
    expect(unordered.insertedCount).toBe(2);
    expect([unordered.writeErrors].flat().map((error) => [error.index, error.code])).toEqual([[1, 11000]]);
  });

  test("findOneAndUpdate, findOneAndReplace, findOneAndDelete give the document before or after", async () => {
    const collection = db.collection<{ _id: number; v: number }>("fam");
    await collection.insertMany([
      { _id: 1, v: 1 },
      { _id: 2, v: 2 },
    ]);
    expect(await collection.findOneAndUpdate({}, { $inc: { v: 10 } }, { sort: { v: -1 } })).toEqual({ _id: 2, v: 2 });
    expect(await collection.findOneAndReplace({ _id: 1 }, { v: 5 }, { returnDocument: "after" })).toEqual({ _id: 1, v: 5 });
    expect(await collection.findOneAndUpdate({ _id: 3 }, { $set: { v: 3 } }, { upsert: true, returnDocument: "after" })).toEqual({
      _id: 3,
      v: 3,
    });
    expect(await collection.findOneAndDelete({ _id: 2 })).toEqual({ _id: 2, v: 12 });
    expect(await collection.findOneAndDelete({ _id: 2 })).toBeNull();
  });
});

describe("cursors", () => {
  test("a result of many batches is complete, sorted, skipped and limited", async () => {
    const collection = db.collection<{ _id: number; v: number }>("many");
    await collection.insertMany(Array.from({ length: 3000 }, (_, i) => ({ _id: i, v: (i * 7919) % 3000 })));
    const found = await collection.find().sort({ v: -1 }).batchSize(100).toArray();
    expect(found.map((d) => d.v)).toEqual(Array.from({ length: 3000 }, (_, i) => 2999 - i));
    expect((await collection.find().sort({ v: 1 }).skip(10).limit(5).toArray()).map((d) => d.v)).toEqual([10, 11, 12, 13, 14]);
    expect(
      (
        await collection
          .find({ v: { $lt: 500 } })
          .batchSize(7)
          .toArray()
      ).length,
    ).toBe(500);
  });

  test("a cursor that is closed early is gone from the server", async () => {
    const collection = db.collection("early");
    await collection.insertMany(Array.from({ length: 500 }, () => ({})));
    const cursor = collection.find().batchSize(10);
    await cursor.next();
    const open = async (): Promise<number> =>
      ((await client.db("admin").command({ serverStatus: 1 })).metrics as Document).cursor.open.total as number;
    expect(await open()).toBe(1);
    await cursor.close();
    expect(await open()).toBe(0);
    expect((await failureOf(db.command({ getMore: Long.fromNumber(12345), collection: "early" }))).code).toBe(43);
  });

  test("a cursor whose collection is dropped ends with 175", async () => {
    const collection = db.collection("dropped");
    await collection.insertMany(Array.from({ length: 1000 }, () => ({})));
    const cursor = collection.find().batchSize(300);
    await cursor.next();
    await collection.drop();
    expect((await failureOf(cursor.toArray())).code).toBe(175);
  });

  test("a cursor goes on while others write and does not yield a document twice", async () => {
    const collection = db.collection<{ _id: number; v?: number }>("moving");
    await collection.insertMany(Array.from({ length: 1000 }, (_, i) => ({ _id: i })));
    const seen: number[] = [];
    for await (const document of collection.find().sort({ _id: 1 }).batchSize(50)) {
      seen.push(document._id);
      if (document._id === 100) await collection.deleteMany({ _id: { $gte: 500 } });
    }
    expect(new Set(seen).size).toBe(seen.length);
    expect(seen.slice(0, 101)).toEqual(Array.from({ length: 101 }, (_, i) => i));
  });
});

describe("indexes", () => {
  test("a sort by an indexed field reads the index, one by another field sorts in memory", async () => {
    const metrics = db.collection<Document>("sensor_metrics");
    await metrics.insertMany(
      Array.from({ length: 50 }, (_, i) => ({ window: { start: new Date(i * 1000) }, sensor_type: i % 2 ? "humidity" : "pressure" })),
    );
    await metrics.createIndex({ timestamp: -1 });
    const latest = metrics.find().sort({ "window.start": -1 }).limit(3);
    expect(stages(await latest.clone().explain())).toEqual(["LIMIT", "SORT", "COLLSCAN"]);
    await metrics.createIndex({ "window.start": -1 });
    expect(stages(await latest.clone().explain())).toEqual(["LIMIT", "FETCH", "IXSCAN"]);
    expect((await latest.toArray()).map((d) => (d.window as { start: Date }).start.getTime())).toEqual([49000, 48000, 47000]);
    const stats = (await metrics.find({ "window.start": { $gte: new Date(40000) } }).explain("executionStats")).executionStats as Document;
    expect(stats).toMatchObject({ nReturned: 10, totalDocsExamined: 10 });
    await metrics.createIndex({ sensor_type: 1, "window.start": 1 });
    expect(stages(await metrics.find({ sensor_type: "humidity" }).sort({ "window.start": -1 }).explain())).toEqual(["FETCH", "IXSCAN"]);
    expect(stages(await metrics.find({ _id: 1 as never }).explain())).toEqual(["IDHACK"]);
  });

  test("a unique index refuses doubles with 11000, keyPattern and keyValue, on insert, update and creation", async () => {
    const collection = db.collection<Document>("unique");
    await collection.createIndex({ a: 1, b: 1 }, { unique: true });
    await collection.insertMany([
      { _id: 1 as never, a: 1, b: 1 },
      { _id: 2 as never, a: 1, b: 2 },
    ]);
    const inserted = await failureOf(collection.insertOne({ a: 1, b: new Double(2) }));
    expect(inserted).toMatchObject({ code: 11000, keyPattern: { a: 1, b: 1 }, keyValue: { a: 1, b: 2 } });
    expect(inserted.message).toMatch(/^E11000 duplicate key error collection: test\.unique index: a_1_b_1 dup key:/);
    expect((await failureOf(collection.updateOne({ _id: 2 as never }, { $set: { b: 1 } }))).code).toBe(11000);
    expect(await collection.findOne({ _id: 2 as never })).toEqual({ _id: 2, a: 1, b: 2 });
    expect((await failureOf(collection.createIndex({ a: 1 }, { unique: true }))).code).toBe(11000);
    expect((await collection.indexes()).map((index) => index.name)).toEqual(["_id_", "a_1_b_1"]);
  });

  test("clashing definitions are refused with 85 and 86, the same one again is nothing", async () => {
    const collection = db.collection("clash");
    await collection.createIndex({ a: 1 });
    expect(await collection.createIndex({ a: 1 })).toBe("a_1");
    expect((await failureOf(collection.createIndex({ a: 1 }, { name: "other" }))).code).toBe(85);
    expect((await failureOf(collection.createIndex({ b: 1 }, { name: "a_1" }))).code).toBe(86);
    expect((await failureOf(collection.dropIndex("nope"))).code).toBe(27);
    await collection.dropIndex("a_1");
    expect((await collection.indexes()).length).toBe(1);
    expect((await failureOf(collection.createIndex({ a: "text" }))).code).toBe(67);
  });

  test("an array is found by each of its elements, once", async () => {
    const collection = db.collection<Document>("multikey");
    await collection.createIndex({ tags: 1 });
    await collection.insertMany([
      { _id: 1 as never, tags: ["a", "b", "a"] },
      { _id: 2 as never, tags: [] },
      { _id: 3 as never, tags: "b" },
    ]);
    expect((await collection.find({ tags: "b" }).toArray()).map((d) => d._id)).toEqual([1, 3]);
    expect((await collection.find({ tags: { $in: ["a", "b"] } }).toArray()).length).toBe(2);
    await collection.updateOne({ _id: 1 as never }, { $set: { tags: ["c"] } });
    expect((await collection.find({ tags: "a" }).toArray()).length).toBe(0);
    expect((await failureOf(collection.createIndex({ tags: 1, x: 1 }).then(() => collection.insertOne({ tags: [1], x: [1] })))).code).toBe(
      171,
    );
  });
});

describe("administration", () => {
  test("collections and databases are listed, created, renamed and dropped", async () => {
    await db.createCollection("made");
    await db.collection("other").insertOne({});
    expect((await db.listCollections().toArray()).map((c) => c.name)).toEqual(["made", "other"]);
    await db.createCollection("made");
    expect((await failureOf(db.createCollection("made", { capped: true, size: 1000 }))).code).toBe(48);
    const timeseries = { timeseries: { timeField: "at" } };
    expect((await failureOf(db.createCollection("series", timeseries))).code).toBe(72);
    await db.collection("other").rename("renamed");
    expect(await db.collection("renamed").countDocuments()).toBe(1);
    expect(await db.collection("made").drop()).toBe(true);
    expect((await client.db().admin().listDatabases()).databases.map((d) => d.name)).toContain("test");
    await db.dropDatabase();
    expect((await client.db().admin().listDatabases({ nameOnly: true })).databases).toEqual([]);
    expect((await failureOf(db.command({ listIndexes: "made" }))).code).toBe(26);
    expect((await failureOf(db.command({ collMod: "made" }))).code).toBe(26);
  });

  test("the server says what it is, not that it is MongoDB", async () => {
    const info = await client.db("admin").command({ buildInfo: 1 });
    expect(info.product).toBe("MongoDB-protocol development server");
    expect(await client.db("admin").command({ ping: 1 })).toEqual({ ok: 1 });
  });

  test("transactions are refused with 20 as by a standalone, sessions are accepted", async () => {
    await client.withSession(async (session) => {
      await db.collection("s").insertOne({ x: 1 }, { session });
      expect(await db.collection("s").countDocuments({}, { session })).toBe(1);
    });
    const refused = await failureOf(db.command({ find: "s", startTransaction: true, autocommit: false, txnNumber: Long.ONE }));
    expect(refused).toMatchObject({ code: 20, codeName: "IllegalOperation" });
  });

  test("wrong requests carry MongoDB's codes", async () => {
    const collection = db.collection<Document>("wrong");
    await collection.insertOne({ _id: 1 as never, text: "x" });
    expect((await failureOf(collection.find({ a: { $nope: 1 } }).toArray())).code).toBe(2);
    expect((await failureOf(collection.updateOne({}, { $nope: { a: 1 } } as never))).code).toBe(9);
    expect((await failureOf(collection.updateOne({}, { $inc: { text: 1 } }))).code).toBe(14);
    expect((await failureOf(collection.updateOne({}, { $set: { _id: 2 } as never }))).code).toBe(66);
    expect((await failureOf(collection.replaceOne({ _id: 1 as never }, { _id: 2 as never } as never))).code).toBe(66);
    expect((await failureOf(collection.insertOne({ _id: [1] as never }))).code).toBe(53);
    expect((await failureOf(collection.aggregate([{ $nope: 1 }]).toArray())).code).toBe(40324);
    expect((await failureOf(collection.insertOne({}, { writeConcern: { w: 2 } }))).code).toBe(2);
    expect((await failureOf(client.db("test").command({ insert: "a$b", documents: [{}] }))).code).toBe(73);
    expect((await failureOf(db.command({ nonsense: 1 }))).code).toBe(59);
  });

  test("what this server does not offer is refused, never ignored", async () => {
    const collection = db.collection<Document>("offers");
    expect((await failureOf(collection.createIndex({ a: "2dsphere" }))).code).toBe(67);
    expect((await failureOf(collection.aggregate([{ $match: {} }, { $collStats: {} }]).toArray())).code).toBe(40602);
    expect((await failureOf(collection.find({ at: { $near: [0, 0] } }).toArray())).code).toBe(2);
  });

  test("a validator refuses documents with 121 and leaves the stored one", async () => {
    const collection = await db.createCollection<{ _id: number; v: number }>("valid", { validator: { v: { $gte: 0 } } });
    await collection.insertOne({ _id: 1, v: 1 });
    expect((await failureOf(collection.insertOne({ _id: 2, v: -1 }))).code).toBe(121);
    expect((await failureOf(collection.updateOne({ _id: 1 }, { $set: { v: -1 } }))).code).toBe(121);
    expect(await collection.find().toArray()).toEqual([{ _id: 1, v: 1 }]);
  });

  test("fields named __proto__ and constructor are fields like others", async () => {
    const collection = db.collection<Document>("proto");
    const upsert = { q: { _id: 1 }, u: { $set: { a: 1 }, $setOnInsert: { "__proto__.polluted": 1 } }, upsert: true };
    const reply = await db.command({ update: "proto", updates: [upsert] });
    expect(reply.upserted).toEqual([{ index: 0, _id: 1 }]);
    expect((await failureOf(collection.aggregate([{ $addFields: { "__proto__.polluted": 1 } }]).toArray())).code).toBe(2);
    await collection.aggregate([{ $addFields: { "constructor.prototype.polluted": 1 } }]).toArray();
    await collection.updateOne({ _id: 1 as never }, [{ $set: { "constructor.prototype.polluted": 1 } }]);
    await collection.deleteMany({});
    expect(({} as Document).polluted).toBeUndefined();
    await collection.insertOne({ _id: 2 as never, constructor: { x: 1 } });
    expect(await collection.findOne({ "constructor.x": 1 })).toEqual({ _id: 2, constructor: { x: 1 } });
    await collection.updateOne({ "constructor.x": 1 }, { $inc: { "constructor.x": 1 } });
    expect((await collection.find().toArray())[0]).toEqual({ _id: 2, constructor: { x: 2 } });
  });

  test("a document beyond 16 MiB is refused with 10334", async () => {
    const refused = await failureOf(
      db.command({ insert: "big", documents: [{ _id: 1, text: "x".repeat(16 * 1024 * 1024) }] }).then((reply) => {
        const [error] = reply.writeErrors as Document[];
        throw new MongoServerError(error as never);
      }),
    );
    expect(refused.code).toBe(10334);
  });
});

test("a port in use is told with its holder", async () => {
  const taken = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => taken.once("listening", resolve));
  const { port } = taken.address() as { port: number };
  try {
    const failure = await startDocumentServer({ dataDir: path.join(folder, "b"), port }).then(
      () => undefined,
      (thrown: unknown) => thrown as Error & { code: string },
    );
    expect(failure?.code).toBe("PORT_IN_USE");
    expect(failure?.message).toContain(process.platform === "linux" ? `(pid ${process.pid})` : "another program");
    expect(failure?.message).toContain(String(port));
  } finally {
    await new Promise((resolve) => taken.close(resolve));
  }
});

test("data that another server has open are refused", async () => {
  const failure = await startDocumentServer({ dataDir: path.join(folder, "a"), port: 0 }).catch(
    (thrown: unknown) => thrown as Error & { code: string },
  );
  expect(failure).toMatchObject({ code: "DATA_IN_USE" });
});

test("documents, indexes and their uniqueness are there after a restart", async () => {
  const dataDir = path.join(folder, "c");
  for (let round = 0; round < 2; round++) {
    const own = await startDocumentServer({ dataDir, port: 0 });
    const other = await MongoClient.connect(own.uri);
    try {
      const collection = other.db("d").collection<{ _id: number; k: string; tags: string[] }>("c");
      if (round === 0) {
        await collection.createIndex({ k: 1 }, { unique: true });
        await collection.createIndex({ tags: 1 });
        await collection.insertMany(
          Array.from({ length: 1000 }, (_, i) => ({ _id: i, k: `k${i}`, tags: ["x", `t${i % 10}`] })),
          { writeConcern: { j: true } },
        );
      } else {
        expect(await collection.countDocuments()).toBe(1000);
        expect((await collection.find({ tags: "t3" }).toArray()).length).toBe(100);
        expect((await failureOf(collection.insertOne({ _id: -1, k: "k5", tags: [] }))).code).toBe(11000);
        expect(stages(await collection.find({ k: "k7" }).explain())).toEqual(["FETCH", "IXSCAN"]);
      }
    } finally {
      await other.close();
      await own.close();
    }
  }
});
