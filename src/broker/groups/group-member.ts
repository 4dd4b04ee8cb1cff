import { NO_BYTES, type GroupProtocol, type JoinAnswer, type JoinRequest, type SyncAnswer } from "./group-requests.ts";

/** A member of a group, and whom to answer when its join or its sync comes to an end. */
export interface GroupMember {
  readonly id: string;
  readonly instanceId: string | null;
  readonly clientId: string;
  readonly clientHost: string;
  sessionTimeoutMs: number;
  rebalanceTimeoutMs: number;
  protocols: readonly GroupProtocol[];
  assignment: Buffer;
  /** It has not been through a rebalance yet: while it waits for its first it may time out, as others may not. */
  isNew: boolean;
  joining: ((answer: JoinAnswer) => void) | undefined;
  syncing: ((answer: SyncAnswer) => void) | undefined;
  session: NodeJS.Timeout | undefined;
}

/** A member as it comes in. */
export function newMember(id: string, request: JoinRequest): GroupMember {
  const { instanceId, clientId, clientHost, sessionTimeoutMs, rebalanceTimeoutMs, protocols } = request;
  return {
    ...{ id, instanceId, clientId, clientHost, sessionTimeoutMs, rebalanceTimeoutMs, protocols },
    assignment: NO_BYTES,
    isNew: true,
    joining: undefined,
    syncing: undefined,
    session: undefined,
  };
}

export function sameProtocols(a: readonly GroupProtocol[], b: readonly GroupProtocol[]): boolean {
  return a.length === b.length && a.every((one, i) => one.name === b[i]?.name && one.metadata.equals(b[i].metadata));
}

/** What a member said under a protocol. */
export function metadataUnder(member: Readonly<GroupMember>, protocol: string | null): Buffer {
  return member.protocols.find(({ name }) => name === protocol)?.metadata ?? NO_BYTES;
}

/** True where every member offers this protocol. */
export function isKnownToAll(members: readonly Readonly<GroupMember>[], protocol: string): boolean {
  return members.every((member) => member.protocols.some(({ name }) => name === protocol));
}

/** Of the protocols that all members know, the one that most of them like best. */
export function electedProtocol(members: readonly Readonly<GroupMember>[]): string {
  const votes = new Map<string, number>();
  for (const member of members) {
    const choice = member.protocols.find(({ name }) => isKnownToAll(members, name))?.name;
    if (choice !== undefined) votes.set(choice, (votes.get(choice) ?? 0) + 1);
  }
  return [...votes].reduce((best, next) => (next[1] > best[1] ? next : best), ["", 0])[0];
}

/**
 * The topics that consumers say they read, or undefined where one says it in a way that is not the consumer protocol's: version int16, then the
 * names. Later versions only add behind them.
 */
export function subscribedTopics(subscriptions: readonly Buffer[]): ReadonlySet<string> | undefined {
  const topics = new Set<string>();
  try {
    for (const bytes of subscriptions) {
      let at = 6;
      for (let left = bytes.readInt32BE(2); left > 0; left--) {
        const end = at + 2 + bytes.readInt16BE(at);
        if (end > bytes.length || end < at + 2) return undefined;
        topics.add(bytes.toString("utf8", at + 2, end));
        at = end;
      }
    }
  } catch {
    return undefined;
  }
  return topics;
}
