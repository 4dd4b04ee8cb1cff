import { errorCodes } from "../../kafka-protocol/error-codes.ts";
import { metadataApi } from "../../kafka-protocol/messages/metadata.ts";
import { ZERO_UUID } from "../../kafka-protocol/schema.ts";
import { handlerOf, type ApiHandler, type BrokerState } from "../api-handler.ts";
import type { Topic } from "../topics/topic-catalog.ts";
import { topicNameFault } from "../topics/topic-name.ts";

function describe(topic: Topic, nodeId: number) {
  return {
    errorCode: errorCodes.NONE,
    name: topic.name,
    topicId: topic.id,
    partitions: topic.partitions.map((_, partitionIndex) => ({
      errorCode: errorCodes.NONE,
      partitionIndex,
      leaderId: nodeId,
      leaderEpoch: 0,
      replicaNodes: [nodeId],
      isrNodes: [nodeId],
    })),
  };
}

async function byName(broker: BrokerState, name: string, mayCreate: boolean) {
  const missing = (errorCode: number) => ({ errorCode, name, partitions: [] });
  const known = broker.catalog.get(name);
  if (known) return describe(known, broker.settings.nodeId);
  if (topicNameFault(name) !== undefined) return missing(errorCodes.INVALID_TOPIC_EXCEPTION);
  if (!mayCreate) return missing(errorCodes.UNKNOWN_TOPIC_OR_PARTITION);
  if (broker.catalog.collision(name)) return missing(errorCodes.UNKNOWN_TOPIC_OR_PARTITION);
  const made = (await broker.catalog.create(name, broker.settings.defaultPartitions, {})) ?? broker.catalog.get(name);
  return made ? describe(made, broker.settings.nodeId) : missing(errorCodes.UNKNOWN_TOPIC_OR_PARTITION);
}

interface AskedTopic {
  readonly name: string | null;
  readonly topicId: string;
}

const FIRST_VERSION_BY_ID = 12;
const hasId = ({ topicId }: AskedTopic): boolean => topicId !== ZERO_UUID && topicId !== "";

/** Why the request as a whole is refused: topics by their ids before version 12, topics with neither id nor name. */
function faultOf(asked: readonly AskedTopic[], version: number): number {
  if (version < FIRST_VERSION_BY_ID)
    return asked.some((topic) => topic.name === null || hasId(topic)) ? errorCodes.INVALID_REQUEST : errorCodes.NONE;
  return asked.some((topic) => topic.name === null && !hasId(topic)) ? errorCodes.UNKNOWN_SERVER_ERROR : errorCodes.NONE;
}

/** Each topic once: Kafka looks names and ids up as sets. */
function distinct({ catalog }: BrokerState, asked: readonly AskedTopic[]): AskedTopic[] {
  const byKey = new Map<string, AskedTopic>();
  for (const topic of asked) {
    const known = hasId(topic) ? catalog.getById(topic.topicId) : catalog.get(topic.name ?? "");
    const key = known?.id ?? (hasId(topic) ? topic.topicId : `name ${topic.name}`);
    if (!byKey.has(key)) byKey.set(key, topic);
  }
  return [...byKey.values()];
}

/** Metadata: this one node, and the topics that were asked for, made on demand where client and broker allow it. */
export const metadataHandler: ApiHandler = handlerOf(metadataApi, [0, 12], async (body, context) => {
  const { broker, version } = context;
  const { catalog, settings } = broker;
  const wantsAll = body.topics === null || (version === 0 && body.topics.length === 0);
  const mayCreate = settings.autoCreateTopics && body.allowAutoTopicCreation;
  const fault = faultOf(body.topics ?? [], version);
  if (fault !== errorCodes.NONE) {
    const topics = (body.topics ?? []).map(({ name, topicId }) => ({ errorCode: fault, name: name ?? "", topicId, partitions: [] }));
    return { brokers: [], clusterId: null, topics };
  }
  const one = async (asked: AskedTopic) => {
    const { name, topicId } = asked;
    if (!hasId(asked)) return byName(broker, name ?? "", mayCreate);
    const topic = catalog.getById(topicId);
    return topic ? describe(topic, settings.nodeId) : { errorCode: errorCodes.UNKNOWN_TOPIC_ID, name: null, topicId, partitions: [] };
  };
  const topics = wantsAll
    ? catalog.list().map((topic) => describe(topic, settings.nodeId))
    : await Promise.all(distinct(broker, body.topics ?? []).map(one));
  return {
    brokers: [{ nodeId: settings.nodeId, ...broker.advertised() }],
    clusterId: catalog.clusterId,
    controllerId: settings.nodeId,
    topics,
  };
});
