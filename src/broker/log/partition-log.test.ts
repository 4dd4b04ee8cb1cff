import fs from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { encodeBatch, readBatchHeader, type BatchHeader, type BatchOptions } from "../../kafka-protocol/record-batch.ts";
import { decodeRecords } from "../../kafka-protocol/record-iteration.ts";
import { defaultTopicSettings } from "../configs/topic-settings.ts";
import { PartitionLog, type PartitionLogOptions } from "./partition-log.ts";

let folder: string;
beforeEach(async () => {
  folder = await fs.mkdtemp(path.join(os.tmpdir(), "partition-log-"));
});
afterEach(() => fs.rm(folder, { recursive: true, force: true }));

const open = (options: Partial<PartitionLogOptions> = {}): Promise<PartitionLog> =>
  PartitionLog.open({
    folder: path.join(folder, "t-0"),
    settings: () => ({ ...defaultTopicSettings, segmentBytes: 1_000_000 }),
    sync: false,
    ...options,
  });

function batchOf(values: readonly string[], timestampMs: number = 1, options: BatchOptions = {}): Buffer {
  return encodeBatch(
    values.map((value) => ({ key: null, value: Buffer.from(value), timestampMs })),
    options,
  );
}

function headerOf(bytes: Buffer): BatchHeader {
  const header = readBatchHeader(bytes, 0, bytes.length);
  if (typeof header === "string") throw new Error(header);
  return header;
}

const append = async (log: PartitionLog, bytes: Buffer): Promise<number> => {
  const { baseOffset, stored } = log.append(headerOf(bytes), bytes);
  await stored;
  return baseOffset;
};

const readFrom = async (log: PartitionLog, offset: number, maxBytes: number = 1_000_000, atLeastOne: boolean = true) =>
  Buffer.concat(await log.read(offset, maxBytes, atLeastOne));

/** Everything in the log, as "offset:value". */
async function contents(log: PartitionLog): Promise<string[]> {
  const all: string[] = [];
  for (let offset = log.startOffset; offset < log.endOffset;) {
    const records = decodeRecords(await readFrom(log, offset, 300), { fromOffset: offset });
    expect(records.length, `nothing readable at ${offset}`).toBeGreaterThan(0);
    for (const record of records) all.push(`${record.offset}:${record.value?.toString()}`);
    offset = (records.at(-1)?.offset ?? offset) + 1;
  }
  return all;
}

async function lastSegment(): Promise<string> {
  const names = (await fs.readdir(path.join(folder, "t-0"))).filter((name) => name.endsWith(".log")).sort();
  return path.join(folder, "t-0", names.at(-1) as string);
}

describe("what is appended", () => {
  test("comes back in order, whatever the sizes, segments, cache and reopening", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(fc.string({ maxLength: 80 }), { minLength: 1, maxLength: 8 }), { maxLength: 25 }),
        fc.integer({ min: 100, max: 2000 }),
        fc.constantFrom(0, 500, 1_000_000),
        fc.boolean(),
        async (batches, segmentBytes, cacheBytes, reopen) => {
          const own = await fs.mkdtemp(path.join(folder, "p-"));
          const options = {
            folder: own,
            settings: () => ({ ...defaultTopicSettings, segmentBytes }),
            cacheBytes,
            sync: false,
            snapshotEveryBytes: 200,
          };
          let log = await PartitionLog.open(options);
          try {
            const appended = batches.map((values) => {
              const bytes = batchOf(values);
              return log.append(headerOf(bytes), bytes).stored;
            });
            await Promise.all([...appended, log.flush()]);
            if (reopen) {
              await log.close();
              log = await PartitionLog.open(options);
            }
            expect(await contents(log)).toEqual(batches.flat().map((value, offset) => `${offset}:${value}`));
          } finally {
            await log.close();
          }
        },
      ),
      { numRuns: 30 },
    );
  });

  test("is not readable before it is written, and wakes who listens when it is", async () => {
    const log = await open();
    const heard: number[] = [];
    log.listen((bytes) => heard.push(bytes));
    const bytes = batchOf(["a", "b"]);
    const { stored } = log.append(headerOf(bytes), bytes);
    expect(log.endOffset).toBe(0);
    await stored;
    expect(log.endOffset).toBe(2);
    expect(heard).toEqual([bytes.length]);
    await log.close();
    expect(heard).toEqual([bytes.length, -1]);
  });

  test("is indexed from time to time also where every write is synced: a start after a crash reads only what follows", async () => {
    const log = await open({ sync: true, snapshotEveryBytes: 1 });
    await append(log, batchOf(["a"]));
    await log.flush();
    expect(await fs.readdir(log.folder)).toContain("00000000000000000000.index");
    await log.close();
  });

  test("survives flushes that write the index while segments end", async () => {
    const log = await open({ settings: () => ({ ...defaultTopicSettings, segmentBytes: 400 }), snapshotEveryBytes: 1 });
    const stored: Promise<void>[] = [];
    for (let i = 0; i < 200; i++) {
      const bytes = batchOf([`value ${i}`]);
      stored.push(log.append(headerOf(bytes), bytes).stored, log.flush());
      if (i % 7 === 0) await Promise.all(stored);
    }
    await Promise.all(stored);
    expect(log.endOffset).toBe(200);
    await log.close();
  });
});

