import type { CodeWriter, Emitted } from "../codegen/code.ts";
import type { CallOptions } from "../columns/expression.ts";
import type { ExpressionSettings, Resolved } from "../columns/resolved.ts";
import type { DataType } from "../types/data-type.ts";

/**
 * One cell of an aggregate's buffer. `double` cells live in a Float64Array of the state, `value` cells in a plain array (bigint sums that
 * overflow, strings, lists); a snapshot writes either by `dataType`.
 */
export interface AggregateSlot {
  readonly name: string;
  readonly storage: "double" | "value";
  readonly dataType: DataType;
  /** JavaScript text of the start value: "0", "null", "[]". */
  readonly initial: string;
}

/** One aggregate function of Spark SQL. */
export interface AggregateEntry {
  readonly name: string;
  readonly doc: string;
  resolve(args: readonly Resolved[], options: CallOptions, settings: ExpressionSettings): ResolvedAggregate;
}

/** An aggregate call after analysis: its buffer, and the code that folds a row in, merges two buffers (sessions, partial results) and reads the result. */
export interface ResolvedAggregate {
  readonly dataType: DataType;
  readonly nullable: boolean;
  readonly args: readonly Resolved[];
  readonly slots: readonly AggregateSlot[];
  /** `slots[i]` is assignable text (`sum[g]`); `args[i]` has been emitted. Null arguments are the function's own business. */
  update(slots: readonly string[], args: readonly Emitted[], writer: CodeWriter): void;
  /** Folds the buffer `other` into `slots`. */
  merge(slots: readonly string[], other: readonly string[], writer: CodeWriter): void;
  result(slots: readonly string[], writer: CodeWriter): Emitted;
}
