import { windowSpec } from "../functions/time-window.ts";
import type { ExpressionSettings, Resolved } from "../columns/resolved.ts";
import type { FunctionEntry, ResolvedCallNode } from "../functions/function-entry.ts";
import type { StructType } from "../types/data-type.ts";
import type { Column, Node } from "./node.ts";
import { schemaOf } from "./node.ts";

/** What names and operators mean in one session. */
export interface AnalysisContext {
  readonly settings: ExpressionSettings;
  /** Scalar functions by lower-case name; the built-in ones when absent. */
  readonly functions?: ReadonlyMap<string, FunctionEntry>;
  /** Numbers the random functions without a seed of one query; `analyze` begins it. */
  readonly seeds?: { next(): number };
}

/** The scope of a node's columns. */
export function scopeOf(
  node: Node,
  context: AnalysisContext,
): {
  input: StructType;
  settings: ExpressionSettings;
  streaming: boolean;
  functions?: ReadonlyMap<string, FunctionEntry>;
  seeds?: { next(): number };
} {
  return {
    input: schemaOf(node.columns),
    settings: context.settings,
    streaming: node.streaming,
    ...(context.functions && { functions: context.functions }),
    ...(context.seeds && { seeds: context.seeds }),
  };
}

/** The delay of the watermark that an expression's value carries: of a column itself, or of the window behind a window_time. */
export function eventTimeOf(expression: Resolved, columns: readonly Column[]): number | undefined {
  if (expression.kind === "field") return columns[expression.ordinal]?.eventTimeDelayMs;
  const end = expression.kind === "call" && expression.entry.name === "window_time" ? expression.args[0] : undefined;
  return end?.kind === "getField" ? eventTimeOf(end.input, columns) : undefined;
}

/** The column that an expression makes under a name. */
export function columnOf(name: string, expression: Resolved, input: readonly Column[]): Column {
  const eventTimeDelayMs = eventTimeOf(expression, input);
  const window = expression.kind === "field" ? input[expression.ordinal]?.window : undefined;
  return {
    name,
    dataType: expression.dataType,
    nullable: expression.nullable,
    ...(eventTimeDelayMs !== undefined && { eventTimeDelayMs }),
    ...(window && { window }),
  };
}

/** Adds a window column at the end; the answer's last column is it. */
export function addWindow(input: Node, call: ResolvedCallNode, name: string): Node {
  const { time, ...window } = windowSpec(call);
  const eventTimeDelayMs = eventTimeOf(time, input.columns);
  const column: Column = {
    name,
    dataType: call.dataType,
    nullable: false,
    window: "window",
    ...(eventTimeDelayMs !== undefined && { eventTimeDelayMs }),
  };
  return { op: "window", input, time, window, columns: [...input.columns, column], streaming: input.streaming };
}
