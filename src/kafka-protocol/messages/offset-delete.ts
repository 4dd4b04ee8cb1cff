/** OffsetDelete, API key 47. */
export const offsetDeleteApi = {
  key: 47,
  name: "OffsetDelete",
  versions: [0, 0],
  flexible: null,
  request: {
    groupId: "string",
    topics: {
      array: {
        name: "string",
        partitions: {
          array: {
            partitionIndex: "int32",
          },
        },
      },
    },
  },
  response: {
    errorCode: "int16",
    throttleTimeMs: "int32",
    topics: {
      array: {
        name: "string",
        partitions: {
          array: {
            partitionIndex: "int32",
            errorCode: "int16",
          },
        },
      },
    },
  },
} as const;
