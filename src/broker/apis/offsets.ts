import { errorCodes } from "../../kafka-protocol/error-codes.ts";
import { offsetCommitApi } from "../../kafka-protocol/messages/offset-commit.ts";
import { offsetFetchApi } from "../../kafka-protocol/messages/offset-fetch.ts";
import { offsetForLeaderEpochApi } from "../../kafka-protocol/messages/offset-for-leader-epoch.ts";
import type { RequestOf } from "../../kafka-protocol/schema.ts";
import { handlerOf, type ApiHandler, type BrokerState } from "../api-handler.ts";

type CommitRequest = RequestOf<typeof offsetCommitApi>;
type CommitPartition = CommitRequest["topics"][number]["partitions"][number];

/** Whether there is such a partition comes first: where there is none the group is not even asked. */
function isKnown(broker: BrokerState, topic: string, partition: CommitPartition): boolean {
  return broker.catalog.get(topic)?.partitions[partition.partitionIndex] !== undefined;
}

function groupFault(broker: BrokerState, body: CommitRequest): number {
  const { groupId, memberId, groupInstanceId, generationIdOrMemberEpoch } = body;
  const group = generationIdOrMemberEpoch < 0 ? broker.groups.group(groupId) : broker.groups.find(groupId);
  return group?.checkCommit({ memberId, instanceId: groupInstanceId }, generationIdOrMemberEpoch) ?? errorCodes.ILLEGAL_GENERATION;
}

/** OffsetCommit: acknowledged when it is in the journal. */
export const offsetCommitHandler: ApiHandler = handlerOf(offsetCommitApi, [0, 8], async (body, { broker }) => {
  const hasAny = body.topics.some(({ name, partitions }) => partitions.some((partition) => isKnown(broker, name, partition)));
  const fault = hasAny ? groupFault(broker, body) : errorCodes.NONE;
  const faultOf = (topic: string, partition: CommitPartition): number => {
    if (!isKnown(broker, topic, partition)) return errorCodes.UNKNOWN_TOPIC_OR_PARTITION;
    if (fault !== errorCodes.NONE) return fault;
    const isLong = (partition.committedMetadata ?? "").length > broker.settings.maxOffsetMetadataBytes;
    return isLong ? errorCodes.OFFSET_METADATA_TOO_LARGE : errorCodes.NONE;
  };
  const atMs = Date.now();
  const topics = body.topics.map(({ name, partitions }) => ({
    name,
    partitions: partitions.map((partition) => ({ partition, errorCode: faultOf(name, partition) })),
  }));
  const accepted = topics.flatMap(({ name, partitions }) =>
    partitions
      .filter(({ errorCode }) => errorCode === errorCodes.NONE)
      .map(({ partition }) => ({
        topic: name,
        partition: partition.partitionIndex,
        offset: partition.committedOffset,
        leaderEpoch: partition.committedLeaderEpoch,
        metadata: partition.committedMetadata ?? "",
        atMs: partition.commitTimestamp === -1 ? atMs : partition.commitTimestamp,
        ...(body.retentionTimeMs === -1 ? {} : { untilMs: atMs + body.retentionTimeMs }),
      })),
  );
  let stored: number = errorCodes.NONE;
  if (accepted.length > 0) {
    await broker.groups.offsets.commit(body.groupId, accepted).catch(() => (stored = errorCodes.UNKNOWN_SERVER_ERROR));
  }
  return {
    topics: topics.map(({ name, partitions }) => ({
      name,
      partitions: partitions.map(({ partition, errorCode }) => ({
        partitionIndex: partition.partitionIndex,
        errorCode: errorCode === errorCodes.NONE ? stored : errorCode,
      })),
    })),
  };
});

type WantedTopics = readonly { readonly name: string; readonly partitionIndexes: readonly number[] }[] | null;

const UNSTABLE = { committedOffset: -1, committedLeaderEpoch: -1, metadata: "", errorCode: errorCodes.UNSTABLE_OFFSET_COMMIT };

/** `stable`: an offset that an open transaction may yet change is not told (KIP-447). */
function committed(broker: BrokerState, groupId: string, wanted: WantedTopics, stable: boolean) {
  const { offsets } = broker.groups;
  const topics = wanted ?? [...offsets.list(groupId)].map(([name, partitions]) => ({ name, partitionIndexes: [...partitions.keys()] }));
  return topics.map(({ name, partitionIndexes }) => ({
    name,
    partitions: partitionIndexes.map((partitionIndex) => {
      if (stable && offsets.isPending(groupId, name, partitionIndex)) return { partitionIndex, ...UNSTABLE };
      const found = offsets.get(groupId, name, partitionIndex);
      return {
        partitionIndex,
        committedOffset: found?.offset ?? -1,
        committedLeaderEpoch: found?.leaderEpoch ?? -1,
        metadata: found?.metadata ?? "",
        errorCode: errorCodes.NONE,
      };
    }),
  }));
}

/** OffsetFetch: one group up to version 7, several from version 8 on (KIP-709). */
export const offsetFetchHandler: ApiHandler = handlerOf(offsetFetchApi, [0, 8], (body, { broker, version }) => {
  if (version < 8) return { topics: committed(broker, body.groupId, body.topics, body.requireStable), errorCode: errorCodes.NONE };
  return {
    groups: body.groups.map(({ groupId, topics }) => ({
      groupId,
      topics: committed(broker, groupId, topics, body.requireStable),
      errorCode: errorCodes.NONE,
    })),
  };
});

/** OffsetForLeaderEpoch: there has only ever been one epoch, 0, and it ends where the log does. */
export const offsetForLeaderEpochHandler: ApiHandler = handlerOf(offsetForLeaderEpochApi, [2, 4], (body, { broker }) => ({
  throttleTimeMs: 0,
  topics: body.topics.map(({ topic, partitions }) => ({
    topic,
    partitions: partitions.map(({ partition, currentLeaderEpoch, leaderEpoch }) => {
      const log = broker.catalog.get(topic)?.partitions[partition];
      const unknown = { partition, leaderEpoch: -1, endOffset: -1 };
      if (!log) return { ...unknown, errorCode: errorCodes.UNKNOWN_TOPIC_OR_PARTITION };
      if (currentLeaderEpoch > 0) return { ...unknown, errorCode: errorCodes.UNKNOWN_LEADER_EPOCH };
      if (leaderEpoch !== 0) return { ...unknown, errorCode: errorCodes.NONE };
      return { partition, errorCode: errorCodes.NONE, leaderEpoch: 0, endOffset: log.endOffset };
    }),
  })),
}));
