import { Decimal128, Double, Int32, Long, ObjectId, type Document } from "mongodb";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { failureOf, openContractServer, withDocuments, type ContractServer } from "./deployment.ts";

let server: ContractServer;
beforeAll(async () => {
  server = await openContractServer();
});
afterAll(() => server.close());

const TYPED = { promoteValues: false, promoteLongs: false } as const;

/** The document that an update makes of another. */
async function updated(
  before: Document,
  update: Document | Document[],
  options: Document = {},
  filter: Document = {},
): Promise<Document | null> {
  return await withDocuments(server, [before], async (collection) => {
    await collection.updateOne({ _id: before._id as never, ...filter }, update, options);
    return await collection.findOne({});
  });
}

describe("update operators", () => {
  test.each<[string, Document, Document, Document]>([
    ["$set makes sub-documents on its way", { _id: 1 }, { $set: { "a.b.c": 1 } }, { _id: 1, a: { b: { c: 1 } } }],
    ["$set of an array's element", { _id: 1, a: [1, 2] }, { $set: { "a.1": 5 } }, { _id: 1, a: [1, 5] }],
    ["$set behind an array's end fills with null", { _id: 1, a: [1] }, { $set: { "a.3": 5 } }, { _id: 1, a: [1, null, null, 5] }],
    ["$unset of an array's element leaves null", { _id: 1, a: [1, 2, 3] }, { $unset: { "a.1": "" } }, { _id: 1, a: [1, null, 3] }],
    ["$unset of what is not there", { _id: 1, a: 1 }, { $unset: { "b.c": "" } }, { _id: 1, a: 1 }],
    ["$inc of a missing field", { _id: 1 }, { $inc: { n: 3 } }, { _id: 1, n: 3 }],
    ["$mul of a missing field is zero", { _id: 1 }, { $mul: { n: 3 } }, { _id: 1, n: 0 }],
    ["$min keeps the lesser", { _id: 1, a: 5, b: 5 }, { $min: { a: 3, b: 9 } }, { _id: 1, a: 3, b: 5 }],
    ["$max across types: text is above numbers", { _id: 1, a: 5 }, { $max: { a: "x" } }, { _id: 1, a: "x" }],
    ["$rename moves the value to the end", { _id: 1, a: 1, b: 2 }, { $rename: { a: "c" } }, { _id: 1, b: 2, c: 1 }],
    ["$rename of what is not there changes nothing", { _id: 1, b: 2 }, { $rename: { a: "b" } }, { _id: 1, b: 2 }],
    ["$push to a missing field", { _id: 1 }, { $push: { a: 1 } }, { _id: 1, a: [1] }],
    ["$push of an array is one element", { _id: 1, a: [1] }, { $push: { a: [2, 3] } }, { _id: 1, a: [1, [2, 3]] }],
    ["$push $each $position", { _id: 1, a: [1, 4] }, { $push: { a: { $each: [2, 3], $position: 1 } } }, { _id: 1, a: [1, 2, 3, 4] }],
    ["$push $position from the end", { _id: 1, a: [1, 4] }, { $push: { a: { $each: [3], $position: -1 } } }, { _id: 1, a: [1, 3, 4] }],
    ["$push $slice from the end", { _id: 1, a: [1, 2] }, { $push: { a: { $each: [3, 4], $slice: -3 } } }, { _id: 1, a: [2, 3, 4] }],
    ["$push $slice 0 empties", { _id: 1, a: [1, 2] }, { $push: { a: { $each: [3], $slice: 0 } } }, { _id: 1, a: [] }],
    [
      "$push $sort by a field, then $slice",
      { _id: 1, a: [{ s: 3 }, { s: 1 }] },
      { $push: { a: { $each: [{ s: 2 }], $sort: { s: 1 }, $slice: 2 } } },
      { _id: 1, a: [{ s: 1 }, { s: 2 }] },
    ],
    ["$push $sort of whole elements", { _id: 1, a: [3, 1] }, { $push: { a: { $each: [2], $sort: -1 } } }, { _id: 1, a: [3, 2, 1] }],
    ["$addToSet knows 1 and 1.0 as one", { _id: 1, a: [1] }, { $addToSet: { a: new Double(1) } }, { _id: 1, a: [1] }],
    ["$addToSet $each", { _id: 1, a: [1] }, { $addToSet: { a: { $each: [1, 2, 2, 3] } } }, { _id: 1, a: [1, 2, 3] }],
    [
      "$addToSet compares documents by their fields' order",
      { _id: 1, a: [{ x: 1, y: 2 }] },
      { $addToSet: { a: { y: 2, x: 1 } } },
      {
        _id: 1,
        a: [
          { x: 1, y: 2 },
          { y: 2, x: 1 },
        ],
      },
    ],
    ["$pull of a value", { _id: 1, a: [1, 2, 1] }, { $pull: { a: 1 } }, { _id: 1, a: [2] }],
    ["$pull by a condition", { _id: 1, a: [1, 5, 9] }, { $pull: { a: { $gte: 5 } } }, { _id: 1, a: [1] }],
    ["$pull of documents by some fields", { _id: 1, a: [{ x: 1, y: 1 }, { x: 2 }] }, { $pull: { a: { x: 1 } } }, { _id: 1, a: [{ x: 2 }] }],
    ["$pull with $in", { _id: 1, a: ["a", "b", "c"] }, { $pull: { a: { $in: ["a", "c"] } } }, { _id: 1, a: ["b"] }],
    ["$pullAll", { _id: 1, a: [1, 2, 3, 1] }, { $pullAll: { a: [1, 3] } }, { _id: 1, a: [2] }],
    ["$pop at the end", { _id: 1, a: [1, 2, 3] }, { $pop: { a: 1 } }, { _id: 1, a: [1, 2] }],
    ["$pop at the front", { _id: 1, a: [1, 2, 3] }, { $pop: { a: -1 } }, { _id: 1, a: [2, 3] }],
    ["$bit", { _id: 1, a: 13 }, { $bit: { a: { and: 10 } } }, { _id: 1, a: 8 }],
    ["$[] changes every element", { _id: 1, a: [1, 2] }, { $inc: { "a.$[]": 10 } }, { _id: 1, a: [11, 12] }],
    [
      "$[] within $[]",
      { _id: 1, a: [{ b: [1, 2] }, { b: [3] }] },
      { $inc: { "a.$[].b.$[]": 1 } },
      { _id: 1, a: [{ b: [2, 3] }, { b: [4] }] },
    ],
    ["operators on several paths work in the order of the paths", { _id: 1 }, { $set: { b: 1, a: 1 } }, { _id: 1, a: 1, b: 1 }],
  ])("%s", async (_, before, update, after) => {
    const found = await updated(before, update);
    expect(found).toEqual(after);
    expect(Object.keys(found ?? {})).toEqual(Object.keys(after));
  });

  test("arrayFilters choose elements by identifier", async () => {
    const before = {
      _id: 1,
      g: [
        { q: 1, s: 80 },
        { q: 2, s: 90 },
        { q: 3, s: 95 },
      ],
    };
    const after = await updated(
      before,
      { $set: { "g.$[high].ok": true, "g.$[low].ok": false } },
      { arrayFilters: [{ "high.s": { $gte: 90 } }, { "low.s": { $lt: 90 } }] },
    );
    expect(after?.g).toEqual([
      { q: 1, s: 80, ok: false },
      { q: 2, s: 90, ok: true },
      { q: 3, s: 95, ok: true },
    ]);
  });

  test.each<[string, Document, Document, unknown]>([
    ["of a value", { a: 5 }, { _id: 1, a: [1, 5, 5] }, [1, 0, 5]],
    ["of a condition", { a: { $gt: 3 } }, { _id: 1, a: [1, 4, 9] }, [1, 0, 9]],
    ["of $elemMatch", { a: { $elemMatch: { $gte: 2, $lt: 5 } } }, { _id: 1, a: [1, 9, 3] }, [1, 9, 0]],
    ["of $in", { a: { $in: [7, 9] } }, { _id: 1, a: [1, 9, 7] }, [1, 0, 7]],
  ])("the positional $ is the first element %s", async (_, filter, before, wanted) => {
    expect((await updated(before, { $set: { "a.$": 0 } }, {}, filter))?.a).toEqual(wanted);
  });

  test("the positional $ reaches into documents", async () => {
    const before = {
      _id: 1,
      g: [
        { n: "a", v: 1 },
        { n: "b", v: 2 },
      ],
    };
    expect((await updated(before, { $inc: { "g.$.v": 10 } }, {}, { "g.n": "b" }))?.g).toEqual([
      { n: "a", v: 1 },
      { n: "b", v: 12 },
    ]);
  });

  test("$currentDate as a date and as a timestamp", async () => {
    const found = await updated({ _id: 1 }, { $currentDate: { d: true, t: { $type: "timestamp" } } });
    expect(Math.abs(Date.now() - (found?.d as Date).getTime())).toBeLessThan(60_000);
    expect((found?.t as { _bsontype: string })._bsontype).toBe("Timestamp");
  });
});

