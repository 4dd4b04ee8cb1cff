/** CreatePartitions, API key 37. */
export const createPartitionsApi = {
  key: 37,
  name: "CreatePartitions",
  versions: [0, 3],
  flexible: 2,
  request: {
    topics: {
      array: {
        name: "string",
        count: "int32",
        assignments: {
          nullable: true,
          array: {
            brokerIds: "int32[]",
          },
        },
      },
    },
    timeoutMs: "int32",
    validateOnly: "bool",
  },
  response: {
    throttleTimeMs: "int32",
    results: {
      array: {
        name: "string",
        errorCode: "int16",
        errorMessage: "string?",
      },
    },
  },
} as const;
