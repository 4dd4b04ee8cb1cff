import { errorCodes } from "../../kafka-protocol/error-codes.ts";
import { consumerGroupDescribeApi } from "../../kafka-protocol/messages/consumer-group-describe.ts";
import { deleteGroupsApi } from "../../kafka-protocol/messages/delete-groups.ts";
import { describeGroupsApi } from "../../kafka-protocol/messages/describe-groups.ts";
import { listGroupsApi } from "../../kafka-protocol/messages/list-groups.ts";
import { offsetCommitApi } from "../../kafka-protocol/messages/offset-commit.ts";
import { offsetDeleteApi } from "../../kafka-protocol/messages/offset-delete.ts";
import { offsetFetchApi } from "../../kafka-protocol/messages/offset-fetch.ts";
import { createReader, readBytes, readInt16, readInt32, readText } from "../../kafka-protocol/reader.ts";
import { KafkaError } from "../kafka-error.ts";
import type { PartitionOffset, TopicPartition } from "../wire/cluster.ts";
import { refused, type AdminLink, type Node } from "./admin-link.ts";

/** A group as a list names it. */
export type GroupListing = {
  readonly groupId: string;
  /** "consumer" for consumers; "" for a group that has only ever kept offsets. */
  readonly protocolType: string;
  /** "Stable", "Empty", "PreparingRebalance", "CompletingRebalance", "Dead"; "" from clusters before Kafka 2.6. */
  readonly state: string;
  /** "classic" or "consumer"; "classic" from clusters before Kafka 3.8. */
  readonly type: string;
};

/** A member of a group and what it reads. */
export type GroupMember = {
  readonly memberId: string;
  /** group.instance.id of a static member, null of others. */
  readonly instanceId: string | null;
  readonly clientId: string;
  /** As the broker sees it: "/127.0.0.1". */
  readonly host: string;
  readonly partitions: readonly TopicPartition[];
};

/** A group in full. */
export type GroupDescription = {
  readonly groupId: string;
  readonly state: string;
  /** How partitions are shared out: "range", "RoundRobinAssigner"; "" without members. */
  readonly assignor: string;
  readonly coordinator: Node;
  readonly members: readonly GroupMember[];
};

/** An offset that a group has committed. */
export type CommittedOffset = PartitionOffset & { readonly leaderEpoch: number; readonly metadata: string };

/** The consumer groups of all nodes, sorted. Groups of other programs (Connect's workers, for instance) are left out, as Kafka's tool does. */
export async function listGroups(link: AdminLink): Promise<readonly GroupListing[]> {
  const found = new Map<string, GroupListing>();
  for (const { id } of await link.cluster.nodes()) {
    const answer = await link.patiently(async () => {
      const asked = await link.askNode(id, listGroupsApi, { statesFilter: [], typesFilter: [] });
      return { answer: asked, again: asked.errorCode === errorCodes.COORDINATOR_LOAD_IN_PROGRESS };
    });
    if (answer.errorCode !== 0) throw refused("Cannot list the groups", answer.errorCode);
    for (const { groupId, protocolType, groupState, groupType } of answer.groups) {
      if (protocolType !== "" && protocolType !== "consumer") continue;
      found.set(groupId, { groupId, protocolType, state: groupState, type: groupType.toLowerCase() || "classic" });
    }
  }
  return [...found.values()].sort((a, b) => (a.groupId < b.groupId ? -1 : 1));
}

/** A group and its members. @throws KafkaError KAFKA_GROUP for one that is not there */
export async function describeGroup(link: AdminLink, groupId: string): Promise<GroupDescription> {
  const coordinator = await link.coordinator(groupId);
  const answer = await link.askCoordinator(groupId, describeGroupsApi, { groups: [groupId] }, ({ groups }) =>
    groups.map(({ errorCode }) => errorCode),
  );
  const group = answer.groups[0];
  if (!group || group.groupState === "Dead" || group.errorCode === errorCodes.GROUP_ID_NOT_FOUND)
    return describeNewGroup(link, groupId, coordinator);
  if (group.errorCode !== 0) throw refused(`Cannot describe the group "${groupId}"`, group.errorCode);
  const members = group.members.map(({ memberId, groupInstanceId, clientId, clientHost, memberAssignment }) => ({
    memberId,
    instanceId: groupInstanceId,
    clientId,
    host: clientHost,
    partitions: partitionsOf(memberAssignment),
  }));
  return { groupId, state: group.groupState, assignor: group.protocolData, coordinator, members };
}

/** A group of the newer protocol (KIP-848), where the cluster has that. */
async function describeNewGroup(link: AdminLink, groupId: string, coordinator: Node): Promise<GroupDescription> {
  if (!(await link.speaks(coordinator.id, consumerGroupDescribeApi))) throw unknownGroup(groupId);
  const body = { groupIds: [groupId], includeAuthorizedOperations: false };
  const answer = await link.askCoordinator(groupId, consumerGroupDescribeApi, body, ({ groups }) =>
    groups.map(({ errorCode }) => errorCode),
  );
  const group = answer.groups[0];
  if (!group || group.errorCode === errorCodes.GROUP_ID_NOT_FOUND) throw unknownGroup(groupId);
  if (group.errorCode !== 0) throw refused(`Cannot describe the group "${groupId}"`, group.errorCode, group.errorMessage);
  const members = group.members.map(({ memberId, instanceId, clientId, clientHost, assignment }) => ({
    memberId,
    instanceId,
    clientId,
    host: clientHost,
    partitions: assignment.topicPartitions
      .flatMap(({ topicName, partitions }) => partitions.map((partition) => ({ topic: topicName, partition })))
      .sort(byPlace),
  }));
  return { groupId, state: group.groupState, assignor: group.assignorName, coordinator, members };
}