describe("types of numbers", () => {
  test.each<[string, unknown, Document, unknown]>([
    ["int + int is an int", new Int32(1), { $inc: { n: new Int32(2) } }, new Int32(3)],
    ["int + int beyond 32 bits is a long", new Int32(2 ** 31 - 1), { $inc: { n: new Int32(1) } }, Long.fromNumber(2 ** 31)],
    ["int + long is a long", new Int32(1), { $inc: { n: Long.fromNumber(2) } }, Long.fromNumber(3)],
    ["int + double is a double", new Int32(1), { $inc: { n: new Double(2) } }, new Double(3)],
    ["long + double is a double", Long.fromNumber(1), { $inc: { n: new Double(0.5) } }, new Double(1.5)],
    ["decimal + int is a decimal", Decimal128.fromString("1.5"), { $inc: { n: new Int32(1) } }, Decimal128.fromString("2.5")],
    [
      "decimal keeps its digits",
      Decimal128.fromString("0.1"),
      { $inc: { n: Decimal128.fromString("0.20") } },
      Decimal128.fromString("0.30"),
    ],
    ["long · int is exact", Long.fromString("4611686018427387903"), { $mul: { n: new Int32(2) } }, Long.fromString("9223372036854775806")],
    ["decimal · decimal", Decimal128.fromString("1.10"), { $mul: { n: Decimal128.fromString("3") } }, Decimal128.fromString("3.30")],
    ["$mul of a missing field takes the argument's type", undefined, { $mul: { n: Long.fromNumber(5) } }, Long.ZERO],
    ["$bit of an int and a long is a long", new Int32(5), { $bit: { n: { or: Long.fromNumber(2) } } }, Long.fromNumber(7)],
  ])("%s", async (_, before, update, after) => {
    await withDocuments(server, [{ _id: 1, ...(before === undefined ? {} : { n: before }) }], async (_collection, db) => {
      const typed = db.collection("c", TYPED);
      await typed.updateOne({}, update);
      expect((await typed.findOne({}))?.n).toEqual(after);
    });
  });

  test("what an update does not touch keeps its type and its place", async () => {
    const before = new Map<string, unknown>([
      ["_id", new ObjectId()],
      ["9", new Double(5)],
      ["1", Long.fromNumber(7)],
      ["m", Decimal128.fromString("1.00")],
      ["z", new Int32(1)],
    ]);
    await withDocuments(server, [], async (_collection, db) => {
      const typed = db.collection("c", TYPED);
      await typed.insertOne(before as unknown as Document);
      await typed.updateOne({}, { $set: { "deep.x": 1 }, $inc: { z: 1 } });
      const raw = (await db.collection("c", { raw: true }).findOne({})) as unknown as Buffer;
      const names = raw.toString("latin1");
      expect(names.indexOf("9\0")).toBeLessThan(names.indexOf("1\0"));
      expect(await typed.findOne({})).toMatchObject({
        "9": new Double(5),
        "1": Long.fromNumber(7),
        m: Decimal128.fromString("1.00"),
        z: new Int32(2),
      });
    });
  });
});

