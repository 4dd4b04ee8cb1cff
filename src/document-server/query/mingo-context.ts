import { Decimal128, Double, Int32, Long } from "bson";
import type { Context } from "mingo";
import type * as AggregatorModule from "mingo/aggregator";
import type * as CoreModule from "mingo/core";
import type * as LazyModule from "mingo/lazy";
import type * as StagesModule from "mingo/operators/pipeline";
import type * as QueryModule from "mingo/query";
import { createRequire } from "node:module";
import type { Any, AnyObject, Options } from "mingo/types";
import { checkExpression } from "./expression-check.ts";
import type { MatchOptions } from "./filter-compiler.ts";
import { asCommandFailure } from "./mingo-failure.ts";
import { moreExpressions } from "./more-expressions.ts";
import { ourAccumulators, ourExpressions, type Accumulator, type Expression } from "./mingo-expressions.ts";
import { ourStages, rankedAccumulators } from "./mingo-stages.ts";
import { queryOperators } from "./predicates.ts";

/** mingo 7.2.6 sorts the numbers of $percentile and $median as text; these sort them as numbers (manual: "approximate" gives the value at ⌈p·n⌉). */
function percentiles(values: readonly Any[], p: readonly Any[]): (number | null)[] {
  const numbers = values.map(numberOf).filter((value) => value !== undefined && !Number.isNaN(value)) as number[];
  numbers.sort((a, b) => a - b);
  return p.map((share) => {
    if (typeof share !== "number" || share < 0 || share > 1)
      throw new Error("The $percentile 'p' field must be an array of numbers from [0.0, 1.0]");
    return numbers[Math.max(0, Math.ceil(share * numbers.length) - 1)] ?? null;
  });
}

function numberOf(value: Any): number | undefined {
  if (typeof value === "number") return value;
  if (value instanceof Long || value instanceof Decimal128 || value instanceof Double || value instanceof Int32)
    return Number(value.toString());
  return undefined;
}

function asArray(value: Any): readonly Any[] {
  return Array.isArray(value) ? value : [value];
}

type EvalExpr = (document: Any, expr: Any, options: Options) => Any;

function percentileAccumulators(evalExpr: EvalExpr): Record<string, Accumulator> {
  const inputs = (documents: readonly Any[], expr: Any, options: Options): Any[] =>
    documents.map((document) => evalExpr(document, (expr as AnyObject).input, options));
  return {
    $percentile: (documents, expr, options) =>
      percentiles(inputs(documents, expr, options), asArray(evalExpr({}, (expr as AnyObject).p, options))),
    $median: (documents, expr, options) => percentiles(inputs(documents, expr, options), [0.5])[0] ?? null,
  };
}

function percentileExpressions(evalExpr: EvalExpr): Record<string, Expression> {
  const inputs = (document: Any, expr: Any, options: Options): readonly Any[] =>
    asArray(evalExpr(document, (expr as AnyObject).input, options));
  return {
    $percentile: (document, expr, options) =>
      percentiles(inputs(document, expr, options), asArray(evalExpr(document, (expr as AnyObject).p, options))),
    $median: (document, expr, options) => percentiles(inputs(document, expr, options), [0.5])[0] ?? null,
  };
}

/** $group answers null, not "missing", where an accumulator had nothing to work on. */
function withNulls(named: Record<string, Accumulator>): Record<string, Accumulator> {
  return Object.fromEntries(
    Object.entries(named).map(([name, run]) => [name, (values, expr, options) => run(values, expr, options) ?? null]),
  );
}

function without<T>(named: Record<string, T>, name: string): Record<string, T> {
  return Object.fromEntries(Object.entries(named).filter(([key]) => key !== name));
}

/** What this server uses of mingo. */
export type Mingo = {
  /**
   * Every operator, with ours in the place of those that answer otherwise than MongoDB. The JavaScript operators are not there;
   * `scriptEnabled` is for mingo's own $setWindowFields, which is built on functions, and no function can come out of BSON as we decode it.
   */
  readonly options: Options;
  readonly Query: typeof QueryModule.Query;
  readonly Aggregator: typeof AggregatorModule.Aggregator;
  /** Options in the form in which mingo hands them on: made once, they cost nothing for each document. */
  readonly prepare: (options: Options) => Options;
  /** The value of an expression for a document. */
  readonly evaluate: EvalExpr;
  readonly Lazy: typeof LazyModule.Lazy;
  readonly $project: typeof StagesModule.$project;
};

let loaded: Mingo | undefined;

