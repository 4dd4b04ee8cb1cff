import path from "node:path";
import { failpoint } from "../../base/failpoint.ts";
import { encodeControlMarker } from "../../kafka-protocol/control-marker.ts";
import { errorCodes } from "../../kafka-protocol/error-codes.ts";
import { readBatchHeader, type BatchHeader } from "../../kafka-protocol/record-batch.ts";
import { openJournal, type Journal } from "../journal.ts";
import type { PartitionLog } from "../log/partition-log.ts";
import { OFFSETS_TOPIC, offsetsPartition } from "./offsets-partition.ts";
import {
  completed,
  decideEnd,
  fenced,
  hasPartition,
  initialize,
  newTransaction,
  prepared,
  producerFault,
  rotate,
  withPartitions,
  type ProducerIdentity,
  type Transaction,
  type TransactionPartition,
} from "./transaction.ts";

type Entry = Transaction | { readonly id: string; readonly gone: true };

export interface TransactionCoordinatorOptions {
  readonly folder: string;
  /** Whether what is kept is synced before it is acknowledged. */
  readonly sync: boolean;
  /** `transaction.max.timeout.ms` */
  readonly maxTransactionTimeoutMs: number;
  /** `transactional.id.expiration.ms` */
  readonly transactionalIdExpirationMs: number;
  readonly nowMs: () => number;
  readonly nextProducerId: () => Promise<number>;
  /** The log of a partition, or undefined where its topic was deleted. */
  readonly partition: (topic: string, partition: number) => PartitionLog | undefined;
  /** Makes the offsets of a producer's transaction the committed ones, or forgets them. */
  readonly endOffsets: (producerId: number, committed: boolean) => Promise<void>;
  /** Told when a marker or an entry could not be written. What was decided is tried again; a request is refused. */
  readonly onFailure: (transactionalId: string, cause: unknown) => void;
}

export interface InitializedProducer extends ProducerIdentity {
  readonly errorCode: number;
}

const COORDINATOR_EPOCH = 0;
const NOBODY: ProducerIdentity = { producerId: -1, producerEpoch: -1 };

/**
 * The transactions of this broker (KIP-98): Empty → Ongoing → Prepare* → Complete*. The Prepare* entry in the journal is the moment at which
 * a transaction is decided: from then on its markers are written, again after a crash, until every partition has one.
 *
 * What Kafka does after it has answered EndTxn, this broker does before: who has its answer finds the markers in place.
 */
export class TransactionCoordinator {
  readonly #options: TransactionCoordinatorOptions;
  readonly #transactions = new Map<string, Transaction>();
  /** The last change of each transactional id that is under way: they are made one after the other. */
  readonly #changes = new Map<string, Promise<unknown>>();
  readonly #completing = new Map<string, Promise<void>>();
  /** What has its marker already, of transactions that could not be completed at the first try. */
  readonly #marked = new Map<string, Set<TransactionPartition>>();
  #journal!: Journal<Entry>;
  /** How many transactions this process has ended: what fail points count. */
  #ended = 0;

  private constructor(options: TransactionCoordinatorOptions) {
    this.#options = options;
  }

