import { expect, test } from "vitest";
import { createRandom } from "../../base/random.ts";
import { createFrameReceiver } from "./frame-receiver.ts";

const SEED = 5;

function frameOf(body: Uint8Array): Buffer {
  const length = Buffer.alloc(4);
  length.writeInt32BE(body.length);
  return Buffer.concat([length, body]);
}

test.each(["space", "push"] as const)("frames come out whole and in order, however the bytes are cut (%s)", (way) => {
  const random = createRandom(SEED);
  const bodies = Array.from({ length: 200 }, (_, i) => Buffer.alloc(i % 17 === 0 ? 0 : random.below(i % 10 === 0 ? 300_000 : 300), i));
  const stream = Buffer.concat(bodies.map(frameOf));
  const frames: Buffer[] = [];
  const receiver = createFrameReceiver((frame) => frames.push(frame));
  for (let at = 0; at < stream.length;) {
    const piece = 1 + random.below(random.below(3) === 0 ? 5 : 90_000);
    if (way === "push") {
      receiver.push(stream.subarray(at, at + piece));
      at += piece;
    } else {
      const space = receiver.space();
      const taken = Math.min(space.length, piece, stream.length - at);
      space.set(stream.subarray(at, at + taken));
      receiver.received(taken);
      at += taken;
    }
  }
  expect(frames.length, `seed ${SEED}`).toBe(bodies.length);
  frames.forEach((frame, i) => expect(frame.equals(bodies[i] as Buffer), `seed ${SEED}, frame ${i}`).toBe(true));
});

test("a frame keeps its bytes when the next ones come", () => {
  const frames: Buffer[] = [];
  const receiver = createFrameReceiver((frame) => frames.push(frame));
  receiver.push(frameOf(Buffer.from("first")));
  receiver.push(frameOf(Buffer.from("other")));
  expect(frames.map(String)).toEqual(["first", "other"]);
});

test("a length that makes no sense is refused before memory is taken: TLS or HTTP on the port", () => {
  expect(() => createFrameReceiver(() => undefined).push(Buffer.from("HTTP/1.1 400 Bad Request"))).toThrow(/its length says/);
  expect(() => createFrameReceiver(() => undefined).push(Buffer.from([0xff, 0xff, 0xff, 0xff]))).toThrow(/its length says -1/);
});
