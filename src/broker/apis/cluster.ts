import { errorCodes } from "../../kafka-protocol/error-codes.ts";
import { describeClusterApi } from "../../kafka-protocol/messages/describe-cluster.ts";
import { handlerOf, type ApiHandler } from "../api-handler.ts";

const BROKERS = 1;
const CONTROLLERS = 2;

/** DescribeCluster (KIP-700): the one node. Its listeners are those of a broker, never of a controller (KIP-919). */
export const describeClusterHandler: ApiHandler = handlerOf(describeClusterApi, [0, 1], ({ endpointType }, { broker }) => {
  const refuse = (errorCode: number, errorMessage: string) => ({
    throttleTimeMs: 0,
    errorCode,
    errorMessage,
    clusterId: broker.catalog.clusterId,
    brokers: [],
  });
  if (endpointType === CONTROLLERS) {
    const message = "The request was sent to an endpoint of type BROKER, but we wanted an endpoint of type CONTROLLER";
    return refuse(errorCodes.MISMATCHED_ENDPOINT_TYPE, message);
  }
  if (endpointType !== BROKERS) return refuse(errorCodes.UNSUPPORTED_ENDPOINT_TYPE, `Unsupported endpoint type ${endpointType}`);
  return {
    throttleTimeMs: 0,
    errorCode: errorCodes.NONE,
    errorMessage: null,
    clusterId: broker.catalog.clusterId,
    controllerId: broker.settings.nodeId,
    brokers: [{ brokerId: broker.settings.nodeId, ...broker.advertised(), rack: null }],
  };
});
