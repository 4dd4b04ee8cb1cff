import path from "node:path";
import { openJournal, type Journal } from "../journal.ts";

export interface CommittedOffset {
  readonly offset: number;
  readonly leaderEpoch: number;
  /** Comes back exactly as it was sent. */
  readonly metadata: string;
  /** When it was committed, in ms since the epoch. */
  readonly atMs: number;
  /** When it is to be forgotten, where the client said so (OffsetCommit v2–4). */
  readonly untilMs?: number;
}

/** A committed offset and where it belongs. */
export interface OffsetCommit extends CommittedOffset {
  readonly topic: string;
  readonly partition: number;
}

type Entry =
  | { readonly group: string; readonly offsets: readonly OffsetCommit[] }
  | { readonly group: string; readonly deleted: readonly { readonly topic: string; readonly partition: number }[] }
  | { readonly group: string; readonly gone: true };

const keyOf = (topic: string, partition: number): string => `${topic}:${partition}`;

/** The committed offsets of all groups, on disk. */
export interface OffsetStore {
  groups(): Iterable<string>;
  get(group: string, topic: string, partition: number): CommittedOffset | undefined;
  /** All of a group, by topic. */
  list(group: string): ReadonlyMap<string, ReadonlyMap<number, CommittedOffset>>;
  /** Resolves when the offsets are stored; only then are they seen. */
  commit(group: string, offsets: readonly OffsetCommit[]): Promise<void>;
  /** Forgets offsets; those that there are not do no harm. */
  remove(group: string, partitions: readonly { readonly topic: string; readonly partition: number }[]): Promise<void>;
  removeGroup(group: string): Promise<void>;
  /** Forgets a deleted topic in every group. */
  removeTopic(topic: string): Promise<void>;
  flush(): Promise<void>;
  close(): Promise<void>;
}

type Stored = Map<string, OffsetCommit>;

/** Opens the store; `sync` makes every commit durable against a power cut. */
export async function openOffsetStore(folder: string, sync: boolean): Promise<OffsetStore> {
  const groups = new Map<string, Stored>();
  const apply = (entry: Entry): void => {
    if ("gone" in entry) {
      groups.delete(entry.group);
      return;
    }
    let stored = groups.get(entry.group);
    if (!stored) groups.set(entry.group, (stored = new Map()));
    if ("offsets" in entry) for (const one of entry.offsets) stored.set(keyOf(one.topic, one.partition), one);
    else for (const one of entry.deleted) stored.delete(keyOf(one.topic, one.partition));
    if (stored.size === 0) groups.delete(entry.group);
  };
  const journal: Journal<Entry> = await openJournal<Entry>({
    file: path.join(folder, "offsets.journal"),
    sync,
    apply,
    *snapshot() {
      for (const [group, stored] of groups) yield { group, offsets: [...stored.values()] };
    },
  });
  const record = (entry: Entry): Promise<void> => journal.append([entry]);
  const list = (group: string): Map<string, Map<number, CommittedOffset>> => {
    const topics = new Map<string, Map<number, CommittedOffset>>();
    for (const one of groups.get(group)?.values() ?? []) {
      let partitions = topics.get(one.topic);
      if (!partitions) topics.set(one.topic, (partitions = new Map()));
      partitions.set(one.partition, one);
    }
    return topics;
  };
  return {
    groups: () => groups.keys(),
    get: (group, topic, partition) => groups.get(group)?.get(keyOf(topic, partition)),
    list,
    commit: (group, offsets) => record({ group, offsets }),
    remove: (group, deleted) => record({ group, deleted }),
    removeGroup: (group) => record({ group, gone: true }),
    removeTopic: async (topic) => {
      for (const group of [...groups.keys()]) {
        const partitions = [...(list(group).get(topic)?.keys() ?? [])];
        if (partitions.length > 0) await record({ group, deleted: partitions.map((partition) => ({ topic, partition })) });
      }
    },
    flush: () => journal.flush(),
    close: () => journal.close(),
  };
}
