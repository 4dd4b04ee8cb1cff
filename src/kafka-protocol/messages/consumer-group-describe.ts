/** ConsumerGroupDescribe, API key 69: groups of the protocol of KIP-848, which DescribeGroups does not know. */
export const consumerGroupDescribeApi = {
  key: 69,
  name: "ConsumerGroupDescribe",
  versions: [0, 1],
  flexible: 0,
  request: {
    groupIds: "string[]",
    includeAuthorizedOperations: "bool",
  },
  response: {
    throttleTimeMs: "int32",
    groups: {
      array: {
        errorCode: "int16",
        errorMessage: "string?",
        groupId: "string",
        groupState: "string",
        groupEpoch: "int32",
        assignmentEpoch: "int32",
        assignorName: "string",
        members: {
          array: {
            memberId: "string",
            instanceId: "string?",
            rackId: "string?",
            memberEpoch: "int32",
            clientId: "string",
            clientHost: "string",
            subscribedTopicNames: "string[]",
            subscribedTopicRegex: "string?",
            assignment: { struct: { topicPartitions: { array: { topicId: "uuid", topicName: "string", partitions: "int32[]" } } } },
            targetAssignment: { struct: { topicPartitions: { array: { topicId: "uuid", topicName: "string", partitions: "int32[]" } } } },
            memberType: "int8 1+ = -1",
          },
        },
        authorizedOperations: "int32 = -2147483648",
      },
    },
  },
} as const;
