import { errorCodes } from "../../kafka-protocol/error-codes.ts";
import { alterConfigsApi } from "../../kafka-protocol/messages/alter-configs.ts";
import { describeConfigsApi } from "../../kafka-protocol/messages/describe-configs.ts";
import { incrementalAlterConfigsApi } from "../../kafka-protocol/messages/incremental-alter-configs.ts";
import { handlerOf, type ApiHandler, type BrokerState } from "../api-handler.ts";
import { configTypeCode, configValue, topicConfigFault, topicConfigKeys, type ConfigType } from "../topics/topic-config.ts";

const TOPIC = 2;
const BROKER = 4;
const SOURCE_TOPIC = 1;
const SOURCE_STATIC = 4;
const SOURCE_DEFAULT = 5;
const SET = 0;
const DELETE = 1;

interface Described {
  readonly name: string;
  readonly value: string;
  readonly type: ConfigType;
  readonly source: number;
  readonly readOnly: boolean;
  readonly documentation: string;
}

/** What the broker was started with, under Kafka's names. None can be changed while it runs. */
function brokerConfigs(broker: BrokerState): Described[] {
  const { settings } = broker;
  const one = (name: string, value: string | number | boolean, type: ConfigType): Described => ({
    name,
    value: String(value),
    type,
    source: SOURCE_STATIC,
    readOnly: true,
    documentation: "",
  });
  return [
    one("node.id", settings.nodeId, "int"),
    one("num.partitions", settings.defaultPartitions, "int"),
    one("default.replication.factor", 1, "int"),
    one("auto.create.topics.enable", settings.autoCreateTopics, "boolean"),
    one("socket.request.max.bytes", settings.maxRequestBytes, "int"),
    one("fetch.max.bytes", settings.maxFetchBytes, "int"),
    one("group.min.session.timeout.ms", settings.minSessionTimeoutMs, "int"),
    one("group.max.session.timeout.ms", settings.maxSessionTimeoutMs, "int"),
    one("group.initial.rebalance.delay.ms", 0, "int"),
    one("offset.metadata.max.bytes", settings.maxOffsetMetadataBytes, "int"),
    one("log.retention.check.interval.ms", settings.retentionCheckMs, "long"),
  ];
}

function describe(broker: BrokerState, resourceType: number, resourceName: string): Described[] | number {
  if (resourceType === BROKER) {
    const isUs = resourceName === "" || resourceName === String(broker.settings.nodeId);
    return isUs ? brokerConfigs(broker) : errorCodes.INVALID_REQUEST;
  }
  if (resourceType !== TOPIC) return errorCodes.INVALID_REQUEST;
  const topic = broker.catalog.get(resourceName);
  if (!topic) return errorCodes.UNKNOWN_TOPIC_OR_PARTITION;
  return topicConfigKeys.map(({ name, type, documentation }) => ({
    name,
    value: configValue(topic.configs, name),
    type,
    source: topic.configs.has(name) ? SOURCE_TOPIC : SOURCE_DEFAULT,
    readOnly: false,
    documentation,
  }));
}

/** DescribeConfigs: exactly the configs that the broker acts on, with the values that hold. */
export const describeConfigsHandler: ApiHandler = handlerOf(describeConfigsApi, [1, 4], (body, { broker }) => ({
  throttleTimeMs: 0,
  results: body.resources.map(({ resourceType, resourceName, configurationKeys }) => {
    const described = describe(broker, resourceType, resourceName);
    if (typeof described === "number") {
      return { errorCode: described, errorMessage: "There is no such resource.", resourceType, resourceName, configs: [] };
    }
    const wanted = configurationKeys === null || configurationKeys.length === 0 ? undefined : new Set(configurationKeys);
    return {
      errorCode: errorCodes.NONE,
      errorMessage: "",
      resourceType,
      resourceName,
      configs: described
        .filter(({ name }) => !wanted || wanted.has(name))
        .map(({ name, value, type, source, readOnly, documentation }) => ({
          name,
          value,
          readOnly,
          configSource: source,
          isSensitive: false,
          synonyms: body.includeSynonyms ? [{ name, value, source }] : [],
          configType: configTypeCode[type],
          documentation: body.includeDocumentation ? documentation : null,
        })),
    };
  }),
}));

interface Change {
  readonly name: string;
  readonly value: string | null;
  readonly operation: number;
}

async function alter(
  broker: BrokerState,
  resourceType: number,
  resourceName: string,
  changes: readonly Change[],
  keep: boolean,
  validateOnly: boolean,
) {
  const answer = (errorCode: number, errorMessage: string | null) => ({ errorCode, errorMessage, resourceType, resourceName });
  if (resourceType === BROKER) return answer(errorCodes.INVALID_REQUEST, "The development broker's own configs are fixed when it starts.");
  const topic = resourceType === TOPIC ? broker.catalog.get(resourceName) : undefined;
  if (resourceType !== TOPIC) return answer(errorCodes.INVALID_REQUEST, `Unexpected resource type ${resourceType}.`);
  if (!topic) return answer(errorCodes.UNKNOWN_TOPIC_OR_PARTITION, "This server does not host this topic-partition.");
  const configs: Record<string, string> = keep ? Object.fromEntries(topic.configs) : {};
  for (const { name, value, operation } of changes) {
    if (operation !== SET && operation !== DELETE)
      return answer(errorCodes.INVALID_CONFIG, `${name} cannot be appended to or subtracted from.`);
    if (operation === DELETE) {
      if (!topicConfigKeys.some((key) => key.name === name)) return answer(errorCodes.INVALID_CONFIG, `Unknown topic config name: ${name}`);
      delete configs[name];
      continue;
    }
    if (value === null && keep) return answer(errorCodes.INVALID_REQUEST, `Null value not supported for topic configs: ${name}`);
    const fault = topicConfigFault(name, value);
    if (fault !== undefined) return answer(errorCodes.INVALID_CONFIG, fault);
    configs[name] = value ?? "";
  }
  if (!validateOnly) await broker.catalog.setConfigs(topic, configs);
  return answer(errorCodes.NONE, null);
}

/** AlterConfigs replaces all configs of a topic. */
export const alterConfigsHandler: ApiHandler = handlerOf(alterConfigsApi, [0, 2], async (body, { broker }) => ({
  throttleTimeMs: 0,
  responses: await Promise.all(
    body.resources.map(({ resourceType, resourceName, configs }) => {
      const changes = configs.map(({ name, value }) => ({ name, value, operation: SET }));
      return alter(broker, resourceType, resourceName, changes, false, body.validateOnly);
    }),
  ),
}));

/** IncrementalAlterConfigs changes only the configs that it names (KIP-339). */
export const incrementalAlterConfigsHandler: ApiHandler = handlerOf(incrementalAlterConfigsApi, [0, 1], async (body, { broker }) => ({
  throttleTimeMs: 0,
  responses: await Promise.all(
    body.resources.map(({ resourceType, resourceName, configs }) => {
      const changes = configs.map(({ name, value, configOperation }) => ({ name, value, operation: configOperation }));
      return alter(broker, resourceType, resourceName, changes, true, body.validateOnly);
    }),
  ),
}));
