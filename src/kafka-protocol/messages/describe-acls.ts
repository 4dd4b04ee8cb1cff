/** DescribeAcls, API key 29. */
export const describeAclsApi = {
  key: 29,
  name: "DescribeAcls",
  versions: [1, 3],
  flexible: 2,
  request: {
    resourceTypeFilter: "int8",
    resourceNameFilter: "string?",
    patternTypeFilter: "int8 1+ = 3",
    principalFilter: "string?",
    hostFilter: "string?",
    operation: "int8",
    permissionType: "int8",
  },
  response: {
    throttleTimeMs: "int32",
    errorCode: "int16",
    errorMessage: "string?",
    resources: {
      array: {
        resourceType: "int8",
        resourceName: "string",
        patternType: "int8 1+ = 3",
        acls: {
          array: {
            principal: "string",
            host: "string",
            operation: "int8",
            permissionType: "int8",
          },
        },
      },
    },
  },
} as const;
