import fc from "fast-check";
import type { Expression } from "../../src/engine/columns/expression.ts";
import type { FuzzCase } from "./both-ways.ts";
import { numberTexts, recordsOf, timeTexts, words } from "./broken-bytes.ts";
import { call, cast, int, text, value } from "./expressions.ts";

const TYPES = [
  "int",
  "bigint",
  "smallint",
  "tinyint",
  "double",
  "float",
  "boolean",
  "timestamp",
  "date",
  "decimal(10,2)",
  "string",
  "binary",
];
const SEPARATORS = [",", " ", ";", "\\|", "|", "-", "\\.", ".", "a", "", "\\s+", "é", "/", ":", "(", "["] as const;
const SEARCHED = ["x", "", "1", "sensor", "é", "\ufffd", "null", "-", "2026", "a_b", "a%"] as const;

const string = cast(value, "string");
const part: fc.Arbitrary<Expression> = fc
  .tuple(fc.constantFrom(...SEPARATORS), fc.constantFrom("getitem", "element_at", "try_element_at", "get"), fc.integer({ min: -1, max: 4 }))
  .map(([separator, fn, index]) => call(fn, call("split", string, text(separator)), int(index)));
const source = fc.oneof({ weight: 2, arbitrary: fc.constant(string) }, { weight: 2, arbitrary: part });
const converted = fc
  .tuple(source, fc.constantFrom(...TYPES), fc.constantFrom("cast" as const, "try" as const))
  .map(([input, to, mode]) => cast(input, to, mode));
const searched = fc
  .tuple(
    fc.constantFrom("=", "<>", "==", "!=", "<=>", "<", "startswith", "endswith", "contains", "like"),
    source,
    fc.constantFrom(...SEARCHED),
    fc.boolean(),
    fc.constantFrom("", "%"),
    fc.constantFrom("", "%"),
  )
  .map(([fn, input, literal, turned, before, after]) => {
    const wanted = text(fn === "like" ? before + literal + after : literal);
    return turned ? call(fn, wanted, input) : call(fn, input, wanted);
  });
const exploded = fc
  .tuple(fc.constantFrom("explode", "posexplode", "explode_outer"), fc.constantFrom(...SEPARATORS))
  .map(([fn, separator]) => call(fn, call("split", string, text(separator))));

/** Casts, comparisons and splits of texts. */
export const textCases: fc.Arbitrary<FuzzCase> = fc.record(
  {
    columns: fc
      .tuple(
        fc.array(fc.oneof(converted, searched, source), { minLength: 1, maxLength: 4 }),
        fc.oneof({ weight: 3, arbitrary: fc.constant([]) }, { weight: 1, arbitrary: exploded.map((one) => [one]) }),
      )
      .map(([plain, rows]) => [...plain, ...rows]),
    where: searched,
    ansi: fc.boolean(),
    deadLetters: fc.boolean(),
    records: recordsOf(
      fc.oneof(
        words,
        numberTexts,
        timeTexts,
        fc
          .tuple(fc.array(fc.oneof(words, numberTexts, timeTexts), { maxLength: 5 }), fc.constantFrom(",", " ", ";", "|", "-", "."))
          .map(([all, separator]) => all.join(separator)),
      ),
    ),
  },
  { requiredKeys: ["columns", "ansi", "deadLetters", "records"] },
);
