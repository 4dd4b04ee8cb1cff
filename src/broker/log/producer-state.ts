import { readTransactionEnd, type TransactionEnd } from "../../kafka-protocol/control-marker.ts";
import { isControl, isTransactional, type BatchHeader } from "../../kafka-protocol/record-batch.ts";
import type { AbortedTransaction } from "./aborted-transactions.ts";

/** A producer may have so many requests under way at once (KIP-98), so so many batches may come again. */
const REMEMBERED_BATCHES = 5;
const SEQUENCES = 2 ** 31;

interface WrittenBatch {
  readonly firstSequence: number;
  readonly lastSequence: number;
  readonly baseOffset: number;
  readonly lastOffset: number;
}

/** What a partition knows about an idempotent or transactional producer. */
export interface ProducerEntry {
  readonly id: number;
  readonly epoch: number;
  readonly lastTimestampMs: number;
  /** The last five batches of this epoch, oldest first; none where the epoch is known from a marker only. */
  readonly batches: readonly WrittenBatch[];
  /** The first offset of the transaction that is open here. */
  readonly transactionStart?: number;
  /** Of the coordinator that ended the last transaction. */
  readonly coordinatorEpoch?: number;
}

export type ProducerStates = Map<number, ProducerEntry>;

/** What a partition's log knows of its producers. `open`: producer id → first offset of its open transaction, oldest first. */
export interface PartitionProducers {
  readonly states: ProducerStates;
  readonly open: Map<number, number>;
}

export function createPartitionProducers(): PartitionProducers {
  return { states: new Map(), open: new Map() };
}

/** Puts the producers of a snapshot in place of whatever was known. */
export function restoreProducers({ states, open }: PartitionProducers, entries: Iterable<ProducerEntry>): void {
  states.clear();
  open.clear();
  const transactions: [producerId: number, firstOffset: number][] = [];
  for (const entry of entries) {
    states.set(entry.id, entry);
    if (entry.transactionStart !== undefined) transactions.push([entry.id, entry.transactionStart]);
  }
  for (const [id, firstOffset] of transactions.sort((a, b) => a[1] - b[1])) open.set(id, firstOffset);
}

/** What is to be done with a batch, by the rules of KIP-98 and KIP-890. */
export type SequenceVerdict =
  | { readonly kind: "append" }
  | { readonly kind: "duplicate"; readonly baseOffset: number; readonly lastOffset: number }
  | { readonly kind: "out of order" }
  | { readonly kind: "fenced" }
  | { readonly kind: "not in its transaction" };

const lastSequenceOf = (batch: BatchHeader): number => (batch.baseSequence + batch.lastOffset - batch.baseOffset) % SEQUENCES;

/** Whether the producer has a transaction open here in just this epoch: then its next batch belongs to it. */
export function hasOpenTransaction(states: ProducerStates, producerId: number, producerEpoch: number): boolean {
  const known = states.get(producerId);
  return known?.transactionStart !== undefined && known.epoch === producerEpoch;
}

/** The batches that producers have tried to begin a transaction with here, and could not yet: the lowest sequence by producer id (KIP-890). */
export type FirstAttempts = Map<number, { readonly epoch: number; readonly lowestSequence: number }>;

/** Takes note of a batch that is about to begin a transaction: while it has not, none behind it may. */
export function noteAttempt(attempts: FirstAttempts, { producerId, producerEpoch, baseSequence }: BatchHeader): void {
  const known = attempts.get(producerId);
  if (known?.epoch === producerEpoch && known.lowestSequence <= baseSequence) return;
  attempts.set(producerId, { epoch: producerEpoch, lowestSequence: baseSequence });
}

/**
 * Judges a producer's next batch. A partition that does not know the producer takes any sequence, as Kafka does after the producer has
 * expired; a new epoch begins with 0, and so does one that is known from a marker only. A batch older than the last five is out of order,
 * and so is one behind the batch that is to begin its transaction.
 */
