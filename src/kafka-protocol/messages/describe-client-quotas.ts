/** DescribeClientQuotas, API key 48 (KIP-546). */
export const describeClientQuotasApi = {
  key: 48,
  name: "DescribeClientQuotas",
  versions: [0, 1],
  flexible: 1,
  request: {
    components: {
      array: {
        entityType: "string",
        matchType: "int8",
        match: "string?",
      },
    },
    strict: "bool",
  },
  response: {
    throttleTimeMs: "int32",
    errorCode: "int16",
    errorMessage: "string?",
    entries: {
      nullable: true,
      array: {
        entity: {
          array: {
            entityType: "string",
            entityName: "string?",
          },
        },
        values: {
          array: {
            key: "string",
            value: "float64",
          },
        },
      },
    },
  },
} as const;
