import type { Document } from "bson";
import type { Options } from "mingo/types";
import { decodeDocument, encodeDocument } from "../bson/values.ts";
import { CommandFailure } from "../failure.ts";
import { asCommandFailure } from "../query/mingo-failure.ts";
import { collect, type Operation } from "../operation.ts";
import { mingo } from "../query/mingo-context.ts";
import type { QueryPlan } from "../query/planner.ts";
import type { ScanCounts } from "../query/scan.ts";
import type { Held } from "../query/sort.ts";
import type { Collection } from "../storage/collection.ts";
import { cursorReply } from "../wire/cursor-reply.ts";
import { collectionName, subDocumentOf, wantsSync, wholeNumber, type Command, type CommandContext } from "./command.ts";
import { readingOf, runFind } from "./find.ts";
import { isSystemStage, systemStage } from "./system-stages.ts";
import { writeResult } from "./aggregate-output.ts";

/** What one aggregation may take from collections, in bytes of documents: everything is held in memory by $group and $sort. */
export const MAX_AGGREGATE_BYTES: number = 256 * 1024 * 1024;

/** Splits a pipeline: the leading $match, $sort, $skip, $limit that the collection answers itself, through its indexes, and what mingo does. */
export function splitPipeline(pipeline: readonly Document[]): {
  readonly filter: Document;
  readonly sort: Document | undefined;
  readonly skip: number;
  readonly limit: number;
  readonly rest: readonly Document[];
} {
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

export function readPipeline(context: CommandContext): Document[] {
  const { pipeline } = context.body;
  if (!Array.isArray(pipeline)) throw new CommandFailure("TypeMismatch", "A pipeline must be an array of objects");
  for (const stage of pipeline as Document[]) {
    if (typeof stage !== "object" || stage === null || Object.keys(stage).length !== 1)
      throw new CommandFailure("Location40323", "A pipeline stage specification object must contain exactly one field.");
    const name = Object.keys(stage)[0] as string;
    if ((name === "$out" || name === "$merge") && stage !== pipeline.at(-1))
      throw new CommandFailure("Location40601", `${name} can only be the final stage in the pipeline`);
    if (name === "$changeStream") throw new CommandFailure("Location40573", "The $changeStream stage is only supported on replica sets");
    if (isSystemStage(name)) {
      if (stage === pipeline[0]) continue;
      throw new CommandFailure("Location40602", `${name} is only valid as the first stage in a pipeline.`);
    }
    if (!mingo().options.context.getOperator("pipeline" as never, name))
      throw new CommandFailure("Location40324", `Unrecognized pipeline stage name: '${name}'`);
  }
  return pipeline as Document[];
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
  split: ReturnType<typeof splitPipeline>,
  hint: unknown,
  operation: Operation,
): Promise<number> {
  if (!collection) return 0;
  if (Object.keys(split.filter).length === 0 && split.skip === 0 && split.limit === 0) return collection.count();
  let n = 0;
  await collect(aggregateOn(collection, { ...split, sort: undefined }, hint).steps, operation, () => n++);
  return n;
}

export function aggregateOn(
  collection: Collection | undefined,
  split: ReturnType<typeof splitPipeline>,
  hint: unknown,
  counts?: ScanCounts,
): {
  readonly plan: QueryPlan | undefined;
  readonly documents: Generator<Buffer, void, undefined>;
  readonly steps: Generator<Buffer | undefined, void, undefined>;
  readonly held: Held;
} {
  if (!collection) return { plan: undefined, documents: nothing(), steps: nothing(), held: { bytes: 0 } };
  return runFind(collection, { ...split, projection: undefined, hint }, counts);
}

function* nothing(): Generator<Buffer, void, undefined> {}

const aggregate: Command = {
  name: "aggregate",
  run: async (context) => {
    const { state, database } = context;
    const pipeline = readPipeline(context);
    const target = (context.body as Record<string, unknown>).aggregate;
    const name = target === 1 ? "$cmd.aggregate" : collectionName(context);
    const namespace = `${database}.${name}`;
    const options: Options = {
      ...mingo().options,
      variables: subDocumentOf(context, "let") ?? {},
      collectionResolver: (from: string) => {
        const other = state.catalog.find(database, from);
        return other
          ? [
              ...bounded(
                runFind(other, { filter: {}, sort: undefined, projection: undefined, skip: 0, limit: 0, hint: undefined }).documents,
              ),
            ]
          : [];
      },
    } as Options;
    const output = pipeline.at(-1);
    const writes = output?.$out !== undefined || output?.$merge !== undefined;
    const split = splitPipeline(writes ? pipeline.slice(0, -1) : pipeline);
    const counting = writes ? undefined : countingGroup(split.rest);
    if (counting) {
      const n = await countOn(state.catalog.find(database, name), split, context.body.hint, context.operation);
      return cursorReply("firstBatch", n === 0 ? [] : [encodeDocument({ _id: counting.id, [counting.field]: n })], 0n, namespace);
    }
    const system = systemStage(context, name, pipeline[0]);
    const collection = state.catalog.find(database, name);
    let steps: Iterator<Buffer | undefined>;
    let held: Held = { bytes: 0 };
    if (split.rest.length === 0 && !writes) ({ steps, held } = aggregateOn(collection, split, context.body.hint as unknown));
    else {
      const rest = (system ? split.rest.slice(1) : split.rest) as Document[];
      const input = system?.map((document) => decodeDocument(encodeDocument(document)));
      const documents =
        input ?? (await boundedSteps(aggregateOn(collection, split, context.body.hint as unknown).steps, context.operation));
      const computed = asCommandFailure(() => new (mingo().Aggregator)(rest, options).run(documents));
      if (writes) {
        await state.file.write(() => writeResult(state.catalog, database, output as Document, computed, options), {
          sync: wantsSync(context.body),
        });
        return cursorReply("firstBatch", [], 0n, namespace);
      }
      const results = computed.map((document) => encodeDocument(document));
      for (const result of results) held.bytes += result.length;
      steps = results.values();
    }
    const cursor = subDocumentOf(context, "cursor");
    const batchSize = typeof cursor?.batchSize === "number" ? cursor.batchSize : wholeNumber(context, "batchSize");
    const reading = readingOf(context, batchSize);
    const source = { namespace, steps, held, collection, session: reading.session, user: reading.user };
    const batch = await state.cursors.open(source, reading);
    return cursorReply("firstBatch", batch.documents, batch.cursorId, namespace);
  },
};

export const aggregateCommands: readonly Command[] = [aggregate];
