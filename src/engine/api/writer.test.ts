import { mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { afterAll, expect, test } from "vitest";
import { fromJson } from "../functions/api/json.ts";
import { window } from "../functions/api/windows.ts";
import type { DeadLetterRow } from "../sinks/dead-letter-rows.ts";
import { int, string, struct, timestamp } from "../types/schema-builder.ts";
import { createSession } from "./session.ts";

const folder = await mkdtemp(path.join(os.tmpdir(), "streamlab-writer-"));
afterAll(() => rm(folder, { recursive: true, force: true }));
const readings = struct({ ts: timestamp(), k: string(), n: int() });

test("the memory sink's rows, foreachBatch and foreach give instants and windows alike, and JSON does not change them", async () => {
  const session = createSession();
  const stream = session.memoryStream(readings);
  const counted = stream.toDF().select((r) => ({ window: window(r.ts, "10 seconds"), ts: r.ts, n: r.n }));
  const batches: unknown[] = [];
  const rows: unknown[] = [];
  const queries = [
    await counted.writeStream.queryName("kept").format("memory").start(),
    await counted.writeStream.foreachBatch((batch) => void batches.push(...batch)).start(),
    await counted.writeStream.foreach((row) => void rows.push(row)).start(),
  ];
  stream.addData([["2026-01-01T10:00:01.5Z", "a", 1]]);
  for (const query of queries) await query.processAllAvailable();
  await session.streams.stopAll();
  const expected = [
    {
      window: { start: "2026-01-01T10:00:00.000Z", end: "2026-01-01T10:00:10.000Z" },
      ts: "2026-01-01T10:00:01.500Z",
      n: 1,
    },
  ];
  for (const found of [session.table("kept")?.rows, batches, rows, await session.view("kept").collect()]) {
    expect(found).toEqual(expected);
    expect(JSON.parse(JSON.stringify(found))).toEqual(expected);
  }
});

test("dead letters come to a function by name, with their raw bytes", async () => {
  const session = createSession();
  const stream = session.memoryStream(struct({ value: string() }));
  const dead: (DeadLetterRow & { readonly batchId: number })[] = [];
  const query = await stream
    .toDF()
    .select((r) => fromJson(r.value, struct({ k: string() })))
    .writeStream.deadLetter((letters, batchId) => void dead.push(...letters.map((one) => ({ ...one, batchId }))))
    .format("noop")
    .start();
  stream.addData([['{"k":"a"}'], ["no json"]]);
  await query.processAllAvailable();
  await query.stop();
  expect(dead).toEqual([
    { batchId: 0, topic: "", partition: 0, offset: 0, reason: expect.any(String) as string, value: Buffer.from("no json") },
  ]);
});

test("a foreach writer is opened and closed for every batch, may leave one out, and hears of the error that ends one", async () => {
  const session = createSession();
  const stream = session.memoryStream(readings);
  const heard: string[] = [];
  const query = await stream
    .toDF()
    .writeStream.foreach({
      open: (partitionId, batchId) => {
        heard.push(`open ${partitionId} ${batchId}`);
        return batchId !== 1;
      },
      process: (row) => {
        if (row.n === 9) throw new Error("nine");
        heard.push(`process ${String(row.n)}`);
      },
      close: (error) => void heard.push(`close ${error?.message ?? "null"}`),
    })
    .start();
  for (const n of [1, 2, 3, 9]) {
    stream.addData([["2026-01-01T10:00:00Z", "a", n]]);
    await query.processAllAvailable().catch(() => undefined);
  }
  expect(heard).toEqual([
    ...["open 0 0", "process 1", "close null"],
    ...["open 0 1", "close null"],
    ...["open 0 2", "process 3", "close null"],
    ...["open 0 3", "close nine"],
  ]);
  expect(query.exception?.message).toContain("nine");
});

test("a query name and a checkpoint belong to one running query, also while it starts", async () => {
  const session = createSession();
  const frame = session.memoryStream(readings).toDF();
  const starting = frame.writeStream.queryName("one").format("noop").start();
  await expect(frame.writeStream.queryName("one").format("noop").start()).rejects.toThrow("already active in this session");
  await (await starting).stop();
  await (await frame.writeStream.queryName("one").format("noop").start()).stop();
  const held = await frame.writeStream.option("checkpointLocation", path.join(folder, "same")).format("noop").start();
  await expect(frame.writeStream.option("checkpointLocation", path.join(folder, "same")).format("noop").start()).rejects.toThrow(
    "is writing to it",
  );
  await held.stop();
});

test("waiting ends by a signal or after a time; the query goes on", async () => {
  const session = createSession();
  const endless = session.readStream.format("rate-micro-batch").option("rowsPerBatch", 1).load();
  const query = await endless.writeStream.format("noop").start();
  const given = new AbortController();
  const waits = [
    query.processAllAvailable(given.signal),
    query.awaitTermination({ signal: given.signal }),
    session.streams.awaitAnyTermination(given.signal),
  ];
  given.abort(new Error("the cell was stopped"));
  for (const wait of waits) await expect(wait).rejects.toThrow("the cell was stopped");
  await expect(query.processAllAvailable({ timeoutMs: 20 })).rejects.toThrow("has not processed all that was available within 20 ms");
  expect(await query.awaitTermination(1)).toBe(false);
  expect(query.isActive).toBe(true);
  await query.stop();
});

test("stop with a signal does not wait for a batch that hangs", async () => {
  const session = createSession();
  const stream = session.memoryStream(readings);
  const begun = Promise.withResolvers<void>();
  const query = await stream
    .toDF()
    .writeStream.sink({
      description: "hangs",
      write: (_, signal) => {
        begun.resolve();
        return new Promise((_resolve, reject) => signal.addEventListener("abort", () => reject(signal.reason as Error), { once: true }));
      },
      close: () => Promise.resolve(),
    })
    .start();
  stream.addData([["2026-01-01T10:00:00Z", "a", 1]]);
  await begun.promise;
  await query.stop(AbortSignal.abort(new Error("now")));
  expect(query.isActive).toBe(false);
  expect(query.exception).toBeUndefined();
});

test("options that Spark refuses are refused, with what may be written", async () => {
  const { readStream } = createSession();
  const start = (format: string, options: Readonly<Record<string, string>>): Promise<unknown> =>
    createSession().readStream.format(format).options(options).load().writeStream.format("noop").start();
  await expect(start("rate", { rowsPerSecond: "0" })).rejects.toThrow("The option 'rowsPerSecond' must be positive");
  await expect(start("rate", { numPartitions: "-1" })).rejects.toThrow("The option 'numPartitions' must be positive");
  await expect(start("rate-micro-batch", {})).rejects.toThrow("The option 'rowsPerBatch' must be positive");
  const console = readStream.format("rate").load().writeStream.format("console");
  await expect(console.option("truncate", "sometimes").start()).rejects.toThrow("true, false or a number of characters");
});
