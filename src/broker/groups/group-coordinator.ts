import { ConsumerGroup, type GroupRules } from "./consumer-group.ts";
import type { GroupState } from "./group-requests.ts";
import { openGroupStore, type GroupStore } from "./group-store.ts";
import { openOffsetStore, type CommittedOffset, type OffsetStore } from "./offset-store.ts";

export interface GroupCoordinatorOptions {
  readonly folder: string;
  /** Whether what is kept is synced before it is acknowledged. */
  readonly sync: boolean;
  /** `group.initial.rebalance.delay.ms` */
  readonly initialRebalanceDelayMs: number;
  /** `group.max.size` */
  readonly groupMaxSize: number;
  /** `offsets.retention.minutes`, in ms. */
  readonly offsetsRetentionMs: number;
  readonly nowMs: () => number;
}

/** All groups: those with members, and those of which only committed offsets are left. What was settled is there again after a restart. */
export class GroupCoordinator {
  readonly offsets: OffsetStore;
  readonly #options: GroupCoordinatorOptions;
  readonly #store: GroupStore;
  readonly #rules: GroupRules;
  readonly #groups = new Map<string, ConsumerGroup>();

  private constructor(options: GroupCoordinatorOptions, offsets: OffsetStore, store: GroupStore) {
    this.#options = options;
    this.offsets = offsets;
    this.#store = store;
    const { initialRebalanceDelayMs, groupMaxSize, nowMs } = options;
    this.#rules = { initialRebalanceDelayMs, groupMaxSize, nowMs, save: (group) => store.save(group) };
    for (const stored of store.all()) this.#groups.set(stored.group, ConsumerGroup.restore(stored, this.#rules));
    for (const group of offsets.groups()) this.group(group);
  }

  static async open(options: GroupCoordinatorOptions): Promise<GroupCoordinator> {
    const offsets = await openOffsetStore(options.folder, options.sync);
    try {
      return new GroupCoordinator(options, offsets, await openGroupStore(options.folder, options.sync));
    } catch (thrown) {
      await offsets.close();
      throw thrown;
    }
  }

  /** The group, made if it is not there. */
  group(id: string): ConsumerGroup {
    let group = this.#groups.get(id);
    if (!group) this.#groups.set(id, (group = new ConsumerGroup(id, this.#rules)));
    return group;
  }

  /** The group, if there is one: it has or had members, or keeps offsets. */
  find(id: string): ConsumerGroup | undefined {
    return this.#groups.get(id);
  }

  /** A group's state: "Dead" where nothing is known of it. */
  stateOf(id: string): GroupState {
    return this.#groups.get(id)?.state ?? "Dead";
  }

  list(): readonly ConsumerGroup[] {
    return [...this.#groups.values()];
  }

  async delete(id: string): Promise<void> {
    this.#groups.get(id)?.close();
    this.#groups.delete(id);
    await this.offsets.removeGroup(id);
    await this.#store.remove(id);
  }

  /** Forgets offsets whose time has passed, and groups that have nobody and nothing left. */
  async expire(): Promise<void> {
    for (const group of this.list().filter(({ id }) => !this.offsets.isPending(id))) {
      const kept = [...this.offsets.list(group.id)].flatMap(([topic, partitions]) =>
        [...partitions].map(([partition, committed]) => ({ topic, partition, isOver: this.#isOver(group, topic, committed) })),
      );
      const over = kept.filter(({ isOver }) => isOver);
      if (over.length < kept.length || group.state !== "Empty") {
        if (over.length > 0)
          await this.offsets.remove(
            group.id,
            over.map(({ topic, partition }) => ({ topic, partition })),
          );
      } else await this.delete(group.id);
    }
  }

  /**
   * Offsets of a group with members stay while a member reads the topic; otherwise they go when they are old. In a group that had members
   * the time counts from when the last one left (KIP-211).
   */
  #isOver(group: ConsumerGroup, topic: string, committed: CommittedOffset): boolean {
    const isEmpty = group.state === "Empty";
    const isJudged = isEmpty || (group.state === "Stable" && group.protocolType === "consumer" && group.subscribed !== undefined);
    if (!isJudged || group.subscribed?.has(topic)) return false;
    const nowMs = this.#options.nowMs();
    if (committed.untilMs !== undefined) return nowMs >= committed.untilMs;
    const fromMs = isEmpty && group.protocolType !== null ? group.sinceMs : committed.atMs;
    return nowMs - fromMs >= this.#options.offsetsRetentionMs;
  }

  /** Ends all memberships' timers; what is kept stays. */
  stop(): void {
    for (const group of this.#groups.values()) group.close();
  }

  async flush(): Promise<void> {
    await this.offsets.flush();
    await this.#store.flush();
  }

  async close(): Promise<void> {
    this.stop();
    await this.offsets.close();
    await this.#store.close();
  }
}
