import { Binary, Decimal128, Double, Int32, Long, MaxKey, MinKey, ObjectId, Timestamp, type Document } from "mongodb";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { failureOf, openContractServer, withDocuments, type ContractServer } from "./deployment.ts";

let server: ContractServer;
beforeAll(async () => {
  server = await openContractServer();
});
afterAll(() => server.close());

/** The `_id`s of the documents that a filter finds, in order of `_id`. */
async function found(documents: readonly Document[], filter: Document, options: Document = {}): Promise<unknown[]> {
  return await withDocuments(server, documents, async (collection) =>
    (await collection.find(filter, options).sort({ _id: 1 }).toArray()).map((one) => one._id as unknown),
  );
}

const VALUES: readonly Document[] = [
  { _id: 1, v: new Int32(5) },
  { _id: 2, v: new Double(5) },
  { _id: 3, v: Long.fromNumber(5) },
  { _id: 4, v: Decimal128.fromString("5.0") },
  { _id: 5, v: "5" },
  { _id: 6, v: null },
  { _id: 7 },
  { _id: 8, v: [5, 6] },
  { _id: 9, v: [] },
  { _id: 10, v: { a: 5 } },
  { _id: 11, v: true },
  { _id: 12, v: NaN },
];

describe("comparison", () => {
  test.each<[string, Document, number[]]>([
    ["numbers of every type are equal by value, arrays by an element", { v: 5 }, [1, 2, 3, 4, 8]],
    ["null is also missing", { v: null }, [6, 7]],
    ["$exists tells them apart", { v: { $exists: false } }, [7]],
    ["$ne is the rest", { v: { $ne: 5 } }, [5, 6, 7, 9, 10, 11, 12]],
    ["$gt stays among numbers", { v: { $gt: 4 } }, [1, 2, 3, 4, 8]],
    ["$gte of text stays among text", { v: { $gte: "" } }, [5]],
    ["$lte of null is null or missing", { v: { $lte: null } }, [6, 7]],
    ["$in with null", { v: { $in: [null, "5"] } }, [5, 6, 7]],
    ["$nin", { v: { $nin: [5, null] } }, [5, 9, 10, 11, 12]],
    ["NaN equals NaN", { v: NaN }, [12]],
    ["$not takes what is missing", { v: { $not: { $gt: 4 } } }, [5, 6, 7, 9, 10, 11, 12]],
    ["a sub-document", { v: { a: 5 } }, [10]],
    ["a path", { "v.a": 5 }, [10]],
    ["an empty array", { v: [] }, [9]],
    ["a whole array", { v: [5, 6] }, [8]],
    ["an element's place", { "v.1": 6 }, [8]],
    ["$size", { v: { $size: 2 } }, [8]],
    ["$type double", { v: { $type: "double" } }, [2, 12]],
    ["$type int, of elements too", { v: { $type: "int" } }, [1, 8]],
    ["$type long", { v: { $type: 18 } }, [3]],
    ["$type number", { v: { $type: "number" } }, [1, 2, 3, 4, 8, 12]],
    ["$type array", { v: { $type: "array" } }, [8, 9]],
    ["$type null", { v: { $type: "null" } }, [6]],
    ["$type of several", { v: { $type: ["bool", "object"] } }, [10, 11]],
    ["$and, $or, $nor", { $or: [{ $and: [{ v: { $gt: 4 } }, { v: { $lt: 6 } }] }, { v: true }], $nor: [{ _id: 1 }] }, [2, 3, 4, 8, 11]],
    ["$expr", { $expr: { $eq: ["$v", "5"] } }, [5]],
    ["$mod", { v: { $mod: [3, 2] } }, [1, 2, 3, 4, 8]],
    ["$comment says nothing", { $comment: "x", _id: 1 }, [1]],
  ])("%s", async (_, filter, ids) => {
    expect(await found(VALUES, filter)).toEqual(ids);
  });

  test("infinity is equal to itself in a range", async () => {
    expect(await found([{ _id: 1, v: Infinity }], { v: { $gt: 0, $lte: Infinity } })).toEqual([1]);
    expect(await found([{ _id: 1, v: -Infinity }], { v: { $gte: -Infinity } })).toEqual([1]);
  });

  const ORDER: readonly Document[] = [
    new MinKey(),
    null,
    Decimal128.fromString("-Infinity"),
    -1.5,
    Long.fromString("9007199254740992"),
    Long.fromString("9007199254740993"),
    "",
    "a",
    { a: 1 },
    { a: 2 },
    { b: 0 },
    new Binary(Buffer.from([1])),
    new ObjectId("0123456789abcdef01234567"),
    false,
    true,
    new Date(0),
    new Timestamp({ t: 1, i: 1 }),
    /a/,
    new MaxKey(),
  ].map((v, _id) => ({ _id, v }));

  test("a sort goes through MongoDB's order of types, with and without an index, both ways", async () => {
    await withDocuments(server, [...ORDER].reverse(), async (collection) => {
      const ids = async (sense: 1 | -1): Promise<unknown[]> =>
        (await collection.find().sort({ v: sense }).toArray()).map((one) => one._id as unknown);
      const upwards = ORDER.map((one) => one._id as number);
      for (const indexed of [false, true]) {
        if (indexed) await collection.createIndex({ v: 1 });
        expect(await ids(1)).toEqual(upwards);
        expect(await ids(-1)).toEqual([...upwards].reverse());
      }
    });
  });

  test("arrays sort by their least element upwards, by their greatest downwards; empty ones below null", async () => {
    const documents = [{ _id: 1, v: [5, 1] }, { _id: 2, v: 3 }, { _id: 3, v: [] }, { _id: 4, v: null }, { _id: 5 }, { _id: 6, v: [2, 9] }];
    await withDocuments(server, documents, async (collection) => {
      const ids = async (sense: 1 | -1): Promise<unknown[]> =>
        (await collection.find().sort({ v: sense, _id: 1 }).toArray()).map((one) => one._id as unknown);
      expect(await ids(1)).toEqual([3, 4, 5, 1, 6, 2]);
      expect(await ids(-1)).toEqual([6, 1, 2, 4, 5, 3]);
    });
  });
});

