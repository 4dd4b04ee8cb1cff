import fc from "fast-check";
import { expect, test } from "vitest";
import { ByteReader, ByteWriter } from "./byte-writer.ts";

const { value } = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: "small" },
    fc.constantFrom(null, true, false, -0, NaN, -Infinity, 2 ** 31, -(2 ** 31)),
    fc.integer(),
    fc.double(),
    fc.bigInt(),
    fc.string({ unit: "grapheme", maxLength: 80 }),
    fc.uint8Array({ maxLength: 40 }),
    fc.array(tie("value"), { maxLength: 4 }),
    fc.array(fc.tuple(fc.string(), tie("value")), { maxLength: 3 }).map((entries) => new Map(entries)),
  ),
}));

test("every value reads back from its bytes, and none from fewer of them", () => {
  fc.assert(
    fc.property(fc.array(value, { maxLength: 6 }), fc.nat(), (values, cut) => {
      const writer = new ByteWriter(cut % 300);
      for (const one of values) writer.value(one);
      const bytes = writer.take();
      const reader = new ByteReader(bytes);
      expect(values.map(() => reader.value())).toEqual(values);
      expect(reader.done && reader.left === 0).toBe(true);
      if (bytes.length === 0) return;
      const short = new ByteReader(bytes.subarray(0, cut % bytes.length));
      expect(() => values.forEach(() => short.value())).toThrow(RangeError);
    }),
  );
});
