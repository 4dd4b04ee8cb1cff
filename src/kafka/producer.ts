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
  /** Several values of one name are sent as several headers. */
  readonly headers?: Readonly<Record<string, string | Uint8Array | readonly Uint8Array[]>>;
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

/** Sends messages; every `send` is one batch a partition, or several in turn where there are many. */
export interface KafkaProducer {
  /**
   * Resolves when the brokers have acknowledged every message.
   * @throws KafkaError when it was tried in vain
   */
  send(topic: string, records: readonly KafkaRecord[]): Promise<readonly Appended[]>;
  close(): Promise<void>;
}

/**
 * A producer with acks=all (labs.md A5), idempotent, whose partitions are Kafka's own for every key. An idempotent one sends one batch after the
 * other, retries included: kafkajs would let another batch in between with the sequence numbers of the one that is tried again, which brokers
 * refuse (OUT_OF_ORDER_SEQUENCE_NUMBER, for good) or, where both are of one size, take for a duplicate.
 */
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
  const sendNow = async (topic: string, records: readonly KafkaRecord[]): Promise<readonly Appended[]> => {
    if (records.length === 0) return [];
    const appended: Appended[] = [];
    for (const messages of cutBySize(records)) {
      const sent = producer.send({ topic, acks: options.acks ?? -1, messages });
      const answers = await translated(sent, `Cannot send ${records.length} messages to "${topic}"`, brokers, topic);
      for (const { topicName, partition, baseOffset } of answers) {
        appended.push({ topic: topicName, partition, baseOffset: Number(baseOffset ?? -1) });
      }
    }
    return appended;
  };
  let before: Promise<unknown> = Promise.resolve();
  return {
    send: (topic, records) => {
      if (!idempotent) return sendNow(topic, records);
      const sent = before.then(() => sendNow(topic, records));
      before = sent.catch(() => undefined);
      return sent;
    },
    close: () => producer.disconnect(),
  };
}

/** Stays below the broker's default of 1 MiB a batch, were all messages for one partition. */
const BATCH_BYTES = 900_000;
/** kafkajs sorts the messages of a call by partition in a time that grows with the square of their number: 5000 a call took twice as long in all. */
const CALL_RECORDS = 500;
/** At most what a record adds to its key and value without headers. */
const RECORD_OVERHEAD_BYTES = 40;

function* cutBySize(records: readonly KafkaRecord[]): Generator<Message[]> {
  let messages: Message[] = [];
  let bytes = 0;
  for (const record of records) {
    const size = RECORD_OVERHEAD_BYTES + byteLength(record.key ?? null) + byteLength(record.value);
    if (messages.length === CALL_RECORDS || (bytes + size > BATCH_BYTES && messages.length > 0)) {
      yield messages;
      messages = [];
      bytes = 0;
    }
    messages.push(toMessage(record));
    bytes += size;
  }
  yield messages;
}

const byteLength = (value: string | Uint8Array | null): number =>
  value === null ? 0 : typeof value === "string" ? Buffer.byteLength(value) : value.length;

function toMessage(record: KafkaRecord): Message {
  const message: Message = { key: sendable(record.key ?? null), value: sendable(record.value) };
  if (record.partition !== undefined) message.partition = record.partition;
  if (record.timestampMs !== undefined) message.timestamp = String(record.timestampMs);
  if (record.headers) {
    const headers: IHeaders = {};
    for (const [name, value] of Object.entries(record.headers))
      headers[name] = Array.isArray(value)
        ? (value as readonly Uint8Array[]).map((one) => sendable(one) as Buffer)
        : (sendable(value as string | Uint8Array) as string | Buffer);
    message.headers = headers;
  }
  return message;
}

function sendable(value: string | Uint8Array | null): string | Buffer | null {
  if (value === null || typeof value === "string" || Buffer.isBuffer(value)) return value;
  return Buffer.from(value.buffer, value.byteOffset, value.byteLength);
}
