import { errorCodes } from "../../kafka-protocol/error-codes.ts";
import { createPartitionsApi } from "../../kafka-protocol/messages/create-partitions.ts";
import { createTopicsApi } from "../../kafka-protocol/messages/create-topics.ts";
import { deleteRecordsApi } from "../../kafka-protocol/messages/delete-records.ts";
import { deleteTopicsApi } from "../../kafka-protocol/messages/delete-topics.ts";
import { fetchApi } from "../../kafka-protocol/messages/fetch.ts";
import { listOffsetsApi } from "../../kafka-protocol/messages/list-offsets.ts";
import { metadataApi } from "../../kafka-protocol/messages/metadata.ts";
import { offsetForLeaderEpochApi } from "../../kafka-protocol/messages/offset-for-leader-epoch.ts";
import { produceApi } from "../../kafka-protocol/messages/produce.ts";
import { ZERO_UUID } from "../../kafka-protocol/schema.ts";
import { CLUSTER_NAME } from "./acl.ts";
import { authorizedOperations, type Access } from "./authorizer.ts";
import { guardOf, parted, REFUSAL_WORDS, type Guard } from "./guard.ts";

const REFUSED = errorCodes.TOPIC_AUTHORIZATION_FAILED;

const produceGuard: Guard = guardOf(produceApi, async (body, { access }, next) => {
  const refusal = (errorCode: number) => (topic: (typeof body)["topicData"][number]) => ({
    name: topic.name,
    partitionResponses: topic.partitionData.map(({ index }) => ({ index, errorCode, baseOffset: -1 })),
  });
  if (body.transactionalId !== null && !access.allows("WRITE", "TRANSACTIONAL_ID", body.transactionalId)) {
    return { responses: body.topicData.map(refusal(errorCodes.TRANSACTIONAL_ID_AUTHORIZATION_FAILED)) };
  }
  const { allowed, refused } = parted(body.topicData, ({ name }) => access.allows("WRITE", "TOPIC", name));
  if (refused.length === 0) return next(body);
  if (body.acks === 0) throw new Error("not allowed to produce, and no answer was asked for");
  const answer = await next({ ...body, topicData: allowed });
  return { ...answer, responses: [...(answer?.responses ?? []), ...refused.map(refusal(REFUSED))] };
});

const fetchGuard: Guard = guardOf(fetchApi, async (body, { access }, next) => {
  const { allowed, refused } = parted(body.topics, ({ topic }) => access.allows("READ", "TOPIC", topic));
  if (refused.length === 0) return next(body);
  const waits = allowed.length > 0 ? body : { ...body, maxWaitMs: 0 };
  const answer = await next({ ...waits, topics: allowed });
  const refusals = refused.map(({ topic, partitions }) => ({
    topic,
    partitions: partitions.map(({ partition }) => ({
      partitionIndex: partition,
      errorCode: REFUSED,
      highWatermark: -1,
      abortedTransactions: [],
      records: Buffer.alloc(0),
    })),
  }));
  return answer && { ...answer, responses: [...answer.responses, ...refusals] };
});

const listOffsetsGuard: Guard = guardOf(listOffsetsApi, async (body, { access }, next) => {
  const { allowed, refused } = parted(body.topics, ({ name }) => access.allows("DESCRIBE", "TOPIC", name));
  const answer = await next({ ...body, topics: allowed });
  const refusals = refused.map(({ name, partitions }) => ({
    name,
    partitions: partitions.map(({ partitionIndex }) => ({ partitionIndex, errorCode: REFUSED })),
  }));
  return answer && { ...answer, topics: [...answer.topics, ...refusals] };
});

const offsetForLeaderEpochGuard: Guard = guardOf(offsetForLeaderEpochApi, async (body, { access }, next) => {
  const mayAll = access.allowsOnCluster("CLUSTER_ACTION");
  const { allowed, refused } = parted(body.topics, ({ topic }) => mayAll || access.allows("DESCRIBE", "TOPIC", topic));
  const answer = await next({ ...body, topics: allowed });
  const refusals = refused.map(({ topic, partitions }) => ({
    topic,
    partitions: partitions.map(({ partition }) => ({ errorCode: REFUSED, partition })),
  }));
  return answer && { ...answer, topics: [...answer.topics, ...refusals] };
});

