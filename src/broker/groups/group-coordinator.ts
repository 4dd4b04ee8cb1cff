import { ConsumerGroup, type GroupState } from "./consumer-group.ts";
import type { OffsetStore } from "./offset-store.ts";

/** All groups: those with members, and those of which only committed offsets are left. */
export class GroupCoordinator {
  readonly offsets: OffsetStore;
  readonly #groups = new Map<string, ConsumerGroup>();

  constructor(offsets: OffsetStore) {
    this.offsets = offsets;
  }

  /** The group, made if it is not there. */
  group(id: string): ConsumerGroup {
    let group = this.#groups.get(id);
    if (!group) this.#groups.set(id, (group = new ConsumerGroup(id)));
    return group;
  }

  /** The group if it has or had members. */
  find(id: string): ConsumerGroup | undefined {
    return this.#groups.get(id);
  }

  /** A group's state: "Dead" where nothing is known of it. */
  stateOf(id: string): GroupState {
    const group = this.#groups.get(id);
    if (group && group.members.length > 0) return group.state;
    return group || this.offsets.list(id).size > 0 ? "Empty" : "Dead";
  }

  list(): { groupId: string; protocolType: string; state: GroupState }[] {
    const ids = new Set([...this.#groups.keys(), ...this.offsets.groups()]);
    return [...ids].map((groupId) => ({
      groupId,
      protocolType: this.#groups.get(groupId)?.protocolType ?? "",
      state: this.stateOf(groupId),
    }));
  }

  async delete(id: string): Promise<void> {
    this.#groups.get(id)?.close();
    this.#groups.delete(id);
    await this.offsets.removeGroup(id);
  }

  close(): void {
    for (const group of this.#groups.values()) group.close();
  }
}
