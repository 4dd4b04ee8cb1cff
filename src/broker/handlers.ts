import type { ApiHandler } from "./api-handler.ts";
import { apiVersionsHandler } from "./apis/api-versions.ts";
import { describeClusterHandler, initProducerIdHandler } from "./apis/cluster.ts";
import { alterConfigsHandler, describeConfigsHandler, incrementalAlterConfigsHandler } from "./apis/configs.ts";
import { fetchHandler } from "./apis/fetch.ts";
import { deleteGroupsHandler, describeGroupsHandler, listGroupsHandler, offsetDeleteHandler } from "./apis/groups.ts";
import { listOffsetsHandler } from "./apis/list-offsets.ts";
import { findCoordinatorHandler, heartbeatHandler, joinGroupHandler, leaveGroupHandler, syncGroupHandler } from "./apis/membership.ts";
import { metadataHandler } from "./apis/metadata.ts";
import { offsetCommitHandler, offsetFetchHandler, offsetForLeaderEpochHandler } from "./apis/offsets.ts";
import { produceHandler } from "./apis/produce.ts";
import { createPartitionsHandler, createTopicsHandler, deleteRecordsHandler, deleteTopicsHandler } from "./apis/topics.ts";

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
  offsetForLeaderEpochHandler,
  describeConfigsHandler,
  alterConfigsHandler,
  incrementalAlterConfigsHandler,
  describeClusterHandler,
];
