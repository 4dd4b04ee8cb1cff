import { expect } from "vitest";
import { messageOf } from "../../src/base/errors.ts";
import { errorName } from "../../src/kafka-protocol/error-codes.ts";
import { addOffsetsToTxnApi } from "../../src/kafka-protocol/messages/add-offsets-to-txn.ts";
import { addPartitionsToTxnApi } from "../../src/kafka-protocol/messages/add-partitions-to-txn.ts";
import { alterConfigsApi } from "../../src/kafka-protocol/messages/alter-configs.ts";
import { alterUserScramCredentialsApi } from "../../src/kafka-protocol/messages/alter-user-scram-credentials.ts";
import { apiVersionsApi } from "../../src/kafka-protocol/messages/api-versions.ts";
import { createAclsApi } from "../../src/kafka-protocol/messages/create-acls.ts";
import { createPartitionsApi } from "../../src/kafka-protocol/messages/create-partitions.ts";
import { createTopicsApi } from "../../src/kafka-protocol/messages/create-topics.ts";
import { deleteAclsApi } from "../../src/kafka-protocol/messages/delete-acls.ts";
import { deleteGroupsApi } from "../../src/kafka-protocol/messages/delete-groups.ts";
import { deleteRecordsApi } from "../../src/kafka-protocol/messages/delete-records.ts";
import { deleteTopicsApi } from "../../src/kafka-protocol/messages/delete-topics.ts";
import { describeAclsApi } from "../../src/kafka-protocol/messages/describe-acls.ts";
import { describeClientQuotasApi } from "../../src/kafka-protocol/messages/describe-client-quotas.ts";
import { describeClusterApi } from "../../src/kafka-protocol/messages/describe-cluster.ts";
import { describeConfigsApi } from "../../src/kafka-protocol/messages/describe-configs.ts";
import { describeGroupsApi } from "../../src/kafka-protocol/messages/describe-groups.ts";
import { describeLogDirsApi } from "../../src/kafka-protocol/messages/describe-log-dirs.ts";
import { describeProducersApi } from "../../src/kafka-protocol/messages/describe-producers.ts";
import { describeTransactionsApi } from "../../src/kafka-protocol/messages/describe-transactions.ts";
import { describeUserScramCredentialsApi } from "../../src/kafka-protocol/messages/describe-user-scram-credentials.ts";
import { endTxnApi } from "../../src/kafka-protocol/messages/end-txn.ts";
import { fetchApi } from "../../src/kafka-protocol/messages/fetch.ts";
import { findCoordinatorApi } from "../../src/kafka-protocol/messages/find-coordinator.ts";
import { heartbeatApi } from "../../src/kafka-protocol/messages/heartbeat.ts";
import { incrementalAlterConfigsApi } from "../../src/kafka-protocol/messages/incremental-alter-configs.ts";
import { initProducerIdApi } from "../../src/kafka-protocol/messages/init-producer-id.ts";
import { joinGroupApi } from "../../src/kafka-protocol/messages/join-group.ts";
import { leaveGroupApi } from "../../src/kafka-protocol/messages/leave-group.ts";
import { listGroupsApi } from "../../src/kafka-protocol/messages/list-groups.ts";
import { listOffsetsApi } from "../../src/kafka-protocol/messages/list-offsets.ts";
import { listTransactionsApi } from "../../src/kafka-protocol/messages/list-transactions.ts";
import { metadataApi } from "../../src/kafka-protocol/messages/metadata.ts";
import { offsetCommitApi } from "../../src/kafka-protocol/messages/offset-commit.ts";
import { offsetDeleteApi } from "../../src/kafka-protocol/messages/offset-delete.ts";
import { offsetFetchApi } from "../../src/kafka-protocol/messages/offset-fetch.ts";
import { offsetForLeaderEpochApi } from "../../src/kafka-protocol/messages/offset-for-leader-epoch.ts";
import { produceApi } from "../../src/kafka-protocol/messages/produce.ts";
import { saslAuthenticateApi } from "../../src/kafka-protocol/messages/sasl-authenticate.ts";
import { saslHandshakeApi } from "../../src/kafka-protocol/messages/sasl-handshake.ts";
import { syncGroupApi } from "../../src/kafka-protocol/messages/sync-group.ts";
import { txnOffsetCommitApi } from "../../src/kafka-protocol/messages/txn-offset-commit.ts";
import { encodeBatch } from "../../src/kafka-protocol/record-batch.ts";
import { connectForRequests, type RequestConnection } from "../../src/kafka-protocol/request-connection.ts";
import type { ApiTable, RequestDraft } from "../../src/kafka-protocol/schema.ts";
import type { KafkaUser } from "../../src/stack/kafka-jvm/server-properties.ts";

