import type { Expression, NamedExpression } from "../columns/expression.ts";
import type { Row, StructType } from "../types/data-type.ts";

/**
 * Every shape that a query can have, on one screen. A plan is plain JSON-serialisable data; API calls only build bigger plans, and what walks
 * a plan (check, explain, compile, translate) lives elsewhere.
 */
export type Plan =
  | { readonly op: "source"; readonly format: string; readonly options: Options; readonly schema: StructType; readonly streaming: boolean }
  | { readonly op: "local"; readonly schema: StructType; readonly rows: readonly Row[] }
  | { readonly op: "watermark"; readonly input: Plan; readonly column: string; readonly delay: string }
  | { readonly op: "filter"; readonly input: Plan; readonly condition: Expression }
  | { readonly op: "project"; readonly input: Plan; readonly columns: readonly NamedExpression[] }
  | {
      readonly op: "aggregate";
      readonly input: Plan;
      readonly groupBy: readonly NamedExpression[];
      readonly aggregates: readonly NamedExpression[];
      /** `sets`: GROUPING SETS, each the places of the keys that it keeps. */
      readonly grouping: "plain" | "rollup" | "cube" | "sets";
      readonly sets?: readonly (readonly number[])[];
    }
  | { readonly op: "deduplicate"; readonly input: Plan; readonly columns: readonly string[]; readonly withinWatermark: boolean }
  | { readonly op: "join"; readonly left: Plan; readonly right: Plan; readonly type: JoinType; readonly condition?: Expression }
  | { readonly op: "union" | "intersect" | "except"; readonly left: Plan; readonly right: Plan }
  | { readonly op: "sort"; readonly input: Plan; readonly by: readonly SortKey[] }
  | { readonly op: "limit" | "offset"; readonly input: Plan; readonly n: number }
  | { readonly op: "sample"; readonly input: Plan; readonly fraction: number }
  | { readonly op: "observe"; readonly input: Plan; readonly name: string; readonly aggregates: readonly NamedExpression[] };

export type JoinType = "inner" | "left" | "right" | "full" | "semi" | "anti" | "cross";
export type SortKey = { readonly expr: Expression; readonly descending: boolean; readonly nullsFirst: boolean };
export type Options = Readonly<Record<string, string>>;
export type OutputMode = "append" | "update" | "complete";
