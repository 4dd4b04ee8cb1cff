import type { Document } from "bson";
import { shown, textOf } from "../bson/shown.ts";
import { CommandFailure } from "../failure.ts";
import { collect } from "../operation.ts";
import type { FieldBounds } from "../query/bounds.ts";
import { isMultikey, parseSort, planQueries, type IndexPlan, type QueryPlan } from "../query/planner.ts";
import { isPlain } from "../query/predicates.ts";
import type { ScanCounts } from "../query/scan.ts";
import { typeName } from "../query/value-types.ts";
import type { Collection } from "../storage/collection.ts";
import { keyPattern } from "../storage/index-spec.ts";
import { readPipeline, splitPipeline, throughViews } from "./aggregate.ts";
import type { Command, CommandContext } from "./command.ts";
import { collectionName } from "./command.ts";
import { readFind, runFind, type FindRequest } from "./find.ts";
import { PRODUCT, SERVER_VERSION } from "./handshake.ts";
import { findPipeline } from "./views.ts";

/** What came of a plan that was carried out; undefined where it was only looked at. */
type Outcome = { readonly counts: Required<ScanCounts>; readonly nReturned: number; readonly yields: number; readonly ms: number };

const VERBOSITIES = ["queryPlanner", "executionStats", "allPlansExecution"];

/** The tree of stages in MongoDB's form: which index was read and how far, whether the order had to be made in memory, and what each step gave. */
function stageOf(plan: QueryPlan, request: FindRequest, wrapping: string | undefined, outcome?: Outcome): Document {
  const told = (nReturned: number, more: Document = {}): Document =>
    outcome ? { nReturned, executionTimeMillisEstimate: outcome.ms, works: nReturned + 1, isEOF: 1, ...more } : {};
  const matched = outcome?.counts.matched ?? 0;
  let stage: Document;
  if (plan.stage === "COLLSCAN")
    stage = {
      stage: "COLLSCAN",
      ...(Object.keys(request.filter).length > 0 ? { filter: request.filter } : {}),
      direction: plan.backward ? "backward" : "forward",
      ...told(matched, { docsExamined: outcome?.counts.docsExamined }),
    };
  else if (plan.stage === "IDHACK")
    stage = {
      stage: "IDHACK",
      ...told(matched, { keysExamined: outcome?.counts.keysExamined, docsExamined: outcome?.counts.docsExamined }),
    };
  else {
    const rest = residual(request.filter, plan);
    stage = {
      stage: "FETCH",
      ...(Object.keys(rest).length > 0 ? { filter: rest } : {}),
      ...told(matched, { docsExamined: outcome?.counts.docsExamined }),
      inputStage: { ...indexScan(plan), ...told(outcome?.counts.docsExamined ?? 0, { keysExamined: outcome?.counts.keysExamined }) },
    };
  }
  const wanted = request.limit > 0 ? request.skip + request.limit : Infinity;
  if (!plan.sorted) {
    const limit = request.limit > 0 ? { limitAmount: wanted } : {};
    const sorted = { stage: "SORT", sortPattern: request.sort, memLimit: 104_857_600, ...limit, type: "simple" };
    stage = { ...sorted, ...told(Math.min(matched, wanted)), inputStage: stage };
  }
  if (request.skip > 0)
    stage = { stage: "SKIP", skipAmount: request.skip, ...told(Math.max(0, Math.min(matched, wanted) - request.skip)), inputStage: stage };
  if (request.limit > 0) stage = { stage: "LIMIT", limitAmount: request.limit, ...told(outcome?.nReturned ?? 0), inputStage: stage };
  if (isPlain(request.projection) && Object.keys(request.projection).length > 0)
    stage = { stage: "PROJECTION_DEFAULT", transformBy: request.projection, ...told(outcome?.nReturned ?? 0), inputStage: stage };
  return wrapping ? { stage: wrapping, ...told(wrapping === "COUNT" ? 0 : matched), inputStage: stage } : stage;
}

