/** AddPartitionsToTxn, API key 24. */
export const addPartitionsToTxnApi = {
  key: 24,
  name: "AddPartitionsToTxn",
  versions: [0, 3],
  flexible: 3,
  request: {
    v3AndBelowTransactionalId: "string",
    v3AndBelowProducerId: "int64",
    v3AndBelowProducerEpoch: "int16",
    v3AndBelowTopics: {
      array: {
        name: "string",
        partitions: "int32[]",
      },
    },
  },
  response: {
    throttleTimeMs: "int32",
    resultsByTopicV3AndBelow: {
      array: {
        name: "string",
        resultsByPartition: {
          array: {
            partitionIndex: "int32",
            partitionErrorCode: "int16",
          },
        },
      },
    },
  },
} as const;
