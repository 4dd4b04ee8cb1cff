import type { Collection, Stored } from "../storage/collection.ts";
import type { Matcher } from "./matcher.ts";
import type { QueryPlan } from "./planner.ts";

const CHUNK = 256;
const BEFORE_ALL = -1;
const AFTER_ALL = Number.MAX_SAFE_INTEGER;

/** What a scan looked at, for explain. */
export type ScanCounts = { keysExamined: number; docsExamined: number };

/**
 * Reads a plan's documents in its order and yields those that match. It holds no open statement: each chunk continues behind the last key,
 * so that a cursor may rest for minutes while others write. The first chunk is as large as `firstChunk`, later ones 256.
 */
export function* scan(
  collection: Collection,
  plan: QueryPlan,
  matcher: Matcher | undefined,
  firstChunk: number = CHUNK,
  counts: ScanCounts = { keysExamined: 0, docsExamined: 0 },
): Generator<Stored, void, undefined> {
  for (const stored of candidates(collection, plan, Math.max(1, Math.min(firstChunk, CHUNK)), counts)) {
    counts.docsExamined++;
    if (matcher === undefined || (plan.stage !== "COLLSCAN" && plan.exact) || matcher.matches(stored.document)) yield stored;
  }
}

function* candidates(collection: Collection, plan: QueryPlan, firstChunk: number, counts: ScanCounts): Generator<Stored, void, undefined> {
  let limit = firstChunk;
  if (plan.stage === "COLLSCAN") {
    let after = plan.backward ? AFTER_ALL : BEFORE_ALL;
    for (;;) {
      const rows = collection.scanNatural(after, limit, plan.backward);
      yield* rows;
      if (rows.length < limit) return;
      after = rows.at(-1)?.rid ?? after;
      limit = CHUNK;
    }
  }
  if (plan.stage === "IDHACK") {
    const key = plan.ranges[0]?.low;
    const stored = key && collection.byId(key);
    counts.keysExamined++;
    if (stored) yield stored;
    return;
  }
  const dedupe = plan.index.multikey ? new Set<number>() : undefined;
  for (const range of plan.backward ? [...plan.ranges].reverse() : plan.ranges) {
    let afterKey = plan.backward ? range.high : range.low;
    let afterRid = BEFORE_ALL;
    for (;;) {
      const rows = collection.scanIndex(
        plan.index,
        { afterKey, afterRid, edge: plan.backward ? range.low : range.high },
        limit,
        plan.backward,
      );
      for (const row of rows) {
        counts.keysExamined++;
        if (dedupe) {
          if (dedupe.has(row.rid)) continue;
          dedupe.add(row.rid);
        }
        yield row;
      }
      const last = rows.at(-1);
      if (rows.length < limit || last === undefined) break;
      afterKey = last.key;
      afterRid = last.rid;
      limit = CHUNK;
    }
  }
}
