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
  if (broker.catalog.collision(name)) return missing(errorCodes.INVALID_TOPIC_EXCEPTION);
  const made = (await broker.catalog.create(name, broker.settings.defaultPartitions, {})) ?? broker.catalog.get(name);
  return made ? describe(made, broker.settings.nodeId) : missing(errorCodes.UNKNOWN_TOPIC_OR_PARTITION);
}

/** Metadata: this one node, and the topics that were asked for, made on demand where client and broker allow it. */
export const metadataHandler: ApiHandler = handlerOf(metadataApi, [0, 12], async (body, context) => {
  const { broker, version } = context;
  const { catalog, settings } = broker;
  const wantsAll = body.topics === null || (version === 0 && body.topics.length === 0);
  const mayCreate = settings.autoCreateTopics && body.allowAutoTopicCreation;
  const topics = wantsAll
    ? catalog.list().map((topic) => describe(topic, settings.nodeId))
    : await Promise.all(
        (body.topics ?? []).map(async ({ name, topicId }) => {
          if (topicId === ZERO_UUID || topicId === "") return byName(broker, name ?? "", mayCreate);
          const topic = catalog.getById(topicId);
          return topic ? describe(topic, settings.nodeId) : { errorCode: errorCodes.UNKNOWN_TOPIC_ID, name, topicId, partitions: [] };
        }),
      );
  return {
    brokers: [{ nodeId: settings.nodeId, ...broker.advertised() }],
    clusterId: catalog.clusterId,
    controllerId: settings.nodeId,
    topics: topics.map((topic) => (topic.name === null && version < 12 ? { ...topic, name: "" } : topic)),
  };
});
