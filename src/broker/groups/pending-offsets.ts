import type { OffsetCommit } from "./offset-store.ts";

interface PendingOffset {
  readonly producerId: number;
  readonly group: string;
  readonly offset: OffsetCommit;
  /** Something was committed for the partition since: when the transaction is committed, this offset is not. */
  isOutdated: boolean;
}

/** Offsets of transactions that are open (KIP-98): nobody sees them before the commit. In the order in which they came. */
export type PendingOffsets = Map<string, PendingOffset>;

/** How pending offsets stand in the journal when it is rewritten. */
export interface PendingEntry {
  readonly pending: number;
  readonly group: string;
  readonly offsets: readonly OffsetCommit[];
  readonly outdated?: true;
}

const keyOf = (producerId: number, group: string, { topic, partition }: OffsetCommit): string =>
  `${producerId}/${group}/${topic}:${partition}`;

export function addPending(pending: PendingOffsets, { pending: producerId, group, offsets, outdated }: PendingEntry): void {
  for (const offset of offsets) {
    const key = keyOf(producerId, group, offset);
    pending.delete(key);
    pending.set(key, { producerId, group, offset, isOutdated: outdated === true });
  }
}

/** Offsets were committed outside of a transaction: what is pending for the same partitions came before and is not to come after. */
export function outdatePending(pending: PendingOffsets, group: string, offsets: readonly OffsetCommit[]): void {
  if (pending.size === 0) return;
  const partitions = new Set(offsets.map(({ topic, partition }) => `${topic}:${partition}`));
  for (const one of pending.values()) {
    if (one.group === group && partitions.has(`${one.offset.topic}:${one.offset.partition}`)) one.isOutdated = true;
  }
}

/** A producer's transaction has ended: its offsets go, and where it was committed they are returned, in their order. */
export function endPending(
  pending: PendingOffsets,
  producerId: number,
  committed: boolean,
): { readonly group: string; readonly offset: OffsetCommit }[] {
  const ended: { group: string; offset: OffsetCommit }[] = [];
  const before: PendingOffset[] = [];
  for (const [key, one] of pending) {
    if (one.producerId !== producerId) {
      before.push(one);
      continue;
    }
    pending.delete(key);
    if (!committed || one.isOutdated) continue;
    ended.push({ group: one.group, offset: one.offset });
    const isSame = ({ group, offset }: PendingOffset): boolean =>
      group === one.group && offset.topic === one.offset.topic && offset.partition === one.offset.partition;
    for (const other of before) if (isSame(other)) other.isOutdated = true;
  }
  return ended;
}

/** Forgets what is pending for a group, or for some of its partitions. */
export function dropPending(
  pending: PendingOffsets,
  group: string,
  partitions?: readonly { readonly topic: string; readonly partition: number }[],
): void {
  for (const [key, one] of pending) {
    const isMeant = partitions?.some(({ topic, partition }) => topic === one.offset.topic && partition === one.offset.partition) ?? true;
    if (one.group === group && isMeant) pending.delete(key);
  }
}

/** Whether anything is pending for a partition, or for the whole group. */
export function isPending(pending: PendingOffsets, group: string, topic?: string, partition?: number): boolean {
  for (const one of pending.values()) {
    if (one.group !== group) continue;
    if (topic === undefined || (one.offset.partition === partition && one.offset.topic === topic)) return true;
  }
  return false;
}

export function* pendingEntries(pending: PendingOffsets): Generator<PendingEntry> {
  for (const { producerId, group, offset, isOutdated } of pending.values()) {
    yield { pending: producerId, group, offsets: [offset], ...(isOutdated ? { outdated: true } : {}) };
  }
}