describe("arrays", () => {
  const DOCUMENTS: readonly Document[] = [
    {
      _id: 1,
      a: [
        { x: 1, y: 1 },
        { x: 2, y: 2 },
      ],
    },
    { _id: 2, a: [{ x: 1, y: 2 }] },
    { _id: 3, a: [1, 5, 9] },
    { _id: 4, a: [[1, 2], [3]] },
    { _id: 5, a: "x" },
  ];
  test.each<[string, Document, number[]]>([
    ["conditions on several elements", { "a.x": 1, "a.y": 2 }, [1, 2]],
    ["$elemMatch asks one element", { a: { $elemMatch: { x: 1, y: 2 } } }, [2]],
    ["$elemMatch of values", { a: { $elemMatch: { $gt: 4, $lt: 6 } } }, [3]],
    ["$elemMatch does not look into inner arrays", { a: { $elemMatch: { $eq: 1 } } }, [3]],
    ["two bounds may be met by two elements", { a: { $gt: 8, $lt: 2 } }, [3]],
    ["$all", { a: { $all: [1, 9] } }, [3]],
    ["$all with $elemMatch", { a: { $all: [{ $elemMatch: { x: 1 } }, { $elemMatch: { x: 2 } }] } }, [1]],
    ["an inner array as an element", { a: [3] }, [4]],
    ["an inner array by its place", { "a.0": 1 }, [3, 4]],
    ["not in any element", { "a.x": { $ne: 1 } }, [3, 4, 5]],
  ])("%s", async (_, filter, ids) => {
    expect(await found(DOCUMENTS, filter)).toEqual(ids);
  });
});

