import { afterAll, beforeAll, expect, test } from "vitest";
import { ManualClock, systemClock } from "../base/clock.ts";
import { createSession } from "../engine/api/session.ts";
import type { Session } from "../engine/api/session.ts";
import { string, struct } from "../engine/types/schema-builder.ts";
import { kafkaFormat } from "./source.ts";
import { startTestCluster, type TestCluster } from "./test-cluster.ts";
import { TriggerDelay } from "./trigger-delay.ts";

const never = new AbortController().signal;
let cluster: TestCluster;
let session: Session;

beforeAll(async () => {
  cluster = await startTestCluster();
  session = createSession({ formats: [kafkaFormat] });
  await cluster.client.topics.create({ topic: "table", partitions: 2 });
  await cluster.append("table", 0, ["a0", "a1", "a2"]);
  await cluster.append("table", 1, ["b0"]);
});
afterAll(() => cluster.close());

async function values(options: Readonly<Record<string, string>> = {}): Promise<unknown[]> {
  const frame = session.read
    .format("kafka")
    .options({ brokers: cluster.address, subscribe: "table", ...options })
    .load();
  const rows = await frame.select((r) => ({ v: r.value.cast("string") })).collect();
  return rows.map((row) => row.v).sort();
}

test("Kafka as a table: from earliest to latest, or between offsets of every partition", async () => {
  expect(await values()).toEqual(["a0", "a1", "a2", "b0"]);
  expect(await values({ endingOffsets: '{"table":{"0":2,"1":0}}' })).toEqual(["a0", "a1"]);
  expect(await values({ startingOffsets: '{"table":{"0":1,"1":-2}}', endingOffsets: '{"table":{"0":2,"1":-1}}' })).toEqual(["a1", "b0"]);
});

test("offsets by the timestamp of each partition; without a message of that time an error, or the end", async () => {
  const startingOffsetsByTimestamp = '{"table":{"0":1002,"1":1000}}';
  expect(await values({ startingOffsetsByTimestamp })).toEqual(["a2", "b0"]);
  const beyond = { startingOffsetsByTimestamp: '{"table":{"0":9000,"1":1000}}' };
  await expect(values(beyond)).rejects.toThrow("no message of that time or later");
  expect(await values({ ...beyond, startingOffsetsByTimestampStrategy: "latest" })).toEqual(["b0"]);
});

test.each([
  [{ startingOffsets: "latest" }, "A table is read from earliest"],
  [{ endingOffsets: "earliest" }, "endingOffsets is earliest"],
  [{ endingOffsets: '{"table":{"0":1}}' }, "endingOffsets leaves out partition 1"],
])("a table with %o is refused", async (options, message) => {
  await expect(values(options)).rejects.toThrow(message);
});

test("a stream has no end, and its least batch is not above its greatest", () => {
  const stream = (options: Readonly<Record<string, string>>): unknown =>
    session.readStream
      .format("kafka")
      .options({ brokers: cluster.address, subscribe: "table", ...options })
      .load();
  expect(() => stream({ endingOffsets: "latest" })).toThrow("A stream has no end");
  expect(() => stream({ minOffsetsPerTrigger: "10", maxOffsetsPerTrigger: "5" })).toThrow("above maxOffsetsPerTrigger");
  expect(() => stream({ maxTriggerDelay: "soon" })).toThrow("maxTriggerDelay");
});

test("a table is written to Kafka by one batch", async () => {
  await cluster.client.topics.create({ topic: "written", partitions: 1 });
  const rows = session.createDataFrame([["k", "v"]], struct({ key: string(), value: string() }));
  await rows.write.format("kafka").option("brokers", cluster.address).option("topic", "written").save();
  expect(await values({ subscribe: "written" })).toEqual(["v"]);
});

test("minOffsetsPerTrigger holds batches back, but never the first", async () => {
  await cluster.client.topics.create({ topic: "slow", partitions: 1 });
  await cluster.append("slow", 0, ["x"]);
  const source = await kafkaFormat.openSource?.({
    options: { brokers: cluster.address, subscribe: "slow", startingOffsets: "earliest", minOffsetsPerTrigger: "3", maxTriggerDelay: "1h" },
    clock: systemClock,
  });
  if (!source) throw new Error("no source");
  try {
    const first = await source.latest(await source.initial(never), never);
    expect(first).toEqual({ slow: { 0: 1 } });
    await cluster.append("slow", 0, ["y", "z"]);
    expect(await source.latest(first, never)).toEqual(first);
    const enough = source.changed(first, never);
    await cluster.append("slow", 0, ["w"]);
    await enough;
    expect(await source.latest(first, never)).toEqual({ slow: { 0: 4 } });
  } finally {
    await source.close();
  }
});

test("maxTriggerDelay ends the waiting", () => {
  const clock = new ManualClock();
  const delay = new TriggerDelay(clock, 10, 60_000);
  const [from, to] = [new Map([["t-0", 5]]), new Map([["t-0", 8]])];
  expect(delay.holds(from, to)).toBe(false);
  delay.began();
  expect(delay.holds(from, to)).toBe(true);
  expect(delay.holds(from, new Map([["t-0", 15]]))).toBe(false);
  clock.advance(60_000);
  expect(delay.holds(from, to)).toBe(false);
});
