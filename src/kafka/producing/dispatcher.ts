import type { HeadersToWrite } from "../../kafka-protocol/batch-builder.ts";
import { errorCodes } from "../../kafka-protocol/error-codes.ts";
import type { KafkaError } from "../kafka-error.ts";
import { BrokerLine } from "./broker-line.ts";
import type { DispatcherOptions } from "./dispatcher-options.ts";
import { judgeAnswer, mayBeStored } from "./judge-answer.ts";
import type { OutgoingBatch, Recipient } from "./outgoing-batch.ts";
import { OutgoingBatches } from "./outgoing-batches.ts";
import type { PartitionQueue } from "./partition-queue.ts";
import { hugeRecord, producerClosed, refusedBatch } from "./produce-failure.ts";
import { Recovery } from "./recovery.ts";
import { splitBatch } from "./split-batch.ts";
import { TopicDirectory } from "./topic-directory.ts";
import type { TopicQueues } from "./topic-queues.ts";

/** Brokers close the connection on more (socket.request.max.bytes). */
const RECORD_BYTES = 100 * 1024 * 1024 - 1024;
const CLOSE_PATIENCE_MS = 5000;

/**
 * Brings records to the leaders of their partitions: a batch is sent as soon as its leader has room for another request, and grows until then. One
 * request carries a batch of each partition of its leader, five requests are under way to each (`BrokerLine`). What can be tried again is, after a
 * growing pause and a look for the leader, under the same sequence numbers, so that brokers store it once (`Recovery`).
 */
export class Dispatcher {
  readonly #options: DispatcherOptions;
  readonly #closing = new AbortController();
  readonly #topics: TopicDirectory;
  readonly #recovery: Recovery;
  readonly #batches: OutgoingBatches;
  readonly #lines = new Map<number, BrokerLine>();
  #fatal: KafkaError | undefined;

  constructor(options: DispatcherOptions) {
    const { signal } = this.#closing;
    this.#options = options;
    this.#batches = new OutgoingBatches(options);
    this.#topics = new TopicDirectory(options, signal);
    const listener = {
      gaveUp: (batch: OutgoingBatch, error: KafkaError) => this.#failed(batch, error),
      recovered: (queue: PartitionQueue) => this.#offer(queue),
    };
    this.#recovery = new Recovery(options, this.#topics, listener, signal);
  }

