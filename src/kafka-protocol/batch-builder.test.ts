import fc from "fast-check";
import { expect, test } from "vitest";
import { BatchBuilder, stampProducer, type HeadersToWrite } from "./batch-builder.ts";
import { encodeBatch } from "./record-batch.ts";

const field = fc.oneof(
  fc.constant(null),
  fc.string({ unit: "binary", maxLength: 60 }),
  fc.string({ maxLength: 300 }),
  fc.uint8Array({ maxLength: 200 }),
);
const header = fc.tuple(fc.string({ unit: "grapheme", maxLength: 9 }), field);
const record = fc.record({
  key: field,
  value: field,
  timestampMs: fc.oneof(fc.integer({ min: 1000, max: 9000 }), fc.integer({ min: 0, max: 2 ** 45 })),
  headers: fc.option(fc.array(header, { maxLength: 3 }), { nil: undefined }),
});

const bytesOf = (value: string | Uint8Array | null): Uint8Array | null => (typeof value === "string" ? Buffer.from(value) : value);

test("what is built record by record has the bytes that encodeBatch gives, whatever the texts, however small the memory at first", () => {
  fc.assert(
    fc.property(
      fc.array(record, { minLength: 1, maxLength: 20 }),
      fc.constantFrom("none", "gzip", "snappy", "lz4", "zstd"),
      fc.integer({ min: 61, max: 5000 }),
      fc.tuple(fc.integer({ min: -1, max: 2 ** 40 }), fc.integer({ min: -1, max: 32767 }), fc.integer({ min: -1, max: 2 ** 31 - 1 })),
      (records, compression, room, [producerId, producerEpoch, baseSequence]) => {
        const builder = new BatchBuilder(Buffer.alloc(room, 0xee));
        for (const { key, value, timestampMs, headers } of records)
          builder.append(key, value, timestampMs, headers as HeadersToWrite | undefined);
        const built = builder.seal(compression);
        stampProducer(built, producerId, producerEpoch, baseSequence);
        const expected = encodeBatch(
          records.map(({ key, value, timestampMs, headers = [] }) => ({
            key: bytesOf(key),
            value: bytesOf(value),
            timestampMs,
            headers: headers.map(([name, content]) => [name, bytesOf(content)] as const),
          })),
          { compression, producerId, producerEpoch, baseSequence },
        );
        expect(built.equals(expected)).toBe(true);
        expect(builder.count).toBe(records.length);
      },
    ),
    { numRuns: 300 },
  );
});
