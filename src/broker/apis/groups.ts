import { errorCodes } from "../../kafka-protocol/error-codes.ts";
import { deleteGroupsApi } from "../../kafka-protocol/messages/delete-groups.ts";
import { describeGroupsApi } from "../../kafka-protocol/messages/describe-groups.ts";
import { listGroupsApi } from "../../kafka-protocol/messages/list-groups.ts";
import { handlerOf, type ApiHandler } from "../api-handler.ts";

export const describeGroupsHandler: ApiHandler = handlerOf(describeGroupsApi, [0, 5], (body, { broker }) => ({
  groups: body.groups.map((groupId) => {
    const group = broker.groups.find(groupId);
    const isSettled = group?.state === "Stable";
    return {
      errorCode: errorCodes.NONE,
      groupId,
      groupState: broker.groups.stateOf(groupId),
      protocolType: group?.protocolType ?? "",
      protocolData: isSettled ? (group.protocolName ?? "") : "",
      members: (group?.members ?? []).map((member) => ({
        memberId: member.id,
        groupInstanceId: member.instanceId,
        clientId: member.clientId,
        clientHost: member.clientHost,
        memberMetadata: isSettled ? (group?.metadataOf(member) ?? Buffer.alloc(0)) : Buffer.alloc(0),
        memberAssignment: member.assignment,
      })),
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
      .map(({ groupId, protocolType, state }) => ({ groupId, protocolType, groupState: state, groupType: "classic" })),
  };
});

export const deleteGroupsHandler: ApiHandler = handlerOf(deleteGroupsApi, [0, 2], async (body, { broker }) => ({
  throttleTimeMs: 0,
  results: await Promise.all(
    body.groupsNames.map(async (groupId) => {
      const state = broker.groups.stateOf(groupId);
      if (state === "Dead") return { groupId, errorCode: errorCodes.GROUP_ID_NOT_FOUND };
      if (state !== "Empty") return { groupId, errorCode: errorCodes.NON_EMPTY_GROUP };
      await broker.groups.delete(groupId);
      return { groupId, errorCode: errorCodes.NONE };
    }),
  ),
}));
