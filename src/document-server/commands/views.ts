import type { Document } from "bson";
import { decodeDocument, encodeDocument } from "../bson/values.ts";
import { CommandFailure } from "../failure.ts";
import { collect } from "../operation.ts";
import { collatedKeys, compareCollated } from "../query/collation.ts";
import { candidates } from "../query/predicates.ts";
import { openPipeline, runPipeline, type PipelineSource } from "./aggregate.ts";
import { collectionName, subDocumentOf, wholeNumber, type Command, type CommandContext } from "./command.ts";
import { readMatchOptions } from "./command-options.ts";
import { readFind } from "./find.ts";
import type { Reply } from "../wire/message.ts";
import { textOf } from "../bson/shown.ts";

function sourceOf(context: CommandContext, pipeline: readonly Document[]): PipelineSource {
  return {
    database: context.database,
    name: collectionName(context),
    pipeline,
    hint: context.body.hint as unknown,
    match: readMatchOptions(context.body),
  };
}

function matchStage(filter: Document | undefined): Document[] {
  return filter && Object.keys(filter).length > 0 ? [{ $match: filter }] : [];
}

/** A find as a pipeline. */
export function findPipeline(context: CommandContext): Document[] {
  const { filter, sort, projection, skip, limit } = readFind(context);
  return [
    ...matchStage(filter),
    ...(sort && Object.keys(sort).length > 0 ? [{ $sort: sort }] : []),
    ...(skip > 0 ? [{ $skip: skip }] : []),
    ...(limit > 0 ? [{ $limit: limit }] : []),
    ...(projection && Object.keys(projection).length > 0 ? [{ $project: projection }] : []),
  ];
}

async function findOnView(context: CommandContext): Promise<Reply> {
  const pipeline = findPipeline(context);
  return await openPipeline(context, sourceOf(context, pipeline), wholeNumber(context, "batchSize"), context.body.singleBatch === true);
}

async function countOnView(context: CommandContext): Promise<Reply> {
  const skip = wholeNumber(context, "skip") ?? 0;
  const limit = Math.abs(Number(context.body.limit ?? 0));
  const { steps } = await runPipeline(context, sourceOf(context, matchStage(subDocumentOf(context, "query"))));
  let n = 0;
  await collect({ [Symbol.iterator]: () => steps }, context.operation, () => n++);
  n = Math.max(0, n - skip);
  return { n: limit > 0 ? Math.min(n, limit) : n, ok: 1 };
}

async function distinctOnView(context: CommandContext): Promise<Reply> {
  const source = sourceOf(context, matchStage(subDocumentOf(context, "query")));
  const { steps } = await runPipeline(context, source);
  const keyOf = collatedKeys(source.match.collation);
  const values = new Map<string, unknown>();
  await collect({ [Symbol.iterator]: () => steps }, context.operation, (document) => {
    const found = candidates(decodeDocument(document), textOf(context.body.key));
    for (const value of Array.isArray(found.at(-1)) ? found.slice(0, -1) : found)
      if (value !== undefined && !values.has(keyOf(value))) values.set(keyOf(value), value);
  });
  return encodeDocument({ values: [...values.values()].sort((a, b) => compareCollated(a, b, source.match.collation)), ok: 1 });
}

const ON_VIEWS: Readonly<Record<string, (context: CommandContext) => Promise<Reply>>> = {
  find: findOnView,
  count: countOnView,
  distinct: distinctOnView,
};
const REFUSED = new Set(["createIndexes", "dropIndexes", "deleteIndexes", "listIndexes", "collStats", "validate", "compact", "reIndex"]);

/** The command with its way of reading a view: find, count and distinct run as pipelines, what works on stored documents is refused with 166. */
export function withViews(command: Command): Command {
  const onView = ON_VIEWS[command.name];
  const isRefused = REFUSED.has(command.name);
  if (!onView && !isRefused) return command;
  return {
    name: command.name,
    run: (context) => {
      const name = context.body[command.name] as unknown;
      const options = typeof name === "string" ? context.state.catalog.find(context.database, name)?.options : undefined;
      if (options?.viewOn === undefined) return command.run(context);
      if (isRefused)
        throw new CommandFailure("CommandNotSupportedOnView", `Namespace ${context.database}.${textOf(name)} is a view, not a collection`);
      return (onView as (context: CommandContext) => Promise<Reply>)(context);
    },
  };
}
