import { randomUUID } from "node:crypto";
import { errorCodes } from "../../kafka-protocol/error-codes.ts";
import { electedProtocol, metadataUnder, newMember, sameProtocols, subscribedTopics, type GroupMember } from "./group-member.ts";
import { GroupMembers } from "./group-members.ts";
import {
  NO_BYTES,
  refusedJoin,
  refusedSync,
  type GroupState,
  type JoinAnswer,
  type JoinRequest,
  type MemberIdentity,
  type SyncAnswer,
  type SyncRequest,
} from "./group-requests.ts";
import { restoredMember, storedMember, type StoredGroup } from "./group-store.ts";

/** How long a member may wait for its first rebalance before it is taken for gone. */
const NEW_MEMBER_MS = 300_000;

export interface GroupRules {
  /** `group.initial.rebalance.delay.ms`: how long an empty group waits for more members to come. */
  readonly initialRebalanceDelayMs: number;
  /** `group.max.size` */
  readonly groupMaxSize: number;
  /** Keeps the state of a settled generation; members are answered only when it has. */
  readonly save: (group: StoredGroup) => Promise<void>;
  readonly nowMs: () => number;
}

/**
 * One group of the classic protocol: members join, the leader assigns, all are told at sync. A rebalance ends when every member has joined
 * again, or when the longest rebalance timeout has passed; who has not joined by then is out, but for static members, whose session decides.
 * The rules are those of Kafka 4's group coordinator (with KIP-345 and KIP-394).
 */
export class ConsumerGroup {
  readonly id: string;
  readonly #rules: GroupRules;
  readonly #members = new GroupMembers();
  /** Ids that were given out and not used yet, each with the timer that forgets it. */
  readonly #promised = new Map<string, NodeJS.Timeout>();
  /** Members of this generation that have not asked for their assignment yet. */
  readonly #unsynced = new Set<string>();
  #state: GroupState = "Empty";
  #stateBefore: GroupState = "Dead";
  #sinceMs: number;
  #generationId = 0;
  #protocolType: string | null = null;
  #protocolName: string | null = null;
  #subscribed: ReadonlySet<string> | undefined;
  #joinTimer: NodeJS.Timeout | undefined;
  #syncTimer: NodeJS.Timeout | undefined;
  #moreCame = false;
  #emptied: Promise<void> | undefined;

  constructor(id: string, rules: GroupRules) {
    this.id = id;
    this.#rules = rules;
    this.#sinceMs = rules.nowMs();
  }

