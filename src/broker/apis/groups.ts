import { errorCodes } from "../../kafka-protocol/error-codes.ts";
import { deleteGroupsApi } from "../../kafka-protocol/messages/delete-groups.ts";
import { describeGroupsApi } from "../../kafka-protocol/messages/describe-groups.ts";
import { listGroupsApi } from "../../kafka-protocol/messages/list-groups.ts";
import { offsetDeleteApi } from "../../kafka-protocol/messages/offset-delete.ts";
import { handlerOf, type ApiHandler } from "../api-handler.ts";
import { metadataUnder } from "../groups/group-member.ts";
import { NO_BYTES } from "../groups/group-requests.ts";

/** Bits of AclOperation: READ, DELETE, DESCRIBE, DESCRIBE_CONFIGS, ALTER_CONFIGS. Whoever may describe a group may do all of it here. */
const ALL_GROUP_OPERATIONS = (1 << 3) | (1 << 6) | (1 << 8) | (1 << 10) | (1 << 11);
const NOT_ASKED = -(2 ** 31);

/** DescribeGroups: what members said is shown while the group is settled; a group that is not known is "Dead". */
export const describeGroupsHandler: ApiHandler = handlerOf(describeGroupsApi, [0, 5], (body, { broker }) => ({
  groups: body.groups.map((groupId) => {
    const group = broker.groups.find(groupId);
    const protocol = group?.state === "Stable" ? group.protocolName : null;
    return {
      errorCode: errorCodes.NONE,
      groupId,
      groupState: broker.groups.stateOf(groupId),
      protocolType: group?.protocolType ?? "",
      protocolData: protocol ?? "",
      members: (group?.members ?? []).map((member) => ({
        memberId: member.id,
        groupInstanceId: member.instanceId,
        clientId: member.clientId,
        clientHost: member.clientHost,
        memberMetadata: protocol === null ? NO_BYTES : metadataUnder(member, protocol),
        memberAssignment: member.assignment,
      })),
      authorizedOperations: body.includeAuthorizedOperations ? ALL_GROUP_OPERATIONS : NOT_ASKED,
    };
  }),
}));

/** ListGroups; from version 4 on by state, from version 5 on by type, of which there is one: classic. */
export const listGroupsHandler: ApiHandler = handlerOf(listGroupsApi, [0, 5], (body, { broker }) => {
  const states = new Set(body.statesFilter.map((state) => state.toLowerCase()));
  const types = new Set(body.typesFilter.map((type) => type.toLowerCase()));
  const groups = types.size > 0 && !types.has("classic") ? [] : broker.groups.list();
  return {
    errorCode: errorCodes.NONE,
    groups: groups
      .filter(({ state }) => states.size === 0 || states.has(state.toLowerCase()))
      .map(({ id, protocolType, state }) => ({ groupId: id, protocolType: protocolType ?? "", groupState: state, groupType: "classic" })),
  };
});

/** DeleteGroups: only what nobody is in. */
export const deleteGroupsHandler: ApiHandler = handlerOf(deleteGroupsApi, [0, 2], async (body, { broker }) => ({
  throttleTimeMs: 0,
  results: await Promise.all(
    [...new Set(body.groupsNames)].map(async (groupId) => {
      const state = broker.groups.stateOf(groupId);
      if (state === "Dead") return { groupId, errorCode: errorCodes.GROUP_ID_NOT_FOUND };
      if (state !== "Empty") return { groupId, errorCode: errorCodes.NON_EMPTY_GROUP };
      await broker.groups.delete(groupId);
      return { groupId, errorCode: errorCodes.NONE };
    }),
  ),
}));

/** OffsetDelete (KIP-496): offsets of topics that no member of the group reads. */
export const offsetDeleteHandler: ApiHandler = handlerOf(offsetDeleteApi, [0, 0], async (body, { broker }) => {
  const refuse = (errorCode: number) => ({ errorCode, throttleTimeMs: 0, topics: [] });
  if (body.groupId === "") return refuse(errorCodes.INVALID_GROUP_ID);
  const group = broker.groups.find(body.groupId);
  if (!group) return refuse(errorCodes.GROUP_ID_NOT_FOUND);
  if (group.state !== "Empty" && group.protocolType !== "consumer") return refuse(errorCodes.NON_EMPTY_GROUP);
  const isRead = (topic: string): boolean => group.subscribed?.has(topic) ?? group.protocolType === "consumer";
  const topics = body.topics.map(({ name, partitions }) => ({
    name,
    partitions: partitions.map(({ partitionIndex }) => {
      if (!broker.catalog.get(name)?.partitions[partitionIndex])
        return { partitionIndex, errorCode: errorCodes.UNKNOWN_TOPIC_OR_PARTITION };
      return { partitionIndex, errorCode: isRead(name) ? errorCodes.GROUP_SUBSCRIBED_TO_TOPIC : errorCodes.NONE };
    }),
  }));
  const gone = topics.flatMap(({ name, partitions }) =>
    partitions
      .filter(({ errorCode }) => errorCode === errorCodes.NONE)
      .map(({ partitionIndex }) => ({ topic: name, partition: partitionIndex })),
  );
  if (gone.length > 0) await broker.groups.offsets.remove(body.groupId, gone);
  return { errorCode: errorCodes.NONE, throttleTimeMs: 0, topics };
});
