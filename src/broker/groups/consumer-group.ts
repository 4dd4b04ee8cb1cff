import { randomUUID } from "node:crypto";
import { errorCodes } from "../../kafka-protocol/error-codes.ts";

/** The states of the classic group protocol, under the names that DescribeGroups answers. */
export type GroupState = "Empty" | "PreparingRebalance" | "CompletingRebalance" | "Stable" | "Dead";

export interface GroupProtocol {
  readonly name: string;
  readonly metadata: Buffer;
}

export interface JoinRequest {
  /** Empty for a member that has no id yet. */
  readonly memberId: string;
  /** A static member's name (KIP-345), or null. */
  readonly instanceId: string | null;
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

export interface SyncRequest {
  readonly memberId: string;
  readonly instanceId: string | null;
  readonly generationId: number;
  readonly protocolType: string | null;
  readonly protocolName: string | null;
  readonly assignments: readonly { readonly memberId: string; readonly assignment: Buffer }[];
}

export interface SyncAnswer {
  readonly errorCode: number;
  readonly assignment: Buffer;
}

interface Member {
  id: string;
  readonly instanceId: string | null;
  clientId: string;
  clientHost: string;
  sessionTimeoutMs: number;
  rebalanceTimeoutMs: number;
  protocols: readonly GroupProtocol[];
  assignment: Buffer;
  joining: ((answer: JoinAnswer) => void) | undefined;
  syncing: ((answer: SyncAnswer) => void) | undefined;
  session: NodeJS.Timeout | undefined;
}

const NOTHING = Buffer.alloc(0);

function sameProtocols(a: readonly GroupProtocol[], b: readonly GroupProtocol[]): boolean {
  return a.length === b.length && a.every((one, i) => one.name === b[i]?.name && one.metadata.equals(b[i].metadata));
}

/**
 * One group of the classic protocol: members join, the leader assigns, all are told at sync. A rebalance ends when every member has joined
 * again, or when the longest rebalance timeout has passed; who has not joined by then is out. No initial delay: the first member of a lab's
 * group waits for nobody.
 */
export class ConsumerGroup {
  readonly id: string;
  state: GroupState = "Empty";
  generationId = 0;
  protocolType = "";
  protocolName: string | null = null;
  #leader = "";
  readonly #members = new Map<string, Member>();
  readonly #statics = new Map<string, string>();
  /** Ids that were given out and not used yet, each with the timer that forgets it. */
  readonly #promised = new Map<string, NodeJS.Timeout>();
  #rebalance: NodeJS.Timeout | undefined;

  constructor(id: string) {
    this.id = id;
  }

