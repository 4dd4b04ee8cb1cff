import type { ApiTable, RequestOf, ResponseDraft } from "../kafka-protocol/schema.ts";
import type { GroupCoordinator } from "./groups/group-coordinator.ts";
import type { BrokerSettings } from "./settings.ts";
import type { TopicCatalog } from "./topics/topic-catalog.ts";

/** What every handler works on. */
export interface BrokerState {
  readonly catalog: TopicCatalog;
  readonly groups: GroupCoordinator;
  readonly settings: BrokerSettings;
  /** Where clients are told to connect. */
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