/** mingo, loaded when the first request needs it: a server that only stores and reads by index starts faster and stays smaller without. */
export function mingo(): Mingo {
  loaded ??= load(createRequire(import.meta.url));
  return loaded;
}

/** Whether an expression may name this operator. */
export function isExpressionOperator(name: string): boolean {
  const { context } = mingo().options;
  return context.getOperator("expression" as never, name) !== null || FOLDING.has(name);
}

/** Accumulators that are expressions too. */
const FOLDING = new Set([
  "$sum",
  "$avg",
  "$min",
  "$max",
  "$stdDevPop",
  "$stdDevSamp",
  "$first",
  "$last",
  "$mergeObjects",
  "$firstN",
  "$lastN",
  "$minN",
  "$maxN",
]);

/** Throws what can be told of an expression before it runs (expression-check.ts). */
export function checkExpressionOf(expression: unknown, match: MatchOptions): void {
  checkExpression(expression, new Set(Object.keys(match.variables ?? {})), isExpressionOperator);
}

/** The expression of an $expr as a test of documents. Throws for what is wrong with it before a document is asked. */
export function expressionTest(expression: unknown, match: MatchOptions): (document: AnyObject) => boolean {
  checkExpressionOf(expression, match);
  const { evaluate } = mingo();
  const options = mingoOptions(match);
  return (document) => isTrue(asCommandFailure(() => evaluate(document as Any, expression as Any, options) as unknown));
}

/** MongoDB's truth: everything but false, null, missing and zero. */
function isTrue(value: unknown): boolean {
  return value !== false && value !== null && value !== undefined && value !== 0;
}

/** mingo's options for one command: its `let` and its collation are known to every expression. */
export function mingoOptions(match: MatchOptions, more: Partial<Options> = {}): Options {
  const given = { ...mingo().options, ...more, variables: match.variables ?? {}, matchOptions: match };
  return mingo().prepare(given as Options);
}

/**
 * mingo copies every operator's table when it is given plain options, for each expression of each document, unless they are of a class that it does not
 * export: an operator of our own is handed an object of it.
 */
function preparer(core: typeof CoreModule): (options: Options) => Options {
  const probe = core.Context.init({ expression: { $probe: (_document: Any, _expression: Any, options: Options) => options as never } });
  const prepared = core.evalExpr({}, { $probe: 1 }, { context: probe } as Options) as unknown as object;
  const { init } = prepared.constructor as unknown as { readonly init: (options: Options) => Options };
  return (options) => init.call(prepared.constructor, options);
}

function load(require: NodeJS.Require): Mingo {
  const core = require("mingo/core") as typeof CoreModule;
  const stages = require("mingo/operators/pipeline") as typeof StagesModule;
  const operators = (family: string): Record<string, never> => ({ ...(require(`mingo/operators/${family}`) as Record<string, never>) });
  const theirs = operators("expression") as Record<string, Expression>;
  const accumulators = without(
    {
      ...(operators("accumulator") as Record<string, Accumulator>),
      ...ourAccumulators(core.evalExpr),
      ...rankedAccumulators(core.evalExpr),
      ...percentileAccumulators(core.evalExpr),
    },
    "$accumulator",
  );
  const aggregator = (require("mingo/aggregator") as typeof AggregatorModule).Aggregator;
  const lazy = (require("mingo/lazy") as typeof LazyModule).Lazy;
  const context: Context = core.Context.init({
    accumulator: withNulls(accumulators) as never,
    expression: without(
      {
        ...theirs,
        ...ourExpressions(core.evalExpr, theirs),
        ...moreExpressions(core.evalExpr, theirs),
        ...percentileExpressions(core.evalExpr),
      } as Record<string, unknown>,
      "$function",
    ) as never,
    pipeline: {
      ...stages,
      ...ourStages(stages, {
        lazy,
        evaluate: core.evalExpr,
        aggregator,
        context: () => context,
        optionsFor: (match, more) => mingoOptions(match, more),
        expressionTest,
      }),
    } as never,
    projection: operators("projection"),
    query: without({ ...operators("query"), ...queryOperators } as Record<string, unknown>, "$where") as never,
    window: operators("window"),
  });
  const options = { idKey: "_id", processingMode: 0, useStrictMode: true, scriptEnabled: true, failOnError: true, context };
  return {
    options: options as Options,
    Query: (require("mingo/query") as typeof QueryModule).Query,
    Aggregator: aggregator,
    prepare: preparer(core),
    evaluate: core.evalExpr,
    Lazy: lazy,
    $project: stages.$project,
  };
}
