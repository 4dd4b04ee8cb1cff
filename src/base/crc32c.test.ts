import { expect, test } from "vitest";
import { createRandom } from "../base/random.ts";
import { crc32cByTables } from "./crc32c-tables.ts";
import { crc32c } from "./crc32c.ts";

/** The definition: one bit at a time, polynomial 0x82F63B78. */
function bitByBit(bytes: Uint8Array): number {
  let crc = ~0;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
  }
  return ~crc >>> 0;
}

test("CRC-32C has the check value of its catalogue, and RFC 3720's values for 32 bytes of 0, of 255 and counting up", () => {
  expect(crc32c(Buffer.from("123456789"))).toBe(0xe3069283);
  expect(crc32c(Buffer.alloc(32))).toBe(0x8a9136aa);
  expect(crc32c(Buffer.alloc(32, 255))).toBe(0x62a8ab43);
  expect(crc32c(Buffer.from(Array.from({ length: 32 }, (_, i) => i)))).toBe(0x46dd794e);
});

test("any stretch at any alignment has the CRC of the definition, in one go and in two", () => {
  const random = createRandom(7);
  const bytes = Buffer.from(Array.from({ length: 700 }, () => random.below(256)));
  for (let start = 0; start < 9; start++) {
    for (const length of [0, 1, 3, 15, 16, 17, 31, 127, 128, 129, 130, 143, 144, 145, 160, 500, 655]) {
      const end = start + length;
      const expected = bitByBit(bytes.subarray(start, end));
      expect(crc32c(bytes, start, end), `bytes ${start} to ${end}`).toBe(expected);
      expect(crc32c(bytes.subarray(start), 0, length), `a view of bytes ${start} to ${end}`).toBe(expected);
      const middle = start + Math.floor(length / 3);
      expect(crc32c(bytes, middle, end, crc32c(bytes, start, middle)), `bytes ${start} to ${middle} to ${end}`).toBe(expected);
    }
  }
});

test("long stretches have the same CRC from compiled code and from tables, at any alignment, in one go and in two", () => {
  const seed = 11;
  const random = createRandom(seed);
  const bytes = Buffer.from(Array.from({ length: 9000 }, () => random.below(256)));
  for (let round = 0; round < 40; round++) {
    const start = random.below(17);
    const end = start + 2000 + random.below(6900);
    const expected = crc32cByTables(bytes, start, end, 0);
    expect(expected, `seed ${seed}, bytes ${start} to ${end}`).toBe(bitByBit(bytes.subarray(start, end)));
    expect(crc32c(bytes, start, end), `seed ${seed}, bytes ${start} to ${end}`).toBe(expected);
    const middle = start + random.below(end - start);
    expect(crc32c(bytes, middle, end, crc32c(bytes, start, middle)), `seed ${seed}, bytes ${start} to ${middle} to ${end}`).toBe(expected);
  }
});
