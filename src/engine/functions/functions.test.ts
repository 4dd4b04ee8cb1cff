import { expect, test } from "vitest";
import { CodeWriter } from "../codegen/code.ts";
import { createEmitContext, valueOrNull } from "../codegen/emit.ts";
import { call, type AnyColumn } from "../columns/column.ts";
import { resolveExpression } from "../columns/resolve.ts";
import { toJsonValue, type JsonValue } from "../types/json-value.ts";
import { fromCsv } from "./api/json.ts";
import { interval, lit } from "./api/literals.ts";
import { builtinAggregates, builtinFunctions } from "./registry.ts";

/** A call over literals; the arguments go through a row too, so that neither way of emitting is special. */
function evaluate(column: AnyColumn, ansi: boolean = true): JsonValue {
  const settings = { ansi };
  const resolved = resolveExpression(column.expression, { type: "struct", fields: [] }, settings);
  const writer = new CodeWriter();
  const context = createEmitContext({ writer, settings, batchTimeUs: "1767225600000000", fields: [] });
  writer.line(`return ${valueOrNull(context.emit(resolved))};`);
  return toJsonValue(writer.compile<() => unknown>("f", [])(), resolved.dataType);
}

const f = (name: string, ...args: readonly unknown[]): AnyColumn => call(name, args);
const ts = (text: string): AnyColumn => lit(text).cast("timestamp");
const date = (text: string): AnyColumn => lit(text).cast("date");
const dec = (text: string, type: string): AnyColumn => lit(text).cast(type);
const dbl = (value: number): AnyColumn => lit(value).cast("double");