describe("reading", () => {
  test.each([0, 1_000_000])("within a batch gives the whole batch (cache %d)", async (cacheBytes) => {
    const log = await open({ cacheBytes });
    await append(log, batchOf(["a", "b", "c"]));
    await append(log, batchOf(["d"]));
    expect(decodeRecords(await readFrom(log, 1)).map((one) => one.offset)).toEqual([0, 1, 2, 3]);
    expect(await readFrom(log, 4)).toHaveLength(0);
    await log.close();
  });

  test.each([0, 1_000_000])("gives at least one batch over the limit only where asked (cache %d)", async (cacheBytes) => {
    const log = await open({ cacheBytes });
    const large = batchOf(["x".repeat(50_000)]);
    await append(log, batchOf(["small"]));
    await append(log, large);
    expect(await readFrom(log, 1, 10, true)).toHaveLength(large.length);
    expect(await readFrom(log, 1, 10, false)).toHaveLength(0);
    await log.close();
  });
});

describe("a start after a crash", () => {
  test("cuts a torn tail at every possible byte and goes on from the last whole batch", async () => {
    const log = await open();
    await append(log, batchOf(["a", "b"]));
    const whole = (await fs.stat(await lastSegment())).size;
    await append(log, batchOf(["torn away"]));
    await log.close();
    const file = await lastSegment();
    const bytes = await fs.readFile(file);
    for (let size = whole; size < bytes.length; size += 5) {
      await fs.rm(file.replace(/log$/, "index"), { force: true });
      await fs.writeFile(file, bytes.subarray(0, size));
      const cuts: number[] = [];
      const again = await open({ onCut: (_file, cut) => cuts.push(cut) });
      expect(again.endOffset).toBe(2);
      expect(cuts).toEqual(size > whole ? [size - whole] : []);
      expect(await append(again, batchOf(["next"]))).toBe(2);
      expect(await contents(again)).toEqual(["0:a", "1:b", "2:next"]);
      await again.close();
    }
  });

  test("cuts a batch whose bytes were damaged, and segments behind it", async () => {
    const log = await open({ settings: () => ({ ...defaultTopicSettings, segmentBytes: 100 }) });
    for (const value of ["a", "b", "c", "d"]) await append(log, batchOf([value.repeat(60)]));
    await log.close();
    const names = (await fs.readdir(path.join(folder, "t-0"))).sort();
    for (const name of names) if (name.endsWith(".index")) await fs.rm(path.join(folder, "t-0", name));
    const second = path.join(folder, "t-0", names.filter((name) => name.endsWith(".log"))[1] as string);
    const bytes = await fs.readFile(second);
    bytes[80] = (bytes[80] as number) ^ 1;
    await fs.writeFile(second, bytes);
    const again = await open({ settings: () => ({ ...defaultTopicSettings, segmentBytes: 100 }) });
    expect(await contents(again)).toEqual([`0:${"a".repeat(60)}`]);
    await again.close();
  });

  test("believes no damaged index file", async () => {
    const log = await open();
    await append(log, batchOf(["a"]));
    await log.close();
    const index = (await lastSegment()).replace(/log$/, "index");
    const bytes = await fs.readFile(index);
    bytes[20] = (bytes[20] as number) ^ 1;
    await fs.writeFile(index, bytes);
    const again = await open();
    expect(await contents(again)).toEqual(["0:a"]);
    await again.close();
  });

  test("a write that fails refuses what was under way and leaves what was acknowledged", async () => {
    const log = await open();
    await append(log, batchOf(["kept"]));
    const broken = batchOf(["lost"]);
    const header = headerOf(broken);
    const { stored } = log.append(header, { length: broken.length, writeInt32BE() {}, writeUInt32BE() {} } as unknown as Buffer);
    const behind = batchOf(["behind"]);
    const other = log.append(headerOf(behind), behind);
    await expect(stored).rejects.toThrow();
    await expect(other.stored).rejects.toThrow();
    expect(await append(log, batchOf(["next"]))).toBe(1);
    expect(await contents(log)).toEqual(["0:kept", "1:next"]);
    await log.close();
  });
});

