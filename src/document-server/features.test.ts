import { Long, type Document } from "bson";
import { MongoClient, MongoServerError, type Db } from "mongodb";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ManualClock, type Clock } from "../base/clock.ts";
import { startDocumentServer, type DocumentServer } from "./server.ts";

/** Time that goes on by itself, and further where a test says so: whoever sleeps is woken by `advance` alone. */
class AdvancedClock implements Clock {
  readonly #manual = new ManualClock();
  #ahead = 0;
  nowMs(): number {
    return Date.now() + this.#ahead;
  }
  monotonicMs(): number {
    return performance.now() + this.#ahead;
  }
  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return this.#manual.sleep(ms, signal);
  }
  advance(ms: number): void {
    this.#ahead += ms;
    this.#manual.advance(ms);
  }
}

const clock = new AdvancedClock();
let server: DocumentServer;
let client: MongoClient;
let db: Db;

beforeAll(async () => {
  server = await startDocumentServer({ storage: "memory", port: 0, clock });
  client = await MongoClient.connect(server.uri);
  db = client.db("features");
});
afterAll(async () => {
  await client.close();
  await server.close();
});

async function failureOf(run: Promise<unknown>): Promise<MongoServerError> {
  const thrown = await run.then(
    () => undefined,
    (error: unknown) => error,
  );
  expect(thrown).toBeInstanceOf(MongoServerError);
  return thrown as MongoServerError;
}

async function until(holds: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 5000;
  while (!(await holds())) {
    if (Date.now() > deadline) throw new Error("it has not come to hold within 5 s");
    await new Promise((resolve) => setImmediate(resolve));
  }
}

type Numbered = { _id: number; v?: number };

describe("TTL indexes", () => {
  test("delete within a minute what has expired, of arrays by the earliest date, and nothing without a date", async () => {
    const collection = db.collection<{ _id: number; at?: unknown }>("sessions");
    await collection.createIndex({ at: 1 }, { expireAfterSeconds: 3600 });
    const now = clock.nowMs();
    await collection.insertMany([
      { _id: 1, at: new Date(now - 3_601_000) },
      { _id: 2, at: new Date(now) },
      { _id: 3, at: [new Date(now - 7_200_000), new Date(now)] },
      { _id: 4, at: now - 9_000_000 },
      { _id: 5 },
      { _id: 6, at: "long ago" },
    ]);
    clock.advance(60_000);
    await until(async () => (await collection.countDocuments()) === 4);
    expect((await collection.find().sort({ _id: 1 }).toArray()).map(({ _id }) => _id)).toEqual([2, 4, 5, 6]);
    const reply = await db.command({ collMod: "sessions", index: { keyPattern: { at: 1 }, expireAfterSeconds: 10 } });
    expect(reply).toMatchObject({ expireAfterSeconds_old: 3600, expireAfterSeconds_new: 10, ok: 1 });
    clock.advance(60_000);
    await until(async () => (await collection.countDocuments({ _id: 2 })) === 0);
    const { metrics } = await db.command({ serverStatus: 1 });
    expect((metrics as Document).ttl).toMatchObject({ deletedDocuments: 3 });
  });

  test("are of one field, not of _id, with a time that is one", async () => {
    const collection = db.collection("ttl");
    expect((await failureOf(collection.createIndex({ a: 1, b: 1 }, { expireAfterSeconds: 1 }))).code).toBe(67);
    expect((await failureOf(collection.createIndex({ a: 1 }, { expireAfterSeconds: -1 }))).code).toBe(67);
    expect((await failureOf(collection.createIndex({ _id: 1 }, { expireAfterSeconds: 1 }))).code).toBe(197);
    await collection.createIndex({ a: 1 }, { expireAfterSeconds: 5 });
    expect((await failureOf(collection.createIndex({ a: 1 }, { expireAfterSeconds: 6 }))).code).toBe(85);
    expect((await collection.indexes())[1]).toMatchObject({ expireAfterSeconds: 5 });
  });
});

