import { errorCodes } from "../../kafka-protocol/error-codes.ts";
import { createPartitionsApi } from "../../kafka-protocol/messages/create-partitions.ts";
import { createTopicsApi } from "../../kafka-protocol/messages/create-topics.ts";
import { deleteRecordsApi } from "../../kafka-protocol/messages/delete-records.ts";
import { deleteTopicsApi } from "../../kafka-protocol/messages/delete-topics.ts";
import { ZERO_UUID, type RequestOf, type ResponseDraft } from "../../kafka-protocol/schema.ts";
import { handlerOf, type ApiHandler, type BrokerState } from "../api-handler.ts";
import { configValue, topicConfigFault, topicConfigKeys } from "../topics/topic-config.ts";
import { topicNameFault } from "../topics/topic-name.ts";

type WantedTopic = RequestOf<typeof createTopicsApi>["topics"][number];

interface Fault {
  readonly errorCode: number;
  readonly errorMessage: string;
}

/** One process keeps so many files open at most; Kafka has no limit of its own. */
const MAX_PARTITIONS = 1000;

function partitionCount(broker: BrokerState, wanted: WantedTopic): number | Fault {
  if (wanted.assignments.length > 0) {
    if (wanted.numPartitions !== -1 || wanted.replicationFactor !== -1) {
      return { errorCode: errorCodes.INVALID_REQUEST, errorMessage: "Give either assignments or counts, the other as -1." };
    }
    const isOurs = wanted.assignments.every(({ brokerIds }) => brokerIds.length === 1 && brokerIds[0] === broker.settings.nodeId);
    const isConsecutive = wanted.assignments
      .map((one) => one.partitionIndex)
      .sort((a, b) => a - b)
      .every((index, i) => index === i);
    if (isOurs && isConsecutive) return wanted.assignments.length;
    return {
      errorCode: errorCodes.INVALID_REPLICA_ASSIGNMENT,
      errorMessage: `The only replica there can be is on broker ${broker.settings.nodeId}.`,
    };
  }
  if (wanted.replicationFactor !== -1 && wanted.replicationFactor !== 1) {
    return {
      errorCode: errorCodes.INVALID_REPLICATION_FACTOR,
      errorMessage: `Unable to replicate the partition ${wanted.replicationFactor} time(s): the development broker is one node.`,
    };
  }
  if (wanted.numPartitions === -1) return broker.settings.defaultPartitions;
  if (wanted.numPartitions >= 1 && wanted.numPartitions <= MAX_PARTITIONS) return wanted.numPartitions;
  return { errorCode: errorCodes.INVALID_PARTITIONS, errorMessage: `A topic has 1 to ${MAX_PARTITIONS} partitions.` };
}

function topicFault(broker: BrokerState, wanted: WantedTopic, named: readonly string[]): Fault | undefined {
  if (named.filter((name) => name === wanted.name).length > 1) {
    return { errorCode: errorCodes.INVALID_REQUEST, errorMessage: `The request names topic '${wanted.name}' twice.` };
  }
  const nameFault = topicNameFault(wanted.name);
  if (nameFault !== undefined) return { errorCode: errorCodes.INVALID_TOPIC_EXCEPTION, errorMessage: nameFault };
  if (broker.catalog.get(wanted.name)) {
    return { errorCode: errorCodes.TOPIC_ALREADY_EXISTS, errorMessage: `Topic '${wanted.name}' already exists.` };
  }
  const other = broker.catalog.collision(wanted.name);
  if (other) {
    return {
      errorCode: errorCodes.INVALID_TOPIC_EXCEPTION,
      errorMessage: `Topic '${wanted.name}' collides with existing topic: ${other.name}`,
    };
  }
  for (const { name, value } of wanted.configs) {
    const fault = topicConfigFault(name, value);
    if (fault !== undefined) return { errorCode: errorCodes.INVALID_CONFIG, errorMessage: fault };
  }
  return undefined;
}

type CreatedTopic = ResponseDraft<typeof createTopicsApi>["topics"][number];

async function createTopic(
  broker: BrokerState,
  wanted: WantedTopic,
  named: readonly string[],
  validateOnly: boolean,
): Promise<CreatedTopic> {
  const counted = partitionCount(broker, wanted);
  const fault = topicFault(broker, wanted, named);
  const refuse = ({ errorCode, errorMessage }: Fault): CreatedTopic => ({ name: wanted.name, errorCode, errorMessage, configs: [] });
  if (fault) return refuse(fault);
  if (typeof counted !== "number") return refuse(counted);
  const own = new Map(wanted.configs.map(({ name, value }) => [name, value ?? ""]));
  let topicId: string = ZERO_UUID;
  if (!validateOnly) {
    const topic = await broker.catalog.create(wanted.name, counted, Object.fromEntries(own));
    if (!topic) return refuse({ errorCode: errorCodes.TOPIC_ALREADY_EXISTS, errorMessage: `Topic '${wanted.name}' already exists.` });
    topicId = topic.id;
  }
  return {
    name: wanted.name,
    topicId,
    errorCode: errorCodes.NONE,
    errorMessage: null,
    numPartitions: counted,
    replicationFactor: 1,
    configs: topicConfigKeys.map(({ name }) => ({
      name,
      value: configValue(own, name),
      readOnly: false,
      configSource: own.has(name) ? 1 : 5,
      isSensitive: false,
    })),
  };
}

