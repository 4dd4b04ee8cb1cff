import { Binary, Long, type Document } from "bson";
import { decodeDocument, encodeDocument } from "../bson/values.ts";
import type { Reading } from "../cursors.ts";
import { CommandFailure } from "../failure.ts";
import { collect } from "../operation.ts";
import { keyOnly, readKeyView, withinBounds, withRecordId, type KeyView } from "../query/key-view.ts";
import { sortedSteps } from "../query/collated-sort.ts";
import { collatedKeys, compareCollated } from "../query/collation.ts";
import { compileFilter, type MatchOptions } from "../query/matcher.ts";
import { parseSort, type QueryPlan } from "../query/planner.ts";
import { candidates } from "../query/predicates.ts";
import { compileProjection } from "../query/projection.ts";
import { AT_END, scanSteps, tail, type ScanCounts } from "../query/scan.ts";
import type { Held } from "../query/sort.ts";
import type { Collection } from "../storage/collection.ts";
import { cursorReply } from "../wire/cursor-reply.ts";
import { readMatchOptions } from "./command-options.ts";
import { planMatching } from "./stored-writes.ts";
import { collectionName, subDocumentOf, wholeNumber, type Command, type CommandContext } from "./command.ts";

/** A find as it was asked for. */
export type FindRequest = {
  readonly filter: Document;
  readonly sort: Document | undefined;
  readonly projection: Document | undefined;
  readonly skip: number;
  /** 0 for none. */
  readonly limit: number;
  readonly hint: unknown;
  /** Its `let` and its collation. */
  readonly match?: MatchOptions;
  readonly keys?: KeyView | undefined;
};

export function readFind(context: CommandContext): FindRequest {
  return {
    filter: subDocumentOf(context, "filter") ?? {},
    sort: subDocumentOf(context, "sort"),
    projection: subDocumentOf(context, "projection"),
    skip: wholeNumber(context, "skip") ?? 0,
    limit: wholeNumber(context, "limit") ?? 0,
    hint: context.body.hint as unknown,
    match: readMatchOptions(context.body),
    keys: readKeyView(context.body),
  };
}

/** The plan of a find and its documents, as they are read: `steps` with undefined where others may have their turn. */
export function runFind(
  collection: Collection,
  request: FindRequest,
  counts?: ScanCounts,
): {
  readonly plan: QueryPlan;
  readonly documents: Generator<Buffer, void, undefined>;
  readonly steps: Generator<Buffer | undefined, void, undefined>;
  readonly held: Held;
} {
  const sort = parseSort(request.sort);
  const match = request.match ?? {};
  const plan = planMatching(collection, request.filter, request.sort, request.hint, match);
  const matcher = compileFilter(request.filter, match);
  const project = compileProjection(request.projection, { filter: request.filter, match });
  const { skip, limit } = request;
  const held: Held = { bytes: 0 };
  const wanted = limit === 0 ? Infinity : skip + limit;
  const { keys } = request;
  const isWithin = keys && withinBounds(plan, keys);
  const places = new WeakMap<Buffer, number>();
  function* matched(): Generator<Buffer | undefined, void, undefined> {
    for (const stored of scanSteps(collection, plan, matcher, plan.sorted && limit > 0 && !matcher ? wanted : undefined, counts))
      if (stored === undefined || isWithin === undefined || isWithin(stored.document)) {
        if (stored && keys?.showRecordId) places.set(stored.document, stored.rid);
        yield stored?.document;
      }
  }
  function shownAs(document: Buffer): Buffer {
    const projected = keys?.returnKey ? keyOnly(plan, document) : project ? project(document) : document;
    return keys?.showRecordId && !keys.returnKey ? withRecordId(projected, places.get(document) as number) : projected;
  }
  function* steps(): Generator<Buffer | undefined, void, undefined> {
    let passed = 0;
    for (const document of plan.sorted ? matched() : sortedSteps(matched(), sort, match.collation, wanted, held)) {
      if (document === undefined || passed++ < skip) {
        yield undefined;
        continue;
      }
      yield keys ? shownAs(document) : project ? project(document) : document;
      if (passed >= wanted) return;
    }
  }
  function* documents(): Generator<Buffer, void, undefined> {
    for (const step of steps()) if (step) yield step;
  }
  return { plan, documents: documents(), steps: steps(), held };
}

