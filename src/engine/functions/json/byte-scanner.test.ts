import fc from "fast-check";
import { expect, test } from "vitest";
import { parseSchema } from "../../types/ddl.ts";
import { createScannedFields, fieldOf, MALFORMED, NO_RECORD, SCANNED } from "../bytes/scanned-record.ts";
import { createByteScanner } from "./byte-scanner.ts";
import { JsonParser } from "./json-parser.ts";

const schema = parseSchema(
  "id string, value double, n int, big bigint, small tinyint, f float, ok boolean, at timestamp, day date, tags array<string>",
);

const scalars = fc.oneof(
  fc.string({ unit: "grapheme", maxLength: 8 }).map((text) => JSON.stringify(text)),
  fc.string({ unit: fc.constantFrom("a", "b", "_", "0"), maxLength: 40 }).map((text) => JSON.stringify(text)),
  fc.double().map(String),
  fc.double({ min: -1e6, max: 1e6, noNaN: true }).map((x) => x.toFixed(2)),
  fc.integer().map(String),
  fc.bigInt().map(String),
  fc.date({ min: new Date(-1e14), max: new Date(2e14), noInvalidDate: true }).map((date) => `"${date.toISOString()}"`),
  fc.constantFrom(
    "true",
    "false",
    "null",
    "-0",
    "-0.0",
    "0.10",
    "1e3",
    "01",
    "1.",
    "[1]",
    '["a",null]',
    '{"x":1}',
    "'single'",
    '"\\u0041\\n"',
    "NaN",
    "tru",
    "+1",
  ),
  fc.constantFrom(
    '"2026-01-02"',
    '"2026-02-30T00:00:00Z"',
    '"2026-01-02T03:04:05"',
    '"2026-01-02 03:04:05.1234567+02:00"',
    '"2026-01-02T03:04:05."',
    '"2026-01-33T00:00:00Z"',
  ),
  fc.constantFrom('"0000-01-02T03:04:05Z"', '"2026-01-02T24:04:05Z"', '"2026-01-02T03:04:05+18:00"', '"2026-01-02T03:04:05-08:30"', '""'),
);
const blank = fc.constantFrom("", "", "", " ", "\n", "\t ");
const member = fc
  .tuple(blank, fc.constantFrom(...schema.fields.map((one) => one.name), "ID", "other", "č"), blank, blank, scalars, blank)
  .map(([a, name, b, c, value, d]) => `${a}"${name}"${b}:${c}${value}${d}`);
const record = fc.array(member, { maxLength: 8 }).map((members) => `{${members.join(",")}}`);
const broken = fc.uint8Array({ minLength: 1, maxLength: 3 });
/** Records as bytes, some cut or overwritten anywhere: within a character too, so that they are no UTF-8 any more. */
const spoilt = fc
  .tuple(record, fc.nat(), fc.constantFrom("cut", "drop", '"', "\\", "}", "\u0001", "é", " ", "broken"), broken)
  .map(([text, place, how, noise]) => {
    const bytes = Buffer.from(text);
    const at = place % bytes.length;
    const put = how === "broken" ? noise : how === "drop" ? "" : how;
    return how === "cut"
      ? bytes.subarray(0, at)
      : Buffer.concat([bytes.subarray(0, at), typeof put === "string" ? Buffer.from(put) : put, bytes.subarray(at + 1)]);
  });
const records = fc.oneof(
  { weight: 3, arbitrary: record.map((text) => Buffer.from(text)) },
  { weight: 3, arbitrary: spoilt },
  fc.constantFrom("", " ", "null", "[]", "5", '{"id":"a"} x', "{").map((text) => Buffer.from(text)),
);
const batches = fc.array(records, { minLength: 1, maxLength: 20 });

test("bytes and text give the same answer for whatever record, whichever fields are wanted", () => {
  const before = '{"id":"before","value":1}';
  const after = '"id":"after","n":7}}';
  fc.assert(
    fc.property(batches, fc.subarray([...schema.fields.keys()], { minLength: 1 }), fc.boolean(), (batch, wanted, validated) => {
      const full = new JsonParser(schema);
      const fields = createScannedFields(schema);
      const scan = createByteScanner(schema, new Set(wanted), validated, new JsonParser(schema), fields);
      for (const bytes of batch) {
        const row = full.parse(bytes.toString("utf8")) as unknown[] | null;
        const buffer = Buffer.concat([Buffer.from(before), bytes, Buffer.from(after)]);
        const start = Buffer.byteLength(before);
        const status = scan(buffer, start, start + bytes.length);
        if (validated) expect(status).toBe(row === null ? NO_RECORD : full.reason === null ? SCANNED : MALFORMED);
        for (const ordinal of wanted) {
          const type = schema.fields[ordinal]?.dataType ?? { type: "null" };
          expect(fieldOf(fields, ordinal, type, buffer)).toEqual(row === null ? null : row[ordinal]);
        }
      }
    }),
    { numRuns: 300 },
  );
});

test("a null has no record", () => {
  const fields = createScannedFields(schema);
  const scan = createByteScanner(schema, new Set([0]), true, new JsonParser(schema), fields);
  expect(scan(Buffer.alloc(0), -1, -1)).toBe(NO_RECORD);
  expect(fields.nulls[0]).toBe(1);
});

test("a plain record never reaches the full rules", () => {
  class Refusing extends JsonParser {
    override parse(): never {
      throw new Error("the full rules were asked");
    }
  }
  const plain = parseSchema(
    "sensor_id string, value double, at timestamp, n int, ok boolean, day date, price decimal(10,2), big bigint, place struct<room:string,spot:array<double>>",
  );
  const fields = createScannedFields(plain);
  const scan = createByteScanner(plain, new Set(plain.fields.keys()), true, new Refusing(plain), fields);
  const records = [
    '{"sensor_id":"sensor_0001","value":12.34,"at":"2026-01-02T03:04:05.678Z","n":-7,"ok":true}',
    '{ "n": 5 , "other":"x", "ok":false, "sensor_id":"čaj", "value":-0.5, "at":"2026-01-02 03:04:05+01:00" }',
    '{"value":null,"sensor_id":null}',
    '{"day":"2026-01-02","price":12.5,"big":9223372036854775807,"place":{"room":"A \\"1\\"","spot":[1,-2.5,null]},"new":{"a":[{"b":"\\u00e9"}],"c":[]}}',
  ];
  for (const text of records) expect(scan(Buffer.from(text), 0, Buffer.byteLength(text))).toBe(SCANNED);
  expect(fields.objects.slice(-3)).toEqual([1250n, 9223372036854775807n, ['A "1"', [1, -2.5, null]]]);
});
