import { AnalysisError } from "../columns/analysis-error.ts";
import { analyze } from "../plan/analyze.ts";
import type { ExplainMode } from "../plan/explain.ts";
import { explainModeOf, explainPlan } from "../plan/explain.ts";
import type { Node } from "../plan/node.ts";
import { schemaOf } from "../plan/node.ts";
import type { OutputMode, Plan } from "../plan/plan.ts";
import type { AnalysisContext } from "../plan/scope.ts";
import { collectRows } from "../query/collect.ts";
import { tableText } from "../sinks/table-text.ts";
import type { Row, StructType } from "../types/data-type.ts";
import type { JsonValue } from "../types/json-value.ts";
import { toJsonValue } from "../types/json-value.ts";
import { simpleString, treeString } from "../types/type-text.ts";
import type { SessionInternals } from "./session.ts";

/** One row in JSON form, by column. */
export type JsonRow = Readonly<Record<string, JsonValue>>;

/** A plan and what can be asked of it: its columns, its text, and, without streams, its rows. What builds bigger plans of it is DataFrame's. */
export class PlannedQuery {
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

  /** The columns' names and the types' short names. */
  get dtypes(): [name: string, type: string][] {
    return this.schema.fields.map((one) => [one.name, simpleString(one.dataType)]);
  }

  /** The columns and their types, as Spark prints them; `level` leaves out what is nested deeper. */
  printSchema(level?: number): void {
    const depth = (line: string): number => (line.indexOf("|--") + 4) / 5;
    const lines = treeString(this.schema).split("\n");
    const shown = level === undefined || level <= 0 ? lines : lines.filter((line) => depth(line) <= level);
    process.stdout.write(`${shown.join("\n")}\n`);
  }

  /**
   * Prints the plan, as Spark's explain: as it will run ("simple", the default); with "extended" or true also as written, understood and simplified; with
   * "formatted" the steps one by one; with "codegen" the generated functions.
   */
  explain(mode: boolean | ExplainMode = "simple", outputMode: OutputMode = "append"): void {
    process.stdout.write(`${this.explainText(mode, outputMode)}\n`);
  }

  /** What `explain` prints. @throws StreamlabError INVALID_EXPLAIN_MODE */
  explainText(mode: boolean | ExplainMode = "simple", outputMode: OutputMode = "append"): string {
    const kind = typeof mode === "boolean" ? (mode ? "extended" : "simple") : explainModeOf(mode);
    return explainPlan(this.plan, this.analyzed(), { mode: kind, outputMode, settings: this.#session.context.settings });
  }

  /** The rows of a query without streams, in the engine's representation. */
  async collectRows(): Promise<Row[]> {
    return collectRows(this.analyzed(), this.#session, (name, metrics) => this.#session.observations.get(name)?.take(metrics));
  }

  /** The rows of a query without streams, in JSON form. */
  async collect(): Promise<JsonRow[]> {
    const { schema } = this;
    return (await this.collectRows()).map((row) => toJsonValue(row, schema) as JsonRow);
  }

  /** How many rows a query without streams has. */
  async count(): Promise<number> {
    return (await this.collectRows()).length;
  }

  async isEmpty(): Promise<boolean> {
    return (await this.#first(1).collectRows()).length === 0;
  }

  /** The first `n` rows, in JSON form. */
  take(n: number): Promise<JsonRow[]> {
    return this.#first(n).collect();
  }

  /** The first row, or null; with a number the first rows. */
  head(): Promise<JsonRow | null>;
  head(n: number): Promise<JsonRow[]>;
  async head(n?: number): Promise<JsonRow | JsonRow[] | null> {
    return n === undefined ? ((await this.take(1))[0] ?? null) : this.take(n);
  }

  /** The first row, or null. */
  first(): Promise<JsonRow | null> {
    return this.head();
  }

  /** The last `n` rows, in JSON form. */
  async tail(n: number): Promise<JsonRow[]> {
    checkCount("tail", n);
    return n === 0 ? [] : (await this.collect()).slice(-n);
  }

  /** Prints the first rows of a query without streams, as Spark does: cells cut to 20 characters or as `truncate` says, one line a cell if `vertical`. */
  async show(numRows: number = 20, truncate: boolean | number = true, vertical: boolean = false): Promise<void> {
    const width = typeof truncate === "number" ? truncate : truncate ? 20 : 0;
    const rows = await this.#first(Math.max(0, numRows) + 1).collectRows();
    process.stdout.write(`${tableText(this.schema, rows, { numRows, truncate: width, vertical })}\n`);
  }

  #first(n: number): PlannedQuery {
    return new PlannedQuery(this.#session, { op: "limit", input: this.plan, n });
  }
}

/** @throws AnalysisError INVALID_LIMIT_LIKE_EXPRESSION.IS_NEGATIVE */
export function checkCount(what: string, n: number): void {
  if (Number.isInteger(n) && n >= 0) return;
  throw new AnalysisError("INVALID_LIMIT_LIKE_EXPRESSION.IS_NEGATIVE", {
    failed: `The limit like expression "${n}" is invalid`,
    found: `${what}(${n})`,
    remedy: "The limit expression must be a whole number equal to or greater than 0.",
  });
}
