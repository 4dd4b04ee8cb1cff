import { stampProducer } from "../../kafka-protocol/batch-builder.ts";
import { errorCodes } from "../../kafka-protocol/error-codes.ts";
import { produceApi } from "../../kafka-protocol/messages/produce.ts";
import { KafkaError, unreachable } from "../kafka-error.ts";
import type { BrokerConnection } from "../wire/broker-connection.ts";
import type { DispatcherOptions } from "./dispatcher-options.ts";
import type { OutgoingBatch } from "./outgoing-batch.ts";
import type { PartitionQueue } from "./partition-queue.ts";

/** Who is told what a broker says of the batches that were sent to it. */
export interface BrokerListener {
  answered(batch: OutgoingBatch, code: number, baseOffset: number, message: string | null): void;
  /** The batch was sent, and no answer came. */
  unanswered(batch: OutgoingBatch, failure: KafkaError): void;
  /** The broker cannot be reached; nothing of the queue was sent to it. */
  unreached(queue: PartitionQueue, failure: KafkaError): void;
}

/** With more, brokers could not tell a batch that comes again: they remember five of a producer (KIP-98). */
const REQUESTS_UNDER_WAY = 5;
const REQUEST_BYTES = 4 * 1024 * 1024;
const REQUEST_TIMEOUT_MS = 20_000;

/** The way to one broker: its connection, the requests under way to it, and the partitions that may have something to be sent. */
export class BrokerLine {
  readonly #id: number;
  readonly #options: DispatcherOptions;
  readonly #listener: BrokerListener;
  readonly #closing: AbortSignal;
  readonly #ready = new Set<PartitionQueue>();
  #connection: BrokerConnection | undefined;
  #isConnecting = false;
  #isThrottled = false;
  #isKicked = false;
  #requests = 0;

  constructor(id: number, options: DispatcherOptions, listener: BrokerListener, closing: AbortSignal) {
    this.#id = id;
    this.#options = options;
    this.#listener = listener;
    this.#closing = closing;
  }

  /** The partition has something to be sent; it goes at the end of this turn, so that what is sent together goes together. */
  offer(queue: PartitionQueue): void {
    this.#ready.add(queue);
    this.#kick();
  }

  /** Sends what there is, as far as there is room for requests. */
  drain(): void {
    while (this.#ready.size > 0 && this.#requests < REQUESTS_UNDER_WAY && !this.#isThrottled && !this.#isConnecting) {
      if (this.#closing.aborted) return;
      if (!this.#connection || this.#connection.closed) return void this.#connect();
      const batches = this.#take();
      if (batches.length > 0) void this.#send(this.#connection, batches);
    }
  }

  #kick(): void {
    if (this.#isKicked) return;
    this.#isKicked = true;
    queueMicrotask(() => {
      this.#isKicked = false;
      this.drain();
    });
  }

  /** A batch of each partition that this broker leads, as many as go into one request. */
  #take(): OutgoingBatch[] {
    const taken: OutgoingBatch[] = [];
    const more: PartitionQueue[] = [];
    let bytes = 0;
    for (const queue of this.#ready) {
      const batch = queue.leader === this.#id ? queue.sendable() : undefined;
      if (batch && bytes > 0 && bytes + batch.builder.bytes > REQUEST_BYTES) break;
      this.#ready.delete(queue);
      if (!batch) continue;
      bytes += batch.builder.bytes;
      taken.push(queue.take());
      if (queue.sendable()) more.push(queue);
    }
    for (const queue of more) this.#ready.add(queue);
    return taken;
  }

  async #connect(): Promise<void> {
    this.#isConnecting = true;
    this.#connection = undefined;
    let failure: KafkaError | undefined;
    try {
      this.#connection = await this.#options.cluster.connection(this.#id, "produce");
    } catch (thrown) {
      failure = this.#failureOf(thrown);
    }
    this.#isConnecting = false;
    if (failure) {
      for (const queue of this.#ready) if (queue.leader === this.#id) this.#listener.unreached(queue, failure);
      this.#ready.clear();
    }
    this.#kick();
  }

  async #send(connection: BrokerConnection, batches: readonly OutgoingBatch[]): Promise<void> {
    const { acks } = this.#options;
    this.#requests++;
    const body = { transactionalId: null, acks, timeoutMs: REQUEST_TIMEOUT_MS, topicData: this.#topicData(batches) };
    try {
      if (acks === 0) {
        await connection.post(produceApi, body);
        this.#requests--;
        for (const batch of batches) this.#listener.answered(batch, errorCodes.NONE, -1, null);
      } else {
        const unanswered = new Map(batches.map((batch) => [`${batch.queue.topic} ${batch.queue.partition}`, batch]));
        const answer = await connection.request(produceApi, body);
        this.#requests--;
        if (answer.throttleTimeMs > 0) void this.#throttle(answer.throttleTimeMs);
        for (const { name, partitionResponses } of answer.responses) {
          for (const { index, errorCode, baseOffset, errorMessage } of partitionResponses) {
            const batch = unanswered.get(`${name} ${index}`);
            unanswered.delete(`${name} ${index}`);
            if (batch) this.#listener.answered(batch, errorCode, baseOffset, errorMessage);
          }
        }
        for (const batch of unanswered.values())
          this.#listener.answered(batch, errorCodes.NETWORK_EXCEPTION, -1, "the answer leaves the partition out");
      }
    } catch (thrown) {
      this.#requests--;
      const failure = this.#failureOf(thrown);
      for (const batch of batches) this.#listener.unanswered(batch, failure);
    }
    this.#kick();
  }

  /** The batches as a request has them, sealed and with their producer's numbers. */
  #topicData(batches: readonly OutgoingBatch[]): { name: string; partitionData: { index: number; records: Buffer }[] }[] {
    const byTopic = new Map<string, { index: number; records: Buffer }[]>();
    for (const batch of batches) {
      const { queue } = batch;
      const records = (batch.sealed ??= batch.builder.seal(this.#options.compression));
      queue.lastBytes = batch.builder.bytes;
      stampProducer(records, queue.identity.id, queue.identity.epoch, batch.sequence);
      const entry = { index: queue.partition, records };
      const entries = byTopic.get(queue.topic);
      if (entries) entries.push(entry);
      else byTopic.set(queue.topic, [entry]);
    }
    return [...byTopic].map(([name, partitionData]) => ({ name, partitionData }));
  }

  /** A broker that asks to be left alone for a while is (KIP-219). */
  async #throttle(throttleMs: number): Promise<void> {
    this.#isThrottled = true;
    await this.#options.clock.sleep(throttleMs, this.#closing).catch(() => undefined);
    this.#isThrottled = false;
    this.#kick();
  }

  #failureOf(thrown: unknown): KafkaError {
    return thrown instanceof KafkaError ? thrown : unreachable([`node ${this.#id}`], thrown);
  }
}
