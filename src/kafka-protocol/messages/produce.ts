/** Produce, API key 0. */
export const produceApi = {
  key: 0,
  name: "Produce",
  versions: [0, 9],
  flexible: 9,
  request: {
    transactionalId: "string? 3+",
    acks: "int16",
    timeoutMs: "int32",
    topicData: {
      array: {
        name: "string",
        partitionData: {
          array: {
            index: "int32",
            records: "records?",
          },
        },
      },
    },
  },
  response: {
    responses: {
      array: {
        name: "string",
        partitionResponses: {
          array: {
            index: "int32",
            errorCode: "int16",
            baseOffset: "int64",
            logAppendTimeMs: "int64 2+ = -1",
            logStartOffset: "int64 5+ = -1",
            recordErrors: {
              versions: "8+",
              array: {
                batchIndex: "int32",
                batchIndexErrorMessage: "string?",
              },
            },
            errorMessage: "string? 8+",
          },
        },
      },
    },
    throttleTimeMs: "int32 1+",
  },
} as const;
