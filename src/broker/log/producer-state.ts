import type { BatchHeader } from "../../kafka-protocol/record-batch.ts";

/** A producer may have so many requests under way at once (KIP-98), so so many batches may come again. */
const REMEMBERED_BATCHES = 5;
const SEQUENCES = 2 ** 31;

interface WrittenBatch {
  readonly firstSequence: number;
  readonly lastSequence: number;
  readonly baseOffset: number;
  readonly lastOffset: number;
}

/** What a partition knows about an idempotent producer. */
export interface ProducerEntry {
  readonly id: number;
  readonly epoch: number;
  readonly lastTimestampMs: number;
  /** The last five batches, oldest first. */
  readonly batches: readonly WrittenBatch[];
}

export type ProducerStates = Map<number, ProducerEntry>;

/** What is to be done with a batch, by KIP-98's rules. */
export type SequenceVerdict =
  | { readonly kind: "append" }
  | { readonly kind: "duplicate"; readonly baseOffset: number; readonly lastOffset: number }
  | { readonly kind: "out of order" }
  | { readonly kind: "fenced" };

const lastSequenceOf = (batch: BatchHeader): number => (batch.baseSequence + batch.count - 1) % SEQUENCES;

/** Judges a producer's next batch. A partition that does not know the producer takes any sequence, as Kafka does after retention. */
export function judgeSequence(states: ProducerStates, batch: BatchHeader): SequenceVerdict {
  if (batch.producerId < 0) return { kind: "append" };
  const known = states.get(batch.producerId);
  if (!known) return { kind: "append" };
  if (batch.producerEpoch < known.epoch) return { kind: "fenced" };
  if (batch.producerEpoch > known.epoch) return batch.baseSequence === 0 ? { kind: "append" } : { kind: "out of order" };
  const lastSequence = lastSequenceOf(batch);
  for (const written of known.batches) {
    if (written.firstSequence === batch.baseSequence && written.lastSequence === lastSequence) {
      return { kind: "duplicate", baseOffset: written.baseOffset, lastOffset: written.lastOffset };
    }
  }
  const last = known.batches.at(-1);
  if (!last || (last.lastSequence + 1) % SEQUENCES === batch.baseSequence) return { kind: "append" };
  return { kind: "out of order" };
}

/** Takes note of a batch that has got its offsets. */
export function noteBatch(states: ProducerStates, batch: BatchHeader): void {
  if (batch.producerId < 0) return;
  const known = states.get(batch.producerId);
  const before = known && known.epoch === batch.producerEpoch ? known.batches.slice(-(REMEMBERED_BATCHES - 1)) : [];
  const written: WrittenBatch = {
    firstSequence: batch.baseSequence,
    lastSequence: lastSequenceOf(batch),
    baseOffset: batch.baseOffset,
    lastOffset: batch.lastOffset,
  };
  states.set(batch.producerId, {
    id: batch.producerId,
    epoch: batch.producerEpoch,
    lastTimestampMs: batch.maxTimestampMs,
    batches: [...before, written],
  });
}
