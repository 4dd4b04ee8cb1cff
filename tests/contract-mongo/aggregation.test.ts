import { Decimal128, Double, Int32, Long, type Db, type Document } from "mongodb";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { failureOf, inDatabase, openContractServer, withDocuments, type ContractServer } from "./deployment.ts";

let server: ContractServer;
beforeAll(async () => {
  server = await openContractServer();
});
afterAll(() => server.close());

async function run(documents: readonly Document[], pipeline: Document[], options: Document = {}): Promise<Document[]> {
  return await withDocuments(server, documents, async (collection) => await collection.aggregate(pipeline, options).toArray());
}

/** The value of an expression for one document. */
async function value(expression: unknown, document: Document = {}): Promise<unknown> {
  const [one] = await run([{ _id: 1, ...document }], [{ $project: { _id: 0, v: expression } }]);
  return (one as Document).v as unknown;
}

const SALES: readonly Document[] = [
  { _id: 1, item: "a", price: 10, qty: 2, at: new Date("2026-01-01T10:15:00Z"), tags: ["x", "y"] },
  { _id: 2, item: "b", price: 20, qty: 1, at: new Date("2026-01-01T10:45:00Z"), tags: ["y"] },
  { _id: 3, item: "a", price: 30, qty: 5, at: new Date("2026-01-01T11:05:00Z"), tags: [] },
  { _id: 4, item: "c", price: 5, qty: 10, at: new Date("2026-01-02T10:00:00Z") },
];

