/** The states of the classic group protocol, under the names that DescribeGroups answers. */
export type GroupState = "Empty" | "PreparingRebalance" | "CompletingRebalance" | "Stable" | "Dead";

/** A way of assigning that a member offers ("range"), with what it says under it: its subscription. */
export interface GroupProtocol {
  readonly name: string;
  readonly metadata: Buffer;
}

/** Who speaks: a member's id and, of a static member (KIP-345), its name. */
export interface MemberIdentity {
  /** Empty for a member that has no id yet, and where a static member is meant by its name alone. */
  readonly memberId: string;
  readonly instanceId: string | null;
}

export interface JoinRequest extends MemberIdentity {
  readonly clientId: string;
  readonly clientHost: string;
  readonly sessionTimeoutMs: number;
  readonly rebalanceTimeoutMs: number;
  readonly protocolType: string;
  readonly protocols: readonly GroupProtocol[];
  /** From JoinGroup v4 on a member must come back with the id it was given (KIP-394). */
  readonly mustKnowId: boolean;
}

export interface JoinAnswer {
  readonly errorCode: number;
  readonly generationId: number;
  readonly protocolType: string | null;
  readonly protocolName: string | null;
  readonly leader: string;
  readonly memberId: string;
  /** Only the leader is told who the members are. */
  readonly members: readonly { readonly memberId: string; readonly groupInstanceId: string | null; readonly metadata: Buffer }[];
}

export interface SyncRequest extends MemberIdentity {
  readonly generationId: number;
  readonly protocolType: string | null;
  readonly protocolName: string | null;
  readonly assignments: readonly { readonly memberId: string; readonly assignment: Buffer }[];
}

export interface SyncAnswer {
  readonly errorCode: number;
  readonly protocolType: string | null;
  readonly protocolName: string | null;
  readonly assignment: Buffer;
}

export const NO_BYTES: Buffer = Buffer.alloc(0);

/** The answer to a join that comes to nothing. */
export function refusedJoin(errorCode: number, memberId: string): JoinAnswer {
  return { errorCode, generationId: -1, protocolType: null, protocolName: null, leader: "", memberId, members: [] };
}

/** The answer to a sync that comes to nothing. */
export function refusedSync(errorCode: number): SyncAnswer {
  return { errorCode, protocolType: null, protocolName: null, assignment: NO_BYTES };
}
