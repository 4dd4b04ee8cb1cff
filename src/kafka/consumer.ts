import kafkajs, { type IHeaders } from "kafkajs";
import { compress, decompress, type Compression } from "../kafka-protocol/compression.ts";
import { createKafkaJs, translated, type KafkaConnection } from "./kafkajs-adapter.ts";

export type ConsumerOptions = {
  readonly groupId: string;
  /** Names, or patterns for the topics that there are when it joins. */
  readonly topics: readonly (string | RegExp)[];
  /** Where a group starts that has no committed offset: false (latest) if not given. */
  readonly fromBeginning?: boolean;
  /** Whether messages of transactions that are open or were aborted are left out: true if not given. */
  readonly readCommitted?: boolean;
};

/** One message as it was received. */
export type ReceivedRecord = {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  /** Milliseconds since the epoch. */
  readonly timestampMs: number;
  /** 0 CreateTime, 1 LogAppendTime; not known of messages that kafkajs has read. */
  readonly timestampType?: 0 | 1;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers: readonly (readonly [name: string, value: Buffer | null])[];
};

/** A member of a consumer group. */
export interface KafkaConsumer {
  /**
   * Joins the group and hands over batches, one partition at a time; offsets are committed after the handler has resolved: of all messages, or of
   * the first so many where it resolves with a number. `onCrash` hears of a failure that ends the consumption.
   */
  run(onRecords: (records: readonly ReceivedRecord[]) => Promise<number | void>, onCrash?: (thrown: unknown) => void): Promise<void>;
  /** Leaves the group. */
  close(): Promise<void>;
}

/** kafkajs packs and unpacks gzip only; the others it asks for here. */
function registerCodecs(): void {
  const { CompressionCodecs, CompressionTypes } = kafkajs;
  const codec = (compression: Compression): (() => unknown) => {
    const both = {
      compress: (encoder: { readonly buffer: Buffer }) => Promise.resolve(compress(compression, encoder.buffer)),
      decompress: (bytes: Buffer) => Promise.resolve(decompress(compression, bytes)),
    };
    return () => both;
  };
  CompressionCodecs[CompressionTypes.Snappy] = codec("snappy");
  CompressionCodecs[CompressionTypes.LZ4] = codec("lz4");
  CompressionCodecs[CompressionTypes.ZSTD] = codec("zstd");
}

function headersOf(headers: IHeaders | undefined): ReceivedRecord["headers"] {
  return Object.entries(headers ?? {}).flatMap(([name, value]) =>
    (Array.isArray(value) ? value : [value]).map((one): readonly [string, Buffer | null] => [
      name,
      one === undefined ? null : Buffer.from(one),
    ]),
  );
}

/** A consumer in a group (labs.md E4), behind kafkajs. It reads every codec. */
export async function createConsumer(connection: KafkaConnection, options: ConsumerOptions): Promise<KafkaConsumer> {
  registerCodecs();
  const { brokers } = connection;
  const consumer = createKafkaJs(connection).consumer({
    groupId: options.groupId,
    allowAutoTopicCreation: false,
    maxWaitTimeInMs: 500,
    readUncommitted: options.readCommitted === false,
  });
  const doing = `Cannot consume as group "${options.groupId}"`;
  await translated(consumer.connect(), doing, brokers);
  await translated(
    consumer.subscribe({ topics: [...options.topics], fromBeginning: options.fromBeginning ?? false }),
    doing,
    brokers,
    String(options.topics[0]),
  );
  return {
    run: async (onRecords, onCrash) => {
      if (onCrash) consumer.on(consumer.events.CRASH, (event) => onCrash(event.payload.error));
      const running = consumer.run({
        eachBatchAutoResolve: false,
        eachBatch: async ({ batch, resolveOffset }) => {
          const taken = await onRecords(
            batch.messages.map((message) => ({
              topic: batch.topic,
              partition: batch.partition,
              offset: Number(message.offset),
              timestampMs: Number(message.timestamp),
              key: message.key,
              value: message.value,
              headers: headersOf(message.headers),
            })),
          );
          const last = typeof taken === "number" ? batch.messages[taken - 1]?.offset : batch.lastOffset();
          if (last !== undefined) resolveOffset(last);
        },
      });
      await translated(running, doing, brokers);
    },
    close: () => consumer.disconnect(),
  };
}
