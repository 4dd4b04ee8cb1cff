/** How often what was written is synced to the disk, or "always": before every acknowledgement. */
export type FlushPolicy = { readonly everyMs: number } | "always";

/** The settings of a broker with all defaults filled in; those that have a name in Kafka bear it in DescribeConfigs. */
export interface BrokerSettings {
  readonly nodeId: number;
  /** `num.partitions` */
  readonly defaultPartitions: number;
  /** `auto.create.topics.enable` */
  readonly autoCreateTopics: boolean;
  readonly flush: FlushPolicy;
  /** `socket.request.max.bytes` */
  readonly maxRequestBytes: number;
  /** `fetch.max.bytes` */
  readonly maxFetchBytes: number;
  /** `group.min.session.timeout.ms` */
  readonly minSessionTimeoutMs: number;
  /** `group.max.session.timeout.ms` */
  readonly maxSessionTimeoutMs: number;
  /** `group.initial.rebalance.delay.ms`: 0, so that a lab's first consumer waits for nobody; Kafka waits 3 s. */
  readonly initialRebalanceDelayMs: number;
  /** `group.max.size` */
  readonly groupMaxSize: number;
  /** `offsets.retention.minutes`, in ms. */
  readonly offsetsRetentionMs: number;
  /** `offsets.retention.check.interval.ms` */
  readonly offsetsRetentionCheckMs: number;
  /** `offset.metadata.max.bytes` */
  readonly maxOffsetMetadataBytes: number;
  /** `log.retention.check.interval.ms` */
  readonly retentionCheckMs: number;
}

export const defaultSettings: BrokerSettings = {
  nodeId: 1,
  defaultPartitions: 1,
  autoCreateTopics: true,
  flush: { everyMs: 1000 },
  maxRequestBytes: 104_857_600,
  maxFetchBytes: 57_671_680,
  minSessionTimeoutMs: 6000,
  maxSessionTimeoutMs: 1_800_000,
  initialRebalanceDelayMs: 0,
  groupMaxSize: 2_147_483_647,
  offsetsRetentionMs: 604_800_000,
  offsetsRetentionCheckMs: 600_000,
  maxOffsetMetadataBytes: 4096,
  retentionCheckMs: 300_000,
};
