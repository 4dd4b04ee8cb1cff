import type { EventTimeStats } from "../operators/stateless.ts";

export type WatermarkPolicy = "min" | "max";

/**
 * The global watermark of a query: per watermark operator the greatest event time seen less the delay, in whole milliseconds; an operator without
 * data yet counts as 0; the least of them (or the greatest) rules; it never falls (Spark's WatermarkTracker).
 */
export class WatermarkTracker {
  readonly #policy: WatermarkPolicy;
  readonly #marks: number[] = [];
  #currentMs: number;

  constructor(policy: WatermarkPolicy, startMs: number) {
    this.#policy = policy;
    this.#currentMs = startMs;
  }

  get currentMs(): number {
    return this.#currentMs;
  }

  /** How far each operator has brought its own watermark, milliseconds; 0 before its first row. */
  marks(operators: readonly EventTimeStats[]): { readonly input: string; readonly delayMs: number; readonly watermarkMs: number }[] {
    return operators.map(({ input, delayMs }, i) => ({ input, delayMs, watermarkMs: Math.max(0, this.#marks[i] ?? 0) }));
  }

  get policy(): WatermarkPolicy {
    return this.#policy;
  }

  /** Takes in what a batch has seen. */
  update(operators: readonly EventTimeStats[]): void {
    if (operators.length === 0) return;
    operators.forEach((stats, i) => {
      const before = this.#marks[i];
      if (stats.count === 0) {
        this.#marks[i] = before ?? 0;
        return;
      }
      const now = Math.floor(stats.maxUs / 1000) - stats.delayMs;
      if (before === undefined || now > before) this.#marks[i] = now;
    });
    const chosen = this.#policy === "max" ? Math.max(...this.#marks) : Math.min(...this.#marks);
    if (chosen > this.#currentMs) this.#currentMs = chosen;
  }
}
