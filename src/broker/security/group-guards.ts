import { errorCodes } from "../../kafka-protocol/error-codes.ts";
import { deleteGroupsApi } from "../../kafka-protocol/messages/delete-groups.ts";
import { describeGroupsApi } from "../../kafka-protocol/messages/describe-groups.ts";
import { findCoordinatorApi } from "../../kafka-protocol/messages/find-coordinator.ts";
import { heartbeatApi } from "../../kafka-protocol/messages/heartbeat.ts";
import { joinGroupApi } from "../../kafka-protocol/messages/join-group.ts";
import { leaveGroupApi } from "../../kafka-protocol/messages/leave-group.ts";
import { listGroupsApi } from "../../kafka-protocol/messages/list-groups.ts";
import { offsetCommitApi } from "../../kafka-protocol/messages/offset-commit.ts";
import { offsetDeleteApi } from "../../kafka-protocol/messages/offset-delete.ts";
import { offsetFetchApi } from "../../kafka-protocol/messages/offset-fetch.ts";
import { syncGroupApi } from "../../kafka-protocol/messages/sync-group.ts";
import { authorizedOperations } from "./authorizer.ts";
import { guardOf, parted, REFUSAL_WORDS, type Guard } from "./guard.ts";

const REFUSED = errorCodes.GROUP_AUTHORIZATION_FAILED;
const TOPIC_REFUSED = errorCodes.TOPIC_AUTHORIZATION_FAILED;
const NO_BYTES = Buffer.alloc(0);

/** A group, or a transactional id, may be looked up by those who may describe it. */
const findCoordinatorGuard: Guard = guardOf(findCoordinatorApi, async (body, { access, version }, next) => {
  const isGroup = body.keyType === 0;
  const isAllowed = (key: string): boolean => access.allows("DESCRIBE", isGroup ? "GROUP" : "TRANSACTIONAL_ID", key);
  const refusal = {
    errorCode: isGroup ? REFUSED : errorCodes.TRANSACTIONAL_ID_AUTHORIZATION_FAILED,
    errorMessage: version >= 4 ? "" : isGroup ? REFUSAL_WORDS.GROUP : REFUSAL_WORDS.TRANSACTIONAL_ID,
    nodeId: -1,
    host: "",
    port: -1,
  };
  if (version < 4) return isAllowed(body.key) ? next(body) : refusal;
  const { allowed, refused } = parted(body.coordinatorKeys, isAllowed);
  const answer = await next({ ...body, coordinatorKeys: allowed });
  return answer && { ...answer, coordinators: [...(answer.coordinators ?? []), ...refused.map((key) => ({ key, ...refusal }))] };
});

const joinGroupGuard: Guard = guardOf(joinGroupApi, (body, { access, version }, next) => {
  if (access.allows("READ", "GROUP", body.groupId)) return next(body);
  return { errorCode: REFUSED, generationId: -1, protocolName: version >= 7 ? null : "", leader: "", memberId: "", members: [] };
});

const syncGroupGuard: Guard = guardOf(syncGroupApi, (body, { access }, next) =>
  access.allows("READ", "GROUP", body.groupId) ? next(body) : { errorCode: REFUSED, assignment: NO_BYTES },
);

const heartbeatGuard: Guard = guardOf(heartbeatApi, (body, { access }, next) =>
  access.allows("READ", "GROUP", body.groupId) ? next(body) : { errorCode: REFUSED },
);

const leaveGroupGuard: Guard = guardOf(leaveGroupApi, (body, { access }, next) =>
  access.allows("READ", "GROUP", body.groupId) ? next(body) : { errorCode: REFUSED },
);

const describeGroupsGuard: Guard = guardOf(
  describeGroupsApi,
  async (body, { access }, next) => {
    const { allowed, refused } = parted(body.groups, (group) => access.allows("DESCRIBE", "GROUP", group));
    const answer = await next({ ...body, groups: allowed });
    if (!answer) return answer;
    const groups = answer.groups.map((group) =>
      body.includeAuthorizedOperations && group.errorCode === errorCodes.NONE
        ? { ...group, authorizedOperations: authorizedOperations(access, "GROUP", group.groupId) }
        : group,
    );
    const refusals = refused.map((groupId) => ({
      errorCode: REFUSED,
      groupId,
      groupState: "",
      protocolType: "",
      protocolData: "",
      members: [],
    }));
    return { ...answer, groups: [...groups, ...refusals] };
  },
  true,
);

const listGroupsGuard: Guard = guardOf(listGroupsApi, async (body, { access }, next) => {
  const answer = await next(body);
  if (!answer || access.allowsOnCluster("DESCRIBE")) return answer;
  return { ...answer, groups: answer.groups.filter(({ groupId }) => access.allows("DESCRIBE", "GROUP", groupId)) };
});

