import { errorCodes } from "../../kafka-protocol/error-codes.ts";
import { createPartitionsApi } from "../../kafka-protocol/messages/create-partitions.ts";
import { createTopicsApi } from "../../kafka-protocol/messages/create-topics.ts";
import { deleteTopicsApi } from "../../kafka-protocol/messages/delete-topics.ts";
import { ZERO_UUID, type RequestOf, type ResponseDraft } from "../../kafka-protocol/schema.ts";
import { handlerOf, type ApiHandler, type BrokerState } from "../api-handler.ts";
import { describeTopicConfigs } from "../configs/describing.ts";
import { topicConfigsFault } from "../configs/topic-settings.ts";
import { morePartitionsFault, wantedPartitions, type TopicFault } from "../topics/replica-assignment.ts";
import { newTopicId } from "../topics/topic-catalog.ts";
import { topicNameFault } from "../topics/topic-name.ts";

type WantedTopic = RequestOf<typeof createTopicsApi>["topics"][number];
type CreatedTopic = ResponseDraft<typeof createTopicsApi>["topics"][number];

const UNKNOWN_NAME = "This server does not host this topic-partition.";
const NOT_STORED: TopicFault = { errorCode: errorCodes.KAFKA_STORAGE_ERROR, errorMessage: "The change could not be stored." };

const fault = (errorCode: number, errorMessage: string): TopicFault => ({ errorCode, errorMessage });

/** Why a name cannot be that of a new topic; undefined where it can. */
function nameFault({ catalog }: BrokerState, name: string): TopicFault | undefined {
  const found = topicNameFault(name);
  if (found !== undefined) return fault(errorCodes.INVALID_TOPIC_EXCEPTION, found);
  if (catalog.get(name)) return fault(errorCodes.TOPIC_ALREADY_EXISTS, `Topic '${name}' already exists.`);
  const other = catalog.collision(name);
  return other && fault(errorCodes.INVALID_TOPIC_EXCEPTION, `Topic '${name}' collides with existing topic: ${other.name}`);
}

function configsFault({ configs }: WantedTopic, own: ReadonlyMap<string, string>): TopicFault | undefined {
  const unset = configs.find(({ value }) => value === null);
  const found = unset ? `Null value not supported for topic configs: ${unset.name}` : topicConfigsFault(own);
  return found === undefined ? undefined : fault(errorCodes.INVALID_CONFIG, found);
}

async function createTopic(broker: BrokerState, wanted: WantedTopic, validateOnly: boolean): Promise<CreatedTopic | TopicFault> {
  const { catalog, settings } = broker;
  const own = new Map(wanted.configs.map(({ name, value }) => [name, value ?? ""]));
  const refused = nameFault(broker, wanted.name) ?? configsFault(wanted, own);
  if (refused) return refused;
  const partitions = wantedPartitions(settings.nodeId, settings.defaultPartitions, wanted);
  if (typeof partitions !== "number") return partitions;
  const made = validateOnly ? undefined : await catalog.create(wanted.name, partitions, Object.fromEntries(own));
  if (!validateOnly && !made) return nameFault(broker, wanted.name) ?? NOT_STORED;
  return {
    name: wanted.name,
    topicId: made?.id ?? newTopicId(),
    errorCode: errorCodes.NONE,
    errorMessage: null,
    numPartitions: partitions,
    replicationFactor: 1,
    configs: describeTopicConfigs(catalog.configs, own),
  };
}

export const createTopicsHandler: ApiHandler = handlerOf(createTopicsApi, [2, 7], async (body, { broker }) => {
  const names = body.topics.map(({ name }) => name);
  const once = body.topics.filter(({ name }, at) => names.indexOf(name) === at);
  const topics = await Promise.all(
    once.map(async (wanted): Promise<CreatedTopic> => {
      const isTwice = names.indexOf(wanted.name) !== names.lastIndexOf(wanted.name);
      const answer = isTwice
        ? fault(errorCodes.INVALID_REQUEST, "Duplicate topic name.")
        : await createTopic(broker, wanted, body.validateOnly).catch(() => NOT_STORED);
      return { configs: [], ...answer, name: wanted.name };
    }),
  );
  return { throttleTimeMs: 0, topics };
});

