import { errorCodes } from "../../kafka-protocol/error-codes.ts";
import type { KafkaError } from "../kafka-error.ts";
import type { DispatcherOptions } from "./dispatcher-options.ts";
import type { OutgoingBatch } from "./outgoing-batch.ts";
import type { PartitionQueue, ProducerIdentity } from "./partition-queue.ts";
import { leftInDoubt, refusedBatch, triedInVain } from "./produce-failure.ts";
import { retryPauseMs } from "./retry-pause.ts";
import type { TopicDirectory } from "./topic-directory.ts";
import type { TopicQueues } from "./topic-queues.ts";

/** What recovery has done with what it was given. */
export interface RecoveryListener {
  /** The batch was tried in vain: nothing more comes of it. */
  gaveUp(batch: OutgoingBatch, error: KafkaError): void;
  /** The partition may be sent to again. */
  recovered(queue: PartitionQueue): void;
}

const LAST_EPOCH = 32_767;

/**
 * What happens to a partition after a failure: nothing more is sent to it for a pause, its leader is looked for, what has been tried often or long
 * enough fails, the rest is sent again under the same sequence, or under a new epoch where the sequence has a gap (KIP-98, KIP-360).
 */
export class Recovery {
  readonly #options: DispatcherOptions;
  readonly #topics: TopicDirectory;
  readonly #listener: RecoveryListener;
  readonly #closing: AbortSignal;

  constructor(options: DispatcherOptions, topics: TopicDirectory, listener: RecoveryListener, closing: AbortSignal) {
    this.#options = options;
    this.#topics = topics;
    this.#listener = listener;
    this.#closing = closing;
  }

  /** The batch is to be sent again. */
  tryAgain(batch: OutgoingBatch, failure: KafkaError): void {
    if (batch.isSettled) return;
    batch.attempts++;
    batch.queue.putBack(batch);
    this.block(batch.queue, failure);
  }

  /**
   * A batch behind one that failed is out of order until that one is stored. The first one is so only where the broker has lost what it knew: where
   * nothing of it can be in the log it begins a new epoch, and otherwise it fails, because sent again it might be stored twice.
   */
  outOfSequence(batch: OutgoingBatch, refusal: KafkaError): void {
    const { queue } = batch;
    if (!queue.isFirst(batch)) {
      queue.isUnproven = true;
      queue.putBack(batch);
    } else if (batch.inDoubt) this.#listener.gaveUp(batch, refusal);
    else {
      queue.needsNewEpoch = true;
      this.tryAgain(batch, refusal);
    }
  }

  /** Nothing of the queue could be sent. */
  unreached(queue: PartitionQueue, failure: KafkaError): void {
    countAttempt(queue);
    this.block(queue, failure);
  }

  /** Nothing more is sent to the partition before the pause is over and its leader is known. */
  block(queue: PartitionQueue, failure: KafkaError): void {
    queue.isUnproven = true;
    queue.lastFailure = failure;
    if (!queue.isBlocked) queue.failures++;
    queue.isBlocked = true;
    this.#giveUp(queue);
    const topic = this.#topics.topicOf(queue);
    if (topic) this.look(topic);
    else {
      for (const batch of [...queue.waiting]) this.#listener.gaveUp(batch, failure);
      queue.isBlocked = false;
    }
  }

  /** Looks for the topic's leaders until no partition is blocked any more; one look where none is. */
  look(topic: TopicQueues): void {
    if (!topic.isLooking) void this.#look(topic);
  }

  async #look(topic: TopicQueues): Promise<void> {
    topic.isLooking = true;
    const { clock, random } = this.#options;
    try {
      for (;;) {
        const blocked = topic.queues.filter((queue) => queue.isBlocked);
        const failures = Math.min(...blocked.map((queue) => queue.failures));
        await clock.sleep(blocked.length > 0 ? retryPauseMs(failures, random) : 0, this.#closing);
        const { failure, gone } = await this.#topics.refresh(topic);
        if (failure && gone) return this.#dropTopic(topic, failure);
        for (const queue of topic.queues) if (queue.isBlocked) await this.#unblock(queue, failure);
        if (!topic.queues.some((queue) => queue.isBlocked)) return;
      }
    } catch (thrown) {
      if (!this.#closing.aborted) throw thrown;
    } finally {
      topic.isLooking = false;
    }
  }

  #dropTopic(topic: TopicQueues, failure: KafkaError): void {
    for (const batch of topic.queues.flatMap(unsent)) this.#listener.gaveUp(batch, failure);
    this.#topics.forget(topic);
    for (const queue of topic.queues) queue.isBlocked = false;
  }

  async #unblock(queue: PartitionQueue, failure: KafkaError | undefined): Promise<void> {
    const first = queue.waiting[0] ?? queue.open;
    if (!first && queue.underWay.length === 0) failure = undefined;
    if (failure || (first && queue.leader < 0)) {
      queue.failures++;
      queue.lastFailure = failure ?? refusedBatch(first as OutgoingBatch, errorCodes.LEADER_NOT_AVAILABLE, null);
      countAttempt(queue);
      this.#giveUp(queue);
      return;
    }
    this.#giveUp(queue);
    if (queue.needsNewEpoch) {
      if (queue.underWay.length > 0) {
        queue.failures = Math.max(1, queue.failures);
        return;
      }
      for (const batch of [...queue.waiting]) if (batch.inDoubt) this.#listener.gaveUp(batch, leftInDoubt(batch, queue.lastFailure));
      const identity = await this.#nextIdentity(queue);
      if (!identity) return;
      queue.restart(identity);
    }
    queue.isBlocked = false;
    this.#listener.recovered(queue);
  }

  /** Fails what has been tried often enough, or for long enough. */
  #giveUp(queue: PartitionQueue): void {
    const { retries, deliveryTimeoutMs, clock } = this.#options;
    const failure = queue.lastFailure;
    const isFinal = failure?.code === "KAFKA_LOGIN" || failure?.code === "KAFKA_NOT_ALLOWED";
    const oldest = clock.monotonicMs() - deliveryTimeoutMs;
    for (const batch of unsent(queue)) {
      if (isFinal || batch.attempts > retries || batch.createdMs <= oldest) this.#listener.gaveUp(batch, triedInVain(batch, failure));
    }
  }

  /** The next epoch, or a new id where there is none; undefined where no broker gives one now. */
  async #nextIdentity(queue: PartitionQueue): Promise<ProducerIdentity | undefined> {
    const { id, epoch } = queue.identity;
    if (epoch < LAST_EPOCH) return { id, epoch: epoch + 1 };
    try {
      return await this.#options.cluster.initProducerId();
    } catch {
      queue.failures++;
      return undefined;
    }
  }
}

const unsent = ({ waiting, open }: PartitionQueue): OutgoingBatch[] => [...waiting, ...(open ? [open] : [])];

function countAttempt(queue: PartitionQueue): void {
  for (const batch of unsent(queue)) batch.attempts++;
}
