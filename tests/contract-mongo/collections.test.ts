import { MongoBulkWriteError, MongoClientBulkWriteError, type Document } from "mongodb";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { failureOf, inDatabase, openContractServer, withDocuments, type ContractServer } from "./deployment.ts";

let server: ContractServer;
beforeAll(async () => {
  server = await openContractServer();
});
afterAll(() => server.close());

describe("validators", () => {
  const schema = {
    bsonType: "object",
    required: ["name", "age"],
    additionalProperties: false,
    properties: {
      _id: {},
      name: { bsonType: "string", minLength: 2 },
      age: { bsonType: ["int", "long"], minimum: 0, maximum: 150, description: "an age in years" },
      tags: { bsonType: "array", items: { bsonType: "string" }, uniqueItems: true, maxItems: 2 },
      kind: { enum: ["a", "b", null] },
    },
  };

  test.each<[string, Document, boolean]>([
    ["a document that fits", { name: "Ada", age: 36, tags: ["x"], kind: "a" }, true],
    ["a missing field", { name: "Ada" }, false],
    ["another type", { name: "Ada", age: "36" }, false],
    ["a number that is too small", { name: "Ada", age: -1 }, false],
    ["a text that is too short", { name: "A", age: 1 }, false],
    ["an element of another type", { name: "Ada", age: 1, tags: [1] }, false],
    ["an element twice", { name: "Ada", age: 1, tags: ["x", "x"] }, false],
    ["a value that is not listed", { name: "Ada", age: 1, kind: "c" }, false],
    ["a field that is not named", { name: "Ada", age: 1, more: 1 }, false],
  ])("$jsonSchema and %s", async (_, document, isValid) => {
    await inDatabase(server, async (db) => {
      const collection = await db.createCollection("c", { validator: { $jsonSchema: schema } });
      const inserted = collection.insertOne({ ...document });
      if (isValid) await inserted;
      else expect(await failureOf(inserted)).toMatchObject({ code: 121 });
      await collection.insertOne({ ...document }, { bypassDocumentValidation: true });
      expect(await collection.countDocuments({ $jsonSchema: schema })).toBe(isValid ? 2 : 0);
    });
  });

  test("errInfo says which rule was broken, by what", async () => {
    await inDatabase(server, async (db) => {
      const collection = await db.createCollection("c", { validator: { $jsonSchema: schema } });
      const { errInfo } = await failureOf(collection.insertOne({ _id: 7 as never, name: "Ada", age: -1 })).then(
        (failure) => failure as unknown as { errInfo: Document },
      );
      expect(errInfo).toEqual({
        failingDocumentId: 7,
        details: {
          operatorName: "$jsonSchema",
          schemaRulesNotSatisfied: [
            {
              operatorName: "properties",
              propertiesNotSatisfied: [
                {
                  propertyName: "age",
                  description: "an age in years",
                  details: [{ operatorName: "minimum", specifiedAs: { minimum: 0 }, reason: "comparison failed", consideredValue: -1 }],
                },
              ],
            },
          ],
        },
      });
    });
  });

  test("a query as a validator; moderate leaves what was wrong before alone, warn refuses nothing, collMod changes it", async () => {
    await inDatabase(server, async (db) => {
      const collection = await db.createCollection<{ _id: number; v: number; n?: number }>("c", { validator: { v: { $gte: 0 } } });
      const failure = await failureOf(collection.insertOne({ _id: 1, v: -1 }));
      expect((failure as unknown as { errInfo: Document }).errInfo.details).toMatchObject({
        operatorName: "$gte",
        specifiedAs: { v: { $gte: 0 } },
        reason: "comparison failed",
        consideredValue: -1,
      });
      await collection.insertOne({ _id: 1, v: -1 }, { bypassDocumentValidation: true });
      expect((await failureOf(collection.updateOne({ _id: 1 }, { $set: { n: 1 } }))).code).toBe(121);
      await db.command({ collMod: "c", validationLevel: "moderate" });
      await collection.updateOne({ _id: 1 }, { $set: { n: 1 } });
      expect((await failureOf(collection.insertOne({ _id: 2, v: -1 }))).code).toBe(121);
      await db.command({ collMod: "c", validationAction: "warn" });
      await collection.insertOne({ _id: 2, v: -1 });
      await db.command({ collMod: "c", validator: {} });
      expect(await collection.countDocuments()).toBe(2);
    });
  });

  test.each<[string, Document, number]>([
    ["an unknown keyword", { $jsonSchema: { nope: 1 } }, 9],
    ["an unknown type", { $jsonSchema: { bsonType: "nope" } }, 2],
    ["required of nothing", { $jsonSchema: { required: [] } }, 9],
    ["an unknown operator", { a: { $nope: 1 } }, 2],
  ])("%s is refused when the collection is made", async (_, validator, code) => {
    await inDatabase(server, async (db) => {
      expect((await failureOf(db.createCollection("c", { validator }))).code).toBe(code);
    });
  });
});

