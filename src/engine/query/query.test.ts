import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { ManualClock } from "../../base/clock.ts";
import { createSession } from "../api/session.ts";
import { col } from "../columns/column.ts";
import { avg, count, max, sum } from "../functions/api/aggregates.ts";
import { fromJson } from "../functions/api/json.ts";
import { window } from "../functions/api/windows.ts";
import type { Sink, SinkBatch } from "../sinks/sink.ts";
import type { Row } from "../types/data-type.ts";
import { bigint, binary, double, int, string, struct, timestamp } from "../types/schema-builder.ts";
import { MemoryInput } from "../sources/memory.ts";
import type { StreamingQueryProgress } from "./progress.ts";
import { progressJson } from "./progress-json.ts";
import { StreamingQueryError } from "./query-error.ts";

const readings = struct({ ts: timestamp(), device: string(), value: double() });
let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), "streamlab-query-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const BASE_US = 1_767_225_600_000_000;
const at = (seconds: number): number => BASE_US + seconds * 1_000_000;

function keeping(): Sink & { readonly batches: SinkBatch[] } {
  const batches: SinkBatch[] = [];
  return { description: "keeping", batches, write: (batch) => Promise.resolve(void batches.push(batch)), close: () => Promise.resolve() };
}

test("any cut into batches and any restarts give the recount of all rows", async () => {
  const row = fc.tuple(
    fc.option(fc.integer({ min: 0, max: 40 }), { freq: 12 }),
    fc.constantFrom("a", "b"),
    fc.option(fc.integer({ min: -9, max: 9 })),
  );
  const batches = fc.array(fc.record({ rows: fc.array(row, { maxLength: 8 }), restart: fc.boolean() }), { maxLength: 8 });
  await fc.assert(
    fc.asyncProperty(batches, async (steps) => {
      const checkpoint = path.join(await mkdtemp(path.join(folder, "run-")), "checkpoint");
      const session = createSession();
      const stream = session.memoryStream(readings);
      const results = new Map<string, Row>();
      const start = (): ReturnType<(typeof query)["start"]> => query.start();
      const query = stream
        .toDF()
        .withWatermark("ts", "100 seconds")
        .groupBy((r) => ({ window: window(r.ts, "10 seconds", "5 seconds"), device: r.device }))
        .agg((r) => ({ n: count(), total: sum(r.value) }))
        .writeStream.outputMode("update")
        .option("checkpointLocation", checkpoint)
        .sink({
          description: "upserts",
          write: ({ rows }) => {
            for (const one of rows) results.set(JSON.stringify(one.slice(0, 2)), one);
            return Promise.resolve();
          },
          close: () => Promise.resolve(),
        });
      let running = await start();
      for (const { rows, restart } of steps) {
        stream.addRows(rows.map(([seconds, device, value]) => [seconds === null ? null : at(seconds), device, value]));
        await running.processAllAvailable();
        if (!restart) continue;
        await running.stop();
        running = await start();
      }
      await running.stop();
      expect(running.exception).toBeUndefined();

      const expected = new Map<string, { n: number; total: number | null }>();
      for (const [seconds, device, value] of steps.flatMap((step) => step.rows)) {
        if (seconds === null) continue;
        for (const first of [Math.floor(seconds / 5) * 5, Math.floor(seconds / 5) * 5 - 5]) {
          const key = JSON.stringify([[at(first), at(first + 10)], device]);
          const known = expected.get(key) ?? { n: 0, total: null };
          expected.set(key, { n: known.n + 1, total: value === null ? known.total : (known.total ?? 0) + value });
        }
      }
      expect(Object.fromEntries([...results].map(([key, one]) => [key, { n: one[2], total: one[3] }]))).toEqual(
        Object.fromEntries(expected),
      );
    }),
    { numRuns: 25 },
  );
});