describe("stages", () => {
  test.each<[string, Document[], Document[]]>([
    [
      "$group with its accumulators",
      [
        { $sort: { _id: 1 } },
        {
          $group: {
            _id: "$item",
            n: { $sum: 1 },
            total: { $sum: { $multiply: ["$price", "$qty"] } },
            avg: { $avg: "$price" },
            min: { $min: "$qty" },
            max: { $max: "$qty" },
            first: { $first: "$_id" },
            last: { $last: "$_id" },
            ids: { $push: "$_id" },
          },
        },
        { $sort: { _id: 1 } },
      ],
      [
        { _id: "a", n: 2, total: 170, avg: 20, min: 2, max: 5, first: 1, last: 3, ids: [1, 3] },
        { _id: "b", n: 1, total: 20, avg: 20, min: 1, max: 1, first: 2, last: 2, ids: [2] },
        { _id: "c", n: 1, total: 50, avg: 5, min: 10, max: 10, first: 4, last: 4, ids: [4] },
      ],
    ],
    [
      "$group leaves missing fields out of $push and $addToSet",
      [{ $group: { _id: null, a: { $push: "$nope" }, b: { $addToSet: "$nope" }, c: { $sum: "$nope" }, d: { $avg: "$nope" } } }],
      [{ _id: null, a: [], b: [], c: 0, d: null }],
    ],
    [
      "$unwind",
      [{ $unwind: "$tags" }, { $project: { tags: 1 } }, { $sort: { _id: 1, tags: 1 } }],
      [
        { _id: 1, tags: "x" },
        { _id: 1, tags: "y" },
        { _id: 2, tags: "y" },
      ],
    ],
    [
      "$unwind that keeps empty ones, with the index",
      [
        { $unwind: { path: "$tags", preserveNullAndEmptyArrays: true, includeArrayIndex: "i" } },
        { $project: { tags: 1, i: 1 } },
        { $match: { _id: { $gte: 2 } } },
        { $sort: { _id: 1 } },
      ],
      [
        { _id: 2, tags: "y", i: 0 },
        { _id: 3, i: null },
        { _id: 4, i: null },
      ],
    ],
    [
      "$project computes, keeps and drops",
      [{ $match: { _id: 1 } }, { $project: { item: 1, cost: { $multiply: ["$price", "$qty"] } } }],
      [{ _id: 1, item: "a", cost: 20 }],
    ],
    ["$project excludes", [{ $match: { _id: 1 } }, { $project: { at: 0, tags: 0, price: 0 } }], [{ _id: 1, item: "a", qty: 2 }]],
    [
      "$addFields nests and overwrites",
      [{ $match: { _id: 2 } }, { $addFields: { "x.y": "$qty", item: "z" } }, { $project: { x: 1, item: 1 } }],
      [{ _id: 2, item: "z", x: { y: 1 } }],
    ],
    ["$unset", [{ $match: { _id: 2 } }, { $unset: ["at", "tags", "price"] }], [{ _id: 2, item: "b", qty: 1 }]],
    ["$replaceRoot", [{ $match: { _id: 1 } }, { $replaceRoot: { newRoot: { only: "$item" } } }], [{ only: "a" }]],
    ["$count", [{ $match: { item: "a" } }, { $count: "n" }], [{ n: 2 }]],
    ["$count of nothing gives nothing", [{ $match: { item: "none" } }, { $count: "n" }], []],
    ["$sortByCount", [{ $sortByCount: "$item" }, { $limit: 1 }], [{ _id: "a", count: 2 }]],
    [
      "$bucket",
      [{ $bucket: { groupBy: "$price", boundaries: [0, 10, 25], default: "more", output: { n: { $sum: 1 } } } }],
      [
        { _id: 0, n: 1 },
        { _id: 10, n: 2 },
        { _id: "more", n: 1 },
      ],
    ],
    [
      "$facet",
      [{ $facet: { n: [{ $count: "n" }], dear: [{ $match: { price: { $gt: 15 } } }, { $project: { _id: 1 } }, { $sort: { _id: 1 } }] } }],
      [{ n: [{ n: 4 }], dear: [{ _id: 2 }, { _id: 3 }] }],
    ],
    [
      "$setWindowFields: a running sum, a rank, a shift and a moving average",
      [
        {
          $setWindowFields: {
            sortBy: { price: 1 },
            output: {
              sum: { $sum: "$price", window: { documents: ["unbounded", "current"] } },
              rank: { $rank: {} },
              before: { $shift: { output: "$price", by: -1, default: 0 } },
              avg: { $avg: "$price", window: { documents: [-1, 0] } },
            },
          },
        },
        { $project: { sum: 1, rank: 1, before: 1, avg: 1 } },
      ],
      [
        { _id: 4, sum: 5, rank: 1, before: 0, avg: 5 },
        { _id: 1, sum: 15, rank: 2, before: 5, avg: 7.5 },
        { _id: 2, sum: 35, rank: 3, before: 10, avg: 15 },
        { _id: 3, sum: 65, rank: 4, before: 20, avg: 25 },
      ],
    ],
    [
      "$setWindowFields by a range of time, in partitions",
      [
        {
          $setWindowFields: {
            partitionBy: "$item",
            sortBy: { at: 1 },
            output: { n: { $sum: "$qty", window: { range: [-1, 0], unit: "hour" } } },
          },
        },
        { $project: { n: 1 } },
        { $sort: { _id: 1 } },
      ],
      [
        { _id: 1, n: 2 },
        { _id: 2, n: 1 },
        { _id: 3, n: 7 },
        { _id: 4, n: 10 },
      ],
    ],
    [
      "$group by $dateTrunc",
      [{ $group: { _id: { $dateTrunc: { date: "$at", unit: "hour" } }, n: { $sum: 1 } } }, { $sort: { _id: 1 } }],
      [
        { _id: new Date("2026-01-01T10:00:00Z"), n: 2 },
        { _id: new Date("2026-01-01T11:00:00Z"), n: 1 },
        { _id: new Date("2026-01-02T10:00:00Z"), n: 1 },
      ],
    ],
    [
      "$group by $dateTrunc with bins of 30 minutes",
      [
        { $group: { _id: { $dateTrunc: { date: "$at", unit: "minute", binSize: 30 } }, n: { $sum: 1 } } },
        { $sort: { _id: 1 } },
        { $limit: 2 },
      ],
      [
        { _id: new Date("2026-01-01T10:00:00Z"), n: 1 },
        { _id: new Date("2026-01-01T10:30:00Z"), n: 1 },
      ],
    ],
    [
      "$percentile and $median",
      [
        {
          $group: {
            _id: null,
            p: { $percentile: { input: "$price", p: [0.5, 0.95], method: "approximate" } },
            m: { $median: { input: "$price", method: "approximate" } },
          },
        },
      ],
      [{ _id: null, p: [10, 30], m: 10 }],
    ],
    [
      "$topN and $bottom",
      [
        {
          $group: {
            _id: null,
            top: { $topN: { n: 2, sortBy: { price: -1 }, output: "$_id" } },
            low: { $bottom: { sortBy: { price: -1 }, output: "$_id" } },
          },
        },
      ],
      [{ _id: null, top: [3, 2], low: 4 }],
    ],
    [
      "$fill carries the last value on",
      [
        { $project: { tags: 1 } },
        { $sort: { _id: 1 } },
        { $fill: { sortBy: { _id: 1 }, output: { tags: { method: "locf" } } } },
        { $match: { _id: 4 } },
      ],
      [{ _id: 4, tags: [] }],
    ],
    ["$sample takes as many as asked", [{ $sample: { size: 2 } }, { $count: "n" }], [{ n: 2 }]],
    ["$redact", [{ $redact: { $cond: [{ $eq: ["$item", "a"] }, "$$KEEP", "$$PRUNE"] } }, { $count: "n" }], [{ n: 2 }]],
  ])("%s", async (_, pipeline, wanted) => {
    expect(await run(SALES, pipeline)).toEqual(wanted);
  });

  test("$densify fills a series of times", async () => {
    const documents = [
      { _id: 1, at: new Date("2026-01-01T00:00:00Z") },
      { _id: 2, at: new Date("2026-01-01T03:00:00Z") },
    ];
    const made = await run(documents, [
      { $densify: { field: "at", range: { step: 1, unit: "hour", bounds: "full" } } },
      { $project: { _id: 0, at: 1 } },
    ]);
    expect(made.map((one) => (one.at as Date).getUTCHours())).toEqual([0, 1, 2, 3]);
  });
});