/** Who reads, for the cursors. */
export function readingOf(context: CommandContext, batchSize: number | undefined): Reading {
  return { operation: context.operation, batchSize, session: sessionOf(context.body), user: context.connection.users[0]?.id };
}

/** The id of the session that a command came in. */
export function sessionOf(body: Document): string | undefined {
  const id = (body.lsid as Document | undefined)?.id as unknown;
  return id instanceof Binary ? id.toString("hex") : undefined;
}

const find: Command = {
  name: "find",
  run: async (context) => {
    const name = collectionName(context);
    const namespace = `${context.database}.${name}`;
    const request = readFind(context);
    const { body, state } = context;
    const tailable = body.tailable === true ? (body.awaitData === true ? "await" : "tail") : "no";
    if (body.awaitData === true && tailable === "no")
      throw new CommandFailure("FailedToParse", "Cannot set 'awaitData' without also setting 'tailable'");
    if (tailable !== "no" && body.singleBatch === true)
      throw new CommandFailure("FailedToParse", "Cannot use tailable option with the 'singleBatch' option");
    const collection = state.catalog.find(context.database, name);
    const reading = readingOf(context, wholeNumber(context, "batchSize"));
    if (!collection) {
      compileFilter(request.filter, request.match);
      parseSort(request.sort);
      compileProjection(request.projection);
      return cursorReply("firstBatch", [], 0n, namespace);
    }
    const source = { namespace, collection, session: reading.session, user: reading.user, noTimeout: body.noCursorTimeout === true };
    if (tailable !== "no") {
      const steps = followCollection(collection, request);
      if (collection.count() === 0) return cursorReply("firstBatch", [], 0n, namespace);
      const batch = await state.cursors.open({ ...source, steps, tailable }, reading);
      return cursorReply("firstBatch", batch.documents, batch.cursorId, namespace);
    }
    const { steps, held } = runFind(collection, request);
    const single = body.singleBatch === true;
    const batch = await state.cursors.open({ ...source, steps, held }, reading, single);
    return cursorReply("firstBatch", batch.documents, batch.cursorId, namespace);
  },
};

/** A capped collection in natural order, now and as it grows. */
function followCollection(collection: Collection, request: FindRequest): Generator<Buffer | undefined | typeof AT_END, void, undefined> {
  if (!collection.cap)
    throw new CommandFailure(
      "BadValue",
      `error processing query: ns=${collection.namespace} tailable cursor requested on non capped collection`,
    );
  if (request.sort && !(Object.keys(request.sort).length === 1 && Number(request.sort.$natural) === 1))
    throw new CommandFailure("BadValue", "error processing query: tailable cursor can only be used with a {$natural: 1} sort");
  const matcher = compileFilter(request.filter);
  const project = compileProjection(request.projection);
  return follow();
  function* follow(): Generator<Buffer | undefined | typeof AT_END, void, undefined> {
    let skipped = 0;
    for (const step of tail(collection, matcher, onGap)) {
      if (step === AT_END || step === undefined) yield step;
      else if (skipped++ >= request.skip) yield project ? project(step.document) : step.document;
    }
  }
  function onGap(): never {
    throw new CommandFailure("CappedPositionLost", "CollectionScan died due to position in capped collection being deleted.");
  }
}

function cursorIdOf(value: unknown): bigint {
  if (value instanceof Long) return value.toBigInt();
  if (typeof value === "number" && Number.isInteger(value)) return BigInt(value);
  throw new CommandFailure("TypeMismatch", "BSON field 'getMore.getMore' is the wrong type, expected type 'long'");
}

