/** DescribeLogDirs, API key 35. */
export const describeLogDirsApi = {
  key: 35,
  name: "DescribeLogDirs",
  versions: [1, 4],
  flexible: 2,
  request: {
    topics: {
      nullable: true,
      array: {
        topic: "string",
        partitions: "int32[]",
      },
    },
  },
  response: {
    throttleTimeMs: "int32",
    errorCode: "int16 3+",
    results: {
      array: {
        errorCode: "int16",
        logDir: "string",
        topics: {
          array: {
            name: "string",
            partitions: {
              array: {
                partitionIndex: "int32",
                partitionSize: "int64",
                offsetLag: "int64",
                isFutureKey: "bool",
              },
            },
          },
        },
        totalBytes: "int64 4+ = -1",
        usableBytes: "int64 4+ = -1",
      },
    },
  },
} as const;