describe("views", () => {
  test("a view is read like a collection and cannot be written", async () => {
    await withDocuments(
      server,
      [
        { _id: 1, a: 1 },
        { _id: 2, a: 2 },
        { _id: 3, a: 2 },
      ],
      async (_collection, db) => {
        const view = await db.createCollection<Document>("v", {
          viewOn: "c",
          pipeline: [{ $match: { a: 2 } }, { $addFields: { b: { $add: ["$a", 1] } } }],
        });
        expect(await view.find({}, { sort: { _id: -1 }, projection: { b: 1 } }).toArray()).toEqual([
          { _id: 3, b: 3 },
          { _id: 2, b: 3 },
        ]);
        expect(await view.countDocuments({ b: 3 })).toBe(2);
        expect(await view.estimatedDocumentCount()).toBe(2);
        expect(await view.distinct("b")).toEqual([3]);
        expect(await view.aggregate([{ $group: { _id: null, n: { $sum: "$b" } } }]).toArray()).toEqual([{ _id: null, n: 6 }]);
        expect((await failureOf(view.insertOne({}))).code).toBe(166);
        expect((await failureOf(view.updateOne({}, { $set: { a: 1 } }))).code).toBe(166);
        expect((await failureOf(view.createIndex({ a: 1 }))).code).toBe(166);
        const [listed] = await db.listCollections({ name: "v" }).toArray();
        expect(listed).toMatchObject({ type: "view", options: { viewOn: "c" }, info: { readOnly: true } });
        await db.collection("c").createIndex({ a: 1 });
        expect(JSON.stringify(await view.find().explain())).toContain('"IXSCAN"');
        const onView = await db.createCollection<Document>("w", { viewOn: "v", pipeline: [{ $match: { _id: 3 } }] });
        expect(await onView.find().toArray()).toEqual([{ _id: 3, a: 2, b: 3 }]);
      },
    );
  });

  test("a view that writes, or stands on nothing, is refused", async () => {
    await inDatabase(server, async (db) => {
      expect((await failureOf(db.createCollection("v", { viewOn: "c", pipeline: [{ $out: "x" }] }))).code).toBe(167);
      expect((await failureOf(db.createCollection("v", { viewOn: "" }))).code).toBe(2);
      expect((await failureOf(db.command({ create: "v", pipeline: [] }))).code).toBe(72);
    });
  });
});

