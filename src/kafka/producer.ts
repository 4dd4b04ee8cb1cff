import type { IHeaders, Message } from "kafkajs";
import { createKafkaJs, translated, type KafkaConnection } from "./kafkajs-adapter.ts";
import { createPartitioner } from "./partitioner.ts";

/** One message to send. Without `partition` its key decides, as everywhere in Kafka; without `timestampMs` the moment of sending counts. */
export type KafkaRecord = {
  readonly key?: string | Uint8Array | null;
  readonly value: string | Uint8Array | null;
  readonly partition?: number;
  /** CreateTime, milliseconds since the epoch. */
  readonly timestampMs?: number;
  readonly headers?: Readonly<Record<string, string | Uint8Array>>;
};

export type ProducerOptions = {
  /** A retried batch is not stored twice (true if not given). */
  readonly idempotent?: boolean;
  /** −1 (all) if not given; 0 and 1 only without idempotence. */
  readonly acks?: -1 | 0 | 1;
  /** How often a batch is tried again, with growing pauses of at most two seconds; 8 if not given. */
  readonly retries?: number;
};

/** Where a batch went. */
export type Appended = { readonly topic: string; readonly partition: number; readonly baseOffset: number };

/** Sends messages; every `send` is one batch a partition. */
export interface KafkaProducer {
  /**
   * Resolves when the brokers have acknowledged every message.
   * @throws KafkaError when it was tried in vain
   */
  send(topic: string, records: readonly KafkaRecord[]): Promise<readonly Appended[]>;
  close(): Promise<void>;
}

/** A producer with acks=all (labs.md A5), idempotent, whose partitions are Kafka's own for every key. */
export async function createProducer(connection: KafkaConnection, options: ProducerOptions = {}): Promise<KafkaProducer> {
  const { brokers } = connection;
  const idempotent = options.idempotent ?? options.acks === undefined;
  const producer = createKafkaJs(connection, options.retries).producer({
    idempotent,
    allowAutoTopicCreation: false,
    ...(idempotent ? { maxInFlightRequests: 1 } : {}),
    createPartitioner: () => {
      const choose = createPartitioner();
      return ({ partitionMetadata, message }) => message.partition ?? choose(message.key ?? null, partitionMetadata.length);
    },
  });
  await translated(producer.connect(), "Cannot connect a producer", brokers);
  return {
    send: async (topic, records) => {
      if (records.length === 0) return [];
      const sent = producer.send({ topic, acks: options.acks ?? -1, messages: records.map(toMessage) });
      const answers = await translated(sent, `Cannot send ${records.length} messages to "${topic}"`, brokers, topic);
      return answers.map((answer) => ({
        topic: answer.topicName,
        partition: answer.partition,
        baseOffset: Number(answer.baseOffset ?? -1),
      }));
    },
    close: () => producer.disconnect(),
  };
}

function toMessage(record: KafkaRecord): Message {
  const message: Message = { key: sendable(record.key ?? null), value: sendable(record.value) };
  if (record.partition !== undefined) message.partition = record.partition;
  if (record.timestampMs !== undefined) message.timestamp = String(record.timestampMs);
  if (record.headers) {
    const headers: IHeaders = {};
    for (const [name, value] of Object.entries(record.headers)) headers[name] = sendable(value) as string | Buffer;
    message.headers = headers;
  }
  return message;
}

function sendable(value: string | Uint8Array | null): string | Buffer | null {
  if (value === null || typeof value === "string" || Buffer.isBuffer(value)) return value;
  return Buffer.from(value.buffer, value.byteOffset, value.byteLength);
}
