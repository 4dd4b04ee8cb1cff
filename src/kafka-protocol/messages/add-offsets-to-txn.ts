/** AddOffsetsToTxn, API key 25. */
export const addOffsetsToTxnApi = {
  key: 25,
  name: "AddOffsetsToTxn",
  versions: [0, 3],
  flexible: 3,
  request: {
    transactionalId: "string",
    producerId: "int64",
    producerEpoch: "int16",
    groupId: "string",
  },
  response: {
    throttleTimeMs: "int32",
    errorCode: "int16",
  },
} as const;
