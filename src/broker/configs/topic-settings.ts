import { COMPRESSIONS, type Compression } from "../../kafka-protocol/compression.ts";
import { configFault, listElements } from "./config-key.ts";
import { topicConfigKeys, type TopicConfigKey } from "./topic-keys.ts";

/** What holds for a topic, ready for use: the values of its configs, its own or the broker's. Times in milliseconds; Infinity for Kafka's largest. */
export interface TopicSettings {
  readonly isCompacted: boolean;
  readonly isDeleted: boolean;
  /** Undefined: batches stay as the producer packed them. */
  readonly compression: Compression | undefined;
  readonly compressionLevel: number;
  readonly deleteRetentionMs: number;
  readonly flushMessages: number;
  readonly flushMs: number;
  readonly maxCompactionLagMs: number;
  readonly maxMessageBytes: number;
  readonly timestampAfterMaxMs: number;
  readonly timestampBeforeMaxMs: number;
  readonly isLogAppendTime: boolean;
  readonly minCleanableDirtyRatio: number;
  readonly minCompactionLagMs: number;
  readonly minInsyncReplicas: number;
  readonly retentionBytes: number;
  readonly retentionMs: number;
  readonly segmentBytes: number;
  readonly segmentJitterMs: number;
  readonly segmentMs: number;
}

const byName: ReadonlyMap<string, TopicConfigKey> = new Map(topicConfigKeys.map((key) => [key.name, key]));

/** The config of that name, or undefined: then Kafka does not know it either. */
export const topicConfigKey = (name: string): TopicConfigKey | undefined => byName.get(name);

const TIERS_MISSING = "Tiered Storage functionality is disabled in the broker. Topic cannot be configured with remote log storage.";

/** Why a topic may not have these configs, in Kafka's words; undefined where it may. */
export function topicConfigsFault(configs: ReadonlyMap<string, string>): string | undefined {
  for (const [name, value] of configs) {
    const key = byName.get(name);
    if (!key) return `Unknown topic config name: ${name}`;
    if (name === "remote.storage.enable" && value.trim().toLowerCase() === "true") return TIERS_MISSING;
    const fault = configFault(key, value);
    if (fault !== undefined) return fault;
  }
  const [least, most] = ["min.compaction.lag.ms", "max.compaction.lag.ms"].map((name) => configs.get(name) ?? byName.get(name)?.byDefault);
  if (Number(least) > Number(most)) {
    return `conflict topic config setting min.compaction.lag.ms (${least}) > max.compaction.lag.ms (${most})`;
  }
  return undefined;
}

const LONG_MAX = 2 ** 63;

/** The settings that follow from `valueOf`, which gives the value that holds for each config. */
export function topicSettings(valueOf: (key: TopicConfigKey) => string): TopicSettings {
  const text = (name: string): string => valueOf(byName.get(name) as TopicConfigKey).trim();
  const number = (name: string): number => {
    const value = Number(text(name));
    return value >= LONG_MAX ? Infinity : value;
  };
  const policy = listElements(text("cleanup.policy"));
  const type = text("compression.type");
  const compression = type === "uncompressed" ? "none" : COMPRESSIONS.find((one) => one === type);
  return {
    isCompacted: policy.includes("compact"),
    isDeleted: policy.includes("delete"),
    compression,
    compressionLevel: number(compression === "zstd" ? "compression.zstd.level" : "compression.gzip.level"),
    deleteRetentionMs: number("delete.retention.ms"),
    flushMessages: number("flush.messages"),
    flushMs: number("flush.ms"),
    maxCompactionLagMs: number("max.compaction.lag.ms"),
    maxMessageBytes: number("max.message.bytes"),
    timestampAfterMaxMs: number("message.timestamp.after.max.ms"),
    timestampBeforeMaxMs: number("message.timestamp.before.max.ms"),
    isLogAppendTime: text("message.timestamp.type") === "LogAppendTime",
    minCleanableDirtyRatio: number("min.cleanable.dirty.ratio"),
    minCompactionLagMs: number("min.compaction.lag.ms"),
    minInsyncReplicas: number("min.insync.replicas"),
    retentionBytes: number("retention.bytes"),
    retentionMs: number("retention.ms"),
    segmentBytes: text("internal.segment.bytes") === "" ? number("segment.bytes") : number("internal.segment.bytes"),
    segmentJitterMs: number("segment.jitter.ms"),
    segmentMs: number("segment.ms"),
  };
}

/** What holds for a topic without configs of its own, on a broker without any. */
export const defaultTopicSettings: TopicSettings = topicSettings((key) => key.byDefault);
