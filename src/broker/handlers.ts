import type { ApiHandler } from "./api-handler.ts";
import { createAclsHandler, deleteAclsHandler, describeAclsHandler } from "./apis/acls.ts";
import { describeClientQuotasHandler } from "./apis/client-quotas.ts";
import { apiVersionsHandler } from "./apis/api-versions.ts";
import { describeClusterHandler } from "./apis/cluster.ts";
import { alterConfigsHandler, describeConfigsHandler, incrementalAlterConfigsHandler } from "./apis/configs.ts";
import { deleteRecordsHandler } from "./apis/delete-records.ts";
import { fetchHandler } from "./apis/fetch.ts";
import { deleteGroupsHandler, describeGroupsHandler, listGroupsHandler, offsetDeleteHandler } from "./apis/groups.ts";
import { listOffsetsHandler } from "./apis/list-offsets.ts";
import { findCoordinatorHandler, heartbeatHandler, joinGroupHandler, leaveGroupHandler, syncGroupHandler } from "./apis/membership.ts";
import { describeLogDirsHandler } from "./apis/log-dirs.ts";
import { metadataHandler } from "./apis/metadata.ts";
import { offsetCommitHandler, offsetFetchHandler, offsetForLeaderEpochHandler } from "./apis/offsets.ts";
import { produceHandler } from "./apis/produce.ts";
import { saslAuthenticateHandler, saslHandshakeHandler } from "./apis/sasl.ts";
import { alterUserScramCredentialsHandler, describeUserScramCredentialsHandler } from "./apis/scram-users.ts";
import { createPartitionsHandler, createTopicsHandler, deleteTopicsHandler } from "./apis/topics.ts";
import {
  describeProducersHandler,
  describeTransactionsHandler,
  listTransactionsHandler,
  writeTxnMarkersHandler,
} from "./apis/transaction-views.ts";
import {
  addOffsetsToTxnHandler,
  addPartitionsToTxnHandler,
  endTxnHandler,
  initProducerIdHandler,
  txnOffsetCommitHandler,
} from "./apis/transactions.ts";

/** Every API that the broker serves; ApiVersions answers exactly this list. */
export const apiHandlers: readonly ApiHandler[] = [
  produceHandler,
  fetchHandler,
  listOffsetsHandler,
  metadataHandler,
  offsetCommitHandler,
  offsetFetchHandler,
  findCoordinatorHandler,
  joinGroupHandler,
  heartbeatHandler,
  leaveGroupHandler,
  syncGroupHandler,
  describeGroupsHandler,
  listGroupsHandler,
  deleteGroupsHandler,
  offsetDeleteHandler,
  apiVersionsHandler,
  createTopicsHandler,
  deleteTopicsHandler,
  createPartitionsHandler,
  deleteRecordsHandler,
  initProducerIdHandler,
  addPartitionsToTxnHandler,
  addOffsetsToTxnHandler,
  endTxnHandler,
  writeTxnMarkersHandler,
  txnOffsetCommitHandler,
  describeProducersHandler,
  describeTransactionsHandler,
  listTransactionsHandler,
  offsetForLeaderEpochHandler,
  describeConfigsHandler,
  describeLogDirsHandler,
  alterConfigsHandler,
  incrementalAlterConfigsHandler,
  describeClusterHandler,
  saslHandshakeHandler,
  saslAuthenticateHandler,
  describeUserScramCredentialsHandler,
  alterUserScramCredentialsHandler,
  describeClientQuotasHandler,
  describeAclsHandler,
  createAclsHandler,
  deleteAclsHandler,
];
