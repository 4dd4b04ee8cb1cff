import { expect, test } from "vitest";
import { createFrameMemory } from "./frame-memory.ts";

const LARGE = 700_000;

test("memory that was given back is used for the next frame that fits, and only once", () => {
  const memory = createFrameMemory();
  const first = memory.take(LARGE);
  expect(first.length).toBe(LARGE);
  expect(memory.take(LARGE).buffer).not.toBe(first.buffer);
  memory.giveBack(first.subarray(5, 10));
  memory.giveBack(first);
  expect(memory.take(LARGE * 3).buffer).not.toBe(first.buffer);
  const next = memory.take(LARGE + 1000);
  expect(next.length).toBe(LARGE + 1000);
  expect(next.buffer).toBe(first.buffer);
  expect(memory.take(LARGE).buffer).not.toBe(first.buffer);
});

test("small frames and foreign bytes are never used again", () => {
  const memory = createFrameMemory();
  const small = memory.take(100);
  const foreign = Buffer.alloc(LARGE);
  for (const bytes of [small, foreign]) memory.giveBack(bytes);
  expect(memory.take(100).buffer).not.toBe(small.buffer);
  expect(memory.take(LARGE).buffer).not.toBe(foreign.buffer);
});