  /** Reads the journal and completes what was decided before the broker ended. */
  static async open(options: TransactionCoordinatorOptions): Promise<TransactionCoordinator> {
    const coordinator = new TransactionCoordinator(options);
    coordinator.#journal = await openJournal<Entry>({
      file: path.join(options.folder, "transactions.journal"),
      sync: options.sync,
      apply: (entry) => coordinator.#apply(entry),
      snapshot: () => coordinator.#transactions.values(),
    });
    await coordinator.#completeAll();
    return coordinator;
  }

  #apply(entry: Entry): void {
    if ("gone" in entry) this.#transactions.delete(entry.id);
    else this.#transactions.set(entry.id, entry);
  }

  #exclusive<T>(id: string, action: () => Promise<T>): Promise<T> {
    const result = (this.#changes.get(id) ?? Promise.resolve()).then(action);
    const settled = result.catch(() => undefined);
    this.#changes.set(id, settled);
    void settled.then(() => {
      if (this.#changes.get(id) === settled) this.#changes.delete(id);
    });
    return result;
  }

  /** The same for a request: what cannot be written down is refused with an error that clients try again. */
  async #change<T>(id: string, refusal: T, action: () => Promise<T>): Promise<T> {
    try {
      return await this.#exclusive(id, action);
    } catch (thrown) {
      this.#options.onFailure(id, thrown);
      return refusal;
    }
  }

  #write(entry: Entry): Promise<void> {
    return this.#journal.append([entry]);
  }

  /** All transactional ids, in the order in which they came. */
  list(): Iterable<Transaction> {
    return this.#transactions.values();
  }

  get(id: string): Transaction | undefined {
    return this.#transactions.get(id);
  }

  /**
   * InitProducerId with a transactional id. `expected` is the producer that asks to go on in a new epoch (KIP-360). An open transaction of
   * the predecessor is aborted, and the producer told to ask again: CONCURRENT_TRANSACTIONS.
   */
  async initProducer(id: string, timeoutMs: number, expected?: ProducerIdentity): Promise<InitializedProducer> {
    const refuse = (errorCode: number): InitializedProducer => ({ errorCode, ...NOBODY });
    if (id === "") return refuse(errorCodes.INVALID_REQUEST);
    if (timeoutMs <= 0 || timeoutMs > this.#options.maxTransactionTimeoutMs) return refuse(errorCodes.INVALID_TRANSACTION_TIMEOUT);
    const answer = await this.#change<InitializedProducer | "fenced">(id, refuse(errorCodes.NOT_COORDINATOR), async () => {
      const nowMs = this.#options.nowMs();
      const known = this.#transactions.get(id);
      const before = known ?? newTransaction(id, await this.#options.nextProducerId(), timeoutMs, nowMs);
      const decision = initialize(before, expected, timeoutMs, nowMs);
      if (decision.kind === "error") return refuse(decision.errorCode);
      if (decision.kind === "fence") {
        await this.#write(fenced(before, nowMs));
        return "fenced";
      }
      const next =
        decision.kind === "next" ? decision.next : rotate(before, await this.#options.nextProducerId(), expected, timeoutMs, nowMs);
      await this.#write(next);
      return { errorCode: errorCodes.NONE, producerId: next.producerId, producerEpoch: next.producerEpoch };
    });
    if (answer !== "fenced") return answer;
    await this.#complete(id);
    return refuse(errorCodes.CONCURRENT_TRANSACTIONS);
  }

  /** AddPartitionsToTxn: the first partitions begin the transaction. */
  addPartitions(id: string, producer: ProducerIdentity, partitions: readonly TransactionPartition[]): Promise<number> {
    if (id === "") return Promise.resolve(errorCodes.INVALID_REQUEST);
    return this.#change<number>(id, errorCodes.NOT_COORDINATOR, async () => {
      const before = this.#transactions.get(id);
      const fault = producerFault(before, producer);
      if (!before || fault !== errorCodes.NONE) return fault;
      if (before.state === "PrepareCommit" || before.state === "PrepareAbort") return errorCodes.CONCURRENT_TRANSACTIONS;
      const next = withPartitions(before, partitions, this.#options.nowMs());
      if (next !== before) await this.#write(next);
      return errorCodes.NONE;
    });
  }

  /** AddOffsetsToTxn: the group's offsets become part of the transaction. */
  addOffsets(id: string, producer: ProducerIdentity, group: string): Promise<number> {
    return this.addPartitions(id, producer, [offsetsPartition(group)]);
  }

  /** EndTxn: answered when it is decided and the markers are written, or could not be at the first try. */
  async end(id: string, producer: ProducerIdentity, committed: boolean): Promise<number> {
    if (id === "") return errorCodes.INVALID_REQUEST;
    const answer = await this.#change<number | "prepared">(id, errorCodes.NOT_COORDINATOR, async () => {
      const before = this.#transactions.get(id);
      const fault = producerFault(before, producer);
      if (!before || fault !== errorCodes.NONE) return fault;
      const decision = decideEnd(before, committed);
      if (decision !== "prepare") return decision.errorCode;
      await this.#write(prepared(before, committed, this.#options.nowMs()));
      return "prepared";
    });
    if (answer !== "prepared") return answer;
    await this.#complete(id);
    return errorCodes.NONE;
  }

  /**
   * Whether what a producer writes belongs to an open transaction of its (KIP-890). NONE, or what the coordinator of Kafka finds:
   * TRANSACTION_ABORTABLE where the partition was not added.
   */
  verify(id: string, producer: ProducerIdentity, partition: TransactionPartition): number {
    if (id === "") return errorCodes.INVALID_REQUEST;
    const transaction = this.#transactions.get(id);
    const fault = producerFault(transaction, producer);
    if (!transaction || fault !== errorCodes.NONE) return fault;
    if (transaction.state === "PrepareCommit" || transaction.state === "PrepareAbort") return errorCodes.CONCURRENT_TRANSACTIONS;
    const isAdded = transaction.state === "Ongoing" && hasPartition(transaction, partition);
    return isAdded ? errorCodes.NONE : errorCodes.TRANSACTION_ABORTABLE;
  }

  /** Whether the producer has a transaction that is open or being ended, and that knows of the partition. */
  isKnown(producerId: number, { topic, partition }: TransactionPartition): boolean {
    for (const transaction of this.#transactions.values()) {
      const { state } = transaction;
      const isUnderWay = state === "Ongoing" || state === "PrepareCommit" || state === "PrepareAbort";
      if (transaction.producerId === producerId && isUnderWay) return hasPartition(transaction, { topic, partition });
    }
    return false;
  }

  /** Writes the markers of a decided transaction and closes it; one try at a time. Never rejects: what fails is tried again by `tend`. */
  #complete(id: string): Promise<void> {
    const running = this.#completing.get(id);
    if (running) return running;
    const attempt = this.#writeMarkers(id)
      .catch((thrown: unknown) => this.#options.onFailure(id, thrown))
      .finally(() => this.#completing.delete(id));
    this.#completing.set(id, attempt);
    return attempt;
  }

  async #writeMarkers(id: string): Promise<void> {
    const transaction = this.#transactions.get(id);
    if (transaction?.state !== "PrepareCommit" && transaction?.state !== "PrepareAbort") return;
    const committed = transaction.state === "PrepareCommit";
    const ended = ++this.#ended;
    failpoint("transaction.decided", ended);
    const hasOffsets = transaction.partitions.some(({ topic }) => topic === OFFSETS_TOPIC);
    const marked = this.#marked.get(id) ?? new Set();
    this.#marked.set(id, marked);
    const results = await Promise.allSettled([
      ...transaction.partitions.map(async (partition) => {
        if (marked.has(partition)) return;
        await this.#writeMarker(transaction, partition, committed);
        marked.add(partition);
        failpoint("transaction.marked", ended);
      }),
      ...(hasOffsets ? [this.#options.endOffsets(transaction.producerId, committed)] : []),
    ]);
    const failed = results.find((result) => result.status === "rejected");
    if (failed) throw failed.reason as Error;
    failpoint("transaction.complete", ended);
    await this.#exclusive(id, () => this.#write(completed(transaction, this.#options.nowMs())));
    this.#marked.delete(id);
  }

  async #writeMarker(transaction: Transaction, { topic, partition }: TransactionPartition, committed: boolean): Promise<void> {
    const log = this.#options.partition(topic, partition);
    if (!log) return;
    const { producerId, producerEpoch } = transaction;
    try {
      await appendMarker(log, { producerId, producerEpoch }, committed, COORDINATOR_EPOCH, this.#options.nowMs()).stored;
    } catch (thrown) {
      if (this.#options.partition(topic, partition) === log) throw thrown;
    }
  }

  async #completeAll(): Promise<void> {
    const decided = [...this.#transactions.values()].filter(({ state }) => state === "PrepareCommit" || state === "PrepareAbort");
    await Promise.all(decided.map(({ id }) => this.#complete(id)));
  }

  /**
   * What has to be done from time to time: transactions that have taken too long are aborted and their producers fenced, what could not be
   * completed is tried again, transactional ids that nobody has used for long are forgotten.
   */
  async tend(): Promise<void> {
    const nowMs = this.#options.nowMs();
    for (const { id, state, startMs, updatedMs, timeoutMs } of [...this.#transactions.values()]) {
      if (state === "Ongoing" && startMs + timeoutMs < nowMs) await this.#abortIfOverdue(id);
      else if (state !== "Ongoing" && nowMs - updatedMs >= this.#options.transactionalIdExpirationMs) await this.#forgetIfUnused(id);
    }
    await this.#completeAll();
  }

  #abortIfOverdue(id: string): Promise<void> {
    return this.#exclusive(id, async () => {
      const before = this.#transactions.get(id);
      const nowMs = this.#options.nowMs();
      if (before?.state !== "Ongoing" || before.startMs + before.timeoutMs >= nowMs) return;
      await this.#write(fenced(before, nowMs));
    });
  }

  #forgetIfUnused(id: string): Promise<void> {
    return this.#exclusive(id, async () => {
      const before = this.#transactions.get(id);
      const isUsed = before?.state === "Ongoing" || before?.state === "PrepareCommit" || before?.state === "PrepareAbort";
      if (!before || isUsed || this.#options.nowMs() - before.updatedMs < this.#options.transactionalIdExpirationMs) return;
      await this.#write({ id, gone: true });
    });
  }

  flush(): Promise<void> {
    return this.#journal.flush();
  }

  /** Waits for what is under way and closes the journal; open transactions stay open. */
  async close(): Promise<void> {
    await Promise.all([...this.#changes.values(), ...this.#completing.values()]);
    await this.#journal.close();
  }
}

/** Ends a producer's transaction in one partition. */
export function appendMarker(
  log: PartitionLog,
  { producerId, producerEpoch }: ProducerIdentity,
  committed: boolean,
  coordinatorEpoch: number,
  nowMs: number,
): { readonly stored: Promise<void> } {
  const marker = encodeControlMarker(committed ? "commit" : "abort", { id: producerId, epoch: producerEpoch }, coordinatorEpoch, nowMs);
  return log.append(readBatchHeader(marker, 0, marker.length) as BatchHeader, marker);
}