test("the watermark never falls, and every row read is kept, filtered, late or dead", async () => {
  const row = fc.tuple(fc.option(fc.integer({ min: 0, max: 400 }), { freq: 12 }), fc.constantFrom("a", "b", "skip"));
  await fc.assert(
    fc.asyncProperty(fc.array(fc.array(row, { maxLength: 10 }), { maxLength: 8 }), async (steps) => {
      const session = createSession();
      const stream = session.memoryStream(readings);
      const query = await stream
        .toDF()
        .withWatermark("ts", "7 seconds")
        .where((r) => r.device.neq("skip"))
        .groupBy((r) => ({ window: window(r.ts, "10 seconds", "4 seconds"), device: r.device }))
        .agg(() => ({ n: count() }))
        .writeStream.outputMode("append")
        .sink(keeping())
        .start();
      for (const rows of steps) {
        stream.addRows(rows.map(([seconds, device]) => [seconds === null ? null : at(seconds), device, 1]));
        await query.processAllAvailable();
      }
      await query.stop();
      let before = "";
      for (const progress of query.recentProgress) {
        expect((progress.eventTime.watermark ?? "") >= before).toBe(true);
        before = progress.eventTime.watermark ?? "";
        const metrics = progress.sources[0]?.metrics ?? {};
        const counted = ["keptRows", "filteredRows", "lateRows", "deadLetterRows"].reduce(
          (total, name) => total + Number(metrics[name]),
          0,
        );
        expect(counted).toBe(progress.numInputRows);
      }
    }),
    { numRuns: 30 },
  );
});

test("append mode emits every window once, whole, when the watermark has passed it; the state stays bounded", async () => {
  const session = createSession();
  const stream = session.memoryStream(readings);
  const sink = keeping();
  const query = await stream
    .toDF()
    .withWatermark("ts", "5 seconds")
    .groupBy((r) => ({ window: window(r.ts, "10 seconds"), device: r.device }))
    .agg(() => ({ n: count() }))
    .writeStream.outputMode("append")
    .sink(sink)
    .start();
  for (let second = 0; second < 300; second += 10) {
    stream.addRows(Array.from({ length: 30 }, (_, i) => [at(second + (i % 10)), `device ${i % 3} of ${second}`, 1]));
    await query.processAllAvailable();
    expect(query.lastProgress?.stateOperators[0]?.numRowsTotal).toBeLessThanOrEqual(6);
  }
  await query.stop();
  const emitted = sink.batches.flatMap((batch) => batch.rows);
  expect(new Set(emitted.map((row) => JSON.stringify(row.slice(0, 2)))).size).toBe(emitted.length);
  expect(emitted.every((row) => row[2] === 10)).toBe(true);
});

test("a bad value stops the query with Spark's error class, its batch uncommitted", async () => {
  const session = createSession();
  const stream = session.memoryStream(struct({ a: int(), b: int() }));
  const query = await stream
    .toDF()
    .select((r) => ({ q: r.a.divide(r.b) }))
    .writeStream.format("noop")
    .option("checkpointLocation", path.join(folder, "checkpoint"))
    .start();
  stream.addData([[1, 0]]);
  await expect(query.processAllAvailable()).rejects.toThrow(StreamingQueryError);
  await expect(query.awaitTermination()).rejects.toMatchObject({ code: "DIVIDE_BY_ZERO" });
  expect(query.isActive).toBe(false);
  expect(session.streams.active).toEqual([]);
  expect(await readdir(path.join(folder, "checkpoint", "commits"))).toEqual([]);
});

test("a sink that fails stops the query; the next run repeats the same batch", async () => {
  const session = createSession();
  const stream = session.memoryStream(readings);
  const seen: unknown[] = [];
  let broken = true;
  const writer = stream
    .toDF()
    .groupBy("device")
    .agg(count().as("n"))
    .writeStream.outputMode("update")
    .option("checkpointLocation", path.join(folder, "checkpoint"))
    .foreachBatch((rows, batchId) => {
      seen.push([batchId, rows]);
      if (broken) throw new Error("the sink is down");
    });
  const first = await writer.start();
  stream.addRows([[at(1), "a", 1]]);
  await expect(first.processAllAvailable()).rejects.toThrow("the sink is down");
  broken = false;
  stream.addRows([[at(2), "a", 1]]);
  const second = await writer.start();
  await second.processAllAvailable();
  await second.stop();
  expect(second.id).toBe(first.id);
  expect(second.runId).not.toBe(first.runId);
  expect(seen).toEqual([
    [0, [{ device: "a", n: 1 }]],
    [0, [{ device: "a", n: 1 }]],
    [1, [{ device: "a", n: 2 }]],
  ]);
});

