import { MongoNetworkError, MongoServerError, MongoServerSelectionError } from "mongodb";
import { expect, test } from "vitest";
import { ManualClock } from "../base/clock.ts";
import { isPassing, retryWhilePassing } from "./retry.ts";

const systemError = (code: string): Error => Object.assign(new Error(`write ${code}`), { code });

test.each(["ECONNRESET", "EPIPE", "ECONNREFUSED", "ETIMEDOUT"])("a broken connection passes, also as the system's own %s", (code) => {
  expect(isPassing(systemError(code))).toBe(true);
});

test("the driver's errors of network and selection pass, a server's refusal does not", () => {
  expect(isPassing(new MongoNetworkError("connection 1 closed"))).toBe(true);
  expect(isPassing(new MongoServerSelectionError("no server", {} as never))).toBe(true);
  expect(isPassing(new MongoServerError({ message: "not authorised", code: 13 }))).toBe(false);
  expect(isPassing(new TypeError("a mistake of ours"))).toBe(false);
});

test("an attempt is made again after a pause until it succeeds", async () => {
  const clock = new ManualClock();
  let attempts = 0;
  const done = retryWhilePassing(
    async () => {
      attempts++;
      if (attempts < 3) throw systemError("ECONNRESET");
      return attempts;
    },
    { clock, signal: new AbortController().signal, onRetry: () => setImmediate(() => clock.advance(5_000)) },
  );
  expect(await done).toBe(3);
});
