import fc from "fast-check";
import { expect, test } from "vitest";
import { civilFromDays, daysFromCivil, isoWeek } from "./calendar.ts";
import { comparatorOf, compareText, groupKeyOf } from "./compare.ts";
import type { DataType } from "./data-type.ts";
import { parseDataType, parseSchema } from "./ddl.ts";
import { fromJsonValue, toJsonValue } from "./json-value.ts";
import { addLong, divideLong, multiplyLong, remainderLong } from "./long.ts";
import { formatDecimal, formatDouble, formatFloat, parseDecimal, parseDouble } from "./number-text.ts";
import { fieldOrdinal, sameType } from "./schema.ts";
import { formatPattern, parsePattern } from "./timestamp-pattern.ts";
import { formatTimestamp, parseTimestamp } from "./timestamp-text.ts";
import { schemaText, simpleString, treeString } from "./type-text.ts";
import { valueText } from "./value-text.ts";
import { hashBytes } from "./xx-hash.ts";

const leaf: fc.Arbitrary<DataType> = fc.constantFrom<DataType>(
  { type: "boolean" },
  { type: "int" },
  { type: "bigint" },
  { type: "double" },
  { type: "string" },
  { type: "binary" },
  { type: "date" },
  { type: "timestamp" },
  { type: "decimal", precision: 20, scale: 4 },
);
const { type: anyType } = fc.letrec<{ type: DataType }>((tie) => ({
  type: fc.oneof(
    { depthSize: "small" },
    leaf,
    tie("type").map((element): DataType => ({ type: "array", element })),
    tie("type").map((value): DataType => ({ type: "map", key: { type: "string" }, value })),
    fc
      .uniqueArray(fc.tuple(fc.constantFrom("a", "odd name", "x`y", "end"), tie("type"), fc.boolean()), {
        selector: ([name]) => name,
        minLength: 1,
      })
      .map((fields): DataType => ({ type: "struct", fields: fields.map(([name, dataType, nullable]) => ({ name, dataType, nullable })) })),
  ),
}));

function valueOf(type: DataType): fc.Arbitrary<unknown> {
  const some = (): fc.Arbitrary<unknown> => {
    switch (type.type) {
      case "boolean":
        return fc.boolean();
      case "int":
        return fc.integer();
      case "bigint":
        return fc
          .bigInt(-(2n ** 63n), 2n ** 63n - 1n)
          .map((value) => (BigInt(Number(value)) === value && Number.isSafeInteger(Number(value)) ? Number(value) : value));
      case "double":
        return fc.double();
      case "string":
        return fc.string({ unit: "grapheme" });
      case "binary":
        return fc.uint8Array({ maxLength: 8 });
      case "date":
        return fc.integer({ min: -700000, max: 2900000 });
      case "timestamp":
        return fc.integer({ min: -60e15, max: 9e15 });
      case "decimal":
        return fc.bigInt(-(10n ** 20n) + 1n, 10n ** 20n - 1n);
      case "array":
        return fc.array(valueOf(type.element), { maxLength: 3 });
      case "map":
        return fc
          .array(fc.tuple(fc.string({ maxLength: 4 }), valueOf(type.value)), { maxLength: 3 })
          .map((entries) => new Map(entries.filter(([key]) => key !== "__proto__")));
      case "struct":
        return fc.tuple(...type.fields.map((one) => valueOf(one.dataType)));
      default:
        return fc.constant(null);
    }
  };
  return fc.option(some(), { nil: null, freq: 6 });
}
const typed = anyType.chain((type) => fc.tuple(fc.constant(type), valueOf(type)));

test("a schema's DDL reads back as the same schema", () => {
  fc.assert(
    fc.property(anyType, (type) => {
      const schema = { type: "struct" as const, fields: [{ name: "c", dataType: type, nullable: true }] };
      expect(parseSchema(schemaText(schema))).toEqual(schema);
    }),
  );
  const schema = parseSchema(
    "device STRING, n: long NOT NULL, m decimal(10,2), geo STRUCT<lat: DOUBLE, lon: DOUBLE>, tags array<map<string,int>>",
  );
  expect(simpleString(schema)).toBe(
    "struct<device:string,n:bigint,m:decimal(10,2),geo:struct<lat:double,lon:double>,tags:array<map<string,int>>>",
  );
  expect(sameType(parseDataType("struct<geo:struct<lat:double>>"), parseSchema("geo struct<lat double>"))).toBe(true);
  expect(fieldOrdinal(schema, "DEVICE")).toBe(0);
});