describe("text and bits", () => {
  const TEXTS: readonly Document[] = ["Abc", "abc", "xabc", "a\nbc", "ABC", "a.c", "é"].map((t, i) => ({ _id: i + 1, t }));
  test.each<[string, Document, number[]]>([
    ["a prefix", { t: /^ab/ }, [2]],
    ["i", { t: { $regex: "^ab", $options: "i" } }, [1, 2, 5]],
    ["s", { t: { $regex: "a.b", $options: "s" } }, [4]],
    ["m", { t: { $regex: "^bc", $options: "m" } }, [4]],
    ["x", { t: { $regex: "a b  c # comment", $options: "x" } }, [2, 3]],
    ["an inline option", { t: { $regex: "(?i)^abc" } }, [1, 2, 5]],
    ["an escaped dot", { t: { $regex: "a\\.c" } }, [6]],
    ["in $in", { t: { $in: [/^x/, "é"] } }, [3, 7]],
    ["in $not", { t: { $not: /b/i } }, [6, 7]],
  ])("a regular expression: %s", async (_, filter, ids) => {
    expect(await found(TEXTS, filter)).toEqual(ids);
  });

  test.each<[string, Document, number[]]>([
    ["$bitsAllSet", { n: { $bitsAllSet: [1, 2] } }, [2, 3]],
    ["$bitsAnySet", { n: { $bitsAnySet: 8 } }, [3]],
    ["$bitsAllClear", { n: { $bitsAllClear: 1 } }, [2]],
    ["$bitsAnyClear", { n: { $bitsAnyClear: [0, 3] } }, [1, 2]],
  ])("%s", async (_, filter, ids) => {
    expect(
      await found(
        [
          { _id: 1, n: 1 },
          { _id: 2, n: 6 },
          { _id: 3, n: 15 },
        ],
        filter,
      ),
    ).toEqual(ids);
  });
});

describe("projection", () => {
  const DOCUMENT = {
    _id: 1,
    a: 1,
    b: { c: 1, d: 2 },
    l: [
      { x: 1, y: 2 },
      { x: 3, y: 4 },
      { x: 5, y: 6 },
    ],
    n: [1, 2, 3, 4],
  };
  test.each<[string, Document, Document, Document?]>([
    ["inclusion", { a: 1, "b.c": 1 }, { _id: 1, a: 1, b: { c: 1 } }],
    ["without _id", { _id: 0, a: true }, { a: 1 }],
    ["exclusion", { b: 0, l: 0, n: 0 }, { _id: 1, a: 1 }],
    ["nested exclusion", { "b.d": 0, l: 0, n: 0 }, { _id: 1, a: 1, b: { c: 1 } }],
    ["nested form", { b: { c: 1 } }, { _id: 1, b: { c: 1 } }],
    ["through arrays", { "l.x": 1 }, { _id: 1, l: [{ x: 1 }, { x: 3 }, { x: 5 }] }],
    ["$slice", { n: { $slice: 2 }, l: 0, b: 0 }, { _id: 1, a: 1, n: [1, 2] }],
    ["$slice from the end", { n: { $slice: -1 }, l: 0, b: 0 }, { _id: 1, a: 1, n: [4] }],
    ["$slice with skip", { n: { $slice: [1, 2] }, l: 0, b: 0 }, { _id: 1, a: 1, n: [2, 3] }],
    ["$elemMatch", { l: { $elemMatch: { x: { $gt: 1 } } } }, { _id: 1, l: [{ x: 3, y: 4 }] }],
    ["the positional $", { "l.$": 1 }, { _id: 1, l: [{ x: 5, y: 6 }] }, { "l.x": 5 }],
    ["an expression", { s: { $sum: "$n" }, a: 1 }, { _id: 1, a: 1, s: 10 }],
    ["a field under another name", { z: "$b.c", _id: 0 }, { z: 1 }],
    ["a literal", { z: { $literal: 1 }, _id: 0 }, { z: 1 }],
  ])("%s", async (_, projection, wanted, filter) => {
    await withDocuments(server, [DOCUMENT], async (collection) => {
      const [one] = await collection.find(filter ?? {}, { projection }).toArray();
      expect(one).toEqual(wanted);
      expect(Object.keys(one ?? {})).toEqual(Object.keys(wanted));
    });
  });

  test("inclusion and exclusion do not mix", async () => {
    await withDocuments(server, [DOCUMENT], async (collection) => {
      expect((await failureOf(collection.find({}, { projection: { a: 1, b: 0 } }).toArray())).code).toBe(31254);
      expect((await failureOf(collection.find({}, { projection: { a: 0, b: 1 } }).toArray())).code).toBe(31253);
    });
  });
});

