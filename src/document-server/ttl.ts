import { keyOf } from "./bson/values.ts";
import { RANK } from "./bson/order-key.ts";
import type { ServerState } from "./server-state.ts";
import type { Collection, CollectionIndex } from "./storage/collection.ts";

/** MongoDB's ttlMonitorSleepSecs. */
const EVERY_MS = 60_000;
/** Documents that one transaction deletes: others get their turns between two. */
const AT_ONCE = 500;

/** Deletes what has expired, each minute until the signal aborts. What expires is gone within a minute of its time, not at once. */
export async function watchExpiry(state: ServerState, signal: AbortSignal): Promise<void> {
  for (;;) {
    try {
      await state.clock.sleep(EVERY_MS, signal);
    } catch {
      return;
    }
    state.cursors.expire();
    await deleteExpired(state, signal).catch(() => undefined);
    state.ttl.passes++;
  }
}

/** One pass over all TTL indexes: deletes the documents whose date, the earliest of an array, lies back far enough. Gives how many. */
export async function deleteExpired(state: ServerState, signal?: AbortSignal): Promise<number> {
  let deleted = 0;
  for (const database of state.catalog.databases())
    for (const collection of state.catalog.collections(database))
      for (const index of [...collection.indexes]) {
        if (index.spec.expireAfterSeconds === undefined || collection.cap) continue;
        for (let more = true; more && !signal?.aborted && !collection.gone;) {
          const n = await state.file.write(() => deleteSome(state, collection, index));
          deleted += n;
          state.ttl.deletedDocuments += n;
          more = n > 0;
        }
      }
  return deleted;
}

function deleteSome(state: ServerState, collection: Collection, index: CollectionIndex): number {
  if (collection.gone || !collection.indexes.includes(index)) return 0;
  const limitMs = state.clock.nowMs() - Number(index.spec.expireAfterSeconds) * 1000;
  const descending = index.spec.fields[0]?.descending === true;
  const limit = keyOf(new Date(limitMs), descending);
  const rank = descending ? ~RANK.date & 0xff : RANK.date;
  const range = descending
    ? { afterKey: limit, afterRid: -1, edge: Buffer.from([rank + 1]) }
    : { afterKey: Buffer.from([rank]), afterRid: -1, edge: Buffer.concat([limit, Buffer.from([0])]) };
  const expired = new Map(collection.scanIndex(index, range, AT_ONCE, false).map((row) => [row.rid, row]));
  for (const stored of expired.values()) collection.remove(stored);
  return expired.size;
}
