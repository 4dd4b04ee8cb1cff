import type { Clock } from "../base/clock.ts";
import type { PartitionOffsets } from "./offset-range.ts";

/** How many messages `to` is ahead of `from`, over all partitions. */
export function messagesBetween(from: PartitionOffsets, to: PartitionOffsets): number {
  let total = 0;
  for (const [key, end] of to) total += Math.max(0, end - (from.get(key) ?? end));
  return total;
}

/**
 * Holds a batch back until it is worth it (minOffsetsPerTrigger), but no longer than maxTriggerDelay after the batch before; the first one is never
 * held back (Spark's KafkaMicroBatchStream.delayBatch).
 */
export class TriggerDelay {
  readonly #clock: Clock;
  readonly #least: number;
  readonly #maxDelayMs: number;
  #lastMs: number = -Infinity;

  constructor(clock: Clock, least: number, maxDelayMs: number) {
    this.#clock = clock;
    this.#least = least;
    this.#maxDelayMs = maxDelayMs;
  }

  /** Whether a batch of this range would have to wait. */
  holds(from: PartitionOffsets, to: PartitionOffsets): boolean {
    return messagesBetween(from, to) < this.#least && this.#clock.monotonicMs() - this.#lastMs < this.#maxDelayMs;
  }

  /** A batch begins now. */
  began(): void {
    this.#lastMs = this.#clock.monotonicMs();
  }
}