/** Spark's manual gives these calls and answers (API Docs, "Built-in Functions"), or its sources' own tests do. */
const examples: readonly (readonly [AnyColumn, JsonValue])[] = [
  [f("initcap", "sPark sql"), "Spark Sql"],
  [f("substring", "Spark SQL", 5), "k SQL"],
  [f("substring", "Spark SQL", -3), "SQL"],
  [f("substring", "Spark SQL", 5, 1), "k"],
  [f("substring_index", "www.apache.org", ".", 2), "www.apache"],
  [f("substring_index", "www.apache.org", ".", -2), "apache.org"],
  [f("left", "Spark SQL", 3), "Spa"],
  [f("right", "Spark SQL", 3), "SQL"],
  [f("translate", "AaBbCc", "abc", "123"), "A1B2C3"],
  [f("lpad", "hi", 5, "??"), "???hi"],
  [f("lpad", "hi", 1, "??"), "h"],
  [f("rpad", "hi", 5), "hi   "],
  [f("btrim", "SSparkSQLS", "SL"), "parkSQ"],
  [f("instr", "SparkSQL", "SQL"), 6],
  [f("locate", "bar", "foobarbar", 5), 7],
  [f("repeat", "123", 2), "123123"],
  [f("reverse", "Spark SQL"), "LQS krapS"],
  [f("ascii", "222"), 50],
  [f("base64", lit("Spark SQL").cast("binary")), "U3BhcmsgU1FM"],
  [f("md5", lit("Spark").cast("binary")), "8cde774d6f7333752ed72cacddb05126"],
  [f("sha2", lit("Spark").cast("binary"), 256), "529bc3b07127ecb7e53a4dcf1991d9152c24537d919178022b2c42657f79a26b"],
  [f("levenshtein", "kitten", "sitting"), 3],
  [f("concat_ws", "/", "foo", null, "bar"), "foo/bar"],
  [f("concat", "Spark", "SQL"), "SparkSQL"],
  [f("format_string", "Hello World %d %s", 100, "days"), "Hello World 100 days"],
  [f("format_string", "%05.1f|%-4s|%,d", 3.14159, "ab", 1234567), "003.1|ab  |1,234,567"],
  [f("split", "oneAtwoBthreeC", "[ABC]"), ["one", "two", "three", ""]],
  [f("split", "oneAtwoBthreeC", "[ABC]", 2), ["one", "twoBthreeC"]],
  [f("split", "abc", ""), ["a", "b", "c"]],
  [f("regexp_extract", "100-200", "(\\d+)-(\\d+)", 1), "100"],
  [f("regexp_extract_all", "100-200, 300-400", "(\\d+)-(\\d+)", 1), ["100", "300"]],
  [f("regexp_replace", "100-200", "(\\d+)", "num"), "num-num"],
  [f("regexp_replace", "100-200", "(\\d+)-(\\d+)", "$2-$1"), "200-100"],
  [f("like", "Spark", "_park"), true],
  [f("like", "a%c", "a\\%c"), true],
  [f("ilike", "SPARK", "spa%"), true],
  [f("rlike", "multi\nline", "(?i)^MULTI"), true],
  [f("ceil", dbl(-0.1)), 0],
  [f("floor", dbl(-0.1)), -1],
  [f("ceil", dec("3.1411", "decimal(10,4)")), "4"],
  [f("floor", dec("-3.1411", "decimal(10,4)")), "-4"],
  [f("round", dbl(2.5), 0), 3],
  [f("bround", dbl(2.5), 0), 2],
  [f("round", 25, -1), 30],
  [f("bround", 25, -1), 20],
  [f("round", dec("2.345", "decimal(10,3)"), 2), "2.35"],
  [f("pmod", -10, 3), 2],
  [f("mod", -10, 3), -1],
  [f("div", 7, -2), -3],
  [f("hex", 17), "11"],
  [f("hex", "Spark SQL"), "537061726B2053514C"],
  [f("bin", 13), "1101"],
  [f("conv", "100", 2, 10), "4"],
  [f("conv", "-10", 16, -10), "-16"],
  [f("log", dbl(10), dbl(100)), 2],
  [f("signum", dbl(-5)), -1],
  [f("cbrt", dbl(27)), 3],
  [f("hypot", dbl(3), dbl(4)), 5],
  [f("rint", dbl(12.3456)), 12],
  [f("greatest", 10, 9, 2, 4, 3), 10],
  [f("nvl2", null, 2, 1), 1],
  [f("nullif", 2, 2), null],
  [f("if", true, "a", "b"), "a"],
  [f("coalesce", null, 1, null), 1],
  [f("date_add", date("2016-07-30"), 1), "2016-07-31"],
  [f("add_months", date("2016-08-31"), 1), "2016-09-30"],
  [f("datediff", date("2009-07-31"), date("2009-07-30")), 1],
  [f("months_between", ts("1997-02-28 10:30:00"), ts("1996-10-30")), 3.94959677],
  [f("last_day", date("2009-01-12")), "2009-01-31"],
  [f("dayofweek", date("2009-07-30")), 5],
  [f("weekday", date("2009-07-30")), 3],
  [f("weekofyear", date("2008-02-20")), 8],
  [f("dayofyear", date("2016-04-09")), 100],
  [f("quarter", date("2016-08-31")), 3],
  [f("trunc", date("2019-08-04"), "week"), "2019-07-29"],
  [f("trunc", date("2019-08-04"), "quarter"), "2019-07-01"],
  [f("trunc", date("2009-02-12"), "MM"), "2009-02-01"],
  [f("date_trunc", "YEAR", ts("2015-03-05T09:32:05.359")), "2015-01-01T00:00:00.000Z"],
  [f("date_trunc", "HOUR", ts("2015-03-05T09:32:05.359")), "2015-03-05T09:00:00.000Z"],
  [f("date_trunc", "MILLISECOND", ts("2015-03-05T09:32:05.123456")), "2015-03-05T09:32:05.123Z"],
  [f("date_format", ts("2016-04-08 13:10:15"), "y-MM-dd hh:mm a"), "2016-04-08 01:10 PM"],
  [f("to_timestamp", "2016-12-31", "yyyy-MM-dd"), "2016-12-31T00:00:00.000Z"],
  [f("to_date", "2016-12-31 00:12:00"), "2016-12-31"],
  [f("unix_timestamp", "2016-04-08", "yyyy-MM-dd"), 1460073600],
  [f("from_unixtime", 0, "yyyy-MM-dd HH:mm:ss"), "1970-01-01 00:00:00"],
  [f("unix_millis", ts("1970-01-01 00:00:01Z")), 1000],
  [f("timestamp_seconds", 1230219000), "2008-12-25T15:30:00.000Z"],
  [f("timestamp_millis", 1230219000123), "2008-12-25T15:30:00.123Z"],
  [f("from_utc_timestamp", ts("2016-08-31"), "Asia/Seoul"), "2016-08-31T09:00:00.000Z"],
  [f("to_utc_timestamp", ts("2016-08-31"), "Asia/Seoul"), "2016-08-30T15:00:00.000Z"],
  [f("current_date"), "2026-01-01"],
  [f("+", ts("2026-01-01 00:00:00"), interval("90 seconds")), "2026-01-01T00:01:30.000Z"],
  [f("+", date("2026-01-31"), 1), "2026-02-01"],
  [f("array_contains", f("array", 1, 2, 3), 2), true],
  [f("array_contains", f("array", 1, null), 2), null],
  [f("array_position", f("array", 3, 2, 1), 1), 3],
  [f("array_distinct", f("array", 1, 2, 3, null, 3)), [1, 2, 3, null]],
  [f("array_join", f("array", "hello", null, "world"), " ", ","), "hello , world"],
  [f("array_max", f("array", 1, 20, null, 3)), 20],
  [f("sort_array", f("array", "b", "d", null, "c", "a"), true), [null, "a", "b", "c", "d"]],
  [f("sort_array", f("array", "b", null, "a"), false), ["b", "a", null]],
  [f("slice", f("array", 1, 2, 3, 4), 2, 2), [2, 3]],
  [f("slice", f("array", 1, 2, 3, 4), -2, 2), [3, 4]],
  [f("element_at", f("array", 1, 2, 3), -1), 3],
  [f("get", f("array", 1, 2, 3), 3), null],
  [f("flatten", f("array", f("array", 1, 2), f("array", 3, 4))), [1, 2, 3, 4]],
  [f("element_at", f("map", 1, "a", 2, "b"), 2), "b"],
  [f("map_keys", f("map", 1, "a", 2, "b")), [1, 2]],
  [f("size", f("map", "a", 1, "b", 2)), 2],
  [f("to_json", f("map", "a", f("named_struct", "b", 1))), '{"a":{"b":1}}'],
  [f("get_json_object", '{"a":[{"b":"x"},2.50]}', "$.a[0].b"), "x"],
  [f("get_json_object", '{"a":[{"b":"x"},2.50]}', "$.a[1]"), "2.5"],
  [f("get_json_object", "broken", "$.a"), null],
  [f("*", dec("1.10", "decimal(4,2)"), dec("2.5", "decimal(3,1)")), "2.750"],
  [f("/", dec("1", "decimal(3,0)"), dec("3", "decimal(3,0)")), "0.333333"],
  [f("+", dec("1.10", "decimal(4,2)"), 1), "2.10"],
  [f("=", "5", 5), true],
  [f("<", "2026-01-01", ts("2026-01-02")), true],
  [f("between", 5, 1, null), null],
  [f("between", 0, 1, null), false],
  [f("in", 1, 2, null), null],
  [f("<=>", null, null), true],
  [f("try_divide", 1, 0), null],
  [f("&", 3, 5), 1],
  [f("|", 3, 5), 7],
  [f("xxhash64", "Spark", f("array", 123), 2), "5602566077635097486"],
  [fromCsv(lit('1,"a, ""b""",x'), "n int, s string, d double"), { n: 1, s: '"a, ""b"""', d: null }],
  [f("try_add", 2147483647, 1), null],
];

