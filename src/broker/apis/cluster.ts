import { errorCodes } from "../../kafka-protocol/error-codes.ts";
import { describeClusterApi } from "../../kafka-protocol/messages/describe-cluster.ts";
import { handlerOf, type ApiHandler } from "../api-handler.ts";

export const describeClusterHandler: ApiHandler = handlerOf(describeClusterApi, [0, 1], (body, { broker }) => ({
  throttleTimeMs: 0,
  errorCode: errorCodes.NONE,
  errorMessage: null,
  endpointType: body.endpointType,
  clusterId: broker.catalog.clusterId,
  controllerId: broker.settings.nodeId,
  brokers: [{ brokerId: broker.settings.nodeId, ...broker.advertised(), rack: null }],
}));