describe("bulks", () => {
  test("of a client: several collections of several databases in one command", async () => {
    await inDatabase(server, async (db) => {
      const namespace = (name: string): string => `${db.databaseName}.${name}`;
      const result = await server.client.bulkWrite(
        [
          { name: "insertOne", namespace: namespace("a"), document: { _id: 1, v: 1 } as never },
          { name: "insertOne", namespace: namespace("b"), document: { _id: 1, v: 1 } as never },
          { name: "updateOne", namespace: namespace("a"), filter: { _id: 1 as never }, update: { $inc: { v: 1 } } },
          { name: "updateOne", namespace: namespace("b"), filter: { _id: 9 as never }, update: { $set: { v: 9 } }, upsert: true },
          { name: "deleteMany", namespace: namespace("b"), filter: { v: 1 } },
        ],
        { verboseResults: true },
      );
      expect(result).toMatchObject({ insertedCount: 2, matchedCount: 1, modifiedCount: 1, upsertedCount: 1, deletedCount: 1 });
      expect(result.updateResults?.get(3)).toMatchObject({ upsertedId: 9 });
      expect(await db.collection("a").find().toArray()).toEqual([{ _id: 1, v: 2 }]);
      expect(await db.collection("b").find().toArray()).toEqual([{ _id: 9, v: 9 }]);
    });
  });

  test("of a client: unordered goes on behind a failure and names it by its place", async () => {
    await inDatabase(server, async (db) => {
      const namespace = `${db.databaseName}.a`;
      const models = [1, 1, 2].map((_id) => ({ name: "insertOne" as const, namespace, document: { _id: _id as never } }));
      const failure = (await server.client
        .bulkWrite(models, { ordered: false })
        .catch((thrown: unknown) => thrown)) as MongoClientBulkWriteError;
      expect(failure).toBeInstanceOf(MongoClientBulkWriteError);
      expect([...failure.writeErrors].map(([index, error]) => [index, error.code])).toEqual([[1, 11000]]);
      expect(await db.collection("a").countDocuments()).toBe(2);
    });
  });

  test("of a collection: errors by index; what came before stays", async () => {
    await withDocuments(server, [{ _id: 1 }], async (collection) => {
      const failure = (await collection
        .bulkWrite([
          { insertOne: { document: { _id: 2 as never } } },
          { insertOne: { document: { _id: 1 as never } } },
          { deleteMany: { filter: {} } },
        ])
        .catch((thrown: unknown) => thrown)) as MongoBulkWriteError;
      expect(failure).toBeInstanceOf(MongoBulkWriteError);
      const [error] = [failure.writeErrors].flat();
      expect(error).toMatchObject({ index: 1, code: 11000 });
      expect(await collection.countDocuments()).toBe(2);
    });
  });
});

test("let reaches the filter of every write", async () => {
  await withDocuments(
    server,
    [
      { _id: 1, a: 1 },
      { _id: 2, a: 2 },
    ],
    async (collection) => {
      const is = (name: string): Document => ({ $expr: { $eq: ["$a", `$$${name}`] } });
      await collection.updateOne(is("one"), [{ $set: { b: "$$one" } }], { let: { one: 1 } });
      await collection.deleteOne(is("two"), { let: { two: { $add: [1, 1] } } });
      expect(await collection.find(is("x"), { let: { x: 1 } }).toArray()).toEqual([{ _id: 1, a: 1, b: 1 }]);
      expect(await collection.findOneAndUpdate(is("x"), { $set: { c: 1 } }, { let: { x: 1 }, returnDocument: "after" })).toEqual({
        _id: 1,
        a: 1,
        b: 1,
        c: 1,
      });
    },
  );
});

test("min, max, returnKey and showRecordId look at an index", async () => {
  await withDocuments(
    server,
    [1, 2, 3, 4].map((n) => ({ _id: n, n })),
    async (collection) => {
      await collection.createIndex({ n: 1 });
      const between = collection.find({}, { min: { n: 2 }, max: { n: 4 }, hint: { n: 1 } });
      expect((await between.toArray()).map((one) => one.n as number)).toEqual([2, 3]);
      expect((await failureOf(collection.find({}, { min: { n: 2 } }).toArray())).code).toBe(51173);
      expect(await collection.find({ n: 3 }, { returnKey: true, hint: { n: 1 } }).toArray()).toEqual([{ n: 3 }]);
      expect((await collection.find({ n: 3 }, { showRecordId: true }).toArray())[0]).toHaveProperty("$recordId");
    },
  );
});