const getMore: Command = {
  name: "getMore",
  run: async (context) => {
    const { body, state } = context;
    const id = cursorIdOf(body.getMore);
    if (typeof body.collection !== "string")
      throw new CommandFailure(
        body.collection === undefined ? "Location40414" : "TypeMismatch",
        body.collection === undefined
          ? "BSON field 'getMore.collection' is missing but a required field"
          : "BSON field 'getMore.collection' is the wrong type, expected type 'string'",
      );
    const namespace = `${context.database}.${body.collection}`;
    const reading = { ...readingOf(context, wholeNumber(context, "batchSize")), awaitMs: wholeNumber(context, "maxTimeMS") };
    const batch = await state.cursors.next(id, namespace, reading);
    return cursorReply("nextBatch", batch.documents, batch.cursorId, namespace);
  },
};

const killCursors: Command = {
  name: "killCursors",
  run: (context) => {
    const { cursors } = context.state;
    const asked = context.body.cursors as unknown;
    if (!Array.isArray(asked))
      throw new CommandFailure("TypeMismatch", "BSON field 'killCursors.cursors' is the wrong type, expected type 'array'");
    const ids = (asked as unknown[]).map(cursorIdOf);
    const user = context.connection.users[0]?.id;
    const foreign = ids.find((id) => cursors.ownerOf(id) !== undefined && cursors.ownerOf(id)?.user !== user);
    if (foreign !== undefined && context.state.access.isRequired)
      throw new CommandFailure("Unauthorized", `not authorized to kill cursor ${foreign}`);
    const cursorsKilled: Long[] = [];
    const cursorsNotFound: Long[] = [];
    for (const id of ids) (cursors.kill(id) ? cursorsKilled : cursorsNotFound).push(Long.fromBigInt(id));
    return { cursorsKilled, cursorsNotFound, cursorsAlive: [], cursorsUnknown: [], ok: 1 };
  },
};

const count: Command = {
  name: "count",
  run: async (context) => {
    const collection = context.state.catalog.find(context.database, collectionName(context));
    const filter = subDocumentOf(context, "query") ?? {};
    const skip = wholeNumber(context, "skip") ?? 0;
    const limit = Math.abs(Number(context.body.limit ?? 0));
    let n = 0;
    if (collection && Object.keys(filter).length === 0) n = collection.count();
    else if (collection) {
      const match = readMatchOptions(context.body);
      const plan = planMatching(collection, filter, undefined, context.body.hint, match);
      await collect(scanSteps(collection, plan, compileFilter(filter, match)), context.operation, () => n++);
    } else compileFilter(filter);
    n = Math.max(0, n - skip);
    return { n: limit > 0 ? Math.min(n, limit) : n, ok: 1 };
  },
};

const distinct: Command = {
  name: "distinct",
  run: async (context) => {
    const collection = context.state.catalog.find(context.database, collectionName(context));
    const filter = subDocumentOf(context, "query") ?? {};
    const key = context.body.key as unknown;
    if (typeof key !== "string")
      throw new CommandFailure("TypeMismatch", "BSON field 'distinct.key' is the wrong type, expected type 'string'");
    const values = new Map<string, unknown>();
    const match = readMatchOptions(context.body);
    const sameAs = collatedKeys(match.collation);
    if (collection) {
      const plan = planMatching(collection, filter, undefined, context.body.hint, match);
      await collect(scanSteps(collection, plan, compileFilter(filter, match)), context.operation, ({ document }) => {
        const found = candidates(decodeDocument(document), key);
        const whole = found.at(-1);
        for (const value of Array.isArray(whole) ? found.slice(0, -1) : found) {
          if (value !== undefined && !values.has(sameAs(value))) values.set(sameAs(value), value);
        }
      });
    }
    return encodeDocument({ values: [...values.values()].sort((a, b) => compareCollated(a, b, match.collation)), ok: 1 });
  },
};

export const findCommands: readonly Command[] = [find, getMore, killCursors, count, distinct];
