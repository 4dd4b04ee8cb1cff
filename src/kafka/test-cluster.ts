import kafkajs, { type Producer } from "kafkajs";
import { mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { startBroker, type Broker } from "../broker/broker.ts";
import { connectKafka, type KafkaClient } from "./connect-kafka.ts";
import { createKafkaJs } from "./kafkajs-adapter.ts";

/** The development broker in this process, with what suites need around it. Only for tests. */
export interface TestCluster {
  readonly address: string;
  readonly client: KafkaClient;
  /** Values in one batch a call, in the given partition; the value is also the key. */
  append(topic: string, partition: number, values: readonly (string | null)[], options?: { readonly gzip?: boolean }): Promise<void>;
  /** Ends the broker; `up` starts it again on the same port and folder. */
  down(): Promise<void>;
  up(): Promise<void>;
  close(): Promise<void>;
}

export async function startTestCluster(): Promise<TestCluster> {
  const dataDir = await mkdtemp(path.join(os.tmpdir(), "streamlab-kafka-"));
  let broker: Broker = await startBroker({ dataDir, autoCreateTopics: false });
  const { address, port } = broker;
  const client = await connectKafka({ brokers: [address] });
  let producer: Producer | undefined;
  return {
    address,
    client,
    append: async (topic, partition, values, options = {}) => {
      if (!producer) {
        producer = createKafkaJs({ brokers: [address] }).producer();
        await producer.connect();
      }
      await producer.send({
        topic,
        messages: values.map((value, i) => ({ key: value, value, partition, timestamp: String(1000 + i) })),
        ...(options.gzip ? { compression: kafkajs.CompressionTypes.GZIP } : {}),
      });
    },
    down: () => broker.close(),
    up: async () => {
      broker = await startBroker({ dataDir, port, autoCreateTopics: false });
    },
    close: async () => {
      await producer?.disconnect();
      await client.close();
      await broker.close();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}
