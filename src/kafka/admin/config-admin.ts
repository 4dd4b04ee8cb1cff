import { errorCodes } from "../../kafka-protocol/error-codes.ts";
import { describeConfigsApi } from "../../kafka-protocol/messages/describe-configs.ts";
import { incrementalAlterConfigsApi } from "../../kafka-protocol/messages/incremental-alter-configs.ts";
import { KafkaError, unknownTopic } from "../kafka-error.ts";
import { refused, type AdminLink } from "./admin-link.ts";

/** What settings belong to: a topic, or a node of the cluster; "" is what all nodes share. */
export type ConfigResource = { readonly type: "topic" | "broker"; readonly name: string };

/** Where a value comes from, in Kafka's words. */
export type ConfigSource =
  | "UNKNOWN"
  | "DYNAMIC_TOPIC_CONFIG"
  | "DYNAMIC_BROKER_CONFIG"
  | "DYNAMIC_DEFAULT_BROKER_CONFIG"
  | "STATIC_BROKER_CONFIG"
  | "DEFAULT_CONFIG"
  | "DYNAMIC_BROKER_LOGGER_CONFIG"
  | "DYNAMIC_CLIENT_METRICS_CONFIG"
  | "DYNAMIC_GROUP_CONFIG";

const SOURCES: readonly ConfigSource[] = [
  "UNKNOWN",
  "DYNAMIC_TOPIC_CONFIG",
  "DYNAMIC_BROKER_CONFIG",
  "DYNAMIC_DEFAULT_BROKER_CONFIG",
  "STATIC_BROKER_CONFIG",
  "DEFAULT_CONFIG",
  "DYNAMIC_BROKER_LOGGER_CONFIG",
  "DYNAMIC_CLIENT_METRICS_CONFIG",
  "DYNAMIC_GROUP_CONFIG",
];

/** One setting. `value` is null where the cluster keeps it secret. */
export type ConfigEntry = {
  readonly name: string;
  readonly value: string | null;
  readonly source: ConfigSource;
  readonly isSensitive: boolean;
  readonly isReadOnly: boolean;
  /** Where the value would come from, the first that is set first. */
  readonly synonyms: readonly { readonly name: string; readonly value: string | null; readonly source: ConfigSource }[];
};

const TYPES = { topic: 2, broker: 4 } as const;
const SET = 0;
const DELETE = 1;

/** All settings of a topic or node, in the cluster's order. @throws KafkaError KAFKA_TOPIC, KAFKA_REQUEST */
export async function describeConfigs(link: AdminLink, resource: ConfigResource): Promise<readonly ConfigEntry[]> {
  const body = {
    resources: [{ resourceType: TYPES[resource.type], resourceName: resource.name, configurationKeys: null }],
    includeSynonyms: true,
  };
  const answer = await askResource(link, resource, describeConfigsApi, body);
  const result = answer.results[0];
  if (!result) return [];
  const doing = `Cannot read the settings of ${shown(resource)}`;
  if (result.errorCode !== 0) throw failed(doing, resource, result.errorCode, result.errorMessage);
  return result.configs.map(({ name, value, configSource, isSensitive, readOnly, synonyms }) => ({
    name,
    value,
    source: SOURCES[configSource] ?? "UNKNOWN",
    isSensitive,
    isReadOnly: readOnly,
    synonyms: synonyms.map((one) => ({ name: one.name, value: one.value, source: SOURCES[one.source] ?? "UNKNOWN" })),
  }));
}

/**
 * Sets some settings, takes others back to what holds without them, and leaves the rest as it is.
 * @throws KafkaError KAFKA_TOPIC, KAFKA_OPTION for what the cluster does not take, KAFKA_REQUEST
 */
export async function alterConfigs(
  link: AdminLink,
  resource: ConfigResource,
  set: Readonly<Record<string, string>>,
  remove: readonly string[] = [],
): Promise<void> {
  const configs = [
    ...Object.entries(set).map(([name, value]) => ({ name, configOperation: SET, value })),
    ...remove.map((name) => ({ name, configOperation: DELETE, value: null })),
  ];
  const body = { resources: [{ resourceType: TYPES[resource.type], resourceName: resource.name, configs }], validateOnly: false };
  const answer = await askResource(link, resource, incrementalAlterConfigsApi, body);
  const { errorCode, errorMessage } = answer.responses[0] ?? { errorCode: 0, errorMessage: null };
  if (errorCode !== 0) throw failed(`Cannot change the settings of ${shown(resource)}`, resource, errorCode, errorMessage);
}

/** A node's settings are its own to tell; what belongs to topics or to all nodes any node knows. */
async function askResource<A extends typeof describeConfigsApi | typeof incrementalAlterConfigsApi>(
  link: AdminLink,
  resource: ConfigResource,
  api: A,
  body: Parameters<typeof link.ask<A>>[1],
): ReturnType<typeof link.ask<A>> {
  if (resource.type === "topic" || resource.name === "") return link.ask(api, body);
  const nodes = await link.cluster.nodes();
  const node = nodes.find(({ id }) => String(id) === resource.name);
  if (!node) {
    throw new KafkaError("KAFKA_OPTION", {
      failed: `Cannot find the broker ${resource.name}`,
      found: `the cluster has ${nodes.map(({ id }) => id).join(", ")}`,
      remedy: "Name one of them.",
    });
  }
  return link.askNode(node.id, api, body);
}

function shown({ type, name }: ConfigResource): string {
  return type === "topic" ? `the topic "${name}"` : name === "" ? "all brokers" : `the broker ${name}`;
}

function failed(doing: string, resource: ConfigResource, code: number, message: string | null): KafkaError {
  if (resource.type === "topic" && code === errorCodes.UNKNOWN_TOPIC_OR_PARTITION) return unknownTopic(resource.name);
  return refused(doing, code, message);
}