describe("capped collections", () => {
  test("keep their latest documents in order of insertion, by number and by bytes", async () => {
    const byNumber = await db.createCollection<Numbered>("capNumber", { capped: true, size: 100_000, max: 3 });
    await byNumber.insertMany(Array.from({ length: 10 }, (_, i) => ({ _id: 9 - i })));
    expect((await byNumber.find().toArray()).map(({ _id }) => _id)).toEqual([2, 1, 0]);
    expect((await byNumber.find().sort({ $natural: -1 }).toArray()).map(({ _id }) => _id)).toEqual([0, 1, 2]);
    const byBytes = await db.createCollection<Document>("capBytes", { capped: true, size: 1000 });
    for (let i = 0; i < 20; i++) await byBytes.insertOne({ i, text: "x".repeat(180) });
    const left = await byBytes.find().toArray();
    expect(left.map(({ i }) => i as number)).toEqual([16, 17, 18, 19]);
    expect((await failureOf(byBytes.insertOne({ text: "x".repeat(2000) }))).code).toBe(2);
    expect(await byBytes.isCapped()).toBe(true);
    expect(await db.command({ collStats: "capNumber" })).toMatchObject({ capped: true, max: 3, maxSize: 100_000, count: 3 });
    await db.command({ collMod: "capNumber", cappedMax: 1 });
    await byNumber.insertOne({ _id: 100 });
    expect(await byNumber.countDocuments()).toBe(1);
  });

  test("need a size, and nobody else may have one", async () => {
    expect((await failureOf(db.createCollection("x", { capped: true }))).code).toBe(72);
    expect((await failureOf(db.createCollection("x", { size: 100 }))).code).toBe(72);
    expect((await failureOf(db.createCollection("x", { capped: true, size: -5 }))).code).toBe(2);
    const capped = await db.createCollection("capTtl", { capped: true, size: 100 });
    expect((await failureOf(capped.createIndex({ at: 1 }, { expireAfterSeconds: 1 }))).code).toBe(67);
  });

  test("are followed by tailable cursors, which an insert wakes and a drop ends", async () => {
    const collection = await db.createCollection<Numbered>("followed", { capped: true, size: 100_000 });
    await collection.insertOne({ _id: 0 });
    const seen: number[] = [];
    const cursor = collection.find({}, { tailable: true, awaitData: true, maxAwaitTimeMS: 60_000 });
    const follow = (async () => {
      for await (const { _id } of cursor) seen.push(_id);
    })().catch((thrown: MongoServerError) => thrown.code);
    for (let i = 1; i <= 3; i++) {
      await collection.insertOne({ _id: i });
      await until(() => Promise.resolve(seen.length === i + 1));
    }
    expect(seen).toEqual([0, 1, 2, 3]);
    await collection.drop();
    expect(await follow).toBe(175);
  });

  test("lose a cursor that they have overtaken; others cannot be followed", async () => {
    const collection = await db.createCollection<Numbered>("overtaken", { capped: true, size: 100_000, max: 2 });
    await collection.insertMany([{ _id: 1 }, { _id: 2 }]);
    const cursor = collection.find({}, { tailable: true, batchSize: 2 });
    await cursor.next();
    await cursor.next();
    await collection.insertMany([{ _id: 3 }, { _id: 4 }, { _id: 5 }]);
    expect((await failureOf(cursor.next())).code).toBe(136);
    await db.collection("plain").insertOne({});
    expect((await failureOf(db.collection("plain").find({}, { tailable: true }).next())).code).toBe(2);
    expect((await failureOf(db.command({ find: "plain", awaitData: true }))).code).toBe(9);
  });
});

