import type { ConfigKey } from "./config-key.ts";

/** A config of a topic, with the broker's config that stands in for it where the topic has none of its own. */
export interface TopicConfigKey extends ConfigKey {
  readonly byDefault: string;
  /** The broker's config of the same meaning. */
  readonly brokerName?: string;
  /** The broker's config that Kafka falls back to when `brokerName` was never set, and how it is shown there. */
  readonly fallback?: { readonly name: string; readonly value: string };
  /** Known to tests of segments only: never described. */
  readonly isInternal?: true;
}

const LONG_MAX = "9223372036854775807";

const replicas = (value: string): string | undefined =>
  value === "*" || value === "" || value.split(",").every((one) => /^\s*\d+:\d+\s*$/.test(one))
    ? undefined
    : "must be the literal '*' or a list of replicas in the following format: [partitionId]:[brokerId],[partitionId]:[brokerId],...";

const onlyFalse =
  (why: string) =>
  (value: string): string | undefined =>
    value.toLowerCase() === "false" ? undefined : why;

/**
 * Every config that a client of Kafka 4 may set on a topic, with Kafka's types, rules and defaults. What is not here is unknown. Configs of
 * parts that one node does not have (replication throttles, elections, tiers) are kept and shown, and change nothing, as on a Kafka of one node.
 */
