import { expect, test } from "vitest";
import { createSession } from "../api/session.ts";
import type { DataFrame } from "../api/data-frame.ts";
import { col } from "../columns/column.ts";
import type { Column } from "../columns/column.ts";
import { interval } from "../functions/api/literals.ts";
import { double, string, struct, timestamp } from "../types/schema-builder.ts";
import { analyze } from "./analyze.ts";
import { stateWatermark, watermarkKey } from "./join-watermarks.ts";
import type { JoinSide } from "./join-watermarks.ts";
import type { JoinNode } from "./node.ts";

const session = createSession();
const left = session
  .memoryStream(struct({ ts: timestamp(), device: string(), value: double() }))
  .toDF()
  .withWatermark("ts", "1 minute");
const right = session
  .memoryStream(struct({ ts2: timestamp(), device2: string() }))
  .toDF()
  .withWatermark("ts2", "1 minute");
const [ts, ts2] = [col("ts"), col("ts2")] as [Column<unknown>, Column<unknown>];
const five = interval("5 seconds");

function join(condition: Column<boolean>): JoinNode {
  const frame = (left as unknown as DataFrame).join(
    right as unknown as DataFrame,
    col("device").eq(col("device2")).and(condition),
    "full_outer",
  );
  const node = analyze(frame.plan, { settings: { ansi: true } });
  if (node.op !== "join") throw new Error(`a ${node.op}`);
  return node;
}

/** Seconds that state of a side reaches behind a watermark of 1000 seconds. */
function behind(condition: Column<boolean>, side: JoinSide): number | undefined {
  const found = stateWatermark(join(condition), side);
  return found && (1_000_000_000 - found.atUs(1_000_000_000)) / 1e6;
}

test("a bound on the other side's time bounds the state, one millisecond earlier where equal times match", () => {
  expect(behind(ts2.leq(ts.plus(five)), "left")).toBe(5.001);
  expect(behind(ts2.lt(ts.plus(five)), "left")).toBe(5);
  expect(behind(ts2.minus(five).leq(ts), "left")).toBe(5.001);
  expect(behind(ts2.geq(ts.minus(five)), "right")).toBe(5.001);
  expect(behind(ts2.geq(ts.plus(five)), "right")).toBe(-4.999);
});

test("a bound in the other direction bounds nothing", () => {
  expect(behind(ts2.leq(ts.plus(five)), "right")).toBeUndefined();
  expect(behind(ts2.geq(ts), "left")).toBeUndefined();
});

test("the lowest of several bounds counts", () => {
  expect(behind(ts2.leq(ts.plus(five)).and(ts2.leq(ts.plus(interval("9 seconds")))), "left")).toBe(9.001);
});

test("constants add up, numbers count as seconds since the epoch: as Spark reads conditions", () => {
  expect(behind(ts2.lt(ts.plus(five).plus(five)), "left")).toBe(10);
  expect(behind(col("value").gt(1.5) as Column<boolean>, "left")).toBe(998.5);
});

test("a null-safe key is no event time key", () => {
  expect(watermarkKey(join(ts.eq(ts2)))).toBe(1);
  expect(watermarkKey(join(ts.eqNullSafe(ts2)))).toBe(-1);
});