describe("cursors", () => {
  const open = async (more: Document = {}): Promise<Long> =>
    ((await db.command({ find: "many", batchSize: 2, ...more })).cursor as Document).id as Long;
  beforeAll(async () => {
    await db.collection("many").insertMany(Array.from({ length: 10 }, (_, i) => ({ v: i })));
  });

  test("are read on by any connection, until ten minutes go by unused", async () => {
    const id = await open();
    const kept = await open({ noCursorTimeout: true });
    const other = await MongoClient.connect(server.uri);
    try {
      const { cursor } = await other.db("features").command({ getMore: id, collection: "many", batchSize: 3 });
      expect((cursor as Document).nextBatch).toHaveLength(3);
      clock.advance(5 * 60_000);
      expect((await db.command({ getMore: id, collection: "many", batchSize: 1 })).ok).toBe(1);
      clock.advance(11 * 60_000);
      await until(async () => {
        const { metrics } = await db.command({ serverStatus: 1 });
        return ((metrics as Document).cursor as Document).open.total === 1;
      });
      expect((await failureOf(db.command({ getMore: id, collection: "many" }))).code).toBe(43);
      expect((await db.command({ getMore: kept, collection: "many" })).ok).toBe(1);
    } finally {
      await other.close();
    }
  });

  test("belong to their namespace, end with their session, and are gone when killed", async () => {
    const id = await open();
    expect((await failureOf(db.command({ getMore: id, collection: "else" }))).code).toBe(13);
    expect(await db.command({ killCursors: "many", cursors: [id, Long.fromNumber(7)] })).toMatchObject({
      cursorsKilled: [id],
      cursorsNotFound: [7],
    });
    expect((await failureOf(db.command({ getMore: id, collection: "many" }))).code).toBe(43);
    await client.withSession(async (session) => {
      const { cursor } = await db.command({ find: "many", batchSize: 2 }, { session });
      await db.command({ killSessions: [session.id] });
      expect((await failureOf(db.command({ getMore: (cursor as Document).id as Long, collection: "many" }))).code).toBe(43);
    });
    expect(((await db.command({ find: "many", batchSize: 0 })).cursor as Document).firstBatch).toEqual([]);
    expect(String(((await db.command({ find: "many", batchSize: 2, singleBatch: true })).cursor as Document).id)).toBe("0");
  });
});

describe("operations", () => {
  beforeAll(async () => {
    const big = db.collection<Numbered>("big");
    for (let at = 0; at < 60_000; at += 20_000)
      await big.insertMany(Array.from({ length: 20_000 }, (_, i) => ({ _id: at + i, v: (at + i) % 97, pad: "x".repeat(40) })));
  });

  const slow = { v: { $gte: 0 }, pad: { $regex: "^y" } };

  test("maxTimeMS ends a find, a sort, a count and an aggregation with 50", async () => {
    const big = db.collection<Numbered>("big");
    const soon = { maxTimeMS: 1 };
    for (const run of [
      () => big.find(slow as never, soon).toArray(),
      () =>
        big
          .find(slow as never, soon)
          .sort({ v: 1 })
          .toArray(),
      () => big.countDocuments(slow as never, soon),
      () => big.aggregate([{ $match: slow }, { $group: { _id: "$v" } }], soon).toArray(),
    ])
      expect((await failureOf(run())).code).toBe(50);
    expect((await failureOf(db.command({ find: "big", maxTimeMS: -1 }))).code).toBe(2);
  });

  test("a long scan lets others answer meanwhile, shows in currentOp, and ends with killOp", async () => {
    const big = db.collection<Numbered>("big");
    const scan = failureOf(big.find({ $or: [slow, { v: -1 }], $comment: "the long one" } as never).toArray());
    let answers = 0;
    await until(async () => {
      const { inprog } = await client.db("admin").command({ currentOp: 1 });
      answers++;
      const found = (inprog as Document[]).find(({ ns }) => ns === "features.big");
      if (found) await client.db("admin").command({ killOp: 1, op: found.opid as number });
      return found !== undefined;
    });
    expect((await scan).code).toBe(11601);
    expect(answers).toBeGreaterThan(0);
  });
});