test("a schema that is none is refused with what is wrong", () => {
  expect(() => parseSchema("a int, b")).toThrow(/a type is missing/);
  expect(() => parseSchema("a array<int")).toThrow(/">" is missing/);
  expect(() => parseSchema("a nosuchtype")).toThrow(expect.objectContaining({ code: "UNSUPPORTED_DATATYPE" }) as Error);
  expect(() => parseDataType("decimal(39,2)")).toThrow(/1 to 38 digits/);
  expect(() => parseSchema("a constructor")).toThrow(expect.objectContaining({ code: "UNSUPPORTED_DATATYPE" }) as Error);
});

test("printSchema's tree is Spark's", () => {
  expect(treeString(parseSchema("window struct<start:timestamp,end:timestamp>, n bigint, tags array<string>"))).toBe(
    `root
 |-- window: struct (nullable = true)
 |    |-- start: timestamp (nullable = true)
 |    |-- end: timestamp (nullable = true)
 |-- n: long (nullable = true)
 |-- tags: array (nullable = true)
 |    |-- element: string (containsNull = true)
`,
  );
});

test("every value reads back from its JSON", () => {
  fc.assert(
    fc.property(typed, ([type, value]) => {
      expect(fromJsonValue(JSON.parse(JSON.stringify(toJsonValue(value, type)).replaceAll(/:-0\b/g, ":-0")), type)).toEqual(
        withoutNegativeZero(value),
      );
    }),
  );
});

/** JSON.stringify writes −0 as 0. */
function withoutNegativeZero(value: unknown): unknown {
  if (Object.is(value, -0)) return 0;
  if (Array.isArray(value)) return value.map(withoutNegativeZero);
  if (value instanceof Map) return new Map([...value].map(([k, v]) => [k, withoutNegativeZero(v)]));
  return value;
}

test("the order of values is total, and equal values have one group key", () => {
  fc.assert(
    fc.property(
      anyType.chain((type) => {
        const present = valueOf(type).filter((value) => value !== null);
        return fc.tuple(fc.constant(type), present, present, present);
      }),
      ([type, a, b, c]) => {
        const compare = comparatorOf(type);
        const key = groupKeyOf(type);
        expect(Math.sign(compare(a, b))).toBe(-Math.sign(compare(b, a)) + 0);
        if (compare(a, b) <= 0 && compare(b, c) <= 0) expect(compare(a, c)).toBeLessThanOrEqual(0);
        expect(Object.is(key(a), key(b))).toBe(compare(a, b) === 0);
      },
    ),
  );
  const double = groupKeyOf({ type: "double" });
  expect(double(-0)).toBe(0);
  expect(comparatorOf({ type: "double" })(NaN, Infinity)).toBe(1);
});

test("text is ordered by its UTF-8 bytes", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), fc.string({ unit: "binary" }), (a, b) => {
      expect(Math.sign(compareText(a, b))).toBe(Buffer.compare(Buffer.from(a), Buffer.from(b)));
    }),
  );
});

test("days and dates are those of the JavaScript calendar", () => {
  fc.assert(
    fc.property(fc.integer({ min: -3_000_000, max: 5_000_000 }), (days) => {
      const date = new Date(days * 86_400_000);
      expect(civilFromDays(days)).toEqual({ year: date.getUTCFullYear(), month: date.getUTCMonth() + 1, day: date.getUTCDate() });
      expect(daysFromCivil(date.getUTCFullYear(), date.getUTCMonth() + 1, date.getUTCDate())).toBe(days);
    }),
  );
  expect(isoWeek(daysFromCivil(2021, 1, 3))).toEqual({ year: 2020, week: 53 });
});

