import type { AnyColumn, ColumnsOf, RowOfColumns, SortColumn, Untyped } from "../columns/column.ts";
import { Column, columnsOf, namedExpression, namedExpressions, parsePath, toExpression, col } from "../columns/column.ts";
import type { Expression, NamedExpression } from "../columns/expression.ts";
import { analyze } from "../plan/analyze.ts";
import { explainPlan } from "../plan/explain.ts";
import type { ExplainMode } from "../plan/explain.ts";
import { schemaOf } from "../plan/node.ts";
import type { AnalysisContext } from "../plan/scope.ts";
import type { Node } from "../plan/node.ts";
import { collectRows } from "../query/collect.ts";
import type { JoinType, OutputMode, Plan } from "../plan/plan.ts";
import type { Row, StructType } from "../types/data-type.ts";
import type { JsonValue } from "../types/json-value.ts";
import { toJsonValue } from "../types/json-value.ts";
import { tableText } from "../sinks/table-text.ts";
import type { Long } from "../types/schema-builder.ts";
import { treeString } from "../types/type-text.ts";
import { AnalysisError } from "../columns/analysis-error.ts";
import type { SessionInternals } from "./session.ts";
import { DataFrameWriter } from "./batch-writer.ts";
import { DataStreamWriter } from "./writer.ts";

/** Columns by name, as a callback makes them from the columns of a row. */
type Columns = Readonly<Record<string, AnyColumn>>;
/** A condition, or a callback that makes it. */
export type Condition<R> = ((row: ColumnsOf<R>) => Column<boolean> | Column<Untyped>) | Column<boolean> | Column<Untyped>;
/** A row type with a column added or replaced. */
export type WithColumn<R, Name extends string, T> = {
  readonly [K in keyof R | Name]: K extends Name ? T : K extends keyof R ? R[K] : never;
};
/** What rows are sorted by: a name, a column, or a callback that makes one or several. */
export type SortBy<R> =
  string | SortColumn | AnyColumn | ((row: ColumnsOf<R>) => SortColumn | AnyColumn | readonly (SortColumn | AnyColumn)[]);
/** One row in JSON form, by column. */
export type JsonRow = Readonly<Record<string, JsonValue>>;

const JOIN_TYPES: Readonly<Record<string, JoinType>> = {
  inner: "inner",
  cross: "cross",
  left: "left",
  leftouter: "left",
  right: "right",
  rightouter: "right",
  full: "full",
  outer: "full",
  fullouter: "full",
  semi: "semi",
  leftsemi: "semi",
  anti: "anti",
  leftanti: "anti",
};

/**
 * A query that is being written: every call gives a bigger plan, nothing is computed before `start` or `collect`. R is the type of a row, so that a
 * misspelt column does not compile; names are checked again when the plan is (AnalysisError with Spark's error class).
 */
export class DataFrame<R = Record<string, Untyped>> {
  readonly plan: Plan;
  /** The settings under which its expressions were written: they stay as they were when the session changes (as in Spark). */
  readonly context: AnalysisContext;
  readonly #session: SessionInternals;
  #node: Node | undefined;

  constructor(session: SessionInternals, plan: Plan) {
    this.#session = session;
    this.context = session.context;
    this.plan = plan;
  }

  #then<S>(plan: Plan): DataFrame<S> {
    const frame = new DataFrame<S>(this.#session, plan);
    frame.analyzed();
    return frame;
  }

  /** The analysed plan. */
  analyzed(): Node {
    this.#node ??= analyze(this.plan, this.context);
    return this.#node;
  }

  get schema(): StructType {
    return schemaOf(this.analyzed().columns);
  }

  get columns(): string[] {
    return this.analyzed().columns.map((column) => column.name);
  }

  /** Whether a source below is a stream. */
  get isStreaming(): boolean {
    return this.analyzed().streaming;
  }

