import type { KafkaError } from "../kafka-error.ts";
import type { OutgoingBatch } from "./outgoing-batch.ts";

/** Under what name a partition knows an idempotent producer; both −1 without idempotence. */
export type ProducerIdentity = { readonly id: number; readonly epoch: number };

const SEQUENCES = 2 ** 31;

/**
 * The batches of one partition in the order in which they are to be stored: one being filled, those that wait, those under way. After a failure
 * the rest under way is waited for, then the first batch is sent alone until it is stored: so no batch overtakes one that is tried again.
 */
export class PartitionQueue {
  readonly topic: string;
  readonly partition: number;
  /** The node id; −1 while nobody leads. */
  leader: number = -1;
  open: OutgoingBatch | undefined;
  /** Sealed, or full; oldest first. */
  readonly waiting: OutgoingBatch[] = [];
  /** In the order in which they were sent. */
  readonly underWay: OutgoingBatch[] = [];
  /** Nothing is sent before the leader has been looked for. */
  isBlocked: boolean = false;
  /** Nothing was stored since the last failure, or at all: a partition that does not know the producer takes any sequence, so one batch goes alone. */
  isUnproven: boolean = true;
  /** Failures since something was stored. */
  failures: number = 0;
  lastFailure: KafkaError | undefined;
  /** The sequence has a gap, or is not the broker's: the next batch begins another under a new epoch (KIP-360). */
  needsNewEpoch: boolean = false;
  identity: ProducerIdentity;
  /** Bytes of the last batch, for the memory of the next. */
  lastBytes: number = 0;
  #nextSequence = 0;
  #nextNumber = 0;

  constructor(topic: string, partition: number, identity: ProducerIdentity) {
    this.topic = topic;
    this.partition = partition;
    this.identity = identity;
  }

  nextNumber(): number {
    return this.#nextNumber++;
  }

  get isIdle(): boolean {
    return this.waiting.length === 0 && this.underWay.length === 0 && this.open === undefined;
  }

  /** The first batch that may be sent now. */
  sendable(): OutgoingBatch | undefined {
    if (this.isBlocked || (this.isUnproven && this.underWay.length > 0)) return undefined;
    return this.waiting[0] ?? (this.open?.isDue ? this.open : undefined);
  }

  /** Takes the first batch out to be sent, and gives it its sequence if it has none. */
  take(): OutgoingBatch {
    const batch = (this.waiting.shift() ?? this.open) as OutgoingBatch;
    if (batch === this.open) this.open = undefined;
    if (batch.sequence < 0 && this.identity.id >= 0) {
      batch.sequence = this.#nextSequence;
      this.#nextSequence = (this.#nextSequence + batch.builder.count) % SEQUENCES;
    }
    this.underWay.push(batch);
    return batch;
  }

  /** Puts batches where their numbers belong, to be sent again. */
  putBack(...batches: readonly OutgoingBatch[]): void {
    this.waiting.push(...batches);
    this.waiting.sort((a, b) => a.number - b.number);
  }

  /** The batch is no longer under way. */
  answered(batch: OutgoingBatch): void {
    const at = this.underWay.indexOf(batch);
    if (at >= 0) this.underWay.splice(at, 1);
  }

  /** Every batch sent before this one has been answered for good. */
  isFirst(batch: OutgoingBatch): boolean {
    const earlier = (other: OutgoingBatch): boolean => other.number < batch.number;
    return !this.underWay.some(earlier) && !this.waiting.some(earlier);
  }

  /** Begins the sequence anew under another identity; batches that were sent before get new numbers. */
  restart(identity: ProducerIdentity): void {
    this.identity = identity;
    this.needsNewEpoch = false;
    this.isUnproven = true;
    this.#nextSequence = 0;
    for (const batch of this.waiting) batch.sequence = -1;
  }
}
