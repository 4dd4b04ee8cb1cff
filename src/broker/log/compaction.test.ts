import fs from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Compression } from "../../kafka-protocol/compression.ts";
import { encodeControlMarker } from "../../kafka-protocol/control-marker.ts";
import { encodeBatch, isCrcValid, readBatchHeader, type BatchHeader, type BatchOptions } from "../../kafka-protocol/record-batch.ts";
import { decodeRecords } from "../../kafka-protocol/record-iteration.ts";
import { defaultTopicSettings, type TopicSettings } from "../configs/topic-settings.ts";
import { PartitionLog, type PartitionLogOptions } from "./partition-log.ts";

let folder: string;
beforeEach(async () => {
  folder = await fs.mkdtemp(path.join(os.tmpdir(), "compaction-"));
});
afterEach(() => fs.rm(folder, { recursive: true, force: true }));

const compacted: TopicSettings = {
  ...defaultTopicSettings,
  isCompacted: true,
  isDeleted: false,
  segmentBytes: 200,
  minCleanableDirtyRatio: 0,
};
const BUFFER_BYTES = 1024 * 1024;

const open = (settings: Partial<TopicSettings> = {}, options: Partial<PartitionLogOptions> = {}): Promise<PartitionLog> =>
  PartitionLog.open({ folder: path.join(folder, "t-0"), settings: () => ({ ...compacted, ...settings }), sync: false, ...options });

type KeyValue = readonly [key: string | null, value: string | null];

const batchOf = (records: readonly KeyValue[], options: BatchOptions = {}, timestampMs: number = 1000): Buffer =>
  encodeBatch(
    records.map(([key, value]) => ({
      key: key === null ? null : Buffer.from(key),
      value: value === null ? null : Buffer.from(value),
      timestampMs,
      headers: [["h", Buffer.from("x")]],
    })),
    options,
  );

const headerOf = (bytes: Buffer): BatchHeader => readBatchHeader(bytes, 0, bytes.length) as BatchHeader;

const append = async (log: PartitionLog, bytes: Buffer): Promise<number> => {
  const { baseOffset, stored } = log.append(headerOf(bytes), bytes);
  await stored;
  return baseOffset;
};

/** Every byte of the log from its start. */
async function allBytes(log: PartitionLog): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  for (let offset = log.startOffset; offset < log.endOffset;) {
    const bytes = Buffer.concat(await log.read(offset, 1_000_000, true));
    const batches = headersOf(bytes);
    expect(batches.length, `nothing readable at ${offset}`).toBeGreaterThan(0);
    pieces.push(bytes);
    offset = (batches.at(-1) as BatchHeader).lastOffset + 1;
  }
  return Buffer.concat(pieces);
}

function headersOf(bytes: Buffer): BatchHeader[] {
  const found: BatchHeader[] = [];
  for (let at = 0; at < bytes.length;) {
    const batch = readBatchHeader(bytes, at, bytes.length);
    if (typeof batch === "string") throw new Error(`${batch} at ${at}`);
    expect(isCrcValid(bytes, batch)).toBe(true);
    found.push(batch);
    at = batch.end;
  }
  return found;
}

/** Every record as "offset:key=value". */
const contents = async (log: PartitionLog): Promise<string[]> =>
  decodeRecords(await allBytes(log)).map((one) => `${one.offset}:${one.key?.toString()}=${one.value?.toString() ?? "null"}`);

/** Ends the segment, so that everything before may be compacted. */
const roll = (log: PartitionLog): Promise<number> => append(log, batchOf([["end", "x".repeat(190)]]));

