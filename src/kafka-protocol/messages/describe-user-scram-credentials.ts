/** DescribeUserScramCredentials, API key 50. */
export const describeUserScramCredentialsApi = {
  key: 50,
  name: "DescribeUserScramCredentials",
  versions: [0, 0],
  flexible: 0,
  request: {
    users: {
      nullable: true,
      array: {
        name: "string",
      },
    },
  },
  response: {
    throttleTimeMs: "int32",
    errorCode: "int16",
    errorMessage: "string?",
    results: {
      array: {
        user: "string",
        errorCode: "int16",
        errorMessage: "string?",
        credentialInfos: {
          array: {
            mechanism: "int8",
            iterations: "int32",
          },
        },
      },
    },
  },
} as const;
