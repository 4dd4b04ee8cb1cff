import type { BrokerSettings } from "../settings.ts";
import type { ConfigKey } from "./config-key.ts";
import { topicConfigKeys } from "./topic-keys.ts";

/** A config of the broker. */
export interface BrokerConfigKey extends ConfigKey {
  /** Whether AlterConfigs may change it while the broker runs: the defaults of topics, and what the log's upkeep asks for each time. */
  readonly isDynamic: boolean;
  /** The value that the broker runs with, where it does not come from `byDefault` or the dynamic configs. */
  readonly inUse?: (settings: BrokerSettings) => string | number | boolean;
}

const fixed = (
  name: string,
  type: ConfigKey["type"],
  byDefault: string | null,
  documentation: string,
  inUse?: BrokerConfigKey["inUse"],
): BrokerConfigKey => ({ name, type, byDefault, documentation, isDynamic: false, ...(inUse ? { inUse } : {}) });

/** Kafka shows no value for these until one is set: they stand behind a config in hours. */
const WITHOUT_VALUE: ReadonlySet<string> = new Set(["log.retention.ms", "log.roll.ms", "log.roll.jitter.ms", "log.flush.interval.ms"]);

const topicDefaults: readonly BrokerConfigKey[] = topicConfigKeys.flatMap(({ name, brokerName, fallback: _, isInternal: __, ...key }) =>
  brokerName === undefined
    ? []
    : [
        {
          ...key,
          name: brokerName,
          byDefault: WITHOUT_VALUE.has(brokerName) ? null : key.byDefault,
          documentation: `What ${name} is for topics that do not set it. ${key.documentation}`,
          isDynamic: true,
        },
      ],
);

const upkeep: readonly BrokerConfigKey[] = [
  {
    name: "log.cleaner.backoff.ms",
    type: "long",
    byDefault: "15000",
    least: 0,
    isDynamic: false,
    inUse: (settings) => settings.cleanerBackoffMs,
    documentation: "How often the broker looks for logs to compact.",
  },
  {
    name: "log.cleaner.dedupe.buffer.size",
    type: "long",
    byDefault: "134217728",
    isDynamic: false,
    inUse: (settings) => settings.cleanerBufferBytes,
    documentation: "The memory for the keys of one round of compaction; a log with more keys takes several rounds.",
  },
];

