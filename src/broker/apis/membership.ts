import { errorCodes } from "../../kafka-protocol/error-codes.ts";
import { findCoordinatorApi } from "../../kafka-protocol/messages/find-coordinator.ts";
import { heartbeatApi } from "../../kafka-protocol/messages/heartbeat.ts";
import { joinGroupApi } from "../../kafka-protocol/messages/join-group.ts";
import { leaveGroupApi } from "../../kafka-protocol/messages/leave-group.ts";
import { syncGroupApi } from "../../kafka-protocol/messages/sync-group.ts";
import { handlerOf, type ApiHandler } from "../api-handler.ts";
import { refusedJoin, refusedSync, type JoinAnswer } from "../groups/group-requests.ts";

const GROUP_KEY = 0;
const TRANSACTION_KEY = 1;
/** Known, but not in these versions. */
const SHARE_KEY = 2;
/** From this version of JoinGroup on a new member is told its id first and joins with it (KIP-394). */
const FIRST_VERSION_WITH_REQUIRED_ID = 4;
/** From this version of SyncGroup on a member must say which protocol it believes was chosen (KIP-559). */
const FIRST_VERSION_WITH_REQUIRED_PROTOCOL = 5;

/** Kafka's words for INVALID_REQUEST. */
const MALFORMED =
  "This most likely occurs because of a request being malformed by the client library or the message was sent to an incompatible broker. See the broker logs for more details.";

/** FindCoordinator: for groups and transactions it is always here. */
export const findCoordinatorHandler: ApiHandler = handlerOf(findCoordinatorApi, [0, 4], (body, { broker, version }) => {
  const { settings } = broker;
  const answer =
    body.keyType === GROUP_KEY || body.keyType === TRANSACTION_KEY
      ? { errorCode: errorCodes.NONE, errorMessage: version >= 4 ? "" : "NONE", nodeId: settings.nodeId, ...broker.advertised() }
      : {
          errorCode: errorCodes.INVALID_REQUEST,
          errorMessage: body.keyType === SHARE_KEY ? "" : MALFORMED,
          nodeId: -1,
          host: "",
          port: -1,
        };
  return version >= 4 ? { coordinators: body.coordinatorKeys.map((key) => ({ key, ...answer })) } : answer;
});

export const joinGroupHandler: ApiHandler = handlerOf(joinGroupApi, [0, 7], async (body, context) => {
  const { settings, groups } = context.broker;
  const join = (): JoinAnswer | Promise<JoinAnswer> => {
    if (body.groupId === "") return refusedJoin(errorCodes.INVALID_GROUP_ID, body.memberId);
    if (body.sessionTimeoutMs < settings.minSessionTimeoutMs || body.sessionTimeoutMs > settings.maxSessionTimeoutMs) {
      return refusedJoin(errorCodes.INVALID_SESSION_TIMEOUT, body.memberId);
    }
    if (body.memberId !== "" && !groups.find(body.groupId)) return refusedJoin(errorCodes.UNKNOWN_MEMBER_ID, body.memberId);
    return groups.group(body.groupId).join({
      memberId: body.memberId,
      instanceId: body.groupInstanceId,
      clientId: context.clientId,
      clientHost: context.clientHost,
      sessionTimeoutMs: body.sessionTimeoutMs,
      rebalanceTimeoutMs: context.version === 0 ? body.sessionTimeoutMs : body.rebalanceTimeoutMs,
      protocolType: body.protocolType,
      protocols: body.protocols.map(({ name, metadata }) => ({ name, metadata: Buffer.from(metadata) })),
      mustKnowId: context.version >= FIRST_VERSION_WITH_REQUIRED_ID,
    });
  };
  const answer = await join();
  return { ...answer, protocolName: context.version >= 7 ? answer.protocolName : (answer.protocolName ?? "") };
});

export const syncGroupHandler: ApiHandler = handlerOf(syncGroupApi, [0, 5], async (body, { broker, version }) => {
  const isSilent = body.protocolType === null || body.protocolName === null;
  if (version >= FIRST_VERSION_WITH_REQUIRED_PROTOCOL && isSilent) return refusedSync(errorCodes.INCONSISTENT_GROUP_PROTOCOL);
  if (body.groupId === "") return refusedSync(errorCodes.INVALID_GROUP_ID);
  const group = broker.groups.find(body.groupId);
  return group ? await group.sync({ ...body, instanceId: body.groupInstanceId }) : refusedSync(errorCodes.UNKNOWN_MEMBER_ID);
});

export const heartbeatHandler: ApiHandler = handlerOf(heartbeatApi, [0, 4], (body, { broker }) => {
  if (body.groupId === "") return { errorCode: errorCodes.INVALID_GROUP_ID };
  const identity = { memberId: body.memberId, instanceId: body.groupInstanceId };
  return { errorCode: broker.groups.find(body.groupId)?.heartbeat(identity, body.generationId) ?? errorCodes.UNKNOWN_MEMBER_ID };
});

/** LeaveGroup: one member up to version 2, several from version 3 on (KIP-345). */
export const leaveGroupHandler: ApiHandler = handlerOf(leaveGroupApi, [0, 5], async (body, { broker, version }) => {
  if (body.groupId === "") return { errorCode: errorCodes.INVALID_GROUP_ID, members: [] };
  const leaving =
    version < 3
      ? [{ memberId: body.memberId, instanceId: null }]
      : body.members.map(({ memberId, groupInstanceId }) => ({ memberId, instanceId: groupInstanceId }));
  const errors = (await broker.groups.find(body.groupId)?.leave(leaving)) ?? leaving.map(() => errorCodes.UNKNOWN_MEMBER_ID);
  if (version < 3) return { errorCode: errors[0] ?? errorCodes.NONE };
  return {
    errorCode: errorCodes.NONE,
    members: leaving.map(({ memberId, instanceId }, i) => ({
      memberId,
      groupInstanceId: instanceId,
      errorCode: errors[i] ?? errorCodes.NONE,
    })),
  };
});
