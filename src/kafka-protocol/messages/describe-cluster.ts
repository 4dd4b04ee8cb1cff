/** DescribeCluster, API key 60. */
export const describeClusterApi = {
  key: 60,
  name: "DescribeCluster",
  versions: [0, 1],
  flexible: 0,
  request: {
    includeClusterAuthorizedOperations: "bool",
    endpointType: "int8 1+ = 1",
  },
  response: {
    throttleTimeMs: "int32",
    errorCode: "int16",
    errorMessage: "string?",
    endpointType: "int8 1+ = 1",
    clusterId: "string",
    controllerId: "int32 = -1",
    brokers: {
      array: {
        brokerId: "int32",
        host: "string",
        port: "int32",
        rack: "string?",
      },
    },
    clusterAuthorizedOperations: "int32 = -2147483648",
  },
} as const;
