import { mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createSession } from "../../src/engine/api/session.ts";
import { count } from "../../src/engine/functions/api/aggregates.ts";
import { fromJson } from "../../src/engine/functions/api/json.ts";
import { window } from "../../src/engine/functions/api/windows.ts";
import type { StreamingQuery } from "../../src/engine/query/streaming-query.ts";
import { double, int, string, struct, timestamp } from "../../src/engine/types/schema-builder.ts";
import { kafkaFormat } from "../../src/kafka/source.ts";
import { type TestCluster, startTestCluster } from "../../src/kafka/test-cluster.ts";

let cluster: TestCluster;
let folder = "";
beforeAll(async () => {
  cluster = await startTestCluster();
  folder = await mkdtemp(path.join(os.tmpdir(), "streamlab-input-"));
});
afterAll(async () => {
  await cluster.close();
  await rm(folder, { recursive: true, force: true });
});

/** Starts a query that keeps the text of every message of a topic; `write` is told of each batch. */
function keep(topic: string, options: Record<string, string>, write: (texts: string[]) => Promise<void> | void): Promise<StreamingQuery> {
  return createSession({ formats: [kafkaFormat] })
    .readStream.format("kafka")
    .options({ brokers: cluster.address, subscribe: topic, startingOffsets: "earliest", ...options })
    .load()
    .select((record) => ({ text: record.value.cast("string") }))
    .writeStream.option("checkpointLocation", path.join(folder, topic))
    .foreachBatch((rows) => write(rows.map((row) => String((row as { readonly text: unknown }).text))))
    .start();
}

async function runOnce(topic: string, options: Record<string, string> = {}): Promise<string[]> {
  const texts: string[] = [];
  const query = await keep(topic, options, (more) => void texts.push(...more));
  try {
    await query.processAllAvailable();
    return texts;
  } finally {
    await query.stop();
  }
}

const numbered = (count: number, name: string): string[] => Array.from({ length: count }, (_, i) => `${name} ${i}`);

describe("F24: the topic was deleted and made anew", () => {
  test(
    "with failOnDataLoss the restart ends with a report of the gap; without it the gap is counted and the new log read from its beginning",
    { timeout: 30_000 },
    async () => {
      const topic = "made-anew";
      await cluster.client.topics.create({ topic, partitions: 1 });
      await cluster.append(topic, 0, numbered(8, "old"));
      expect(await runOnce(topic)).toEqual(numbered(8, "old"));
      await cluster.client.topics.delete([topic]);
      await cluster.client.topics.create({ topic, partitions: 1 });
      await cluster.append(topic, 0, numbered(3, "new"));
      await expect(runOnce(topic)).rejects.toThrow(/made-anew-0.*offset 8 was next, but the log now ends at 3.*failOnDataLoss/s);
      const texts: string[] = [];
      const query = await keep(topic, { failOnDataLoss: "false", maxOffsetsPerTrigger: "2" }, (more) => void texts.push(...more));
      await query.processAllAvailable();
      expect(texts).toEqual(numbered(3, "new"));
      expect(query.lastProgress?.sources[0]?.metrics).toMatchObject({
        gaps: "1",
        lostOffsets: "5",
        "gap.made-anew-0": "offset 8 was next, but the log ended at 3; read on from its beginning",
      });
      expect(query.recentProgress.every((one) => one.numInputRows <= 2)).toBe(true);
      await cluster.append(topic, 0, ["after"]);
      await query.processAllAvailable();
      await query.stop();
      expect(texts).toEqual([...numbered(3, "new"), "after"]);
      await cluster.append(topic, 0, ["at last"]);
      expect(await runOnce(topic)).toEqual(["at last"]);
    },
  );
});

describe("F23: idle and lagging partitions", () => {
  const reading = struct({ ts: timestamp(), n: int() });
  const NOON = Date.UTC(2026, 0, 1, 12);
  const iso = (seconds: number): string => new Date(NOON + seconds * 1000).toISOString();
  const messages = (...seconds: readonly number[]): string[] => seconds.map((one) => JSON.stringify({ ts: iso(one), n: one }));

  test("of three partitions one is fed: the watermark goes with it; one that was paused resumes: its late rows are counted, and named", async () => {
    const topic = "three";
    await cluster.client.topics.create({ topic, partitions: 3 });
    const query = await createSession({ formats: [kafkaFormat] })
      .readStream.format("kafka")
      .options({ brokers: cluster.address, subscribe: topic, startingOffsets: "earliest" })
      .load()
      .select((record) => fromJson(record.value.cast("string"), reading))
      .withWatermark("ts", "10 seconds")
      .groupBy((row) => ({ window: window(row.ts, "10 seconds") }))
      .agg(() => ({ n: count() }))
      .writeStream.outputMode("update")
      .format("noop")
      .start();
    const feed = async (partition: number, ...seconds: readonly number[]): Promise<Readonly<Record<string, string>>> => {
      await cluster.append(topic, partition, messages(...seconds));
      await query.processAllAvailable();
      return query.recentProgress.findLast((one) => one.numInputRows > 0)?.sources[0]?.metrics ?? {};
    };
    try {
      await feed(1, 3);
      for (const seconds of [5, 25, 45]) await feed(0, seconds);
      expect(await feed(0, 65)).toMatchObject({
        "rows.three-0": "1",
        "rows.three-1": "0",
        "maxEventTime.three-0": iso(65),
        "maxEventTime.three-1": iso(3),
        "lateRows.three-0": "0",
      });
      expect(query.lastProgress?.eventTime.watermark).toBe(iso(55));
      const resumed = await feed(1, 5, 49, 51);
      expect(resumed).toMatchObject({
        "rows.three-1": "3",
        "lateRows.three-1": "2",
        "lateRows.three-0": "0",
        lateRows: "2",
        keptRows: "1",
      });
      expect(resumed["rows.three-2"]).toBeUndefined();
      expect(query.whyRow({ ts: iso(5) }).text).toContain(
        `The watermark follows the partition that is furthest: three-0 has come to ${iso(65)}, three-1 only to ${iso(51)}.`,
      );
      expect(query.lastProgress?.eventTime.watermark).toBe(iso(55));
    } finally {
      await query.stop();
    }
  });
});