  get members(): readonly Readonly<Member>[] {
    return [...this.#members.values()];
  }

  join(request: JoinRequest): Promise<JoinAnswer> {
    const refuse = (errorCode: number, memberId: string = request.memberId): Promise<JoinAnswer> =>
      Promise.resolve({ errorCode, generationId: -1, protocolType: null, protocolName: null, leader: "", memberId, members: [] });
    if (!this.#fits(request)) return refuse(errorCodes.INCONSISTENT_GROUP_PROTOCOL);
    if (request.memberId === "") {
      if (request.instanceId !== null) return this.#joinStatic(request);
      const memberId = `${request.clientId}-${randomUUID()}`;
      if (!request.mustKnowId) return this.#admit(memberId, request);
      const forget = setTimeout(() => this.#forgetPromise(memberId), request.sessionTimeoutMs);
      forget.unref();
      this.#promised.set(memberId, forget);
      return refuse(errorCodes.MEMBER_ID_REQUIRED, memberId);
    }
    const promised = this.#promised.get(request.memberId);
    if (promised) {
      clearTimeout(promised);
      this.#promised.delete(request.memberId);
      return this.#admit(request.memberId, request);
    }
    const error = this.#checkMember(request.memberId, request.instanceId);
    if (error !== errorCodes.NONE) return refuse(error);
    return this.#joinAgain(this.#members.get(request.memberId) as Member, request);
  }

  /** Every member must share one protocol type and at least one protocol with all others. */
  #fits(request: JoinRequest): boolean {
    if (request.protocols.length === 0 || request.protocolType === "") return false;
    const others = this.members.filter((member) => member.id !== request.memberId);
    if (others.length === 0) return true;
    if (request.protocolType !== this.protocolType) return false;
    return request.protocols.some(({ name }) => others.every((member) => member.protocols.some((own) => own.name === name)));
  }

  #checkMember(memberId: string, instanceId: string | null): number {
    if (instanceId !== null) {
      const holder = this.#statics.get(instanceId);
      if (holder === undefined) return errorCodes.UNKNOWN_MEMBER_ID;
      if (holder !== memberId) return errorCodes.FENCED_INSTANCE_ID;
    }
    return this.#members.has(memberId) ? errorCodes.NONE : errorCodes.UNKNOWN_MEMBER_ID;
  }

  /** A static member that comes (again) without an id gets a new one; whoever used the name before is fenced. */
  #joinStatic(request: JoinRequest): Promise<JoinAnswer> {
    const instanceId = request.instanceId as string;
    const before = this.#statics.get(instanceId);
    const member = before === undefined ? undefined : this.#members.get(before);
    if (member) {
      this.#answerJoin(member, { errorCode: errorCodes.FENCED_INSTANCE_ID });
      member.syncing?.({ errorCode: errorCodes.FENCED_INSTANCE_ID, assignment: NOTHING });
      this.#drop(member);
    }
    return this.#admit(`${instanceId}-${randomUUID()}`, request);
  }

  #admit(memberId: string, request: JoinRequest): Promise<JoinAnswer> {
    const member: Member = {
      id: memberId,
      instanceId: request.instanceId,
      clientId: request.clientId,
      clientHost: request.clientHost,
      sessionTimeoutMs: request.sessionTimeoutMs,
      rebalanceTimeoutMs: request.rebalanceTimeoutMs,
      protocols: request.protocols,
      assignment: NOTHING,
      joining: undefined,
      syncing: undefined,
      session: undefined,
    };
    if (this.#members.size === 0) this.protocolType = request.protocolType;
    this.#members.set(memberId, member);
    if (request.instanceId !== null) this.#statics.set(request.instanceId, memberId);
    if (this.#leader === "") this.#leader = memberId;
    return this.#waitForJoin(member);
  }

  #joinAgain(member: Member, request: JoinRequest): Promise<JoinAnswer> {
    const unchanged = sameProtocols(member.protocols, request.protocols);
    const lostAnswer = this.state === "CompletingRebalance" && unchanged;
    const nothingNew = this.state === "Stable" && unchanged && member.id !== this.#leader;
    member.clientId = request.clientId;
    member.clientHost = request.clientHost;
    member.sessionTimeoutMs = request.sessionTimeoutMs;
    member.rebalanceTimeoutMs = request.rebalanceTimeoutMs;
    member.protocols = request.protocols;
    if (lostAnswer || nothingNew) {
      this.#touch(member);
      return Promise.resolve(this.#joined(member));
    }
    return this.#waitForJoin(member);
  }

  #waitForJoin(member: Member): Promise<JoinAnswer> {
    this.#answerJoin(member, { errorCode: errorCodes.REBALANCE_IN_PROGRESS });
    const answer = new Promise<JoinAnswer>((resolve) => (member.joining = resolve));
    this.#stopSession(member);
    if (this.state === "PreparingRebalance") this.#completeIfAllJoined();
    else this.#prepareRebalance();
    return answer;
  }

