import { createKafkaJs, translateConnect, type KafkaConnection } from "./kafkajs-adapter.ts";
import { createConsumer, type ConsumerOptions, type KafkaConsumer } from "./consumer.ts";
import { createProducer, type KafkaProducer, type ProducerOptions } from "./producer.ts";
import { createTopicAdmin, type TopicAdmin } from "./topics.ts";

/** What programs use of Kafka. Everything opened through a client is closed by its `close`. */
export interface KafkaClient {
  readonly brokers: readonly string[];
  readonly topics: TopicAdmin;
  producer(options?: ProducerOptions): Promise<KafkaProducer>;
  consumer(options: ConsumerOptions): Promise<KafkaConsumer>;
  close(): Promise<void>;
}

/**
 * Connects to a cluster and fails at once, with what to do, where none answers.
 * @throws KafkaError KAFKA_UNREACHABLE, KAFKA_LOGIN, KAFKA_TLS
 */
export async function connectKafka(connection: KafkaConnection): Promise<KafkaClient> {
  const { brokers } = connection;
  const admin = createKafkaJs(connection, 2).admin();
  try {
    await admin.connect();
    await admin.describeCluster();
  } catch (thrown) {
    await admin.disconnect().catch(() => undefined);
    throw translateConnect(thrown, connection);
  }
  const open = new Set<{ close(): Promise<void> }>([{ close: () => admin.disconnect() }]);
  const kept = <T extends { close(): Promise<void> }>(resource: T): T => {
    open.add(resource);
    return resource;
  };
  return {
    brokers,
    topics: createTopicAdmin(admin, brokers),
    producer: async (options) => kept(await createProducer(connection, options)),
    consumer: async (options) => kept(await createConsumer(connection, options)),
    close: async () => {
      const closing = [...open].reverse();
      open.clear();
      await Promise.all(closing.map((resource) => resource.close()));
    },
  };
}

/** The addresses of a bootstrap list as people write it: "host:port, host:port". */
export function parseBrokers(list: string): string[] {
  return list
    .split(",")
    .map((address) => address.trim())
    .filter((address) => address !== "");
}