  #row(): ColumnsOf<R> {
    return columnsOf<R>(this.columns);
  }

  /** Columns by a callback: a record of them, or one struct, whose fields become the columns; or by name. */
  select<C extends Columns>(make: (row: ColumnsOf<R>) => C & { readonly expression?: never }): DataFrame<RowOfColumns<C>>;
  select<S>(make: (row: ColumnsOf<R>) => Column<S>): DataFrame<S>;
  select(...columns: readonly (string | AnyColumn)[]): DataFrame;
  select(...args: readonly unknown[]): unknown {
    const [first] = args;
    if (typeof first !== "function")
      return this.#then({ op: "project", input: this.plan, columns: args.map((one) => namedColumn(one as string | AnyColumn)) });
    const made = (first as (row: ColumnsOf<R>) => unknown)(this.#row());
    if (!(made instanceof Column)) return this.#then({ op: "project", input: this.plan, columns: namedExpressions(made as Columns) });
    const held: Plan = { op: "project", input: this.plan, columns: [{ name: STRUCT, expr: made.expression }] };
    return this.#then({ op: "project", input: held, columns: [{ name: STRUCT, expr: { kind: "column", path: [STRUCT, "*"] } }] });
  }

  /** The rows for which the condition is true. */
  filter(condition: Condition<R>): DataFrame<R> {
    const column = typeof condition === "function" ? condition(this.#row()) : condition;
    return this.#then({ op: "filter", input: this.plan, condition: column.expression });
  }

  where(condition: Condition<R>): DataFrame<R> {
    return this.filter(condition);
  }

  /** Adds a column, or replaces the one of that name. */
  withColumn<Name extends string, T>(name: Name, make: ((row: ColumnsOf<R>) => Column<T>) | Column<T>): DataFrame<WithColumn<R, Name, T>> {
    const { expression } = typeof make === "function" ? make(this.#row()) : make;
    const added: NamedExpression = { name, expr: expression };
    const replaced = this.columns.map((one): NamedExpression => (one.toLowerCase() === name.toLowerCase() ? added : named(one)));
    const known = this.columns.some((one) => one.toLowerCase() === name.toLowerCase());
    return this.#then({ op: "project", input: this.plan, columns: known ? replaced : [...replaced, added] });
  }

  withColumnRenamed<From extends keyof R & string, To extends string>(
    from: From,
    to: To,
  ): DataFrame<{ readonly [K in Exclude<keyof R, From> | To]: K extends To ? R[From] : K extends keyof R ? R[K] : never }> {
    return this.#then({
      op: "project",
      input: this.plan,
      columns: this.columns.map((one) => ({ ...named(one), name: one === from ? to : one })),
    });
  }

  drop<K extends keyof R & string>(...names: readonly K[]): DataFrame<Omit<R, K>> {
    const dropped = new Set<string>(names);
    return this.#then({ op: "project", input: this.plan, columns: this.columns.filter((one) => !dropped.has(one)).map(named) });
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
  groupBy(...columns: readonly (string | AnyColumn)[]): GroupedData<R, Record<string, Untyped>>;
  groupBy(...args: readonly unknown[]): unknown {
    return this.#grouped(args, "plain");
  }

  rollup(...columns: readonly (string | AnyColumn)[]): GroupedData<R, Record<string, Untyped>> {
    return this.#grouped(columns, "rollup");
  }

  cube(...columns: readonly (string | AnyColumn)[]): GroupedData<R, Record<string, Untyped>> {
    return this.#grouped(columns, "cube");
  }

  #grouped<K>(args: readonly unknown[], grouping: "plain" | "rollup" | "cube"): GroupedData<R, K> {
    const [first] = args;
    const keys =
      typeof first === "function"
        ? namedExpressions((first as (row: ColumnsOf<R>) => Columns)(this.#row()))
        : args.map((one) => namedColumn(one as string | AnyColumn));
    return new GroupedData<R, K>(this, this.#session, keys, grouping);
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

  /** `type` is one of Spark's: inner, left_outer, right_outer, full_outer, left_semi, left_anti, cross. */
  join<S>(
    right: DataFrame<S>,
    on: ((left: ColumnsOf<R>, right: ColumnsOf<S>) => Column<boolean> | Column<Untyped>) | Column<boolean> | Column<Untyped>,
    type: string = "inner",
  ): DataFrame<R & S> {
    const condition = typeof on === "function" ? on(this.#row(), columnsOf<S>(right.columns)) : on;
    const kind = JOIN_TYPES[type.toLowerCase().replaceAll("_", "")];
    if (!kind) {
      throw new AnalysisError("UNSUPPORTED_JOIN_TYPE", {
        failed: `Unsupported join type '${type}'`,
        found: type,
        remedy: `Supported join types include: ${Object.keys(JOIN_TYPES).join(", ")}.`,
      });
    }
    return this.#then({ op: "join", left: this.plan, right: right.plan, type: kind, condition: condition.expression });
  }

  crossJoin<S>(right: DataFrame<S>): DataFrame<R & S> {
    return this.#then({ op: "join", left: this.plan, right: right.plan, type: "cross" });
  }

  /** All rows of both, by position of the columns. */
  union(other: DataFrame<unknown>): DataFrame<R> {
    return this.#then({ op: "union", left: this.plan, right: other.plan });
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
      .flatMap((one): (string | SortColumn | AnyColumn)[] => (typeof one === "function" ? listOf(one(this.#row())) : [one]))
      .map(sortKey);
    return this.#then({ op: "sort", input: this.plan, by: keys });
  }

  sort(...by: readonly SortBy<R>[]): DataFrame<R> {
    return this.orderBy(...by);
  }

  limit(n: number): DataFrame<R> {
    return this.#then({ op: "limit", input: this.plan, n });
  }

  offset(n: number): DataFrame<R> {
    return this.#then({ op: "offset", input: this.plan, n });
  }

  sample(fraction: number): DataFrame<R> {
    return this.#then({ op: "sample", input: this.plan, fraction });
  }

  /** The columns and their types, as Spark prints them. */
  printSchema(): void {
    process.stdout.write(`${treeString(this.schema)}\n`);
  }

  /** Prints the plan: as it will run; with "extended" also as written, understood and simplified; with "codegen" the generated functions too. */
  explain(mode: ExplainMode = "extended", outputMode: OutputMode = "append"): void {
    process.stdout.write(`${this.explainText(mode, outputMode)}\n`);
  }

  /** What `explain` prints. */
  explainText(mode: ExplainMode = "extended", outputMode: OutputMode = "append"): string {
    return explainPlan(this.plan, this.analyzed(), { mode, outputMode, settings: this.#session.context.settings });
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

  /** The rows of a query without streams, in the engine's representation. */
  async collectRows(): Promise<Row[]> {
    return collectRows(this.analyzed(), this.#session);
  }

  /** The rows of a query without streams, in JSON form. */
  async collect(): Promise<JsonRow[]> {
    const { schema } = this;
    return (await this.collectRows()).map((row) => toJsonValue(row, schema) as JsonRow);
  }

  /** Prints the first rows of a query without streams. */
  async show(numRows: number = 20, truncate: boolean | number = true): Promise<void> {
    const width = typeof truncate === "number" ? truncate : truncate ? 20 : 0;
    process.stdout.write(`${tableText(this.schema, await this.collectRows(), numRows, width)}\n`);
  }
}

/** What `groupBy` gives: waits for the aggregates. */
export class GroupedData<R, K> {
  readonly #frame: DataFrame<R>;
  readonly #session: SessionInternals;
  readonly #keys: readonly NamedExpression[];
  readonly #grouping: "plain" | "rollup" | "cube";

  constructor(frame: DataFrame<R>, session: SessionInternals, keys: readonly NamedExpression[], grouping: "plain" | "rollup" | "cube") {
    this.#frame = frame;
    this.#session = session;
    this.#keys = keys;
    this.#grouping = grouping;
  }

  /** One row per group: the keys, then the aggregates. */
  agg<A extends Columns>(make: (row: ColumnsOf<R>) => A): DataFrame<K & RowOfColumns<A>>;
  agg(...columns: readonly AnyColumn[]): DataFrame;
  agg(...args: readonly unknown[]): unknown {
    const [first] = args;
    const aggregates =
      typeof first === "function"
        ? namedExpressions((first as (row: ColumnsOf<R>) => Columns)(columnsOf<R>(this.#frame.columns)))
        : args.map((one) => namedColumn(one as AnyColumn));
    const frame = new DataFrame<never>(this.#session, {
      op: "aggregate",
      input: this.#frame.plan,
      groupBy: this.#keys,
      aggregates,
      grouping: this.#grouping,
    });
    frame.analyzed();
    return frame;
  }

  /** How many rows, as column `count`. */
  count(): DataFrame<K & { readonly count: Long }> {
    const count: Expression = { kind: "call", fn: "count", args: [] };
    const frame = new DataFrame<K & { readonly count: Long }>(this.#session, {
      op: "aggregate",
      input: this.#frame.plan,
      groupBy: this.#keys,
      aggregates: [{ name: "count", expr: count }],
      grouping: this.#grouping,
    });
    frame.analyzed();
    return frame;
  }
}

const STRUCT = "__row";

function listOf<T extends object>(one: T | readonly T[]): T[] {
  return Array.isArray(one) ? [...(one as readonly T[])] : [one as T];
}

function named(name: string): NamedExpression {
  return { name, expr: { kind: "column", path: [name] } };
}

function namedColumn(one: string | AnyColumn): NamedExpression {
  if (typeof one !== "string") return namedExpression(one);
  const path = one === "*" ? ["*"] : parsePath(one);
  return { name: path.at(-1) ?? one, expr: { kind: "column", path } };
}

function sortKey(one: string | SortColumn | AnyColumn): {
  readonly expr: Expression;
  readonly descending: boolean;
  readonly nullsFirst: boolean;
} {
  if (typeof one === "string") return { expr: toExpression(col(one)), descending: false, nullsFirst: true };
  if ("descending" in one && typeof one.descending === "boolean")
    return { expr: one.expression, descending: one.descending, nullsFirst: (one as SortColumn).nullsFirst };
  return { expr: one.expression, descending: false, nullsFirst: true };
}