describe("refused updates", () => {
  test.each<[string, Document, Document | Document[], number, string, Document?]>([
    ["two operators on one path", { _id: 1 }, { $set: { a: 1 }, $inc: { a: 1 } }, 40, "ConflictingUpdateOperators"],
    ["a path and what lies in it", { _id: 1 }, { $set: { a: 1, "a.b": 1 } }, 40, "ConflictingUpdateOperators"],
    ["another _id", { _id: 1 }, { $set: { _id: 2 } }, 66, "ImmutableField"],
    ["no _id", { _id: 1 }, { $unset: { _id: "" } }, 66, "ImmutableField"],
    ["an unknown operator", { _id: 1 }, { $nope: { a: 1 } }, 9, "FailedToParse"],
    ["$inc of text", { _id: 1, a: "x" }, { $inc: { a: 1 } }, 14, "TypeMismatch"],
    ["$inc by text", { _id: 1 }, { $inc: { a: "x" } }, 14, "TypeMismatch"],
    ["$inc of null", { _id: 1, a: null }, { $inc: { a: 1 } }, 14, "TypeMismatch"],
    ["a field in a number", { _id: 1, a: 1 }, { $set: { "a.b": 1 } }, 28, "PathNotViable"],
    ["a name in an array", { _id: 1, a: [1] }, { $set: { "a.b": 1 } }, 28, "PathNotViable"],
    ["$push to a number", { _id: 1, a: 1 }, { $push: { a: 1 } }, 2, "BadValue"],
    ["$addToSet to a number", { _id: 1, a: 1 }, { $addToSet: { a: 1 } }, 2, "BadValue"],
    ["$pull from a number", { _id: 1, a: 1 }, { $pull: { a: 1 } }, 2, "BadValue"],
    ["$pop from a number", { _id: 1, a: 1 }, { $pop: { a: 1 } }, 14, "TypeMismatch"],
    ["$pop by 2", { _id: 1, a: [1] }, { $pop: { a: 2 } }, 9, "FailedToParse"],
    ["$rename to itself", { _id: 1, a: 1 }, { $rename: { a: "a" } }, 2, "BadValue"],
    ["an empty part of a path", { _id: 1 }, { $set: { "a..b": 1 } }, 56, "EmptyFieldName"],
    ["a dollar in front of a name", { _id: 1 }, { $set: { "a.$b": 1 } }, 52, "DollarPrefixedFieldName"],
    ["a positional $ without an array in the filter", { _id: 1, a: [1] }, { $set: { "a.$": 1 } }, 2, "BadValue"],
    ["an identifier without its filter", { _id: 1, a: [1] }, { $set: { "a.$[x]": 1 } }, 2, "BadValue"],
    ["a filter without its identifier", { _id: 1, a: [1] }, { $set: { a: 1 } }, 9, "FailedToParse", { arrayFilters: [{ x: 1 }] }],
    ["$[] on what is no array", { _id: 1, a: 1 }, { $set: { "a.$[]": 1 } }, 2, "BadValue"],
    ["a stage that no update has", { _id: 1 }, [{ $match: {} }], 72, "InvalidOptions"],
    ["$mul beyond 64 bits", { _id: 1, a: Long.MAX_VALUE }, { $mul: { a: 2 } }, 2, "BadValue"],
    ["a hint that is no index", { _id: 1 }, { $set: { a: 1 } }, 2, "BadValue", { hint: "nope_1" }],
  ])("%s", async (_, before, update, code, _codeName, options) => {
    await withDocuments(server, [before], async (collection) => {
      expect((await failureOf(collection.updateOne({ _id: before._id as never }, update, options ?? {}))).code).toBe(code);
      expect(await collection.findOne({})).toEqual(before);
    });
  });

  test("a replacement with another _id", async () => {
    await withDocuments(server, [{ _id: 1 }], async (collection) => {
      expect((await failureOf(collection.replaceOne({ _id: 1 as never }, { _id: 2 as never, a: 1 }))).code).toBe(66);
    });
  });

  test("a duplicate: 11000 with the index, its pattern and the value", async () => {
    await withDocuments(server, [{ _id: 1, a: { b: "x" } }], async (collection, db) => {
      await collection.createIndex({ "a.b": 1 }, { unique: true });
      const failure = await failureOf(collection.insertOne({ a: { b: "x" } }));
      expect(failure).toMatchObject({ code: 11000, keyPattern: { "a.b": 1 }, keyValue: { "a.b": "x" } });
      expect(failure.message).toBe(`E11000 duplicate key error collection: ${db.databaseName}.c index: a.b_1 dup key: { a.b: "x" }`);
    });
  });
});

