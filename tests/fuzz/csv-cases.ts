import fc from "fast-check";
import type { DataType } from "../../src/engine/types/data-type.ts";
import { parseDataType } from "../../src/engine/types/ddl.ts";
import type { FuzzCase } from "./both-ways.ts";
import { numberTexts, recordsOf, timeTexts, words } from "./broken-bytes.ts";
import { cast, field, parsed, value } from "./expressions.ts";

const NAMES = ["a", "b", "c", "d", "_corrupt_record"] as const;
const TYPES = [
  "string",
  "double",
  "float",
  "int",
  "bigint",
  "smallint",
  "tinyint",
  "boolean",
  "timestamp",
  "date",
  "decimal(10,2)",
  "decimal(5,0)",
  "binary",
  "array<int>",
];
const SEPARATORS = [",", ",", ",", ";", "|", "\t", "||", "a", "é", '"'] as const;

const OPTIONS = fc.record(
  {
    sep: fc.constantFrom(...SEPARATORS),
    mode: fc.constantFrom("PERMISSIVE", "FAILFAST", "DROPMALFORMED"),
    columnNameOfCorruptRecord: fc.constantFrom("b", "_corrupt_record"),
    quote: fc.constantFrom("'", "", "|", '"'),
    escape: fc.constantFrom('"', "\\", ""),
    comment: fc.constantFrom("#", "-", "1"),
    nullValue: fc.constantFrom("null", "-", "0", "x", "\ufffd", "é"),
    emptyValue: fc.constantFrom("", "empty"),
    nanValue: fc.constantFrom("nan", "-", "0", ""),
    positiveInf: fc.constantFrom("inf", "1"),
    ignoreLeadingWhiteSpace: fc.constantFrom("true", "false"),
    ignoreTrailingWhiteSpace: fc.constantFrom("true", "false"),
    maxColumns: fc.constantFrom("2", "100"),
    dateFormat: fc.constant("dd/MM/yyyy"),
    timestampFormat: fc.constant("yyyy-MM-dd"),
    timeZone: fc.constantFrom("Europe/Berlin", "UTC"),
    unescapedQuoteHandling: fc.constantFrom("STOP_AT_CLOSING_QUOTE", "STOP_AT_DELIMITER"),
  },
  { requiredKeys: [] },
);

function fitting(type: DataType): fc.Arbitrary<string> {
  if (type.type === "string") return words;
  if (type.type === "boolean") return fc.constantFrom("true", "false", "True", "1");
  return type.type === "timestamp" || type.type === "date" ? timeTexts : numberTexts;
}

const odd = fc.oneof(
  words,
  numberTexts,
  timeTexts,
  fc.constantFrom("", "", "null", "#", '"', '""', '"a""b"', "'q'", '"a,b"', '"a" ', ' "a"', "a\\,b"),
);

/** A schema and options, and lines that follow them more or less. */
export const csvCases: fc.Arbitrary<FuzzCase> = fc
  .tuple(
    fc.uniqueArray(fc.constantFrom(...NAMES), { minLength: 1, maxLength: 5 }),
    fc.array(fc.constantFrom(...TYPES).map(parseDataType), { minLength: 5, maxLength: 5 }),
    fc.oneof({ weight: 2, arbitrary: fc.constant({}) }, { weight: 3, arbitrary: OPTIONS }),
  )
  .chain(([names, types, options]: [string[], DataType[], { readonly sep?: string }]) => {
    const fields = names.map((name, i) => ({
      name,
      dataType: name === "_corrupt_record" ? ({ type: "string" } as const) : (types[i] ?? { type: "null" as const }),
      nullable: true,
    }));
    const record = parsed("from_csv", cast(value, "string"), { type: "struct", fields }, options as Record<string, string>);
    const separator = options.sep ?? ",";
    const cells = fields
      .filter((one) => one.name !== "_corrupt_record")
      .map((one) => fc.oneof({ weight: 5, arbitrary: fitting(one.dataType) }, { weight: 1, arbitrary: odd }));
    const texts = fc.oneof(
      { weight: 5, arbitrary: fc.tuple(...cells).map((all) => all.join(separator)) },
      { weight: 1, arbitrary: fc.array(odd, { maxLength: 6 }).map((all) => all.join(separator)) },
    );
    return fc.record({
      columns: fc.oneof(
        fc.subarray(fields, { minLength: 1 }).map((wanted) => wanted.map((one) => field(record, one.name))),
        fc.constant([record]),
      ),
      ansi: fc.boolean(),
      deadLetters: fc.boolean(),
      records: recordsOf(texts),
    });
  });
