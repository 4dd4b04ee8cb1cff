/** Fetch, API key 1. */
export const fetchApi = {
  key: 1,
  name: "Fetch",
  versions: [4, 12],
  flexible: 12,
  request: {
    clusterId: "string? 12+ tag 0",
    replicaId: "int32 = -1",
    maxWaitMs: "int32",
    minBytes: "int32",
    maxBytes: "int32 = 2147483647",
    isolationLevel: "int8",
    sessionId: "int32 7+",
    sessionEpoch: "int32 7+ = -1",
    topics: {
      array: {
        topic: "string",
        partitions: {
          array: {
            partition: "int32",
            currentLeaderEpoch: "int32 9+ = -1",
            fetchOffset: "int64",
            lastFetchedEpoch: "int32 12+ = -1",
            logStartOffset: "int64 5+ = -1",
            partitionMaxBytes: "int32",
          },
        },
      },
    },
    forgottenTopicsData: {
      versions: "7+",
      array: {
        topic: "string",
        partitions: "int32[]",
      },
    },
    rackId: "string 11+",
  },
  response: {
    throttleTimeMs: "int32",
    errorCode: "int16 7+",
    sessionId: "int32 7+",
    responses: {
      array: {
        topic: "string",
        partitions: {
          array: {
            partitionIndex: "int32",
            errorCode: "int16",
            highWatermark: "int64",
            lastStableOffset: "int64 = -1",
            logStartOffset: "int64 5+ = -1",
            divergingEpoch: {
              versions: "12+",
              tag: 0,
              struct: {
                epoch: "int32 = -1",
                endOffset: "int64 = -1",
              },
            },
            currentLeader: {
              versions: "12+",
              tag: 1,
              struct: {
                leaderId: "int32 = -1",
                leaderEpoch: "int32 = -1",
              },
            },
            snapshotId: {
              versions: "12+",
              tag: 2,
              struct: {
                endOffset: "int64 = -1",
                epoch: "int32 = -1",
              },
            },
            abortedTransactions: {
              nullable: true,
              array: {
                producerId: "int64",
                firstOffset: "int64",
              },
            },
            preferredReadReplica: "int32 11+ = -1",
            records: "records?",
          },
        },
      },
    },
  },
} as const;