async function joined(run_: (db: Db) => Promise<void>): Promise<void> {
  await inDatabase(server, async (db) => {
    await db.collection<Document>("orders").insertMany([
      { _id: 1 as never, item: "a", wanted: 5 },
      { _id: 2 as never, item: ["a", "b"], wanted: 1 },
      { _id: 3 as never, wanted: 2 },
    ]);
    await db.collection<Document>("stock").insertMany([
      { _id: "s1" as never, sku: "a", n: 10 },
      { _id: "s2" as never, sku: "b", n: 3 },
      { _id: "s3" as never, sku: null, n: 0 },
      { _id: "s4" as never, n: 4 },
    ]);
    await run_(db);
  });
}

describe("joins", () => {
  test("$lookup by equality: arrays by their elements, missing as null", async () => {
    await joined(async (db) => {
      const found = await db
        .collection("orders")
        .aggregate([{ $lookup: { from: "stock", localField: "item", foreignField: "sku", as: "s" } }, { $sort: { _id: 1 } }])
        .toArray();
      expect(found.map((one) => (one.s as Document[]).map((s) => s._id as string))).toEqual([["s1"], ["s1", "s2"], ["s3", "s4"]]);
    });
  });

  test("$lookup with let and a pipeline", async () => {
    await joined(async (db) => {
      const stage = {
        $lookup: {
          from: "stock",
          let: { w: "$wanted" },
          pipeline: [{ $match: { $expr: { $gte: ["$n", "$$w"] } } }, { $project: { n: 1, _id: 0 } }, { $sort: { n: 1 } }],
          as: "s",
        },
      };
      const found = await db
        .collection("orders")
        .aggregate([stage, { $sort: { _id: 1 } }])
        .toArray();
      expect(found.map((one) => (one.s as Document[]).map((s) => s.n as number))).toEqual([[10], [3, 4, 10], [3, 4, 10]]);
    });
  });

  test("$lookup by equality and a pipeline on what it joined", async () => {
    await joined(async (db) => {
      const stage = {
        $lookup: { from: "stock", localField: "item", foreignField: "sku", pipeline: [{ $match: { n: { $gt: 5 } } }], as: "s" },
      };
      const found = await db
        .collection("orders")
        .aggregate([stage, { $sort: { _id: 1 } }])
        .toArray();
      expect(found.map((one) => (one.s as Document[]).length)).toEqual([1, 1, 0]);
    });
  });

  test("$unionWith, with a pipeline of its own", async () => {
    await joined(async (db) => {
      const found = await db
        .collection("orders")
        .aggregate([
          { $project: { n: "$wanted", _id: 0 } },
          { $unionWith: { coll: "stock", pipeline: [{ $match: { n: { $gt: 3 } } }, { $project: { n: 1, _id: 0 } }] } },
        ])
        .toArray();
      expect(found.map((one) => one.n as number)).toEqual([5, 1, 2, 10, 4]);
    });
  });

  test("$graphLookup follows references", async () => {
    const people = [
      { _id: "a", boss: null },
      { _id: "b", boss: "a" },
      { _id: "c", boss: "b" },
      { _id: "d", boss: "c" },
    ];
    const [found] = await run(people, [
      { $match: { _id: "d" } },
      {
        $graphLookup: { from: "c", startWith: "$boss", connectFromField: "boss", connectToField: "_id", as: "above", depthField: "depth" },
      },
    ]);
    expect(
      (found?.above as Document[])
        .map((one) => [one._id, one.depth] as unknown[])
        .sort((a, b) => Number(a[1]) - Number(b[1]))
        .map(([id, depth]) => [id, Number(depth)]),
    ).toEqual([
      ["c", 0],
      ["b", 1],
      ["a", 2],
    ]);
  });
});