function indexScan(plan: IndexPlan): Document {
  const { index } = plan;
  const { spec } = index;
  return {
    stage: "IXSCAN",
    keyPattern: keyPattern(spec),
    indexName: spec.name,
    isMultiKey: index.multikey !== 0,
    multiKeyPaths: Object.fromEntries(spec.fields.map((field, i) => [field.path.text, isMultikey(index, i) ? [field.path.text] : []])),
    isUnique: spec.unique,
    isSparse: spec.sparse,
    isPartial: spec.partial !== undefined,
    indexVersion: 2,
    direction: plan.backward ? "backward" : "forward",
    indexBounds: Object.fromEntries(
      spec.fields.map((field) => {
        const held = plan.bounded.find((one) => one.field === field.path.text);
        const flipped = field.descending !== plan.backward;
        return [field.path.text, held ? boundsShown(held.bounds, flipped) : [flipped ? "[MaxKey, MinKey]" : "[MinKey, MaxKey]"]];
      }),
    ),
  };
}

/** Where a type begins and ends, as MongoDB's bounds show it. */
const EDGES: Readonly<Record<string, readonly [string, string]>> = {
  string: ['[""', "{})"],
  date: ["[new Date(-9223372036854775808)", "new Date(9223372036854775807)]"],
  objectId: ["[ObjectId('000000000000000000000000')", "ObjectId('ffffffffffffffffffffffff')]"],
  bool: ["[false", "true]"],
};
const NUMBERS: readonly [string, string] = ["[-inf", "inf]"];

function boundsShown(bounds: FieldBounds, isDownwards: boolean): string[] {
  if (bounds.points) {
    const points = bounds.points.map((point) => `[${shown(point)}, ${shown(point)}]`);
    return isDownwards ? points.reverse() : points;
  }
  const edges = EDGES[typeName((bounds.low ?? bounds.high)?.value)] ?? NUMBERS;
  const low = bounds.low ? `${bounds.low.inclusive ? "[" : "("}${shown(bounds.low.value)}` : edges[0];
  const high = bounds.high ? `${shown(bounds.high.value)}${bounds.high.inclusive ? "]" : ")"}` : edges[1];
  if (!isDownwards) return [`${low}, ${high}`];
  return [`${high.endsWith("]") ? "[" : "("}${high.slice(0, -1)}, ${low.slice(1)}${low.startsWith("[") ? "]" : ")"}`];
}

const IN_BOUNDS = new Set(["$eq", "$in", "$gt", "$gte", "$lt", "$lte"]);

/** What of a filter the bounds of an index do not say already. */
function residual(filter: Document, plan: IndexPlan): Document {
  if (plan.exact) return {};
  const bounded = new Set(plan.bounded.map(({ field }) => field));
  return Object.fromEntries(
    Object.entries(filter).filter(([field, condition]) => {
      if (!bounded.has(field) || plan.index.multikey !== 0) return true;
      const operators = isPlain(condition) ? Object.keys(condition).filter((name) => name.startsWith("$")) : [];
      return condition === null || !operators.every((name) => IN_BOUNDS.has(name));
    }),
  );
}

async function explainFind(context: CommandContext, request: FindRequest, verbosity: string, wrapping?: string): Promise<Document> {
  const name = collectionName(context);
  const collection = context.state.catalog.find(context.database, name);
  const planned = {
    namespace: `${context.database}.${name}`,
    parsedQuery: request.filter,
    indexFilterSet: false,
    optimizedPipeline: false,
    maxIndexedOrSolutionsReached: false,
    maxIndexedAndSolutionsReached: false,
    maxScansToExplodeReached: false,
  };
  if (!collection) {
    const executionStats = {
      executionSuccess: true,
      nReturned: 0,
      executionTimeMillis: 0,
      totalKeysExamined: 0,
      totalDocsExamined: 0,
      executionStages: { stage: "EOF", nReturned: 0 },
    };
    const queryPlanner = { ...planned, winningPlan: { stage: "EOF" }, rejectedPlans: [] };
    return verbosity === "queryPlanner" ? { queryPlanner } : { queryPlanner, executionStats };
  }
  const [winning, ...rejected] = planQueries(collection, request.filter, parseSort(request.sort), request.hint) as [
    QueryPlan,
    ...QueryPlan[],
  ];
  const queryPlanner: Document = {
    ...planned,
    winningPlan: { isCached: false, ...stageOf(winning, request, wrapping) },
    rejectedPlans: rejected.map((plan) => ({ isCached: false, ...stageOf(plan, request, wrapping) })),
  };
  if (verbosity === "queryPlanner") return { queryPlanner };
  const outcome = await carryOut(context, collection, request);
  const executionStats = {
    executionSuccess: true,
    nReturned: wrapping === "COUNT" ? 0 : outcome.nReturned,
    executionTimeMillis: outcome.ms,
    totalKeysExamined: outcome.counts.keysExamined,
    totalDocsExamined: outcome.counts.docsExamined,
    executionStages: stageOf(winning, request, wrapping, outcome),
    ...(verbosity === "allPlansExecution" ? { allPlansExecution: [] } : {}),
  };
  return { queryPlanner, executionStats };
}