/** Who may do everything. */
export const ADMIN: KafkaUser = { name: "admin", password: "admin-secret" };
/** Who may do a little, by the rules below. */
export const ALICE: KafkaUser = { name: "alice", password: "alice-secret" };

interface Step {
  readonly name: string;
  readonly api: ApiTable;
  readonly version: number;
  readonly body: unknown;
}

const steps: Step[] = [];
function step<A extends ApiTable>(api: A, versions: readonly number[], body: RequestDraft<A>, name: string = ""): void {
  for (const version of versions) steps.push({ name: `${api.name} v${version} ${name}`.trim(), api, version, body });
}

const TOPIC = 2;
const GROUP = 3;
const CLUSTER = 4;
const TRANSACTIONAL_ID = 5;
const LITERAL = 3;
const PREFIXED = 4;
const ALLOW = 3;
const DENY = 2;
const [ALL, READ, WRITE, CREATE, DESCRIBE, DESCRIBE_CONFIGS] = [2, 3, 4, 5, 8, 10];

const acl = (resourceType: number, resourceName: string, operation: number, permissionType: number = ALLOW, pattern: number = LITERAL) => ({
  resourceType,
  resourceName,
  resourcePatternType: pattern,
  principal: "User:alice",
  host: "*",
  operation,
  permissionType,
});

const ACLS = [
  acl(TOPIC, "writes", WRITE),
  acl(TOPIC, "reads", READ),
  acl(TOPIC, "seen", DESCRIBE),
  acl(TOPIC, "pre-", ALL, ALLOW, PREFIXED),
  acl(TOPIC, "pre-secret", ALL, DENY),
  acl(TOPIC, "made-", CREATE, ALLOW, PREFIXED),
  acl(TOPIC, "made-", DESCRIBE_CONFIGS, ALLOW, PREFIXED),
  acl(TOPIC, "bare-", CREATE, ALLOW, PREFIXED),
  acl(GROUP, "mine", READ),
  acl(GROUP, "looked-at", DESCRIBE),
  acl(TRANSACTIONAL_ID, "my-txn", WRITE),
];
const TOPICS = ["writes", "reads", "seen", "pre-open", "pre-secret", "hidden"];
const ALL_TOPICS = [...TOPICS, "nowhere"];

const records = encodeBatch([{ key: null, value: Buffer.from("v"), timestampMs: 1 }]);

