import { produceApi } from "./messages/produce.ts";
import { fetchApi } from "./messages/fetch.ts";
import { listOffsetsApi } from "./messages/list-offsets.ts";
import { metadataApi } from "./messages/metadata.ts";
import { offsetCommitApi } from "./messages/offset-commit.ts";
import { offsetFetchApi } from "./messages/offset-fetch.ts";
import { findCoordinatorApi } from "./messages/find-coordinator.ts";
import { joinGroupApi } from "./messages/join-group.ts";
import { heartbeatApi } from "./messages/heartbeat.ts";
import { leaveGroupApi } from "./messages/leave-group.ts";
import { syncGroupApi } from "./messages/sync-group.ts";
import { consumerGroupDescribeApi } from "./messages/consumer-group-describe.ts";
import { describeGroupsApi } from "./messages/describe-groups.ts";
import { listGroupsApi } from "./messages/list-groups.ts";
import { saslHandshakeApi } from "./messages/sasl-handshake.ts";
import { apiVersionsApi } from "./messages/api-versions.ts";
import { createTopicsApi } from "./messages/create-topics.ts";
import { deleteTopicsApi } from "./messages/delete-topics.ts";
import { deleteRecordsApi } from "./messages/delete-records.ts";
import { initProducerIdApi } from "./messages/init-producer-id.ts";
import { offsetForLeaderEpochApi } from "./messages/offset-for-leader-epoch.ts";
import { addPartitionsToTxnApi } from "./messages/add-partitions-to-txn.ts";
import { addOffsetsToTxnApi } from "./messages/add-offsets-to-txn.ts";
import { endTxnApi } from "./messages/end-txn.ts";
import { txnOffsetCommitApi } from "./messages/txn-offset-commit.ts";
import { describeConfigsApi } from "./messages/describe-configs.ts";
import { alterConfigsApi } from "./messages/alter-configs.ts";
import { describeLogDirsApi } from "./messages/describe-log-dirs.ts";
import { saslAuthenticateApi } from "./messages/sasl-authenticate.ts";
import { createPartitionsApi } from "./messages/create-partitions.ts";
import { deleteGroupsApi } from "./messages/delete-groups.ts";
import { incrementalAlterConfigsApi } from "./messages/incremental-alter-configs.ts";
import { offsetDeleteApi } from "./messages/offset-delete.ts";
import { describeUserScramCredentialsApi } from "./messages/describe-user-scram-credentials.ts";
import { alterUserScramCredentialsApi } from "./messages/alter-user-scram-credentials.ts";
import { describeClusterApi } from "./messages/describe-cluster.ts";
import { describeProducersApi } from "./messages/describe-producers.ts";
import { describeTransactionsApi } from "./messages/describe-transactions.ts";
import { listTransactionsApi } from "./messages/list-transactions.ts";
import { writeTxnMarkersApi } from "./messages/write-txn-markers.ts";
import { describeClientQuotasApi } from "./messages/describe-client-quotas.ts";
import { describeAclsApi } from "./messages/describe-acls.ts";
import { createAclsApi } from "./messages/create-acls.ts";
import { deleteAclsApi } from "./messages/delete-acls.ts";
import type { ApiTable } from "./schema.ts";

/** Every API that has a table, by key. A new API is its table in messages/ and one line here. */
export const apiTables: readonly ApiTable[] = [
  produceApi,
  fetchApi,
  listOffsetsApi,
  metadataApi,
  offsetCommitApi,
  offsetFetchApi,
  findCoordinatorApi,
  joinGroupApi,
  heartbeatApi,
  leaveGroupApi,
  syncGroupApi,
  describeGroupsApi,
  consumerGroupDescribeApi,
  listGroupsApi,
  saslHandshakeApi,
  apiVersionsApi,
  createTopicsApi,
  deleteTopicsApi,
  deleteRecordsApi,
  initProducerIdApi,
  offsetForLeaderEpochApi,
  addPartitionsToTxnApi,
  addOffsetsToTxnApi,
  endTxnApi,
  writeTxnMarkersApi,
  txnOffsetCommitApi,
  describeConfigsApi,
  alterConfigsApi,
  describeLogDirsApi,
  saslAuthenticateApi,
  createPartitionsApi,
  deleteGroupsApi,
  incrementalAlterConfigsApi,
  offsetDeleteApi,
  describeUserScramCredentialsApi,
  alterUserScramCredentialsApi,
  describeClusterApi,
  describeClientQuotasApi,
  describeAclsApi,
  createAclsApi,
  deleteAclsApi,
  describeProducersApi,
  describeTransactionsApi,
  listTransactionsApi,
];

const byKey: ReadonlyMap<number, ApiTable> = new Map(apiTables.map((api) => [api.key, api]));

/** The table of an API key, or undefined where there is none. */
export function apiTableOf(key: number): ApiTable | undefined {
  return byKey.get(key);
}