export function judgeSequence(states: ProducerStates, batch: BatchHeader, attempts?: FirstAttempts): SequenceVerdict {
  if (batch.producerId < 0) return { kind: "append" };
  const known = states.get(batch.producerId);
  const attempt = attempts?.get(batch.producerId);
  const isAhead = attempt?.epoch === batch.producerEpoch && batch.baseSequence > attempt.lowestSequence;
  if (!known) return { kind: isAhead ? "out of order" : "append" };
  const lastSequence = lastSequenceOf(batch);
  if (batch.producerEpoch === known.epoch) {
    for (const written of known.batches) {
      if (written.firstSequence === batch.baseSequence && written.lastSequence === lastSequence) {
        return { kind: "duplicate", baseOffset: written.baseOffset, lastOffset: written.lastOffset };
      }
    }
  }
  if (batch.producerEpoch < known.epoch) return { kind: "fenced" };
  const last = batch.producerEpoch === known.epoch ? known.batches.at(-1) : undefined;
  const expected = last ? (last.lastSequence + 1) % SEQUENCES : 0;
  if (isAhead || batch.baseSequence !== expected) return { kind: "out of order" };
  if (known.transactionStart !== undefined && !isTransactional(batch.attributes)) return { kind: "not in its transaction" };
  return { kind: "append" };
}

/** Takes note of a batch of records that has got its offsets. */
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
  const transactionStart = known?.transactionStart ?? (isTransactional(batch.attributes) ? batch.baseOffset : undefined);
  states.set(batch.producerId, {
    id: batch.producerId,
    epoch: batch.producerEpoch,
    lastTimestampMs: batch.maxTimestampMs,
    batches: [...before, written],
    ...(transactionStart === undefined ? {} : { transactionStart }),
    ...(known?.coordinatorEpoch === undefined ? {} : { coordinatorEpoch: known.coordinatorEpoch }),
  });
}

/** Takes note of a marker: the producer's transaction here is over, and its epoch is the marker's from now on. */
export function noteMarker(states: ProducerStates, batch: BatchHeader, end: TransactionEnd): void {
  const known = states.get(batch.producerId);
  states.set(batch.producerId, {
    id: batch.producerId,
    epoch: batch.producerEpoch,
    lastTimestampMs: batch.maxTimestampMs,
    batches: known && known.epoch === batch.producerEpoch ? known.batches : [],
    coordinatorEpoch: end.coordinatorEpoch,
  });
}

/**
 * Takes note of a batch that is stored: the producer's sequences, and where a transaction opens or ends. Returns the transaction where the
 * batch aborts one. Only control batches are looked into.
 */
export function noteStored(producers: PartitionProducers, batch: BatchHeader, buffer: Buffer): AbortedTransaction | undefined {
  const { states, open } = producers;
  if (!isControl(batch.attributes)) {
    noteBatch(states, batch);
    if (isTransactional(batch.attributes) && batch.producerId >= 0 && !open.has(batch.producerId)) {
      open.set(batch.producerId, batch.baseOffset);
    }
    return undefined;
  }
  const end = readTransactionEnd(batch, buffer);
  if (!end) return undefined;
  noteMarker(states, batch, end);
  const firstOffset = open.get(batch.producerId);
  if (firstOffset === undefined) return undefined;
  open.delete(batch.producerId);
  if (end.marker === "commit") return undefined;
  const stableOffset = firstOpenOffset(producers) ?? batch.lastOffset + 1;
  return { producerId: batch.producerId, firstOffset, lastOffset: batch.lastOffset, stableOffset };
}

/** Where the oldest open transaction begins. */
export function firstOpenOffset({ open }: PartitionProducers): number | undefined {
  for (const offset of open.values()) return offset;
  return undefined;
}

/** Forgets the producers that have written nothing for `expirationMs` and have no open transaction (`producer.id.expiration.ms`). */
export function expireProducers(states: ProducerStates, nowMs: number, expirationMs: number): void {
  for (const entry of states.values()) {
    if (entry.transactionStart === undefined && nowMs - entry.lastTimestampMs >= expirationMs) states.delete(entry.id);
  }
}