step(produceApi, [3, 7, 9], {
  acks: -1,
  timeoutMs: 1000,
  topicData: TOPICS.map((name) => ({ name, partitionData: [{ index: 0, records }] })),
});
step(
  produceApi,
  [7],
  {
    transactionalId: "their-txn",
    acks: -1,
    timeoutMs: 1000,
    topicData: [
      {
        name: "writes",
        partitionData: [
          {
            index: 0,
            records: encodeBatch([{ key: null, value: null, timestampMs: 1 }], {
              isTransactional: true,
              producerId: 5,
              producerEpoch: 0,
              baseSequence: 0,
            }),
          },
        ],
      },
    ],
  },
  "in a foreign transaction",
);
step(fetchApi, [4, 11, 12], {
  maxWaitMs: 0,
  minBytes: 0,
  maxBytes: 100_000,
  isolationLevel: 0,
  sessionId: 0,
  sessionEpoch: -1,
  forgottenTopicsData: [],
  topics: ALL_TOPICS.map((topic) => ({ topic, partitions: [{ partition: 0, fetchOffset: 0, partitionMaxBytes: 10_000 }] })),
});
step(listOffsetsApi, [1, 7], {
  replicaId: -1,
  topics: ALL_TOPICS.map((name) => ({ name, partitions: [{ partitionIndex: 0, timestamp: -1 }] })),
});
step(offsetForLeaderEpochApi, [3], { topics: ALL_TOPICS.map((topic) => ({ topic, partitions: [{ partition: 0, leaderEpoch: 0 }] })) });
const named = { topics: ALL_TOPICS.map((name) => ({ name })), allowAutoTopicCreation: false };
step(metadataApi, [1, 8, 12], { ...named, includeTopicAuthorizedOperations: true, includeClusterAuthorizedOperations: true });
step(metadataApi, [0], { topics: [] }, "of all");
step(metadataApi, [9], { topics: null, includeTopicAuthorizedOperations: true }, "of all");
step(metadataApi, [5], { topics: [{ name: "no-right-to-make" }], allowAutoTopicCreation: true }, "that would be made");
step(offsetCommitApi, [2, 8], {
  groupId: "mine",
  topics: ALL_TOPICS.map((name) => ({ name, partitions: [{ partitionIndex: 0, committedOffset: 1, committedMetadata: "" }] })),
});
step(
  offsetCommitApi,
  [8],
  { groupId: "looked-at", topics: [{ name: "reads", partitions: [{ partitionIndex: 0, committedOffset: 1, committedMetadata: "" }] }] },
  "of another",
);
for (const groupId of ["mine", "looked-at", "foreign"]) {
  const topics = ALL_TOPICS.map((name) => ({ name, partitionIndexes: [0] }));
  step(offsetFetchApi, [1, 5], { groupId, topics }, groupId);
  step(offsetFetchApi, [5], { groupId, topics: null }, `${groupId}, all`);
}
step(offsetFetchApi, [8], {
  groups: ["mine", "looked-at", "foreign"].map((groupId) => ({
    groupId,
    topics: ALL_TOPICS.map((name) => ({ name, partitionIndexes: [0] })),
  })),
});
step(offsetFetchApi, [8], { groups: ["mine", "foreign"].map((groupId) => ({ groupId, topics: null })) }, "all");
step(findCoordinatorApi, [0, 2, 3], { key: "mine", keyType: 0 }, "mine");
step(findCoordinatorApi, [0, 1, 3], { key: "foreign", keyType: 0 }, "foreign");
step(findCoordinatorApi, [1], { key: "their-txn", keyType: 1 }, "their transaction");
step(findCoordinatorApi, [4], { keyType: 0, coordinatorKeys: ["mine", "foreign"] });
step(joinGroupApi, [1, 5, 7], {
  groupId: "foreign",
  sessionTimeoutMs: 10_000,
  memberId: "m",
  protocolType: "consumer",
  protocols: [{ name: "range", metadata: Buffer.from("x") }],
});
step(syncGroupApi, [1, 5], {
  groupId: "foreign",
  generationId: 1,
  memberId: "m",
  protocolType: "consumer",
  protocolName: "range",
  assignments: [],
});
step(heartbeatApi, [1, 4], { groupId: "foreign", generationId: 1, memberId: "m" });
step(leaveGroupApi, [1, 4], { groupId: "foreign", memberId: "m", members: [{ memberId: "m", groupInstanceId: null }] });
step(describeGroupsApi, [1, 5], { groups: ["mine", "foreign"], includeAuthorizedOperations: true });
step(listGroupsApi, [4], { statesFilter: [], typesFilter: [] });
step(deleteGroupsApi, [1, 2], { groupsNames: ["mine", "foreign"] });
step(offsetDeleteApi, [0], { groupId: "mine", topics: [{ name: "reads", partitions: [{ partitionIndex: 0 }] }] });
const wanted = ["made-1", "bare-1", "pre-made", "other"].map((name) => ({
  name,
  numPartitions: 1,
  replicationFactor: 1,
  assignments: [],
  configs: [],
}));
step(createTopicsApi, [4, 7], { topics: wanted, timeoutMs: 5000, validateOnly: true });
step(createPartitionsApi, [1, 3], {
  topics: ["pre-open", "writes", "nowhere"].map((name) => ({ name, count: 2, assignments: null })),
  timeoutMs: 5000,
  validateOnly: true,
});
step(deleteRecordsApi, [1, 2], {
  topics: ["reads", "pre-open", "pre-secret"].map((name) => ({ name, partitions: [{ partitionIndex: 0, offset: 0 }] })),
  timeoutMs: 5000,
});
step(deleteTopicsApi, [3, 5], { topicNames: ["reads", "hidden", "nowhere", "pre-secret"], timeoutMs: 5000 });
step(deleteTopicsApi, [6], {
  topics: ["reads", "hidden", "nowhere"].map((name) => ({ name, topicId: "AAAAAAAAAAAAAAAAAAAAAA" })),
  timeoutMs: 5000,
});
step(initProducerIdApi, [1, 4], { transactionalId: "their-txn", transactionTimeoutMs: 1000 });
step(addPartitionsToTxnApi, [1, 3], {
  v3AndBelowTransactionalId: "their-txn",
  v3AndBelowProducerId: 1,
  v3AndBelowProducerEpoch: 0,
  v3AndBelowTopics: [{ name: "writes", partitions: [0] }],
});
step(
  addPartitionsToTxnApi,
  [3],
  {
    v3AndBelowTransactionalId: "my-txn",
    v3AndBelowProducerId: 1,
    v3AndBelowProducerEpoch: 0,
    v3AndBelowTopics: [
      { name: "writes", partitions: [0] },
      { name: "hidden", partitions: [0] },
    ],
  },
  "mine",
);
step(addOffsetsToTxnApi, [1, 3], { transactionalId: "their-txn", producerId: 1, producerEpoch: 0, groupId: "mine" });
step(addOffsetsToTxnApi, [3], { transactionalId: "my-txn", producerId: 1, producerEpoch: 0, groupId: "foreign" }, "of a foreign group");
step(endTxnApi, [1, 3], { transactionalId: "their-txn", producerId: 1, producerEpoch: 0, committed: true });
const txnTopics = ["reads", "hidden"].map((name) => ({
  name,
  partitions: [{ partitionIndex: 0, committedOffset: 1, committedMetadata: "" }],
}));
step(txnOffsetCommitApi, [2, 3], { transactionalId: "their-txn", groupId: "mine", producerId: 1, producerEpoch: 0, topics: txnTopics });
step(
  txnOffsetCommitApi,
  [3],
  { transactionalId: "my-txn", groupId: "foreign", producerId: 1, producerEpoch: 0, topics: txnTopics },
  "to a foreign group",
);
const resources = [
  ...["made-1", "writes", "pre-open"].map((resourceName) => ({ resourceType: 2, resourceName })),
  { resourceType: 4, resourceName: "1" },
];
step(describeConfigsApi, [1, 4], {
  resources: resources.slice(1).map((one) => ({ ...one, configurationKeys: ["retention.ms"] })),
  includeSynonyms: false,
});
step(alterConfigsApi, [1, 2], { resources: resources.slice(1).map((one) => ({ ...one, configs: [] })), validateOnly: true });
step(incrementalAlterConfigsApi, [1], {
  resources: resources.slice(1).map((one) => ({ ...one, configs: [{ name: "retention.ms", configOperation: 0, value: "5" }] })),
  validateOnly: true,
});
step(describeLogDirsApi, [2, 4], { topics: null });
step(describeClusterApi, [0, 1], { includeClusterAuthorizedOperations: true });
step(describeProducersApi, [0], { topics: ["reads", "hidden"].map((name) => ({ name, partitionIndexes: [0] })) });
step(describeTransactionsApi, [0], { transactionalIds: ["their-txn"] });
step(listTransactionsApi, [0], { stateFilters: [], producerIdFilters: [] });
step(describeUserScramCredentialsApi, [0], { users: [{ name: "bob" }] });
step(alterUserScramCredentialsApi, [0], { deletions: [{ name: "bob", mechanism: 1 }], upsertions: [] });
step(describeClientQuotasApi, [0, 1], { components: [], strict: false });
const anyAcl = {
  resourceTypeFilter: 1,
  resourceNameFilter: null,
  patternTypeFilter: 1,
  principalFilter: null,
  hostFilter: null,
  operation: 1,
  permissionType: 1,
};
step(describeAclsApi, [1, 3], anyAcl);
step(createAclsApi, [1, 3], { creations: [acl(TOPIC, "hidden", READ)] });
step(deleteAclsApi, [1, 3], { filters: [anyAcl] });
step(saslHandshakeApi, [0, 1], { mechanism: "PLAIN" });
step(saslAuthenticateApi, [0, 2], { authBytes: Buffer.from("\0x\0y") });

