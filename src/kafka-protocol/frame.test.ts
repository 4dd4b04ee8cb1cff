import fc from "fast-check";
import { expect, test } from "vitest";
import { createFrameSplitter } from "./frame.ts";

test("frames come out whole and in order, wherever the stream is cut", () => {
  const frames = fc.array(fc.uint8Array({ maxLength: 50 }), { maxLength: 12 });
  fc.assert(
    fc.property(frames, fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1 }), fc.boolean(), (given, cuts, shareBuffer) => {
      const stream = Buffer.concat(
        given.flatMap((frame) => {
          const length = Buffer.alloc(4);
          length.writeInt32BE(frame.length);
          return [length, frame];
        }),
      );
      const shared = Buffer.alloc(64);
      const got: string[] = [];
      const splitter = createFrameSplitter({
        maxFrameBytes: 50,
        onFrame: (frame) => got.push(frame.toString("hex")),
        ...(shareBuffer ? { allocate: () => shared } : {}),
      });
      for (let at = 0, i = 0; at < stream.length; i++) {
        const cut = cuts[i % cuts.length] as number;
        splitter.push(stream.subarray(at, at + cut));
        at += cut;
      }
      expect(got).toEqual(given.map((frame) => Buffer.from(frame).toString("hex")));
      expect(splitter.pendingBytes()).toBe(0);
    }),
  );
});

test.each(["7fffffff", "ffffffff", "00000033"])("a length of %s is refused before anything is stored", (length) => {
  const splitter = createFrameSplitter({ maxFrameBytes: 50, onFrame: () => expect.unreachable() });
  expect(() => splitter.push(Buffer.from(length, "hex"))).toThrow(/its length says/);
});
