import fs from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, expect, test } from "vitest";
import { encodeControlMarker, type ControlMarker } from "../../kafka-protocol/control-marker.ts";
import { encodeBatch, isControl, readBatchHeader, type BatchHeader } from "../../kafka-protocol/record-batch.ts";
import { decodeRecords } from "../../kafka-protocol/record-iteration.ts";
import { defaultTopicSettings } from "../configs/topic-settings.ts";
import { PartitionLog, type PartitionLogOptions } from "./partition-log.ts";

let folder: string;
beforeEach(async () => {
  folder = await fs.mkdtemp(path.join(os.tmpdir(), "log-transactions-"));
});
afterEach(() => fs.rm(folder, { recursive: true, force: true }));

const open = (options: Partial<PartitionLogOptions> = {}): Promise<PartitionLog> =>
  PartitionLog.open({ folder, settings: () => ({ ...defaultTopicSettings, segmentBytes: 1_000_000 }), sync: false, ...options });

function headerOf(bytes: Buffer): BatchHeader {
  const header = readBatchHeader(bytes, 0, bytes.length);
  if (typeof header === "string") throw new Error(header);
  return header;
}

interface From {
  readonly producerId: number;
  readonly epoch?: number;
  readonly sequence?: number;
  readonly isTransactional?: boolean;
}

const data = (values: readonly string[], { producerId, epoch = 0, sequence = -1, isTransactional = true }: From): Buffer =>
  encodeBatch(
    values.map((value) => ({ key: null, value: Buffer.from(value), timestampMs: 1 })),
    { producerId, producerEpoch: producerId < 0 ? -1 : epoch, baseSequence: sequence, isTransactional },
  );

const marker = (kind: ControlMarker, producerId: number, epoch: number = 0): Buffer =>
  encodeControlMarker(kind, { id: producerId, epoch }, 0, 1);

async function append(log: PartitionLog, bytes: Buffer): Promise<number> {
  const { baseOffset, stored } = log.append(headerOf(bytes), bytes);
  await stored;
  return baseOffset;
}

/** What a read_committed client makes of a log: it passes over the records of aborted producers until it meets their marker. */
async function readCommitted(log: PartitionLog, maxBytes: number): Promise<string[]> {
  const values: string[] = [];
  for (let offset = log.startOffset; offset < log.lastStableOffset;) {
    const pieces = await log.read(offset, maxBytes, true, log.lastStableOffset);
    const waiting = log.abortedIn(offset, pieces);
    const aborted = new Set<number>();
    const bytes = Buffer.concat(pieces);
    const before = offset;
    for (let at = 0; at < bytes.length;) {
      const batch = readBatchHeader(bytes, at, bytes.length);
      if (typeof batch === "string") break;
      while (waiting[0] && waiting[0].firstOffset <= batch.lastOffset) aborted.add((waiting.shift() as { producerId: number }).producerId);
      if (isControl(batch.attributes)) aborted.delete(batch.producerId);
      else if (!aborted.has(batch.producerId)) {
        const records = decodeRecords(bytes.subarray(at, batch.end), { fromOffset: offset });
        values.push(...records.map((record) => record.value?.toString() ?? ""));
      }
      at = batch.end;
      offset = batch.lastOffset + 1;
    }
    expect(offset, "a read gave nothing").toBeGreaterThan(before);
  }
  return values;
}

test("the last stable offset stands at the oldest open transaction and moves with its marker", async () => {
  const log = await open();
  await append(log, data(["plain"], { producerId: -1, isTransactional: false }));
  expect(log.lastStableOffset).toBe(1);
  await append(log, data(["a"], { producerId: 1, sequence: 0 }));
  await append(log, data(["b"], { producerId: 2, sequence: 0 }));
  expect([log.lastStableOffset, log.endOffset]).toEqual([1, 3]);
  await append(log, marker("commit", 2));
  expect(log.lastStableOffset).toBe(1);
  await append(log, marker("abort", 1));
  expect([log.lastStableOffset, log.endOffset]).toEqual([5, 5]);
  expect(log.abortedIn(0, await log.read(0, 10_000, true))).toEqual([{ producerId: 1, firstOffset: 1 }]);
  expect(log.abortedIn(5, [])).toEqual([]);
  expect(await readCommitted(log, 10_000)).toEqual(["plain", "b"]);
  await log.close();
});

