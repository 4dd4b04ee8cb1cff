import { Binary, Decimal128, Double, Int32, Long, MaxKey, MinKey, ObjectId, Timestamp } from "bson";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { successor } from "../query/bounds.ts";
import { compareValues, keyOf } from "./values.ts";

const sign = (n: number): number => Math.sign(n);
const order = (a: unknown, b: unknown): number => sign(Buffer.compare(keyOf(a), keyOf(b)));

/** A number as an exact fraction, apart from the code under test: numerator · 10^exponent / 2^twos. */
function exactly(value: unknown): { readonly n: bigint; readonly ten: number; readonly twos: number } {
  if (value instanceof Long) return { n: value.toBigInt(), ten: 0, twos: 0 };
  if (value instanceof Decimal128) {
    const [mantissa = "0", exponent = "0"] = value.toString().split("E");
    const [whole = "0", fraction = ""] = mantissa.split(".");
    return { n: BigInt(whole + fraction), ten: Number(exponent) - fraction.length, twos: 0 };
  }
  let number = Number((value as Double | Int32).valueOf());
  let twos = 0;
  while (!Number.isInteger(number)) {
    number *= 2;
    twos++;
  }
  return { n: BigInt(number), ten: 0, twos };
}

function compareNumbers(a: unknown, b: unknown): number {
  const x = exactly(a);
  const y = exactly(b);
  const low = Math.min(x.ten, y.ten);
  const left = x.n * 10n ** BigInt(x.ten - low) * 2n ** BigInt(y.twos);
  const right = y.n * 10n ** BigInt(y.ten - low) * 2n ** BigInt(x.twos);
  return left < right ? -1 : left > right ? 1 : 0;
}

const numbers = fc.oneof(
  fc.integer().map((n) => new Int32(n)),
  fc.double({ noNaN: true, noDefaultInfinity: true }).map((n) => new Double(n)),
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map((n) => Long.fromBigInt(n)),
  fc.bigInt({ min: 2n ** 53n - 4n, max: 2n ** 53n + 64n }).map((n) => Long.fromBigInt(n)),
  fc.bigInt({ min: 2n ** 53n - 4n, max: 2n ** 53n + 64n }).map((n) => new Double(Number(n))),
  fc
    .tuple(fc.bigInt({ min: -(10n ** 33n), max: 10n ** 33n }), fc.integer({ min: -40, max: 40 }))
    .map(([n, e]) => Decimal128.fromString(`${n}E${e}`)),
  fc.tuple(fc.integer({ min: -100, max: 100 }), fc.constantFrom("", ".1", ".5", ".25")).map(([n, f]) => Decimal128.fromString(`${n}${f}`)),
  fc.tuple(fc.integer({ min: -100, max: 100 }), fc.constantFrom(0, 0.1, 0.5, 0.25)).map(([n, f]) => new Double(n + f)),
);

describe("order keys", () => {
  test("numbers of all types are in the order of their exact values", () => {
    fc.assert(
      fc.property(numbers, numbers, (a, b) => order(a, b) === compareNumbers(a, b)),
      { numRuns: 5000 },
    );
  });

  test("equal numbers of different types have one key, -0 is 0, NaN is below all", () => {
    for (const same of [new Int32(5), new Double(5), Long.fromNumber(5), Decimal128.fromString("5.00"), Decimal128.fromString("0.5E1")])
      expect(keyOf(same)).toEqual(keyOf(5));
    expect(keyOf(-0)).toEqual(keyOf(0));
    expect(keyOf(Decimal128.fromString("-0E5"))).toEqual(keyOf(0));
    expect(order(NaN, -Infinity)).toBe(-1);
    expect(keyOf(Decimal128.fromString("NaN"))).toEqual(keyOf(NaN));
    expect(order(Decimal128.fromString("1E400"), Infinity)).toBe(-1);
    expect(order(Decimal128.fromString("1E400"), Number.MAX_VALUE)).toBe(1);
    expect(order(Decimal128.fromString("-1E400"), -Infinity)).toBe(1);
  });

  test("text is in the order of its UTF-8 bytes, a prefix first, also around zero bytes", () => {
    const text = fc.oneof(
      fc.string({ unit: "binary" }),
      fc.string({ unit: fc.constantFrom("\u0000", "a", "\u00ff", "\u{1f600}", "\uffff") }),
    );
    fc.assert(
      fc.property(text, text, (a, b) => order(a, b) === sign(Buffer.compare(Buffer.from(a), Buffer.from(b)))),
      { numRuns: 2000 },
    );
  });

  test("types are in MongoDB's order", () => {
    const ascending = [
      new MinKey(),
      null,
      -1e300,
      Long.MAX_VALUE,
      "",
      "z",
      {},
      { a: 1 },
      [],
      [1],
      new Binary(Buffer.from("b")),
      new Binary(Buffer.from("aa")),
      new ObjectId("000000000000000000000001"),
      false,
      true,
      new Date(-1),
      new Date(0),
      new Timestamp({ t: 1, i: 0 }),
      /a/,
      new MaxKey(),
    ];
    for (let i = 1; i < ascending.length; i++) expect(order(ascending[i - 1], ascending[i])).toBe(-1);
  });

  test("objects compare field by field: type, name, value, then length", () => {
    expect(order({ a: 1 }, { a: 2 })).toBe(-1);
    expect(order({ a: 1 }, { a: 1, b: 0 })).toBe(-1);
    expect(order({ b: 1 }, { a: "x" })).toBe(-1);
    expect(order({ a: 2, b: 1 }, { b: 1, a: 2 })).toBe(-1);
  });

  test("complemented keys are in the opposite order, and a key's successor lies behind all that continue it", () => {
    const values = fc.oneof(numbers, fc.string({ unit: "binary" }), fc.constant(null), fc.date({ noInvalidDate: true }), fc.boolean());
    fc.assert(
      fc.property(values, values, fc.uint8Array({ maxLength: 4 }), (a, b, more) => {
        expect(sign(Buffer.compare(keyOf(a, true), keyOf(b, true)))).toBe(-order(a, b) + 0);
        const key = keyOf(a);
        expect(Buffer.compare(Buffer.concat([key, more]), successor(key))).toBe(-1);
        if (order(a, b) < 0) expect(Buffer.compare(successor(key), keyOf(b))).not.toBe(1);
      }),
      { numRuns: 1000 },
    );
  });

  test("compareValues agrees with the keys", () => {
    const values = fc.oneof(
      fc.integer(),
      fc.double(),
      fc.string({ unit: "binary" }),
      fc.date({ noInvalidDate: true }),
      fc.boolean(),
      fc.constant(null),
    );
    fc.assert(
      fc.property(values, values, (a, b) => sign(compareValues(a, b)) === order(a, b)),
      { numRuns: 2000 },
    );
  });
});
