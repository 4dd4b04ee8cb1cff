import { systemClock, type Clock } from "../base/clock.ts";
import type { HeadersToWrite } from "../kafka-protocol/batch-builder.ts";
import { COMPRESSIONS, type Compression } from "../kafka-protocol/compression.ts";
import { KafkaError, unreachable } from "./kafka-error.ts";
import type { KafkaConnection } from "./kafkajs-adapter.ts";
import { createPartitioner } from "./partitioner.ts";
import { Delivery } from "./producing/delivery.ts";
import { Dispatcher } from "./producing/dispatcher.ts";
import { noSuchPartition, producerClosed } from "./producing/produce-failure.ts";
import { retryPauseMs } from "./producing/retry-pause.ts";
import type { TopicQueues } from "./producing/topic-queues.ts";
import { Cluster } from "./wire/cluster.ts";

/** One message to send. Without `partition` its key decides, as everywhere in Kafka; without `timestampMs` the moment of sending counts. */
export type KafkaRecord = {
  readonly key?: string | Uint8Array | null;
  readonly value: string | Uint8Array | null;
  readonly partition?: number;
  /** CreateTime, milliseconds since the epoch. */
  readonly timestampMs?: number;
  /** Several values of one name are sent as several headers. */
  readonly headers?: Readonly<Record<string, string | Uint8Array | readonly Uint8Array[]>>;
};

export type ProducerOptions = {
  /** A retried batch is not stored twice, and none overtakes it (true if not given). */
  readonly idempotent?: boolean;
  /** −1 (all) if not given; 0 and 1 only without idempotence. With 0 nobody says whether, and where, a message is stored. */
  readonly acks?: -1 | 0 | 1;
  /** How often a batch is tried again, with growing pauses of at most two seconds; as often as `deliveryTimeoutMs` allows if not given. */
  readonly retries?: number;
  /** How long a batch is tried; 120 000 (Kafka's delivery.timeout.ms) if not given. An attempt under way is waited for, 30 seconds at most. */
  readonly deliveryTimeoutMs?: number;
  /** How batches are packed; none if not given. kafkajs (and so `consumer`) reads none and gzip only; the engine and other clients read all. */
  readonly compression?: Compression;
  /** The largest batch of a partition, before it is packed; 512 KiB if not given. One message may be larger than that. */
  readonly batchBytes?: number;
  /** Messages that wait for an acknowledgement take so much memory at most, a batch for each partition apart; 8 MiB if not given. */
  readonly bufferBytes?: number;
  readonly clock?: Clock;
  /** Uniform in [0, 1), for the length of pauses; Math.random if not given. */
  readonly random?: () => number;
};

/** Where the records of a batch went: a `send` has one for each batch that it had a part in. −1 where the broker does not say. */
export type Appended = { readonly topic: string; readonly partition: number; readonly baseOffset: number };

/** Messages that are added one by one and acknowledged together. What is added is sent when a batch is full, and all of it by `end`. */
export interface KafkaDelivery {
  /**
   * Takes one message. Where a promise comes back the next message has to wait for it.
   * @throws KafkaError KAFKA_TOPIC, KAFKA_OPTION for a partition that is not there, KAFKA_CLOSED; here or from the promise
   */
  add(
    topic: string,
    key: string | Uint8Array | null,
    value: string | Uint8Array | null,
    timestampMs: number,
    partition?: number | null,
    headers?: HeadersToWrite,
  ): Promise<void> | undefined;
  /**
   * Resolves when the brokers have acknowledged every message.
   * @throws KafkaError of the first batch that was tried in vain, or the signal's reason; other messages may be stored all the same
   */
  end(signal?: AbortSignal): Promise<readonly Appended[]>;
}

/** Sends messages over connections of its own; any number of sends may be under way, and the messages of a partition keep the order of the calls. */
export interface KafkaProducer {
  /**
   * Resolves when the brokers have acknowledged every message.
   * @throws KafkaError when it was tried in vain; a signal's reason, where messages may be stored all the same
   */
  send(topic: string, records: readonly KafkaRecord[], signal?: AbortSignal): Promise<readonly Appended[]>;
  /** The same for messages that come one by one, with no object a message. */
  begin(): KafkaDelivery;
  /** Waits for what was sent, five seconds at most; what is left rejects with KAFKA_CLOSED. */
  close(): Promise<void>;
}

const CONNECT_PATIENCE_MS = 10_000;
const BATCH_BYTES = 512 * 1024;
const BUFFER_BYTES = 8 * 1024 * 1024;

/**
 * A producer with acks=all (labs.md A5), idempotent, whose partitions are Kafka's own for every key.
 * @throws KafkaError KAFKA_UNREACHABLE after ten seconds, KAFKA_LOGIN, KAFKA_OPTION
 */
