interface CachedBatch {
  readonly baseOffset: number;
  readonly lastOffset: number;
  readonly bytes: Buffer;
}

/** The batches that were written last, as they came: a consumer that keeps up is served without touching the disk. */
export interface TailCache {
  readonly batches: CachedBatch[];
  bytes: number;
  /** The first entry that is still in use; what lies before it is cut off from time to time. */
  first: number;
}

export function createTailCache(): TailCache {
  return { batches: [], bytes: 0, first: 0 };
}

/** Adds a batch that follows the last one and lets go of the oldest beyond `maxBytes`. */
export function cacheBatch(cache: TailCache, baseOffset: number, lastOffset: number, bytes: Buffer, maxBytes: number): void {
  cache.batches.push({ baseOffset, lastOffset, bytes });
  cache.bytes += bytes.length;
  while (cache.bytes > maxBytes && cache.first < cache.batches.length) {
    cache.bytes -= (cache.batches[cache.first] as CachedBatch).bytes.length;
    cache.first++;
  }
  if (cache.first > 64 && cache.first * 2 > cache.batches.length) {
    cache.batches.splice(0, cache.first);
    cache.first = 0;
  }
}

/** Whole batches from the one that holds `offset` on and before `toOffset`, or undefined where the cache does not reach back so far. */
export function readCached(
  cache: TailCache,
  offset: number,
  maxBytes: number,
  atLeastOne: boolean,
  toOffset: number,
): Uint8Array[] | undefined {
  const { batches } = cache;
  const oldest = batches[cache.first];
  if (!oldest || oldest.baseOffset > offset) return undefined;
  let low = cache.first;
  let high = batches.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((batches[middle] as CachedBatch).lastOffset < offset) low = middle + 1;
    else high = middle;
  }
  const pieces: Uint8Array[] = [];
  let bytes = 0;
  for (let i = low; i < batches.length; i++) {
    const { baseOffset, bytes: next } = batches[i] as CachedBatch;
    if (baseOffset >= toOffset) break;
    if (bytes + next.length > maxBytes && !(atLeastOne && bytes === 0)) break;
    pieces.push(next);
    bytes += next.length;
  }
  return pieces;
}

/** Lets go of the batches that begin before `offset`: the log has other ones there now. */
export function dropCachedBefore(cache: TailCache, offset: number): void {
  while (cache.first < cache.batches.length && (cache.batches[cache.first] as CachedBatch).baseOffset < offset) {
    cache.bytes -= (cache.batches[cache.first] as CachedBatch).bytes.length;
    cache.first++;
  }
}
