/** CreateAcls, API key 30. */
export const createAclsApi = {
  key: 30,
  name: "CreateAcls",
  versions: [1, 3],
  flexible: 2,
  request: {
    creations: {
      array: {
        resourceType: "int8",
        resourceName: "string",
        resourcePatternType: "int8 1+ = 3",
        principal: "string",
        host: "string",
        operation: "int8",
        permissionType: "int8",
      },
    },
  },
  response: {
    throttleTimeMs: "int32",
    results: {
      array: {
        errorCode: "int16",
        errorMessage: "string?",
      },
    },
  },
} as const;
