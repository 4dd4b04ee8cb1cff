import { systemClock, type Clock } from "../src/base/clock.ts";

const offsetMs = Number(process.hrtime.bigint()) / 1e6 - performance.now();

/**
 * Milliseconds of the machine's monotonic clock (CLOCK_MONOTONIC, mach_absolute_time, the performance counter): the same in all its processes, so
 * that a moment in one can be held against a moment in another. `performance.now()` counts on the same clock, but from the start of its process.
 */
export function sharedNowMs(): number {
  return performance.now() + offsetMs;
}

/** The system's clock with that monotonic time. */
export const sharedClock: Clock = { ...systemClock, monotonicMs: sharedNowMs };
