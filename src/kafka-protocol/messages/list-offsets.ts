/** ListOffsets, API key 2. */
export const listOffsetsApi = {
  key: 2,
  name: "ListOffsets",
  versions: [0, 9],
  flexible: 6,
  request: {
    replicaId: "int32",
    isolationLevel: "int8 2+",
    topics: {
      array: {
        name: "string",
        partitions: {
          array: {
            partitionIndex: "int32",
            currentLeaderEpoch: "int32 4+ = -1",
            timestamp: "int64",
            maxNumOffsets: "int32 0-0 = 1",
          },
        },
      },
    },
  },
  response: {
    throttleTimeMs: "int32 2+",
    topics: {
      array: {
        name: "string",
        partitions: {
          array: {
            partitionIndex: "int32",
            errorCode: "int16",
            oldStyleOffsets: "int64[] 0-0",
            timestamp: "int64 1+ = -1",
            offset: "int64 1+ = -1",
            leaderEpoch: "int32 4+ = -1",
          },
        },
      },
    },
  },
} as const;