/** What those may do who may do everything, and what is wrong whoever asks. */
const adminSteps: Step[] = [];
function adminStep<A extends ApiTable>(api: A, version: number, body: RequestDraft<A>, name: string): void {
  adminSteps.push({ name: `admin: ${api.name} v${version} ${name}`, api, version, body });
}
adminStep(describeClusterApi, 1, { includeClusterAuthorizedOperations: true }, "operations");
adminStep(
  metadataApi,
  8,
  {
    topics: [{ name: "reads" }],
    allowAutoTopicCreation: false,
    includeTopicAuthorizedOperations: true,
    includeClusterAuthorizedOperations: true,
  },
  "operations",
);
adminStep(describeGroupsApi, 5, { groups: ["mine"], includeAuthorizedOperations: true }, "operations");
adminStep(createAclsApi, 3, { creations: [acl(CLUSTER, "other", ALL)] }, "with another cluster's name");
adminStep(createAclsApi, 3, { creations: [acl(TOPIC, "", READ)] }, "without a name");
adminStep(createAclsApi, 3, { creations: [{ ...acl(TOPIC, "t", READ), principal: "alice" }] }, "without a type of principal");
adminStep(
  describeAclsApi,
  3,
  { ...anyAcl, resourceTypeFilter: 2, resourceNameFilter: "pre-secret", patternTypeFilter: 2 },
  "that match a name",
);
adminStep(describeAclsApi, 3, { ...anyAcl, resourceTypeFilter: 2, resourceNameFilter: "pre-", patternTypeFilter: 4 }, "by prefix");
adminStep(describeAclsApi, 3, { ...anyAcl, operation: READ }, "by operation");
adminStep(createAclsApi, 3, { creations: [acl(TOPIC, "gone", READ), acl(TOPIC, "gone", READ)] }, "twice");
adminStep(
  deleteAclsApi,
  3,
  {
    filters: [
      { ...anyAcl, resourceNameFilter: "gone" },
      { ...anyAcl, resourceNameFilter: "never-there" },
    ],
  },
  "by name",
);
adminStep(describeUserScramCredentialsApi, 0, { users: [{ name: "alice" }, { name: "nobody" }] }, "by name");
adminStep(describeUserScramCredentialsApi, 0, { users: [{ name: "alice" }, { name: "alice" }] }, "twice");
const salted = { mechanism: 1, iterations: 4096, salt: Buffer.from("salt"), saltedPassword: Buffer.alloc(32) };
adminStep(alterUserScramCredentialsApi, 0, { deletions: [{ name: "nobody", mechanism: 1 }], upsertions: [] }, "of nobody");
adminStep(alterUserScramCredentialsApi, 0, { deletions: [], upsertions: [{ ...salted, name: "" }] }, "without a name");
adminStep(
  alterUserScramCredentialsApi,
  0,
  { deletions: [], upsertions: [{ ...salted, name: "c", iterations: 4095 }] },
  "with too few rounds",
);
adminStep(
  alterUserScramCredentialsApi,
  0,
  { deletions: [], upsertions: [{ ...salted, name: "c", iterations: 16_385 }] },
  "with too many rounds",
);
adminStep(
  alterUserScramCredentialsApi,
  0,
  { deletions: [], upsertions: [{ ...salted, name: "c", mechanism: 9 }] },
  "with another mechanism",
);
adminStep(alterUserScramCredentialsApi, 0, { deletions: [{ name: "d", mechanism: 1 }], upsertions: [{ ...salted, name: "d" }] }, "twice");

