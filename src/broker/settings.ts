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
  /** Of large requests of all connections together; Kafka's `queued.max.request.bytes` has no limit by default. */
  readonly maxQueuedBytes: number;
  /** `connections.max.idle.ms` */
  readonly maxIdleMs: number;
  /** `connections.max.reauth.ms`; 0: sessions do not end. */
  readonly maxReauthMs: number;
  /** `connection.failed.authentication.delay.ms` */
  readonly failedLoginDelayMs: number;
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
  /** `transaction.max.timeout.ms` */
  readonly maxTransactionTimeoutMs: number;
  /** `transactional.id.expiration.ms` */
  readonly transactionalIdExpirationMs: number;
  /** `transaction.abort.timed.out.transaction.cleanup.interval.ms`: 1 s, so that a lab need not wait; Kafka looks every 10 s. */
  readonly transactionCheckMs: number;
  /** `producer.id.expiration.ms` */
  readonly producerIdExpirationMs: number;
  /** `producer.id.expiration.check.interval.ms` */
  readonly producerIdExpirationCheckMs: number;
  /** `offset.metadata.max.bytes` */
  readonly maxOffsetMetadataBytes: number;
  /** `log.retention.check.interval.ms`: 5 s, so that a lab sees retention at work; Kafka looks every 5 minutes. */
  readonly retentionCheckMs: number;
  /** `log.cleaner.backoff.ms`: 5 s; Kafka's is 15 s. */
  readonly cleanerBackoffMs: number;
  /** `log.cleaner.dedupe.buffer.size`: 32 MiB at most, taken only as far as there are keys; Kafka's is 128 MiB. */
  readonly cleanerBufferBytes: number;
  /** `log.dirs` */
  readonly logFolder: string;
  /** Other configs that the broker was started with, by Kafka's names: the defaults of topics. */
  readonly configs: Readonly<Record<string, string>>;
}

export const defaultSettings: BrokerSettings = {
  nodeId: 1,
  defaultPartitions: 1,
  autoCreateTopics: true,
  flush: { everyMs: 1000 },
  maxRequestBytes: 104_857_600,
  maxQueuedBytes: 536_870_912,
  maxIdleMs: 600_000,
  maxReauthMs: 0,
  failedLoginDelayMs: 100,
  maxFetchBytes: 57_671_680,
  minSessionTimeoutMs: 6000,
  maxSessionTimeoutMs: 1_800_000,
  initialRebalanceDelayMs: 0,
  groupMaxSize: 2_147_483_647,
  offsetsRetentionMs: 604_800_000,
  offsetsRetentionCheckMs: 600_000,
  maxTransactionTimeoutMs: 900_000,
  transactionalIdExpirationMs: 604_800_000,
  transactionCheckMs: 1000,
  producerIdExpirationMs: 86_400_000,
  producerIdExpirationCheckMs: 600_000,
  maxOffsetMetadataBytes: 4096,
  retentionCheckMs: 5000,
  cleanerBackoffMs: 5000,
  cleanerBufferBytes: 33_554_432,
  logFolder: "",
  configs: {},
};
