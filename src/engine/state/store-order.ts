/** A state's rows by version: before the batch and with all that the batch adds, before any of them goes. */
export interface StateGrowth {
  /** Whether there was a version before this batch. */
  readonly copied: boolean;
  readonly before: number;
  readonly after: number;
}

/**
 * The order in which Spark's state store hands over its rows: the bins of a java.util.concurrent.ConcurrentHashMap, which each batch fills with a
 * copy of the version before (HDFSBackedStateStoreMap). It decides which rows a limit keeps, which of two duplicates is the first, how ties of a
 * sort lie. Rows of one bin keep the order in which they came.
 * @param hashOf of an item's key (`unsafeRowHash`); undefined for one leaves all items as they are
 */
export function inStoreOrder<T>(items: readonly T[], hashOf: (item: T) => number | undefined, growth: StateGrowth): readonly T[] {
  const mask = bins(growth) - 1;
  const placed: { readonly item: T; readonly bin: number }[] = [];
  for (const item of items) {
    const hash = hashOf(item);
    if (hash === undefined) return items;
    placed.push({ item, bin: (hash ^ (hash >>> 16)) & mask });
  }
  return placed.sort((a, b) => a.bin - b.bin).map(({ item }) => item);
}

/** A new map has 16 bins; a copy has room for one and a half times its rows, then doubles until that is under three quarters; so does each addition. */
function bins({ copied, before, after }: StateGrowth): number {
  let n = 16;
  if (copied) {
    const wanted = powerOfTwo(before + (before >> 1) + 1);
    n = wanted;
    while (wanted > threshold(n)) n *= 2;
  }
  while (after >= threshold(n)) n *= 2;
  return n;
}

function threshold(n: number): number {
  return n - (n >> 2);
}

function powerOfTwo(least: number): number {
  let n = 1;
  while (n < least) n *= 2;
  return n;
}
