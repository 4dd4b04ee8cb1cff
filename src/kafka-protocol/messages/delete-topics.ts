/** DeleteTopics, API key 20. */
export const deleteTopicsApi = {
  key: 20,
  name: "DeleteTopics",
  versions: [1, 6],
  flexible: 4,
  request: {
    topics: {
      versions: "6+",
      array: {
        name: "string?",
        topicId: "uuid",
      },
    },
    topicNames: "string[] 1-5",
    timeoutMs: "int32",
  },
  response: {
    throttleTimeMs: "int32",
    responses: {
      array: {
        name: "string null 6+",
        topicId: "uuid 6+",
        errorCode: "int16",
        errorMessage: "string? 5+",
      },
    },
  },
} as const;