describe("F26: the messages' schema drifts", () => {
  const schema = struct({ sensor: string(), value: double() });
  test.each([
    ["a new field is ignored", '{"sensor":"a","value":1,"unit":"C"}', { sensor: "a", value: 1 }],
    ["a missing field is null", '{"sensor":"a"}', { sensor: "a", value: null }],
    ["a renamed field is a missing and a new one", '{"sensor_name":"a","value":1}', { sensor: null, value: 1 }],
    ["an int for a double is the number", '{"sensor":"a","value":7}', { sensor: "a", value: 7 }],
    ["fields in another order", '{"value":2,"sensor":"b"}', { sensor: "b", value: 2 }],
    ["a string for a number is a dead letter", '{"sensor":"a","value":"high"}', "dead"],
    ["an object for a number is a dead letter", '{"sensor":"a","value":{"celsius":1}}', "dead"],
  ] as const)("%s", async (name, message, expected) => {
    const topic = name.replaceAll(" ", "-");
    await cluster.client.topics.create({ topic, partitions: 1 });
    await cluster.append(topic, 0, [message]);
    const rows: unknown[] = [];
    const query = await createSession({ formats: [kafkaFormat] })
      .readStream.format("kafka")
      .options({ brokers: cluster.address, subscribe: topic, startingOffsets: "earliest" })
      .load()
      .select((record) => fromJson(record.value.cast("string"), schema))
      .writeStream.option("deadLetter", path.join(folder, `${topic}-dead`))
      .foreachBatch((more) => void rows.push(...more))
      .start();
    try {
      await query.processAllAvailable();
      const metrics = query.lastProgress?.sources[0]?.metrics ?? {};
      if (expected === "dead") {
        expect(rows).toEqual([]);
        expect(metrics).toMatchObject({ deadLetterRows: "1", keptRows: "0" });
        expect(Object.keys(metrics).some((key) => key.startsWith("deadLetters."))).toBe(true);
      } else {
        expect(rows).toEqual([expected]);
        expect(metrics).toMatchObject({ deadLetterRows: "0", keptRows: "1" });
      }
    } finally {
      await query.stop();
    }
  });

  test("driftReport: progress and the query say which fields are new, missing or of another kind; without it nothing is counted", async () => {
    const topic = "drifting";
    await cluster.client.topics.create({ topic, partitions: 1 });
    const messages = [
      '{"sensor":"a","value":1}',
      '{"sensor":"a","value":1,"unit":"C"}',
      '{"sensor":"a","value":2,"unit":"F"}',
      '{"sensor_name":"a","value":1}',
      '{"sensor":"a","value":"high"}',
      '{"sensor":"a",',
    ];
    await cluster.append(topic, 0, messages);
    const run = async (options: { readonly driftReport?: string }): Promise<StreamingQuery> => {
      const query = await createSession({ formats: [kafkaFormat] })
        .readStream.format("kafka")
        .options({ brokers: cluster.address, subscribe: topic, startingOffsets: "earliest" })
        .load()
        .select((record) => fromJson(record.value.cast("string"), schema, options))
        .writeStream.format("noop")
        .option("deadLetter", path.join(folder, `drift-${options.driftReport ?? "off"}`))
        .start();
      await query.processAllAvailable();
      await query.stop();
      return query;
    };
    const counted = await run({ driftReport: "true" });
    const found = {
      "drift.records": "5",
      "drift.new.unit": "2",
      "drift.new.sensor_name": "1",
      "drift.missing.sensor": "1",
      "drift.type.value: DOUBLE, found string": "1",
    };
    const metrics = counted.lastProgress?.sources[0]?.metrics ?? {};
    expect(Object.fromEntries(Object.entries(metrics).filter(([name]) => name.startsWith("drift.")))).toEqual(found);
    expect(metrics).toMatchObject({ keptRows: "4", deadLetterRows: "2" });
    expect(counted.driftReport()).toMatchObject({ records: 5, entries: [{ kind: "new", field: "unit", count: 2 }, {}, {}, {}] });
    expect(counted.driftReport().text).toContain("unit is new: 2");

    const plain = await run({});
    expect(Object.keys(plain.lastProgress?.sources[0]?.metrics ?? {}).filter((name) => name.startsWith("drift"))).toEqual([]);
    expect(plain.explain()).not.toContain("drift");
    expect(plain.driftReport()).toMatchObject({ records: 0, entries: [] });
  });
});
