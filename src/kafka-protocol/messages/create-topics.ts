/** CreateTopics, API key 19. */
export const createTopicsApi = {
  key: 19,
  name: "CreateTopics",
  versions: [2, 7],
  flexible: 5,
  request: {
    topics: {
      array: {
        name: "string",
        numPartitions: "int32",
        replicationFactor: "int16",
        assignments: {
          array: {
            partitionIndex: "int32",
            brokerIds: "int32[]",
          },
        },
        configs: {
          array: {
            name: "string",
            value: "string?",
          },
        },
      },
    },
    timeoutMs: "int32 = 60000",
    validateOnly: "bool",
  },
  response: {
    throttleTimeMs: "int32",
    topics: {
      array: {
        name: "string",
        topicId: "uuid 7+",
        errorCode: "int16",
        errorMessage: "string?",
        topicConfigErrorCode: "int16 5+ tag 0",
        numPartitions: "int32 5+ = -1",
        replicationFactor: "int16 5+ = -1",
        configs: {
          versions: "5+",
          nullable: true,
          array: {
            name: "string",
            value: "string?",
            readOnly: "bool",
            configSource: "int8 = -1",
            isSensitive: "bool",
          },
        },
      },
    },
  },
} as const;
