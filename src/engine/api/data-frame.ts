import type { AnyColumn, ColumnsOf, RowOfColumns, SortColumn, Untyped } from "../columns/column.ts";
import { Column, namedExpressions } from "../columns/column.ts";
import { analyze } from "../plan/analyze.ts";
import type { JoinType, Plan } from "../plan/plan.ts";
import { sqlPlan } from "../sql/sql-plan.ts";
import { DataFrameWriter } from "./batch-writer.ts";
import { named, namedColumn, renamedRow, rowOf, sortKey, withComputed } from "./frame-columns.ts";
import { GroupedData } from "./grouped-data.ts";
import { joinPlan, joinTypeOf, usingPlan } from "./join-plan.ts";
import type { DropOptions, FillValue } from "./na-functions.ts";
import { dropPlan, fillPlan } from "./na-functions.ts";
import type { Observation } from "./observation.ts";
import { checkCount, PlannedQuery } from "./planned-query.ts";
import type { SessionInternals } from "./session.ts";
import { unionByNamePlan } from "./union-plan.ts";
import { DataStreamWriter } from "./writer.ts";

/**
 * The row type of a frame whose columns are known by name only. Its values are of the type that `JSON.parse` gives, which the compiler leaves
 * unchecked, so that every frame can be used where a plain `DataFrame` is asked for; names and types are checked when the plan is.
 */
export type AnyRow = Readonly<Record<string, ReturnType<typeof JSON.parse>>>;
/** Columns by name, as a callback makes them from the columns of a row. */
export type Columns = Readonly<Record<string, AnyColumn>>;
/** A condition, or a callback that makes it. */
export type Condition<R> = ((row: ColumnsOf<R>) => Column<boolean> | Column<Untyped>) | Column<boolean> | Column<Untyped>;
/** What joins rows: a condition over the columns of both sides. */
export type JoinCondition<R, S> =
  ((left: ColumnsOf<R>, right: ColumnsOf<S>) => Column<boolean> | Column<Untyped>) | Column<boolean> | Column<Untyped>;
/** A row type with a column added or replaced. */
export type WithColumn<R, Name extends string, T> = {
  readonly [K in keyof R | Name]: K extends Name ? T : K extends keyof R ? R[K] : never;
};
/** What rows are sorted by: a name, a column, or a callback that makes one or several. */
export type SortBy<R> =
  string | SortColumn | AnyColumn | ((row: ColumnsOf<R>) => SortColumn | AnyColumn | readonly (SortColumn | AnyColumn)[]);

/**
 * A query that is being written: every call gives a bigger plan, nothing is computed before `start` or `collect`. R is the type of a row, so that a
 * misspelt column does not compile; names are checked again when the plan is (AnalysisError with Spark's error class).
 */
export class DataFrame<R = AnyRow> extends PlannedQuery {
  readonly #session: SessionInternals;

  constructor(session: SessionInternals, plan: Plan) {
    super(session, plan);
    this.#session = session;
  }

  #then<S>(plan: Plan): DataFrame<S> {
    const frame = new DataFrame<S>(this.#session, plan);
    frame.analyzed();
    return frame;
  }

  /** Columns by a callback: a record of them, or one struct, whose fields become the columns; or by name. */
  select<C extends Columns>(make: (row: ColumnsOf<R>) => C & { readonly expression?: never }): DataFrame<RowOfColumns<C>>;
  select<S>(make: (row: ColumnsOf<R>) => Column<S>): DataFrame<S>;
  select(...columns: readonly (string | AnyColumn)[]): DataFrame;
  select(...args: readonly unknown[]): unknown {
    const [first] = args;
    if (typeof first !== "function")
      return this.#then({ op: "project", input: this.plan, columns: args.map((one) => namedColumn(one as string | AnyColumn)) });
    const made = (first as (row: ColumnsOf<R>) => unknown)(rowOf<R>(this.columns));
    if (!(made instanceof Column)) return this.#then({ op: "project", input: this.plan, columns: namedExpressions(made as Columns) });
    const held: Plan = { op: "project", input: this.plan, columns: [{ name: STRUCT, expr: made.expression }] };
    return this.#then({ op: "project", input: held, columns: [{ name: STRUCT, expr: { kind: "column", path: [STRUCT, "*"] } }] });
  }