export const topicConfigKeys: readonly TopicConfigKey[] = [
  {
    name: "cleanup.policy",
    type: "list",
    byDefault: "delete",
    oneOf: ["compact", "delete"],
    brokerName: "log.cleanup.policy",
    documentation:
      "What becomes of old segments: delete by age and size, compact to the last value of each key, both, or nothing when empty.",
  },
  {
    name: "compression.gzip.level",
    type: "int",
    byDefault: "-1",
    rule: (value) =>
      value === "-1" || (Number(value) >= 1 && Number(value) <= 9) ? undefined : "Value must be between 1 and 9 or equal to -1",
    brokerName: "compression.gzip.level",
    documentation: "How hard gzip tries where compression.type is gzip; -1 is its own default.",
  },
  {
    name: "compression.lz4.level",
    type: "int",
    byDefault: "9",
    least: 1,
    most: 17,
    brokerName: "compression.lz4.level",
    documentation:
      "How hard lz4 tries where compression.type is lz4. The development broker has one lz4 packer and takes any level for it.",
  },
  {
    name: "compression.type",
    type: "string",
    byDefault: "producer",
    oneOf: ["uncompressed", "zstd", "lz4", "snappy", "gzip", "producer"],
    brokerName: "compression.type",
    documentation: "How batches are stored: as the producer compressed them, or packed anew in the named way.",
  },
  {
    name: "compression.zstd.level",
    type: "int",
    byDefault: "3",
    least: -131072,
    most: 22,
    brokerName: "compression.zstd.level",
    documentation: "How hard zstd tries where compression.type is zstd.",
  },
  {
    name: "delete.retention.ms",
    type: "long",
    byDefault: "86400000",
    least: 0,
    brokerName: "log.cleaner.delete.retention.ms",
    documentation: "How long a compacted topic keeps a tombstone (a key without a value) after compaction first met it.",
  },
  {
    name: "file.delete.delay.ms",
    type: "long",
    byDefault: "60000",
    least: 0,
    brokerName: "log.segment.delete.delay.ms",
    documentation: "How long the file of a removed segment may stay. The development broker removes it when its last reader is done.",
  },
  {
    name: "flush.messages",
    type: "long",
    byDefault: LONG_MAX,
    least: 1,
    brokerName: "log.flush.interval.messages",
    documentation: "After so many records a partition is synced to the disk, before the last of them is acknowledged.",
  },
  {
    name: "flush.ms",
    type: "long",
    byDefault: LONG_MAX,
    least: 0,
    brokerName: "log.flush.interval.ms",
    documentation: "A record is synced to the disk at the latest after this time.",
  },
  {
    name: "follower.replication.throttled.replicas",
    type: "list",
    byDefault: "",
    rule: replicas,
    documentation: "Followers whose replication is throttled. One node replicates nothing.",
  },
  {
    name: "index.interval.bytes",
    type: "int",
    byDefault: "4096",
    least: 0,
    brokerName: "log.index.interval.bytes",
    documentation: "How dense a segment's index is. The development broker chooses that itself.",
  },
  {
    name: "internal.segment.bytes",
    type: "int",
    byDefault: "",
    least: 14,
    isInternal: true,
    documentation: "The size of a segment below what segment.bytes takes: for tests.",
  },
  {
    name: "leader.replication.throttled.replicas",
    type: "list",
    byDefault: "",
    rule: replicas,
    documentation: "Leaders whose replication is throttled. One node replicates nothing.",
  },
  {
    name: "local.retention.bytes",
    type: "long",
    byDefault: "-2",
    least: -2,
    brokerName: "log.local.retention.bytes",
    documentation: "What a partition with remote storage keeps locally; -2 takes retention.bytes. There is no remote storage here.",
  },
  {
    name: "local.retention.ms",
    type: "long",
    byDefault: "-2",
    least: -2,
    brokerName: "log.local.retention.ms",
    documentation:
      "How long a partition with remote storage keeps segments locally; -2 takes retention.ms. There is no remote storage here.",
  },
  {
    name: "max.compaction.lag.ms",
    type: "long",
    byDefault: LONG_MAX,
    least: 1,
    brokerName: "log.cleaner.max.compaction.lag.ms",
    documentation: "A record of a compacted topic is open to compaction at the latest after this time.",
  },
  {
    name: "max.message.bytes",
    type: "int",
    byDefault: "1048588",
    least: 0,
    brokerName: "message.max.bytes",
    documentation: "The largest record batch that is taken, in bytes, after compression.",
  },
  {
    name: "message.timestamp.after.max.ms",
    type: "long",
    byDefault: "3600000",
    least: 0,
    brokerName: "log.message.timestamp.after.max.ms",
    documentation: "How far a producer's timestamp may lie ahead of the broker's clock.",
  },
  {
    name: "message.timestamp.before.max.ms",
    type: "long",
    byDefault: LONG_MAX,
    least: 0,
    brokerName: "log.message.timestamp.before.max.ms",
    documentation: "How far a producer's timestamp may lie behind the broker's clock.",
  },
  {
    name: "message.timestamp.type",
    type: "string",
    byDefault: "CreateTime",
    oneOf: ["CreateTime", "LogAppendTime"],
    brokerName: "log.message.timestamp.type",
    documentation: "Whether a record bears the time its producer gave or the time it was appended.",
  },
  {
    name: "min.cleanable.dirty.ratio",
    type: "double",
    byDefault: "0.5",
    least: 0,
    most: 1,
    brokerName: "log.cleaner.min.cleanable.ratio",
    documentation: "The part of a log that must not have been compacted yet before compaction begins.",
  },
  {
    name: "min.compaction.lag.ms",
    type: "long",
    byDefault: "0",
    least: 0,
    brokerName: "log.cleaner.min.compaction.lag.ms",
    documentation: "How long a record stays untouched by compaction.",
  },
  {
    name: "min.insync.replicas",
    type: "int",
    byDefault: "1",
    least: 1,
    brokerName: "min.insync.replicas",
    documentation: "Replicas that must hold a write with acks=all. A topic never needs more than it has, which is one here.",
  },
  {
    name: "preallocate",
    type: "boolean",
    byDefault: "false",
    brokerName: "log.preallocate",
    documentation: "Whether a new segment takes its room at once. The development broker lets files grow.",
  },
  {
    name: "remote.log.copy.disable",
    type: "boolean",
    byDefault: "false",
    documentation: "Whether a topic with remote storage stops copying to it. There is no remote storage here.",
  },
  {
    name: "remote.log.delete.on.disable",
    type: "boolean",
    byDefault: "false",
    documentation: "Whether remote data goes when remote storage is switched off. There is no remote storage here.",
  },
  {
    name: "remote.storage.enable",
    type: "boolean",
    byDefault: "false",
    rule: onlyFalse("Tiered Storage functionality is disabled in the broker. Topic cannot be configured with remote log storage."),
    documentation: "Whether old segments go to remote storage. There is none here.",
  },
  {
    name: "retention.bytes",
    type: "long",
    byDefault: "-1",
    brokerName: "log.retention.bytes",
    documentation: "Old segments of a partition go while it would still hold so many bytes without them; -1 sets no limit.",
  },
  {
    name: "retention.ms",
    type: "long",
    byDefault: "604800000",
    least: -1,
    brokerName: "log.retention.ms",
    fallback: { name: "log.retention.hours", value: "168" },
    documentation: "Segments go when their latest record is older; -1 keeps them.",
  },
  {
    name: "segment.bytes",
    type: "int",
    byDefault: "1073741824",
    least: 1048576,
    brokerName: "log.segment.bytes",
    documentation: "The size at which a segment is closed and the next one begun: what retention and compaction work by.",
  },
  {
    name: "segment.index.bytes",
    type: "int",
    byDefault: "10485760",
    least: 4,
    brokerName: "log.index.size.max.bytes",
    documentation: "The largest index of a segment. The development broker's grows with its segment.",
  },
  {
    name: "segment.jitter.ms",
    type: "long",
    byDefault: "0",
    least: 0,
    brokerName: "log.roll.jitter.ms",
    fallback: { name: "log.roll.jitter.hours", value: "0" },
    documentation: "The most that is taken off segment.ms, at random, so that not all segments end at once.",
  },
  {
    name: "segment.ms",
    type: "long",
    byDefault: "604800000",
    least: 1,
    brokerName: "log.roll.ms",
    fallback: { name: "log.roll.hours", value: "168" },
    documentation: "A segment is closed when its first record is so old at the next append, even if it is not full.",
  },
  {
    name: "unclean.leader.election.enable",
    type: "boolean",
    byDefault: "false",
    brokerName: "unclean.leader.election.enable",
    documentation: "Whether a replica that lags behind may become leader. There is one replica here.",
  },
];
