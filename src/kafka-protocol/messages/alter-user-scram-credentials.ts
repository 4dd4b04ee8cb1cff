/** AlterUserScramCredentials, API key 51. */
export const alterUserScramCredentialsApi = {
  key: 51,
  name: "AlterUserScramCredentials",
  versions: [0, 0],
  flexible: 0,
  request: {
    deletions: {
      array: {
        name: "string",
        mechanism: "int8",
      },
    },
    upsertions: {
      array: {
        name: "string",
        mechanism: "int8",
        iterations: "int32",
        salt: "bytes",
        saltedPassword: "bytes",
      },
    },
  },
  response: {
    throttleTimeMs: "int32",
    results: {
      array: {
        user: "string",
        errorCode: "int16",
        errorMessage: "string?",
      },
    },
  },
} as const;