describe("compaction", () => {
  test("keeps the last value of each key, its offset, time and headers, and never touches the last segment", async () => {
    const log = await open();
    await append(
      log,
      batchOf([
        ["a", "1"],
        ["b", "1"],
      ]),
    );
    await append(log, batchOf([["a", "2"]]));
    await roll(log);
    await append(log, batchOf([["a", "3"]]));
    await append(log, batchOf([["c", "1"]]));
    await roll(log);
    await roll(log);
    expect(await log.compact(5000, BUFFER_BYTES)).toBe(true);
    const records = decodeRecords(await allBytes(log));
    expect(records.map(({ offset, key, value }) => `${offset}:${key?.toString()}=${String(value).slice(0, 2)}`)).toEqual([
      "1:b=1",
      "4:a=3",
      "5:c=1",
      "6:end=xx",
      "7:end=xx",
    ]);
    expect(records[0]).toMatchObject({ timestampMs: 1000, headers: [["h", Buffer.from("x")]] });
    expect(log.startOffset).toBe(0);
    expect(log.endOffset).toBe(8);
    await log.close();
  });

  test.each(["gzip", "snappy", "lz4", "zstd"] as const)("keeps a batch's compression and borders (%s)", async (compression) => {
    const log = await open();
    await append(
      log,
      batchOf(
        [
          ["a", "1"],
          ["b", "1"],
          ["c", "1"],
        ],
        { compression },
      ),
    );
    await append(
      log,
      batchOf([
        ["a", "2"],
        ["c", "2"],
      ]),
    );
    await roll(log);
    await roll(log);
    await log.compact(5000, BUFFER_BYTES);
    const bytes = await allBytes(log);
    const [first] = headersOf(bytes);
    const code = { gzip: 1, snappy: 2, lz4: 3, zstd: 4 }[compression];
    expect(first).toMatchObject({ baseOffset: 0, lastOffset: 2, count: 1, attributes: code });
    expect(decodeRecords(bytes)[0]).toMatchObject({ offset: 1, key: Buffer.from("b"), value: Buffer.from("1") });
    await log.close();
  });

  test("does nothing below min.cleanable.dirty.ratio, within min.compaction.lag.ms, or to a topic that is only deleted from", async () => {
    let settings: Partial<TopicSettings> = { minCleanableDirtyRatio: 1 };
    const log = await PartitionLog.open({
      folder: path.join(folder, "t-0"),
      settings: () => ({ ...compacted, ...settings }),
      sync: false,
    });
    for (const value of ["1", "2"]) await append(log, batchOf([["a", value]]));
    await roll(log);
    await roll(log);
    expect(await log.compact(5000, BUFFER_BYTES)).toBe(false);
    settings = { minCompactionLagMs: 60_000 };
    expect(await log.compact(5000, BUFFER_BYTES)).toBe(false);
    settings = { isCompacted: false, isDeleted: true };
    expect(await log.compact(5000, BUFFER_BYTES)).toBe(false);
    settings = { minCleanableDirtyRatio: 1, maxCompactionLagMs: 3000 };
    expect(await log.compact(5000, BUFFER_BYTES), "overdue by max.compaction.lag.ms").toBe(true);
    await log.close();
  });

  test("a tombstone removes its key's values, stays for delete.retention.ms from its first compaction, then goes", async () => {
    const log = await open({ deleteRetentionMs: 1000 });
    await append(
      log,
      batchOf([
        ["a", "1"],
        ["b", "1"],
      ]),
    );
    await append(log, batchOf([["a", null]]));
    await roll(log);
    await roll(log);
    await log.compact(5000, BUFFER_BYTES);
    const before = await contents(log);
    expect(before.slice(0, 2)).toEqual(["1:b=1", "2:a=null"]);
    expect(decodeRecords(await allBytes(log))[1]?.timestampMs).toBe(1000);
    await roll(log);
    await log.compact(5999, BUFFER_BYTES);
    expect((await contents(log)).slice(0, 2)).toEqual(["1:b=1", "2:a=null"]);
    await roll(log);
    await log.compact(6000, BUFFER_BYTES);
    expect((await contents(log)).slice(0, 2).map((one) => one.slice(0, 5))).toEqual(["1:b=1", "5:end"]);
    await log.close();
  });

  test("an emptied batch that holds a living producer's last sequence stays as an empty batch", async () => {
    let log = await open();
    const from = (sequence: number, value: string): Buffer =>
      batchOf(
        [
          ["a", value],
          ["b", value],
        ],
        { producerId: 9, producerEpoch: 1, baseSequence: sequence },
      );
    await append(log, from(0, "1"));
    await append(log, from(2, "2"));
    await append(
      log,
      batchOf([
        ["a", "3"],
        ["b", "3"],
      ]),
    );
    await roll(log);
    await roll(log);
    await log.compact(5000, BUFFER_BYTES);
    expect(headersOf(await allBytes(log))[0]).toMatchObject({ baseOffset: 2, lastOffset: 3, count: 0, producerId: 9, baseSequence: 2 });
    for (const name of await fs.readdir(log.folder)) if (name.endsWith(".index")) await fs.rm(path.join(log.folder, name));
    await log.close();
    for (const name of await fs.readdir(log.folder)) if (name.endsWith(".index")) await fs.rm(path.join(log.folder, name));
    log = await open();
    expect(log.judge(headerOf(from(2, "2")))).toMatchObject({ kind: "duplicate", baseOffset: 2 });
    expect(log.judge(headerOf(from(4, "4")))).toEqual({ kind: "append" });
    await log.close();
  });

  test("records of aborted transactions go, the marker follows after delete.retention.ms, nothing beyond an open transaction is touched", async () => {
    const log = await open({ deleteRetentionMs: 1000 });
    const transactional = { producerId: 5, producerEpoch: 0, isTransactional: true };
    await append(log, batchOf([["a", "kept"]]));
    await append(
      log,
      batchOf(
        [
          ["a", "aborted"],
          ["b", "aborted"],
        ],
        { ...transactional, baseSequence: 0 },
      ),
    );
    await append(log, encodeControlMarker("abort", { id: 5, epoch: 0 }, 0, 1000));
    await append(log, batchOf([["c", "1"]], { ...transactional, baseSequence: 2 }));
    await append(log, encodeControlMarker("commit", { id: 5, epoch: 0 }, 0, 1000));
    await roll(log);
    const open6 = await append(log, batchOf([["d", "open"]], { producerId: 6, producerEpoch: 0, baseSequence: 0, isTransactional: true }));
    await roll(log);
    await roll(log);
    await log.compact(5000, BUFFER_BYTES);
    expect(log.lastStableOffset).toBe(open6);
    const values = (await contents(log)).map((one) => one.slice(0, 8));
    expect(values[0]).toBe("0:a=kept");
    expect(values.some((one) => one.includes("abor"))).toBe(false);
    expect(values.some((one) => one.startsWith("4:c=1"))).toBe(true);
    expect(log.abortedIn(0, await log.read(0, 1_000_000, true)).length).toBeLessThanOrEqual(1);
    await append(log, encodeControlMarker("commit", { id: 6, epoch: 0 }, 0, 1000));
    await roll(log);
    await log.compact(6500, BUFFER_BYTES);
    await roll(log);
    await log.compact(9000, BUFFER_BYTES);
    const markers = headersOf(await allBytes(log)).filter(({ attributes }) => (attributes & 0x20) !== 0);
    expect(markers.map(({ baseOffset }) => baseOffset)).not.toContain(3);
    expect(log.lastStableOffset).toBe(log.endOffset);
    await log.close();
  });

  test("goes on in several rounds where the keys do not fit into the memory", async () => {
    const log = await open({ segmentBytes: 20_000 });
    const keys = Array.from({ length: 3000 }, (_, i) => `key ${i}`);
    for (const value of ["old", "new"]) {
      for (let i = 0; i < keys.length; i += 100) await append(log, batchOf(keys.slice(i, i + 100).map((key): KeyValue => [key, value])));
    }
    for (let i = 0; i < 2; i++) await append(log, batchOf([["end", "x".repeat(20_000)]]));
    await log.compact(5000, 1);
    const left = decodeRecords(await allBytes(log)).filter(({ key }) => key?.toString() !== "end");
    expect(left.map(({ key }) => key?.toString())).toEqual(keys);
    expect(new Set(left.map(({ value }) => value?.toString()))).toEqual(new Set(["new"]));
    await log.close();
  });

  test("readers and writers go on meanwhile: none fails, and none misses what stays", async () => {
    const log = await open({ segmentBytes: 300 }, { cacheBytes: 0 });
    let isDone = false;
    const reader = async (name: string): Promise<number> => {
      let rounds = 0;
      while (!isDone || rounds === 0) {
        const stays = await append(log, batchOf([[name, `${rounds}`]]));
        const seen = new Set(decodeRecords(await allBytes(log)).map(({ offset }) => offset));
        expect(seen.has(stays), `the last value of ${name} at ${stays}`).toBe(true);
        expect(await log.findTime(0)).toBeDefined();
        rounds++;
      }
      return rounds;
    };
    const readers = [reader("one"), reader("two")];
    for (let round = 0; round < 12; round++) {
      for (let i = 0; i < 5; i++) await append(log, batchOf([[`key ${i}`, `${round}`]]));
      await log.compact(5000 + round, BUFFER_BYTES);
    }
    isDone = true;
    expect(Math.min(...(await Promise.all(readers)))).toBeGreaterThan(0);
    await log.close();
  });

  test("whatever is written, compacted and reopened: no last value is lost, no offset changes, and what is read is what a map holds", async () => {
    const value = fc.option(fc.string({ maxLength: 12 }), { nil: null, freq: 4 });
    const batch = fc.record({
      records: fc.array(fc.tuple(fc.constantFrom("a", "b", "c", "d"), value), { minLength: 1, maxLength: 5 }),
      compression: fc.constantFrom<Compression>("none", "gzip", "lz4"),
      then: fc.constantFrom("go on", "compact", "reopen"),
    });
    await fc.assert(
      fc.asyncProperty(
        fc.array(batch, { minLength: 1, maxLength: 25 }),
        fc.integer({ min: 80, max: 600 }),
        async (batches, segmentBytes) => {
          const own = await fs.mkdtemp(path.join(folder, "p-"));
          const options = { folder: own, cacheBytes: 0, settings: () => ({ ...compacted, segmentBytes, deleteRetentionMs: 50 }) };
          let log = await open({}, options);
          const written = new Map<number, string>();
          const lastValue = new Map<string, number>();
          let nowMs = 2000;
          try {
            for (const { records, compression, then } of batches) {
              const baseOffset = await append(log, batchOf(records, { compression }));
              records.forEach(([key, text], i) => {
                written.set(baseOffset + i, `${key}=${text}`);
                lastValue.set(key, baseOffset + i);
              });
              nowMs += 30;
              if (then === "compact") await log.compact(nowMs, BUFFER_BYTES);
              if (then !== "reopen") continue;
              await log.close();
              log = await open({}, options);
            }
            await log.compact(nowMs + 1000, BUFFER_BYTES);
            const read = decodeRecords(await allBytes(log));
            for (const { offset, key, value: held } of read)
              expect(`${key?.toString()}=${held?.toString() ?? null}`).toBe(written.get(offset));
            expect(new Set(read.map(({ offset }) => offset)).size).toBe(read.length);
            const offsets = new Set(read.map(({ offset }) => offset));
            for (const [key, offset] of lastValue) {
              if (!written.get(offset)?.endsWith("=null")) expect(offsets.has(offset), `the last value of ${key}`).toBe(true);
            }
            expect(log.endOffset).toBe([...written.keys()].length);
          } finally {
            await log.close();
          }
        },
      ),
      { numRuns: 25 },
    );
  });
});