test("malformed records leave the query as dead letters, counted by reason, with their raw bytes", async () => {
  const kafka = struct({
    key: binary(),
    value: binary(),
    topic: string(),
    partition: int(),
    offset: bigint(),
    timestamp: timestamp(),
    timestampType: int(),
  });
  const input = new MemoryInput("records", kafka);
  const session = createSession({
    formats: [{ name: "kafka", sourceSchema: () => kafka, openSource: () => Promise.resolve(input.open()) }],
  });
  const sink = keeping();
  const query = await session.readStream
    .format("kafka")
    .load()
    .select((m) => fromJson(m.value.cast("string"), struct({ device: string(), value: double() })))
    .where((r) => r.value.gt(1))
    .writeStream.sink(sink)
    .deadLetter(path.join(folder, "dead"))
    .start();
  const texts = ['{"device":"a","value":2}', "no json", '{"device":"b","value":1}', '{"device":"c"'];
  const bytes = texts.map((text) => Buffer.from(text));
  const positions = new Int32Array(bytes.length * 4);
  let end = 0;
  bytes.forEach((one, i) => {
    positions.set([-1, -1, end, end + one.length], i * 4);
    end += one.length;
  });
  input.addRecords({
    kind: "records",
    topic: "t",
    partition: 1,
    buffer: Buffer.concat(bytes),
    count: 4,
    positions,
    offsets: Float64Array.of(7, 8, 9, 10),
    timestampsMs: new Float64Array(4),
    timestampType: 0,
  });
  await query.processAllAvailable();
  await query.stop();
  expect(sink.batches.flatMap((batch) => batch.rows)).toEqual([["a", 2]]);
  expect(query.lastProgress?.sources[0]?.metrics).toMatchObject({ keptRows: "1", filteredRows: "1", lateRows: "0", deadLetterRows: "2" });
  const lines = (await readFile(path.join(folder, "dead", "0.jsonl"), "utf8"))
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  expect(lines.map((line) => [line.topic, line.partition, line.offset, Buffer.from(String(line.value), "base64").toString()])).toEqual([
    ["t", 1, 8, "no json"],
    ["t", 1, 10, '{"device":"c"'],
  ]);
});

test("availableNow takes what is there in batches and ends; once takes one batch and ends", async () => {
  for (const trigger of [{ availableNow: true }, { once: true }]) {
    const session = createSession();
    const stream = session.memoryStream(readings);
    stream.addRows([[at(1), "a", 1]]);
    const sink = keeping();
    const query = await stream.toDF().writeStream.sink(sink).trigger(trigger).start();
    expect(await query.awaitTermination()).toBe(true);
    expect(sink.batches.flatMap((batch) => batch.rows)).toEqual([[at(1), "a", 1]]);
  }
});

test("processingTime starts batches on the clock's beat", async () => {
  const clock = new ManualClock(BASE_US / 1000);
  const session = createSession({ clock });
  const stream = session.memoryStream(readings);
  const ids: number[] = [];
  let wrote: () => void = () => {};
  const query = await stream
    .toDF()
    .writeStream.trigger({ processingTime: "10 seconds" })
    .foreachBatch((_, id) => {
      ids.push(id);
      wrote();
    })
    .start();
  await query.processAllAvailable();
  for (const id of [0, 1]) {
    stream.addRows([[at(id), "a", 1]]);
    expect(ids).toHaveLength(id);
    const next = new Promise<void>((resolve) => (wrote = resolve));
    await expect
      .poll(() => {
        clock.advance(10_000);
        return ids.length;
      })
      .toBe(id + 1);
    await next;
  }
  await query.stop();
});

test("listeners hear of idleness at once where no batch has run, and then every ten seconds without new data", async () => {
  const clock = new ManualClock();
  const session = createSession({ clock });
  const stream = session.memoryStream(readings);
  const heard: string[] = [];
  session.streams.addListener({
    onQueryProgress: ({ progress }) => heard.push(`batch ${progress.batchId}`),
    onQueryIdle: ({ timestamp }) => heard.push(`idle ${timestamp.slice(17, 19)}`),
  });
  const query = await stream.toDF().writeStream.format("noop").start();
  await query.processAllAvailable();
  clock.advance(4000);
  stream.addData([["2026-01-01T00:00:01Z", "a", 3]]);
  await query.processAllAvailable();
  await vi.waitFor(
    () => {
      clock.advance(2000);
      expect(heard.length).toBeGreaterThanOrEqual(4);
    },
    { timeout: 10_000, interval: 10 },
  );
  await query.stop();
  const [first, batch, second, third] = heard;
  expect([first, batch]).toEqual(["idle 00", "batch 0"]);
  expect(Number(second?.slice(5))).toBeGreaterThanOrEqual(14);
  expect(Number(third?.slice(5)) - Number(second?.slice(5))).toBeGreaterThanOrEqual(10);
});

