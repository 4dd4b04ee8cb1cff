import { errorCodes } from "../../kafka-protocol/error-codes.ts";
import { describeClusterApi } from "../../kafka-protocol/messages/describe-cluster.ts";
import { initProducerIdApi } from "../../kafka-protocol/messages/init-producer-id.ts";
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

/** InitProducerId for idempotent producers (KIP-98). A transactional id is refused: the broker does not serve transactions. */
export const initProducerIdHandler: ApiHandler = handlerOf(initProducerIdApi, [0, 4], async (body, { broker }) => {
  if (body.transactionalId !== null) {
    return { throttleTimeMs: 0, errorCode: errorCodes.TRANSACTIONAL_ID_AUTHORIZATION_FAILED, producerId: -1, producerEpoch: -1 };
  }
  return { throttleTimeMs: 0, errorCode: errorCodes.NONE, producerId: await broker.catalog.nextProducerId(), producerEpoch: 0 };
});
