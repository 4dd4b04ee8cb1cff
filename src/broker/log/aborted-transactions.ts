/** A transaction of a partition that was aborted: read_committed passes over its records (KIP-98). */
export interface AbortedTransaction {
  readonly producerId: number;
  /** Its first record. */
  readonly firstOffset: number;
  /** Its marker. */
  readonly lastOffset: number;
  /** The last stable offset once the marker was written: no transaction that is listed later begins before it. */
  readonly stableOffset: number;
}

/** What a fetch answers of an aborted transaction. */
export type AbortedRange = Pick<AbortedTransaction, "producerId" | "firstOffset">;

/**
 * Of a list in the order of the markers: the transactions with records in [from, to), the oldest first record first. One whose marker lies
 * before `from` is not among them: a reader would pass over whatever the producer wrote since.
 */
export function abortedBetween(segments: Iterable<readonly AbortedTransaction[]>, from: number, to: number): AbortedRange[] {
  const found: AbortedRange[] = [];
  search: for (const list of segments) {
    for (let i = firstMarkerFrom(list, from); i < list.length; i++) {
      const { producerId, firstOffset, stableOffset } = list[i] as AbortedTransaction;
      if (firstOffset < to) found.push({ producerId, firstOffset });
      if (stableOffset >= to) break search;
    }
  }
  return found.sort((a, b) => a.firstOffset - b.firstOffset);
}

function firstMarkerFrom(list: readonly AbortedTransaction[], offset: number): number {
  let low = 0;
  let high = list.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((list[middle] as AbortedTransaction).lastOffset < offset) low = middle + 1;
    else high = middle;
  }
  return low;
}