interface TopicToDelete {
  readonly name: string | null;
  readonly topicId: string;
}

const ALSO_BY_ID = "The provided topic name maps to an ID that was already supplied.";

function deletionFault({ catalog }: BrokerState, all: readonly TopicToDelete[], { name, topicId }: TopicToDelete): TopicFault | undefined {
  const { INVALID_REQUEST } = errorCodes;
  const isNamed = name !== null;
  const hasId = topicId !== ZERO_UUID;
  if (isNamed && hasId) return fault(INVALID_REQUEST, "You may not specify both topic name and topic id.");
  if (!isNamed && !hasId) return fault(INVALID_REQUEST, "Neither topic name nor id were specified.");
  const same = all.filter((other) => (isNamed ? other.name === name : other.name === null && other.topicId === topicId));
  if (same.length > 1) return fault(INVALID_REQUEST, isNamed ? "Duplicate topic name." : "Duplicate topic id.");
  const topic = isNamed ? catalog.get(name) : catalog.getById(topicId);
  if (topic) {
    const isAlsoOther = all.some((other) => (isNamed ? other.name === null && other.topicId === topic.id : other.name === topic.name));
    return isAlsoOther ? fault(INVALID_REQUEST, ALSO_BY_ID) : undefined;
  }
  return isNamed
    ? fault(errorCodes.UNKNOWN_TOPIC_OR_PARTITION, UNKNOWN_NAME)
    : fault(errorCodes.UNKNOWN_TOPIC_ID, "This server does not host this topic ID.");
}

async function deleteTopic(broker: BrokerState, all: readonly TopicToDelete[], wanted: TopicToDelete) {
  const { name, topicId } = wanted;
  const topic = name === null ? broker.catalog.getById(topicId) : broker.catalog.get(name);
  const refused = deletionFault(broker, all, wanted);
  const whole = topic ? { name: topic.name, topicId: topic.id } : { name, topicId };
  if (refused) return refused.errorMessage === ALSO_BY_ID ? { ...whole, ...refused } : { name, topicId, ...refused };
  try {
    if (!topic || !(await broker.catalog.delete(topic.name))) {
      return { name, topicId, ...fault(errorCodes.UNKNOWN_TOPIC_OR_PARTITION, UNKNOWN_NAME) };
    }
    await broker.groups.offsets.removeTopic(topic.name);
    return { ...whole, errorCode: errorCodes.NONE, errorMessage: null };
  } catch {
    return { name, topicId, ...NOT_STORED };
  }
}

export const deleteTopicsHandler: ApiHandler = handlerOf(deleteTopicsApi, [1, 6], async (body, { broker, version }) => {
  const asked = version >= 6 ? body.topics : body.topicNames.map((name) => ({ name, topicId: ZERO_UUID }));
  const keys = asked.map(({ name, topicId }) => (name === null ? undefined : broker.catalog.get(name)?.id) ?? name ?? topicId);
  const once = asked.filter((_, at) => keys.indexOf(keys[at] as string) === at);
  return { throttleTimeMs: 0, responses: await Promise.all(once.map((wanted) => deleteTopic(broker, asked, wanted))) };
});

export const createPartitionsHandler: ApiHandler = handlerOf(createPartitionsApi, [0, 3], async (body, { broker }) => {
  const names = body.topics.map(({ name }) => name);
  const once = body.topics.filter(({ name }, at) => names.indexOf(name) === at);
  const results = await Promise.all(
    once.map(async ({ name, count, assignments }) => {
      const decide = async (): Promise<TopicFault> => {
        if (names.indexOf(name) !== names.lastIndexOf(name)) return fault(errorCodes.INVALID_REQUEST, "Duplicate topic name.");
        const topic = broker.catalog.get(name);
        if (!topic) return { errorCode: errorCodes.UNKNOWN_TOPIC_OR_PARTITION, errorMessage: null };
        const refused = morePartitionsFault(broker.settings.nodeId, name, topic.partitions.length, count, assignments);
        if (refused) return refused;
        if (!body.validateOnly) await broker.catalog.addPartitions(topic, count);
        return { errorCode: errorCodes.NONE, errorMessage: null };
      };
      return { name, ...(await decide().catch(() => NOT_STORED)) };
    }),
  );
  return { throttleTimeMs: 0, results };
});
