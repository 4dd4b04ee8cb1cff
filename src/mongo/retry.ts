import { MongoError as DriverError, MongoServerError } from "mongodb";
import type { Clock } from "../base/clock.ts";
import { codeOf } from "../base/errors.ts";

const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 5_000;
/** Codes of a server that is starting, stopping or has lost its primary: the retryable ones of the driver's specification. */
const PASSING_CODES = new Set([6, 7, 64, 89, 91, 134, 189, 262, 9001, 10107, 11600, 11602, 13435, 13436]);

/** What the system says of a connection that broke; the driver hands some of them on as they are. */
const BROKEN_CONNECTION = new Set([
  "ECONNABORTED",
  "ECONNREFUSED",
  "ECONNRESET",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "ENOTFOUND",
  "EAI_AGAIN",
  "EPIPE",
  "ERR_STREAM_DESTROYED",
  "ETIMEDOUT",
]);

/** Whether the same request may succeed later by itself: the connection or the server went away. */
export function isPassing(thrown: unknown): boolean {
  if (BROKEN_CONNECTION.has(codeOf(thrown) ?? "")) return true;
  if (thrown instanceof MongoServerError) return PASSING_CODES.has(Number(thrown.code)) || thrown.hasErrorLabel("RetryableWriteError");
  if (!(thrown instanceof DriverError)) return false;
  return /Network|ServerSelection|PoolCleared|PoolClosed|TopologyClosed|NotConnected|WaitQueueTimeout|OperationTimeout/.test(thrown.name);
}

/**
 * Runs `attempt` until it succeeds, with pauses from 0.1 s to 5 s, as long as its failures are of the passing kind; rejects with the signal's
 * reason as soon as it aborts, even within an attempt. `attempt` must be safe to run twice.
 */
export async function retryWhilePassing<T>(
  attempt: () => Promise<T>,
  options: { readonly clock: Clock; readonly signal: AbortSignal; readonly onRetry?: (thrown: unknown) => void },
): Promise<T> {
  const { clock, signal } = options;
  for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(LONGEST_PAUSE_MS, pauseMs * 2)) {
    signal.throwIfAborted();
    try {
      return await untilAborted(attempt(), signal);
    } catch (thrown) {
      if (signal.aborted || !isPassing(thrown)) throw thrown;
      options.onRetry?.(thrown);
      await clock.sleep(pauseMs, signal);
    }
  }
}

async function untilAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  let abort = (): void => {};
  const aborted = new Promise<never>((_, reject) => {
    abort = () => reject(signal.reason as Error);
    signal.addEventListener("abort", abort, { once: true });
  });
  work.catch(() => {});
  try {
    return await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener("abort", abort);
  }
}
