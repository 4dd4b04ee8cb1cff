import type { DataType } from "../types/data-type.ts";

/**
 * An expression as a user wrote it: plain JSON-serialisable data, names not yet resolved, types not yet known.
 * Every function and operator is a `call` by Spark SQL's name ("+", "and", "=", "upper", "from_json", "window"); what it means stands
 * in one entry of the function registry and nowhere else.
 */
export type Expression =
  | { readonly kind: "column"; readonly path: readonly string[] }
  | { readonly kind: "literal"; readonly value: LiteralValue; readonly dataType: DataType }
  | { readonly kind: "call"; readonly fn: string; readonly args: readonly Expression[]; readonly options?: CallOptions }
  | { readonly kind: "cast"; readonly input: Expression; readonly to: DataType; readonly mode: "cast" | "try" }
  | { readonly kind: "case"; readonly branches: readonly (readonly [Expression, Expression])[]; readonly otherwise?: Expression }
  | { readonly kind: "over"; readonly fn: string; readonly args: readonly Expression[] }
  /** `(x, i) -> body`, an argument of a higher-order function such as transform. */
  | { readonly kind: "lambda"; readonly parameters: readonly string[]; readonly body: Expression }
  /** A parameter of a lambda around it. */
  | { readonly kind: "variable"; readonly name: string };

/** JSON-safe: decimals, and integers beyond 2^53, as decimal text; timestamps in microseconds; binary as base64. */
export type LiteralValue = null | boolean | number | string;

/** What a function takes beside its arguments. */
export type CallOptions = {
  /** from_json, from_csv: the schema of the result. */
  readonly schema?: DataType;
  /** from_json and its kin: Spark's reader options. */
  readonly options?: Readonly<Record<string, string>>;
  /** Aggregates: `count(distinct x)`. */
  readonly distinct?: boolean;
  /** After analysis, of a call with lambdas: the ids of the parameters of each argument that is a lambda. */
  readonly lambdas?: readonly (readonly string[] | null)[];
  /** After analysis, of a lambda's parameter: its id. */
  readonly variable?: string;
};

/** An expression and the name of the column that it makes. */
export type NamedExpression = { readonly name: string; readonly expr: Expression };