describe("collation", () => {
  const TEXTS: readonly Document[] = ["b", "A", "a", "B", "ä", "10", "9"].map((t, i) => ({ _id: i + 1, t }));
  const ids = async (filter: Document, sort: Document, collation: Document): Promise<unknown[]> =>
    await withDocuments(server, TEXTS, async (collection) =>
      (
        await collection
          .find(filter, { collation: collation as never })
          .sort(sort as never)
          .toArray()
      ).map((one) => one._id as unknown),
    );

  test("strength 1 knows neither case nor accents, 2 no case", async () => {
    expect(await ids({ t: "a" }, { _id: 1 }, { locale: "en", strength: 1 })).toEqual([2, 3, 5]);
    expect(await ids({ t: "a" }, { _id: 1 }, { locale: "en", strength: 2 })).toEqual([2, 3]);
    expect(await ids({ t: { $in: ["A", "B"] } }, { _id: 1 }, { locale: "en", strength: 2 })).toEqual([1, 2, 3, 4]);
    expect(await ids({ t: { $gt: "A" } }, { _id: 1 }, { locale: "en", strength: 2 })).toEqual([1, 4, 5]);
  });

  test("a sort by locale, and numbers by value", async () => {
    expect(await ids({}, { t: 1 }, { locale: "en" })).toEqual([6, 7, 3, 2, 5, 1, 4]);
    expect(await ids({}, { t: 1 }, { locale: "en", numericOrdering: true })).toEqual([7, 6, 3, 2, 5, 1, 4]);
    expect(await ids({}, { t: 1 }, { locale: "en", caseFirst: "upper" })).toEqual([6, 7, 2, 3, 5, 4, 1]);
  });

  test("distinct and $group take equal texts together", async () => {
    await withDocuments(server, TEXTS, async (collection) => {
      const collation = { locale: "en", strength: 1 } as const;
      expect((await collection.distinct("t", {}, { collation })).length).toBe(4);
      expect((await collection.aggregate([{ $group: { _id: "$t" } }], { collation }).toArray()).length).toBe(4);
    });
  });

  test.each<[string, Document, number]>([
    ["no locale", { strength: 1 }, 40414],
    ["a locale that is none", { locale: "nope" }, 2],
    ["a strength that is none", { locale: "en", strength: 9 }, 2],
    ["a field that is none", { locale: "en", nope: 1 }, 40415],
  ])("%s is refused", async (_, collation, code) => {
    await withDocuments(server, TEXTS, async (collection) => {
      expect((await failureOf(collection.find({}, { collation: collation as never }).toArray())).code).toBe(code);
    });
  });
});

describe("refused queries", () => {
  test.each<[string, Document]>([
    ["an unknown operator", { a: { $nope: 1 } }],
    ["an unknown operator at the top", { $nope: 1 }],
    ["$in without a list", { a: { $in: 1 } }],
    ["an empty $or", { $or: [] }],
    ["$and of what is no document", { $and: [1] }],
    ["$not of a value", { a: { $not: 1 } }],
    ["$elemMatch of a value", { a: { $elemMatch: 1 } }],
    ["$mod without a remainder", { a: { $mod: [1] } }],
    ["a negative $size", { a: { $size: -1 } }],
    ["$options without $regex", { a: { $options: "i" } }],
    ["an unknown type", { a: { $type: "nope" } }],
    ["an operator within $all", { a: { $all: [{ $gt: 1 }] } }],
  ])("%s", async (_, filter) => {
    await withDocuments(server, [{ _id: 1 }], async (collection) => {
      expect((await failureOf(collection.find(filter).toArray())).code).toBe(2);
    });
  });

  test("a variable that nothing defines", async () => {
    await withDocuments(server, [{ _id: 1 }], async (collection) => {
      expect((await failureOf(collection.find({ $expr: { $eq: ["$a", "$$nope"] } }).toArray())).code).toBe(17276);
    });
  });
});