export const createTopicsHandler: ApiHandler = handlerOf(createTopicsApi, [2, 7], async (body, { broker }) => {
  const named = body.topics.map(({ name }) => name);
  const once = body.topics.filter(({ name }, index) => named.indexOf(name) === index);
  const topics = await Promise.all(once.map((wanted) => createTopic(broker, wanted, named, body.validateOnly)));
  return { throttleTimeMs: 0, topics };
});

export const deleteTopicsHandler: ApiHandler = handlerOf(deleteTopicsApi, [1, 6], async (body, { broker, version }) => {
  const asked = version >= 6 ? body.topics : body.topicNames.map((name) => ({ name, topicId: ZERO_UUID }));
  const keys = asked.map(({ name, topicId }) => name ?? topicId);
  const wanted = asked.filter((_, index) => keys.indexOf(keys[index] ?? "") === index);
  const responses = await Promise.all(
    wanted.map(async ({ name, topicId }) => {
      if (keys.filter((key) => key === (name ?? topicId)).length > 1) return { name, topicId, errorCode: errorCodes.INVALID_REQUEST };
      const topic = name === null ? broker.catalog.getById(topicId) : broker.catalog.get(name);
      const missing = name === null ? errorCodes.UNKNOWN_TOPIC_ID : errorCodes.UNKNOWN_TOPIC_OR_PARTITION;
      if (!topic || !(await broker.catalog.delete(topic.name))) return { name, topicId, errorCode: missing };
      await broker.groups.offsets.removeTopic(topic.name);
      return { name: topic.name, topicId: topic.id, errorCode: errorCodes.NONE };
    }),
  );
  return { throttleTimeMs: 0, responses };
});

export const createPartitionsHandler: ApiHandler = handlerOf(createPartitionsApi, [0, 3], async (body, { broker }) => ({
  throttleTimeMs: 0,
  results: await Promise.all(
    body.topics.map(async ({ name, count, assignments }) => {
      const refuse = (errorCode: number, errorMessage: string) => ({ name, errorCode, errorMessage });
      const topic = broker.catalog.get(name);
      if (!topic) return refuse(errorCodes.UNKNOWN_TOPIC_OR_PARTITION, "This server does not host this topic-partition.");
      if (count <= topic.partitions.length) {
        return refuse(
          errorCodes.INVALID_PARTITIONS,
          `The topic currently has ${topic.partitions.length} partition(s); ${count} would not be an increase.`,
        );
      }
      if (count > MAX_PARTITIONS) return refuse(errorCodes.INVALID_PARTITIONS, `A topic has 1 to ${MAX_PARTITIONS} partitions.`);
      if (assignments?.some(({ brokerIds }) => brokerIds.length !== 1 || brokerIds[0] !== broker.settings.nodeId)) {
        return refuse(errorCodes.INVALID_REPLICA_ASSIGNMENT, `The only replica there can be is on broker ${broker.settings.nodeId}.`);
      }
      if (!body.validateOnly) await broker.catalog.addPartitions(topic, count);
      return { name, errorCode: errorCodes.NONE, errorMessage: null };
    }),
  ),
}));

/** DeleteRecords: −1 means up to the end. */
export const deleteRecordsHandler: ApiHandler = handlerOf(deleteRecordsApi, [0, 2], async (body, { broker }) => ({
  throttleTimeMs: 0,
  topics: await Promise.all(
    body.topics.map(async ({ name, partitions }) => ({
      name,
      partitions: await Promise.all(
        partitions.map(async ({ partitionIndex, offset }) => {
          const topic = broker.catalog.get(name);
          const log = topic?.partitions[partitionIndex];
          if (!topic || !log) return { partitionIndex, lowWatermark: -1, errorCode: errorCodes.UNKNOWN_TOPIC_OR_PARTITION };
          const upTo = offset === -1 ? log.endOffset : offset;
          if (upTo < 0 || upTo > log.endOffset) return { partitionIndex, lowWatermark: -1, errorCode: errorCodes.OFFSET_OUT_OF_RANGE };
          await broker.catalog.deleteRecords(topic, partitionIndex, upTo);
          return { partitionIndex, lowWatermark: log.startOffset, errorCode: errorCodes.NONE };
        }),
      ),
    })),
  ),
}));