  #prepareRebalance(): void {
    for (const member of this.#members.values()) this.#answerSync(member, errorCodes.REBALANCE_IN_PROGRESS);
    this.state = "PreparingRebalance";
    const longest = this.members.reduce((most, member) => Math.max(most, member.rebalanceTimeoutMs), 0);
    clearTimeout(this.#rebalance);
    this.#rebalance = setTimeout(() => this.#completeJoin(), longest);
    this.#rebalance.unref();
    this.#completeIfAllJoined();
  }

  #completeIfAllJoined(): void {
    if (this.#promised.size > 0) return;
    for (const member of this.#members.values()) if (!member.joining) return;
    this.#completeJoin();
  }

  #completeJoin(): void {
    clearTimeout(this.#rebalance);
    for (const member of this.members) if (!member.joining && member.instanceId === null) this.#drop(member);
    this.generationId++;
    if (this.#members.size === 0) {
      this.state = "Empty";
      this.protocolName = null;
      return;
    }
    if (!this.#members.get(this.#leader)?.joining) this.#leader = (this.members.find((one) => one.joining) ?? this.members[0])?.id ?? "";
    this.protocolName = this.#vote();
    this.state = "CompletingRebalance";
    for (const member of this.#members.values()) {
      this.#touch(member);
      member.assignment = NOTHING;
      this.#answerJoin(member, this.#joined(member));
    }
  }

  /** Of the protocols that all know, the one that most members like best. */
  #vote(): string {
    const members = this.members;
    const known = (name: string): boolean => members.every((member) => member.protocols.some((own) => own.name === name));
    const votes = new Map<string, number>();
    for (const member of members) {
      const choice = member.protocols.find(({ name }) => known(name))?.name;
      if (choice !== undefined) votes.set(choice, (votes.get(choice) ?? 0) + 1);
    }
    return [...votes].reduce((best, next) => (next[1] > best[1] ? next : best), ["", 0])[0];
  }

  #joined(member: Member): JoinAnswer {
    const isLeader = member.id === this.#leader;
    return {
      errorCode: errorCodes.NONE,
      generationId: this.generationId,
      protocolType: this.protocolType,
      protocolName: this.protocolName,
      leader: this.#leader,
      memberId: member.id,
      members: isLeader
        ? this.members.map((one) => ({ memberId: one.id, groupInstanceId: one.instanceId, metadata: this.metadataOf(one) }))
        : [],
    };
  }

  /** What a member said under the protocol that was chosen. */
  metadataOf(member: Readonly<Member>): Buffer {
    return member.protocols.find(({ name }) => name === this.protocolName)?.metadata ?? NOTHING;
  }

  #answerJoin(member: Member, answer: Partial<JoinAnswer> & { readonly errorCode: number }): void {
    const resolve = member.joining;
    member.joining = undefined;
    resolve?.({ generationId: -1, protocolType: null, protocolName: null, leader: "", memberId: member.id, members: [], ...answer });
  }

  #answerSync(member: Member, errorCode: number): void {
    const resolve = member.syncing;
    member.syncing = undefined;
    resolve?.({ errorCode, assignment: errorCode === errorCodes.NONE ? member.assignment : NOTHING });
  }

