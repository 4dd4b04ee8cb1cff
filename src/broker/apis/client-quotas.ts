import { errorCodes } from "../../kafka-protocol/error-codes.ts";
import { describeClientQuotasApi } from "../../kafka-protocol/messages/describe-client-quotas.ts";
import { handlerOf, type ApiHandler } from "../api-handler.ts";

/** DescribeClientQuotas: the broker slows nobody down, so there are none. `kafka-configs --describe --entity-type users` asks. */
export const describeClientQuotasHandler: ApiHandler = handlerOf(describeClientQuotasApi, [0, 1], () => ({
  throttleTimeMs: 0,
  errorCode: errorCodes.NONE,
  errorMessage: null,
  entries: [],
}));
