import path from "node:path";
import type { DurableFiles } from "../checkpoint/durable-files.ts";
import type { BatchConf } from "../checkpoint/entries.ts";
import { BatchRun } from "../operators/stage.ts";
import type { CompiledPlan, Leaf } from "../operators/compile.ts";
import { compile, hasWatermark } from "../operators/compile.ts";
import { analyze } from "../plan/analyze.ts";
import type { AnalysisContext } from "../plan/scope.ts";
import { checkOptimized, checkStreaming } from "../plan/check.ts";
import type { Node } from "../plan/node.ts";
import { optimize } from "../plan/optimize.ts";
import type { OutputMode, Plan } from "../plan/plan.ts";
import { StateFiles } from "../state/state-files.ts";

/** The settings that a query keeps with every batch. */
export interface QuerySettings {
  readonly ansi: boolean;
  readonly noDataBatches: boolean;
  readonly multipleWatermarkPolicy: "min" | "max";
}

const ANSI = "spark.sql.ansi.enabled";
const NO_DATA = "spark.sql.streaming.noDataMicroBatches.enabled";
const POLICY = "spark.sql.streaming.multipleWatermarkPolicy";

export const defaultSettings: QuerySettings = { ansi: true, noDataBatches: true, multipleWatermarkPolicy: "min" };

/** The settings by Spark's names, as the offset log keeps them. */
export function confOf(settings: QuerySettings): BatchConf {
  return { [ANSI]: String(settings.ansi), [NO_DATA]: String(settings.noDataBatches), [POLICY]: settings.multipleWatermarkPolicy };
}

/** Reads them back; what is missing comes from `otherwise`. */
export function settingsOf(conf: BatchConf, otherwise: QuerySettings): QuerySettings {
  const flag = (name: string, fallback: boolean): boolean => (conf[name] === undefined ? fallback : conf[name].toLowerCase() === "true");
  const policy = conf[POLICY]?.toLowerCase();
  return {
    ansi: flag(ANSI, otherwise.ansi),
    noDataBatches: flag(NO_DATA, otherwise.noDataBatches),
    multipleWatermarkPolicy: policy === "max" || policy === "min" ? policy : otherwise.multipleWatermarkPolicy,
  };
}

/** A plan that is ready to run batches. */
export interface QueryRuntime {
  readonly plan: Node;
  readonly compiled: CompiledPlan;
  readonly run: BatchRun;
  readonly hasWatermark: boolean;
}

/** What the runtime of a query is made of. */
export interface RuntimeOptions {
  readonly plan: Plan;
  readonly mode: OutputMode;
  readonly context: AnalysisContext;
  readonly stateFolder: string;
  /** Where the state's versions are written. */
  readonly files: DurableFiles;
  readonly keepDeadLetters: boolean;
  /** How far ahead of a batch's time event times may move the watermark; undefined for any. */
  readonly maxFutureMs: number | undefined;
}

/** Analyses, checks, optimises and compiles a streaming plan. */
export function openRuntime(options: RuntimeOptions): QueryRuntime {
  const analyzed = analyze(options.plan, options.context);
  checkStreaming(analyzed, options.mode);
  const plan = optimize(analyzed);
  checkOptimized(plan);
  const run = new BatchRun();
  if (options.maxFutureMs !== undefined) run.futureRows = 0;
  const compiled = compile(plan, {
    mode: options.mode,
    settings: { ...options.context.settings, keepDeadLetters: options.keepDeadLetters, drift: run.drift },
    ...(options.maxFutureMs !== undefined && { maxFutureUs: options.maxFutureMs * 1000 }),
    stateFiles: (operator) => new StateFiles(path.join(options.stateFolder, String(operator), "0"), undefined, options.files),
  });
  return { plan, compiled, run, hasWatermark: hasWatermark(plan) };
}

/**
 * What a checkpoint must have in common with a query to go on with it: the number of sources, and of every stateful operator its name and what its
 * state is made of. Two queries with one shape could read each other's state; everything else may change between two runs.
 */
export function shapeOf(runtime: QueryRuntime): { readonly sources: number; readonly state: readonly string[] } {
  return { sources: streamLeaves(runtime).length, state: runtime.compiled.stateLayouts };
}

/** The leaves that are streams, in the order of the query's sources. */
export function streamLeaves(runtime: QueryRuntime): readonly Leaf[] {
  return runtime.compiled.leaves.filter((leaf) => leaf.node.streaming);
}
