import { Long, type Document } from "bson";
import { messageOf } from "../../base/errors.ts";
import { compareValues, decodeDocument, encodeDocument, keyOf } from "../bson/values.ts";
import { CommandFailure } from "../failure.ts";
import { compileFilter } from "../query/matcher.ts";
import { parseSort, planQuery, type QueryPlan } from "../query/planner.ts";
import { candidates } from "../query/predicates.ts";
import { compileProjection } from "../query/projection.ts";
import { scan, type ScanCounts } from "../query/scan.ts";
import { sortDocuments } from "../query/sort.ts";
import type { Collection } from "../storage/collection.ts";
import type { ServerState } from "../server-state.ts";
import { cursorReply } from "../wire/cursor-reply.ts";
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
};

export function readFind(context: CommandContext): FindRequest {
  return {
    filter: subDocumentOf(context, "filter") ?? {},
    sort: subDocumentOf(context, "sort"),
    projection: subDocumentOf(context, "projection"),
    skip: wholeNumber(context, "skip") ?? 0,
    limit: wholeNumber(context, "limit") ?? 0,
    hint: context.body.hint as unknown,
  };
}

/** The plan of a find and its documents, as they are read. */
export function runFind(
  collection: Collection,
  request: FindRequest,
  counts?: ScanCounts,
): { readonly plan: QueryPlan; readonly documents: Generator<Buffer, void, undefined> } {
  const sort = parseSort(request.sort);
  const plan = planQuery(collection, request.filter, sort, request.hint);
  const matcher = compileFilter(request.filter);
  const project = compileProjection(request.projection);
  const { skip, limit } = request;
  function* documents(): Generator<Buffer, void, undefined> {
    const wanted = limit === 0 ? Infinity : skip + limit;
    function* matched(): Generator<Buffer, void, undefined> {
      for (const stored of scan(collection, plan, matcher, plan.sorted && limit > 0 && !matcher ? wanted : undefined, counts))
        yield stored.document;
    }
    let passed = 0;
    if (wanted === 0) return;
    for (const document of plan.sorted ? matched() : sortDocuments(matched(), sort, wanted)) {
      if (passed++ < skip) continue;
      yield project ? project(document) : document;
      if (passed >= wanted) return;
    }
  }
  return { plan, documents: documents() };
}

const find: Command = {
  name: "find",
  run: (context) => {
    const name = collectionName(context);
    const namespace = `${context.database}.${name}`;
    const request = readFind(context);
    for (const field of ["min", "max", "returnKey", "showRecordId"])
      if (context.body[field]) throw new CommandFailure("BadValue", `find with "${field}" is not offered by this development server`);
    if (context.body.tailable === true || context.body.awaitData === true)
      throw new CommandFailure("BadValue", "tailable cursors are not offered by this development server");
    const collection = context.state.catalog.find(context.database, name);
    if (!collection) {
      compileFilter(request.filter);
      return cursorReply("firstBatch", [], 0n, namespace);
    }
    const { documents } = runFind(collection, request);
    const batch = context.state.cursors.open(namespace, documents, wholeNumber(context, "batchSize"), context.body.singleBatch === true);
    return cursorReply("firstBatch", batch.documents, batch.cursorId, namespace);
  },
};

function cursorIdOf(value: unknown): bigint {
  if (value instanceof Long) return value.toBigInt();
  if (typeof value === "number") return BigInt(value);
  throw new CommandFailure("TypeMismatch", "a cursor id must be a long");
}

const getMore: Command = {
  name: "getMore",
  run: (context) => {
    const id = cursorIdOf(context.body.getMore);
    const namespace = `${context.database}.${String(context.body.collection)}`;
    const batch = readOn(context.state, id, namespace, wholeNumber(context, "batchSize"));
    return cursorReply("nextBatch", batch.documents, batch.cursorId, namespace);
  },
};

function readOn(
  state: ServerState,
  id: bigint,
  namespace: string,
  batchSize: number | undefined,
): { readonly documents: Buffer[]; readonly cursorId: bigint } {
  try {
    return state.cursors.next(id, namespace, batchSize);
  } catch (thrown) {
    if (thrown instanceof CommandFailure || !/no such table/.test(messageOf(thrown))) throw thrown;
    throw new CommandFailure("QueryPlanKilled", "collection or index dropped while the cursor was open");
  }
}

const killCursors: Command = {
  name: "killCursors",
  run: (context) => {
    const ids = (context.body.cursors ?? []) as unknown[];
    const cursorsKilled: unknown[] = [];
    const cursorsNotFound: unknown[] = [];
    for (const id of ids)
      (context.state.cursors.kill(cursorIdOf(id)) ? cursorsKilled : cursorsNotFound).push(Long.fromBigInt(cursorIdOf(id)));
    return { cursorsKilled, cursorsNotFound, cursorsAlive: [], cursorsUnknown: [], ok: 1 };
  },
};

const count: Command = {
  name: "count",
  run: (context) => {
    const collection = context.state.catalog.find(context.database, collectionName(context));
    const filter = subDocumentOf(context, "query") ?? {};
    const skip = wholeNumber(context, "skip") ?? 0;
    const limit = Math.abs(Number(context.body.limit ?? 0));
    let n = 0;
    if (collection && Object.keys(filter).length === 0) n = collection.count();
    else if (collection) for (const _ of scan(collection, planQuery(collection, filter, [], context.body.hint), compileFilter(filter))) n++;
    n = Math.max(0, n - skip);
    return { n: limit > 0 ? Math.min(n, limit) : n, ok: 1 };
  },
};

const distinct: Command = {
  name: "distinct",
  run: (context) => {
    const collection = context.state.catalog.find(context.database, collectionName(context));
    const filter = subDocumentOf(context, "query") ?? {};
    const key = context.body.key as unknown;
    if (typeof key !== "string")
      throw new CommandFailure("TypeMismatch", "BSON field 'distinct.key' is the wrong type, expected type 'string'");
    const values = new Map<string, unknown>();
    if (collection) {
      for (const { document } of scan(collection, planQuery(collection, filter, []), compileFilter(filter))) {
        const found = candidates(decodeDocument(document), key);
        const whole = found.at(-1);
        for (const value of Array.isArray(whole) ? found.slice(0, -1) : found) {
          if (value !== undefined) values.set(keyOf(value).toString("latin1"), value);
        }
      }
    }
    return encodeDocument({ values: [...values.values()].sort(compareValues), ok: 1 });
  },
};

export const findCommands: readonly Command[] = [find, getMore, killCursors, count, distinct];
