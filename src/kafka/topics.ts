import kafkajs, { type Admin } from "kafkajs";
import { type Clock, systemClock } from "../base/clock.ts";
import { protocolType, translated } from "./kafkajs-adapter.ts";
import { KafkaError, unknownTopic } from "./kafka-error.ts";

export type TopicSpec = {
  readonly topic: string;
  /** 3 if not given. */
  readonly partitions?: number;
  /** 1 if not given. */
  readonly replicationFactor?: number;
  /** Kafka's own names: "retention.ms", "cleanup.policy" … */
  readonly config?: Readonly<Record<string, string>>;
};

export type PartitionDescription = {
  readonly partition: number;
  /** Node ids; −1 for a partition without leader. */
  readonly leader: number;
  readonly replicas: readonly number[];
  readonly isr: readonly number[];
};

export type TopicDescription = { readonly topic: string; readonly partitions: readonly PartitionDescription[] };

export type PartitionOffsets = { readonly partition: number; readonly earliest: number; readonly latest: number };

/** How long a new topic may be without leaders. */
const LEADERS_MS = 10_000;

/** What Kafka's own topic tool does (labs.md A3, B8, D1). */
export interface TopicAdmin {
  /** Every topic but Kafka's own (`__…`), sorted. */
  list(): Promise<readonly string[]>;
  /** True where it was made, false where it was there already; its partitions are then left as they are. */
  create(spec: TopicSpec): Promise<boolean>;
  /** All topics, or the given ones. @throws KafkaError KAFKA_TOPIC */
  describe(topics?: readonly string[]): Promise<readonly TopicDescription[]>;
  /** Raises the number of partitions. Keys change their partition from then on. */
  addPartitions(topic: string, partitions: number): Promise<void>;
  delete(topics: readonly string[]): Promise<void>;
  /** The first offset that is still there and the one that the next message gets, of every partition. */
  offsets(topic: string): Promise<readonly PartitionOffsets[]>;
  /** Settings that differ from the broker's defaults. */
  config(topic: string): Promise<Readonly<Record<string, string>>>;
  /** Sets some settings and keeps the others. */
  alterConfig(topic: string, config: Readonly<Record<string, string>>): Promise<void>;
}

