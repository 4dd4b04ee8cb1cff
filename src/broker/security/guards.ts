import { apiVersionsApi } from "../../kafka-protocol/messages/api-versions.ts";
import { saslAuthenticateApi } from "../../kafka-protocol/messages/sasl-authenticate.ts";
import { saslHandshakeApi } from "../../kafka-protocol/messages/sasl-handshake.ts";
import type { ApiHandler } from "../api-handler.ts";
import { clusterGuards } from "./cluster-guards.ts";
import type { Guard } from "./guard.ts";
import { groupGuards } from "./group-guards.ts";
import { topicGuards } from "./topic-guards.ts";
import { transactionGuards } from "./transaction-guards.ts";

/** APIs that need no right. */
export const openApis: ReadonlySet<number> = new Set([apiVersionsApi.key, saslHandshakeApi.key, saslAuthenticateApi.key]);

/** What every other API needs, by its key. */
export const guards: ReadonlyMap<number, Guard> = new Map(
  [...topicGuards, ...groupGuards, ...transactionGuards, ...clusterGuards].map((guard) => [guard.api.key, guard]),
);

function guarded(handler: ApiHandler, guard: Guard): ApiHandler {
  return {
    ...handler,
    handle: (body, context) => guard.handle(body, context, (allowed) => handler.handle(allowed, context)),
  };
}

/** An API that nobody has thought about is for those who may do everything that brokers do among themselves. */
function closed(handler: ApiHandler): ApiHandler {
  return {
    ...handler,
    handle: (body, context) => {
      if (context.access.allowsOnCluster("CLUSTER_ACTION")) return handler.handle(body, context);
      throw new Error(`${handler.api.name} needs the right to CLUSTER_ACTION`);
    },
  };
}

/** The handlers behind their guards. Without an authorizer only those are put there that also answer what is allowed. */
export function guardedHandlers(handlers: readonly ApiHandler[], hasAuthorizer: boolean): ApiHandler[] {
  return handlers.map((handler) => {
    const guard = guards.get(handler.api.key);
    if (guard) return hasAuthorizer || guard.always ? guarded(handler, guard) : handler;
    return hasAuthorizer && !openApis.has(handler.api.key) ? closed(handler) : handler;
  });
}
