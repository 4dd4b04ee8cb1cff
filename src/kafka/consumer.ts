import { createKafkaJs, translated, type KafkaConnection } from "./kafkajs-adapter.ts";

export type ConsumerOptions = {
  readonly groupId: string;
  readonly topics: readonly string[];
  /** Where a group starts that has no committed offset: false (latest) if not given. */
  readonly fromBeginning?: boolean;
};

/** One message as it was received. */
export type ReceivedRecord = {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  /** Milliseconds since the epoch. */
  readonly timestampMs: number;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
};

/** A member of a consumer group. */
export interface KafkaConsumer {
  /**
   * Joins the group and hands over batches, one partition at a time; offsets are committed after the handler has resolved. `onCrash` hears of
   * a failure that ends the consumption.
   */
  run(onRecords: (records: readonly ReceivedRecord[]) => Promise<void>, onCrash?: (thrown: unknown) => void): Promise<void>;
  /** Leaves the group. */
  close(): Promise<void>;
}

/** A consumer in a group (labs.md E4), behind kafkajs. */
export async function createConsumer(connection: KafkaConnection, options: ConsumerOptions): Promise<KafkaConsumer> {
  const { brokers } = connection;
  const consumer = createKafkaJs(connection).consumer({ groupId: options.groupId, allowAutoTopicCreation: false, maxWaitTimeInMs: 500 });
  const doing = `Cannot consume as group "${options.groupId}"`;
  await translated(consumer.connect(), doing, brokers);
  await translated(
    consumer.subscribe({ topics: [...options.topics], fromBeginning: options.fromBeginning ?? false }),
    doing,
    brokers,
    options.topics[0],
  );
  return {
    run: async (onRecords, onCrash) => {
      if (onCrash) consumer.on(consumer.events.CRASH, (event) => onCrash(event.payload.error));
      const running = consumer.run({
        eachBatch: ({ batch }) =>
          onRecords(
            batch.messages.map((message) => ({
              topic: batch.topic,
              partition: batch.partition,
              offset: Number(message.offset),
              timestampMs: Number(message.timestamp),
              key: message.key,
              value: message.value,
            })),
          ),
      });
      await translated(running, doing, brokers);
    },
    close: () => consumer.disconnect(),
  };
}
