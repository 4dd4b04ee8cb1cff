import type * as AggregatorModule from "mingo/aggregator";
import type { Context } from "mingo";
import type * as LazyModule from "mingo/lazy";
import type { Any, AnyObject, Options } from "mingo/types";
import { CommandFailure } from "../failure.ts";
import { collatedKeys, compareCollated } from "./collation.ts";
import { compileFilter, type MatchOptions } from "./matcher.ts";
import type { Expression } from "./mingo-expressions.ts";
import { candidates, isPlain } from "./predicates.ts";

type Lazy = ReturnType<typeof LazyModule.Lazy>;
type Stage = (documents: Lazy, argument: Any, options: Options) => Lazy;

/** What the stages need of mingo. */
export type StageTools = {
  readonly lazy: typeof LazyModule.Lazy;
  readonly evaluate: Expression;
  readonly aggregator: typeof AggregatorModule.Aggregator;
  readonly context: () => Context;
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
export function ourStages(tools: StageTools): Record<string, Stage> {
  return { $match: matchStage, $sort: sortStage(tools), $group: groupStage(tools), $lookup: lookupStage(tools) };
}

function matchStage(documents: Lazy, filter: Any, options: Options): Lazy {
  const matcher = compileFilter(filter as AnyObject, matchOptionsOf(options));
  return matcher ? documents.filter((document) => matcher.matchesDecoded(document as AnyObject)) : documents;
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

function groupStage({ lazy, evaluate, context }: StageTools): Stage {
  return (documents, argument, options) => {
    if (!isPlain(argument)) throw new CommandFailure("Location15947", "a group's fields must be specified in an object");
    if (!("_id" in argument)) throw new CommandFailure("Location15955", "a group specification must include an _id");
    const { _id, ...outputs } = argument;
    const fields = Object.entries(outputs).map(([name, output]) => {
      if (name.includes(".")) throw new CommandFailure("Location40235", `The field name '${name}' cannot contain '.'`);
      if (!isPlain(output)) throw new CommandFailure("Location40234", `The field '${name}' must be an accumulator object`);
      const [operator, more] = Object.keys(output);
      if (operator === undefined || more !== undefined)
        throw new CommandFailure("Location40238", `The field '${name}' must specify one accumulator`);
      const run = context().getOperator("accumulator" as never, operator);
      if (!run) throw new CommandFailure("Location15952", `unknown group operator '${operator}'`);
      return { name, run, expression: output[operator] };
    });
    const { collation } = matchOptionsOf(options);
    return documents.transform((all: Any[]) => {
      const keyOf = collatedKeys(collation);
      const groups = new Map<string, { readonly id: unknown; readonly members: Any[] }>();
      for (const document of all) {
        const id = groupId(evaluate(document, _id as Any, options));
        const key = keyOf(id);
        const group = groups.get(key);
        if (group) group.members.push(document);
        else groups.set(key, { id, members: [document] });
      }
      return lazy(
        [...groups.values()].map(({ id, members }) => {
          const made: AnyObject = { _id: id };
          for (const { name, run, expression } of fields) made[name] = (run(members, expression, options) as unknown) ?? null;
          return made as Any;
        }),
      );
    });
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