/** The configs of the broker that mean something here, under Kafka's names; Kafka has more, of parts that the development broker does not have. */
export const brokerConfigKeys: readonly BrokerConfigKey[] = [
  ...topicDefaults,
  ...upkeep,
  fixed(
    "auto.create.topics.enable",
    "boolean",
    "true",
    "Whether a topic that a client asks about is made.",
    (settings) => settings.autoCreateTopics,
  ),
  fixed("broker.id", "int", "-1", "The id of this broker.", (settings) => settings.nodeId),
  fixed("default.replication.factor", "int", "1", "Replicas of a topic that is made without a count. There is one node."),
  fixed("delete.topic.enable", "boolean", "true", "Whether topics may be deleted."),
  fixed(
    "fetch.max.bytes",
    "int",
    "57671680",
    "The most that one fetch is answered with, but for a batch that is larger by itself.",
    (settings) => settings.maxFetchBytes,
  ),
  fixed(
    "group.initial.rebalance.delay.ms",
    "int",
    "3000",
    "How long a new group waits for more members.",
    (settings) => settings.initialRebalanceDelayMs,
  ),
  fixed("group.max.size", "int", "2147483647", "The most members that a group may have.", (settings) => settings.groupMaxSize),
  fixed("connections.max.idle.ms", "long", "600000", "How long a connection may be silent.", (settings) => settings.maxIdleMs),
  fixed(
    "connections.max.reauth.ms",
    "long",
    "0",
    "How long a login holds; 0: as long as its connection.",
    (settings) => settings.maxReauthMs,
  ),
  fixed(
    "connection.failed.authentication.delay.ms",
    "int",
    "100",
    "How long the answer to a wrong login is held back.",
    (settings) => settings.failedLoginDelayMs,
  ),
  fixed(
    "queued.max.request.bytes",
    "long",
    "-1",
    "What large requests of all connections may take together.",
    (settings) => settings.maxQueuedBytes,
  ),
  fixed("offsets.retention.minutes", "int", "10080", "How long the offsets of an empty group are kept.", (settings) =>
    Math.floor(settings.offsetsRetentionMs / 60_000),
  ),
  fixed(
    "offsets.retention.check.interval.ms",
    "long",
    "600000",
    "How often the broker looks for offsets that may go.",
    (settings) => settings.offsetsRetentionCheckMs,
  ),
  fixed(
    "transaction.max.timeout.ms",
    "int",
    "900000",
    "The longest timeout that a transaction may ask for.",
    (settings) => settings.maxTransactionTimeoutMs,
  ),
  fixed(
    "transactional.id.expiration.ms",
    "int",
    "604800000",
    "How long a transactional id is remembered after its last transaction.",
    (settings) => settings.transactionalIdExpirationMs,
  ),
  fixed(
    "transaction.abort.timed.out.transaction.cleanup.interval.ms",
    "int",
    "10000",
    "How often the broker looks for transactions whose time is over.",
    (settings) => settings.transactionCheckMs,
  ),
  fixed(
    "producer.id.expiration.ms",
    "int",
    "86400000",
    "How long a partition remembers a producer after its last batch.",
    (settings) => settings.producerIdExpirationMs,
  ),
  fixed(
    "group.max.session.timeout.ms",
    "int",
    "1800000",
    "The longest session timeout that a member may ask for.",
    (settings) => settings.maxSessionTimeoutMs,
  ),
  fixed(
    "group.min.session.timeout.ms",
    "int",
    "6000",
    "The shortest session timeout that a member may ask for.",
    (settings) => settings.minSessionTimeoutMs,
  ),
  fixed("log.cleaner.enable", "boolean", "true", "Whether topics with the policy compact are compacted."),
  fixed("log.dirs", "list", null, "Where the logs lie.", (settings) => settings.logFolder),
  fixed(
    "log.retention.check.interval.ms",
    "long",
    "300000",
    "How often the broker looks for segments that may go.",
    (settings) => settings.retentionCheckMs,
  ),
  fixed("log.retention.hours", "int", "168", "What log.retention.ms is where it was never set, in hours."),
  fixed("log.roll.hours", "int", "168", "What log.roll.ms is where it was never set, in hours."),
  fixed("log.roll.jitter.hours", "int", "0", "What log.roll.jitter.ms is where it was never set, in hours."),
  fixed("log.flush.scheduler.interval.ms", "long", "9223372036854775807", "How often the broker looks for logs to sync.", (settings) =>
    settings.flush === "always" ? "9223372036854775807" : settings.flush.everyMs,
  ),
  fixed("node.id", "int", null, "The id of this node.", (settings) => settings.nodeId),
  fixed("num.partitions", "int", "1", "Partitions of a topic that is made without a count.", (settings) => settings.defaultPartitions),
  fixed(
    "offset.metadata.max.bytes",
    "int",
    "4096",
    "The largest metadata of a committed offset.",
    (settings) => settings.maxOffsetMetadataBytes,
  ),
  fixed("process.roles", "list", "", "The parts that this process plays.", () => "broker,controller"),
  fixed(
    "producer.id.expiration.check.interval.ms",
    "int",
    "600000",
    "How often the broker looks for producers to forget.",
    (settings) => settings.producerIdExpirationCheckMs,
  ),
  fixed(
    "producer.id.expiration.ms",
    "int",
    "86400000",
    "A partition forgets a producer that has written nothing for so long.",
    (settings) => settings.producerIdExpirationMs,
  ),
  fixed("socket.request.max.bytes", "int", "104857600", "The largest request that is read.", (settings) => settings.maxRequestBytes),
  fixed(
    "transaction.abort.timed.out.transaction.cleanup.interval.ms",
    "int",
    "10000",
    "How often the broker looks for transactions that have taken too long.",
    (settings) => settings.transactionCheckMs,
  ),
  fixed(
    "transaction.max.timeout.ms",
    "int",
    "900000",
    "The longest timeout that a transactional producer may ask for.",
    (settings) => settings.maxTransactionTimeoutMs,
  ),
  fixed(
    "transactional.id.expiration.ms",
    "int",
    "604800000",
    "The broker forgets a transactional id that nobody has used for so long.",
    (settings) => settings.transactionalIdExpirationMs,
  ),
];
