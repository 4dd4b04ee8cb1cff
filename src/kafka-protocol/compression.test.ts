import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { compress, decompress, MAX_UNPACKED_BYTES } from "./compression.ts";
import { unpackLz4 } from "./lz4.ts";
import { KafkaProtocolError } from "./protocol-error.ts";
import { BATCH_HEADER_BYTES } from "./record-batch.ts";
import { decodeRecords } from "./record-iteration.ts";
import { unpackSnappy } from "./snappy.ts";

/** Batches of the twelve values `reading <n> of sensor sensor-<n>`, as librdkafka 2.0.2 and Kafka's Java client 4.1.0 sent them. */
const recorded = [
  [
    "librdkafka",
    "snappy",
    "AAAAAAAAAAAAAADkAAAAAAIZk1veAAIAAAALAAABof1QQbkAAAGh/VBBuf//////////////////AAAADKoDYEQAAAABOHJlYWRpbmcgMSBvZiBzZW5zb3INBxgtMQBEAAACGSMAMkYjAAAyASMABBkjADNGIwAAMwEjAAYZIwA0RiMAADQBIwAIGSMANUYjAAA1ASMAChkjADZGIwAANgEjAAwZIwA3RiMAADcBIwAOGSMAOEYjAAA4ASMAEBkjADlGIwAcOQBIAAASATw1OwAwRiQABDEwASUAFB0lTmEBADEBJQAWHSVKYwEIMTIA",
  ],
  [
    "Java",
    "snappy",
    "AAAAAAAAAAAAAAD8AAAAAAK6tVRVAAIAAAALAAABof1QS34AAAGh/VBLwQAAAAAAAAAAAAAAAAAAAAAADIJTTkFQUFkAAAAAAQAAAAEAAAC3tQNgRAAAAAE4cmVhZGluZyAxIG9mIHNlbnNvcg0HHC0xAEYAhAECGSQAMkYkAAAyBSQABBkkADNGJAAYMwBGAIYBBhkkADRGJAAANAUkAAgZJAA1RiQAADUFJAAKGSQANkYkAAA2BSQADBkkADdGJAAANwUkAA4ZJAA4RiQAADgFJAAQGSQAOUYkACA5AEoAhgESATw1RAQwIEZFAQAwBSYAFB0mTmsBADEFJgAWHSZKbQEIMTIA",
  ],
  [
    "librdkafka",
    "lz4",
    "AAAAAAAAAAAAAADsAAAAAAKYlok+AAMAAAALAAABof1QTDAAAAGh/VBMMP//////////////////AAAADAQiTRhgQIKsAAAA8wpEAAAAAThyZWFkaW5nIDEgb2Ygc2Vuc29yBwB2LTEARAAAAiMAHjIjABAyIwAWBCMAHjMjABAzIwAWBiMAHjQjABA0IwAWCCMAHjUjABA1IwAWCiMAHjYjABA2IwAWDCMAHjcjABA3IwAWDiMAHjgjABA4IwAWECMAHjkjAIU5AEgAABIBPDsBHjAkACAxMCUAFxQlAA9hAQEQMSUAFxYlAA1jAVByLTEyAAAAAAA=",
  ],
  [
    "Java",
    "lz4",
    "AAAAAAAAAAAAAADtAAAAAAJa1Pb+AAMAAAALAAABof1QV1YAAAGh/VBXigAAAAAAAAABAAAAAAAAAAAADAQiTRhgQIKtAAAA8wpEAAAAAThyZWFkaW5nIDEgb2Ygc2Vuc29yBwB2LTEARABmAiMAHjIjABAyIwAWBCMAHjMjAGYzAEQAaAYjAB40IwAQNCMAFggjAB41IwAQNSMAFgojAB42IwAQNiMAFgwjAB43IwAQNyMAFg4jAB44IwAQOCMAFhAjAB45IwCFOQBIAGgSATw7AR4wJAAgMTAlABcUJQAPYQEBEDElABcWJQANYwFQci0xMgAAAAAA",
  ],
] as const;

describe("batches that other producers compressed", () => {
  test.each(recorded)("%s, %s", (_client, _codec, base64) => {
    const values = decodeRecords(Buffer.from(base64, "base64")).map((record) => record.value?.toString());
    expect(values).toEqual(Array.from({ length: 12 }, (_, i) => `reading ${i + 1} of sensor sensor-${i + 1}`));
  });

  test.each(recorded)("%s, %s: any damage is refused or gives other bytes, never a crash", (_client, codec, base64) => {
    const packed = Buffer.from(base64, "base64").subarray(BATCH_HEADER_BYTES);
    fc.assert(
      fc.property(fc.nat(packed.length - 1), fc.integer({ min: 1, max: 255 }), fc.nat(packed.length), (at, flip, length) => {
        const damaged = Buffer.from(packed.subarray(0, Math.max(1, length)));
        if (at < damaged.length) damaged[at] = (damaged[at] as number) ^ flip;
        try {
          expect(decompress(codec, damaged)).toBeInstanceOf(Buffer);
        } catch (thrown) {
          expect(thrown).toBeInstanceOf(KafkaProtocolError);
        }
      }),
    );
  });
});

describe("what is packed here", () => {
  const text = fc
    .array(fc.constantFrom("sensor_0001", "temperature", '{"value":', "x", "\u0000\u0000\u0000\u0000"), { maxLength: 4000 })
    .map((words) => words.join(""));
  const given = fc.oneof(
    text.map((words) => Buffer.from(words)),
    fc.uint8Array({ maxLength: 3000 }).map((bytes) => Buffer.from(bytes)),
    fc.nat(200_000).map((length) => Buffer.alloc(length, 7)),
    fc.nat(200_000).map((length) => Buffer.from(Array.from({ length }, (_, i) => Math.imul(i, 0x9e3779b1) >>> 24))),
  );

  test.each(["gzip", "snappy", "lz4", "zstd"] as const)("%s comes back as it was, whatever the bytes", (codec) => {
    fc.assert(
      fc.property(given, (bytes) => {
        expect(decompress(codec, compress(codec, bytes)).equals(bytes)).toBe(true);
      }),
      { numRuns: 60 },
    );
  });

  test.each(["gzip", "snappy", "lz4", "zstd"] as const)("%s makes readings less than half as large", (codec) => {
    const readings = Buffer.from(Array.from({ length: 2000 }, (_, i) => `{"sensor_id":"sensor_${i % 100}","value":${i / 7}}`).join());
    expect(compress(codec, readings).length).toBeLessThan(readings.length / 2);
  });
});

describe("limits", () => {
  test("a snappy block that says it is huge is refused before memory is taken", () => {
    const huge = Buffer.from("ffffffff0f", "hex");
    expect(() => decompress("snappy", huge)).toThrow(/snappy/);
    expect(() => unpackSnappy(Buffer.from("0a00", "hex"), 9)).toThrow(/10 bytes/);
    expect(MAX_UNPACKED_BYTES).toBeLessThan(2 ** 32);
  });

  test("an lz4 frame that unpacks to more than the limit is refused", () => {
    const zeros = Buffer.from("04224d18604082" + "0b000000" + "1f00010000" + "ffffffffffff" + "00000000", "hex");
    expect(() => unpackLz4(zeros, 100)).toThrow(KafkaProtocolError);
  });
});
