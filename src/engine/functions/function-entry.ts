import type { CodeWriter, Emitted } from "../codegen/code.ts";
import type { CallOptions } from "../columns/expression.ts";
import type { ExpressionSettings, Resolved } from "../columns/resolved.ts";
import type { DataType, StructField } from "../types/data-type.ts";
import type { LambdaParameter } from "./lambda.ts";

/** A call after analysis, as entries get it. */
export type ResolvedCallNode = Extract<Resolved, { kind: "call" }>;

/** One scalar function or operator of Spark SQL: its type rule, its emitter, its line of documentation. */
export interface FunctionEntry {
  /** Spark SQL's name, lower case: "upper", "+", "and". */
  readonly name: string;
  readonly doc: string;
  /** Checks and converts the arguments (implicit casts become explicit nodes) and tells the result's type. Throws AnalysisError. */
  resolve(args: readonly Resolved[], options: CallOptions, settings: ExpressionSettings): ResolvedCall;
  /**
   * Present on functions that take lambdas: what the parameters of the lambda at `at` stand for, by the arguments before it (lambdas by their
   * bodies). Answers undefined where no lambda belongs there.
   */
  lambda?(args: readonly Resolved[], at: number): readonly LambdaParameter[] | undefined;
  /** Writes what is needed before the result can be named. Arguments are emitted by `context.emit`, when and if the function needs them. */
  emit(call: ResolvedCallNode, context: EmitContext): Emitted;
  /**
   * Scalar replacement: emits one field of a struct result without building the struct. Where it is missing, or gives undefined,
   * the struct is made and the field taken from it.
   */
  emitField?(call: ResolvedCallNode, ordinal: number, context: EmitContext): Emitted | undefined;
  /** Present on functions whose text lies as bytes where their argument's does: where those begin and end. Undefined where they have to be made. */
  emitRaw?(call: ResolvedCallNode, context: EmitContext): RawText | undefined;
  /**
   * Present on functions that give any number of rows for one (explode and its kin; window and session_window). Such a call is only allowed
   * where the plan has an operator for it, as a whole column of a projection or as a grouping key: `emit` is never called.
   */
  readonly generator?: Generator;
  /** True for functions whose two calls may differ (rand): never computed once for two places. */
  readonly volatile?: boolean;
}

/** How a generator makes its rows. */
export interface Generator {
  /** "rows": explode and its kin. "window": the rows of a time window, made by the window operators, which read the call by `windowSpec`. */
  readonly kind: "rows" | "window" | "session";
  /** The columns of the rows: one, named "col", for explode of an array; key and value of a map; pos besides. */
  columns(call: ResolvedCallNode): readonly StructField[];
  /** Writes the loop (or the branch) that calls `each` once per row with the columns' values; "rows" only. */
  emitRows?(call: ResolvedCallNode, context: EmitContext, each: (values: readonly FieldBinding[]) => void): void;
}

export interface ResolvedCall {
  readonly args: readonly Resolved[];
  readonly dataType: DataType;
  readonly nullable: boolean;
  /** What the call keeps besides; the options as written when absent. */
  readonly options?: CallOptions;
}

/** Bytes of a block, UTF-8 where they are text: `buffer` is the text of a node Buffer, `start` and `end` texts of positions in it, start < 0 for a null. */
export interface RawText {
  readonly buffer: string;
  readonly start: string;
  readonly end: string;
  /** False where it is never null. */
  readonly nullable?: boolean;
}

/** What an input column is bound to while code is written. */
export type FieldBinding =
  /** Text that is there already. */
  | { readonly kind: "value"; readonly emitted: Emitted }
  /** Read at its first use and then kept. */
  | { readonly kind: "read"; readonly emit: () => Emitted }
  /** A binary column, or a text (`text`), that lies as bytes in a block. Functions that can read bytes do; others get a copy, or the text decoded. */
  | ({ readonly kind: "bytes"; readonly text?: true } & RawText)
  /** A column of a projection, computed in the projection's context at its first use. */
  | { readonly kind: "expression"; readonly expression: Resolved; readonly context: EmitContext };

/** Where a function's code is written, and what it may ask for. */
export interface EmitContext {
  readonly writer: CodeWriter;
  readonly settings: ExpressionSettings;
  emit(expression: Resolved): Emitted;
  /**
   * What `make` emits, written once per row for all places of the current block and the blocks in it that ask for the same key. `name`: what the
   * local is called.
   */
  once(key: string, make: () => Emitted, name?: string): Emitted;
  /** An input column by ordinal. */
  field(ordinal: number): Emitted;
  /** What an input column is bound to. */
  binding(ordinal: number): FieldBinding;
  /** The expression behind a column of a projection, and the context to emit it in; the expression itself if it is no such column. */
  origin(expression: Resolved): { readonly expression: Resolved; readonly context: EmitContext };
  /** Text of the batch's fixed time, microseconds (current_timestamp). */
  readonly batchTimeUs: string;
  /** Text of a number that differs from one run of a batch to the next (rand begins anew). */
  readonly batchNumber: string;
  /**
   * Present when the query keeps dead letters: called once per from_json or from_csv of a stage, inside the branch that is taken for a record that is malformed or has no value;
   * `reason` is the text of a string. It writes what the stage does with the row, as a rule a call and `continue`.
   */
  readonly malformed?: (reason: string) => void;
  /** What emitters share within one stage, by a key of their own. */
  readonly shared: Map<string, unknown>;
}