async function carryOut(context: CommandContext, collection: Collection, request: FindRequest): Promise<Outcome> {
  const counts = { keysExamined: 0, docsExamined: 0, matched: 0 };
  const { clock } = context.state;
  const started = clock.monotonicMs();
  let nReturned = 0;
  await collect(runFind(collection, request, counts).steps, context.operation, () => nReturned++);
  return { counts, nReturned, yields: context.operation.yields, ms: Math.round(clock.monotonicMs() - started) };
}

function isView(context: CommandContext): boolean {
  return context.state.catalog.find(context.database, collectionName(context))?.options.viewOn !== undefined;
}

/** What the collection answers itself, through its views, and the stages behind it. */
async function explainPipeline(context: CommandContext, pipeline: readonly Document[], verbosity: string): Promise<Document> {
  const hint = context.body.hint as unknown;
  const name = collectionName(context);
  const source = throughViews(context.state.catalog, { database: context.database, name, pipeline, hint, match: {} });
  const asked: CommandContext = { ...context, body: { aggregate: source.name } };
  const split = splitPipeline(source.pipeline);
  const request = { ...split, projection: undefined, hint };
  if (split.rest.length === 0) return await explainFind(asked, request, verbosity);
  return { stages: [{ $cursor: await explainFind(asked, request, verbosity) }, ...split.rest] };
}

async function explainWhat(context: CommandContext, inner: Document, verbosity: string): Promise<Document> {
  const asked: CommandContext = { ...context, body: inner };
  const plain = { sort: undefined, projection: undefined, skip: 0, limit: 0 };
  switch (Object.keys(inner)[0]) {
    case "find":
      if (isView(asked)) return await explainPipeline(asked, findPipeline(asked), verbosity);
      return await explainFind(asked, readFind(asked), verbosity);
    case "count":
      return await explainFind(
        asked,
        { ...plain, filter: (inner.query ?? {}) as Document, hint: inner.hint as unknown },
        verbosity,
        "COUNT",
      );
    case "distinct":
      return await explainFind(asked, { ...plain, filter: (inner.query ?? {}) as Document, hint: inner.hint as unknown }, verbosity);
    case "aggregate":
      return await explainPipeline(asked, readPipeline(asked), verbosity);
    case "update":
    case "delete": {
      const isUpdate = inner.updates !== undefined;
      const operation = ((inner.updates ?? inner.deletes) as Document[] | undefined)?.[0] ?? {};
      const request = { ...plain, filter: (operation.q ?? {}) as Document, hint: operation.hint as unknown };
      return await explainFind(asked, request, verbosity, isUpdate ? "UPDATE" : "DELETE");
    }
    case "findAndModify":
    case "findandmodify": {
      const request = {
        ...plain,
        limit: 1,
        filter: (inner.query ?? {}) as Document,
        sort: inner.sort as Document | undefined,
        hint: inner.hint as unknown,
      };
      return await explainFind(asked, request, verbosity, inner.remove === true ? "DELETE" : "UPDATE");
    }
    default:
      throw new CommandFailure("CommandNotFound", `Explain failed due to unknown command: ${Object.keys(inner)[0]}`);
  }
}

const explain: Command = {
  name: "explain",
  run: async (context) => {
    const inner = context.body.explain as unknown;
    if (!isPlain(inner)) throw new CommandFailure("TypeMismatch", "BSON field 'explain.explain' is the wrong type, expected type 'object'");
    const verbosity = textOf(context.body.verbosity ?? "allPlansExecution");
    if (!VERBOSITIES.includes(verbosity))
      throw new CommandFailure("BadValue", `Enumeration value '${verbosity}' for field 'explain.verbosity' is not a valid value.`);
    const explained = await explainWhat(context, inner, verbosity);
    return {
      explainVersion: "1",
      ...explained,
      command: inner,
      serverInfo: { ...context.state.address, version: SERVER_VERSION, gitVersion: "none", product: PRODUCT },
      serverParameters: { internalQueryMaxBlockingSortMemoryUsageBytes: 104_857_600 },
      ok: 1,
    };
  },
};

export const explainCommands: readonly Command[] = [explain];
