import type { AnyColumn, ColumnsOf, RowOfColumns } from "../columns/column.ts";
import { namedExpressions } from "../columns/column.ts";
import type { Expression, NamedExpression } from "../columns/expression.ts";
import type { Plan } from "../plan/plan.ts";
import type { Long } from "../types/schema-builder.ts";
import type { Columns, DataFrame } from "./data-frame.ts";
import { namedColumn, rowOf } from "./frame-columns.ts";

/** What is grouped, how, and how a frame is made of it. */
export interface Grouping {
  readonly input: Plan;
  readonly columns: readonly string[];
  readonly keys: readonly NamedExpression[];
  readonly kind: "plain" | "rollup" | "cube";
  frame<S>(plan: Plan): DataFrame<S>;
}

const COUNT: Expression = { kind: "call", fn: "count", args: [] };

/** What `groupBy` gives: waits for the aggregates. */
export class GroupedData<R, K> {
  readonly #grouping: Grouping;

  constructor(grouping: Grouping) {
    this.#grouping = grouping;
  }

  /** One row per group: the keys, then the aggregates. */
  agg<A extends Columns>(make: (row: ColumnsOf<R>) => A): DataFrame<K & RowOfColumns<A>>;
  agg(...columns: readonly AnyColumn[]): DataFrame;
  agg(...args: readonly unknown[]): unknown {
    const [first] = args;
    return this.#aggregated(
      typeof first === "function"
        ? namedExpressions((first as (row: ColumnsOf<R>) => Columns)(rowOf<R>(this.#grouping.columns)))
        : args.map((one) => namedColumn(one as AnyColumn)),
    );
  }

  /** How many rows, as column `count`. */
  count(): DataFrame<K & { readonly count: Long }> {
    return this.#aggregated([{ name: "count", expr: COUNT }]);
  }

  #aggregated<S>(aggregates: readonly NamedExpression[]): DataFrame<S> {
    const { input, keys, kind, frame } = this.#grouping;
    return frame({ op: "aggregate", input, groupBy: keys, aggregates, grouping: kind });
  }
}