describe("indexes", () => {
  const plan = async (filter: Document, sort?: Document, hint?: unknown): Promise<Document> => {
    const cursor = db.collection("planned").find(filter);
    if (sort) cursor.sort(sort as never);
    if (hint) cursor.hint(hint as never);
    return (await cursor.explain("executionStats")) as Document;
  };
  const indexOf = (stage: Document | undefined): string | undefined =>
    (stage?.indexName as string | undefined) ?? (stage?.inputStage ? indexOf(stage.inputStage as Document) : undefined);
  const chosen = async (filter: Document, sort?: Document): Promise<string | undefined> =>
    indexOf((await plan(filter, sort)).queryPlanner.winningPlan as Document);

  beforeAll(async () => {
    const collection = db.collection("planned");
    await collection.insertMany(
      Array.from({ length: 200 }, (_, i) => ({
        _id: i as never,
        a: i % 10,
        b: i,
        ...(i % 2 ? { s: i } : {}),
        tags: [`t${i % 3}`, "all"],
        state: i % 20 ? "done" : "open",
        d: { e: `k${i}` },
      })),
    );
    await collection.createIndexes([
      { key: { a: 1, b: -1 }, name: "ab" },
      { key: { s: 1 }, name: "sparse", sparse: true },
      { key: { tags: 1, b: 1 }, name: "tags" },
      { key: { b: 1 }, name: "open", partialFilterExpression: { state: "open" } },
      { key: { "d.e": 1 }, name: "dotted" },
      { key: { b: "hashed" }, name: "hash" },
    ]);
  });

  test("serve equality, ranges, order and arrays; examine what they must and no more", async () => {
    expect(await chosen({ a: 3 }, { b: -1 })).toBe("ab");
    expect(await chosen({ a: 3, b: { $gt: 100 } })).toBe("ab");
    expect(await chosen({}, { a: -1, b: 1 })).toBe("ab");
    expect(await chosen({ "d.e": "k7" })).toBe("dotted");
    expect(await chosen({ "d.e": /^k19/ })).toBe("dotted");
    expect(await chosen({ tags: "t1", b: { $lt: 50 } })).toBe("tags");
    expect(await chosen({ s: 5 })).toBe("sparse");
    expect(await chosen({ s: null })).toBeUndefined();
    expect(await chosen({}, { s: 1 })).toBeUndefined();
    expect(await chosen({ state: "open", b: { $gt: 5 } })).toBe("open");
    expect(await chosen({ b: { $gt: 5 } })).toBeUndefined();
    expect(await chosen({ b: 5 })).toBe("hash");
    const { executionStats, queryPlanner } = await plan({ a: 3, b: { $gte: 103, $lte: 143 } });
    expect(executionStats).toMatchObject({ nReturned: 5, totalKeysExamined: 5, totalDocsExamined: 5 });
    expect((queryPlanner.winningPlan as Document).inputStage).toMatchObject({
      stage: "IXSCAN",
      indexBounds: { a: ["[3, 3]"], b: ["[143, 103]"] },
    });
    expect((await plan({ state: "open" })).executionStats).toMatchObject({ nReturned: 10, totalKeysExamined: 10, totalDocsExamined: 10 });
  });

  test("hidden ones are kept up but not read, until they are shown again", async () => {
    await db.command({ collMod: "planned", index: { name: "dotted", hidden: true } });
    expect(await chosen({ "d.e": "k7" })).toBeUndefined();
    expect((await failureOf(plan({ "d.e": "k7" }, undefined, "dotted"))).code).toBe(2);
    await db.collection("planned").insertOne({ _id: 1000 as never, d: { e: "new" } });
    expect(await db.command({ collMod: "planned", index: { name: "dotted", hidden: false } })).toMatchObject({
      hidden_old: true,
      hidden_new: false,
    });
    expect(await chosen({ "d.e": "new" })).toBe("dotted");
    expect(await db.collection("planned").countDocuments({ "d.e": "new" })).toBe(1);
  });

  test("a hint is followed, one that names nothing is refused; uses are counted", async () => {
    const { winningPlan } = (await plan({ b: 7 }, undefined, { a: 1, b: -1 })).queryPlanner as Document;
    expect(indexOf(winningPlan as Document)).toBe("ab");
    expect((await failureOf(plan({}, undefined, "nothing"))).code).toBe(2);
    const before = await uses();
    await db.collection("planned").findOne({ a: 1 });
    expect(((await uses()).get("ab") ?? 0) - (before.get("ab") ?? 0)).toBe(1);
    async function uses(): Promise<Map<string, number>> {
      const stats = await db
        .collection("planned")
        .aggregate([{ $indexStats: {} }])
        .toArray();
      return new Map(stats.map(({ name, accesses }) => [name as string, Number((accesses as Document).ops)]));
    }
  });

  test("partial and sparse ones are unique over what they hold alone", async () => {
    const collection = db.collection("unique");
    await collection.createIndex({ k: 1 }, { unique: true, partialFilterExpression: { on: true } });
    await collection.insertMany([{ k: 1 }, { k: 1 }, { k: 1, on: true }]);
    expect((await failureOf(collection.insertOne({ k: 1, on: true }))).code).toBe(11000);
    expect((await failureOf(collection.updateOne({ on: { $exists: false } }, { $set: { on: true } }))).code).toBe(11000);
    await collection.createIndex({ email: 1 }, { unique: true, sparse: true });
    await collection.insertMany([{ email: "a" }, {}]);
    expect((await failureOf(collection.insertOne({ email: "a" }))).code).toBe(11000);
  });

  test("createIndexes and dropIndexes count, and refuse by MongoDB's rules", async () => {
    const create = (indexes: Document[]): Promise<Document> => db.command({ createIndexes: "rules", indexes });
    expect(await create([{ key: { a: 1 }, name: "a" }])).toEqual({
      numIndexesBefore: 1,
      numIndexesAfter: 2,
      createdCollectionAutomatically: true,
      ok: 1,
    });
    expect(await create([{ key: { a: 1 }, name: "a" }])).toMatchObject({ numIndexesAfter: 2, note: "all indexes already exist" });
    expect((await failureOf(create([{ key: { a: 1 }, name: "other" }]))).code).toBe(85);
    expect((await failureOf(create([{ key: { b: 1 }, name: "a" }]))).code).toBe(86);
    expect((await failureOf(create([{ key: { a: 1 }, name: "a", unique: true }]))).code).toBe(86);
    expect(await create([{ key: { a: 1 }, name: "unique", unique: true }])).toMatchObject({ numIndexesAfter: 3 });
    for (const [spec, code] of [
      [{ key: {}, name: "x" }, 67],
      [{ key: { a: 0 }, name: "x" }, 67],
      [{ key: { a: "text" }, name: "x" }, 67],
      [{ key: { a: 1 } }, 9],
      [{ name: "x" }, 9],
      [{ key: { a: 1 }, name: "x", nonsense: 1 }, 197],
      [{ key: { a: 1 }, name: "x", sparse: true, partialFilterExpression: { a: 1 } }, 67],
      [{ key: { a: 1 }, name: "x", partialFilterExpression: { a: { $ne: 1 } } }, 67],
      [{ key: { a: "hashed" }, name: "x", unique: true }, 16764],
    ] as const)
      expect((await failureOf(create([spec]))).code, JSON.stringify(spec)).toBe(code);
    const drop = (index: unknown): Promise<Document> => db.command({ dropIndexes: "rules", index });
    expect((await failureOf(drop({ a: 1 }))).code).toBe(181);
    expect((await failureOf(drop("_id_"))).code).toBe(72);
    expect((await failureOf(drop("nope"))).code).toBe(27);
    expect((await failureOf(drop({ z: 1 }))).code).toBe(27);
    expect(await drop(["a", "unique"])).toEqual({ nIndexesWas: 3, ok: 1 });
    expect(await drop("*")).toMatchObject({ nIndexesWas: 1, ok: 1 });
  });
});

