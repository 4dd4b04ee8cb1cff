/** OffsetFetch, API key 9. */
export const offsetFetchApi = {
  key: 9,
  name: "OffsetFetch",
  versions: [0, 8],
  flexible: 6,
  request: {
    groupId: "string 0-7",
    topics: {
      versions: "0-7",
      nullable: "2+",
      array: {
        name: "string",
        partitionIndexes: "int32[]",
      },
    },
    groups: {
      versions: "8+",
      array: {
        groupId: "string",
        topics: {
          nullable: true,
          array: {
            name: "string",
            partitionIndexes: "int32[]",
          },
        },
      },
    },
    requireStable: "bool 7+",
  },
  response: {
    throttleTimeMs: "int32 3+",
    topics: {
      versions: "0-7",
      array: {
        name: "string",
        partitions: {
          array: {
            partitionIndex: "int32",
            committedOffset: "int64",
            committedLeaderEpoch: "int32 5+ = -1",
            metadata: "string?",
            errorCode: "int16",
          },
        },
      },
    },
    errorCode: "int16 2-7",
    groups: {
      versions: "8+",
      array: {
        groupId: "string",
        topics: {
          array: {
            name: "string",
            partitions: {
              array: {
                partitionIndex: "int32",
                committedOffset: "int64",
                committedLeaderEpoch: "int32 = -1",
                metadata: "string?",
                errorCode: "int16",
              },
            },
          },
        },
        errorCode: "int16",
      },
    },
  },
} as const;
