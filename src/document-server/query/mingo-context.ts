import { Decimal128, Double, Int32, Long } from "bson";
import { Context } from "mingo";
import * as accumulators from "mingo/operators/accumulator";
import * as expressions from "mingo/operators/expression";
import * as stages from "mingo/operators/pipeline";
import * as projections from "mingo/operators/projection";
import * as predicates from "mingo/operators/query";
import * as windows from "mingo/operators/window";
import type { Any, AnyObject, Options } from "mingo/types";
import { evalExpr } from "./mingo-expression.ts";
import { queryOperators } from "./predicates.ts";

type Accumulator = (values: Any[], expr: Any, options: Options) => Any;
type Evaluated = (document: Any, expr: Any, options: Options) => Any;

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

function inputs(documents: readonly Any[], expr: AnyObject, options: Options): Any[] {
  return documents.map((document) => evalExpr(document, expr.input, options));
}

const percentileAccumulators: Record<string, Accumulator> = {
  $percentile: (documents, expr, options) => {
    const spec = expr as AnyObject;
    return percentiles(inputs(documents, spec, options), asArray(evalExpr({}, spec.p, options)));
  },
  $median: (documents, expr, options) => percentiles(inputs(documents, expr as AnyObject, options), [0.5])[0] ?? null,
};

const percentileExpressions: Record<string, Evaluated> = {
  $percentile: (document, expr, options) => {
    const spec = expr as AnyObject;
    return percentiles(asArray(evalExpr(document, spec.input, options)), asArray(evalExpr(document, spec.p, options)));
  },
  $median: (document, expr, options) => percentiles(asArray(evalExpr(document, (expr as AnyObject).input, options)), [0.5])[0] ?? null,
};

const percentileWindows: Record<string, (document: AnyObject, documents: AnyObject[], expr: { inputExpr: Any }, options: Options) => Any> =
  {
    $percentile: (_document, documents, expr, options) => percentileAccumulators.$percentile?.(documents, expr.inputExpr, options),
    $median: (_document, documents, expr, options) => percentileAccumulators.$median?.(documents, expr.inputExpr, options),
  };

/** $group answers null, not "missing", where an accumulator had nothing to work on. */
function withNulls(named: Record<string, Accumulator>): Record<string, Accumulator> {
  return Object.fromEntries(
    Object.entries(named).map(([name, run]) => [name, (values, expr, options) => run(values, expr, options) ?? null]),
  );
}

/**
 * mingo's operators with ours in the place of those that answer otherwise than MongoDB. The JavaScript operators are not there. `scriptEnabled`
 * is for mingo's own $setWindowFields, which is built on functions; no function can come out of BSON as we decode it.
 */
export const mingoContext: Context = Context.init({
  accumulator: withNulls(
    without({ ...(accumulators as unknown as Record<string, Accumulator>), ...percentileAccumulators }, "$accumulator"),
  ) as never,
  expression: without({ ...expressions, ...percentileExpressions } as Record<string, unknown>, "$function") as never,
  pipeline: { ...stages } as never,
  projection: { ...projections } as never,
  query: without({ ...predicates, ...queryOperators } as Record<string, unknown>, "$where") as never,
  window: { ...windows, ...percentileWindows } as never,
});

function without<T>(named: Record<string, T>, name: string): Record<string, T> {
  return Object.fromEntries(Object.entries(named).filter(([key]) => key !== name));
}

export const mingoOptions: Options = {
  idKey: "_id",
  processingMode: 0,
  useStrictMode: true,
  scriptEnabled: true,
  failOnError: true,
  context: mingoContext,
} as Options;