interface Subject {
  readonly host: string;
  readonly port: number;
}

async function logIn({ host, port }: Subject, user: { readonly name: string; readonly password: string }): Promise<RequestConnection> {
  const client = await connectForRequests({ host, port, clientId: "permissions" });
  await client.request(apiVersionsApi, 3, { clientSoftwareName: "raw", clientSoftwareVersion: "1" });
  expect((await client.request(saslHandshakeApi, 1, { mechanism: "PLAIN" })).errorCode).toBe(0);
  const answer = await client.request(saslAuthenticateApi, 2, { authBytes: Buffer.from(`\0${user.name}\0${user.password}`) });
  expect(answer.errorMessage ?? "").toBe("");
  expect(answer.errorCode).toBe(0);
  return client;
}

const IRRELEVANT: ReadonlySet<string> = new Set([
  ...["throttleTimeMs", "brokers", "clusterId", "controllerId", "topicId", "logAppendTimeMs", "records", "host", "port", "nodeId"],
  ...["leaderEpoch", "abortedTransactions", "endpointType", "oldStyleOffsets"],
]);
/** Lists whose order nobody promises. */
const keyOf = (one: unknown): string => JSON.stringify(one);

/** An answer without what differs from cluster to cluster, its lists sorted, its codes by name. */
function plain(value: unknown, name: string = ""): unknown {
  if (Buffer.isBuffer(value)) return value.toString();
  if (Array.isArray(value)) {
    if (name === "configs") return "…";
    return value.map((one) => plain(one)).sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));
  }
  if (typeof value !== "object" || value === null) {
    if (typeof value === "string" && /needs \w+ permission\.$/.test(value)) return "Cluster authorization failed.";
    return /errorCode$/i.test(name) && typeof value === "number" ? errorName(value) : value;
  }
  return Object.fromEntries(
    Object.entries(value)
      .filter(([key]) => !IRRELEVANT.has(key))
      .map(([key, one]) => [key, plain(one, key)]),
  );
}