  /** The group as it was when its last generation was settled. Its members' sessions begin anew. */
  static restore(stored: StoredGroup, rules: GroupRules): ConsumerGroup {
    const group = new ConsumerGroup(stored.group, rules);
    group.#generationId = stored.generationId;
    group.#protocolType = stored.protocolType;
    group.#protocolName = stored.protocolName;
    group.#sinceMs = stored.sinceMs;
    const byLead = [...stored.members].sort((a, b) => Number(b.id === stored.leader) - Number(a.id === stored.leader));
    for (const one of byLead) {
      const member = restoredMember(one, stored.protocolName);
      group.#members.add(member);
      group.#touch(member);
    }
    if (group.#members.size > 0) group.#state = "Stable";
    group.#subscribed = group.#subscriptions();
    return group;
  }

  get state(): GroupState {
    return this.#state;
  }

  /** When the group came into its state, in ms since the epoch. */
  get sinceMs(): number {
    return this.#sinceMs;
  }

  /** null for a group that nobody ever joined: it only keeps offsets. */
  get protocolType(): string | null {
    return this.#protocolType;
  }

  get protocolName(): string | null {
    return this.#protocolName;
  }

  get members(): readonly Readonly<GroupMember>[] {
    return this.#members.list();
  }

  /** The topics that the members say they read, where the group is one of consumers and says so. */
  get subscribed(): ReadonlySet<string> | undefined {
    return this.#subscribed;
  }

  join(request: JoinRequest): Promise<JoinAnswer> {
    const refuse = (errorCode: number, memberId: string = request.memberId): Promise<JoinAnswer> =>
      Promise.resolve(refusedJoin(errorCode, memberId));
    if (this.#state === "Dead") return refuse(errorCodes.COORDINATOR_NOT_AVAILABLE);
    if (!this.#hasRoomFor(request.memberId)) {
      this.#takeOut(request.memberId);
      return refuse(errorCodes.GROUP_MAX_SIZE_REACHED, "");
    }
    if (!this.#fits(request)) return refuse(errorCodes.INCONSISTENT_GROUP_PROTOCOL);
    return request.memberId === "" ? this.#joinNew(request) : this.#joinKnown(request);
  }

  #hasRoomFor(memberId: string): boolean {
    const { groupMaxSize } = this.#rules;
    if (this.#state === "Empty") return true;
    const member = this.#members.get(memberId);
    if (this.#state !== "PreparingRebalance") return member !== undefined || this.#members.size < groupMaxSize;
    return member?.joining !== undefined || this.#members.waitingToJoin() < groupMaxSize;
  }

  /** Every member must share one protocol type and at least one protocol with all others. */
  #fits({ protocolType, protocols }: JoinRequest): boolean {
    if (this.#state === "Empty") return protocolType !== "" && protocols.length > 0;
    return protocolType === this.#protocolType && this.#members.share(protocols);
  }

  #joinNew(request: JoinRequest): Promise<JoinAnswer> {
    const { instanceId, clientId, mustKnowId, sessionTimeoutMs } = request;
    const memberId = `${instanceId ?? clientId}-${randomUUID()}`;
    if (instanceId !== null) {
      const before = this.#members.named(instanceId);
      return before ? this.#replaceStatic(before, memberId, request) : this.#admit(memberId, request);
    }
    if (!mustKnowId) return this.#admit(memberId, request);
    const forget = setTimeout(() => {
      this.#takeOut(memberId);
      if (this.#state === "PreparingRebalance" && this.#haveAllJoined()) this.#completeJoin();
    }, sessionTimeoutMs);
    forget.unref();
    this.#promised.set(memberId, forget);
    return Promise.resolve(refusedJoin(errorCodes.MEMBER_ID_REQUIRED, memberId));
  }

  #joinKnown(request: JoinRequest): Promise<JoinAnswer> {
    const { memberId } = request;
    if (this.#promised.has(memberId)) return this.#admit(memberId, request);
    const error = this.#members.fault(request);
    if (error !== errorCodes.NONE) return Promise.resolve(refusedJoin(error, memberId));
    const member = this.#members.get(memberId) as GroupMember;
    const isAnswered = this.#state === "CompletingRebalance" || (this.#state === "Stable" && this.#members.leader !== memberId);
    if (isAnswered && sameProtocols(member.protocols, request.protocols)) return Promise.resolve(this.#joined(member));
    const answer = this.#waitForJoin(member, request);
    this.#rebalance();
    return answer;
  }

  #admit(memberId: string, request: JoinRequest): Promise<JoinAnswer> {
    this.#dropPromise(memberId);
    const member = newMember(memberId, request);
    if (this.#state === "PreparingRebalance" && this.#stateBefore === "Empty") this.#moreCame = true;
    if (this.#members.size === 0) this.#protocolType = request.protocolType;
    this.#members.add(member);
    const answer = new Promise<JoinAnswer>((resolve) => (member.joining = resolve));
    this.#touch(member, NEW_MEMBER_MS);
    this.#rebalance();
    return answer;
  }

  /** Takes what a member says now, and lets it wait for the end of the rebalance: so long its session cannot end. */
  #waitForJoin(member: GroupMember, request: JoinRequest): Promise<JoinAnswer> {
    member.protocols = request.protocols;
    member.sessionTimeoutMs = request.sessionTimeoutMs;
    member.rebalanceTimeoutMs = request.rebalanceTimeoutMs;
    this.#answerJoin(member, refusedJoin(errorCodes.REBALANCE_IN_PROGRESS, member.id));
    if (!member.isNew) this.#stopSession(member);
    return new Promise<JoinAnswer>((resolve) => (member.joining = resolve));
  }

  /**
   * A static member that comes again without an id gets a new one and keeps its place; whoever used the name before is fenced. While the
   * group is settled and would choose the same protocol, nobody else hears of it.
   */
  #replaceStatic(before: GroupMember, memberId: string, request: JoinRequest): Promise<JoinAnswer> {
    const leader = this.#members.leader ?? "";
    this.#answerJoin(before, refusedJoin(errorCodes.FENCED_INSTANCE_ID, before.id));
    this.#answerSync(before, refusedSync(errorCodes.FENCED_INSTANCE_ID));
    this.#stopSession(before);
    const member: GroupMember = { ...before, id: memberId, isNew: false };
    this.#members.replace(before, member);
    if (this.#unsynced.delete(before.id)) this.#unsynced.add(memberId);
    const answer = this.#waitForJoin(member, request);
    if (this.#state === "CompletingRebalance") this.#prepareRebalance();
    else if (this.#state === "Stable" && electedProtocol(this.#members.list()) === this.#protocolName) {
      this.#touch(member);
      this.#rules.save(this.#stored()).then(
        () => this.#answerJoin(member, { ...this.#joined(member), leader, members: [] }),
        () => this.#answerJoin(member, refusedJoin(errorCodes.COORDINATOR_NOT_AVAILABLE, "")),
      );
    } else this.#rebalance();
    return answer;
  }

  /** A member came, changed or left: begins a rebalance, or ends the one under way if it was the last that was waited for. */
  #rebalance(): void {
    if (this.#state !== "PreparingRebalance") this.#prepareRebalance();
    else if (this.#stateBefore !== "Empty" && this.#haveAllJoined()) this.#completeJoin();
  }

  #haveAllJoined(): boolean {
    return this.#promised.size === 0 && this.#members.waitingToJoin() === this.#members.size;
  }

  #prepareRebalance(): void {
    if (this.#state === "CompletingRebalance") {
      for (const member of this.#members.list()) {
        member.assignment = NO_BYTES;
        this.#answerSync(member, refusedSync(errorCodes.REBALANCE_IN_PROGRESS));
      }
    }
    this.#unsynced.clear();
    clearTimeout(this.#syncTimer);
    const isInitial = this.#state === "Empty";
    this.#enter("PreparingRebalance");
    const { initialRebalanceDelayMs } = this.#rules;
    if (isInitial && initialRebalanceDelayMs > 0) {
      this.#moreCame = false;
      this.#awaitMore(initialRebalanceDelayMs, Math.max(this.#members.longestRebalanceMs() - initialRebalanceDelayMs, 0));
    } else if (isInitial || this.#members.size === 0 || this.#haveAllJoined()) this.#completeJoin();
    else this.#awaitJoins();
  }

  /** An empty group's first rebalance: as long as members come, it waits for more, up to the longest rebalance timeout in all. */
  #awaitMore(delayMs: number, remainingMs: number): void {
    this.#joinTimer = setTimeout(() => {
      if (!this.#moreCame || remainingMs === 0) {
        this.#completeJoin();
        return;
      }
      this.#moreCame = false;
      this.#awaitMore(Math.min(this.#rules.initialRebalanceDelayMs, remainingMs), Math.max(remainingMs - delayMs, 0));
    }, delayMs);
    this.#joinTimer.unref();
  }

  #awaitJoins(): void {
    clearTimeout(this.#joinTimer);
    this.#joinTimer = setTimeout(() => this.#completeJoin(), this.#members.longestRebalanceMs());
    this.#joinTimer.unref();
  }

  #completeJoin(): void {
    clearTimeout(this.#joinTimer);
    for (const member of this.#members.list()) if (!member.joining && member.instanceId === null) this.#takeOut(member.id);
    if (this.#members.size > 0 && !this.#members.electJoined()) {
      this.#awaitJoins();
      return;
    }
    this.#generationId++;
    this.#unsynced.clear();
    this.#protocolName = this.#members.size > 0 ? electedProtocol(this.#members.list()) : null;
    this.#enter(this.#members.size > 0 ? "CompletingRebalance" : "Empty");
    this.#subscribed = this.#subscriptions();
    if (this.#members.size === 0) {
      this.#emptied = this.#rules.save(this.#stored()).catch(() => undefined);
      return;
    }
    for (const member of this.#members.list()) {
      this.#unsynced.add(member.id);
      member.isNew = false;
      this.#touch(member);
      this.#answerJoin(member, this.#joined(member));
    }
    this.#syncTimer = setTimeout(() => this.#expireSync(), this.#members.longestRebalanceMs());
    this.#syncTimer.unref();
  }

  /** Who has not asked for its assignment in time is out. */
  #expireSync(): void {
    if (this.#unsynced.size === 0) return;
    for (const memberId of [...this.#unsynced]) this.#takeOut(memberId);
    this.#prepareRebalance();
  }

  #enter(state: GroupState): void {
    this.#stateBefore = this.#state;
    this.#state = state;
    this.#sinceMs = this.#rules.nowMs();
  }

  #subscriptions(): ReadonlySet<string> | undefined {
    if (this.#protocolType !== "consumer") return undefined;
    return subscribedTopics(this.#members.list().map((member) => metadataUnder(member, this.#protocolName)));
  }

  #joined(member: GroupMember): JoinAnswer {
    const told = member.id === this.#members.leader ? this.#members.list() : [];
    return {
      errorCode: errorCodes.NONE,
      generationId: this.#generationId,
      protocolType: this.#protocolType,
      protocolName: this.#protocolName,
      leader: this.#members.leader ?? "",
      memberId: member.id,
      members: told.map((one) => ({
        memberId: one.id,
        groupInstanceId: one.instanceId,
        metadata: metadataUnder(one, this.#protocolName),
      })),
    };
  }

  #stored(assignments?: ReadonlyMap<string, Buffer>): StoredGroup {
    const members = this.#members
      .list()
      .map((one) => storedMember(one, this.#protocolName, assignments ? (assignments.get(one.id) ?? NO_BYTES) : one.assignment));
    return {
      group: this.id,
      generationId: this.#generationId,
      protocolType: this.#protocolType,
      protocolName: this.#protocolName,
      leader: this.#members.leader,
      members,
      sinceMs: this.#sinceMs,
    };
  }

  #answerJoin(member: GroupMember, answer: JoinAnswer): void {
    const resolve = member.joining;
    member.joining = undefined;
    resolve?.(answer);
  }

  /** Whoever is answered has a session again. */
  #answerSync(member: GroupMember, answer: SyncAnswer): void {
    const resolve = member.syncing;
    member.syncing = undefined;
    if (!resolve) return;
    this.#touch(member);
    resolve(answer);
  }

  async sync(request: SyncRequest): Promise<SyncAnswer> {
    if (this.#state === "Dead") return refusedSync(errorCodes.COORDINATOR_NOT_AVAILABLE);
    const error = this.#faultOf(request, request.generationId);
    if (error !== errorCodes.NONE) return refusedSync(error);
    const isOther = (said: string | null, own: string | null): boolean => said !== null && own !== null && said !== own;
    if (isOther(request.protocolType, this.#protocolType) || isOther(request.protocolName, this.#protocolName)) {
      return refusedSync(errorCodes.INCONSISTENT_GROUP_PROTOCOL);
    }
    if (this.#state === "PreparingRebalance") return refusedSync(errorCodes.REBALANCE_IN_PROGRESS);
    const member = this.#members.get(request.memberId) as GroupMember;
    this.#unsynced.delete(member.id);
    if (this.#state === "Stable") return this.#assigned(member);
    this.#answerSync(member, refusedSync(errorCodes.REBALANCE_IN_PROGRESS));
    this.#stopSession(member);
    const answer = new Promise<SyncAnswer>((resolve) => (member.syncing = resolve));
    if (member.id === this.#members.leader) void this.#settle(request);
    return answer;
  }

  /** Keeps what the leader assigned; then everybody is told. */
  async #settle({ generationId, assignments }: SyncRequest): Promise<void> {
    const byMember = new Map(assignments.map(({ memberId, assignment }) => [memberId, Buffer.from(assignment)]));
    const failed = await this.#rules.save(this.#stored(byMember)).then(
      () => false,
      () => true,
    );
    if (this.#state !== "CompletingRebalance" || this.#generationId !== generationId) return;
    if (failed) {
      for (const member of this.#members.list()) this.#answerSync(member, refusedSync(errorCodes.COORDINATOR_NOT_AVAILABLE));
      this.#prepareRebalance();
      return;
    }
    this.#enter("Stable");
    for (const member of this.#members.list()) {
      member.assignment = byMember.get(member.id) ?? NO_BYTES;
      this.#answerSync(member, this.#assigned(member));
    }
  }

  #assigned({ assignment }: GroupMember): SyncAnswer {
    return { errorCode: errorCodes.NONE, protocolType: this.#protocolType, protocolName: this.#protocolName, assignment };
  }

  #faultOf(identity: MemberIdentity, generationId: number): number {
    const error = this.#members.fault(identity);
    if (error !== errorCodes.NONE) return error;
    return generationId === this.#generationId ? errorCodes.NONE : errorCodes.ILLEGAL_GENERATION;
  }

  heartbeat(identity: MemberIdentity, generationId: number): number {
    if (this.#state === "Dead") return errorCodes.COORDINATOR_NOT_AVAILABLE;
    const error = this.#faultOf(identity, generationId);
    if (error !== errorCodes.NONE) return error;
    this.#seen(identity.memberId);
    return this.#state === "PreparingRebalance" ? errorCodes.REBALANCE_IN_PROGRESS : errorCodes.NONE;
  }

  /**
   * May these offsets be committed? Outside a generation only while nobody is in the group; in a transaction (KIP-447) also by those who do not
   * say who they are. A commit is a sign of life.
   */
  checkCommit(identity: MemberIdentity, generationId: number, inTransaction: boolean = false): number {
    if (this.#state === "Dead") return errorCodes.COORDINATOR_NOT_AVAILABLE;
    if (generationId < 0 && this.#state === "Empty") return errorCodes.NONE;
    if (generationId >= 0 || identity.memberId !== "" || identity.instanceId !== null) {
      const error = this.#faultOf(identity, generationId);
      if (error !== errorCodes.NONE) return error;
    } else if (!inTransaction && this.#state !== "Empty") return errorCodes.UNKNOWN_MEMBER_ID;
    if (inTransaction) return errorCodes.NONE;
    if (this.#state === "CompletingRebalance") return errorCodes.REBALANCE_IN_PROGRESS;
    this.#seen(identity.memberId);
    return errorCodes.NONE;
  }

  /**
   * Takes members out, one error code each; an administrator may name a static member without its id. When the last has left, that is kept
   * before anybody is answered: after a crash nobody waits for one who said goodbye.
   */
  async leave(identities: readonly MemberIdentity[]): Promise<number[]> {
    if (this.#state === "Dead") return identities.map(() => errorCodes.COORDINATOR_NOT_AVAILABLE);
    const errors = identities.map((identity) => this.#leaveOne(identity));
    if (errors.includes(errorCodes.NONE) && this.#state !== "Empty") this.#rebalance();
    await this.#emptied;
    return errors;
  }

  #leaveOne({ memberId, instanceId }: MemberIdentity): number {
    const id = memberId === "" && instanceId !== null ? this.#members.named(instanceId)?.id : memberId;
    if (id === undefined) return errorCodes.UNKNOWN_MEMBER_ID;
    if (!this.#promised.has(id)) {
      const error = this.#members.fault({ memberId: id, instanceId });
      if (error !== errorCodes.NONE) return error;
    }
    this.#takeOut(id);
    return errorCodes.NONE;
  }

  #seen(memberId: string): void {
    const member = this.#members.get(memberId);
    if (member && !member.joining && !member.syncing) this.#touch(member);
  }

  #touch(member: GroupMember, ms: number = member.sessionTimeoutMs): void {
    this.#stopSession(member);
    member.session = setTimeout(() => {
      this.#takeOut(member.id);
      this.#rebalance();
    }, ms);
    member.session.unref();
  }

  #stopSession(member: GroupMember): void {
    clearTimeout(member.session);
    member.session = undefined;
  }

  #dropPromise(memberId: string): void {
    clearTimeout(this.#promised.get(memberId));
    this.#promised.delete(memberId);
  }

  /** Ends a membership, or the promise of one, without a word to the others; whoever waits under this id is told. */
  #takeOut(memberId: string): void {
    this.#dropPromise(memberId);
    const member = this.#members.get(memberId);
    if (!member) return;
    this.#unsynced.delete(memberId);
    this.#members.remove(member);
    this.#answerJoin(member, refusedJoin(errorCodes.UNKNOWN_MEMBER_ID, ""));
    this.#answerSync(member, refusedSync(errorCodes.UNKNOWN_MEMBER_ID));
    this.#stopSession(member);
  }

  /** Ends every timer and answers whoever waits: the group is not served any more. */
  close(): void {
    this.#state = "Dead";
    clearTimeout(this.#joinTimer);
    clearTimeout(this.#syncTimer);
    for (const memberId of [...this.#promised.keys()]) this.#dropPromise(memberId);
    for (const member of this.#members.list()) {
      this.#answerJoin(member, refusedJoin(errorCodes.COORDINATOR_NOT_AVAILABLE, member.id));
      this.#answerSync(member, refusedSync(errorCodes.COORDINATOR_NOT_AVAILABLE));
      this.#stopSession(member);
    }
  }
}
