import { errorCodes } from "../../kafka-protocol/error-codes.ts";
import { alterConfigsApi } from "../../kafka-protocol/messages/alter-configs.ts";
import { alterUserScramCredentialsApi } from "../../kafka-protocol/messages/alter-user-scram-credentials.ts";
import { createAclsApi } from "../../kafka-protocol/messages/create-acls.ts";
import { deleteAclsApi } from "../../kafka-protocol/messages/delete-acls.ts";
import { describeAclsApi } from "../../kafka-protocol/messages/describe-acls.ts";
import { describeClientQuotasApi } from "../../kafka-protocol/messages/describe-client-quotas.ts";
import { describeClusterApi } from "../../kafka-protocol/messages/describe-cluster.ts";
import { describeConfigsApi } from "../../kafka-protocol/messages/describe-configs.ts";
import { describeLogDirsApi } from "../../kafka-protocol/messages/describe-log-dirs.ts";
import { describeUserScramCredentialsApi } from "../../kafka-protocol/messages/describe-user-scram-credentials.ts";
import { incrementalAlterConfigsApi } from "../../kafka-protocol/messages/incremental-alter-configs.ts";
import type { Access } from "./authorizer.ts";
import { guardOf, parted, REFUSAL_WORDS, type Guard } from "./guard.ts";
import { clusterOperations } from "./topic-guards.ts";

const REFUSED = errorCodes.CLUSTER_AUTHORIZATION_FAILED;
const REFUSAL = { errorCode: REFUSED, errorMessage: REFUSAL_WORDS.CLUSTER };

/** Everyone may learn where the brokers are; what may be done with the cluster is told to those who may describe it. */
const describeClusterGuard: Guard = guardOf(
  describeClusterApi,
  async (body, { access }, next) => {
    const answer = await next(body);
    if (!answer || !body.includeClusterAuthorizedOperations) return answer;
    return { ...answer, clusterAuthorizedOperations: clusterOperations(access) };
  },
  true,
);

const TOPIC = 2;
const GROUP = 32;

interface Resource {
  readonly resourceType: number;
  readonly resourceName: string;
}

/** Configs belong to a topic, to a group, or to the cluster: brokers and their logs. */
function mayConfigs(access: Access, operation: "DESCRIBE_CONFIGS" | "ALTER_CONFIGS", { resourceType, resourceName }: Resource): boolean {
  if (resourceType === TOPIC) return access.allows(operation, "TOPIC", resourceName);
  if (resourceType === GROUP) return access.allows(operation, "GROUP", resourceName);
  return access.allowsOnCluster(operation);
}

function configRefusal({ resourceType, resourceName }: Resource) {
  const resource = { resourceType, resourceName };
  if (resourceType === TOPIC) return { ...resource, errorCode: errorCodes.TOPIC_AUTHORIZATION_FAILED, errorMessage: REFUSAL_WORDS.TOPIC };
  if (resourceType === GROUP) return { ...resource, errorCode: errorCodes.GROUP_AUTHORIZATION_FAILED, errorMessage: REFUSAL_WORDS.GROUP };
  return { ...resource, ...REFUSAL };
}

const describeConfigsGuard: Guard = guardOf(describeConfigsApi, async (body, { access }, next) => {
  const { allowed, refused } = parted(body.resources, (resource) => mayConfigs(access, "DESCRIBE_CONFIGS", resource));
  const answer = await next({ ...body, resources: allowed });
  return answer && { ...answer, results: [...answer.results, ...refused.map((one) => ({ ...configRefusal(one), configs: [] }))] };
});

const alterConfigsGuard: Guard = guardOf(alterConfigsApi, async (body, { access }, next) => {
  const { allowed, refused } = parted(body.resources, (resource) => mayConfigs(access, "ALTER_CONFIGS", resource));
  const answer = await next({ ...body, resources: allowed });
  return answer && { ...answer, responses: [...answer.responses, ...refused.map(configRefusal)] };
});

const incrementalAlterConfigsGuard: Guard = guardOf(incrementalAlterConfigsApi, async (body, { access }, next) => {
  const { allowed, refused } = parted(body.resources, (resource) => mayConfigs(access, "ALTER_CONFIGS", resource));
  const answer = await next({ ...body, resources: allowed });
  return answer && { ...answer, responses: [...answer.responses, ...refused.map(configRefusal)] };
});

const describeLogDirsGuard: Guard = guardOf(describeLogDirsApi, (body, { access }, next) =>
  access.allowsOnCluster("DESCRIBE") ? next(body) : { throttleTimeMs: 0, errorCode: REFUSED, results: [] },
);

const describeUsersGuard: Guard = guardOf(describeUserScramCredentialsApi, (body, { access }, next) =>
  access.allowsOnCluster("DESCRIBE") ? next(body) : refusedUsers(body.users?.length ?? 0),
);

/** Kafka leaves the names out. */
function refusedUsers(count: number) {
  const refusal = { errorCode: REFUSED, errorMessage: null };
  return { throttleTimeMs: 0, ...refusal, results: Array.from({ length: count }, () => ({ user: "", ...refusal, credentialInfos: [] })) };
}

const alterUsersGuard: Guard = guardOf(alterUserScramCredentialsApi, (body, { access }, next) => {
  if (access.allowsOnCluster("ALTER")) return next(body);
  const users = new Set([...body.deletions, ...body.upsertions].map(({ name }) => name));
  return { throttleTimeMs: 0, results: [...users].map((user) => ({ user, ...REFUSAL })) };
});

const describeClientQuotasGuard: Guard = guardOf(describeClientQuotasApi, (body, { access }, next) =>
  access.allowsOnCluster("DESCRIBE_CONFIGS") ? next(body) : { throttleTimeMs: 0, errorCode: REFUSED, errorMessage: null, entries: null },
);

const describeAclsGuard: Guard = guardOf(describeAclsApi, (body, { access }, next) =>
  access.allowsOnCluster("DESCRIBE") ? next(body) : { throttleTimeMs: 0, ...REFUSAL, resources: [] },
);

const createAclsGuard: Guard = guardOf(createAclsApi, (body, { access }, next) =>
  access.allowsOnCluster("ALTER") ? next(body) : { throttleTimeMs: 0, results: body.creations.map(() => REFUSAL) },
);

const deleteAclsGuard: Guard = guardOf(deleteAclsApi, (body, { access }, next) =>
  access.allowsOnCluster("ALTER")
    ? next(body)
    : { throttleTimeMs: 0, filterResults: body.filters.map(() => ({ ...REFUSAL, matchingAcls: [] })) },
);

/** What APIs about the cluster, its configs and its users need. */
export const clusterGuards: readonly Guard[] = [
  describeClusterGuard,
  describeConfigsGuard,
  alterConfigsGuard,
  incrementalAlterConfigsGuard,
  describeLogDirsGuard,
  describeUsersGuard,
  alterUsersGuard,
  describeClientQuotasGuard,
  describeAclsGuard,
  createAclsGuard,
  deleteAclsGuard,
];
