import { errorCodes } from "../../kafka-protocol/error-codes.ts";
import { alterConfigsApi } from "../../kafka-protocol/messages/alter-configs.ts";
import { describeConfigsApi } from "../../kafka-protocol/messages/describe-configs.ts";
import { incrementalAlterConfigsApi } from "../../kafka-protocol/messages/incremental-alter-configs.ts";
import { handlerOf, type ApiHandler, type BrokerState } from "../api-handler.ts";
import { brokerConfigKey, dynamicConfigsFault, type DynamicScope } from "../configs/broker-configs.ts";
import { changedConfigs, configOperation, type ConfigChange, type ConfigRefusal } from "../configs/config-changes.ts";
import { configSource } from "../configs/config-key.ts";
import { describeBrokerConfigs, describeDynamicConfigs, describeTopicConfigs, type DescribedConfig } from "../configs/describing.ts";
import { topicConfigKey, topicConfigsFault } from "../configs/topic-settings.ts";
import { topicNameFault } from "../topics/topic-name.ts";

const TOPIC = 2;
const BROKER = 4;
const LOGGER = 8;

interface Resource {
  readonly resourceType: number;
  readonly resourceName: string;
}

const refusal = (errorCode: number, errorMessage: string | null): ConfigRefusal => ({ errorCode, errorMessage });

const isRefusal = <T extends object>(value: T | ConfigRefusal): value is ConfigRefusal => "errorCode" in value;

/** The one logger that a process without log levels has. */
const ROOT_LOGGER: DescribedConfig = {
  name: "root",
  value: "INFO",
  readOnly: false,
  configSource: configSource.LOGGER,
  isSensitive: false,
  synonyms: [],
  configType: 0,
  documentation: "What the broker writes of its own life.",
};

/** What Kafka says of a request that no client of its own makes. */
const MALFORMED =
  "This most likely occurs because of a request being malformed by the client library or the message was sent to an incompatible broker. See the broker logs for more details.";

const isInteger = (text: string): boolean => /^-?\d+$/.test(text);

function describe(broker: BrokerState, { resourceType, resourceName }: Resource): readonly DescribedConfig[] | ConfigRefusal {
  const { catalog, settings } = broker;
  const own = String(settings.nodeId);
  if (resourceType === TOPIC) {
    const nameFault = topicNameFault(resourceName);
    if (nameFault !== undefined) return refusal(errorCodes.INVALID_TOPIC_EXCEPTION, nameFault);
    const topic = catalog.get(resourceName);
    return topic ? describeTopicConfigs(catalog.configs, topic.configs) : refusal(errorCodes.UNKNOWN_TOPIC_OR_PARTITION, "");
  }
  if (resourceType === BROKER) {
    if (resourceName === "") return describeDynamicConfigs(catalog.configs, "default");
    if (!isInteger(resourceName)) return refusal(errorCodes.INVALID_REQUEST, `Broker id must be an integer, but it is: ${resourceName}`);
    if (resourceName === own) return describeBrokerConfigs(catalog.configs);
    return refusal(errorCodes.INVALID_REQUEST, `Unexpected broker id, expected ${own} or empty string, but received ${resourceName}`);
  }
  if (resourceType === LOGGER) {
    if (resourceName === "") return refusal(errorCodes.INVALID_REQUEST, "Broker id must not be empty");
    if (resourceName === own) return [ROOT_LOGGER];
    return refusal(errorCodes.INVALID_REQUEST, `Unexpected broker id, expected ${own} but received ${resourceName}`);
  }
  return refusal(errorCodes.INVALID_REQUEST, MALFORMED);
}

/** DescribeConfigs: the configs that mean something here, with the values that hold, where they come from and what they stand before. */
export const describeConfigsHandler: ApiHandler = handlerOf(describeConfigsApi, [1, 4], (body, { broker }) => ({
  throttleTimeMs: 0,
  results: body.resources.map((resource) => {
    const { resourceType, resourceName, configurationKeys } = resource;
    const found = describe(broker, resource);
    if (isRefusal(found)) return { ...found, resourceType, resourceName, configs: [] };
    const wanted = configurationKeys === null || configurationKeys.length === 0 ? undefined : new Set(configurationKeys);
    return {
      errorCode: errorCodes.NONE,
      errorMessage: "",
      resourceType,
      resourceName,
      configs: found
        .filter(({ name }) => !wanted || wanted.has(name))
        .map((config) => ({
          ...config,
          synonyms: body.includeSynonyms ? config.synonyms : [],
          documentation: body.includeDocumentation ? config.documentation : null,
        })),
    };
  }),
}));

async function alterTopic(
  { catalog }: BrokerState,
  name: string,
  changes: readonly ConfigChange[],
  keep: boolean,
  validateOnly: boolean,
): Promise<ConfigRefusal> {
  if (name === "") return refusal(errorCodes.INVALID_REQUEST, "Default topic resources are not allowed.");
  const nameFault = topicNameFault(name);
  if (nameFault !== undefined) return refusal(errorCodes.INVALID_TOPIC_EXCEPTION, nameFault);
  const topic = catalog.get(name);
  if (!topic) return refusal(errorCodes.UNKNOWN_TOPIC_OR_PARTITION, `The topic '${name}' does not exist.`);
  const valueOf = (config: string): string => {
    const key = topicConfigKey(config);
    return key ? catalog.configs.topicValue(key, topic.configs) : "";
  };
  let answer = refusal(errorCodes.NONE, null);
  await catalog.changeConfigs(topic, (before) => {
    const after = changedConfigs(keep ? before : new Map(), changes, (config) => topicConfigKey(config)?.type, valueOf);
    const fault = isRefusal(after) ? undefined : topicConfigsFault(after);
    if (isRefusal(after)) answer = after;
    else if (fault !== undefined) answer = refusal(errorCodes.INVALID_CONFIG, fault);
    return isRefusal(after) || fault !== undefined || validateOnly ? undefined : after;
  });
  return answer;
}

