import { expect, test } from "vitest";
import { ManualClock } from "../../base/clock.ts";
import { int, struct } from "../types/schema-builder.ts";
import { createSession } from "./session.ts";

test("awaitAnyTermination: an end, an error, a timeout, and a new beginning after resetTerminated", async () => {
  const clock = new ManualClock();
  const session = createSession({ clock });
  const input = session.memoryStream(struct({ n: int() }));
  const start = (fail: boolean): ReturnType<typeof session.internals.start> =>
    input
      .toDF()
      .writeStream.foreachBatch(() => {
        if (fail) throw new Error("the sink is away");
      })
      .start();
  const first = await start(false);
  const waiting = session.streams.awaitAnyTermination(1000);
  clock.advance(1000);
  expect(await waiting).toBe(false);
  const ended = session.streams.awaitAnyTermination();
  await first.stop();
  expect(await ended).toBe(true);
  expect(await session.streams.awaitAnyTermination()).toBe(true);
  session.streams.resetTerminated();
  input.addData([[1]]);
  const failing = session.streams.awaitAnyTermination();
  await start(true);
  await expect(failing).rejects.toThrow("the sink is away");
  expect(session.streams.active).toEqual([]);
});
