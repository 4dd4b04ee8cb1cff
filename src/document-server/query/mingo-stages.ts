import type * as AggregatorModule from "mingo/aggregator";
import type { Context } from "mingo";
import type * as LazyModule from "mingo/lazy";
import type { Any, AnyObject, Options } from "mingo/types";
import { CommandFailure } from "../failure.ts";
import { collatedKeys, compareCollated } from "./collation.ts";
import { compileWith, type ExpressionCompiler, type MatchOptions } from "./filter-compiler.ts";
import type { Accumulator, Expression } from "./mingo-expressions.ts";
import { candidates, isPlain } from "./predicates.ts";

type Lazy = ReturnType<typeof LazyModule.Lazy>;
type Stage = (documents: Lazy, argument: Any, options: Options) => Lazy;

/** What the stages need of mingo. */
export type StageTools = {
  readonly lazy: typeof LazyModule.Lazy;
  readonly evaluate: Expression;
  readonly aggregator: typeof AggregatorModule.Aggregator;
  readonly context: () => Context;
  readonly expressionTest: ExpressionCompiler;
  readonly optionsFor: (match: MatchOptions, more: Partial<Options>) => Options;
};

/** What a command asked for, out of the options that mingo hands to an operator: its collation and the variables that are known here. */
function matchOptionsOf(options: Options): MatchOptions {
  const given = options as Options & {
    readonly options?: { readonly matchOptions?: MatchOptions };
    readonly local?: { readonly variables?: AnyObject };
  };
  const match = given.options?.matchOptions ?? {};
  return { ...match, variables: { ...match.variables, ...given.local?.variables } };
}

/** Stages in the place of mingo's: $match is find's, $sort and $group know MongoDB's order and equality, $lookup runs its pipeline on what it joined. */
export function ourStages(theirs: Readonly<Record<string, unknown>>, tools: StageTools): Record<string, Stage> {
  return {
    $match: matchStage(tools),
    $sort: sortStage(tools),
    $group: groupStage(tools),
    $bucket: bucketStage(tools),
    $lookup: lookupStage(tools),
    $count: countStage(tools),
    $project: projectStage(theirs.$project as Stage),
    $redact: (documents, argument, options) =>
      (theirs.$redact as Stage)(documents, argument, options).filter((document) => document !== undefined),
  };
}

/** Of no documents there is no count. */
function countStage({ lazy }: StageTools): Stage {
  return (documents, name) =>
    documents.transform(((all: Any[]) => lazy(all.length === 0 ? [] : [{ [name as string]: all.length } as Any])) as never);
}

/** What is kept comes in the document's own order, `_id` first, and what is computed behind it. */
function projectStage(theirs: Stage): Stage {
  return (documents, argument, options) => {
    let before: AnyObject = {};
    const seen = documents.map((document) => (before = document as AnyObject) as Any);
    return theirs(seen, argument, options).map((document) => {
      const made = document as AnyObject;
      const ordered: AnyObject = {};
      for (const name of ["_id", ...Object.keys(before)]) if (Object.hasOwn(made, name)) ordered[name] = made[name];
      for (const name of Object.keys(made)) ordered[name] = made[name];
      return ordered as Any;
    });
  };
}

/** $top, $bottom, $topN and $bottomN: the first or the last of a group in an order of its own. */
export function rankedAccumulators(evaluate: Expression): Record<string, Accumulator> {
  const ranked =
    (fromEnd: boolean, single: boolean): Accumulator =>
    (documents, expression, options) => {
      const { sortBy, output, n = 1 } = expression as { readonly sortBy: AnyObject; readonly output: Any; readonly n?: Any };
      const fields = Object.entries(sortBy).map(([path, sense]) => ({ path, sense: Number(sense) }));
      const { collation } = matchOptionsOf(options);
      const keyed = documents.map((document) => ({ document, key: fields.map(({ path, sense }) => leading(document, path, sense)) }));
      keyed.sort((left, right) => {
        for (const [i, { sense }] of fields.entries()) {
          const order = compareCollated(left.key[i], right.key[i], collation);
          if (order !== 0) return order * sense;
        }
        return 0;
      });
      const count = single ? 1 : Number(evaluate({}, n, options));
      const chosen = fromEnd ? keyed.slice(Math.max(0, keyed.length - count)) : keyed.slice(0, count);
      const values = chosen.map(({ document }) => (evaluate(document, output, options) as unknown) ?? null);
      return (single ? (values[0] ?? null) : values) as Any;
    };
  return { $top: ranked(false, true), $bottom: ranked(true, true), $topN: ranked(false, false), $bottomN: ranked(true, false) };
}

function matchStage({ expressionTest }: StageTools): Stage {
  return (documents, filter, options) => {
    const matcher = compileWith(filter as AnyObject, matchOptionsOf(options), expressionTest);
    return matcher ? documents.filter((document) => matcher.matchesDecoded(document as AnyObject)) : documents;
  };
}

function sortStage({ lazy }: StageTools): Stage {
  return (documents, argument, options) => sorted(documents, argument, options, lazy);
}