  /** The topic's partitions, at once where they are known. Rejects with KAFKA_TOPIC, KAFKA_UNREACHABLE, KAFKA_NOT_ALLOWED. */
  topic(name: string): TopicQueues | Promise<TopicQueues> {
    const known = this.#topics.known(name);
    if (!known) return this.#topics.find(name);
    if (this.#topics.isStale(known)) this.#recovery.look(known);
    return known;
  }

  /** Adds one record to its partition. Nothing is sent before the batch is full, or due. Throws what ended the producer. */
  append(
    queue: PartitionQueue,
    key: string | Uint8Array | null,
    value: string | Uint8Array | null,
    timestampMs: number,
    headers: HeadersToWrite | undefined,
    recipient: Recipient,
  ): void {
    if (this.#fatal) throw this.#fatal;
    const size = (key === null ? 0 : key.length) + (value === null ? 0 : value.length) + 16;
    if (size > RECORD_BYTES) throw hugeRecord(queue.topic, size, RECORD_BYTES + 1024);
    if (queue.open && queue.open.builder.bytes + size > this.#options.batchBytes) this.#closeBatch(queue, queue.open);
    const batch = (queue.open ??= this.#batches.begin(queue, size, this.#options.clock.monotonicMs()));
    const { builder, shares } = batch;
    const share = shares[shares.length - 1];
    if (share?.recipient === recipient) share.count++;
    else {
      shares.push({ recipient, first: builder.count, count: 1 });
      recipient.expect(batch);
    }
    const before = builder.bytes;
    builder.append(key, value, timestampMs, headers);
    this.#batches.grew(builder.bytes - before);
  }

  /** The batch is sent when there is room for another request. */
  due(batch: OutgoingBatch): void {
    if (batch.isDue) return;
    batch.isDue = true;
    this.#offer(batch.queue);
  }

  /** Where too much is buffered: resolves when less is. */
  room(): Promise<void> | undefined {
    if (!this.#batches.isFull || this.#fatal) return undefined;
    for (const { queues } of this.#topics.all()) for (const { open } of queues) if (open) this.due(open);
    return this.#batches.room();
  }

  /** Waits some seconds for what is still being added and for what was sent; the rest fails with KAFKA_CLOSED. */
  async close(adding: Promise<unknown>): Promise<void> {
    const patience = new AbortController();
    const waited = this.#options.clock.sleep(CLOSE_PATIENCE_MS, patience.signal).catch(() => undefined);
    await Promise.race([this.#ended(adding), waited]);
    patience.abort();
    this.#end(producerClosed());
  }

  async #ended(adding: Promise<unknown>): Promise<void> {
    await adding;
    for (const batch of this.#batches.all()) this.due(batch);
    await this.#batches.ended();
  }

  #end(error: KafkaError): void {
    this.#fatal ??= error;
    this.#closing.abort(this.#fatal);
    for (const batch of this.#batches.all()) this.#failed(batch, this.#fatal);
    this.#batches.wake();
  }

  #closeBatch(queue: PartitionQueue, batch: OutgoingBatch): void {
    queue.open = undefined;
    queue.waiting.push(batch);
    this.#offer(queue);
    this.#lines.get(queue.leader)?.drain();
  }

  #offer(queue: PartitionQueue): void {
    const first = queue.isBlocked ? undefined : queue.sendable();
    if (!first) return;
    if (queue.leader < 0) this.#recovery.block(queue, refusedBatch(first, errorCodes.LEADER_NOT_AVAILABLE, null));
    else this.#lineTo(queue.leader).offer(queue);
  }

  #lineTo(id: number): BrokerLine {
    let line = this.#lines.get(id);
    if (!line) {
      const listener = {
        answered: this.#answered.bind(this),
        unanswered: this.#unanswered.bind(this),
        unreached: (queue: PartitionQueue, failure: KafkaError) => this.#recovery.unreached(queue, failure),
      };
      line = new BrokerLine(id, this.#options, listener, this.#closing.signal);
      this.#lines.set(id, line);
    }
    return line;
  }

  #answered(batch: OutgoingBatch, code: number, baseOffset: number, message: string | null): void {
    const { queue } = batch;
    queue.answered(batch);
    if (batch.isSettled) return;
    const refusal = (): KafkaError => refusedBatch(batch, code, message);
    switch (judgeAnswer(code, batch)) {
      case "stored":
        queue.failures = 0;
        if (queue.isFirst(batch)) queue.isUnproven = false;
        this.#stored(batch, baseOffset);
        break;
      case "out of sequence":
        this.#recovery.outOfSequence(batch, refusal());
        break;
      case "fenced":
        this.#end(refusal());
        break;
      case "in halves":
        this.#split(batch);
        break;
      case "again":
        if (mayBeStored(code)) batch.inDoubt = true;
        this.#recovery.tryAgain(batch, refusal());
        break;
      case "failed":
        this.#failed(batch, refusal());
    }
    this.#offer(queue);
  }

  #unanswered(batch: OutgoingBatch, failure: KafkaError): void {
    batch.queue.answered(batch);
    batch.inDoubt = true;
    this.#recovery.tryAgain(batch, failure);
  }

  /** The broker takes no batch as large as this: its halves go in its place, with its sequence numbers. */
  #split(batch: OutgoingBatch): void {
    const { queue } = batch;
    const halves = splitBatch(batch);
    for (const half of halves) this.#batches.add(half);
    queue.isUnproven = true;
    queue.putBack(...halves);
    this.#batches.settle(batch);
  }

  #stored(batch: OutgoingBatch, baseOffset: number): void {
    this.#batches.reuse(batch);
    this.#batches.settle(batch);
    const { topic, partition } = batch.queue;
    for (const { recipient, first } of batch.shares) recipient.stored(topic, partition, baseOffset < 0 ? -1 : baseOffset + first);
  }

  #failed(batch: OutgoingBatch, error: KafkaError): void {
    if (batch.isSettled) return;
    const { queue } = batch;
    if (queue.open === batch) queue.open = undefined;
    const at = queue.waiting.indexOf(batch);
    if (at >= 0) queue.waiting.splice(at, 1);
    this.#batches.settle(batch);
    for (const { recipient } of batch.shares) recipient.failed(error);
    if (batch.sequence < 0 || this.#fatal) return;
    queue.needsNewEpoch = true;
    this.#recovery.block(queue, error);
  }
}
