import path from "node:path";
import { openJournal, type Journal } from "../journal.ts";
import { addPending, dropPending, endPending, isPending, outdatePending, pendingEntries } from "./pending-offsets.ts";
import type { PendingEntry, PendingOffsets } from "./pending-offsets.ts";

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
  | { readonly group: string; readonly gone: true }
  | PendingEntry
  | { readonly ended: number; readonly committed: boolean };

const keyOf = (topic: string, partition: number): string => `${topic}:${partition}`;

/** The committed offsets of all groups, on disk. */
export interface OffsetStore {
  /** Those that keep offsets, or will where a transaction is committed. */
  groups(): Iterable<string>;
  get(group: string, topic: string, partition: number): CommittedOffset | undefined;
  /** All of a group, by topic. */
  list(group: string): ReadonlyMap<string, ReadonlyMap<number, CommittedOffset>>;
  /** Resolves when the offsets are stored; only then are they seen. */
  commit(group: string, offsets: readonly OffsetCommit[]): Promise<void>;
  /** Stores offsets of a producer's open transaction: they are seen when it is committed, if it is. */
  commitPending(group: string, producerId: number, offsets: readonly OffsetCommit[]): Promise<void>;
  /** Ends a producer's transaction: its offsets become the committed ones, all at once, or are forgotten. */
  endTransaction(producerId: number, committed: boolean): Promise<void>;
  /** The producers and groups with offsets of open transactions; a pair may come more than once. */
  pending(): Iterable<{ readonly producerId: number; readonly group: string }>;
  /** Whether an open transaction may yet change the offset; without a partition: any of the group. */
  isPending(group: string, topic?: string, partition?: number): boolean;
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
  const pending: PendingOffsets = new Map();
  const put = (group: string, offsets: readonly OffsetCommit[]): void => {
    let stored = groups.get(group);
    if (!stored) groups.set(group, (stored = new Map()));
    for (const one of offsets) stored.set(keyOf(one.topic, one.partition), one);
  };
  const apply = (entry: Entry): void => {
    if ("pending" in entry) addPending(pending, entry);
    else if ("ended" in entry) for (const { group, offset } of endPending(pending, entry.ended, entry.committed)) put(group, [offset]);
    else if ("offsets" in entry) {
      outdatePending(pending, entry.group, entry.offsets);
      put(entry.group, entry.offsets);
    } else if ("gone" in entry) {
      groups.delete(entry.group);
      dropPending(pending, entry.group);
    } else {
      const stored = groups.get(entry.group);
      for (const one of entry.deleted) stored?.delete(keyOf(one.topic, one.partition));
      if (stored?.size === 0) groups.delete(entry.group);
      dropPending(pending, entry.group, entry.deleted);
    }
  };
  const journal: Journal<Entry> = await openJournal<Entry>({
    file: path.join(folder, "offsets.journal"),
    sync,
    apply,
    *snapshot() {
      for (const [group, stored] of groups) yield { group, offsets: [...stored.values()] };
      yield* pendingEntries(pending);
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
    groups: () => new Set([...groups.keys(), ...[...pending.values()].map(({ group }) => group)]),
    get: (group, topic, partition) => groups.get(group)?.get(keyOf(topic, partition)),
    list,
    commit: (group, offsets) => record({ group, offsets }),
    commitPending: (group, producerId, offsets) => record({ pending: producerId, group, offsets }),
    endTransaction: (ended, committed) => record({ ended, committed }),
    pending: () => pending.values(),
    isPending: (group, topic, partition) => isPending(pending, group, topic, partition),
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