/** Names that may not be described are told apart from those that are not there only by their error: whether they exist stays hidden. */
const metadataGuard: Guard = guardOf(
  metadataApi,
  async (body, { access, broker, version }, next) => {
    const { catalog, settings } = broker;
    const wantsAll = body.topics === null || (version === 0 && body.topics.length === 0);
    const nameOf = (topic: { name: string | null; topicId: string }): string | undefined =>
      topic.topicId === ZERO_UUID || topic.topicId === "" ? (topic.name ?? "") : catalog.getById(topic.topicId)?.name;
    const mayBeMade = settings.autoCreateTopics && body.allowAutoTopicCreation;
    const isAllowed = (name: string | undefined): boolean => {
      if (name === undefined) return true;
      if (!access.allows("DESCRIBE", "TOPIC", name)) return false;
      return !mayBeMade || catalog.get(name) !== undefined || mayCreate(access, name);
    };
    const { allowed, refused } = parted(body.topics ?? [], (topic) => isAllowed(nameOf(topic)));
    const answer = await next(wantsAll ? body : { ...body, topics: allowed });
    if (!answer) return answer;
    const given = wantsAll
      ? answer.topics.filter(({ name }) => access.allows("DESCRIBE", "TOPIC", name ?? ""))
      : allowed.length > 0
        ? answer.topics
        : [];
    const topics = given.map((topic) =>
      body.includeTopicAuthorizedOperations && (topic.name ?? "") !== ""
        ? { ...topic, topicAuthorizedOperations: authorizedOperations(access, "TOPIC", topic.name ?? "") }
        : topic,
    );
    const refusals = refused.map(({ name, topicId }) => {
      const byId = topicId !== ZERO_UUID && topicId !== "";
      return { errorCode: REFUSED, name: byId ? (version < 12 ? "" : null) : name, topicId: byId ? topicId : ZERO_UUID, partitions: [] };
    });
    return {
      ...answer,
      topics: [...topics, ...refusals],
      ...(body.includeClusterAuthorizedOperations ? { clusterAuthorizedOperations: clusterOperations(access) } : {}),
    };
  },
  true,
);

const mayCreate = (access: Access, name: string): boolean => access.allowsOnCluster("CREATE") || access.allows("CREATE", "TOPIC", name);

/** What is allowed on the cluster, for those who may describe it. */
export const clusterOperations = (access: Access): number =>
  access.allowsOnCluster("DESCRIBE") ? authorizedOperations(access, "CLUSTER", CLUSTER_NAME) : 0;

/** A new topic's configs are shown to those who may describe them (KIP-525). */
const createTopicsGuard: Guard = guardOf(createTopicsApi, async (body, { access }, next) => {
  const { allowed, refused } = parted(body.topics, ({ name }) => mayCreate(access, name));
  const answer = await next({ ...body, topics: allowed });
  if (!answer) return answer;
  const topics = answer.topics.map((topic) => {
    if (topic.errorCode !== errorCodes.NONE || access.allows("DESCRIBE_CONFIGS", "TOPIC", topic.name)) return topic;
    return { ...topic, topicConfigErrorCode: REFUSED, numPartitions: -1, replicationFactor: -1, configs: [] };
  });
  const refusals = [...new Set(refused.map(({ name }) => name))].map((name) => ({
    name,
    errorCode: REFUSED,
    errorMessage: "Authorization failed.",
    configs: [],
  }));
  return { ...answer, topics: [...topics, ...refusals] };
});

const deleteTopicsGuard: Guard = guardOf(deleteTopicsApi, async (body, { access, broker, version }, next) => {
  const isAllowed = (name: string | null | undefined): boolean => name == null || access.allows("DELETE", "TOPIC", name);
  const words = { errorCode: REFUSED, errorMessage: REFUSAL_WORDS.TOPIC };
  if (version < 6) {
    const { allowed, refused } = parted(body.topicNames, isAllowed);
    const answer = await next({ ...body, topicNames: allowed });
    return answer && { ...answer, responses: [...answer.responses, ...refused.map((name) => ({ name, ...words }))] };
  }
  const { allowed, refused } = parted(body.topics, ({ name, topicId }) => isAllowed(name ?? broker.catalog.getById(topicId)?.name));
  const answer = await next({ ...body, topics: allowed });
  const refusals = refused.map(({ name, topicId }) => {
    const known = name ?? broker.catalog.getById(topicId)?.name ?? "";
    return { name: name === null && !access.allows("DESCRIBE", "TOPIC", known) ? null : known, topicId, ...words };
  });
  return answer && { ...answer, responses: [...answer.responses, ...refusals] };
});

const createPartitionsGuard: Guard = guardOf(createPartitionsApi, async (body, { access }, next) => {
  const { allowed, refused } = parted(body.topics, ({ name }) => access.allows("ALTER", "TOPIC", name));
  const answer = await next({ ...body, topics: allowed });
  const refusals = refused.map(({ name }) => ({ name, errorCode: REFUSED, errorMessage: null }));
  return answer && { ...answer, results: [...answer.results, ...refusals] };
});

const deleteRecordsGuard: Guard = guardOf(deleteRecordsApi, async (body, { access }, next) => {
  const { allowed, refused } = parted(body.topics, ({ name }) => access.allows("DELETE", "TOPIC", name));
  const answer = await next({ ...body, topics: allowed });
  const refusals = refused.map(({ name, partitions }) => ({
    name,
    partitions: partitions.map(({ partitionIndex }) => ({ partitionIndex, lowWatermark: -1, errorCode: REFUSED })),
  }));
  return answer && { ...answer, topics: [...answer.topics, ...refusals] };
});

/** What APIs about topics need. */
export const topicGuards: readonly Guard[] = [
  produceGuard,
  fetchGuard,
  listOffsetsGuard,
  offsetForLeaderEpochGuard,
  metadataGuard,
  createTopicsGuard,
  deleteTopicsGuard,
  createPartitionsGuard,
  deleteRecordsGuard,
];
