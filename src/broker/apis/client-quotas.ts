import { errorCodes } from "../../kafka-protocol/error-codes.ts";
import { describeClientQuotasApi } from "../../kafka-protocol/messages/describe-client-quotas.ts";
import { handlerOf, type ApiHandler } from "../api-handler.ts";

const ENTITY_TYPES: readonly string[] = ["user", "client-id", "ip"];

/** DescribeClientQuotas: the broker slows nobody down, so there are none. `kafka-configs --describe --entity-type users` asks. */
export const describeClientQuotasHandler: ApiHandler = handlerOf(describeClientQuotasApi, [0, 1], ({ components }) => {
  const unknown = components.find(({ entityType }) => !ENTITY_TYPES.includes(entityType));
  if (unknown) {
    const errorMessage = `Unsupported entity type ${unknown.entityType}`;
    return { throttleTimeMs: 0, errorCode: errorCodes.UNSUPPORTED_VERSION, errorMessage, entries: null };
  }
  return { throttleTimeMs: 0, errorCode: errorCodes.NONE, errorMessage: "", entries: [] };
});