export async function createProducer(connection: KafkaConnection, options: ProducerOptions = {}): Promise<KafkaProducer> {
  const { acks = -1, clock = systemClock, random = Math.random, retries = Infinity } = options;
  const idempotent = options.idempotent ?? options.acks === undefined;
  if (idempotent && acks !== -1) {
    throw new KafkaError("KAFKA_OPTION", {
      failed: "Cannot open a producer",
      found: `idempotence is asked for with acks ${acks}`,
      remedy: "Leave acks out, or set idempotent to false.",
    });
  }
  const { compression = "none" } = options;
  if (!COMPRESSIONS.includes(compression)) {
    throw new KafkaError("KAFKA_OPTION", {
      failed: "Cannot open a producer",
      found: `compression is "${compression}"`,
      remedy: `Set it to ${COMPRESSIONS.join(", ")}.`,
    });
  }
  const cluster = new Cluster(connection, clock);
  try {
    const identity = await patiently(clock, random, retries, async () => {
      if (idempotent) return cluster.initProducerId();
      await cluster.partitions([]);
      return undefined;
    });
    const dispatcher = new Dispatcher({
      cluster,
      clock,
      random,
      identity,
      acks,
      retries,
      compression,
      batchBytes: options.batchBytes ?? BATCH_BYTES,
      bufferBytes: options.bufferBytes ?? BUFFER_BYTES,
      deliveryTimeoutMs: options.deliveryTimeoutMs ?? 120_000,
    });
    return new Producer(cluster, dispatcher, clock);
  } catch (thrown) {
    await cluster.close();
    throw thrown;
  }
}

/** A broker that is starting up is waited for. */
async function patiently<T>(clock: Clock, random: () => number, retries: number, attempt: () => Promise<T>): Promise<T> {
  const deadline = clock.monotonicMs() + CONNECT_PATIENCE_MS;
  for (let failures = 1; ; failures++) {
    try {
      return await attempt();
    } catch (thrown) {
      const failure = thrown instanceof KafkaError ? thrown : unreachable(["the brokers"], thrown);
      const canWait = failure.code === "KAFKA_UNREACHABLE" || failure.code === "KAFKA_REQUEST";
      if (!canWait || failures > retries || clock.monotonicMs() >= deadline) throw failure;
    }
    await clock.sleep(retryPauseMs(failures, random));
  }
}

class Producer implements KafkaProducer {
  readonly #cluster: Cluster;
  readonly #dispatcher: Dispatcher;
  readonly #clock: Clock;
  readonly #choose = createPartitioner();
  /** Sends to a topic whose records could not be added at once: later ones stand behind them. */
  readonly #queues = new Map<string, Promise<unknown>>();
  #isClosed = false;

  constructor(cluster: Cluster, dispatcher: Dispatcher, clock: Clock) {
    this.#cluster = cluster;
    this.#dispatcher = dispatcher;
    this.#clock = clock;
  }

  begin(): KafkaDelivery {
    if (this.#isClosed) throw producerClosed();
    return new Delivery(this.#dispatcher, this.#choose);
  }

  async send(topic: string, records: readonly KafkaRecord[], signal?: AbortSignal): Promise<readonly Appended[]> {
    signal?.throwIfAborted();
    if (this.#isClosed) throw producerClosed();
    if (records.length === 0) return [];
    const delivery = new Delivery(this.#dispatcher, this.#choose);
    try {
      const before = this.#queues.get(topic);
      const known = before ?? this.#dispatcher.topic(topic);
      const rest =
        known instanceof Promise
          ? known.then(() => this.#addAll(delivery, topic, records, signal))
          : this.#addFrom(delivery, known, records, 0, signal);
      if (rest) await this.#queue(topic, rest);
    } catch (thrown) {
      delivery.end().catch(() => undefined);
      throw thrown;
    }
    return delivery.end(signal);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#dispatcher.close(Promise.all(this.#queues.values()));
    await this.#cluster.close();
  }

  #queue(topic: string, adding: Promise<void>): Promise<void> {
    const last = adding.catch(() => undefined).finally(() => this.#queues.get(topic) === last && this.#queues.delete(topic));
    this.#queues.set(topic, last);
    return adding;
  }

  async #addAll(delivery: Delivery, name: string, records: readonly KafkaRecord[], signal: AbortSignal | undefined): Promise<void> {
    signal?.throwIfAborted();
    await this.#addFrom(delivery, await this.#dispatcher.topic(name), records, 0, signal);
  }

  /** Adds the records from `start` on: at once as far as there is room, the rest as room is made. */
  #addFrom(
    delivery: Delivery,
    topic: TopicQueues,
    records: readonly KafkaRecord[],
    start: number,
    signal: AbortSignal | undefined,
  ): Promise<void> | undefined {
    if (start === 0) {
      const count = topic.queues.length;
      for (const { partition } of records) {
        if (partition !== undefined && !(partition >= 0 && partition < count))
          return Promise.reject(noSuchPartition(topic.name, partition, count));
      }
    }
    const nowMs = Math.floor(this.#clock.nowMs());
    for (let i = start; i < records.length; i++) {
      const { key = null, value, timestampMs = nowMs, partition, headers } = records[i] as KafkaRecord;
      const full = delivery.add(topic.name, key, value, timestampMs, partition, headers && headersOf(headers));
      if (!full) continue;
      return full.then(() => {
        signal?.throwIfAborted();
        return this.#addFrom(delivery, topic, records, i + 1, signal);
      });
    }
    return undefined;
  }
}

function headersOf(headers: NonNullable<KafkaRecord["headers"]>): HeadersToWrite {
  const list: (readonly [string, string | Uint8Array])[] = [];
  for (const [name, value] of Object.entries(headers)) {
    if (Array.isArray(value)) for (const one of value as readonly Uint8Array[]) list.push([name, one]);
    else list.push([name, value as string | Uint8Array]);
  }
  return list;
}