/** The topic tool over a connected kafkajs admin. */
export function createTopicAdmin(admin: Admin, brokers: readonly string[], clock: Clock = systemClock): TopicAdmin {
  const run = <T>(operation: Promise<T>, doing: string, topic?: string): Promise<T> => translated(operation, doing, brokers, topic);
  const resource = (topic: string): { type: number; name: string } => ({ type: kafkajs.ConfigResourceTypes.TOPIC, name: topic });
  const setConfig = async (topic: string): Promise<Record<string, string>> => {
    const described = admin.describeConfigs({ includeSynonyms: false, resources: [resource(topic)] });
    const { resources } = await run(described, `Cannot read the settings of "${topic}"`, topic);
    const set = (resources[0]?.configEntries ?? []).filter((entry) => !entry.isDefault && entry.configSource !== STATIC_BROKER_CONFIG);
    return Object.fromEntries(set.map((entry) => [entry.configName, entry.configValue]));
  };
  return {
    list: async () => (await run(admin.listTopics(), "Cannot list the topics")).filter((topic) => !topic.startsWith("__")).sort(),
    create: async ({ topic, partitions = 3, replicationFactor = 1, config = {} }) => {
      const configEntries = Object.entries(config).map(([name, value]) => ({ name, value }));
      const topics = [{ topic, numPartitions: partitions, replicationFactor, configEntries }];
      try {
        if (!(await admin.createTopics({ topics, waitForLeaders: false }))) return false;
        await waitForLeaders(admin, topic, partitions, clock);
        return true;
      } catch (thrown) {
        if (protocolType(thrown) === "TOPIC_ALREADY_EXISTS") return false;
        return run(Promise.reject(thrown as Error), `Cannot create the topic "${topic}"`);
      }
    },
    describe: async (topics) => {
      const wanted = topics ?? (await run(admin.listTopics(), "Cannot list the topics")).filter((topic) => !topic.startsWith("__")).sort();
      if (wanted.length === 0) return [];
      const metadata = await run(admin.fetchTopicMetadata({ topics: [...wanted] }), "Cannot describe the topics", wanted[0]);
      return wanted.map((topic) => {
        const found = metadata.topics.find((other) => other.name === topic);
        if (!found) throw unknownTopic(topic);
        const partitions = found.partitions.map(({ partitionId, leader, replicas, isr }) => ({
          partition: partitionId,
          leader,
          replicas,
          isr,
        }));
        return { topic, partitions: partitions.sort((a, b) => a.partition - b.partition) };
      });
    },
    addPartitions: async (topic, partitions) => {
      const altered = admin.createPartitions({ topicPartitions: [{ topic, count: partitions }] });
      await run(altered, `Cannot give "${topic}" ${partitions} partitions`, topic);
    },
    delete: async (topics) => {
      await run(admin.deleteTopics({ topics: [...topics] }), `Cannot delete ${topics.join(", ")}`, topics[0]);
    },
    offsets: async (topic) => {
      const offsets = await run(admin.fetchTopicOffsets(topic), `Cannot read the offsets of "${topic}"`, topic);
      const plain = offsets.map(({ partition, low, high }) => ({ partition, earliest: Number(low), latest: Number(high) }));
      return plain.sort((a, b) => a.partition - b.partition);
    },
    config: setConfig,
    alterConfig: async (topic, config) => {
      const merged = Object.entries({ ...(await setConfig(topic)), ...config }).map(([name, value]) => ({ name, value }));
      const altered = admin.alterConfigs({ validateOnly: false, resources: [{ ...resource(topic), configEntries: merged }] });
      await run(altered as Promise<unknown>, `Cannot change the settings of "${topic}"`, topic);
    },
  };
}

/**
 * Waits until a new topic's partitions are known and led. A broker of KRaft may not know the topic for a moment after the controller has made it,
 * which kafkajs's own wait takes for a failure.
 */
async function waitForLeaders(admin: Admin, topic: string, partitions: number, clock: Clock): Promise<void> {
  const deadline = clock.monotonicMs() + LEADERS_MS;
  for (let pauseMs = 10; ; pauseMs = Math.min(200, pauseMs * 2)) {
    try {
      const { topics } = await admin.fetchTopicMetadata({ topics: [topic] });
      const led = topics[0]?.partitions.filter(({ leader }) => leader >= 0) ?? [];
      if (led.length >= partitions || clock.monotonicMs() >= deadline) return;
    } catch (thrown) {
      const isNew = ["UNKNOWN_TOPIC_OR_PARTITION", "LEADER_NOT_AVAILABLE"].includes(protocolType(thrown) ?? "");
      if (!isNew || clock.monotonicMs() >= deadline) throw thrown;
    }
    await clock.sleep(pauseMs);
  }
}

/** kafkajs's ConfigSource.STATIC_BROKER_CONFIG: set in the broker's file, not for this topic. */
const STATIC_BROKER_CONFIG = 4;

/**
 * Makes a topic where it is missing and checks that an existing one has enough partitions.
 * @throws KafkaError KAFKA_TOPIC where it has fewer
 */
export async function ensureTopic(topics: TopicAdmin, spec: TopicSpec): Promise<boolean> {
  if (await topics.create(spec)) return true;
  const found = (await topics.describe([spec.topic]))[0]?.partitions.length ?? 0;
  if (spec.partitions !== undefined && found < spec.partitions) {
    throw new KafkaError("KAFKA_TOPIC", {
      failed: `Cannot use the topic "${spec.topic}"`,
      found: `it has ${found} partitions, ${spec.partitions} are wanted`,
      remedy: `Raise them with "streamlab topics alter --topic ${spec.topic} --partitions ${spec.partitions}", or delete the topic.`,
    });
  }
  return false;
}
