import { expect, test } from "vitest";
import { createSession } from "../api/session.ts";
import { col } from "../columns/column.ts";
import { struct as structOf } from "../functions/api/maps.ts";
import { double, string, struct, timestamp } from "../types/schema-builder.ts";
import { analyze } from "./analyze.ts";
import type { Node } from "./node.ts";
import { optimize } from "./optimize.ts";
import type { Plan } from "./plan.ts";

const stream = createSession()
  .memoryStream(struct({ ts: timestamp(), device: string(), value: double() }))
  .toDF()
  .withWatermark("ts", "7 seconds");

/** The delays of the columns, by name, as analysed and as optimised. */
function delays(frame: { readonly plan: Plan }): { readonly analysed: unknown; readonly optimised: unknown; readonly node: Node } {
  const analysed = analyze(frame.plan, { settings: { ansi: true } });
  const node = optimize(analysed);
  const of = (one: Node): unknown => Object.fromEntries(one.columns.map((column) => [column.name, column.eventTimeDelayMs]));
  return { analysed: of(analysed), optimised: of(node), node };
}
const same = col("ts").cast("timestamp");

test("a field of a struct made of the event time is an event time again, in structs of structs too", () => {
  const packed = stream.select(structOf(col("ts"), col("device")).as("p"));
  expect(delays(packed.select(col("p.ts").as("t"), col("p.device"))).analysed).toEqual({ t: 7000, device: undefined });
  const twice = packed.select(structOf(col("p")).as("q")).select(col("q.p.ts").as("t"));
  expect(delays(twice).analysed).toEqual({ t: 7000 });
});

test("a cast to its own type loses the event time in analysis, and gets it back under the same name", () => {
  expect(delays(stream.select(same.as("ts")))).toMatchObject({ analysed: { ts: undefined }, optimised: { ts: 7000 } });
  expect(delays(stream.select(same.as("ts")).where(col("ts").isNotNull()))).toMatchObject({ optimised: { ts: 7000 } });
  expect(delays(stream.select(same.as("u")).groupBy("u").count())).toMatchObject({ optimised: { u: undefined } });
});

test("deduplication drops late rows by a cast of another name, and keeps its keys", () => {
  const { node } = delays(stream.select(same.as("u"), col("device")).dropDuplicates("u"));
  if (node.op !== "deduplicate") throw new Error(node.op);
  expect(node.input.columns[0]?.eventTimeDelayMs).toBe(7000);
  expect(node.columns[0]?.eventTimeDelayMs).toBeUndefined();
});
