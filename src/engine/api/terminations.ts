import type { Clock } from "../../base/clock.ts";
import type { StreamingQuery } from "../query/streaming-query.ts";

/** The queries of a session that have ended, for those who wait for any of them (Spark's StreamingQueryManager). */
export class Terminations {
  readonly #clock: Clock;
  #ended: StreamingQuery[] = [];
  #waiting: (() => void)[] = [];

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  add(query: StreamingQuery): void {
    this.#ended.push(query);
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const wake of waiting) wake();
  }

  reset(): void {
    this.#ended = [];
  }

  /** True when one has ended, false after `timeoutMs`; rejects with the error of one that failed. */
  async any(timeoutMs?: number): Promise<boolean> {
    if (this.#ended.length === 0) {
      const ended = new Promise<void>((resolve) => this.#waiting.push(resolve));
      if (timeoutMs === undefined) await ended;
      else {
        const over = new AbortController();
        const slept = this.#clock.sleep(timeoutMs, over.signal).catch(() => undefined);
        await Promise.race([ended, slept]);
        over.abort();
        await slept;
      }
    }
    const failed = this.#ended.find((query) => query.exception)?.exception;
    if (failed) throw failed;
    return this.#ended.length > 0;
  }
}