test("an aborted transaction whose marker has been passed is not told: its producer's next records count", async () => {
  const log = await open();
  await append(log, data(["gone"], { producerId: 1, sequence: 0 }));
  await append(log, marker("abort", 1));
  await append(log, data(["kept"], { producerId: 1, sequence: 1 }));
  await append(log, marker("commit", 1));
  expect(log.abortedIn(2, await log.read(2, 10_000, true))).toEqual([]);
  expect(log.abortedIn(1, await log.read(1, 10_000, true))).toEqual([{ producerId: 1, firstOffset: 0 }]);
  await log.close();
});

test("a read up to the last stable offset ends there, from memory and from the file", async () => {
  for (const cacheBytes of [0, 1_000_000]) {
    const log = await open({ folder: path.join(folder, String(cacheBytes)), cacheBytes });
    await append(log, data(["before"], { producerId: -1, isTransactional: false }));
    await append(log, data(["open".repeat(50)], { producerId: 1, sequence: 0 }));
    const bytes = Buffer.concat(await log.read(0, 200, true, log.lastStableOffset));
    expect(decodeRecords(bytes).map((record) => record.offset)).toEqual([0]);
    expect(bytes).toHaveLength(headerOf(bytes).end);
    expect(await log.read(1, 200, true, log.lastStableOffset)).toEqual([]);
    await log.close();
  }
});

test("a marker of a later epoch fences the earlier one, whose successor begins with sequence 0", async () => {
  const log = await open();
  await append(log, data(["a"], { producerId: 7, epoch: 3, sequence: 4 }));
  expect(log.hasOpenTransaction(7, 3)).toBe(true);
  await append(log, marker("abort", 7, 4));
  const judged = (epoch: number, sequence: number) => log.judge(headerOf(data(["x"], { producerId: 7, epoch, sequence }))).kind;
  expect(log.hasOpenTransaction(7, 4)).toBe(false);
  expect([judged(3, 5), judged(4, 5), judged(4, 0), judged(5, 1), judged(5, 0)]).toEqual([
    "fenced",
    "out of order",
    "append",
    "out of order",
    "append",
  ]);
  await log.close();
});

test("while a transaction is open its producer may not write outside of it", async () => {
  const log = await open();
  await append(log, data(["a"], { producerId: 7, sequence: 0 }));
  const plain = headerOf(data(["b"], { producerId: 7, sequence: 1, isTransactional: false }));
  expect(log.judge(plain).kind).toBe("not in its transaction");
  await append(log, marker("commit", 7));
  expect(log.judge(plain).kind).toBe("append");
  await log.close();
});

test("sequences wrap to 0 behind 2^31 − 1", async () => {
  const log = await open();
  await append(log, data(["a", "b"], { producerId: 7, sequence: 2 ** 31 - 2 }));
  expect(log.judge(headerOf(data(["c"], { producerId: 7, sequence: 0 }))).kind).toBe("append");
  expect(log.judge(headerOf(data(["c"], { producerId: 7, sequence: 1 }))).kind).toBe("out of order");
  await log.close();
});

test("a batch older than the last five is out of order, one of the five a duplicate", async () => {
  const log = await open();
  for (let sequence = 0; sequence < 7; sequence++) await append(log, data(["x"], { producerId: 7, sequence }));
  const judged = (sequence: number) => log.judge(headerOf(data(["x"], { producerId: 7, sequence }))).kind;
  expect([judged(1), judged(2), judged(6), judged(7), judged(8)]).toEqual([
    "out of order",
    "duplicate",
    "duplicate",
    "append",
    "out of order",
  ]);
  await log.close();
});

