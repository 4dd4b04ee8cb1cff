/** JoinGroup, API key 11. */
export const joinGroupApi = {
  key: 11,
  name: "JoinGroup",
  versions: [0, 7],
  flexible: 6,
  request: {
    groupId: "string",
    sessionTimeoutMs: "int32",
    rebalanceTimeoutMs: "int32 1+ = -1",
    memberId: "string",
    groupInstanceId: "string? 5+",
    protocolType: "string",
    protocols: {
      array: {
        name: "string",
        metadata: "bytes",
      },
    },
  },
  response: {
    throttleTimeMs: "int32 2+",
    errorCode: "int16",
    generationId: "int32 = -1",
    protocolType: "string? 7+",
    protocolName: "string null 7+",
    leader: "string",
    memberId: "string",
    members: {
      array: {
        memberId: "string",
        groupInstanceId: "string? 5+",
        metadata: "bytes",
      },
    },
  },
} as const;