test("an instant's text reads back, before 1970 too", () => {
  fc.assert(
    fc.property(fc.integer({ min: -60e15, max: 8e15 }), (us) => {
      expect(parseTimestamp(formatTimestamp(us))).toBe(us);
      const pattern = "yyyy-MM-dd'T'HH:mm:ss.SSSSSSXXX";
      expect(parsePattern(pattern)(formatPattern(pattern)(us))).toBe(us);
    }),
  );
  expect(parseTimestamp("2026-07-01 12:00:00 Europe/Berlin")).toBe(Date.UTC(2026, 6, 1, 10) * 1000);
  expect(parseTimestamp("2026-01-02T03:04:05+19:00")).toBeNull();
  expect(formatPattern("EEE d MMM yyyy, h:mm a")(0)).toBe("Thu 1 Jan 1970, 12:00 AM");
  expect(parsePattern("dd/MM/yyyy HH:mm")("02/01/2026 03:04")).toBe(Date.UTC(2026, 0, 2, 3, 4) * 1000);
  expect(parsePattern("dd/MM/yyyy")("31/02/2026")).toBeNull();
});

test("numbers print as Java prints them and read back", () => {
  expect(formatFloat(1.401298464324817e-45)).toBe("1.4E-45");
  fc.assert(
    fc.property(fc.double(), (value) => {
      expect(parseDouble(formatDouble(value))).toBe(value);
      const float = Math.fround(value);
      expect(Math.fround(parseDouble(formatFloat(float)) ?? 0)).toBe(float);
    }),
  );
  const texts = [1e7, 12345678.9, 0.001, 0.0001, 1e21, 100, -2.5, 5e-324, 123456.789].map(formatDouble);
  expect(texts).toEqual(["1.0E7", "1.23456789E7", "0.001", "1.0E-4", "1.0E21", "100.0", "-2.5", "4.9E-324", "123456.789"]);
  expect(formatFloat(Math.fround(0.1))).toBe("0.1");
});

test("decimals read back from their text; halves round away from zero", () => {
  fc.assert(
    fc.property(fc.bigInt(-(10n ** 18n) + 1n, 10n ** 18n - 1n), fc.integer({ min: 0, max: 18 }), (unscaled, scale) => {
      expect(parseDecimal(formatDecimal(unscaled, scale), 18, scale)).toBe(unscaled);
    }),
  );
  expect(["1.005", "-1.005", "1.004999", "1e2", "1e-9"].map((text) => parseDecimal(text, 10, 2))).toEqual([101n, -101n, 100n, 10000n, 0n]);
  expect(parseDecimal("123456789.01", 10, 2)).toBeNull();
});

test("bigint arithmetic is exact over 64 bits and null beyond", () => {
  const long = fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n);
  const normal = (value: bigint): number | bigint => (Number.isSafeInteger(Number(value)) ? Number(value) : value);
  const bounded = (value: bigint): number | bigint | null => (BigInt.asIntN(64, value) === value ? normal(value) : null);
  fc.assert(
    fc.property(long, fc.oneof(long, fc.bigInt(-100n, 100n)), (a, b) => {
      expect(addLong(normal(a), normal(b))).toBe(bounded(a + b));
      expect(multiplyLong(normal(a), normal(b))).toBe(bounded(a * b));
      if (b === 0n) return;
      expect(divideLong(normal(a), normal(b))).toBe(bounded(a / b));
      expect(remainderLong(normal(a), normal(b))).toBe(bounded(a % b));
    }),
  );
});

test("values print as Spark's cast to string does", () => {
  const type = parseDataType("struct<a:int,t:timestamp,l:array<double>,m:map<string,boolean>>");
  expect(valueText([1, 1_500_000, [1, null, NaN], new Map([["k", true]])], type)).toBe(
    "{1, 1970-01-01 00:00:01.5, [1.0, null, NaN], {k -> true}}",
  );
  expect(valueText(90_061_500_000, { type: "interval" })).toBe("INTERVAL '1 01:01:01.5' DAY TO SECOND");
});

test("the hash is XXH64", () => {
  expect(hashBytes(new Uint8Array(0), 0n)).toBe(0xef46db3751d8e999n);
  expect(hashBytes(Buffer.from("abc"), 0n)).toBe(0x44bc2cf5ad770999n);
});
