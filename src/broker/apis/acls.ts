import { errorCodes } from "../../kafka-protocol/error-codes.ts";
import { createAclsApi } from "../../kafka-protocol/messages/create-acls.ts";
import { deleteAclsApi } from "../../kafka-protocol/messages/delete-acls.ts";
import { describeAclsApi } from "../../kafka-protocol/messages/describe-acls.ts";
import type { RequestOf } from "../../kafka-protocol/schema.ts";
import { handlerOf, type ApiHandler } from "../api-handler.ts";
import {
  ANY,
  CLUSTER_NAME,
  aclOperations,
  aclPermissions,
  nameOfNumber,
  patternTypes,
  resourceTypes,
  type Acl,
  type AclFilter,
} from "../security/acl.ts";

const DISABLED = { errorCode: errorCodes.SECURITY_DISABLED, errorMessage: "No Authorizer is configured." };
const FINE = { errorCode: errorCodes.NONE, errorMessage: "" };
const GONE = { errorCode: errorCodes.NONE, errorMessage: null };

type Filter = RequestOf<typeof describeAclsApi>;

const filterOf = (filter: Filter): AclFilter => ({
  resourceType: filter.resourceTypeFilter,
  resourceName: filter.resourceNameFilter,
  patternType: filter.patternTypeFilter,
  principal: filter.principalFilter,
  host: filter.hostFilter,
  operation: filter.operation,
  permission: filter.permissionType,
});

/** DescribeAcls: the rules that a filter means, by resource. */
export const describeAclsHandler: ApiHandler = handlerOf(describeAclsApi, [1, 3], (body, { broker }) => {
  const { authorizer } = broker.security;
  if (!authorizer) {
    return { throttleTimeMs: 0, ...DISABLED, errorMessage: "No Authorizer is configured on the broker", resources: [] };
  }
  const byResource = Map.groupBy(authorizer.list(filterOf(body)), (acl) =>
    JSON.stringify([acl.resourceType, acl.resourceName, acl.patternType]),
  );
  const resources = [...byResource.values()].map((acls) => {
    const { resourceType, resourceName, patternType } = acls[0] as Acl;
    return {
      resourceType: resourceTypes[resourceType],
      resourceName,
      patternType: patternTypes[patternType],
      acls: acls.map(({ principal, host, operation, permission }) => ({
        principal,
        host,
        operation: aclOperations[operation],
        permissionType: aclPermissions[permission],
      })),
    };
  });
  return { throttleTimeMs: 0, ...FINE, resources };
});

type Creation = RequestOf<typeof createAclsApi>["creations"][number];

/** What Kafka's own clients never send. */
const UNKNOWN = 0;
const anyOrUnknown = (code: number): string => (code === ANY ? "ANY" : "UNKNOWN");

/** The rule that is asked for, or what is wrong with it. Throws on codes that Kafka does not know, which ends the connection, as there. */
function aclOf(creation: Creation): Acl | string {
  const resourceType = nameOfNumber(resourceTypes, creation.resourceType);
  const patternType = nameOfNumber(patternTypes, creation.resourcePatternType);
  const operation = nameOfNumber(aclOperations, creation.operation);
  const permission = nameOfNumber(aclPermissions, creation.permissionType);
  const codes = [creation.resourceType, creation.resourcePatternType, creation.operation, creation.permissionType];
  if (codes.includes(UNKNOWN)) throw new Error("an ACL names an unknown type, pattern, operation or permission");
  if (!resourceType) return `Invalid resourceType ${anyOrUnknown(creation.resourceType)}`;
  if (!patternType) return `Invalid patternType ${anyOrUnknown(creation.resourcePatternType)}`;
  if (!operation) return `Invalid operation ${anyOrUnknown(creation.operation)}`;
  if (!permission) return `Invalid permissionType ${anyOrUnknown(creation.permissionType)}`;
  const { resourceName, principal, host } = creation;
  if (resourceType === "CLUSTER" && resourceName !== CLUSTER_NAME) {
    return `The only valid name for the CLUSTER resource is ${CLUSTER_NAME}`;
  }
  if (resourceName === "") return "Invalid empty resource name";
  if (!principal.includes(":")) {
    return `Could not parse principal from \`${principal}\` (no colon is present separating the principal type from the principal name)`;
  }
  return { resourceType, resourceName, patternType, principal, host, operation, permission };
}

/** CreateAcls: the answer comes when the rules are stored; they hold from then on. */
export const createAclsHandler: ApiHandler = handlerOf(createAclsApi, [1, 3], async (body, { broker }) => {
  const { authorizer } = broker.security;
  if (!authorizer) return { throttleTimeMs: 0, results: body.creations.map(() => DISABLED) };
  const wanted = body.creations.map(aclOf);
  await authorizer.add(wanted.filter((acl) => typeof acl !== "string"));
  return {
    throttleTimeMs: 0,
    results: wanted.map((acl) => (typeof acl === "string" ? { errorCode: errorCodes.INVALID_REQUEST, errorMessage: acl } : FINE)),
  };
});

/** DeleteAcls: whatever a filter means is gone when the answer comes. */
export const deleteAclsHandler: ApiHandler = handlerOf(deleteAclsApi, [1, 3], async (body, { broker }) => {
  const { authorizer } = broker.security;
  if (!authorizer) return { throttleTimeMs: 0, filterResults: body.filters.map(() => ({ ...DISABLED, matchingAcls: [] })) };
  const matching = body.filters.map((filter) => authorizer.list(filterOf(filter)));
  await authorizer.remove(matching.flat());
  return {
    throttleTimeMs: 0,
    filterResults: matching.map((acls) => ({
      ...GONE,
      matchingAcls: acls.map((acl) => ({
        ...GONE,
        resourceType: resourceTypes[acl.resourceType],
        resourceName: acl.resourceName,
        patternType: patternTypes[acl.patternType],
        principal: acl.principal,
        host: acl.host,
        operation: aclOperations[acl.operation],
        permissionType: aclPermissions[acl.permission],
      })),
    })),
  };
});
