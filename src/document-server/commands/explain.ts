import type { Document } from "bson";
import { CommandFailure } from "../failure.ts";
import type { QueryPlan } from "../query/planner.ts";
import type { ScanCounts } from "../query/scan.ts";
import { keyPattern } from "../storage/index-spec.ts";
import { readPipeline, splitPipeline } from "./aggregate.ts";
import type { Command, CommandContext } from "./command.ts";
import { collectionName } from "./command.ts";
import { readFind, runFind, type FindRequest } from "./find.ts";
import { PRODUCT, SERVER_VERSION } from "./handshake.ts";

/** The tree of stages in MongoDB's form, enough to see which index was read and whether the order had to be made in memory. */
function stageOf(plan: QueryPlan, request: FindRequest): Document {
  const filter = Object.keys(request.filter).length > 0 ? { filter: request.filter } : {};
  let stage: Document;
  if (plan.stage === "COLLSCAN") stage = { stage: "COLLSCAN", ...filter, direction: plan.backward ? "backward" : "forward" };
  else if (plan.stage === "IDHACK") stage = { stage: "IDHACK" };
  else {
    const scan = {
      stage: "IXSCAN",
      keyPattern: keyPattern(plan.index.spec),
      indexName: plan.index.spec.name,
      isMultiKey: plan.index.multikey,
      isUnique: plan.index.spec.unique,
      direction: plan.backward ? "backward" : "forward",
      boundedBy: plan.bounded,
    };
    stage = { stage: "FETCH", ...filter, inputStage: scan };
  }
  if (!plan.sorted) stage = { stage: "SORT", sortPattern: request.sort, memLimit: 104_857_600, inputStage: stage };
  if (request.skip > 0) stage = { stage: "SKIP", skipAmount: request.skip, inputStage: stage };
  if (request.limit > 0) stage = { stage: "LIMIT", limitAmount: request.limit, inputStage: stage };
  return stage;
}

function explainFind(context: CommandContext, request: FindRequest, verbosity: string): Document {
  const name = collectionName(context);
  const collection = context.state.catalog.find(context.database, name);
  const queryPlanner: Document = {
    namespace: `${context.database}.${name}`,
    indexFilterSet: false,
    parsedQuery: request.filter,
    winningPlan: collection ? stageOf(runFind(collection, request).plan, request) : { stage: "EOF" },
    rejectedPlans: [],
  };
  if (verbosity === "queryPlanner" || !collection) return { queryPlanner };
  const counts: ScanCounts = { keysExamined: 0, docsExamined: 0 };
  const started = context.state.clock.monotonicMs();
  let nReturned = 0;
  for (const _ of runFind(collection, request, counts).documents) nReturned++;
  const executionTimeMillis = Math.round(context.state.clock.monotonicMs() - started);
  const executionStats = {
    executionSuccess: true,
    nReturned,
    executionTimeMillis,
    totalKeysExamined: counts.keysExamined,
    totalDocsExamined: counts.docsExamined,
  };
  return { queryPlanner, executionStats };
}

function explainWhat(context: CommandContext, inner: Document, verbosity: string): Document {
  const asked: CommandContext = { ...context, body: inner };
  switch (Object.keys(inner)[0]) {
    case "find":
      return explainFind(asked, readFind(asked), verbosity);
    case "count":
    case "distinct":
      return explainFind(
        asked,
        { filter: (inner.query ?? {}) as Document, sort: undefined, projection: undefined, skip: 0, limit: 0, hint: inner.hint as unknown },
        verbosity,
      );
    case "aggregate": {
      const split = splitPipeline(readPipeline(asked));
      const request = { ...split, projection: undefined, hint: inner.hint as unknown };
      if (split.rest.length === 0) return explainFind(asked, request, verbosity);
      return { stages: [{ $cursor: explainFind(asked, request, verbosity) }, ...split.rest] };
    }
    case "update":
    case "delete": {
      const operation = ((inner.updates ?? inner.deletes) as Document[])[0] ?? {};
      return explainFind(
        asked,
        {
          filter: (operation.q ?? {}) as Document,
          sort: undefined,
          projection: undefined,
          skip: 0,
          limit: 0,
          hint: operation.hint as unknown,
        },
        "queryPlanner",
      );
    }
    default:
      throw new CommandFailure("CommandNotFound", `Explain failed due to unknown command: ${Object.keys(inner)[0]}`);
  }
}

const explain: Command = {
  name: "explain",
  run: (context) => {
    const inner = context.body.explain as unknown;
    if (typeof inner !== "object" || inner === null) throw new CommandFailure("FailedToParse", "explain needs a command");
    const explained = explainWhat(context, inner as Document, String(context.body.verbosity ?? "allPlansExecution"));
    return {
      explainVersion: "1",
      ...explained,
      command: inner,
      serverInfo: { ...context.state.address, version: SERVER_VERSION, product: PRODUCT },
      ok: 1,
    };
  },
};

export const explainCommands: readonly Command[] = [explain];
