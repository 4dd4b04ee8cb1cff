/** IncrementalAlterConfigs, API key 44. */
export const incrementalAlterConfigsApi = {
  key: 44,
  name: "IncrementalAlterConfigs",
  versions: [0, 1],
  flexible: 1,
  request: {
    resources: {
      array: {
        resourceType: "int8",
        resourceName: "string",
        configs: {
          array: {
            name: "string",
            configOperation: "int8",
            value: "string?",
          },
        },
      },
    },
    validateOnly: "bool",
  },
  response: {
    throttleTimeMs: "int32",
    responses: {
      array: {
        errorCode: "int16",
        errorMessage: "string?",
        resourceType: "int8",
        resourceName: "string",
      },
    },
  },
} as const;