async function alterBroker(
  { catalog, settings }: BrokerState,
  name: string,
  changes: readonly ConfigChange[],
  keep: boolean,
  validateOnly: boolean,
): Promise<ConfigRefusal> {
  const own = String(settings.nodeId);
  if (name !== "" && !isInteger(name)) return refusal(errorCodes.INVALID_REQUEST, `Node id must be an integer, but it is: ${name}`);
  if (name !== "" && name !== own) {
    return refusal(errorCodes.INVALID_REQUEST, `Unexpected broker id, expected ${own}, but received ${name}`);
  }
  const scope: DynamicScope = name === "" ? "default" : "broker";
  const valueOf = (config: string): string => catalog.configs.synonyms(config)[0]?.value ?? "";
  let answer = refusal(errorCodes.NONE, null);
  await catalog.changeBrokerConfigs(scope, (before) => {
    const after = changedConfigs(keep ? before : new Map(), changes, (config) => brokerConfigKey(config)?.type, valueOf);
    const fault = isRefusal(after) ? undefined : dynamicConfigsFault(after);
    if (isRefusal(after)) answer = after;
    else if (fault !== undefined) answer = refusal(errorCodes.INVALID_REQUEST, fault);
    return isRefusal(after) || fault !== undefined || validateOnly ? undefined : after;
  });
  return answer;
}

/** Levels of the only logger: taking one away is not allowed, setting INFO changes nothing, and there is no other level. */
function alterLogger({ settings }: BrokerState, name: string, changes: readonly ConfigChange[]): ConfigRefusal {
  const own = String(settings.nodeId);
  if (!isInteger(name)) return refusal(errorCodes.INVALID_REQUEST, `Node id must be an integer, but it is: ${name}`);
  if (name !== own) return refusal(errorCodes.INVALID_REQUEST, `Unexpected broker id, expected ${own} but received ${name}`);
  for (const change of changes) {
    if (change.operation === configOperation.APPEND || change.operation === configOperation.SUBTRACT) {
      const what = change.operation === configOperation.APPEND ? "APPEND" : "SUBTRACT";
      return refusal(errorCodes.INVALID_REQUEST, `${what} operation is not allowed for the BROKER_LOGGER resource`);
    }
    if (change.name !== ROOT_LOGGER.name) return refusal(errorCodes.INVALID_CONFIG, `Logger ${change.name} does not exist!`);
    if (change.operation === configOperation.DELETE) {
      return refusal(errorCodes.INVALID_REQUEST, "Removing the log level of the root logger is not allowed");
    }
    if (change.value !== ROOT_LOGGER.value) {
      return refusal(errorCodes.INVALID_CONFIG, `Cannot set the log level of ${change.name} to ${change.value}: the broker has INFO only`);
    }
  }
  return refusal(errorCodes.NONE, null);
}

async function alter(
  broker: BrokerState,
  all: readonly Resource[],
  { resourceType, resourceName }: Resource,
  changes: readonly ConfigChange[],
  keep: boolean,
  validateOnly: boolean,
) {
  const same = all.filter((other) => other.resourceType === resourceType && other.resourceName === resourceName);
  const decide = async (): Promise<ConfigRefusal> => {
    if (same.length > 1) return refusal(errorCodes.INVALID_REQUEST, "Each resource must appear at most once.");
    if (resourceType === TOPIC) return alterTopic(broker, resourceName, changes, keep, validateOnly);
    if (resourceType === BROKER) return alterBroker(broker, resourceName, changes, keep, validateOnly);
    if (resourceType === LOGGER && keep) return alterLogger(broker, resourceName, changes);
    return refusal(errorCodes.INVALID_REQUEST, `Unknown resource type ${resourceType}`);
  };
  const answer = await decide().catch(() => refusal(errorCodes.KAFKA_STORAGE_ERROR, "The change could not be stored."));
  return { ...answer, resourceType, resourceName };
}

/** AlterConfigs replaces all configs that were set on a topic, or on the broker while it ran. */
export const alterConfigsHandler: ApiHandler = handlerOf(alterConfigsApi, [0, 2], async (body, { broker }) => ({
  throttleTimeMs: 0,
  responses: await Promise.all(
    body.resources.map((resource) => {
      const changes = resource.configs.map(({ name, value }) => ({ name, value, operation: configOperation.SET }));
      return alter(broker, body.resources, resource, changes, false, body.validateOnly);
    }),
  ),
}));

/** IncrementalAlterConfigs changes only the configs that it names (KIP-339). */
export const incrementalAlterConfigsHandler: ApiHandler = handlerOf(incrementalAlterConfigsApi, [0, 1], async (body, { broker }) => ({
  throttleTimeMs: 0,
  responses: await Promise.all(
    body.resources.map((resource) => {
      const changes = resource.configs.map((one) => ({ name: one.name, value: one.value, operation: one.configOperation }));
      return alter(broker, body.resources, resource, changes, true, body.validateOnly);
    }),
  ),
}));
