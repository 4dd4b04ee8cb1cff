import { AnalysisError } from "../columns/analysis-error.ts";
import type { LimitNode, Node } from "../plan/node.ts";
import { allNodes, inputsOf } from "../plan/node.ts";
import type { OutputMode } from "../plan/plan.ts";
import { StateFiles } from "../state/state-files.ts";
import type { Block } from "../sources/source.ts";
import type { Row } from "../types/data-type.ts";
import { AggregateOperator } from "./aggregate.ts";
import { DeduplicateOperator } from "./deduplicate.ts";
import { LimitOperator } from "./limit.ts";
import { Observer } from "./observe.ts";
import { SessionOperator } from "./session.ts";
import { exceptAll, intersect } from "./set-operations.ts";
import { sortRows } from "./sort.ts";
import { StaticJoin } from "./static-join.ts";
import { StreamJoin } from "./stream-join.ts";
import type { BatchRun, StageSettings, StepFactory } from "./stage.ts";
import { rowsTerminal, Stage } from "./stage.ts";
import { stateLayout } from "./state-layout.ts";
import type { StatefulOperator } from "./stateful.ts";
import { EventTimeStats, filterStep, generateStep, projectStep, watermarkStep, windowStep } from "./stateless.ts";
import { inputName, propagate } from "./watermark-propagation.ts";

/** A place where rows come in: a source of the query. */
export interface Leaf {
  readonly node: Extract<Node, { op: "source" }>;
  readonly stages: Stage[];
}

/** What a plan needs from its query. */
export interface CompileOptions {
  readonly mode: OutputMode;
  readonly settings: StageSettings;
  /** Event times further ahead of a batch's time do not move the watermark; without it all do. */
  readonly maxFutureUs?: number;
  /** The files of the n-th stateful operator. */
  stateFiles(operator: number): StateFiles;
}

/** One batch of a compiled plan: blocks in, then the result. */
export interface CompiledPlan {
  readonly leaves: readonly Leaf[];
  /** The operator nearest to the sink first, as in Spark's progress. */
  readonly operators: readonly StatefulOperator[];
  /** The nodes of the plan that they run, in the same order. */
  readonly operatorNodes: readonly Node[];
  /** What the state of each operator is made of, in the order of their files (`CompileOptions.stateFiles`). */
  readonly stateLayouts: readonly string[];
  readonly watermarks: readonly EventTimeStats[];
  readonly stages: readonly Stage[];
  /** What `observe` collects, by name. */
  readonly observers: readonly Observer[];
  /** The input watermark of every operator (in the order of `operators`) under a global watermark, microseconds. */
  propagate(watermarkUs: number): readonly number[];
  begin(run: BatchRun, lateUs: readonly number[], evictUs: readonly number[]): void;
  process(leaf: Leaf, block: Block): void;
  finish(): Row[];
}

/** An open end of the plan: rows that still have to go through `steps`; `close` makes the stage and says how it is fed. */
interface Flow {
  readonly title: string;
  readonly steps: readonly StepFactory[];
  close(stage: Stage): void;
}

/**
 * Turns an analysed plan into stages: all steps from a source, or from the results of a stateful operator, to the next place where rows are kept
 * become one generated function.
 */
export function compile(plan: Node, options: CompileOptions): CompiledPlan {
  return new Compiler(options).compile(plan);
}

class Compiler {
  readonly #options: CompileOptions;
  readonly #leaves: Leaf[] = [];
  readonly #operators: { readonly operator: StatefulOperator; readonly node: Node }[] = [];
  /** Operators below the table side of a join: they begin anew with every batch, and their state is no state of the query. */
  readonly #tables: StatefulOperator[] = [];
  readonly #watermarks: EventTimeStats[] = [];
  readonly #stages: Stage[] = [];
  readonly #observers: Observer[] = [];
  readonly #finishers: ((run: BatchRun, out: Row[]) => void)[] = [];
  #run: BatchRun | undefined;
  #out: Row[] = [];
  #streaming = false;
  /** What gives the query's rows with nothing above it that keeps, counts or sorts them. */
  #last: readonly Node[] = [];

  constructor(options: CompileOptions) {
    this.#options = options;
  }

