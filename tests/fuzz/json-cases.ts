import fc from "fast-check";
import type { DataType } from "../../src/engine/types/data-type.ts";
import { parseDataType } from "../../src/engine/types/ddl.ts";
import type { FuzzCase } from "./both-ways.ts";
import { numberTexts, recordsOf, timeTexts, words } from "./broken-bytes.ts";
import { cast, field, parsed, value } from "./expressions.ts";

const NAMES = ["a", "b", "id", "value", "at", "č", "_corrupt_record", "a b"] as const;
const TYPES = [
  ...[
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
    "decimal(38,18)",
    "binary",
  ],
  ...[
    "array<string>",
    "array<int>",
    "map<string,int>",
    "struct<x:double,y:string>",
    "struct<x:int,s:struct<y:timestamp,z:array<boolean>>>",
    "array<struct<x:int>>",
  ],
];

const OPTIONS = fc.record(
  {
    mode: fc.constantFrom("PERMISSIVE", "FAILFAST", "permissive"),
    columnNameOfCorruptRecord: fc.constantFrom("b", "_corrupt_record"),
    allowComments: fc.constant("true"),
    allowUnquotedFieldNames: fc.constant("true"),
    allowSingleQuotes: fc.constant("false"),
    allowNumericLeadingZeros: fc.constant("true"),
    allowNonNumericNumbers: fc.constant("false"),
    allowUnquotedControlChars: fc.constant("true"),
    allowBackslashEscapingAnyCharacter: fc.constant("true"),
    dateFormat: fc.constant("dd/MM/yyyy"),
    timestampFormat: fc.constant("yyyy-MM-dd"),
    timeZone: fc.constantFrom("Europe/Berlin", "UTC"),
    driftReport: fc.constant("true"),
  },
  { requiredKeys: [] },
);

const blank = fc.constantFrom("", "", "", "", " ", "\n", "\t ");
const quoted = words.map((text) => JSON.stringify(text));
const odd = fc.constantFrom(
  "'single'",
  '"\\u0041\\n"',
  '"\\ud83d"',
  '"\\x"',
  '"\\u00e9\\/"',
  "tru",
  "nul",
  "[]",
  "{}",
  "[1",
  '{"x":1}',
  '{"x":1,"x":null,"y":"\\"q\\""}',
  "[[[[1]]]]",
  '["a",null]',
  "[1,2,null,3]",
  "[1,]",
  "/**/1",
);
const json = fc.letrec<{ any: string }>((tie) => ({
  any: fc.oneof(
    { maxDepth: 3, depthSize: "small" },
    fc.oneof(
      numberTexts,
      quoted,
      timeTexts.map((one) => `"${one}"`),
      fc.constantFrom("true", "false", "null"),
      odd,
      numberTexts.map((one) => `"${one}"`),
    ),
    fc
      .array(
        fc.tuple(blank, tie("any"), blank).map((parts) => parts.join("")),
        { maxLength: 3 },
      )
      .map((all) => `[${all.join(",")}]`),
    fc.array(fc.tuple(blank, fc.constantFrom("x", "y", "s", "z", "other"), blank, tie("any"), blank), { maxLength: 3 }).map(objectText),
  ),
})).any;

function objectText(members: readonly (readonly [string, string, string, string, string])[]): string {
  return `{${members.map(([a, name, b, one, c]) => `${a}"${name}"${b}:${one}${c}`).join(",")}}`;
}

/** A value that the type takes, as a rule. */
function fitting(type: DataType): fc.Arbitrary<string> {
  switch (type.type) {
    case "string":
      return quoted;
    case "boolean":
      return fc.constantFrom("true", "false");
    case "timestamp":
    case "date":
      return timeTexts.map((one) => `"${one}"`);
    case "array":
      return fc.array(fitting(type.element), { maxLength: 3 }).map((all) => `[${all.join(", ")}]`);
    case "struct":
      return fc
        .tuple(...type.fields.map((one) => fitting(one.dataType)))
        .map((all) => `{${all.map((one, i) => `"${type.fields[i]?.name}":${one}`).join(",")}}`);
    case "map":
      return fitting(type.value).map((one) => `{"k":${one}}`);
    default:
      return numberTexts;
  }
}

/** A schema, options and wanted fields, and records that follow the schema more or less. */
export const jsonCases: fc.Arbitrary<FuzzCase> = fc
  .tuple(
    fc.uniqueArray(fc.constantFrom(...NAMES), { minLength: 1, maxLength: 6 }),
    fc.array(fc.constantFrom(...TYPES).map(parseDataType), { minLength: 6, maxLength: 6 }),
    fc.oneof({ weight: 2, arbitrary: fc.constant({}) }, { weight: 3, arbitrary: OPTIONS }),
  )
  .chain(([names, types, options]) => {
    const fields = names.map((name, i) => ({
      name,
      dataType: name === "_corrupt_record" ? ({ type: "string" } as const) : (types[i] ?? { type: "null" as const }),
      nullable: true,
    }));
    const schema: DataType = { type: "struct", fields };
    const record = parsed("from_json", cast(value, "string"), schema, options as Record<string, string>);
    const member = fc.oneof(
      ...fields.map((one) =>
        fc.tuple(
          blank,
          fc.constant(one.name),
          blank,
          fc.oneof({ weight: 4, arbitrary: fitting(one.dataType) }, { weight: 1, arbitrary: json }),
          blank,
        ),
      ),
      fc.tuple(blank, fc.constantFrom("other", "A", "b", "ž", "a\\u0062"), blank, json, blank),
    );
    const inOrder = fc
      .tuple(...fields.map((one) => fitting(one.dataType)))
      .map((all) => objectText(all.map((one, i) => ["", fields[i]?.name ?? "", "", one, ""])));
    const texts = fc.oneof(
      { weight: 4, arbitrary: inOrder },
      { weight: 4, arbitrary: fc.array(member, { maxLength: 8 }).map(objectText) },
      { weight: 1, arbitrary: json },
      { weight: 1, arbitrary: fc.constantFrom("", " ", "null", "[]", "{}", "5", '{"a":1} x', "{", '[{"a":1}]', '\ufeff{"a":1}', "nul") },
    );
    return fc.record({
      columns: fc.oneof(
        fc.subarray(fields, { minLength: 1 }).map((wanted) => wanted.map((one) => field(record, one.name))),
        fc.constant([record]),
        fc.constant([record, field(record, fields[0]?.name ?? "")]),
      ),
      ansi: fc.boolean(),
      deadLetters: fc.boolean(),
      records: recordsOf(texts),
    });
  });