function byPlace(a: TopicPartition, b: TopicPartition): number {
  return a.topic < b.topic ? -1 : a.topic > b.topic ? 1 : a.partition - b.partition;
}

/** The partitions in a consumer's assignment (the protocol's ConsumerProtocolAssignment); none of what is no assignment of a consumer. */
function partitionsOf(assignment: Buffer): TopicPartition[] {
  if (assignment.length < 6) return [];
  const reader = createReader(assignment);
  readInt16(reader);
  const partitions: TopicPartition[] = [];
  for (let topics = readInt32(reader); topics > 0; topics--) {
    const topic = readText(reader, readInt16(reader)) ?? "";
    for (let count = readInt32(reader); count > 0; count--) partitions.push({ topic, partition: readInt32(reader) });
  }
  readBytes(reader, 0);
  return partitions.sort(byPlace);
}

/** What a group has committed, by topic and partition. */
export async function committedOffsets(link: AdminLink, groupId: string): Promise<readonly CommittedOffset[]> {
  const answer = await link.askCoordinator(
    groupId,
    offsetFetchApi,
    { groupId, topics: null, groups: [{ groupId, topics: null }], requireStable: false },
    (one) => [one.errorCode, ...one.groups.map(({ errorCode }) => errorCode)],
  );
  const { errorCode, topics } = answer.groups[0] ?? answer;
  if (errorCode !== 0) throw refused(`Cannot read the offsets of the group "${groupId}"`, errorCode);
  const offsets: CommittedOffset[] = [];
  for (const { name, partitions } of topics) {
    for (const { partitionIndex, committedOffset, committedLeaderEpoch, metadata, errorCode: code } of partitions) {
      if (code !== 0) throw refused(`Cannot read the offset of ${name}-${partitionIndex} of the group "${groupId}"`, code);
      if (committedOffset < 0) continue;
      const committed = { offset: committedOffset, leaderEpoch: committedLeaderEpoch, metadata: metadata ?? "" };
      offsets.push({ topic: name, partition: partitionIndex, ...committed });
    }
  }
  return offsets.sort(byPlace);
}

/** Sets the offsets of a group that has no members. @throws KafkaError KAFKA_REQUEST */
export async function setOffsets(link: AdminLink, groupId: string, offsets: readonly PartitionOffset[]): Promise<void> {
  if (offsets.length === 0) return;
  const topics = [...Map.groupBy(offsets, ({ topic }) => topic)].map(([name, list]) => ({
    name,
    partitions: list.map(({ partition, offset }) => ({ partitionIndex: partition, committedOffset: offset, committedMetadata: "" })),
  }));
  const codes = (answer: { topics: readonly { partitions: readonly { errorCode: number }[] }[] }): number[] =>
    answer.topics.flatMap(({ partitions }) => partitions.map(({ errorCode }) => errorCode));
  const answer = await link.askCoordinator(groupId, offsetCommitApi, { groupId, memberId: "", topics }, codes);
  const bad = codes(answer).find((code) => code !== 0);
  if (bad !== undefined) throw refused(`Cannot set the offsets of the group "${groupId}"`, bad);
}

/** Deletes a group that has no members, with all its offsets. @throws KafkaError KAFKA_GROUP, KAFKA_REQUEST */
export async function deleteGroup(link: AdminLink, groupId: string): Promise<void> {
  const answer = await link.askCoordinator(groupId, deleteGroupsApi, { groupsNames: [groupId] }, ({ results }) =>
    results.map(({ errorCode }) => errorCode),
  );
  const code = answer.results[0]?.errorCode ?? 0;
  if (code === errorCodes.GROUP_ID_NOT_FOUND) throw unknownGroup(groupId);
  if (code !== 0) throw refused(`Cannot delete the group "${groupId}"`, code);
}

/** How the deletion of an offset went: 0, or an error code of the protocol. */
export type DeletedOffset = TopicPartition & { readonly errorCode: number };

/** Forgets offsets of a group whose members, if it has any, do not read those topics. @throws KafkaError KAFKA_GROUP, KAFKA_REQUEST for the group */
export async function deleteOffsets(
  link: AdminLink,
  groupId: string,
  partitions: readonly TopicPartition[],
): Promise<readonly DeletedOffset[]> {
  const topics = [...Map.groupBy(partitions, ({ topic }) => topic)].map(([name, list]) => ({
    name,
    partitions: list.map(({ partition }) => ({ partitionIndex: partition })),
  }));
  const answer = await link.askCoordinator(groupId, offsetDeleteApi, { groupId, topics }, ({ errorCode }) => [errorCode]);
  if (answer.errorCode === errorCodes.GROUP_ID_NOT_FOUND) throw unknownGroup(groupId);
  if (answer.errorCode !== 0) throw refused(`Cannot delete offsets of the group "${groupId}"`, answer.errorCode);
  return answer.topics.flatMap(({ name, partitions: list }) =>
    list.map(({ partitionIndex, errorCode }) => ({ topic: name, partition: partitionIndex, errorCode })),
  );
}

function unknownGroup(groupId: string): KafkaError {
  return new KafkaError("KAFKA_GROUP", {
    failed: `Cannot find the group "${groupId}"`,
    found: "the cluster does not know it",
    remedy: 'List the groups with "streamlab groups list".',
  });
}
