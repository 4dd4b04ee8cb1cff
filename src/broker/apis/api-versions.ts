import { errorCodes } from "../../kafka-protocol/error-codes.ts";
import { apiVersionsApi } from "../../kafka-protocol/messages/api-versions.ts";
import type { ResponseDraft } from "../../kafka-protocol/schema.ts";
import { handlerOf, type ApiHandler, type BrokerState } from "../api-handler.ts";

/** What ApiVersions answers: to a version that the broker does not know an error with its own versions alone, to a wrong name an error with none. */
export function apiVersionsAnswer(broker: BrokerState, errorCode: number): ResponseDraft<typeof apiVersionsApi> {
  const isTold = (key: number): boolean =>
    errorCode === errorCodes.NONE || (errorCode === errorCodes.UNSUPPORTED_VERSION && key === apiVersionsApi.key);
  const apiKeys = broker.handlers
    .filter(({ api }) => isTold(api.key))
    .map(({ api, versions }) => ({ apiKey: api.key, minVersion: versions[0], maxVersion: versions[1] }));
  return { errorCode, apiKeys: apiKeys.sort((a, b) => a.apiKey - b.apiKey) };
}

/** ApiVersions (KIP-35, KIP-511). */
export const apiVersionsHandler: ApiHandler = handlerOf(apiVersionsApi, [0, 4], (body, { broker, version }) => {
  const named = /^[a-zA-Z0-9](?:[a-zA-Z0-9\-.]*[a-zA-Z0-9])?$/;
  const isNamed = version < 3 || (named.test(body.clientSoftwareName) && named.test(body.clientSoftwareVersion));
  return apiVersionsAnswer(broker, isNamed ? errorCodes.NONE : errorCodes.INVALID_REQUEST);
});
