import type { Clock } from "../base/clock.ts";

export type PacerOptions = {
  readonly clock: Clock;
  /** Messages per second; Infinity for as fast as they are taken. */
  readonly ratePerSecond: number;
  /** The most that one `take` gives, so that a stall is made up in several batches; 10 000 if not given. */
  readonly maxBatch?: number;
};

/**
 * Holds a rate without drift: what is owed follows from the time since the start and what was taken, never from the length of sleeps. A late
 * tick is made up by the next (labs.md A5: sleep-and-send falls short of its rate).
 */
export interface Pacer {
  /** Takes what is owed now, at most `limit`, and says how many that is. */
  take(limit: number): number;
  /** Messages taken so far. */
  readonly taken: number;
  /** When message number `index` (from 0) is due: milliseconds after the start. */
  dueAfterMs(index: number): number;
  /** Milliseconds until the next message is due; 0 when one is owed. */
  untilNextMs(): number;
}

/** Starts at once: message 0 is due now. */
export function createPacer(options: PacerOptions): Pacer {
  const { clock, ratePerSecond } = options;
  const maxBatch = options.maxBatch ?? 10_000;
  const startMs = clock.monotonicMs();
  let taken = 0;
  const dueAfterMs = (index: number): number =>
    ratePerSecond === Infinity ? clock.monotonicMs() - startMs : (index * 1000) / ratePerSecond;
  const owed = (): number => {
    if (ratePerSecond === Infinity) return Infinity;
    return Math.floor(((clock.monotonicMs() - startMs) * ratePerSecond) / 1000 + 1e-9) + 1 - taken;
  };
  return {
    take: (limit) => {
      const count = Math.max(0, Math.min(owed(), limit, maxBatch));
      taken += count;
      return count;
    },
    get taken() {
      return taken;
    },
    dueAfterMs,
    untilNextMs: () => (owed() > 0 ? 0 : Math.max(0, dueAfterMs(taken) - (clock.monotonicMs() - startMs))),
  };
}