  compile(plan: Node): CompiledPlan {
    this.#streaming = plan.streaming;
    this.#last = lastKeepers(plan);
    this.#close(this.#flows(plan), rowsTerminal(plan.columns), () => this.#out);
    const order = new Map(allNodes(plan).map((node, i) => [node, i]));
    const operators = [...this.#operators].sort((a, b) => (order.get(a.node) ?? 0) - (order.get(b.node) ?? 0));
    return {
      leaves: this.#leaves,
      operators: operators.map((one) => one.operator),
      operatorNodes: operators.map((one) => one.node),
      stateLayouts: this.#operators.map(({ operator, node }) => stateLayout(operator.name, node)),
      watermarks: this.#watermarks,
      stages: this.#stages,
      observers: this.#observers,
      propagate: (watermarkUs) => propagate(plan, operators, watermarkUs),
      begin: (run, lateUs, evictUs) => {
        this.#run = run;
        this.#out = [];
        for (const stats of this.#watermarks) stats.begin();
        for (const observer of this.#observers) observer.begin();
        operators.forEach(({ operator }, i) => operator.begin(lateUs[i] ?? -Infinity, evictUs[i] ?? -Infinity));
        for (const operator of this.#tables) operator.begin(-Infinity, -Infinity);
      },
      process: (leaf, block) => this.#process(leaf, block),
      finish: () => {
        for (const finish of this.#finishers) finish(this.#running(), this.#out);
        for (const { operator } of operators)
          if (operator instanceof DeduplicateOperator || operator instanceof LimitOperator) operator.finish();
        for (const { store } of this.#tables) void store.load(0);
        return this.#out;
      },
    };
  }

  #running(): BatchRun {
    if (!this.#run) throw new Error("no batch has begun");
    return this.#run;
  }

  #process(leaf: Leaf, block: Block): void {
    const run = this.#running();
    const { streaming } = leaf.node;
    const count = block.kind === "rows" ? block.rows.length : block.count;
    if (streaming) run.readRows += count * leaf.stages.length;
    for (const stage of leaf.stages) {
      const out = this.#outOf.get(stage)?.() ?? this.#out;
      if (block.kind === "rows") stage.overRows(leaf.node.columns, streaming)(block.rows, run, out);
      else if (block.kind === "raw") stage.overRaw(leaf.node.columns, block.columns, streaming)(block, run, out);
      else stage.overRecords(leaf.node.schema)(block, run, out);
    }
  }

  readonly #outOf = new Map<Stage, () => Row[]>();

  /** Ends flows with a last step; `out` is where that step pushes rows, if it does. */
  #close(flows: readonly Flow[], terminal: StepFactory, out: () => Row[]): void {
    for (const flow of flows) {
      const stage = new Stage(flow.title, [...flow.steps, terminal], this.#options.settings);
      this.#stages.push(stage);
      this.#outOf.set(stage, out);
      flow.close(stage);
    }
  }

  #then(flows: readonly Flow[], make: () => StepFactory): Flow[] {
    return flows.map((flow) => ({ ...flow, steps: [...flow.steps, make()] }));
  }

  /** A flow that begins with rows which an operator hands over once per batch. */
  #rowsFlow(title: string, node: Node, take: (run: BatchRun) => readonly Row[]): Flow {
    return {
      title,
      steps: [],
      close: (stage) => {
        this.#finishers.push((run) => stage.overRows(node.columns, false)(take(run), run, this.#outOf.get(stage)?.() ?? this.#out));
      },
    };
  }

  #flows(node: Node): Flow[] {
    switch (node.op) {
      case "source":
        return [this.#leaf(node)];
      case "local":
        return [this.#rowsFlow("local rows", node, () => node.rows)];
      case "filter":
        return this.#then(this.#flows(node.input), () => filterStep(node));
      case "project":
        return this.#then(this.#flows(node.input), () => projectStep(node));
      case "generate":
        return this.#then(this.#flows(node.input), () => generateStep(node));
      case "window":
        return this.#then(this.#flows(node.input), () => windowStep(node));
      case "watermark": {
        const flows = this.#flows(node.input);
        if (!node.streaming) return flows;
        const stats = new EventTimeStats(node.delayMs, inputName(node));
        this.#watermarks.push(stats);
        return this.#then(flows, () => watermarkStep(node, stats, this.#options.maxFutureUs));
      }
      case "union":
        return [...this.#flows(node.left), ...this.#flows(node.right)];
      case "aggregate":
        return this.#aggregate(node);
      case "session":
        return this.#session(node);
      case "deduplicate": {
        const flows = this.#flows(node.input);
        const operator = new DeduplicateOperator(node, this.#files(node));
        this.#add(operator, node);
        return this.#then(flows, () => operator.step());
      }
      case "join":
        return this.#join(node);
      case "observe": {
        const flows = this.#flows(node.input);
        const observer = new Observer(node, this.#options.settings);
        if (this.#observers.some((one) => one.name === node.name)) throw duplicatedMetrics(node.name);
        this.#observers.push(observer);
        return this.#then(flows, () => observer.step());
      }
      case "sort":
        return this.#collected(node, (rows) => sortRows(node, rows));
      case "limit":
        return this.#limit(node);
      case "offset":
        return this.#collected(node, (rows) => rows.slice(node.n));
      case "intersect":
      case "except":
        return this.#setOperation(node);
      case "sample":
        return this.#collected(node, (rows) => rows.filter((_, i) => ((i * 0x9e3779b1) >>> 0) / 2 ** 32 < node.fraction));
    }
  }

  #files(node: Node): StateFiles {
    return this.#isTable(node) ? new StateFiles("") : this.#options.stateFiles(this.#operators.length);
  }

  /** Whether the order of a stream's groups decides which rows come out. */
  #needsOrder(node: Node): boolean {
    return node.streaming && !this.#last.includes(node);
  }

  #isTable(node: Node): boolean {
    return this.#streaming && !node.streaming;
  }

  #add(operator: StatefulOperator, node: Node): void {
    if (this.#isTable(node)) this.#tables.push(operator);
    else this.#operators.push({ operator, node });
  }

  #leaf(node: Extract<Node, { op: "source" }>): Flow {
    const known = this.#leaves.find(
      (leaf) => leaf.node.format === node.format && JSON.stringify(leaf.node.options) === JSON.stringify(node.options),
    );
    const leaf = known ?? { node, stages: [] };
    if (!known) this.#leaves.push(leaf);
    return { title: `${node.format} source`, steps: [], close: (stage) => void leaf.stages.push(stage) };
  }

  /** All rows of the input at once, changed as a whole. */
  #collected(
    node: Extract<Node, { op: "sort" }> | LimitNode | Extract<Node, { op: "sample" }>,
    change: (rows: Row[]) => readonly Row[],
  ): Flow[] {
    let rows: Row[] = [];
    this.#close(this.#flows(node.input), rowsTerminal(node.input.columns), () => rows);
    return [
      this.#rowsFlow(`${node.op} results`, node.input, () => {
        const all = rows;
        rows = [];
        return change(all);
      }),
    ];
  }

