import { windowSpec } from "../functions/time-window.ts";
import type { ExpressionSettings, Resolved } from "../columns/resolved.ts";
import type { FunctionEntry, ResolvedCallNode } from "../functions/function-entry.ts";
import type { StructType } from "../types/data-type.ts";
import type { Column, EventTime, Node } from "./node.ts";
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

/** The delay of the watermark that an expression's value carries: of a column itself, of a field of a struct made of it, or of the window behind a window_time. */
export function eventTimeOf(expression: Resolved, columns: readonly Column[]): number | undefined {
  return timesOf(expression, columns).eventTimeDelayMs;
}

/** The same for what windows and keys of aggregations are made of: only a whole column has an event time there, a field of a struct has none. */
export function columnTimeOf(expression: Resolved, columns: readonly Column[]): number | undefined {
  return expression.kind === "getField" ? undefined : eventTimeOf(expression, columns);
}

const NO_TIMES: EventTime = {};

function timesOf(expression: Resolved, columns: readonly Column[]): EventTime {
  switch (expression.kind) {
    case "field":
      return columns[expression.ordinal] ?? NO_TIMES;
    case "getField":
      return timesOf(expression.input, columns).fieldTimes?.[expression.ordinal] ?? NO_TIMES;
    case "call":
      return timesOfCall(expression, columns);
    default:
      return NO_TIMES;
  }
}

function timesOfCall(call: ResolvedCallNode, columns: readonly Column[]): EventTime {
  if (call.entry.name === "window_time") {
    const [end] = call.args;
    return end?.kind === "getField" ? timesOf(end.input, columns) : NO_TIMES;
  }
  if (call.entry.name !== "struct" && call.entry.name !== "named_struct") return NO_TIMES;
  const fieldTimes = call.args.map((arg): EventTime | undefined => {
    const { eventTimeDelayMs, fieldTimes: inner } = timesOf(arg, columns);
    return eventTimeDelayMs === undefined && !inner ? undefined : eventTimesOnly(eventTimeDelayMs, inner);
  });
  return fieldTimes.some((one) => one !== undefined) ? { fieldTimes } : NO_TIMES;
}

function eventTimesOnly(eventTimeDelayMs: number | undefined, fieldTimes: Column["fieldTimes"]): EventTime {
  return { ...(eventTimeDelayMs !== undefined && { eventTimeDelayMs }), ...(fieldTimes && { fieldTimes }) };
}

/** The column that an expression makes under a name. */
export function columnOf(name: string, expression: Resolved, input: readonly Column[]): Column {
  const { eventTimeDelayMs, fieldTimes } = timesOf(expression, input);
  const window = expression.kind === "field" ? input[expression.ordinal]?.window : undefined;
  return {
    name,
    dataType: expression.dataType,
    nullable: expression.nullable,
    ...eventTimesOnly(eventTimeDelayMs, fieldTimes),
    ...(window && { window }),
  };
}

/** Adds a window column at the end; the answer's last column is it. */
export function addWindow(input: Node, call: ResolvedCallNode, name: string): Node {
  const { time, ...window } = windowSpec(call);
  const eventTimeDelayMs = columnTimeOf(time, input.columns);
  const column: Column = {
    name,
    dataType: call.dataType,
    nullable: false,
    window: "window",
    ...(eventTimeDelayMs !== undefined && { eventTimeDelayMs }),
  };
  return { op: "window", input, time, window, columns: [...input.columns, column], streaming: input.streaming };
}
