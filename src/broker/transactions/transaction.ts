import { errorCodes } from "../../kafka-protocol/error-codes.ts";

/** The states of a transactional id (KIP-98), under the names that ListTransactions answers. */
export type TransactionState = "Empty" | "Ongoing" | "PrepareCommit" | "PrepareAbort" | "CompleteCommit" | "CompleteAbort";

/** Every state that a client may filter by; in the last two Kafka's coordinator is never seen to be. */
export const transactionStates: readonly string[] = [
  "Empty",
  "Ongoing",
  "PrepareCommit",
  "PrepareAbort",
  "CompleteCommit",
  "CompleteAbort",
  "PrepareEpochFence",
  "Dead",
];

export interface TransactionPartition {
  readonly topic: string;
  readonly partition: number;
}

/** A producer as it names itself: −1 and −1 where it has no id yet. */
export interface ProducerIdentity {
  readonly producerId: number;
  readonly producerEpoch: number;
}

/** What the coordinator knows of a transactional id: one entry of its journal. */
export interface Transaction extends ProducerIdentity {
  readonly id: string;
  /** The producer id before the epochs of this one began; −1 if there was none. */
  readonly previousProducerId: number;
  /** The epoch that a producer gave when it asked for this one (KIP-360): asking again gives the same answer. −1 if it gave none. */
  readonly lastEpoch: number;
  readonly timeoutMs: number;
  readonly state: TransactionState;
  /** What the open transaction has touched; offsets of groups stand as partitions of the offsets topic. */
  readonly partitions: readonly TransactionPartition[];
  /** When the transaction began, −1 before the first; milliseconds since the epoch. */
  readonly startMs: number;
  readonly updatedMs: number;
}

const NONE = -1;
const MAX_EPOCH = 32767;

/** The last epoch is kept for fencing: a producer that has come so far gets another id. */
const isExhausted = (epoch: number): boolean => epoch >= MAX_EPOCH - 1;

export function newTransaction(id: string, producerId: number, timeoutMs: number, nowMs: number): Transaction {
  return {
    id,
    producerId,
    producerEpoch: NONE,
    previousProducerId: NONE,
    lastEpoch: NONE,
    timeoutMs,
    state: "Empty",
    partitions: [],
    startMs: NONE,
    updatedMs: nowMs,
  };
}

/** What is to be done where a producer asks for its id and epoch. */
export type Initialization =
  | { readonly kind: "error"; readonly errorCode: number }
  /** Its predecessor has a transaction open, which must be aborted first. */
  | { readonly kind: "fence" }
  /** No epoch is left: it needs another producer id. */
  | { readonly kind: "new id" }
  | { readonly kind: "next"; readonly next: Transaction };

/** InitProducerId: the next epoch, or the same again for one who did not hear the answer (KIP-98, KIP-360). */
export function initialize(before: Transaction, expected: ProducerIdentity | undefined, timeoutMs: number, nowMs: number): Initialization {
  const isNew = before.producerEpoch === NONE;
  if (expected && !isNew && expected.producerId !== before.producerId) {
    const isRetry = expected.producerId === before.previousProducerId && isExhausted(expected.producerEpoch);
    if (!isRetry) return { kind: "error", errorCode: errorCodes.PRODUCER_FENCED };
  }
  if (before.state === "PrepareCommit" || before.state === "PrepareAbort") {
    return { kind: "error", errorCode: errorCodes.CONCURRENT_TRANSACTIONS };
  }
  if (before.state === "Ongoing") return { kind: "fence" };
  if (isExhausted(before.producerEpoch) && (!expected || expected.producerEpoch === before.producerEpoch)) return { kind: "new id" };
  const next = { ...before, timeoutMs, state: "Empty", partitions: [], startMs: NONE, updatedMs: nowMs } as const;
  if (!expected || isNew || expected.producerEpoch === before.producerEpoch) {
    const lastEpoch = expected ? before.producerEpoch : NONE;
    return { kind: "next", next: { ...next, producerEpoch: before.producerEpoch + 1, lastEpoch } };
  }
  if (expected.producerEpoch === before.lastEpoch) return { kind: "next", next };
  return { kind: "error", errorCode: errorCodes.PRODUCER_FENCED };
}

/** The same for a producer that has used up its epochs. */
export function rotate(
  before: Transaction,
  producerId: number,
  expected: ProducerIdentity | undefined,
  timeoutMs: number,
  nowMs: number,
): Transaction {
  return {
    ...before,
    producerId,
    producerEpoch: 0,
    previousProducerId: before.producerId,
    lastEpoch: expected ? before.producerEpoch : NONE,
    timeoutMs,
    state: "Empty",
    partitions: [],
    startMs: NONE,
    updatedMs: nowMs,
  };
}

export const hasPartition = (transaction: Transaction, { topic, partition }: TransactionPartition): boolean =>
  transaction.partitions.some((one) => one.partition === partition && one.topic === topic);

/** Why this producer may not touch the transaction, or NONE. */
export function producerFault(transaction: Transaction | undefined, producer: ProducerIdentity): number {
  if (transaction?.producerId !== producer.producerId) return errorCodes.INVALID_PRODUCER_ID_MAPPING;
  return transaction.producerEpoch === producer.producerEpoch ? errorCodes.NONE : errorCodes.PRODUCER_FENCED;
}

/** The transaction with more partitions; the first ones begin it. The same object where there is nothing new. */
export function withPartitions(before: Transaction, added: readonly TransactionPartition[], nowMs: number): Transaction {
  const isOngoing = before.state === "Ongoing";
  const known = isOngoing ? before.partitions : [];
  const partitions = new Map([...known, ...added].map((one) => [`${one.topic}/${one.partition}`, one]));
  if (isOngoing && partitions.size === known.length) return before;
  const startMs = isOngoing ? before.startMs : nowMs;
  return { ...before, state: "Ongoing", partitions: [...partitions.values()], startMs, updatedMs: nowMs };
}

/** The transaction on its way to its end. */
export function prepared(before: Transaction, committed: boolean, nowMs: number): Transaction {
  return { ...before, state: committed ? "PrepareCommit" : "PrepareAbort", updatedMs: nowMs };
}

/**
 * The transaction on its way to be aborted without its producer, because it took too long or a successor asked. The producer's epoch is over;
 * it may go on in the new one if it asks for it before anybody else does (KIP-588).
 */
export function fenced(before: Transaction, nowMs: number): Transaction {
  return { ...prepared(before, false, nowMs), producerEpoch: before.producerEpoch + 1, lastEpoch: before.producerEpoch };
}

/** The transaction once every partition has its marker. */
export function completed(before: Transaction, nowMs: number): Transaction {
  return { ...before, state: before.state === "PrepareCommit" ? "CompleteCommit" : "CompleteAbort", partitions: [], updatedMs: nowMs };
}

export type EndDecision = { readonly errorCode: number } | "prepare";

/** What EndTxn finds: a transaction to end, the same end once more, or an error. */
export function decideEnd({ state }: Transaction, committed: boolean): EndDecision {
  if (state === "Ongoing") return "prepare";
  if (state === (committed ? "CompleteCommit" : "CompleteAbort")) return { errorCode: errorCodes.NONE };
  if (state === (committed ? "PrepareCommit" : "PrepareAbort")) return { errorCode: errorCodes.CONCURRENT_TRANSACTIONS };
  return { errorCode: errorCodes.INVALID_TXN_STATE };
}