test("the numbers of collStats and dbStats are those of what is stored", async () => {
  const own = client.db("stats");
  await own.collection("c").insertMany(Array.from({ length: 100 }, (_, i) => ({ _id: i as never, text: "x".repeat(100) })));
  await own.collection("c").createIndex({ text: 1 });
  const stats = await own.command({ collStats: "c" });
  expect(stats).toMatchObject({ count: 100, size: 12_500, avgObjSize: 125, nindexes: 2, capped: false });
  expect(stats.storageSize).toBeGreaterThanOrEqual(12_500);
  expect(Object.keys(stats.indexSizes as Document)).toEqual(["_id_", "text_1"]);
  expect((stats.indexSizes as Document).text_1).toBeGreaterThan(10_000);
  await own.collection("c").deleteMany({ _id: { $lt: 50 as never } });
  expect(await own.command({ collStats: "c" })).toMatchObject({ count: 50, size: 6_250 });
  expect(await own.command({ dbStats: 1 })).toMatchObject({ collections: 1, objects: 50, dataSize: 6_250, indexes: 2 });
  expect(await own.command({ validate: "c" })).toMatchObject({ valid: true, nrecords: 50, keysPerIndex: { _id_: 50, text_1: 50 } });
  const [described] = await own
    .collection("c")
    .aggregate([{ $collStats: { count: {}, storageStats: {} } }])
    .toArray();
  expect(described).toMatchObject({ ns: "stats.c", count: 50, storageStats: { count: 50, size: 6_250 } });
});