function sorted(documents: Lazy, argument: Any, options: Options, lazy: StageTools["lazy"]): Lazy {
  const { collation } = matchOptionsOf(options);
  const fields = Object.entries(argument as AnyObject).map(([path, sense]) => {
    if (Number(sense) !== 1 && Number(sense) !== -1)
      throw new CommandFailure("Location15975", "$sort key ordering must be 1 (for ascending) or -1 (for descending)");
    return { path, sense: Number(sense) };
  });
  if (fields.length === 0) throw new CommandFailure("Location15976", "$sort stage must have at least one sort key");
  return documents.transform(((all: Any[]) => {
    const keyed = all.map((document) => ({ document, key: fields.map(({ path, sense }) => leading(document, path, sense)) }));
    keyed.sort((left, right) => {
      for (const [i, { sense }] of fields.entries()) {
        const order = compareCollated(left.key[i], right.key[i], collation);
        if (order !== 0) return order * sense;
      }
      return 0;
    });
    return lazy(keyed.map(({ document }) => document));
  }) as never);
}

/** By what a document sorts: of an array the least element upwards, the greatest downwards; null for a missing field. */
function leading(document: unknown, path: string, sense: number): unknown {
  const found = candidates(document, path);
  const whole = found.at(-1);
  const values = Array.isArray(whole) && found.length > 1 ? found.slice(0, -1) : found;
  if (values.length < 2) return values[0] ?? null;
  return values.reduce((best, value) => (compareCollated(value ?? null, best ?? null, undefined) * sense < 0 ? value : best)) ?? null;
}

/** Fields of a group's `_id` that are missing are left out; a missing `_id` is null. */
function groupId(value: unknown): unknown {
  if (!isPlain(value)) return value ?? null;
  return Object.fromEntries(Object.entries(value).filter(([, inner]) => inner !== undefined));
}

type GroupField = {
  readonly name: string;
  readonly run: (members: Any[], expression: Any, options: Options) => Any;
  readonly expression: Any;
};

function groupFields(outputs: AnyObject, { context }: StageTools): GroupField[] {
  return Object.entries(outputs).map(([name, output]) => {
    if (name.includes(".")) throw new CommandFailure("Location40235", `The field name '${name}' cannot contain '.'`);
    if (!isPlain(output)) throw new CommandFailure("Location40234", `The field '${name}' must be an accumulator object`);
    const [operator, more] = Object.keys(output);
    if (operator === undefined || more !== undefined)
      throw new CommandFailure("Location40238", `The field '${name}' must specify one accumulator`);
    const run = context().getOperator("accumulator" as never, operator);
    if (!run) throw new CommandFailure("Location15952", `unknown group operator '${operator}'`);
    return { name, run, expression: output[operator] as Any };
  });
}

/** A document for each group, in the order in which the groups were met. */
function groupedBy(all: readonly Any[], idOf: (document: Any) => unknown, fields: readonly GroupField[], options: Options): Any[] {
  const keyOf = collatedKeys(matchOptionsOf(options).collation);
  const groups = new Map<string, { readonly id: unknown; readonly members: Any[] }>();
  for (const document of all) {
    const id = idOf(document);
    const key = keyOf(id);
    const group = groups.get(key);
    if (group) group.members.push(document);
    else groups.set(key, { id, members: [document] });
  }
  return [...groups.values()].map(({ id, members }) => {
    const made: AnyObject = { _id: id };
    for (const { name, run, expression } of fields) made[name] = (run(members, expression, options) as unknown) ?? null;
    return made as Any;
  });
}

function groupStage(tools: StageTools): Stage {
  return (documents, argument, options) => {
    const { _id, ...outputs } = argument as AnyObject;
    const fields = groupFields(outputs, tools);
    const idOf = (document: Any): unknown => groupId(tools.evaluate(document, _id as Any, options));
    return documents.transform(((all: Any[]) => tools.lazy(groupedBy(all, idOf, fields, options))) as never);
  };
}

type BucketSpec = {
  readonly groupBy: Any;
  readonly boundaries: readonly unknown[];
  readonly default?: unknown;
  readonly output?: AnyObject;
};

/** mingo puts a value that is a boundary into the bucket below it. */
function bucketStage(tools: StageTools): Stage {
  return (documents, argument, options) => {
    const spec = argument as unknown as BucketSpec;
    const { boundaries } = spec;
    if (!Array.isArray(boundaries)) throw new CommandFailure("Location40200", "The $bucket 'boundaries' field must be an array of values");
    if (boundaries.length < 2) throw new CommandFailure("Location40192", "The $bucket 'boundaries' field must have at least 2 values");
    if (boundaries.some((edge, i) => i > 0 && compareCollated(boundaries[i - 1], edge, undefined) >= 0))
      throw new CommandFailure("Location40194", "The 'boundaries' option to $bucket must be sorted");
    const { collation } = matchOptionsOf(options);
    const fields = groupFields(spec.output ?? { count: { $sum: 1 } }, tools);
    const idOf = (document: Any): unknown => {
      const value = tools.evaluate(document, spec.groupBy, options) as unknown;
      const above = boundaries.findIndex((edge) => compareCollated(value ?? null, edge, collation) < 0);
      if (value !== undefined && above > 0) return boundaries[above - 1] as unknown;
      if (spec.default === undefined)
        throw new CommandFailure("Location40066", "$switch could not find a matching branch for an input, and no default was specified.");
      return spec.default;
    };
    return documents.transform(((all: Any[]) =>
      tools.lazy(
        groupedBy(all, idOf, fields, options).sort((a, b) => compareCollated((a as AnyObject)._id, (b as AnyObject)._id, collation)),
      )) as never);
  };
}