  /** Columns by expressions in Spark's SQL: `selectExpr("device", "value * 2 AS twice", "explode(tags) AS tag")`. */
  selectExpr(...expressions: readonly string[]): DataFrame {
    return this.#then(this.#sql(`SELECT ${expressions.join(",\n")}\nFROM ${INPUT}`));
  }

  /** The rows for which the condition is true: a callback, a column, or a text of Spark's SQL. */
  filter(condition: Condition<R> | string): DataFrame<R> {
    if (typeof condition === "string") return this.#then(this.#sql(`SELECT * FROM ${INPUT} WHERE ${condition}`));
    const column = typeof condition === "function" ? condition(rowOf<R>(this.columns)) : condition;
    return this.#then({ op: "filter", input: this.plan, condition: column.expression });
  }

  where(condition: Condition<R> | string): DataFrame<R> {
    return this.filter(condition);
  }

  /** The plan of a query in SQL over this frame. */
  #sql(text: string): Plan {
    return sqlPlan(text, {
      view: (name) => (name === INPUT ? this.plan : undefined),
      names: [],
      columnsOf: (plan) => analyze(plan, this.context).columns.map((column) => column.name),
    });
  }

  /** Adds a column, or replaces the one of that name. */
  withColumn<Name extends string, T>(name: Name, make: ((row: ColumnsOf<R>) => Column<T>) | Column<T>): DataFrame<WithColumn<R, Name, T>> {
    const { expression } = typeof make === "function" ? make(rowOf<R>(this.columns)) : make;
    return this.#then({ op: "project", input: this.plan, columns: withComputed(this.columns, [{ name, expr: expression }]) });
  }

  /** Adds or replaces several columns at once; each is computed from the columns as they were. */
  withColumns<C extends Columns>(make: ((row: ColumnsOf<R>) => C) | C): DataFrame<Omit<R, keyof C> & RowOfColumns<C>> {
    const made = typeof make === "function" ? make(rowOf<R>(this.columns)) : make;
    return this.#then({ op: "project", input: this.plan, columns: withComputed(this.columns, namedExpressions(made)) });
  }

  withColumnRenamed<From extends keyof R & string, To extends string>(
    from: From,
    to: To,
  ): DataFrame<{ readonly [K in Exclude<keyof R, From> | To]: K extends To ? R[From] : K extends keyof R ? R[K] : never }> {
    return this.#then({
      op: "project",
      input: this.plan,
      columns: this.columns.map((one) => ({ ...named(one), name: one.toLowerCase() === from.toLowerCase() ? to : one })),
    });
  }

  /** Several columns renamed at once, by their old names; what is not there is left alone. */
  withColumnsRenamed(names: Readonly<Record<string, string>>): DataFrame {
    const wanted = new Map(Object.entries(names).map(([from, to]) => [from.toLowerCase(), to]));
    const columns = this.columns.map((one) => ({ ...named(one), name: wanted.get(one.toLowerCase()) ?? one }));
    return this.#then({ op: "project", input: this.plan, columns });
  }

  drop<K extends keyof R & string>(...names: readonly K[]): DataFrame<Omit<R, K>> {
    const dropped = new Set<string>(names.map((name) => name.toLowerCase()));
    const columns = this.columns.filter((one) => !dropped.has(one.toLowerCase())).map(named);
    return this.#then({ op: "project", input: this.plan, columns });
  }

  /** The same columns under other names, in order. */
  toDF(...names: readonly string[]): DataFrame {
    return this.#then({
      op: "project",
      input: this.plan,
      columns: this.columns.map((one, i) => ({ ...named(one), name: names[i] ?? one })),
    });
  }

  /** Says how late rows may be: the watermark follows the greatest event time at this distance. */
  withWatermark(eventTime: keyof R & string, delayThreshold: string): DataFrame<R> {
    return this.#then({ op: "watermark", input: this.plan, column: eventTime, delay: delayThreshold });
  }

  /** Groups by a record of columns, or by names and columns. */
  groupBy<K extends Columns>(make: (row: ColumnsOf<R>) => K): GroupedData<R, RowOfColumns<K>>;
  groupBy(...columns: readonly (string | AnyColumn)[]): GroupedData<R, AnyRow>;
  groupBy(...args: readonly unknown[]): unknown {
    return this.#grouped(args, "plain");
  }

  rollup<K extends Columns>(make: (row: ColumnsOf<R>) => K): GroupedData<R, RowOfColumns<K>>;
  rollup(...columns: readonly (string | AnyColumn)[]): GroupedData<R, AnyRow>;
  rollup(...args: readonly unknown[]): unknown {
    return this.#grouped(args, "rollup");
  }

  cube<K extends Columns>(make: (row: ColumnsOf<R>) => K): GroupedData<R, RowOfColumns<K>>;
  cube(...columns: readonly (string | AnyColumn)[]): GroupedData<R, AnyRow>;
  cube(...args: readonly unknown[]): unknown {
    return this.#grouped(args, "cube");
  }

  #grouped<K>(args: readonly unknown[], grouping: "plain" | "rollup" | "cube"): GroupedData<R, K> {
    const [first] = args;
    const keys =
      typeof first === "function"
        ? namedExpressions((first as (row: ColumnsOf<R>) => Columns)(rowOf<R>(this.columns)))
        : args.map((one) => namedColumn(one as string | AnyColumn));
    return new GroupedData<R, K>({ input: this.plan, columns: this.columns, keys, kind: grouping, frame: (plan) => this.#then(plan) });
  }

  /** Aggregates all rows into one. */
  agg<A extends Columns>(make: (row: ColumnsOf<R>) => A): DataFrame<RowOfColumns<A>> {
    return this.groupBy().agg(make) as unknown as DataFrame<RowOfColumns<A>>;
  }

  /** The first row of each key; without names, of each whole row. */
  dropDuplicates(...names: readonly (keyof R & string)[]): DataFrame<R> {
    return this.#then({ op: "deduplicate", input: this.plan, columns: names, withinWatermark: false });
  }

  /** The same, where a key is remembered for the watermark's delay only. */
  dropDuplicatesWithinWatermark(...names: readonly (keyof R & string)[]): DataFrame<R> {
    return this.#then({ op: "deduplicate", input: this.plan, columns: names, withinWatermark: true });
  }

  distinct(): DataFrame<R> {
    return this.dropDuplicates();
  }

  /**
   * `on` is a condition, or the names of columns that both sides have and that must be equal (they come first in the result, and once). `type` is one of
   * Spark's: inner, left_outer, right_outer, full_outer, left_semi, left_anti, cross.
   */
  join<S>(right: DataFrame<S>, on: JoinCondition<R, S>, type?: string): DataFrame<R & S>;
  join<S>(right: DataFrame<S>, on: keyof R & keyof S & string, type?: string): DataFrame<R & S>;
  join<S>(right: DataFrame<S>, on: readonly (keyof R & keyof S & string)[], type?: string): DataFrame<R & S>;
  join<S>(right: DataFrame<S>, on: JoinCondition<R, S> | string | readonly string[], type: string = "inner"): DataFrame<R & S> {
    const kind: JoinType = joinTypeOf(type);
    const sides = [
      { plan: this.plan, columns: this.columns },
      { plan: right.plan, columns: right.columns },
    ] as const;
    if (typeof on === "string") return this.#then(usingPlan(...sides, kind, [on]));
    if (Array.isArray(on)) return this.#then(usingPlan(...sides, kind, on as readonly string[]));
    if (typeof on !== "function")
      return this.#then({ op: "join", left: this.plan, right: right.plan, type: kind, condition: (on as Column<boolean>).expression });
    const row = rowOf<R>(this.columns);
    return this.#then(joinPlan(...sides, kind, (names) => on(row, renamedRow<S>(right.columns, names)).expression));
  }

  crossJoin<S>(right: DataFrame<S>): DataFrame<R & S> {
    return this.#then({ op: "join", left: this.plan, right: right.plan, type: "cross" });
  }

  /** All rows of both, by position of the columns. */
  union(other: DataFrame<unknown>): DataFrame<R> {
    return this.#then({ op: "union", left: this.plan, right: other.plan });
  }

  unionAll(other: DataFrame<unknown>): DataFrame<R> {
    return this.union(other);
  }

  /** All rows of both, by name of the columns; with `allowMissingColumns` what one side does not have is null there. */
  unionByName(other: DataFrame<unknown>, options: { readonly allowMissingColumns?: boolean } = {}): DataFrame<R> {
    return this.#then(unionByNamePlan(this, other, options.allowMissingColumns === true));
  }

  intersect(other: DataFrame<unknown>): DataFrame<R> {
    return this.#then({ op: "intersect", left: this.plan, right: other.plan });
  }

  exceptAll(other: DataFrame<unknown>): DataFrame<R> {
    return this.#then({ op: "except", left: this.plan, right: other.plan });
  }

  /** Sorted by names (ascending, nulls first), columns, or what a callback makes of them. */
  orderBy(...by: readonly SortBy<R>[]): DataFrame<R> {
    const keys = by
      .flatMap((one): (string | SortColumn | AnyColumn)[] => (typeof one === "function" ? listOf(one(rowOf<R>(this.columns))) : [one]))
      .map(sortKey);
    return this.#then({ op: "sort", input: this.plan, by: keys });
  }

  sort(...by: readonly SortBy<R>[]): DataFrame<R> {
    return this.orderBy(...by);
  }

  limit(n: number): DataFrame<R> {
    checkCount("limit", n);
    return this.#then({ op: "limit", input: this.plan, n });
  }

  offset(n: number): DataFrame<R> {
    checkCount("offset", n);
    return this.#then({ op: "offset", input: this.plan, n });
  }

  sample(fraction: number): DataFrame<R> {
    return this.#then({ op: "sample", input: this.plan, fraction });
  }

  /**
   * Aggregates over the rows that come by here, told in every progress under `name` (`observedMetrics`); the rows go on as they are. In a query without
   * streams an Observation in place of the name keeps them.
   */
  observe<A extends Columns>(target: string | Observation, make: ((row: ColumnsOf<R>) => A) | A): DataFrame<R> {
    const name = typeof target === "string" ? target : target.name;
    if (typeof target !== "string") this.#session.observations.set(name, target);
    const aggregates = namedExpressions(typeof make === "function" ? make(rowOf<R>(this.columns)) : make);
    return this.#then({ op: "observe", input: this.plan, name, aggregates });
  }

  /** Missing values: `fill` puts a value in their place, `drop` leaves such rows out. NaN counts as missing. */
  get na(): {
    fill(values: FillValue | Readonly<Record<string, FillValue>>, columns?: readonly (keyof R & string)[]): DataFrame<R>;
    drop(options?: DropOptions): DataFrame<R>;
  } {
    return {
      fill: (values, columns) => this.#then(fillPlan(this.plan, this.schema, values, columns)),
      drop: (options = {}) => this.#then(dropPlan(this.plan, this.schema, options)),
    };
  }

  /** Hands the frame to a function, so that a step of one's own stands in a chain of calls. */
  transform<S>(step: (frame: this) => DataFrame<S>): DataFrame<S> {
    return step(this);
  }

  /** Gives the frame a name that `session.sql` knows; an older view of that name is forgotten. Names do not mind case. */
  createOrReplaceTempView(name: string): void {
    this.#session.views.set(name.toLowerCase(), this.plan);
  }

  /** Writes the rows of a query without streams. */
  get write(): DataFrameWriter {
    return new DataFrameWriter(this.#session, this as unknown as DataFrame);
  }

  get writeStream(): DataStreamWriter<R> {
    return new DataStreamWriter<R>(this.#session, this);
  }
}

const STRUCT = "__row";
const INPUT = "__input";

function listOf<T extends object>(one: T | readonly T[]): T[] {
  return Array.isArray(one) ? [...(one as readonly T[])] : [one as T];
}