  #aggregate(node: Extract<Node, { op: "aggregate" }>): Flow[] {
    const flows = this.#flows(node.input);
    const mode = node.streaming ? this.#options.mode : "complete";
    const operator = new AggregateOperator(node, mode, this.#files(node), this.#needsOrder(node));
    this.#add(operator, node);
    this.#close(flows, operator.fold(), () => this.#out);
    const row: Node = { op: "local", rows: [], columns: operator.rowColumns, streaming: node.streaming };
    return [
      {
        title: "aggregation results",
        steps: [projectStep({ op: "project", input: row, expressions: node.results, columns: node.columns, streaming: node.streaming })],
        close: (stage) => {
          const emit = operator.emission(stage);
          this.#finishers.push((run) => operator.finish((groups) => emit(groups, run, this.#outOf.get(stage)?.() ?? this.#out)));
        },
      },
    ];
  }

  #session(node: Extract<Node, { op: "session" }>): Flow[] {
    const flows = this.#flows(node.input);
    const operator = new SessionOperator(node, node.streaming ? this.#options.mode : "complete", this.#files(node), this.#needsOrder(node));
    this.#add(operator, node);
    this.#close(flows, operator.fold(), () => this.#out);
    const row: Node = { op: "local", rows: [], columns: operator.rowColumns, streaming: node.streaming };
    const flow = this.#rowsFlow("session results", row, () => operator.finish(this.#options.settings));
    return [
      {
        ...flow,
        steps: [projectStep({ op: "project", input: row, expressions: node.results, columns: node.columns, streaming: node.streaming })],
      },
    ];
  }

