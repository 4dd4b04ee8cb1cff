import { errorCodes, isRetriable } from "../../kafka-protocol/error-codes.ts";
import { createPartitionsApi } from "../../kafka-protocol/messages/create-partitions.ts";
import { createTopicsApi } from "../../kafka-protocol/messages/create-topics.ts";
import { deleteTopicsApi } from "../../kafka-protocol/messages/delete-topics.ts";
import { metadataApi } from "../../kafka-protocol/messages/metadata.ts";
import { unknownTopic } from "../kafka-error.ts";
import type { PartitionDescription } from "../topics.ts";
import { refused, topicRefused, type AdminLink } from "./admin-link.ts";

/** A topic with what the cluster says of it. */
export type ClusterTopic = {
  readonly topic: string;
  /** 22 characters of base64url; all zero from clusters before Kafka 2.8. */
  readonly topicId: string;
  /** Kafka's own: __consumer_offsets, __transaction_state. */
  readonly isInternal: boolean;
  readonly partitions: readonly PartitionDescription[];
};

const TIMEOUT_MS = 30_000;
const NO_UUID = "AAAAAAAAAAAAAAAAAAAAAA";

/** The given topics that there are, or all; sorted by name, partitions in order. Topics that are not there are left out. */
export async function findTopics(link: AdminLink, topics: readonly string[] | null): Promise<readonly ClusterTopic[]> {
  if (topics !== null && topics.length === 0) return [];
  const answer = await link.patiently(async () => {
    const asked = await link.ask(metadataApi, {
      topics: topics === null ? null : topics.map((name) => ({ topicId: NO_UUID, name })),
      allowAutoTopicCreation: false,
    });
    const codes = asked.topics.map(({ errorCode }) => errorCode);
    return { answer: asked, again: codes.some((code) => isRetriable(code) && code !== errorCodes.UNKNOWN_TOPIC_OR_PARTITION) };
  });
  const found: ClusterTopic[] = [];
  for (const { errorCode, name, topicId, isInternal, partitions } of answer.topics) {
    if (errorCode === errorCodes.UNKNOWN_TOPIC_OR_PARTITION || errorCode === errorCodes.INVALID_TOPIC_EXCEPTION) continue;
    if (errorCode !== 0) throw refused(`Cannot describe the topic "${name ?? ""}"`, errorCode);
    const described = partitions.map((one) => ({
      partition: one.partitionIndex,
      leader: one.leaderId,
      replicas: one.replicaNodes,
      isr: one.isrNodes,
    }));
    found.push({ topic: name ?? "", topicId, isInternal, partitions: described.sort((a, b) => a.partition - b.partition) });
  }
  return found.sort((a, b) => (a.topic < b.topic ? -1 : 1));
}

/** The same, where every one of them must be there. @throws KafkaError KAFKA_TOPIC */
export async function describeTopics(link: AdminLink, topics: readonly string[]): Promise<readonly ClusterTopic[]> {
  const found = await findTopics(link, topics);
  const missing = topics.find((topic) => !found.some((one) => one.topic === topic));
  if (missing !== undefined) throw unknownTopic(missing);
  return found;
}

/** What a new topic is to be. −1: as the cluster is set up. */
export type NewTopic = {
  readonly topic: string;
  readonly partitions: number;
  readonly replicationFactor: number;
  readonly config: Readonly<Record<string, string>>;
  /** For each partition the nodes of its copies, the leader first, in the place of the two numbers. */
  readonly assignment?: readonly (readonly number[])[];
};

/**
 * Makes a topic and waits until all its partitions have leaders. False where it is there already.
 * @throws KafkaError KAFKA_REQUEST with what the cluster says
 */
export async function createTopic(link: AdminLink, spec: NewTopic): Promise<boolean> {
  const { topic, partitions, replicationFactor, config, assignment } = spec;
  const configs = Object.entries(config).map(([name, value]) => ({ name, value }));
  const counts = assignment ? { numPartitions: -1, replicationFactor: -1 } : { numPartitions: partitions, replicationFactor };
  const assignments = (assignment ?? []).map((brokerIds, partitionIndex) => ({ partitionIndex, brokerIds }));
  const answer = await link.askController(
    createTopicsApi,
    { topics: [{ name: topic, ...counts, assignments, configs }], timeoutMs: TIMEOUT_MS, validateOnly: false },
    ({ topics }) => topics.map(({ errorCode }) => errorCode),
  );
  const { errorCode, errorMessage } = answer.topics[0] ?? { errorCode: errorCodes.UNKNOWN_SERVER_ERROR, errorMessage: null };
  if (errorCode === errorCodes.TOPIC_ALREADY_EXISTS) return false;
  if (errorCode !== 0) throw refused(`Cannot create the topic "${topic}"`, errorCode, errorMessage);
  await link.patiently(async () => {
    const [made] = await findTopics(link, [topic]);
    return {
      answer: undefined,
      again: made === undefined || made.partitions.length === 0 || made.partitions.some(({ leader }) => leader < 0),
    };
  });
  return true;
}

/** Raises the number of partitions. @throws KafkaError KAFKA_TOPIC, KAFKA_REQUEST */
export async function addPartitions(link: AdminLink, topic: string, count: number): Promise<void> {
  const answer = await link.askController(
    createPartitionsApi,
    { topics: [{ name: topic, count, assignments: null }], timeoutMs: TIMEOUT_MS, validateOnly: false },
    ({ results }) => results.map(({ errorCode }) => errorCode),
  );
  const { errorCode, errorMessage } = answer.results[0] ?? { errorCode: 0, errorMessage: null };
  if (errorCode !== 0) throw topicRefused(`Cannot give the topic "${topic}" ${count} partitions`, topic, errorCode, errorMessage);
}

/** Deletes a topic and waits until the cluster knows it no more. @throws KafkaError KAFKA_TOPIC, KAFKA_REQUEST */
export async function deleteTopic(link: AdminLink, topic: string): Promise<void> {
  const answer = await link.askController(
    deleteTopicsApi,
    { topics: [{ name: topic, topicId: NO_UUID }], topicNames: [topic], timeoutMs: TIMEOUT_MS },
    ({ responses }) => responses.map(({ errorCode }) => errorCode),
  );
  const { errorCode, errorMessage } = answer.responses[0] ?? { errorCode: 0, errorMessage: null };
  if (errorCode !== 0) throw topicRefused(`Cannot delete the topic "${topic}"`, topic, errorCode, errorMessage);
  await link.patiently(async () => ({ answer: undefined, again: (await findTopics(link, [topic])).length > 0 }));
}
