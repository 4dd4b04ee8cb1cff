import type { TransactionPartition } from "./transaction.ts";

/** The topic that keeps offsets in Kafka. Here they lie in a journal; in a transaction they stand under its name. */
export const OFFSETS_TOPIC = "__consumer_offsets";
const TRANSACTIONS_TOPIC = "__transaction_state";

/** The topics that are Kafka's own: no client writes to them. */
export const isInternal = (topic: string): boolean => topic === OFFSETS_TOPIC || topic === TRANSACTIONS_TOPIC;

/** `offsets.topic.num.partitions` */
const OFFSETS_PARTITIONS = 50;

/** The partition of the offsets topic that Kafka gives a group: Java's hash of its name. */
export function offsetsPartition(group: string): TransactionPartition {
  let hash = 0;
  for (let i = 0; i < group.length; i++) hash = (Math.imul(hash, 31) + group.charCodeAt(i)) | 0;
  return { topic: OFFSETS_TOPIC, partition: (hash === -(2 ** 31) ? 0 : Math.abs(hash)) % OFFSETS_PARTITIONS };
}
