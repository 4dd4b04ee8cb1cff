/** DescribeConfigs, API key 32. */
export const describeConfigsApi = {
  key: 32,
  name: "DescribeConfigs",
  versions: [1, 4],
  flexible: 4,
  request: {
    resources: {
      array: {
        resourceType: "int8",
        resourceName: "string",
        configurationKeys: "string[]?",
      },
    },
    includeSynonyms: "bool",
    includeDocumentation: "bool 3+",
  },
  response: {
    throttleTimeMs: "int32",
    results: {
      array: {
        errorCode: "int16",
        errorMessage: "string?",
        resourceType: "int8",
        resourceName: "string",
        configs: {
          array: {
            name: "string",
            value: "string?",
            readOnly: "bool",
            configSource: "int8 = -1",
            isSensitive: "bool",
            synonyms: {
              array: {
                name: "string",
                value: "string?",
                source: "int8",
              },
            },
            configType: "int8 3+",
            documentation: "string? 3+",
          },
        },
      },
    },
  },
} as const;
