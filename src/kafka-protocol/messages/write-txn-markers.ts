/** WriteTxnMarkers, API key 27: what `kafka-transactions.sh abort` sends to end a hanging transaction (KIP-664). */
export const writeTxnMarkersApi = {
  key: 27,
  name: "WriteTxnMarkers",
  versions: [1, 1],
  flexible: 1,
  request: {
    markers: {
      array: {
        producerId: "int64",
        producerEpoch: "int16",
        transactionResult: "bool",
        topics: {
          array: {
            name: "string",
            partitionIndexes: "int32[]",
          },
        },
        coordinatorEpoch: "int32",
      },
    },
  },
  response: {
    markers: {
      array: {
        producerId: "int64",
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
    },
  },
} as const;
