import { Decimal128, Double, Int32, Long, ObjectId, type Document } from "bson";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { decodeTyped, encodeDocument } from "../bson/values.ts";
import { modify, readModification, upsertDocument } from "./modify.ts";
import { applyDirect, readDirectUpdate } from "./operation.ts";

const value = fc.oneof(
  fc.integer({ min: -5, max: 5 }).map((n) => new Int32(n)),
  fc.constantFrom(new Double(1), new Double(0.5), Long.fromNumber(3), Long.MAX_VALUE, Decimal128.fromString("1.50")),
  fc.constantFrom("", "text", null, true, new Date(5)),
  fc.constantFrom([new Int32(1), "x"], { in: new Double(2) }, {}, []),
);
const fields = fc.dictionary(fc.constantFrom("a", "b", "c", "d"), value, { noNullPrototype: true });
const id = fc.constantFrom<unknown>("k", new Int32(1), new ObjectId("0123456789abcdef01234567"), new Date(1));

function bothWays(stored: Document | undefined, filter: Document, update: Document): void {
  const operation = encodeDocument({ q: filter, u: update, upsert: true, multi: false });
  const direct = readDirectUpdate(operation, 0);
  if (direct === undefined) throw new Error("the operation is not taken for a direct one");
  const modification = readModification(encodeDocument(update), false);
  const options = { filter, arrayFilters: [], match: {}, nowMs: 0 };
  const before = stored && encodeDocument(stored);
  const general = before ? modify(before, modification, options) : upsertDocument(encodeDocument(filter), modification, options);
  expect(decodeTyped(applyDirect(direct, before))).toEqual(decodeTyped(general));
}

describe("the direct way and the general way", () => {
  test("replace a stored document alike, with and without _id in the replacement", () => {
    fc.assert(
      fc.property(id, fields, fields, fc.boolean(), fc.boolean(), (_id, stored, update, withId, exists) => {
        bothWays(exists ? { _id, ...stored } : undefined, { _id }, withId ? { _id, ...update } : update);
      }),
    );
  });

  test("$set and $setOnInsert alike", () => {
    fc.assert(
      fc.property(id, fields, fields, fields, fc.boolean(), (_id, stored, set, onInsert, exists) => {
        const fresh = Object.fromEntries(Object.entries(onInsert).filter(([name]) => !(name in set)));
        bothWays(exists ? { _id, ...stored } : undefined, { _id }, { $set: set, $setOnInsert: fresh });
      }),
    );
  });

  test.each([
    ["a filter with more than _id", { _id: 1, x: 1 }, { a: 1 }],
    ["a filter with operators", { _id: { $gt: 1 } }, { a: 1 }],
    ["a regular expression", { _id: /a/ }, { a: 1 }],
    ["another operator", { _id: 1 }, { $inc: { a: 1 } }],
    ["a dotted path", { _id: 1 }, { $set: { "a.b": 1 } }],
    ["a change of _id", { _id: 1 }, { _id: 2, a: 1 }],
    ["_id in $set", { _id: 1 }, { $set: { _id: 1 } }],
    ["a field twice", { _id: 1 }, { $set: { a: 1 }, $setOnInsert: { a: 2 } }],
  ])("%s goes the general way", (_, q, u) => {
    expect(readDirectUpdate(encodeDocument({ q, u, upsert: true, multi: false }), 0)).toBeUndefined();
  });

  test("multi, hints and array filters go the general way", () => {
    for (const more of [{ multi: true }, { hint: "_id_" }, { arrayFilters: [] }])
      expect(readDirectUpdate(encodeDocument({ q: { _id: 1 }, u: { a: 1 }, ...more }), 0)).toBeUndefined();
  });
});