test("listeners hear of the start, every batch and the end", async () => {
  const session = createSession();
  const stream = session.memoryStream(readings);
  const heard: string[] = [];
  const progresses: StreamingQueryProgress[] = [];
  session.streams.addListener({
    onQueryStarted: ({ name }) => heard.push(`started ${name}`),
    onQueryProgress: ({ progress }) => {
      heard.push(`batch ${progress.batchId}`);
      progresses.push(progress);
    },
    onQueryIdle: () => heard.push("idle"),
    onQueryTerminated: ({ exception }) => heard.push(`terminated ${exception}`),
  });
  const query = await stream
    .toDF()
    .withWatermark("ts", "1 second")
    .agg((r) => ({ top: max(r.value) }))
    .writeStream.outputMode("complete")
    .queryName("top")
    .format("memory")
    .start();
  expect(session.streams.active.map((one) => one.name)).toEqual(["top"]);
  stream.addData([["2026-01-01T00:00:01Z", "a", 3]]);
  await query.processAllAvailable();
  expect(session.table("top")?.rows).toEqual([{ top: 3 }]);
  await query.stop();
  expect(session.streams.active).toEqual([]);
  expect(heard.filter((one) => one !== "idle")).toEqual(["started top", "batch 0", "terminated null"]);
  const json = JSON.parse(progressJson(progresses[0] as StreamingQueryProgress)) as Record<string, unknown>;
  expect(Object.keys(json)).toEqual([
    "id",
    "runId",
    "name",
    "timestamp",
    "batchId",
    "batchDuration",
    "numInputRows",
    "inputRowsPerSecond",
    "processedRowsPerSecond",
    "durationMs",
    "eventTime",
    "stateOperators",
    "sources",
    "sink",
  ]);
  expect(json.eventTime).toEqual({
    max: "2026-01-01T00:00:01.000Z",
    min: "2026-01-01T00:00:01.000Z",
    avg: "2026-01-01T00:00:01.000Z",
    watermark: "1970-01-01T00:00:00.000Z",
  });
});

test("two queries of one name are refused, and so is a checkpoint in use", async () => {
  const session = createSession();
  const stream = session.memoryStream(readings);
  const start = (name: string): Promise<unknown> =>
    stream.toDF().writeStream.queryName(name).format("noop").option("checkpointLocation", path.join(folder, "c")).start();
  await start("one");
  await expect(start("one")).rejects.toMatchObject({ code: "QUERY_NAME_IN_USE" });
  await expect(start("two")).rejects.toMatchObject({ code: "CHECKPOINT_IN_USE" });
  await session.streams.stopAll();
});

test("a missing entry in the middle of the log stops the start", async () => {
  const session = createSession();
  const stream = session.memoryStream(readings);
  const writer = stream
    .toDF()
    .groupBy("device")
    .agg(avg(col("value")).as("mean"))
    .writeStream.outputMode("update")
    .format("noop")
    .option("checkpointLocation", folder);
  const query = await writer.start();
  for (let i = 0; i < 3; i++) {
    stream.addRows([[at(i), "a", i]]);
    await query.processAllAvailable();
  }
  await query.stop();
  for (const [kind, id] of [
    ["offsets", 2],
    ["commits", 2],
    ["state/0/0", "2.delta"],
  ] as const) {
    const file = path.join(folder, kind, String(id));
    const content = await readFile(file);
    await rm(file);
    if (kind === "commits") await rm(path.join(folder, "commits", "1"));
    await expect(writer.start(), kind).rejects.toMatchObject({ code: "CHECKPOINT_MISSING" });
    if (kind === "commits") break;
    await import("node:fs/promises").then((fs) => fs.writeFile(file, content));
  }
});
