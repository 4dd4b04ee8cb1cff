import { errorCodes } from "../../kafka-protocol/error-codes.ts";
import { isKnownToAll, type GroupMember } from "./group-member.ts";
import type { JoinRequest, MemberIdentity } from "./group-requests.ts";

/** Who is in a group, which of them bear a name (KIP-345), and which of them leads. Knows nothing of states and timers. */
export class GroupMembers {
  #leader: string | null = null;
  readonly #byId = new Map<string, GroupMember>();
  /** Names of static members, with the member id that each has now. */
  readonly #statics = new Map<string, string>();

  get size(): number {
    return this.#byId.size;
  }

  get leader(): string | null {
    return this.#leader;
  }

  list(): readonly GroupMember[] {
    return [...this.#byId.values()];
  }

  get(memberId: string): GroupMember | undefined {
    return this.#byId.get(memberId);
  }

  /** The member that bears a name. */
  named(instanceId: string): GroupMember | undefined {
    return this.#byId.get(this.#statics.get(instanceId) ?? "");
  }

  /** The first one leads. */
  add(member: GroupMember): void {
    this.#byId.set(member.id, member);
    if (member.instanceId !== null) this.#statics.set(member.instanceId, member.id);
    this.#leader ??= member.id;
  }

  /** Whoever has been there longest leads when the leader goes. */
  remove(member: GroupMember): void {
    this.#byId.delete(member.id);
    if (member.instanceId !== null && this.#statics.get(member.instanceId) === member.id) this.#statics.delete(member.instanceId);
    if (this.#leader === member.id) this.#leader = this.list()[0]?.id ?? null;
  }

  /** A static member under a new id, which leads if the old one did. */
  replace(before: GroupMember, member: GroupMember): void {
    const isLeader = this.#leader === before.id;
    this.#byId.delete(before.id);
    this.add(member);
    if (isLeader) this.#leader = member.id;
  }

  /** Gives the lead to a member that has joined, if the leader has not; false where nobody has. */
  electJoined(): boolean {
    if (this.#byId.get(this.#leader ?? "")?.joining) return true;
    const joined = this.list().find((member) => member.joining);
    if (joined) this.#leader = joined.id;
    return joined !== undefined;
  }

  /** Why this is no member of the group: UNKNOWN_MEMBER_ID, FENCED_INSTANCE_ID, or NONE. */
  fault({ memberId, instanceId }: MemberIdentity): number {
    if (instanceId !== null) {
      const holder = this.#statics.get(instanceId);
      if (holder === undefined) return errorCodes.UNKNOWN_MEMBER_ID;
      if (holder !== memberId) return errorCodes.FENCED_INSTANCE_ID;
    }
    return this.#byId.has(memberId) ? errorCodes.NONE : errorCodes.UNKNOWN_MEMBER_ID;
  }

  /** Whether one of these protocols is known to every member. */
  share(protocols: JoinRequest["protocols"]): boolean {
    return protocols.some(({ name }) => isKnownToAll(this.list(), name));
  }

  /** How many wait for the end of the rebalance. */
  waitingToJoin(): number {
    let waiting = 0;
    for (const member of this.#byId.values()) if (member.joining) waiting++;
    return waiting;
  }

  /** The longest rebalance timeout of all. */
  longestRebalanceMs(): number {
    let longest = 0;
    for (const member of this.#byId.values()) longest = Math.max(longest, member.rebalanceTimeoutMs);
    return longest;
  }
}
