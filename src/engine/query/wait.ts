import type { Clock } from "../../base/clock.ts";

/** How long to wait at most, and what ends the waiting before. */
export type WaitOptions = { readonly timeoutMs?: number; readonly signal?: AbortSignal };

/** What the waiting calls take: the options, a signal, or milliseconds. */
export type Wait = WaitOptions | AbortSignal | number;

/** The options as they are meant. */
export function waitOptions(wait: Wait | undefined): WaitOptions {
  if (typeof wait === "number") return { timeoutMs: wait };
  return wait instanceof AbortSignal ? { signal: wait } : (wait ?? {});
}

/** True when `work` is done, false after `timeoutMs`; rejects as `work` does, and with the signal's reason when it is aborted. `work` goes on. */
export async function within(work: Promise<unknown>, clock: Clock, { timeoutMs, signal }: WaitOptions): Promise<boolean> {
  signal?.throwIfAborted();
  const over = new AbortController();
  const waits: Promise<boolean>[] = [work.then(() => true)];
  if (timeoutMs !== undefined)
    waits.push(
      clock.sleep(timeoutMs, over.signal).then(
        () => false,
        () => false,
      ),
    );
  if (signal)
    waits.push(
      new Promise((_, reject) => {
        signal.addEventListener("abort", () => reject(signal.reason as Error), { once: true, signal: over.signal });
      }),
    );
  try {
    return await Promise.race(waits);
  } finally {
    over.abort();
  }
}