  sync(request: SyncRequest): Promise<SyncAnswer> {
    const refuse = (errorCode: number): Promise<SyncAnswer> => Promise.resolve({ errorCode, assignment: NOTHING });
    const error = this.check(request.memberId, request.instanceId, request.generationId);
    if (error !== errorCodes.NONE) return refuse(error);
    const otherType = request.protocolType !== null && request.protocolType !== this.protocolType;
    const otherName = request.protocolName !== null && request.protocolName !== this.protocolName;
    if (otherType || otherName) return refuse(errorCodes.INCONSISTENT_GROUP_PROTOCOL);
    const member = this.#members.get(request.memberId) as Member;
    if (this.state === "PreparingRebalance") return refuse(errorCodes.REBALANCE_IN_PROGRESS);
    if (this.state === "Stable") {
      this.#touch(member);
      return Promise.resolve({ errorCode: errorCodes.NONE, assignment: member.assignment });
    }
    this.#answerSync(member, errorCodes.REBALANCE_IN_PROGRESS);
    const answer = new Promise<SyncAnswer>((resolve) => (member.syncing = resolve));
    if (member.id !== this.#leader) this.#stopSession(member);
    else {
      for (const { memberId, assignment } of request.assignments) {
        const assigned = this.#members.get(memberId);
        if (assigned) assigned.assignment = Buffer.from(assignment);
      }
      this.state = "Stable";
      for (const one of this.#members.values()) {
        this.#touch(one);
        this.#answerSync(one, errorCodes.NONE);
      }
    }
    return answer;
  }

  /** Is this a member, and of the present generation? */
  check(memberId: string, instanceId: string | null, generationId: number): number {
    const error = this.#checkMember(memberId, instanceId);
    if (error !== errorCodes.NONE) return error;
    return generationId === this.generationId ? errorCodes.NONE : errorCodes.ILLEGAL_GENERATION;
  }

  heartbeat(memberId: string, instanceId: string | null, generationId: number): number {
    const error = this.check(memberId, instanceId, generationId);
    if (error !== errorCodes.NONE) return error;
    const member = this.#members.get(memberId) as Member;
    if (!member.joining) this.#touch(member);
    return this.state === "PreparingRebalance" ? errorCodes.REBALANCE_IN_PROGRESS : errorCodes.NONE;
  }

  /** May these offsets be committed? Outside a generation only while nobody is in the group. A commit is a sign of life. */
  checkCommit(memberId: string, instanceId: string | null, generationId: number): number {
    if (generationId < 0 && this.#members.size === 0) return errorCodes.NONE;
    const error = this.check(memberId, instanceId, generationId);
    if (error !== errorCodes.NONE) return error;
    if (this.state === "CompletingRebalance") return errorCodes.REBALANCE_IN_PROGRESS;
    const member = this.#members.get(memberId) as Member;
    if (!member.joining) this.#touch(member);
    return errorCodes.NONE;
  }

  leave(memberId: string, instanceId: string | null): number {
    const promised = this.#promised.get(memberId);
    if (promised) {
      clearTimeout(promised);
      this.#forgetPromise(memberId);
      return errorCodes.NONE;
    }
    const id = memberId === "" && instanceId !== null ? (this.#statics.get(instanceId) ?? "") : memberId;
    const error = this.#checkMember(id, instanceId);
    if (error === errorCodes.NONE) this.#remove(this.#members.get(id) as Member);
    return error;
  }

  #forgetPromise(memberId: string): void {
    this.#promised.delete(memberId);
    if (this.state === "PreparingRebalance") this.#completeIfAllJoined();
  }

  #touch(member: Member): void {
    this.#stopSession(member);
    member.session = setTimeout(() => this.#remove(member), member.sessionTimeoutMs);
    member.session.unref();
  }

  #stopSession(member: Member): void {
    clearTimeout(member.session);
    member.session = undefined;
  }

  /** Takes a member out without a word to the others. */
  #drop(member: Member): void {
    this.#stopSession(member);
    this.#members.delete(member.id);
    if (member.instanceId !== null && this.#statics.get(member.instanceId) === member.id) this.#statics.delete(member.instanceId);
    if (this.#leader === member.id) this.#leader = this.members[0]?.id ?? "";
  }

  #remove(member: Member): void {
    this.#answerJoin(member, { errorCode: errorCodes.UNKNOWN_MEMBER_ID });
    this.#answerSync(member, errorCodes.UNKNOWN_MEMBER_ID);
    this.#drop(member);
    if (this.state === "PreparingRebalance") this.#completeIfAllJoined();
    else if (this.state !== "Dead") this.#prepareRebalance();
  }

  /** Ends every timer and answers whoever waits. */
  close(): void {
    this.state = "Dead";
    clearTimeout(this.#rebalance);
    for (const timer of this.#promised.values()) clearTimeout(timer);
    for (const member of this.#members.values()) {
      this.#stopSession(member);
      this.#answerJoin(member, { errorCode: errorCodes.COORDINATOR_NOT_AVAILABLE });
      this.#answerSync(member, errorCodes.COORDINATOR_NOT_AVAILABLE);
    }
  }
}