describe("$merge and $out", () => {
  const target = [
    { _id: 1, a: 1, keep: true },
    { _id: 2, a: 2 },
  ];
  const source = [
    { _id: 1, a: 10 },
    { _id: 3, a: 30 },
  ];
  async function merged(stage: Document): Promise<Document[]> {
    return await inDatabase(server, async (db) => {
      await db.collection("source").insertMany(source as never);
      await db.collection("target").insertMany(target as never);
      await db.collection("source").aggregate([stage]).toArray();
      return await db.collection("target").find().sort({ _id: 1 }).toArray();
    });
  }
  test.each<[string, Document, Document[]]>([
    [
      "merges into what is there, inserts the rest",
      { $merge: "target" },
      [
        { _id: 1, a: 10, keep: true },
        { _id: 2, a: 2 },
        { _id: 3, a: 30 },
      ],
    ],
    [
      "replaces",
      { $merge: { into: "target", whenMatched: "replace" } },
      [
        { _id: 1, a: 10 },
        { _id: 2, a: 2 },
        { _id: 3, a: 30 },
      ],
    ],
    ["keeps", { $merge: { into: "target", whenMatched: "keepExisting", whenNotMatched: "discard" } }, target],
    [
      "computes",
      { $merge: { into: "target", whenMatched: [{ $set: { a: { $add: ["$a", "$$new.a"] } } }], whenNotMatched: "discard" } },
      [
        { _id: 1, a: 11, keep: true },
        { _id: 2, a: 2 },
      ],
    ],
    ["$out replaces the whole", { $out: "target" }, source],
  ])("%s", async (_, stage, wanted) => {
    expect(await merged(stage)).toEqual(wanted);
  });

  test("whenMatched fail is a duplicate key, a join without a unique index 51183", async () => {
    expect(await failureOf(merged({ $merge: { into: "target", whenMatched: "fail" } }))).toMatchObject({
      code: 11000,
      keyPattern: { _id: 1 },
      keyValue: { _id: 1 },
    });
    expect((await failureOf(merged({ $merge: { into: "target", whenNotMatched: "fail" } }))).code).toBe(13113);
    expect((await failureOf(merged({ $merge: { into: "target", on: "a" } }))).code).toBe(51183);
  });
});

