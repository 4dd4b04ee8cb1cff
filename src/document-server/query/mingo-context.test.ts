import { Decimal128, Double, Int32, Long } from "bson";
import { describe, expect, test } from "vitest";
import { decodeDocument, encodeDocument } from "../bson/values.ts";
import { compileFilter } from "./matcher.ts";
import { asCommandFailure } from "./mingo-failure.ts";
import { mingo } from "./mingo-context.ts";

const run = (documents: Record<string, unknown>[], ...pipeline: Record<string, unknown>[]): unknown[] =>
  new (mingo().Aggregator)(pipeline, mingo().options)
    .run(documents.map((document) => decodeDocument(encodeDocument(document))))
    .map((document) => decodeDocument(encodeDocument(document)));

const matches = (filter: Record<string, unknown>, document: Record<string, unknown>): boolean =>
  compileFilter(decodeDocument(encodeDocument(filter)))?.matches(encodeDocument(document)) ?? true;

describe("mingo's traps, mended at our border", () => {
  test("$percentile and $median order numbers as numbers", () => {
    const documents = [9, 10, 100, 2, 33].map((v) => ({ v }));
    const group = {
      $group: {
        _id: null,
        p: { $percentile: { input: "$v", p: [0.2, 0.5, 0.9], method: "approximate" } },
        m: { $median: { input: "$v", method: "approximate" } },
      },
    };
    expect(run(documents, group)).toEqual([{ _id: null, p: [2, 10, 100], m: 10 }]);
    expect(run([{ v: [9, 10, 100] }], { $project: { _id: 0, m: { $median: { input: "$v", method: "approximate" } } } })).toEqual([
      { m: 10 },
    ]);
    const windowed = {
      $setWindowFields: {
        sortBy: { v: 1 },
        output: { m: { $median: { input: "$v", method: "approximate" }, window: { documents: ["unbounded", "unbounded"] } } },
      },
    };
    expect(run(documents, windowed).map((d) => (d as { m: number }).m)).toEqual([10, 10, 10, 10, 10]);
  });

  test("5, 5.0 and Long 5 are one group", () => {
    const documents = [{ k: new Int32(5) }, { k: new Double(5) }, { k: Long.fromNumber(5) }];
    expect(run(documents, { $group: { _id: "$k", n: { $sum: 1 } } })).toEqual([{ _id: 5, n: 3 }]);
  });

  test("a missing field groups as null and never comes out as undefined", () => {
    expect(
      run([{ a: 1 }, { a: null }], { $group: { _id: "$b", first: { $first: "$c" }, max: { $max: "$c" }, all: { $push: "$c" } } }),
    ).toEqual([{ _id: null, first: null, max: null, all: [] }]);
    expect(run([{ a: 1 }], { $project: { _id: 0, a: 1, b: "$nowhere" } })).toEqual([{ a: 1 }]);
  });

  test("numbers of every type compare by value, within their bracket", () => {
    const big = Long.fromString("9007199254740993");
    expect(matches({ v: { $gt: 9007199254740992 } }, { v: big })).toBe(true);
    expect(matches({ v: big }, { v: Long.fromString("9007199254740993") })).toBe(true);
    expect(matches({ v: { $gte: 2 } }, { v: Decimal128.fromString("2.1") })).toBe(true);
    expect(matches({ v: { $lt: 5 } }, { v: "4" })).toBe(false);
    expect(matches({ v: { $lt: 5 } }, { v: NaN })).toBe(false);
    expect(matches({ v: { $in: [Decimal128.fromString("2.50")] } }, { v: 2.5 })).toBe(true);
  });

  test("sub-documents are equal only with their fields in the same order", () => {
    expect(matches({ v: { a: 1, b: 2 } }, { v: { a: 1, b: 2 } })).toBe(true);
    expect(matches({ v: { a: 1, b: 2 } }, { v: { b: 2, a: 1 } })).toBe(false);
  });

  test("JavaScript operators are not there", () => {
    for (const filter of [{ $where: "true" }, { $expr: { $function: { body: "function() { return true }", args: [], lang: "js" } } }])
      expect(() => matches(filter as never, { a: 1 })).toThrow();
  });

  test("failures carry MongoDB's codes", () => {
    expect(() => compileFilter({ a: { $nope: 1 } })).toThrow(expect.objectContaining({ codeName: "BadValue" }));
    expect(() => asCommandFailure(() => run([{}], { $group: { _id: 1, x: { $nope: 1 } } }))).toThrow(
      expect.objectContaining({ codeName: "Location15952" }),
    );
  });
});
