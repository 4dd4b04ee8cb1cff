import type { ApiTable, RequestOf, ResponseDraft } from "../kafka-protocol/schema.ts";
import type { GroupCoordinator } from "./groups/group-coordinator.ts";
import type { Access } from "./security/authorizer.ts";
import type { Security } from "./security/security.ts";
import type { BrokerSettings } from "./settings.ts";
import type { TransactionCoordinator } from "./transactions/transaction-coordinator.ts";
import type { TopicCatalog } from "./topics/topic-catalog.ts";

/** What every handler works on. */
export interface BrokerState {
  readonly catalog: TopicCatalog;
  readonly groups: GroupCoordinator;
  readonly transactions: TransactionCoordinator;
  readonly security: Security;
  readonly settings: BrokerSettings;
  /** Where clients are told to connect: each listener tells of itself. */
  readonly advertised: () => { readonly host: string; readonly port: number };
  /** The APIs and versions that are served. */
  readonly handlers: readonly ApiHandler[];
}

export interface RequestContext {
  readonly broker: BrokerState;
  readonly version: number;
  /** "" where the client gave none. */
  readonly clientId: string;
  readonly clientHost: string;
  /** Who the client is: "User:alice"; "User:ANONYMOUS" where nobody asked. */
  readonly principal: string;
  /** What the client may do. Guards have asked it before a handler runs; a handler need not. */
  readonly access: Access;
  /** Aborts when the connection ends: nobody waits for the answer any more. */
  readonly signal: AbortSignal;
}

type Answer<A extends ApiTable> = ResponseDraft<A> | undefined;

/** One API as the broker serves it. A new one is a file with its handler and one word in the list of handlers. */
export interface ApiHandler {
  readonly api: ApiTable;
  /** The versions that are advertised. */
  readonly versions: readonly [min: number, max: number];
  /** Called in the order of the requests of a connection; undefined: the client wants no answer. */
  readonly handle: (body: unknown, context: RequestContext) => unknown;
}

/** Ties a handler to the types of its API's tables. */
export function handlerOf<A extends ApiTable>(
  api: A,
  versions: readonly [min: number, max: number],
  handle: (body: RequestOf<A>, context: RequestContext) => Answer<A> | Promise<Answer<A>>,
): ApiHandler {
  return { api, versions, handle: handle as ApiHandler["handle"] };
}