describe("expressions", () => {
  test.each<[string, unknown, unknown, Document?]>([
    ["$add of decimals", { $add: ["$d", "$d"] }, Decimal128.fromString("0.2"), { d: Decimal128.fromString("0.1") }],
    ["$sum passes over what is no number", { $sum: [1, "x", null, 2.5] }, 3.5],
    ["$add of a date and milliseconds", { $add: ["$t", 1000] }, new Date(1000), { t: new Date(0) }],
    ["$subtract of dates", { $subtract: ["$t", new Date(0)] }, 5000, { t: new Date(5000) }],
    ["null makes arithmetic null", { $add: [1, "$nope"] }, null],
    ["$divide", { $divide: [7, 2] }, 3.5],
    ["$mod", { $mod: [-7, 3] }, -1],
    ["$round to even", { $round: [2.5, 0] }, 2],
    ["$trunc", { $trunc: [-2.75, 1] }, -2.7],
    ["$cmp across types", { $cmp: ["x", 1] }, 1],
    ["a missing field is below null", { $lt: ["$nope", null] }, true],
    ["numbers of two types are equal", { $eq: ["$l", 5] }, true, { l: Long.fromNumber(5) }],
    ["$ifNull", { $ifNull: ["$nope", null, "z"] }, "z"],
    ["$cond", { $cond: { if: { $gt: ["$n", 3] }, then: "big", else: "small" } }, "big", { n: 4 }],
    ["$switch", { $switch: { branches: [{ case: { $eq: ["$n", 1] }, then: "one" }], default: "other" } }, "other", { n: 4 }],
    ["$type of missing", { $type: "$nope" }, "missing"],
    ["$type of a decimal", { $type: "$d" }, "decimal", { d: Decimal128.fromString("1") }],
    ["$type of a date", { $type: "$d" }, "date", { d: new Date(0) }],
    ["$isNumber", { $isNumber: "$d" }, true, { d: Decimal128.fromString("1") }],
    ["$toString of a number", { $toString: 1.5 }, "1.5"],
    ["$toInt of text", { $toInt: "42" }, 42],
    ["$toDate of text", { $toDate: "2026-01-01T00:00:00Z" }, new Date("2026-01-01T00:00:00Z")],
    ["$toDecimal", { $toDecimal: "1.10" }, Decimal128.fromString("1.10")],
    ["$toBool of text", { $toBool: "false" }, true],
    ["$convert with onError", { $convert: { input: "x", to: "int", onError: -1 } }, -1],
    ["$map", { $map: { input: "$a", as: "x", in: { $multiply: ["$$x", 2] } } }, [2, 4], { a: [1, 2] }],
    ["$filter", { $filter: { input: "$a", as: "x", cond: { $gt: ["$$x", 1] } } }, [2, 3], { a: [1, 2, 3] }],
    ["$reduce", { $reduce: { input: "$a", initialValue: 0, in: { $add: ["$$value", "$$this"] } } }, 6, { a: [1, 2, 3] }],
    ["$arrayElemAt from the end", { $arrayElemAt: ["$a", -1] }, 3, { a: [1, 2, 3] }],
    ["$slice", { $slice: ["$a", 1, 2] }, [2, 3], { a: [1, 2, 3] }],
    ["$concatArrays", { $concatArrays: [[1], [2]] }, [1, 2]],
    ["$in", { $in: [2, "$a"] }, true, { a: [1, 2] }],
    ["$size", { $size: "$a" }, 2, { a: [1, 2] }],
    ["$range", { $range: [0, 10, 3] }, [0, 3, 6, 9]],
    ["$sortArray", { $sortArray: { input: "$a", sortBy: { x: -1 } } }, [{ x: 2 }, { x: 1 }], { a: [{ x: 1 }, { x: 2 }] }],
    [
      "$setUnion",
      {
        $size: {
          $setUnion: [
            [1, 2],
            [2, 3],
          ],
        },
      },
      3,
    ],
    ["$concat", { $concat: ["a", "$b"] }, "ab", { b: "b" }],
    ["$concat with a missing field is null", { $concat: ["a", "$nope"] }, null],
    ["$substrCP", { $substrCP: ["héllo", 1, 3] }, "éll"],
    ["$split", { $split: ["a,b", ","] }, ["a", "b"]],
    ["$toUpper", { $toUpper: "abc" }, "ABC"],
    ["$trim", { $trim: { input: "  x " } }, "x"],
    ["$strLenCP", { $strLenCP: "héllo" }, 5],
    ["$indexOfCP", { $indexOfCP: ["abc", "c"] }, 2],
    ["$regexMatch", { $regexMatch: { input: "Abc", regex: "^a", options: "i" } }, true],
    ["$replaceAll", { $replaceAll: { input: "aXbX", find: "X", replacement: "-" } }, "a-b-"],
    [
      "$dateToString",
      { $dateToString: { date: "$t", format: "%Y-%m-%d %H:%M" } },
      "2026-03-04 05:06",
      { t: new Date("2026-03-04T05:06:07Z") },
    ],
    [
      "$dateToString in a time zone",
      { $dateToString: { date: "$t", format: "%H:%M", timezone: "+02:00" } },
      "07:06",
      { t: new Date("2026-03-04T05:06:07Z") },
    ],
    ["$dateFromParts", { $dateFromParts: { year: 2026, month: 2, day: 3 } }, new Date("2026-02-03T00:00:00Z")],
    [
      "$dateAdd over a month's end",
      { $dateAdd: { startDate: "$t", unit: "month", amount: 1 } },
      new Date("2026-02-28T00:00:00Z"),
      { t: new Date("2026-01-31T00:00:00Z") },
    ],
    [
      "$dateDiff counts boundaries",
      { $dateDiff: { startDate: "$t", endDate: new Date("2026-01-02T00:10:00Z"), unit: "day" } },
      1,
      { t: new Date("2026-01-01T23:50:00Z") },
    ],
    ["$dayOfWeek", { $dayOfWeek: "$t" }, 5, { t: new Date("2026-01-01T00:00:00Z") }],
    ["$isoWeek", { $isoWeek: "$t" }, 1, { t: new Date("2026-01-01T00:00:00Z") }],
    ["$objectToArray", { $objectToArray: { a: 1 } }, [{ k: "a", v: 1 }]],
    ["$arrayToObject", { $arrayToObject: [[["a", 1]]] }, { a: 1 }],
    ["$mergeObjects", { $mergeObjects: [{ a: 1 }, { b: 2 }] }, { a: 1, b: 2 }],
    ["$getField", { $getField: { field: "a.b", input: { $literal: { "a.b": 7 } } } }, 7],
    ["$let", { $let: { vars: { x: 2 }, in: { $add: ["$$x", 1] } } }, 3],
    ["$literal", { $literal: "$x" }, "$x"],
    ["a path through an array", "$a.x", [1, 2], { a: [{ x: 1 }, { x: 2 }] }],
    ["$max of an array", { $max: "$a" }, 9, { a: [1, 9, null] }],
    ["$avg of longs beyond 2^53", { $sum: ["$l", 1] }, Long.fromString("9007199254740994"), { l: Long.fromString("9007199254740993") }],
    ["$abs", { $abs: -5 }, 5],
    ["$sqrt", { $sqrt: 16 }, 4],
    ["$pow", { $pow: [2, 10] }, 1024],
    ["$and of nothing", { $and: [] }, true],
    ["$not", { $not: [0] }, true],
    ["$anyElementTrue", { $anyElementTrue: [[false, 1]] }, true],
    [
      "$zip",
      {
        $zip: {
          inputs: [
            [1, 2],
            ["a", "b"],
          ],
        },
      },
      [
        [1, "a"],
        [2, "b"],
      ],
    ],
    ["$first of an array", { $first: "$a" }, 1, { a: [1, 2] }],
    ["$indexOfArray", { $indexOfArray: ["$a", 2] }, 1, { a: [1, 2] }],
    ["$binarySize", { $strLenBytes: "é" }, 2],
  ])("%s", async (_, expression, wanted, document) => {
    expect(await value(expression, document)).toEqual(wanted);
  });

  test.each<[string, Document[], number]>([
    ["an unknown stage", [{ $nope: 1 }], 40324],
    ["two stages in one", [{ $match: {}, $limit: 1 }], 40323],
    ["an empty $project", [{ $project: {} }], 51272],
    ["$limit 0", [{ $limit: 0 }], 15958],
    ["$group without _id", [{ $group: { n: { $sum: 1 } } }], 15955],
    ["an unknown accumulator", [{ $group: { _id: 1, n: { $nope: 1 } } }], 15952],
    ["a field of $group that is no accumulator", [{ $group: { _id: 1, n: 1 } }], 40234],
    ["$unwind without a dollar", [{ $unwind: "a" }], 28818],
    ["$out in the middle", [{ $out: "x" }, { $limit: 1 }], 40601],
    ["$match that is no document", [{ $match: 1 }], 15959],
    ["an empty $sort", [{ $sort: {} }], 15976],
    ["an unknown expression", [{ $project: { a: { $nope: 1 } } }], 168],
    ["an undefined variable", [{ $project: { a: "$$nope" } }], 17276],
    ["division by zero", [{ $project: { a: { $divide: [1, 0] } } }], 2],
    ["$add of text", [{ $project: { a: { $add: [1, "x"] } } }], 14],
    ["text to a number", [{ $project: { a: { $toInt: "x" } } }], 241],
  ])("%s is refused", async (_, pipeline, code) => {
    await withDocuments(server, [{ _id: 1 }], async (collection) => {
      expect((await failureOf(collection.aggregate(pipeline).toArray())).code).toBe(code);
    });
  });
});

test("the types of numbers go through $match, $sort and $project", async () => {
  await withDocuments(server, [{ _id: 1, d: new Double(5), l: Long.fromNumber(7), i: new Int32(1) }], async (_collection, db) => {
    const typed = db.collection("c", { promoteValues: false, promoteLongs: false });
    const found = await typed
      .aggregate([{ $match: { d: 5 } }, { $sort: { _id: 1 } }, { $project: { d: 1, l: 1, i: 1, _id: 0 } }])
      .toArray();
    expect(found).toEqual([{ d: new Double(5), l: Long.fromNumber(7), i: new Int32(1) }]);
  });
});

test("let gives a pipeline its variables", async () => {
  expect(
    await run(SALES, [{ $match: { $expr: { $eq: ["$item", "$$wanted"] } } }, { $project: { x: "$$n" } }], {
      let: { wanted: "b", n: { $add: [1, 1] } },
    }),
  ).toEqual([{ _id: 2, x: 2 }]);
});