/** What a cluster answers to it all, in lines without what differs from cluster to cluster. */
export async function transcript(subject: Subject): Promise<string[]> {
  const admin = await logIn(subject, ADMIN);
  const alice = await logIn(subject, ALICE);
  const lines: string[] = [];
  try {
    const topics = TOPICS.map((name) => ({ name, numPartitions: 1, replicationFactor: 1, assignments: [], configs: [] }));
    await admin.request(createTopicsApi, 5, { topics, timeoutMs: 10_000, validateOnly: false });
    const made = await admin.request(createAclsApi, 3, { creations: ACLS });
    lines.push(`rules: ${JSON.stringify(plain(made))}`);
    const commit = {
      groupId: "foreign",
      topics: [{ name: "reads", partitions: [{ partitionIndex: 0, committedOffset: 1, committedMetadata: "" }] }],
    };
    await untilCommitted(admin, commit);
    for (const [client, list] of [
      [alice, steps],
      [admin, adminSteps],
    ] as const) {
      for (const { name, api, version, body } of list) {
        const answer: unknown = await client.request(api, version, body as RequestDraft<ApiTable>).catch(messageOf);
        lines.push(`${name}: ${JSON.stringify(plain(answer))}`);
      }
    }
    return lines;
  } finally {
    admin.close();
    alice.close();
  }
}

/** A fresh Kafka makes its topic of offsets first. */
async function untilCommitted(client: RequestConnection, body: RequestDraft<typeof offsetCommitApi>): Promise<void> {
  for (const deadline = performance.now() + 20_000; ;) {
    await client.request(findCoordinatorApi, 3, { key: body.groupId, keyType: 0 });
    const answer = await client.request(offsetCommitApi, 5, body);
    if (answer.topics[0]?.partitions[0]?.errorCode === 0) return;
    if (performance.now() > deadline) throw new Error(`not committed: ${JSON.stringify(answer)}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
