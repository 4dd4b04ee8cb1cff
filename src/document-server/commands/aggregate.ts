import type { Document } from "bson";
import type { Options } from "mingo/types";
import { decodeDocument, encodeDocument } from "../bson/values.ts";
import { CommandFailure } from "../failure.ts";
import { asCommandFailure } from "../query/mingo-failure.ts";
import { collect, type Operation } from "../operation.ts";
import type { MatchOptions } from "../query/matcher.ts";
import { mingo, mingoOptions } from "../query/mingo-context.ts";
import { isPlain } from "../query/predicates.ts";
import { compileProjection, isPlainProjection } from "../query/projection.ts";
import type { QueryPlan } from "../query/planner.ts";
import type { ScanCounts } from "../query/scan.ts";
import type { Held } from "../query/sort.ts";
import type { Catalog } from "../storage/catalog.ts";
import type { Collection } from "../storage/collection.ts";
import { cursorReply } from "../wire/cursor-reply.ts";
import type { Reply } from "../wire/message.ts";
import { collectionName, subDocumentOf, wantsSync, wholeNumber, type Command, type CommandContext } from "./command.ts";
import { readingOf, runFind } from "./find.ts";
import { readMatchOptions } from "./command-options.ts";
import { checkPipeline } from "./pipeline.ts";
import { isSystemStage, systemStage } from "./system-stages.ts";
import { writeResult } from "./aggregate-output.ts";
import { textOf } from "../bson/shown.ts";

/** What one aggregation may take from collections, in bytes of documents: everything is held in memory by $group and $sort. */
export const MAX_AGGREGATE_BYTES: number = 256 * 1024 * 1024;

/** A pipeline's beginning, which the collection answers itself, and what is left. */
export type Split = {
  readonly filter: Document;
  readonly sort: Document | undefined;
  readonly skip: number;
  readonly limit: number;
  readonly rest: readonly Document[];
};

/** Splits a pipeline: the leading $match, $sort, $skip, $limit that the collection answers itself, through its indexes, and what mingo does. */
export function splitPipeline(pipeline: readonly Document[]): Split {
  const filters: Document[] = [];
  let sort: Document | undefined;
  let skip = 0;
  let limit = 0;
  let at = 0;
  while (pipeline[at]?.$match !== undefined) filters.push(pipeline[at++]?.$match as Document);
  if (pipeline[at]?.$sort !== undefined) sort = pipeline[at++]?.$sort as Document;
  if (typeof pipeline[at]?.$skip === "number") skip = pipeline[at++]?.$skip as number;
  if (typeof pipeline[at]?.$limit === "number") limit = pipeline[at++]?.$limit as number;
  return {
    filter: filters.length === 1 ? (filters[0] as Document) : filters.length > 1 ? { $and: filters } : {},
    sort,
    skip,
    limit,
    rest: pipeline.slice(at),
  };
}

export function readPipeline(context: CommandContext, match: MatchOptions = {}): Document[] {
  return checkPipeline(context.body.pipeline, match);
}

/** The same as `bounded`, letting others have their turns. */
async function boundedSteps(steps: Iterable<Buffer | undefined>, operation: Operation): Promise<Document[]> {
  const documents: Document[] = [];
  let bytes = 0;
  await collect(steps, operation, (document) => {
    bytes += document.length;
    if (bytes > MAX_AGGREGATE_BYTES) throw tooMuch();
    documents.push(decodeDocument(document));
  });
  return documents;
}

function tooMuch(): CommandFailure {
  return new CommandFailure(
    "QueryExceededMemoryLimitNoDiskUseAllowed",
    `the aggregation would hold more than ${MAX_AGGREGATE_BYTES} bytes; narrow it with $match first`,
  );
}

/** The documents of a pipeline's collection part, decoded, within the memory bound. */
function* bounded(documents: Iterable<Buffer>): Generator<Document, void, undefined> {
  let bytes = 0;
  for (const document of documents) {
    bytes += document.length;
    if (bytes > MAX_AGGREGATE_BYTES) throw tooMuch();
    yield decodeDocument(document);
  }
}

/**
 * The driver's countDocuments is a $group with a constant `_id` and one $sum of 1: it is counted where the documents lie. The field's name and
 * the constant, or undefined for any other pipeline.
 */