type LookupSpec = {
  readonly from?: unknown;
  readonly as?: unknown;
  readonly localField?: string;
  readonly foreignField?: string;
  readonly let?: AnyObject;
  readonly pipeline?: AnyObject[];
};

function lookupStage({ evaluate, aggregator, optionsFor }: StageTools): Stage {
  return (documents, argument, options) => {
    const spec = argument as LookupSpec;
    if (!isPlain(argument)) throw new CommandFailure("FailedToParse", "the $lookup specification must be an object");
    if (typeof spec.as !== "string") throw new CommandFailure("FailedToParse", "must specify 'as' field for a $lookup");
    if ((spec.localField === undefined) !== (spec.foreignField === undefined))
      throw new CommandFailure("FailedToParse", "$lookup requires both or neither of 'localField' and 'foreignField' to be specified");
    if (spec.localField === undefined && spec.pipeline === undefined)
      throw new CommandFailure(
        "FailedToParse",
        "$lookup requires either 'pipeline' or both 'localField' and 'foreignField' to be specified",
      );
    const match = matchOptionsOf(options);
    const joined = sourceOf(spec, options);
    const pipeline = spec.pipeline ?? [];
    const keyOf = collatedKeys(match.collation);
    const byKey = spec.foreignField === undefined ? undefined : indexBy(joined, spec.foreignField, keyOf);
    const run = (inputs: readonly Any[], variables: AnyObject): Any[] => {
      if (pipeline.length === 0) return [...inputs];
      const resolver = (options as { readonly collectionResolver?: Options["collectionResolver"] }).collectionResolver;
      const inner = optionsFor(
        { ...match, variables: { ...match.variables, ...variables } },
        resolver ? { collectionResolver: resolver } : {},
      );
      return new aggregator(pipeline, inner).run(inputs as Any[]) as Any[];
    };
    let shared: Any[] | undefined;
    return documents.map((document) => {
      const variables = spec.let ? (evaluate(document, spec.let as Any, options) as AnyObject) : {};
      let found: Any[];
      if (byKey) found = run(partners(document, spec.localField as string, byKey, keyOf, joined), variables);
      else if (spec.let) found = run(joined, variables);
      else found = shared ??= run(joined, variables);
      return withField(document as AnyObject, (spec.as as string).split("."), found) as Any;
    });
  };
}

function sourceOf(spec: LookupSpec, options: Options): readonly Any[] {
  if (Array.isArray(spec.from)) return spec.from as Any[];
  if (spec.from === undefined) {
    if (spec.pipeline?.[0] && "$documents" in spec.pipeline[0]) return [];
    throw new CommandFailure("FailedToParse", "must specify 'from' field for a $lookup");
  }
  const name = isPlain(spec.from) ? spec.from.coll : spec.from;
  if (typeof name !== "string") throw new CommandFailure("FailedToParse", "$lookup argument 'from' must be a string");
  return ((options as { readonly collectionResolver?: (from: string) => Any[] }).collectionResolver?.(name) ?? []) as Any[];
}

type Index = ReadonlyMap<string, readonly number[]>;

function indexBy(documents: readonly Any[], path: string, keyOf: (value: unknown) => string): Index {
  const index = new Map<string, number[]>();
  for (const [i, document] of documents.entries()) {
    const values = candidates(document, path);
    for (const key of new Set((values.length === 0 ? [null] : values).map((value) => keyOf(value ?? null)))) {
      const held = index.get(key);
      if (held) held.push(i);
      else index.set(key, [i]);
    }
  }
  return index;
}

/** The joined documents that match a document's local value, or one of its elements, in the order of their collection. */
function partners(document: Any, path: string, index: Index, keyOf: (value: unknown) => string, joined: readonly Any[]): Any[] {
  const found = candidates(document, path);
  const values = Array.isArray(found.at(-1)) && found.length > 1 ? found.slice(0, -1) : found;
  const places = new Set((values.length === 0 ? [null] : values).flatMap((value) => index.get(keyOf(value ?? null)) ?? []));
  return [...places].sort((a, b) => a - b).map((i) => joined[i] as Any);
}

function withField(document: AnyObject, path: readonly string[], value: unknown): AnyObject {
  const [name, ...rest] = path as [string, ...string[]];
  if (rest.length === 0) return { ...document, [name]: value };
  const inner = document[name];
  return { ...document, [name]: withField(isPlain(inner) ? (inner as AnyObject) : {}, rest, value) };
}
