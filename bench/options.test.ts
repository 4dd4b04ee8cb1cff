import path from "node:path";
import { expect, test } from "vitest";
import { StreamlabError } from "../src/base/errors.ts";
import { parseLatencyOptions } from "./latency.ts";
import { figuresFile, readOptions, someOf, wholeNumber, wholeNumbers } from "./options.ts";

test("whole numbers, alone or between commas", () => {
  expect(wholeNumber("repeat", "3", 1)).toBe(3);
  expect(wholeNumbers("rate", "1000, 10000", 1)).toEqual([1000, 10000]);
  for (const text of ["", "0", "-1", "1.5", "ten", "1e3", "99999999999999999999"]) expect(() => wholeNumber("n", text, 1), text).toThrow();
});

test("words of a list, each once, in the order in which they were given", () => {
  expect(someOf("queries", "q3, Q1,q3", ["Q1", "Q3"])).toEqual(["Q3", "Q1"]);
  expect(() => someOf("queries", "Q2", ["Q1", "Q3"])).toThrow("Give --queries one or more of Q1, Q3");
});

test("what is wrong is said in three parts", () => {
  const thrown = (() => {
    try {
      return readOptions({ rate: { type: "string" } }, ["--rat", "5"]);
    } catch (caught) {
      return caught;
    }
  })();
  expect(thrown).toBeInstanceOf(StreamlabError);
  expect((thrown as StreamlabError).problem).toMatchObject({
    failed: "Cannot start the benchmark",
    found: "Unknown option '--rat'",
    remedy: "Run it with --help to see its options.",
  });
});

test("figures go to the given file, or to one with the benchmark's name and the time", () => {
  expect(figuresFile("latency", "x.json")).toBe(path.resolve("x.json"));
  expect(figuresFile("latency", undefined, new Date("2026-02-03T04:05:06.789Z"))).toMatch(/bench.latency-20260203040506\.json$/);
});

test("the latency benchmark measures both queries, both sinks and both rates unless told otherwise", () => {
  expect(parseLatencyOptions([])).toMatchObject({
    queries: ["Q1", "Q3"],
    sinks: ["kafka", "mongodb"],
    rates: [1000, 10000],
    seconds: 20,
    warmUpSeconds: 5,
    repeat: 3,
    together: false,
  });
  expect(parseLatencyOptions(["--queries", "q1", "--sink", "mongodb", "--rate", "50", "--together"])).toMatchObject({
    queries: ["Q1"],
    sinks: ["mongodb"],
    rates: [50],
    together: true,
  });
  expect(parseLatencyOptions(["--help"])).toBeUndefined();
});
