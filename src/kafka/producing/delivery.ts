import type { HeadersToWrite } from "../../kafka-protocol/batch-builder.ts";
import type { KafkaError } from "../kafka-error.ts";
import type { Appended } from "../producer.ts";
import type { Dispatcher } from "./dispatcher.ts";
import type { OutgoingBatch, Recipient } from "./outgoing-batch.ts";
import { noSuchPartition } from "./produce-failure.ts";
import type { TopicQueues } from "./topic-queues.ts";

type Field = string | Uint8Array | null;

/** So many batches are kept in mind before those are forgotten of which nothing more is to come. */
const REMEMBERED_BATCHES = 64;

/** The messages of one `send`, or of one stretch of a sink's rows: added one by one, acknowledged together. */
export class Delivery implements Recipient {
  readonly #dispatcher: Dispatcher;
  readonly #choose: (key: string | Uint8Array | null, partitions: number) => number;
  readonly #appended: Appended[] = [];
  #batches: OutgoingBatch[] = [];
  #topic: TopicQueues | undefined;
  #expected = 0;
  #failure: KafkaError | undefined;
  #settled: (() => void) | undefined;

  /** `choose` gives the partition of messages that name none. */
  constructor(dispatcher: Dispatcher, choose: (key: string | Uint8Array | null, partitions: number) => number) {
    this.#dispatcher = dispatcher;
    this.#choose = choose;
  }

  /** Adds one message. Where a promise comes back the next one has to wait for it; it rejects where the topic or partition is not there. */
  add(
    topic: string,
    key: Field,
    value: Field,
    timestampMs: number,
    partition?: number | null,
    headers?: HeadersToWrite,
  ): Promise<void> | undefined {
    if (this.#topic?.name !== topic) {
      const found = this.#dispatcher.topic(topic);
      if (found instanceof Promise) {
        return found.then((known) => {
          this.#topic = known;
          return this.add(topic, key, value, timestampMs, partition, headers);
        });
      }
      this.#topic = found;
    }
    const { queues } = this.#topic;
    const queue = queues[partition ?? this.#choose(key, queues.length)];
    if (!queue) return Promise.reject(noSuchPartition(topic, partition ?? 0, queues.length));
    this.#dispatcher.append(queue, key, value, timestampMs, headers, this);
    return this.#dispatcher.room();
  }

  /** Has everything sent, and resolves when all of it is acknowledged. Rejects with the first failure when nothing more is to come, or with the signal's reason. */
  async end(signal?: AbortSignal): Promise<readonly Appended[]> {
    for (const batch of this.#batches) this.#dispatcher.due(batch);
    this.#batches = [];
    if (this.#expected > 0) {
      await new Promise<void>((resolve, reject) => {
        const onAbort = (): void => reject(signal?.reason as Error);
        this.#settled = () => {
          signal?.removeEventListener("abort", onAbort);
          resolve();
        };
        if (signal?.aborted) onAbort();
        else signal?.addEventListener("abort", onAbort, { once: true });
      });
    }
    if (this.#failure) throw this.#failure;
    return this.#appended;
  }

  expect(batch: OutgoingBatch): void {
    this.#expected++;
    if (this.#batches.length >= REMEMBERED_BATCHES) this.#batches = this.#batches.filter((one) => one === one.queue.open);
    this.#batches.push(batch);
  }

  stored(topic: string, partition: number, baseOffset: number): void {
    this.#appended.push({ topic, partition, baseOffset });
    this.#answered();
  }

  failed(error: KafkaError): void {
    this.#failure ??= error;
    this.#answered();
  }

  #answered(): void {
    if (--this.#expected === 0) this.#settled?.();
  }
}
