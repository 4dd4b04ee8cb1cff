import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { crc32c } from "../base/crc32c.ts";
import { encodeControlMarker, readControlMarker } from "./control-marker.ts";
import {
  encodeBatch,
  isControl,
  isCrcValid,
  isLogAppendTime,
  patchBatch,
  readBatchHeader,
  stampLogAppendTime,
  type BatchHeader,
  type RecordToWrite,
} from "./record-batch.ts";
import { createRecordArrays, decodeRecords, readRecords } from "./record-iteration.ts";
import { readVarint, varintBytes, writeVarint } from "./varint.ts";

const bytes = fc.option(
  fc.uint8Array({ maxLength: 200 }).map((given) => Buffer.from(given)),
  { nil: null },
);
const record: fc.Arbitrary<RecordToWrite> = fc.record({
  key: bytes,
  value: bytes,
  timestampMs: fc.integer({ min: 0, max: 4_000_000_000_000 }),
  headers: fc.array(fc.tuple(fc.string({ maxLength: 8 }), bytes), { maxLength: 3 }),
});
const records = fc.array(record, { minLength: 1, maxLength: 30 });

function headerOf(buffer: Buffer, at: number = 0): BatchHeader {
  const header = readBatchHeader(buffer, at, buffer.length);
  if (typeof header === "string") throw new Error(header);
  return header;
}

describe("checksums and numbers", () => {
  test("CRC-32C gives the check values of RFC 3720, also in parts", () => {
    expect(crc32c(Buffer.from("123456789"))).toBe(0xe3069283);
    expect(crc32c(Buffer.alloc(32))).toBe(0x8a9136aa);
    expect(crc32c(Buffer.alloc(32, 0xff))).toBe(0x62a8ab43);
    const text = Buffer.from("every byte counts, whatever the cut");
    expect(crc32c(text, 11, text.length, crc32c(text, 0, 11))).toBe(crc32c(text));
  });

  test("varints of up to 53 bits read as written", () => {
    const cursor = { at: 0 };
    fc.assert(
      fc.property(fc.integer({ min: -(2 ** 52), max: 2 ** 52 }), (value) => {
        const buffer = Buffer.alloc(12);
        expect(writeVarint(buffer, 0, value)).toBe(varintBytes(value));
        cursor.at = 0;
        expect(readVarint(buffer, cursor, 12)).toBe(value);
        expect(cursor.at).toBe(varintBytes(value));
      }),
      { examples: [[0], [-1], [63], [64], [-64], [-65], [2 ** 31], [-(2 ** 31) - 1]] },
    );
  });

  test("a varint of more than ten bytes is refused", () => {
    expect(() => readVarint(Buffer.alloc(20, 0xff), { at: 0 }, 20)).toThrow(/64 bits/);
  });
});

describe("record batches", () => {
  test.each(["none", "gzip", "zstd"] as const)("%s: records read as they were written", (compression) => {
    fc.assert(
      fc.property(records, fc.nat(2 ** 40), (given, baseOffset) => {
        const batch = encodeBatch(given, { compression, baseOffset });
        const read = decodeRecords(batch);
        expect(read.map(({ offset, ...rest }) => ({ ...rest, offset: offset - baseOffset }))).toEqual(
          given.map((one, index) => ({ headers: [], ...one, offset: index })),
        );
      }),
      { numRuns: 60 },
    );
  });

  test("any changed bit behind the CRC is found", () => {
    const batch = encodeBatch([{ key: null, value: Buffer.from("value"), timestampMs: 1 }]);
    for (let bit = 21 * 8; bit < batch.length * 8; bit++) {
      const changed = Buffer.from(batch);
      changed[bit >> 3] = (changed[bit >> 3] as number) ^ (1 << (bit & 7));
      expect(isCrcValid(changed, headerOf(changed))).toBe(false);
    }
  });

  test("base offset and leader epoch are set without touching the CRC", () => {
    const batch = encodeBatch([{ key: null, value: Buffer.from("v"), timestampMs: 1 }]);
    patchBatch(batch, 0, 2 ** 40 + 5, 3);
    expect(headerOf(batch)).toMatchObject({ baseOffset: 2 ** 40 + 5, lastOffset: 2 ** 40 + 5, leaderEpoch: 3 });
    expect(isCrcValid(batch, headerOf(batch))).toBe(true);
  });

  test("log append time replaces every record's time and keeps the batch valid", () => {
    const batch = encodeBatch([1, 2].map((timestampMs) => ({ key: null, value: null, timestampMs })));
    stampLogAppendTime(batch, headerOf(batch), 99);
    expect(isLogAppendTime(headerOf(batch).attributes)).toBe(true);
    expect(isCrcValid(batch, headerOf(batch))).toBe(true);
    expect(decodeRecords(batch).map((one) => one.timestampMs)).toEqual([99, 99]);
  });

  test("reading from within a batch gives the records from there on, and stops before the end that was asked", () => {
    const batches = [0, 10].map((baseOffset) =>
      encodeBatch(
        Array.from({ length: 10 }, (_, i) => ({ key: null, value: Buffer.from(String(i)), timestampMs: 5 })),
        { baseOffset, compression: baseOffset === 0 ? "none" : "gzip" },
      ),
    );
    const offsets = decodeRecords(Buffer.concat(batches), { fromOffset: 7, toOffset: 12 }).map((one) => one.offset);
    expect(offsets).toEqual([7, 8, 9, 10, 11]);
  });

  test("uncompressed batches come as one run of their own buffer, a cut one at the end is left out", () => {
    const one = encodeBatch([{ key: Buffer.from("k"), value: Buffer.from("v"), timestampMs: 1 }]);
    const two = encodeBatch([{ key: null, value: Buffer.from("w"), timestampMs: 2 }], { baseOffset: 1 });
    const buffer = Buffer.concat([one, two, one.subarray(0, 40)]);
    const runs = [...readRecords(buffer, 0, buffer.length, { fromOffset: 0 }, createRecordArrays(1))];
    expect(runs).toHaveLength(1);
    expect(runs[0]).toMatchObject({ timestampType: 0, nextOffset: 2, arrays: { count: 2 } });
    expect(runs[0]?.buffer).toBe(buffer);
  });

  test("a control batch gives no record but moves the offset on", () => {
    const marker = encodeControlMarker("commit", { id: 5, epoch: 1 }, 0, 77);
    patchBatch(marker, 0, 41, 0);
    expect(isControl(headerOf(marker).attributes)).toBe(true);
    const runs = [...readRecords(marker, 0, marker.length, { fromOffset: 41 }, createRecordArrays())];
    expect(runs[0]).toMatchObject({ nextOffset: 42, arrays: { count: 0 } });
    expect(readControlMarker(Buffer.from([0, 0, 0, 1]))).toBe("commit");
  });

  test("old message sets, wrong lengths and unknown compressions are refused by name", () => {
    const batch = encodeBatch([{ key: null, value: Buffer.from("v"), timestampMs: 1 }]);
    const old = Buffer.from(batch);
    old[16] = 1;
    expect(() => decodeRecords(old)).toThrow(/before Kafka 0.11/);
    const short = Buffer.from(batch);
    short.writeInt32BE(20, 8);
    expect(() => decodeRecords(short)).toThrow(/makes no sense/);
    const many = Buffer.from(batch);
    many.writeInt32BE(1_000_000_000, 57);
    expect(() => decodeRecords(many, { fromOffset: 0, checkCrc: false })).toThrow(/1000000000 records/);
  });
});
