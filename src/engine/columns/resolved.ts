import type { DataType } from "../types/data-type.ts";
import type { FunctionEntry } from "../functions/function-entry.ts";
import type { DriftLog } from "../functions/json/drift.ts";
import type { CallOptions } from "./expression.ts";

/** An expression after analysis: every name is an ordinal of the input's schema, every node knows its type, casts are explicit. */
export type Resolved = { readonly dataType: DataType; readonly nullable: boolean } & (
  | { readonly kind: "field"; readonly ordinal: number; readonly name: string }
  /** `value` is in the engine's own representation (see data-type.ts). */
  | { readonly kind: "literal"; readonly value: unknown }
  | { readonly kind: "call"; readonly entry: FunctionEntry; readonly args: readonly Resolved[]; readonly options: CallOptions }
  | { readonly kind: "cast"; readonly input: Resolved; readonly mode: "cast" | "try" }
  | { readonly kind: "case"; readonly branches: readonly (readonly [Resolved, Resolved])[]; readonly otherwise?: Resolved }
  | { readonly kind: "getField"; readonly input: Resolved; readonly ordinal: number; readonly name: string }
);

/** Settings of a session that change what an expression means; kept in the offset log so that a restart means the same. */
export interface ExpressionSettings {
  /** spark.sql.ansi.enabled: overflow, bad casts and division by zero stop the query. */
  readonly ansi: boolean;
  /** spark.sql.codegen.byteScanners: false makes strings of raw columns first and reads those by the full rules, with the same answers. */
  readonly byteScanners?: boolean;
  /** Where from_json counts how records differ from their schema; absent outside of a query's stages. */
  readonly drift?: DriftLog;
}