  /** The sources go on, but nothing of them is read, and nothing between them and here runs (Spark makes an empty relation of it). */
  #nothing(node: Node): Flow[] {
    for (const one of allNodes(node)) if (one.op === "source" && one.streaming) this.#leaf(one);
    return [];
  }

  #limit(node: LimitNode): Flow[] {
    if (node.n === 0 && node.streaming) return this.#nothing(node);
    if (!node.streaming || (this.#options.mode !== "append" && aggregates(node)))
      return this.#collected(node, (rows) => rows.slice(0, node.n));
    const flows = this.#flows(node.input);
    const operator = new LimitOperator(node.n, allNodes(node.input).every(isPipelined), this.#files(node));
    this.#add(operator, node);
    return this.#then(flows, () => operator.step());
  }

  #join(node: Extract<Node, { op: "join" }>): Flow[] {
    if (node.left.streaming && node.right.streaming) {
      const left = this.#flows(node.left);
      const right = this.#flows(node.right);
      const operator = new StreamJoin(node, this.#options.settings, this.#files(node));
      this.#add(operator, node);
      this.#close(left, rowsTerminal(node.left.columns), () => operator.input("left"));
      this.#close(right, rowsTerminal(node.right.columns), () => operator.input("right"));
      return [this.#rowsFlow("join results", node, () => operator.finish())];
    }
    const stream = node.right.streaming ? "right" : "left";
    const join = new StaticJoin(node, stream, this.#options.settings);
    const table = stream === "left" ? node.right : node.left;
    this.#close(this.#flows(table), rowsTerminal(table.columns), () => join.tableRows());
    const input = stream === "left" ? node.left : node.right;
    const inputFlows = this.#flows(input);
    let rows: Row[] = [];
    this.#close(inputFlows, rowsTerminal(input.columns), () => rows);
    return [
      this.#rowsFlow("join results", node, () => {
        const all = rows;
        rows = [];
        return join.rows(all);
      }),
    ];
  }

  #setOperation(node: Extract<Node, { op: "union" | "intersect" | "except" }>): Flow[] {
    const sides: { rows: Row[] }[] = [{ rows: [] }, { rows: [] }];
    [node.left, node.right].forEach((input, i) => this.#close(this.#flows(input), rowsTerminal(input.columns), () => sides[i]?.rows ?? []));
    return [
      this.#rowsFlow(`${node.op} results`, node, () => {
        const [left, right] = sides.map((side) => side.rows.splice(0));
        return node.op === "except" ? exceptAll(left ?? [], right ?? []) : intersect(left ?? [], right ?? []);
      }),
    ];
  }
}

/** The first nodes below the sink that are no mere steps. */
function lastKeepers(node: Node): Node[] {
  return isPipelined(node) || node.op === "observe" ? inputsOf(node).flatMap(lastKeepers) : [node];
}

/** Whether rows go through one by one: whoever needs no more of them can stop reading. */
function isPipelined(node: Node): boolean {
  return ["source", "filter", "project", "generate", "window", "watermark", "union"].includes(node.op);
}

/** Whether a stream is aggregated at or below the node: in complete mode its rows are a whole result, not an addition to one. */
function aggregates(node: Node): boolean {
  return allNodes(node).some((one) => one.streaming && (one.op === "aggregate" || one.op === "session"));
}

function duplicatedMetrics(name: string): AnalysisError {
  return new AnalysisError("DUPLICATED_METRICS_NAME", {
    failed: `The metric name is not unique: ${name}`,
    found: "observe is there twice under this name",
    remedy: "The same name cannot be used for metrics with different results: choose another one.",
  });
}

/** Whether any node defines a watermark. */
export function hasWatermark(plan: Node): boolean {
  return allNodes(plan).some((node) => node.op === "watermark" && node.streaming);
}
