import type { Clock } from "../../base/clock.ts";
import type { StreamingQuery } from "../query/streaming-query.ts";
import type { Wait } from "../query/wait.ts";
import { waitOptions, within } from "../query/wait.ts";

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

  /** True when one has ended, false after the time given; rejects with the error of one that failed. */
  async any(wait?: Wait): Promise<boolean> {
    if (this.#ended.length === 0) await within(new Promise<void>((resolve) => this.#waiting.push(resolve)), this.#clock, waitOptions(wait));
    const failed = this.#ended.find((query) => query.exception)?.exception;
    if (failed) throw failed;
    return this.#ended.length > 0;
  }
}