test("producers expire by the time of their last batch, but not within a transaction", async () => {
  const log = await open();
  await append(log, data(["a"], { producerId: 1, sequence: 0 }));
  await append(log, data(["b"], { producerId: 2, sequence: 0, isTransactional: false }));
  log.expireProducers(100, 100);
  expect([...log.producers()].map(({ id }) => id)).toEqual([1, 2]);
  log.expireProducers(101, 100);
  expect([...log.producers()].map(({ id }) => id)).toEqual([1]);
  await log.close();
});

test("a write that fails leaves producers and transactions as they were", async () => {
  const log = await open();
  await append(log, data(["a"], { producerId: 1, sequence: 0 }));
  const broken = { length: 100, writeInt32BE() {}, writeUInt32BE() {} } as unknown as Buffer;
  const lost = log.append(headerOf(data(["b"], { producerId: 1, sequence: 1 })), broken);
  const end = marker("commit", 1);
  const alsoLost = log.append(headerOf(end), end);
  expect(log.hasOpenTransaction(1, 0)).toBe(false);
  await expect(lost.stored).rejects.toThrow();
  await expect(alsoLost.stored).rejects.toThrow();
  expect(log.hasOpenTransaction(1, 0)).toBe(true);
  expect(log.lastStableOffset).toBe(0);
  expect(log.judge(headerOf(data(["b"], { producerId: 1, sequence: 1 }))).kind).toBe("append");
  await log.close();
});

type Step = { readonly producer: number; readonly kind: "plain" | "data" | "commit" | "abort"; readonly values: number };

test("whatever the interleaving, segments, reads and restarts: read_committed sees what was committed, in the order of the log", async () => {
  let runs = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.array(
        fc.record<Step>({
          producer: fc.integer({ min: 1, max: 4 }),
          kind: fc.constantFrom("plain", "data", "data", "commit", "abort"),
          values: fc.integer({ min: 1, max: 3 }),
        }),
        { maxLength: 60 },
      ),
      fc.record({
        segmentBytes: fc.integer({ min: 100, max: 3000 }),
        cacheBytes: fc.constantFrom(0, 400, 1_000_000),
        maxBytes: fc.integer({ min: 1, max: 1500 }),
        restart: fc.constantFrom("none", "clean", "torn index"),
      }),
      async (steps, { segmentBytes, cacheBytes, maxBytes, restart }) => {
        const own = path.join(folder, `run-${runs++}`);
        const options = { folder: own, settings: () => ({ ...defaultTopicSettings, segmentBytes }), cacheBytes };
        let log = await open(options);
        const sequences = new Map<number, number>();
        const model: { offset: number; value: string; producer: number; outcome: "plain" | "open" | "commit" | "abort" }[] = [];
        let next = 0;
        for (const { producer, kind, values } of steps) {
          if (kind === "commit" || kind === "abort") {
            await append(log, marker(kind, producer));
            for (const one of model) if (one.producer === producer && one.outcome === "open") one.outcome = kind;
            continue;
          }
          const isPlain = kind === "plain";
          const names = Array.from({ length: values }, () => `v${next++}`);
          const sequence = sequences.get(producer) ?? 0;
          const bytes = data(names, isPlain ? { producerId: -1, isTransactional: false } : { producerId: producer, sequence });
          if (!isPlain) sequences.set(producer, sequence + values);
          const offset = await append(log, bytes);
          names.forEach((value, i) => model.push({ offset: offset + i, value, producer, outcome: isPlain ? "plain" : "open" }));
        }
        if (restart !== "none") {
          await log.close();
          const names = await fs.readdir(own);
          if (restart === "torn index") for (const name of names) if (name.endsWith(".index")) await fs.rm(path.join(own, name));
          log = await open(options);
        }
        try {
          const stable = Math.min(log.endOffset, ...model.filter((one) => one.outcome === "open").map((one) => one.offset));
          expect(log.lastStableOffset).toBe(stable);
          const seen = model.filter((one) => one.offset < stable && (one.outcome === "plain" || one.outcome === "commit"));
          expect(await readCommitted(log, maxBytes)).toEqual(seen.map((one) => one.value));
        } finally {
          await log.close();
        }
      },
    ),
    { numRuns: 150 },
  );
});
