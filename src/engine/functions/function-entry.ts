import type { CodeWriter, Emitted } from "../codegen/code.ts";
import type { CallOptions } from "../columns/expression.ts";
import type { ExpressionSettings, Resolved } from "../columns/resolved.ts";
import type { DataType } from "../types/data-type.ts";

/** One scalar function or operator of Spark SQL: its type rule, its emitter, its line of documentation. */
export interface FunctionEntry {
  /** Spark SQL's name, lower case: "upper", "+", "and". */
  readonly name: string;
  readonly doc: string;
  /** Checks and converts the arguments (implicit casts become explicit nodes) and tells the result's type. Throws AnalysisError. */
  resolve(args: readonly Resolved[], options: CallOptions, settings: ExpressionSettings): ResolvedCall;
  /** Writes what is needed before the result can be named. Arguments are emitted by `context.emit`, when and if the function needs them. */
  emit(call: Extract<Resolved, { kind: "call" }>, context: EmitContext): Emitted;
}

export interface ResolvedCall {
  readonly args: readonly Resolved[];
  readonly dataType: DataType;
  readonly nullable: boolean;
}

/** Where a function's code is written, and what it may ask for. */
export interface EmitContext {
  readonly writer: CodeWriter;
  readonly settings: ExpressionSettings;
  emit(expression: Resolved): Emitted;
  /** An input column by ordinal. */
  field(ordinal: number): Emitted;
  /** Text of the batch's fixed time, microseconds (current_timestamp). */
  readonly batchTimeUs: string;
}