export function countingGroup(rest: readonly Document[]): { readonly id: unknown; readonly field: string } | undefined {
  const group = rest.length === 1 ? (rest[0]?.$group as Document | undefined) : undefined;
  if (!group || !(group._id === null || typeof group._id === "number")) return undefined;
  const [field, ...more] = Object.keys(group).filter((name) => name !== "_id");
  const sum = field === undefined ? undefined : (group[field] as Document | null);
  return field !== undefined && more.length === 0 && sum?.$sum === 1 && Object.keys(sum).length === 1
    ? { id: group._id as unknown, field }
    : undefined;
}

async function countOn(
  collection: Collection | undefined,
  split: Split,
  hint: unknown,
  match: MatchOptions,
  operation: Operation,
): Promise<number> {
  if (!collection) return 0;
  if (Object.keys(split.filter).length === 0 && split.skip === 0 && split.limit === 0) return collection.count();
  let n = 0;
  await collect(aggregateOn(collection, { ...split, sort: undefined }, hint, match).steps, operation, () => n++);
  return n;
}

export function aggregateOn(
  collection: Collection | undefined,
  split: Split,
  hint: unknown,
  match: MatchOptions,
  counts?: ScanCounts,
): {
  readonly plan: QueryPlan | undefined;
  readonly documents: Generator<Buffer, void, undefined>;
  readonly steps: Generator<Buffer | undefined, void, undefined>;
  readonly held: Held;
} {
  if (!collection) return { plan: undefined, documents: nothing(), steps: nothing(), held: { bytes: 0 } };
  return runFind(collection, { ...split, projection: undefined, hint, match }, counts);
}

function* nothing(): Generator<Buffer, void, undefined> {}

/** What a pipeline runs on. */
export type PipelineSource = {
  readonly database: string;
  readonly name: string;
  readonly pipeline: readonly Document[];
  readonly hint: unknown;
  readonly match: MatchOptions;
};

/** The documents of a pipeline, as a cursor takes them. */
export type PipelineResult = {
  readonly steps: Iterator<Buffer | undefined>;
  readonly held: Held;
  readonly collection: Collection | undefined;
};

/** A view is read through its own pipeline, put before the one that asks. */
export function throughViews(catalog: Catalog, source: PipelineSource): PipelineSource {
  let { name, pipeline } = source;
  for (let depth = 0; ; depth++) {
    const options = catalog.find(source.database, name)?.options;
    if (options?.viewOn === undefined) return { ...source, name, pipeline };
    if (depth > MAX_VIEW_DEPTH)
      throw new CommandFailure("ViewDepthLimitExceeded", `View depth limit exceeded; maximum depth: ${MAX_VIEW_DEPTH}`);
    name = textOf(options.viewOn);
    pipeline = [...((options.pipeline ?? []) as Document[]), ...pipeline];
  }
}

const MAX_VIEW_DEPTH = 20;

/** mingo's options for a pipeline: the other collections it may read ($lookup, $unionWith), whole, views among them. */
function optionsFor(catalog: Catalog, database: string, match: MatchOptions): Options {
  const resolve = (from: string): Document[] => {
    const source = throughViews(catalog, { database, name: from, pipeline: [], hint: undefined, match });
    const split = splitPipeline(source.pipeline);
    const documents = [...bounded(aggregateOn(catalog.find(database, source.name), split, undefined, match).documents)];
    return split.rest.length === 0 ? documents : (new (mingo().Aggregator)(split.rest as Document[], options).run(documents) as Document[]);
  };
  const options = mingoOptions(match, { collectionResolver: resolve as never });
  return options;
}

/** Stages that only keep or drop fields are done on the bytes, where every type stays as it is; the steps through them, and what is left. */
function cutting(
  steps: Iterable<Buffer | undefined>,
  rest: readonly Document[],
): { readonly steps: Generator<Buffer | undefined, void, undefined>; readonly rest: readonly Document[] } {
  const cuts: ((document: Buffer) => Buffer)[] = [];
  let at = 0;
  for (; at < rest.length; at++) {
    const { $project, $unset } = rest[at] as Document;
    const dropped = typeof $unset === "string" ? [$unset] : Array.isArray($unset) ? ($unset as string[]) : undefined;
    const spec = dropped ? Object.fromEntries(dropped.map((name) => [name, 0])) : ($project as Document | undefined);
    if (!isPlain(spec) || !isPlainProjection(spec)) break;
    const cut = compileProjection(spec);
    if (cut) cuts.push(cut);
  }
  function* through(): Generator<Buffer | undefined, void, undefined> {
    for (const document of steps) yield document && cuts.reduce((bytes, cut) => cut(bytes), document);
  }
  return { steps: through(), rest: rest.slice(at) };
}