describe("time", () => {
  test("finds the first record at or after a time exactly, across batches, segments and out-of-order times", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.array(fc.nat(60), { minLength: 1, maxLength: 5 }), { minLength: 1, maxLength: 20 }), async (batches) => {
        const log = await open({
          folder: await fs.mkdtemp(path.join(folder, "t-")),
          settings: () => ({ ...defaultTopicSettings, segmentBytes: 600 }),
        });
        try {
          const times = batches.flat();
          for (const batch of batches) {
            await append(log, encodeBatch(batch.map((timestampMs) => ({ key: null, value: Buffer.alloc(40), timestampMs }))));
          }
          expect(log.latestTimestampMs).toBe(Math.max(...times));
          for (let timeMs = 0; timeMs <= 61; timeMs++) {
            const offset = times.findIndex((time) => time >= timeMs);
            expect(await log.findTime(timeMs)).toEqual(offset < 0 ? undefined : { offset, timestampMs: times[offset] });
          }
        } finally {
          await log.close();
        }
      }),
      { numRuns: 15 },
    );
  });

  test("retention by time and by size removes whole closed segments from the front", async () => {
    let settings = { ...defaultTopicSettings, segmentBytes: 200, retentionMs: 3500 };
    const log = await open({ settings: () => settings });
    for (let i = 0; i < 6; i++) await append(log, batchOf(["x".repeat(80)], i * 1000));
    expect(await log.retain(6000)).toBe(true);
    const afterTime = log.startOffset;
    expect(afterTime).toBe(3);
    settings = { ...settings, retentionMs: -1, retentionBytes: 250 };
    expect(await log.retain(6000)).toBe(true);
    expect(log.startOffset).toBeGreaterThan(afterTime);
    expect(log.endOffset).toBe(6);
    expect((await contents(log)).length).toBe(6 - log.startOffset);
    await log.close();
  });
});

describe("idempotent producers (KIP-98)", () => {
  const from = (sequence: number, count: number = 1, epoch: number = 0): Buffer =>
    batchOf(
      Array.from({ length: count }, (_, i) => `s${sequence + i}`),
      1,
      { producerId: 7, producerEpoch: epoch, baseSequence: sequence },
    );

  test("the last five batches are known again, also after a restart with and without index files", async () => {
    let log = await open();
    for (let sequence = 0; sequence < 14; sequence += 2) await append(log, from(sequence, 2));
    for (const indexStays of [true, false]) {
      await log.close();
      if (!indexStays) await fs.rm((await lastSegment()).replace(/log$/, "index"));
      log = await open();
      expect(log.judge(headerOf(from(4, 2)))).toEqual({ kind: "duplicate", baseOffset: 4, lastOffset: 5 });
      expect(log.judge(headerOf(from(12, 2)))).toEqual({ kind: "duplicate", baseOffset: 12, lastOffset: 13 });
      expect(log.judge(headerOf(from(2, 2)))).toEqual({ kind: "out of order" });
      expect(log.judge(headerOf(from(15)))).toEqual({ kind: "out of order" });
      expect(log.judge(headerOf(from(14)))).toEqual({ kind: "append" });
    }
    await log.close();
  });

  test("a new epoch begins at 0 and fences the old one; sequences go on at 0 behind 2^31 − 1", async () => {
    const log = await open();
    await append(log, from(2 ** 31 - 1));
    expect(log.judge(headerOf(from(0)))).toEqual({ kind: "append" });
    expect(log.judge(headerOf(from(5, 1, 1)))).toEqual({ kind: "out of order" });
    await append(log, from(0, 1, 1));
    expect(log.judge(headerOf(from(1, 1, 0)))).toEqual({ kind: "fenced" });
    await log.close();
  });
});
