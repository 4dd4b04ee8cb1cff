import type { Collection, Stored } from "../storage/collection.ts";
import type { Matcher } from "./matcher.ts";
import type { QueryPlan } from "./planner.ts";

const CHUNK = 256;
const BEFORE_ALL = -1;
const AFTER_ALL = Number.MAX_SAFE_INTEGER;
/** So many documents in a row may not match before the reader gets a chance to give way to others. */
const BREATH = 64;

/** What a scan looked at, for explain. */
export type ScanCounts = { keysExamined: number; docsExamined: number; matched?: number };

/**
 * Reads a plan's documents in its order and yields those that match. It holds no open statement: each chunk continues behind the last key,
 * so that a cursor may rest for minutes while others write. The first chunk is as large as `firstChunk`, later ones 256.
 */
export function* scan(
  collection: Collection,
  plan: QueryPlan,
  matcher: Matcher | undefined,
  firstChunk: number = CHUNK,
  counts?: ScanCounts,
): Generator<Stored, void, undefined> {
  for (const step of scanSteps(collection, plan, matcher, firstChunk, counts)) if (step) yield step;
}

/** The same, with undefined now and then where documents that do not match go by. */
export function* scanSteps(
  collection: Collection,
  plan: QueryPlan,
  matcher: Matcher | undefined,
  firstChunk: number = CHUNK,
  counts: ScanCounts = { keysExamined: 0, docsExamined: 0 },
): Generator<Stored | undefined, void, undefined> {
  if (plan.stage !== "COLLSCAN") plan.index.uses++;
  let silent = 0;
  for (const stored of candidates(collection, plan, Math.max(1, Math.min(firstChunk, CHUNK)), counts)) {
    counts.docsExamined++;
    if (matcher === undefined || (plan.stage !== "COLLSCAN" && plan.exact) || matcher.matches(stored.document)) {
      silent = 0;
      if (counts.matched !== undefined) counts.matched++;
      yield stored;
    } else if (++silent >= BREATH) {
      silent = 0;
      yield undefined;
    }
  }
}

/** In order of insertion, behind `afterRid`, without an end: AT_END stands for "nothing more for now". For tailable cursors. */
export function* tail(
  collection: Collection,
  matcher: Matcher | undefined,
  onGap: () => never,
): Generator<Stored | undefined | typeof AT_END, void, undefined> {
  let after = BEFORE_ALL;
  for (;;) {
    if (after !== BEFORE_ALL && !collection.hasRow(after)) onGap();
    const rows = collection.scanNatural(after, CHUNK, false);
    for (const row of rows) {
      yield matcher === undefined || matcher.matches(row.document) ? row : undefined;
      after = row.rid;
    }
    if (rows.length < CHUNK) yield AT_END;
  }
}

export const AT_END: unique symbol = Symbol("at the end");

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
    if (!stored) return;
    counts.keysExamined++;
    yield stored;
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