/** Runs a pipeline without its $out or $merge. */
export async function runPipeline(context: CommandContext, asked: PipelineSource): Promise<PipelineResult> {
  const { catalog } = context.state;
  const source = throughViews(catalog, asked);
  const collection = catalog.find(source.database, source.name);
  const split = splitPipeline(source.pipeline);
  const counting = countingGroup(split.rest);
  if (counting) {
    const n = await countOn(collection, split, source.hint, source.match, context.operation);
    return { steps: (n === 0 ? [] : [encodeDocument({ _id: counting.id, [counting.field]: n })]).values(), held: { bytes: 0 }, collection };
  }
  const found = aggregateOn(collection, split, source.hint, source.match);
  const cut = cutting(found.steps, split.rest);
  if (cut.rest.length === 0) return { steps: cut.steps, held: found.held, collection };
  const system = systemStage(context, source.name, source.pipeline[0]);
  const rest = (system ? split.rest.slice(1) : cut.rest) as Document[];
  const input = system?.map((document) => decodeDocument(encodeDocument(document))) ?? (await boundedSteps(cut.steps, context.operation));
  const options = optionsFor(catalog, source.database, source.match);
  const computed = asCommandFailure(() => new (mingo().Aggregator)(rest, options).run(input));
  const results = computed.map((document) => encodeDocument(document));
  const held: Held = { bytes: 0 };
  for (const result of results) held.bytes += result.length;
  return { steps: results.values(), held, collection };
}

/** Opens a cursor on a pipeline's documents and answers its first batch. */
export async function openPipeline(
  context: CommandContext,
  source: PipelineSource,
  batchSize: number | undefined,
  single: boolean = false,
): Promise<Reply> {
  const { steps, held, collection } = await runPipeline(context, source);
  const namespace = `${source.database}.${source.name}`;
  const reading = readingOf(context, batchSize);
  const batch = await context.state.cursors.open(
    { namespace, steps, held, collection, session: reading.session, user: reading.user },
    reading,
    single,
  );
  return cursorReply("firstBatch", batch.documents, batch.cursorId, namespace);
}

const aggregate: Command = {
  name: "aggregate",
  run: async (context) => {
    const { state, database, body } = context;
    const match = readMatchOptions(body);
    const pipeline = readPipeline(context, match);
    if (body.cursor === undefined && body.explain !== true)
      throw new CommandFailure("FailedToParse", "The 'cursor' option is required, except for aggregate with the explain argument");
    const target = body.aggregate as unknown;
    const name = target === 1 ? "$cmd.aggregate" : collectionName(context);
    const first = Object.keys(pipeline[0] ?? {})[0] ?? "";
    if (target === 1 && !isSystemStage(first) && first !== "$documents")
      throw new CommandFailure(
        "InvalidNamespace",
        `{aggregate: 1} is not valid for '${first || "an empty pipeline"}'; a collection is required.`,
      );
    const output = pipeline.at(-1);
    const writes = output?.$out !== undefined || output?.$merge !== undefined;
    const source = { database, name, pipeline: writes ? pipeline.slice(0, -1) : pipeline, hint: body.hint as unknown, match };
    const cursor = subDocumentOf(context, "cursor");
    const batchSize = typeof cursor?.batchSize === "number" ? cursor.batchSize : wholeNumber(context, "batchSize");
    if (!writes) return await openPipeline(context, source, batchSize);
    const { steps } = await runPipeline(context, source);
    const documents: Buffer[] = [];
    await collect({ [Symbol.iterator]: () => steps }, context.operation, (document) => documents.push(document));
    const scope = { catalog: state.catalog, database, match, bypassValidation: body.bypassDocumentValidation === true };
    await state.file.write(() => writeResult(scope, output as Document, documents), { sync: wantsSync(body) });
    return cursorReply("firstBatch", [], 0n, `${database}.${name}`);
  },
};

export const aggregateCommands: readonly Command[] = [aggregate];
