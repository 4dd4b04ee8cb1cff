import { mkdtempSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { Decimal128, Long, type Document } from "bson";
import fc from "fast-check";
import { afterAll, expect, test } from "vitest";
import { decodeDocument, encodeDocument, keyOf } from "../bson/values.ts";
import { runFind } from "../commands/find.ts";
import { Catalog } from "../storage/catalog.ts";
import { DocumentFile } from "../storage/document-file.ts";
import { parseIndexSpec } from "../storage/index-spec.ts";
import { parseSort } from "./planner.ts";
import { sortKeys } from "./sort.ts";

const folder = mkdtempSync(path.join(os.tmpdir(), "index-answers-"));
const file = new DocumentFile(folder);
const catalog = new Catalog(file);
afterAll(() => {
  file.close();
  rmSync(folder, { recursive: true, force: true });
});

const scalar = fc.oneof(
  fc.integer({ min: -3, max: 3 }),
  fc.constantFrom(0.5, -0.5, NaN, Infinity),
  fc.constantFrom("", "a", "b", "ab"),
  fc.constantFrom(null, true, false),
  fc.integer({ min: 0, max: 3 }).map((n) => new Date(n)),
  fc.constantFrom(Long.fromString("9007199254740993"), Long.fromNumber(2), Decimal128.fromString("0.5"), Decimal128.fromString("2.1")),
);
const value: fc.Arbitrary<unknown> = fc.oneof(
  { weight: 6, arbitrary: scalar },
  { weight: 1, arbitrary: fc.array(scalar, { maxLength: 3 }) },
);
const optional = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => fc.option(arbitrary, { nil: undefined, freq: 4 });
const document = fc.record({ a: optional(value), b: optional(value), s: optional(fc.record({ x: optional(value) })) });

const FIELDS = ["a", "b", "s.x"];
const condition = fc.oneof(
  scalar,
  scalar.map((v) => ({ $eq: v })),
  fc.array(scalar, { maxLength: 3 }).map((v) => ({ $in: v })),
  fc.tuple(fc.constantFrom("$gt", "$gte", "$lt", "$lte", "$ne"), scalar).map(([op, v]) => ({ [op]: v })),
  fc
    .tuple(fc.constantFrom("$gt", "$gte"), scalar, fc.constantFrom("$lt", "$lte"), scalar)
    .map(([low, v, high, w]) => ({ [low]: v, [high]: w })),
  fc.boolean().map((v) => ({ $exists: v })),
);
const filter = fc.array(fc.tuple(fc.constantFrom(...FIELDS), condition), { maxLength: 3 }).map((parts): Document => {
  if (new Set(parts.map(([field]) => field)).size === parts.length) return Object.fromEntries(parts);
  return { $and: parts.map(([field, wanted]) => ({ [field]: wanted })) };
});
const sort = fc
  .uniqueArray(fc.constantFrom(...FIELDS, "_id"), { maxLength: 2 })
  .chain((fields) => fc.tuple(...fields.map((field) => fc.tuple(fc.constant(field), fc.constantFrom(1, -1)))))
  .map((entries): Document => Object.fromEntries(entries as [string, number][]));

const INDEXES: readonly Document[] = [
  { key: { a: 1 } },
  { key: { b: -1 } },
  { key: { a: 1, b: -1 } },
  { key: { "s.x": 1, a: 1 } },
  { key: { b: 1, "s.x": -1, a: 1 } },
  { key: { b: 1 }, sparse: true },
  { key: { "s.x": -1, b: 1 }, sparse: true },
  { key: { a: -1, "s.x": 1 }, partialFilterExpression: { b: { $gt: 0 } } },
  { key: { b: 1, a: 1 }, partialFilterExpression: { a: { $exists: true } } },
  { key: { "s.x": 1 }, partialFilterExpression: { $or: [{ a: "a" }, { b: { $lte: 1 } }] } },
  { key: { a: 1, "s.x": 1 }, partialFilterExpression: { a: { $type: "string" } } },
];

let made = 0;

test("an index gives the same documents, in the same order, as a scan of everything", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(document, { maxLength: 25 }),
      fc.array(fc.tuple(filter, sort), { minLength: 1, maxLength: 8 }),
      async (documents, queries) => {
        const collection = await file.write(() => {
          const created = catalog.create("test", `c${made++}`, {});
          for (const spec of INDEXES) catalog.createIndex(created, parseIndexSpec({ ...spec, name: JSON.stringify(spec) }));
          documents.forEach((fields, i) => {
            const bytes = encodeDocument({ _id: i, ...fields });
            try {
              created.insert(keyOf(i), bytes);
            } catch (thrown) {
              if ((thrown as { codeName?: string }).codeName !== "CannotIndexParallelArrays") throw thrown;
            }
          });
          return created;
        });
        for (const [query, order] of queries) {
          const find = (hint: unknown): Buffer[] => [
            ...runFind(collection, { filter: query, sort: order, projection: undefined, skip: 0, limit: 0, hint }).documents,
          ];
          const served = find(undefined);
          const scanned = find({ $natural: 1 });
          const ids = (found: Buffer[]): unknown[] => found.map((bytes) => decodeDocument(bytes)._id as unknown).sort();
          expect(ids(served)).toEqual(ids(scanned));
          const sortKey = sortKeys(parseSort(order));
          if (Object.keys(order).length > 0) expect(served.map(sortKey)).toEqual(scanned.map(sortKey));
        }
        await file.write(() => catalog.drop(collection));
      },
    ),
    { numRuns: 150 },
  );
});
