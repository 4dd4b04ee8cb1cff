import { expect, test } from "vitest";
import { parseSchema } from "../../types/ddl.ts";
import { createScannedFields, fieldOf, SCANNED } from "../bytes/scanned-record.ts";
import { createCsvScanner } from "./byte-scanner.ts";
import { csvOptions } from "./csv-options.ts";

const schema = parseSchema("id string, value double, n bigint, ok boolean, at timestamp, day date, price decimal(10,2)");
const refused = (): never => {
  throw new Error("the full rules were asked");
};

function scanned(line: string, options: Readonly<Record<string, string>> = {}): unknown[] {
  const fields = createScannedFields(schema);
  const scan = createCsvScanner(schema, csvOptions(options), new Set(schema.fields.keys()), true, fields, refused);
  const around = Buffer.from(`9${line}9,9`);
  expect(scan?.(around, 1, 1 + Buffer.byteLength(line))).toBe(SCANNED);
  return schema.fields.map(({ dataType }, i) => fieldOf(fields, i, dataType, around));
}

test("a plain line never reaches the full rules", () => {
  const day = Date.UTC(2026, 0, 2) / 86_400_000;
  const at = Date.UTC(2026, 0, 2, 3, 4, 5) * 1000;
  expect(scanned("čaj,-1.5,7,true,2026-01-02T03:04:05Z,2026-01-02,12.5")).toEqual(["čaj", -1.5, 7, true, at, day, 1250n]);
  expect(scanned(",,,,,,")).toEqual([null, null, null, null, null, null, null]);
  expect(scanned("a;.5;+3;false;-;2026-01-02;-", { sep: ";", nullValue: "-" })).toEqual(["a", 0.5, 3, false, null, day, null]);
});

test.each(['"a",1,1,true,,,', "a,1,1,true,,", "a,1,1,true,,,,", "a,x,1,true,,,", "a,1e3,1,true,,,", "a,1,1,1,,,", ""])(
  "what is not plain is read by the full rules: %s",
  (line) => {
    expect(() => scanned(line)).toThrow("the full rules were asked");
  },
);

test.each([{ sep: "||" }, { ignoreLeadingWhiteSpace: "true" }, { nanValue: "0" }, { nullValue: "\ufffd" }])(
  "options that plain lines do not follow make no scanner: %o",
  (options) => {
    expect(createCsvScanner(schema, csvOptions(options), new Set([0]), false, createScannedFields(schema), refused)).toBeUndefined();
  },
);
