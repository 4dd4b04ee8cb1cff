import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { createSession } from "../api/session.ts";
import { Observation } from "../api/observation.ts";
import { avg, collectSet, count, countIf, max, min, sum } from "../functions/api/aggregates.ts";
import { namedStruct } from "../functions/api/maps.ts";
import { double, int, string, struct, timestamp } from "../types/schema-builder.ts";
import type { StreamingQueryProgress } from "./progress.ts";
import { prettyProgressJson, progressJson } from "./progress-json.ts";

const { progress: recorded } = JSON.parse(readFileSync(new URL("progress.golden.json", import.meta.url), "utf8")) as {
  readonly progress: readonly string[];
};

/** A progress as the engine holds it: what Spark's text leaves out is empty or not a number. */
function held(text: string): StreamingQueryProgress {
  const one = JSON.parse(text) as StreamingQueryProgress;
  const sources = one.sources.map((source) => ({ ...source, metrics: {} }));
  return { ...one, eventTime: one.eventTime ?? {}, sources, sink: { ...one.sink, metrics: {} }, observedMetrics: {} };
}

test.each(recorded.map((text) => [JSON.parse(text).name as string, text]))("progress of %s as Apache Spark printed it", (_, text) => {
  expect(progressJson(held(text))).toBe(text.replace(/,"observedMetrics":.*$/, "}"));
});

test("rates are rounded half up by their digits; what is not finite is left out", () => {
  const one = held(recorded[0] ?? "");
  const rateOf = (inputRowsPerSecond: number): string | undefined =>
    /"inputRowsPerSecond":([^,]*),"processed/.exec(progressJson({ ...one, inputRowsPerSecond, sources: [] }))?.[1];
  expect([0, 0.25, 2.35, 0.049999999999999996, 58.8235, 12345678.96, 3e-7, 1e21].map(rateOf)).toEqual(
    ["0.0", "0.3", "2.4", "0.0", "58.8", "1.2345679E7", "0.0", "1.0E21"], // prettier-ignore
  );
  expect([Number.NaN, Infinity].map(rateOf)).toEqual([undefined, undefined]);
});

test("prettyJson stands over several lines, arrays on theirs", () => {
  const text = prettyProgressJson(held(recorded[0] ?? ""));
  expect(text.split("\n").slice(0, 2)).toEqual(["{", expect.stringMatching(/^ {2}"id" : "/)]);
  expect(text).toContain('  "stateOperators" : [ {\n    "operatorName" : "stateStoreSave",\n');
  expect(text).toContain('  "sink" : {\n    "description" : "NoopTable",\n    "numOutputRows" : 0\n  }\n}');
  expect(JSON.parse(text)).toEqual(JSON.parse(recorded[0] ?? ""));
});

const readings = struct({ ts: timestamp(), k: string(), v: double() });

test("observe tells aggregates of the rows that came by, in every batch, as Apache Spark printed them", async () => {
  const session = createSession();
  const stream = session.memoryStream(readings);
  const query = await stream
    .toDF()
    .withWatermark("ts", "10 seconds")
    .observe("m", (r) => ({
      rows: count(),
      mx: max(r.v),
      mts: max(r.ts),
      ks: collectSet(r.k),
      av: avg(r.v),
      nul: sum(r.v.plus(null)),
      st: namedStruct({ lo: min(r.v), dec: sum(r.v.cast("decimal(10,2)")) }),
    }))
    .observe("zero", (r) => ({ big: countIf(r.v.gt(100)) }))
    .where((r) => r.v.gt(1))
    .writeStream.format("noop")
    .start();
  stream.addData([
    ["2026-01-01T10:00:01Z", "a", 1],
    ["2026-01-01T10:00:02Z", "b", 2.5],
  ]);
  await query.processAllAvailable();
  const first = query.lastProgress as StreamingQueryProgress;
  const spark = recorded.find((text) => text.includes('"name":"q_observe"')) ?? "";
  expect(/"observedMetrics":.*$/.exec(progressJson(first))?.[0]).toBe(/"observedMetrics":.*$/.exec(spark)?.[0]);
  stream.addData([["2026-01-01T10:00:03Z", "b", 2]]);
  await query.processAllAvailable();
  await query.stop();
  expect(query.lastProgress?.observedMetrics).toMatchObject({ m: { rows: 1, mx: 2, ks: ["b"] }, zero: { big: 0 } });
});

test("an observation keeps the metrics of a query without streams; filters above do not change them", async () => {
  const observed = new Observation("stats");
  const table = createSession().createDataFrame(
    [
      ["a", 1],
      ["b", null],
    ],
    struct({ k: string(), n: int() }),
  );
  const rows = table.observe(observed, (r) => ({ rows: count(), mx: max(r.n) })).where("k = 'a'");
  expect(await rows.count()).toBe(1);
  expect(await observed.get()).toEqual({ rows: 2, mx: 1 });
});

test("metrics without a name, without an aggregate, or two under one name are refused", async () => {
  const table = createSession().createDataFrame([["a", 1]], struct({ k: string(), n: int() }));
  expect(() => table.observe("", () => ({ rows: count() }))).toThrow("the metrics have no name");
  expect(() => table.observe("e", (r) => ({ n: r.n }))).toThrow('Attribute "n" can only be used as an argument to an aggregate function');
  const twice = table.observe("e", () => ({ c: count() })).observe("e", (r) => ({ c: max(r.n) }));
  await expect(twice.collect()).rejects.toThrow("The metric name is not unique: e");
});
