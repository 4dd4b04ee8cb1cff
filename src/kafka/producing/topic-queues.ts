import { PartitionQueue, type ProducerIdentity } from "./partition-queue.ts";

/** A topic's partitions as the producer knows them. */
export interface TopicQueues {
  readonly name: string;
  /** By partition. */
  readonly queues: PartitionQueue[];
  /** When leaders were last heard of, by the monotonic clock. */
  heardMs: number;
  isLooking: boolean;
  /** Since when the cluster has said that there is no such topic, by the monotonic clock; NaN while it knows it. */
  unknownSinceMs: number;
}

/** Takes over what the cluster says of a topic. */
export function noteLeaders(
  topic: TopicQueues,
  leaders: readonly { readonly partition: number; readonly leader: number }[],
  identity: ProducerIdentity,
  nowMs: number,
): void {
  for (const { partition, leader } of leaders) {
    while (topic.queues.length <= partition) topic.queues.push(new PartitionQueue(topic.name, topic.queues.length, identity));
    (topic.queues[partition] as PartitionQueue).leader = leader;
  }
  topic.heardMs = nowMs;
  topic.unknownSinceMs = Number.NaN;
}