test.each(examples.map(([column, expected]) => [JSON.stringify(column.expression).slice(0, 160), column, expected] as const))(
  "%s",
  (_name, column, expected) => {
    expect(evaluate(column)).toEqual(expected);
  },
);

test("a function of null is null where Spark says so, not an error", () => {
  for (const [name, args] of Object.entries({
    upper: 1,
    length: 1,
    substring: 3,
    split: 2,
    date_format: 2,
    round: 1,
    "+": 2,
    regexp_extract: 2,
    to_json: 1,
  })) {
    const nulls = Array.from({ length: args }, () => null);
    expect([name, evaluate(f(name, ...nulls))]).toEqual([name, null]);
  }
});

test("wrong arguments are refused with Spark's class", () => {
  const code = (column: AnyColumn): unknown => {
    try {
      return evaluate(column);
    } catch (thrown) {
      return (thrown as { code: string }).code;
    }
  };
  expect(code(f("no_such_function", 1))).toBe("UNRESOLVED_ROUTINE");
  expect(code(f("upper", "a", "b"))).toBe("WRONG_NUM_ARGS.WITHOUT_SUGGESTION");
  expect(code(f("upper", f("array", 1)))).toBe("DATATYPE_MISMATCH.UNEXPECTED_INPUT_TYPE");
  expect(code(f("+", true, 1))).toBe("DATATYPE_MISMATCH.BINARY_OP_DIFF_TYPES");
  expect(code(f("and", 1, true))).toBe("DATATYPE_MISMATCH.BINARY_OP_DIFF_TYPES");
  expect(code(f("coalesce", f("array", 1), 1))).toBe("DATATYPE_MISMATCH.DATA_DIFF_TYPES");
  expect(code(f("window", ts("2026-01-01"), "0 seconds"))).toBe("DATATYPE_MISMATCH.VALUE_OUT_OF_RANGE");
  expect(code(f("window", ts("2026-01-01"), "soon"))).toBe("CANNOT_PARSE_INTERVAL");
  expect(code(f("element_at", f("array", 1), 0))).toBe("INVALID_INDEX_OF_ZERO");
  expect(code(f("to_timestamp", "never"))).toBe("CAST_INVALID_INPUT");
});

test("every function has its line of documentation", () => {
  for (const entry of [...builtinFunctions.values(), ...builtinAggregates.values()]) expect(entry.doc, entry.name).toMatch(/^\S.+\.$/s);
});