const deleteGroupsGuard: Guard = guardOf(deleteGroupsApi, async (body, { access }, next) => {
  const { allowed, refused } = parted(body.groupsNames, (group) => access.allows("DELETE", "GROUP", group));
  const answer = await next({ ...body, groupsNames: allowed });
  return answer && { ...answer, results: [...answer.results, ...refused.map((groupId) => ({ groupId, errorCode: REFUSED }))] };
});

const offsetCommitGuard: Guard = guardOf(offsetCommitApi, async (body, { access }, next) => {
  const refusal = (errorCode: number) => (topic: (typeof body)["topics"][number]) => ({
    name: topic.name,
    partitions: topic.partitions.map(({ partitionIndex }) => ({ partitionIndex, errorCode })),
  });
  if (!access.allows("READ", "GROUP", body.groupId)) return { topics: body.topics.map(refusal(REFUSED)) };
  const { allowed, refused } = parted(body.topics, ({ name }) => access.allows("READ", "TOPIC", name));
  if (refused.length === 0) return next(body);
  const answer = allowed.length > 0 ? await next({ ...body, topics: allowed }) : { topics: [] };
  return answer && { ...answer, topics: [...answer.topics, ...refused.map(refusal(TOPIC_REFUSED))] };
});

const unknownOffset = (partitionIndex: number, errorCode: number) => ({ partitionIndex, committedOffset: -1, metadata: "", errorCode });

const offsetFetchGuard: Guard = guardOf(offsetFetchApi, async (body, { access, version }, next) => {
  const mayGroup = (groupId: string): boolean => access.allows("DESCRIBE", "GROUP", groupId);
  const mayTopic = ({ name }: { readonly name: string }): boolean => access.allows("DESCRIBE", "TOPIC", name);
  const refusalOf = (errorCode: number) => (topic: { readonly name: string; readonly partitionIndexes: readonly number[] }) => ({
    name: topic.name,
    partitions: topic.partitionIndexes.map((index) => unknownOffset(index, errorCode)),
  });
  if (version < 8) {
    if (!mayGroup(body.groupId)) {
      return version >= 2 ? { topics: [], errorCode: REFUSED } : { topics: (body.topics ?? []).map(refusalOf(REFUSED)) };
    }
    const parts = body.topics && parted(body.topics, mayTopic);
    const answer = await next({ ...body, topics: parts ? parts.allowed : null });
    return (
      answer && { ...answer, topics: [...(answer.topics ?? []).filter(mayTopic), ...(parts?.refused ?? []).map(refusalOf(TOPIC_REFUSED))] }
    );
  }
  const { allowed, refused } = parted(body.groups, ({ groupId }) => mayGroup(groupId));
  const asked = allowed.map(({ groupId, topics }) => ({ groupId, parts: topics && parted(topics, mayTopic) }));
  const answer = await next({ ...body, groups: asked.map(({ groupId, parts }) => ({ groupId, topics: parts ? parts.allowed : null })) });
  const groups = (answer?.groups ?? []).map((group, index) => ({
    ...group,
    topics: [...group.topics.filter(mayTopic), ...(asked[index]?.parts?.refused ?? []).map(refusalOf(TOPIC_REFUSED))],
  }));
  return answer && { ...answer, groups: [...groups, ...refused.map(({ groupId }) => ({ groupId, topics: [], errorCode: REFUSED }))] };
});

const offsetDeleteGuard: Guard = guardOf(offsetDeleteApi, async (body, { access }, next) => {
  if (!access.allows("DELETE", "GROUP", body.groupId)) return { errorCode: REFUSED, throttleTimeMs: 0, topics: [] };
  const { allowed, refused } = parted(body.topics, ({ name }) => access.allows("READ", "TOPIC", name));
  const answer = await next({ ...body, topics: allowed });
  const refusals = refused.map(({ name, partitions }) => ({
    name,
    partitions: partitions.map(({ partitionIndex }) => ({ partitionIndex, errorCode: TOPIC_REFUSED })),
  }));
  return answer && { ...answer, topics: [...answer.topics, ...refusals] };
});

/** What APIs about groups need. */
export const groupGuards: readonly Guard[] = [
  findCoordinatorGuard,
  joinGroupGuard,
  syncGroupGuard,
  heartbeatGuard,
  leaveGroupGuard,
  describeGroupsGuard,
  listGroupsGuard,
  deleteGroupsGuard,
  offsetCommitGuard,
  offsetFetchGuard,
  offsetDeleteGuard,
];