describe("upserts", () => {
  test.each<[string, Document, Document | Document[], Document]>([
    [
      "takes equalities, also nested and in $and",
      { a: 1, $and: [{ "b.c": 2 }], d: { $eq: 3 } },
      { $set: { x: 1 } },
      { a: 1, b: { c: 2 }, d: 3, x: 1 },
    ],
    ["takes one value of $in and of $all", { a: { $in: [1] }, b: { $all: [2] } }, { $set: { x: 1 } }, { a: 1, b: 2, x: 1 }],
    ["takes nothing of comparisons and of several values", { a: { $gt: 1 }, b: { $in: [1, 2] } }, { $set: { x: 1 } }, { x: 1 }],
    ["$setOnInsert counts", { a: 1 }, { $setOnInsert: { y: 1 }, $set: { x: 1 } }, { a: 1, x: 1, y: 1 }],
    ["a pipeline works on the equalities", { a: 1 }, [{ $set: { b: { $add: ["$a", 1] } } }], { a: 1, b: 2 }],
    ["the equalities go on through operators", { n: 5 }, { $inc: { n: 1 } }, { n: 6 }],
  ])("%s", async (_, filter, update, wanted) => {
    await withDocuments(server, [], async (collection) => {
      const { upsertedId } = await collection.updateOne(filter, update, { upsert: true });
      expect(await collection.findOne({})).toEqual({ _id: upsertedId, ...wanted });
    });
  });

  test("a replacement keeps the filter's _id alone", async () => {
    await withDocuments(server, [], async (collection) => {
      await collection.replaceOne({ _id: 7 as never, a: 1 }, { b: 2 }, { upsert: true });
      expect(await collection.findOne({})).toEqual({ _id: 7, b: 2 });
    });
  });

  test("a path that the filter names twice is refused with 54", async () => {
    await withDocuments(server, [], async (collection) => {
      expect((await failureOf(collection.updateOne({ $and: [{ a: 1 }, { a: 2 }] }, { $set: { x: 1 } }, { upsert: true }))).code).toBe(54);
    });
  });
});