describe("large collections", () => {
  const gaps = async (run: () => Promise<unknown>): Promise<number> => {
    let longest = 0;
    let isDone = false;
    const work = run().finally(() => (isDone = true));
    while (!isDone) {
      const before = performance.now();
      await client.db("admin").command({ ping: 1 });
      longest = Math.max(longest, performance.now() - before);
    }
    await work;
    return longest;
  };

  test("are updated, indexed and emptied while others are answered, with the same outcome as at once", async () => {
    const large = db.collection<{ _id: number; v: number; z?: number }>("large");
    const count = 30_000;
    for (let at = 0; at < count; at += 10_000)
      await large.insertMany(Array.from({ length: 10_000 }, (_, i) => ({ _id: at + i, v: (at + i) % 10 })));
    let updated: { matchedCount: number; modifiedCount: number } | undefined;
    await gaps(async () => (updated = await large.updateMany({ v: { $lt: 5 } }, { $inc: { v: 100 } })));
    expect(updated).toMatchObject({ matchedCount: 15_000, modifiedCount: 15_000 });
    expect(await large.countDocuments({ v: { $gte: 100 } })).toBe(15_000);
    await Promise.all([
      large.createIndex({ v: 1 }),
      large.insertOne({ _id: -1, v: 777 }),
      large.updateOne({ _id: count - 1 }, { $set: { v: 778 } }),
      large.deleteOne({ _id: 0 }),
    ]);
    expect(await db.command({ validate: "large" })).toMatchObject({ valid: true, keysPerIndex: { _id_: count, v_1: count } });
    expect((await large.find({ v: { $in: [777, 778] } }).toArray()).map(({ _id }) => _id).sort()).toEqual([-1, count - 1]);
    expect((await failureOf(large.createIndex({ v: 1 }, { unique: true, name: "unique" }))).code).toBe(11000);
    expect((await large.indexes()).map(({ name }) => name)).toEqual(["_id_", "v_1"]);
    expect((await failureOf(large.updateMany({}, { $set: { _id: 1 } as never }))).code).toBe(66);
    expect((await failureOf(large.updateMany({}, { $nope: 1 } as never))).code).toBe(9);
    expect((await large.updateMany({ v: -1 }, { $set: { z: 1 } }, { upsert: true })).upsertedCount).toBe(1);
    expect((await large.deleteMany({ v: { $gte: 100 } })).deletedCount).toBe(15_001);
    expect((await large.deleteMany({}, { maxTimeMS: 60_000 })).deletedCount).toBe(count - 15_000);
  });
});
