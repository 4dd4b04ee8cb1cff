import { deleteRecordsApi } from "../../kafka-protocol/messages/delete-records.ts";
import { listOffsetsApi } from "../../kafka-protocol/messages/list-offsets.ts";
import { errorCodes, isRetriable } from "../../kafka-protocol/error-codes.ts";
import type { PartitionOffset, TopicPartition } from "../wire/cluster.ts";
import type { AdminLink } from "./admin-link.ts";

/** The time of `offsetsAt` that stands for the record with the largest timestamp (KIP-734). */
export const MAX_TIMESTAMP = -3;

/** What a partition answered: an offset (−1 where nothing fits), or an error code of the protocol other than 0. */
export type AskedOffset = PartitionOffset & { readonly errorCode: number };

/**
 * For each partition the offset of a time: milliseconds since the epoch (the first record of that time or later), LATEST, EARLIEST or MAX_TIMESTAMP.
 * In the order of the partitions.
 */
export async function offsetsAt(
  link: AdminLink,
  partitions: readonly TopicPartition[],
  timestamp: number,
): Promise<readonly AskedOffset[]> {
  return askLeaders(link, partitions, async (leader, theirs) => {
    const topics = byTopic(theirs, ({ partition }) => ({ partitionIndex: partition, timestamp }));
    const answer = await link.askNode(leader, listOffsetsApi, { replicaId: -1, isolationLevel: 0, topics });
    return answer.topics.flatMap(({ name, partitions: list }) =>
      list.map(({ partitionIndex, errorCode, offset }) => ({ topic: name, partition: partitionIndex, errorCode, offset })),
    );
  });
}

/** Deletes what lies before the given offsets (−1: everything) and gives each partition's new first offset. */
export async function deleteRecords(link: AdminLink, before: readonly PartitionOffset[]): Promise<readonly AskedOffset[]> {
  const wanted = new Map(before.map(({ topic, partition, offset }) => [`${topic}-${partition}`, offset]));
  return askLeaders(link, before, async (leader, theirs) => {
    const topics = byTopic(theirs, ({ topic, partition }) => ({
      partitionIndex: partition,
      offset: wanted.get(`${topic}-${partition}`) ?? 0,
    }));
    const answer = await link.askNode(leader, deleteRecordsApi, { topics, timeoutMs: 30_000 });
    return answer.topics.flatMap(({ name, partitions: list }) =>
      list.map(({ partitionIndex, errorCode, lowWatermark }) => ({
        topic: name,
        partition: partitionIndex,
        errorCode,
        offset: lowWatermark,
      })),
    );
  });
}

function byTopic<P>(partitions: readonly TopicPartition[], one: (partition: TopicPartition) => P): { name: string; partitions: P[] }[] {
  return [...Map.groupBy(partitions, ({ topic }) => topic)].map(([name, list]) => ({ name, partitions: list.map(one) }));
}

/** Asks each partition's leader, and again where leaders are just changing. */
async function askLeaders(
  link: AdminLink,
  partitions: readonly TopicPartition[],
  ask: (leader: number, theirs: readonly TopicPartition[]) => Promise<readonly AskedOffset[]>,
): Promise<readonly AskedOffset[]> {
  const found = new Map<string, AskedOffset>();
  const keyOf = ({ topic, partition }: TopicPartition): string => `${topic}-${partition}`;
  let left: readonly TopicPartition[] = partitions;
  await link.patiently(async () => {
    const unknown = new Set<string>();
    const known = await link.cluster.partitions([...new Set(left.map(({ topic }) => topic))], undefined, (topic) => unknown.add(topic));
    const leaders = new Map(known.map((one) => [keyOf(one), one.leader]));
    left = left.filter(({ topic }) => !unknown.has(topic));
    for (const [leader, theirs] of Map.groupBy(left, (one) => leaders.get(keyOf(one)) ?? -1)) {
      const answers =
        leader >= 0 ? await ask(leader, theirs) : theirs.map((one) => ({ ...one, offset: -1, errorCode: errorCodes.LEADER_NOT_AVAILABLE }));
      for (const answer of answers) found.set(keyOf(answer), answer);
    }
    left = left.filter((one) => isRetriable(found.get(keyOf(one))?.errorCode ?? 0));
    return { answer: undefined, again: left.length > 0 };
  });
  return partitions.map((one) => found.get(keyOf(one)) ?? { ...one, offset: -1, errorCode: errorCodes.UNKNOWN_TOPIC_OR_PARTITION });
}
