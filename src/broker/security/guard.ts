import type { ApiTable, RequestOf, ResponseDraft } from "../../kafka-protocol/schema.ts";
import type { RequestContext } from "../api-handler.ts";

type Answer<A extends ApiTable> = ResponseDraft<A> | undefined;

/**
 * What one API asks of a caller's rights: it stands before the handler, which only ever sees what the caller may do. A guard takes what is
 * refused out of the request, hands the rest on, and puts Kafka's error codes for what was refused into the answer.
 */
export interface Guard {
  readonly api: ApiTable;
  /** Also where everyone may do everything: it fills in the operations that are allowed. */
  readonly always: boolean;
  readonly handle: (body: unknown, context: RequestContext, next: (body: unknown) => unknown) => unknown;
}

/** Ties a guard to the types of its API's tables. */
export function guardOf<A extends ApiTable>(
  api: A,
  handle: (
    body: RequestOf<A>,
    context: RequestContext,
    next: (body: RequestOf<A>) => Answer<A> | Promise<Answer<A>>,
  ) => Answer<A> | Promise<Answer<A>>,
  always: boolean = false,
): Guard {
  return { api, always, handle: handle as Guard["handle"] };
}

/** Parts a list in what is allowed and what is not, each in its order. */
export function parted<T>(list: readonly T[], isAllowed: (one: T) => boolean): { allowed: T[]; refused: T[] } {
  const allowed: T[] = [];
  const refused: T[] = [];
  for (const one of list) (isAllowed(one) ? allowed : refused).push(one);
  return { allowed, refused };
}

/** The words that go with the codes of refusal. */
export const REFUSAL_WORDS = {
  TOPIC: "Topic authorization failed.",
  GROUP: "Group authorization failed.",
  CLUSTER: "Cluster authorization failed.",
  TRANSACTIONAL_ID: "Transactional Id authorization failed.",
} as const;
